"""Files of rows: which formats there are, where they lie, and how they are read and written piece by piece.

The formats stand for themselves, as `file_format=Csv(delimiter=";")`. The other modules import pyarrow.
"""

from __future__ import annotations

from sqlspec.storage.formats import Arrow, Csv, FileFormat, JsonLines, Parquet

__all__ = ("Arrow", "Csv", "FileFormat", "JsonLines", "Parquet")

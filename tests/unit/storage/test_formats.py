"""Names of files, and what they say of a format."""

from __future__ import annotations

from typing import Any

import pytest

from sqlspec.exceptions import ParameterError
from sqlspec.storage.formats import Arrow, Csv, JsonLines, Parquet, file_format_of, outer_compression


@pytest.mark.parametrize(
    ("name", "found", "compression"),
    [
        ("a/b.parquet", Parquet(), None),
        ("B.CSV", Csv(), None),
        ("b.csv.gz", Csv(), "gzip"),
        ("b.feather", Arrow(), None),
        ("b.ipc.zst", Arrow(), "zstd"),
        ("b.arrow.lz4", Arrow(), "lz4"),
        ("b.ndjson.bz2", JsonLines(), "bz2"),
        ("b.csv.jsonl", JsonLines(), None),
    ],
)
def test_a_name_tells_the_format(name: str, found: Any, compression: str | None) -> None:
    assert file_format_of(name, None) == found
    assert outer_compression(name) == compression


@pytest.mark.parametrize("name", ["csv", "a.json", "a.gz", "a.csv.zip", ""])
def test_other_names_do_not(name: str) -> None:
    with pytest.raises(ParameterError, match="pass file_format="):
        file_format_of(name, None)
    assert file_format_of(name, "csv") == Csv()
    assert file_format_of(name, Parquet("snappy")) == Parquet("snappy")


@pytest.mark.parametrize("given", ["CSV", "xml", 5])
def test_unknown_formats_are_refused(given: Any) -> None:
    with pytest.raises(ParameterError, match="one of parquet, csv, arrow, jsonl"):
        file_format_of("a.csv", given)


@pytest.mark.parametrize(
    "options",
    [{"delimiter": ""}, {"delimiter": '"'}, {"delimiter": "é"}, {"null": "a,b"}, {"null": '"'}, {"encoding": "none"}],
)
def test_impossible_dialects_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="of CSV must be"):
        Csv(**options)

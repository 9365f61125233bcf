"""pyarrow's kernels as an object of no type: it makes them when it is imported, where no type checker sees them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

__all__ = ("pc",)

pc: Any = pyarrow.compute

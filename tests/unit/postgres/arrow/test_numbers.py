"""Numbers that a column has no place for: what is said of them, with advice that helps."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.exceptions import DataError
from tests.unit.postgres.arrow.tables import convert, numeric

LARGE = "the number has more digits before the point than numeric(5,2) has room for"
FINE = "the number does not fit numeric(5,2) exactly; round=True rounds what is behind the point"
INFINITE = "numeric(5,2) has no infinity; make it NULL"


@pytest.mark.parametrize(
    ("array", "reason", "rounded"),
    [
        (pa.array([1, 2**62]), LARGE, LARGE),
        (pa.array(["1", "abc"]), "the text is no decimal number", None),
        (pa.array(["1", "Infinity"]), INFINITE, INFINITE),
        (pa.array([1.0, -math.inf]), INFINITE, INFINITE),
        (pa.array([None, 1e300]), LARGE, LARGE),
        (pa.array(["NaN", " 1000 "]), LARGE, LARGE),
        (pa.array(["1", "1.001"]), FINE, None),
        (pa.array([1.5, 0.125]), FINE, None),
        (pa.array(["0", "999.995"]), LARGE, LARGE),
        (pa.array(["nan", "999.9949"]), FINE, None),
        (pa.array([Decimal("1.000"), Decimal("999.994")]), FINE, None),
        (pa.array([Decimal("1.000"), Decimal("999.995")]), LARGE, LARGE),
        (pa.array([Decimal("1.000"), Decimal("-99999.995")]), LARGE, LARGE),
    ],
)
def test_the_reason_advises_rounding_only_where_it_helps(array: Any, reason: str, rounded: str | None) -> None:
    for options, wanted in (({}, reason), ({"round": True}, rounded)):
        if wanted is None:
            assert len(convert(array, 1700, numeric(5, 2), **options)) == 2
            continue
        with pytest.raises(DataError) as caught:
            convert(array, 1700, numeric(5, 2), **options)
        assert str(caught.value) == f"cannot load column 'x': row 1 of the source does not fit: {wanted}"


@pytest.mark.parametrize(
    ("values", "oid"),
    [
        (pa.array([0, 2**53 + 1, 2**53], pa.int64()), 701),
        (pa.array([2**53 + 2, 2**63 - 1], pa.int64()), 701),
        (pa.array([2**63, 2**64 - 1], pa.uint64()), 701),
        (pa.array([-(2**63), 1 - 2**63], pa.int64()), 700),
        (pa.array([2**31, 2**32 - 1], pa.uint32()), 700),
        (pa.array([None, 2**24 + 1], pa.int32()), 700),
        (pa.array([0.0, 1e-300]), 700),
        (pa.array([Decimal(0), Decimal("1e-60")], pa.decimal256(70, 60)), 700),
        (pa.array([-0.0, -5e-324, math.nan, None]), 700),
    ],
)
def test_what_a_float_would_change_altogether_is_refused(values: Any, oid: int) -> None:
    with pytest.raises(DataError, match="row 1 of the source does not fit: float.*round=True"):
        convert(values, oid)
    assert convert(values, oid, round=True).to_pylist()[0] == values[0].as_py()

"""What the Arrow benchmark concludes from its figures, and how it tells a right result from a wrong one."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.arrow import page
from benchmarks.arrow.compare import difference
from benchmarks.arrow.contestants import AGAIN, BASELINE
from benchmarks.arrow.data import DATA_SETS, STREAM
from benchmarks.arrow.report import case_rows
from benchmarks.arrow.results import FLOOR, Case, Measured, speedup, verdicts


def case(data: str, **seconds: float) -> Case:
    """Return a case in which ADBC took a second, and others what is given."""
    found = {BASELINE.name: [1.0], **{name: [value] for name, value in seconds.items()}}
    return Case("load", data, 1000, 10_000_000, {name: Measured(values) for name, values in found.items()})


def test_a_speedup_is_that_of_the_medians() -> None:
    one = case("narrow")
    one.found["asyncpg"] = Measured([0.5, 0.4, 9.0])
    assert speedup(one, "asyncpg") == 2.0
    assert speedup(one, "psycopg") is None


def test_the_spread_is_half_the_distance_of_the_quartiles() -> None:
    assert Measured([1.0, 2.0, 3.0, 4.0, 5.0]).spread == pytest.approx(1 / 3)
    assert Measured([1.0]).spread == 0.0


@pytest.mark.parametrize(
    ("narrow", "text", "met"),
    [
        (0.5, 0.5, True),  # twice as fast in both; asyncpg has to be 1.5 times as fast
        (0.8, 0.5, True),  # 1.25 and 2: the mean is 1.58, and the least is above 1.2
        (0.9, 0.2, False),  # 1.11 is too little, whatever the mean
        (0.7, 0.7, False),  # 1.43
    ],
)
def test_a_bar_is_met_by_the_mean_and_nearly_by_each_data_set(narrow: float, text: float, met: bool) -> None:
    (_, verdict) = verdicts([case("narrow", asyncpg=narrow), case("text", asyncpg=text)], "load")
    assert (verdict.contestant, verdict.bar, verdict.met) == ("asyncpg", 1.5, met)
    assert verdict.mean == pytest.approx((1 / narrow / text) ** 0.5)


@pytest.mark.parametrize("again", [1.1, 1 / 1.1])
def test_noise_counts_in_favour(again: float) -> None:
    cases = [case(name, asyncpg=0.7, **{AGAIN.name: again}) for name in ("narrow", "text")]
    assert {one.contestant: one.met for one in verdicts(cases, "load")}["asyncpg"]


def test_who_failed_in_one_case_has_no_verdict() -> None:
    failed = case("text")
    failed.found["asyncpg"] = Measured(error="DataError: no")
    assert [one.contestant for one in verdicts([case("narrow", asyncpg=1), failed], "load")] == [BASELINE.name]
    assert ["asyncpg", "failed"] in case_rows(failed)[1]


def test_a_table_of_a_case_compares_with_the_server_too() -> None:
    _, rows = case_rows(case("narrow", asyncpg=0.5, **{FLOOR: 0.25}))
    assert rows[1] == ["asyncpg", "0.500", "±0%", "", "20", "0.00", "2.00", "2.00", ""]


TABLE = pa.table({"id": [0, 1, 2], "price": pa.array([Decimal("1.50"), None, Decimal("2.00")], pa.decimal128(12, 2))})


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (TABLE, ""),
        (TABLE.take([2, 0, 1]), ""),
        (TABLE.set_column(1, "price", TABLE["price"].cast(pa.decimal128(38, 10))), ""),
        (TABLE.set_column(1, "price", pa.array(["1.50", None, "2.00"])), ""),
        (TABLE.slice(1), "2 rows, expected 3"),
        (TABLE.rename_columns(["id", "cost"]), "columns ['id', 'cost'], expected ['id', 'price']"),
        (TABLE.set_column(1, "price", pa.array([1.5, 0.0, 2.0])), "column price: other values"),
        (TABLE.set_column(1, "price", pa.array(["1.50", "", "2.00"])), "column price: string"),
    ],
)
def test_a_comparison_sees_values_and_no_types(found: pa.Table, complaint: str) -> None:
    assert difference(found, TABLE).startswith(complaint)
    assert bool(difference(found, TABLE)) == bool(complaint)


def test_the_data_is_the_same_every_time_and_has_its_gaps() -> None:
    for data in DATA_SETS:
        table, types = data.table(2000)
        assert table.equals(data.table(2000)[0])
        assert (table.num_rows, table.column_names) == (2000, list(types))
        assert table["id"].to_pylist() == list(range(2000))
        nulls = [column.null_count for column in table.columns[1:]]
        assert all(100 < count < 300 for count in nulls) if data.name == "wide" else not any(nulls)
        table.validate(full=True)
    assert sum(batch.num_rows for batch in STREAM.batches(100_000)) == 100_000
    assert np.array_equal(next(STREAM.batches(3))["value"], [0, 0.25, 0.5])


def test_the_page_takes_what_was_measured_and_keeps_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.md"
    path.write_text(page.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(page, "PAGE", path)
    about = {"date": "today", "rounds": 9, "cores": 2, "processor": "x", "server": "18", "python": "3", "packages": {}}
    page.write([case("narrow", asyncpg=0.5, **{FLOOR: 0.25})], [], about)
    text = path.read_text(encoding="utf-8")
    assert "| asyncpg | 2.00 | 2.00 | 1.5 | yes |" in text
    assert "Measured on today with 9 rounds on 2 cores" in text
    page.write([], [], about)
    assert path.read_text(encoding="utf-8") == text

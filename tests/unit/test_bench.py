"""How the benchmark decides who is next, what it reduces times to, and what it concludes from them."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import report
from benchmarks.__main__ import pace_sentence
from benchmarks.bars import BARS
from benchmarks.book import Bar, Book, Claim, Ref, difference, quicker, times
from benchmarks.cases import AGAIN, RAW, all_cases
from benchmarks.contestants import CONTESTANTS, by_name
from benchmarks.contestants.base import AsyncContestant, NotOfferedError, SyncContestant
from benchmarks.data import COLUMNS, QUERIES, batch, batch_sql, sample
from benchmarks.harness.environments import ROOT, pinned
from benchmarks.harness.numbers import Figure, noise, spread
from benchmarks.harness.page import fill, table
from benchmarks.harness.serve import serve
from benchmarks.harness.timing import Call, Rounds, pace, take, take_async
from benchmarks.store import Store, fingerprint
from benchmarks.worker import Worker

CASES = {case.name: case for case in all_cases()}


# -- rounds and blocks --------------------------------------------------------------------------------------


def ticking(step: float) -> Callable[[], float]:
    """Return a clock that goes on by a step at each look."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    return clock


def test_everybody_has_a_turn_in_each_round_in_changing_order() -> None:
    order = list(Rounds("abc", seconds=20, least=1, clock=ticking(1)))
    rounds = [order[begin : begin + 3] for begin in range(0, len(order), 3)]
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len({tuple(one) for one in rounds}) > 1


def test_rounds_end_with_the_time_but_not_before_the_least_number() -> None:
    assert len(list(Rounds("ab", seconds=0, least=3))) == 6
    assert len(list(Rounds("ab", seconds=10, least=3, clock=ticking(1)))) == 2 * 9 + 2 * 3


def test_who_has_failed_is_left_out_at_once() -> None:
    rounds = Rounds("ab", seconds=0, least=2)
    seen = []
    for name in rounds:
        seen.append(name)
        if name == "a":
            rounds.drop("a")
    assert sorted(seen) == ["a", "b", "b"]
    assert list(Rounds((), seconds=1, least=5)) == []


@pytest.mark.parametrize("is_async", [False, True])
def test_a_block_is_so_many_calls_between_what_is_not_measured(is_async: bool) -> None:
    log: list[str] = []

    def noting(text: str) -> Any:
        async def later() -> None:
            log.append(text)

        return later if is_async else lambda: log.append(text)

    calls = {"one": Call(noting("run"), noting("before"), noting("after"))}
    rounds = Rounds(calls, seconds=0, least=2)
    if is_async:
        asyncio.run(take_async(calls, rounds, 3))
    else:
        take(calls, rounds, 3)
    assert log == ["before", "run", "run", "run", "after"] * 2
    assert len(rounds.seconds["one"]) == len(rounds.cpu["one"]) == 2


# -- figures ------------------------------------------------------------------------------------------------


def test_a_figure_is_the_median_with_half_the_distance_of_the_quartiles() -> None:
    figure = Figure.of("case", "who", [1.0, 2.0, 3.0, 4.0, 5.0], [0.5, 0.7, 9.0], "call")
    assert (figure.median, figure.cpu, figure.rounds, figure.call) == (3.0, 0.7, 5, "call")
    assert figure.spread == pytest.approx(1 / 3)
    assert Figure.of("case", "who", [1.0]).cpu is None
    assert (spread([1.0]), spread([0.0, 0.0])) == (0.0, 0.0)
    assert noise(0.8) == noise(1.25) == 1.25


A, B, LOST = Ref("case", "a"), Ref("case", "b"), Ref("case", "lost")
BOOK = Book(
    [
        Figure("case", "a", median=30e-6, rounds=5),
        Figure("case", "b", median=20e-6, rounds=5),
        Figure("case", "lost", error="no"),
    ]
)


def test_a_run_says_how_fast_the_machine_was() -> None:
    assert 1e-9 < pace() < 1e-4
    assert "took 40 ns (30 to 90 during the run)" in pace_sentence([30e-9, 90e-9, 40e-9])
    assert pace_sentence([]) == "Nothing was measured anew."


def test_figures_are_compared_where_both_were_measured() -> None:
    assert difference(A, B)(BOOK) == pytest.approx(10)
    assert times(A, B)(BOOK) == pytest.approx(1.5)
    assert quicker([A, B, LOST], than=A)(BOOK) == pytest.approx(1.5)
    assert BOOK.least([LOST]) is None
    assert [value(BOOK) for value in (difference(A, LOST), times(LOST, A), quicker([], A))] == [None] * 3
    assert BOOK.failed(LOST)
    assert not BOOK.failed(A)


def test_a_bar_is_met_on_the_right_side_of_its_limit() -> None:
    most = Bar("", "", "", times(A, B), 1.5, True, "{}")
    assert most.met(1.5)
    assert not most.met(1.51)
    assert most._replace(at_most=False).met(1.51)


def test_a_claim_is_shown_with_what_was_measured() -> None:
    lines = [
        Claim("faster", "9x", A, B, (A, B)),
        Claim("time", "1 us", None, None, (A,), absolute=True, less={A: B}),
        Claim("nobody", "2x", A, None, (LOST,)),
    ]
    assert report.claims(BOOK, "name", "title", lines).rows == [
        ["faster", "9x", "1.50x", "1.50x", "b"],
        ["time", "1 us", "", "10.0 us", "a"],
    ]
    assert report.duration(0.0123) == "12.30 ms"


# -- what is measured ---------------------------------------------------------------------------------------


def refs() -> list[Ref]:
    """Return every figure that a published line is made of."""
    found = []
    for seed in report.SEEDS.values():
        for line in seed.CLAIMS:
            found += [one for one in (line.over, line.theirs, *line.ours, *line.less.values()) if one is not None]
    return found


class Asking(Book):
    """A book without figures that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__([])
        self.asked: list[Ref] = []

    def median(self, ref: Ref) -> float | None:
        self.asked.append(ref)
        return 1.0


def test_bars_and_claims_name_cases_contestants_and_calls_that_exist() -> None:
    asking = Asking()
    for bar in BARS:
        bar.value(asking)
    names = {one.name: one for one in CONTESTANTS}
    for ref in (*refs(), *asking.asked):
        case = CASES[ref.case]
        assert ref.call in case.calls, ref
        assert ref.contestant in case.only if case.only else names[ref.contestant].always, ref


def test_cases_are_complete() -> None:
    for case in CASES.values():
        by_name(*case.only)
        assert case.block > 0
        assert case.least > 0
        if case.kind == "overhead":
            assert case.baseline in case.calls
            assert (RAW in case.calls) == (AGAIN in case.calls)
        else:
            assert len(case.calls) == 1
    assert any(not case.quick for case in CASES.values())


def test_every_operation_belongs_to_somebody() -> None:
    readme = (ROOT / "benchmarks" / "contestants" / "base.py").read_text(encoding="utf-8")
    for case in CASES.values():
        for what in case.calls.values():
            assert f"| `{what.operation}(" in readme, what


def test_the_page_has_a_place_for_each_table() -> None:
    page = (ROOT / "docs" / "explanation" / "speed.md").read_text(encoding="utf-8")
    source = (ROOT / "benchmarks" / "report.py").read_text(encoding="utf-8")
    for name in re.findall(r"<!-- measured: ([\w-]+) -->", page):
        assert name in ("machine", "picture") or name.startswith("many-") or f'"{name}"' in source, name


def test_statements_have_the_placeholders_of_a_driver() -> None:
    assert batch_sql("update", "${n}").endswith("set name = $1, score = $2 where id = $3")
    assert batch_sql("update", ":{name}").endswith("set name = :name, score = :score where id = :id")
    assert "values (%s, %s, %s, %s, %s)" in batch_sql("insert", "%s")
    for verb, names in COLUMNS.items():
        assert {len(row) for row in batch(verb, 3)} == {len(names)}


def test_results_are_compared_whatever_a_row_is() -> None:
    row = {"id": 1, "name": "n", "score": 0.5, "active": True}
    expected = sample("one", [[1, "n", 0.5, True]])
    assert (expected["rows"], expected["first"]) == (1, [1, "n", 0.5, True])
    attributes = type("Row", (), row)()
    assert all(sample("one", [one]) == expected for one in (row, tuple(row.values()), attributes))
    assert sample("one", [row, {**row, "id": 2}, row]) != sample("one", [row, {**row, "id": 3}, row])
    assert QUERIES["one"].sql("$1").endswith("where id = $1")


# -- processes ----------------------------------------------------------------------------------------------


class Fake(SyncContestant):
    """A contestant without a server."""

    def execute(self, sql: str) -> None:
        """Do nothing."""

    def select(self, query: str, parameter: Any, target: str) -> Call:
        if target == "tuple":
            raise NotOfferedError
        if target == "broken":
            raise ValueError("broken")
        return Call(lambda: [(parameter, "n", 0.5, True)] * 2)

    def raw(self) -> Fake:
        return Fake("", connection=1)


class AsyncFake(AsyncContestant):
    """The same with calls to await."""

    async def open(self) -> None:
        self.connection = asyncio.get_running_loop()

    async def select(self, query: str, parameter: Any, target: str) -> Call:
        async def run() -> Any:
            return [(parameter, "n", 0.5, True)] * 2

        return Call(run)


def asked(requests: list[dict[str, Any]]) -> list[Any]:
    """Return the answers of a worker."""
    answers = io.StringIO()
    serve(Worker, io.StringIO("\n".join(map(json.dumps, requests))), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


@pytest.mark.parametrize("kind", ["Fake", "AsyncFake"])
def test_a_worker_prepares_measures_and_forgets(kind: str) -> None:
    one = {"operation": "select", "arguments": {"query": "one", "parameter": 5, "target": "dict"}}
    opened, prepared, block, rounds, forgotten = asked(
        [
            {"do": "open", "factory": f"{__name__}:{kind}", "argument": "", "dsn": ""},
            {"do": "prepare", "call": "a", **one},
            {"do": "block", "call": "a", "block": 3},
            {"do": "interleave", "calls": ["a"], "block": 2, "seconds": 0, "least": 4},
            {"do": "forget"},
        ]
    )
    assert set(opened["result"]) == {"import", "connect"}
    assert prepared["result"]["offered"]
    assert prepared["result"]["result"] == sample("one", [(5, "n", 0.5, True)] * 2)
    assert block["result"]["seconds"] > 0
    assert len(rounds["result"]["seconds"]["a"]) == 4
    assert forgotten == {"result": None}


def test_a_worker_tells_what_is_not_offered_from_what_fails() -> None:
    def prepare(operation: str, target: str, **more: Any) -> dict[str, Any]:
        arguments = {"query": "one", "parameter": 5, "target": target}
        return {"do": "prepare", "call": "a", "operation": operation, "arguments": arguments, **more}

    _, missing, refused, failed, raw = asked(
        [
            {"do": "open", "factory": f"{__name__}:Fake", "argument": "", "dsn": ""},
            prepare("nothing", "dict"),
            prepare("select", "tuple"),
            prepare("select", "broken"),
            prepare("select", "dict", raw=True),
        ]
    )
    assert missing == refused == {"result": {"offered": False}}
    assert failed == {"error": "ValueError: broken"}
    assert raw["result"]["offered"]


def test_a_package_without_version_has_that_of_this_process() -> None:
    assert pinned("adbc==1") == "adbc==1"
    assert re.fullmatch(r"psycopg\[binary\]==3\.\d+\.\d+", pinned("psycopg[binary]"))


# -- files --------------------------------------------------------------------------------------------------


def test_a_run_goes_on_where_it_was_stopped_with_the_same_code(tmp_path: Path) -> None:
    path, figures = tmp_path / "figures.json", [Figure("one", "a", median=1.0)]
    Store(path, {"code": 1}, resume=False).put("one", figures)
    again = Store(path, {"code": 1}, resume=True)
    assert again.has("one")
    assert not again.has("two")
    assert again.figures() == figures
    assert not Store(path, {"code": 2}, resume=True).has("one")
    assert not Store(path, {"code": 1}, resume=False).has("one")
    assert fingerprint("benchmarks") == fingerprint("benchmarks") != fingerprint("sqlspec")


def test_a_page_takes_what_was_measured_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    mark = "<!-- measured: {} -->\nold\n<!-- end of measured -->\n"
    path.write_text(f"# Title\n{mark.format('a')}{mark.format('b')}end\n", encoding="utf-8")
    for _ in range(2):
        fill(path, {"a": table(("", "us"), [["x", "1.0"], ["y"]])})
    text = path.read_text(encoding="utf-8")
    assert "<!-- measured: a -->\n\n|  | us |\n| --- | ---: |\n| x | 1.0 |\n| y |  |\n\n<!-- end" in text
    assert mark.format("b") in text
    assert text.startswith("# Title\n")
    assert text.endswith("end\n")

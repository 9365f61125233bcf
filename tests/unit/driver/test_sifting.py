"""Dividing of ranges, and what the errors of a server tell of rows, without a server."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pyarrow as pa
import pytest

from sqlspec.driver._async_sifting import AsyncSieve, AsyncTrial, Range, sift
from sqlspec.driver._blame import line_of, suspect
from sqlspec.driver._sifting import Block, Fault, Held, Spool, ascending, faults, runs, shown
from sqlspec.exceptions import CONDITIONS, ErrorInfo, is_fault_of_row

CHECK, UNIQUE = CONDITIONS["check_violation"], CONDITIONS["unique_violation"]


class Refused(Exception):
    """Stands for an error of a driver."""


class Server:
    """Knows what was done since the savepoint, and undoes it."""

    native_errors = (Refused,)

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.done: list[int] = []
        self.saved = 0
        self.attempts = 0

    async def execute_script(self, text: str) -> None:
        if text.startswith("ROLLBACK TO"):
            del self.done[self.saved :]
        elif text.rpartition("\n")[2].startswith("SAVEPOINT"):
            self.saved = len(self.done)

    def is_broken(self, error: BaseException) -> bool:
        return False

    def error_info(self, error: BaseException) -> ErrorInfo:
        return ErrorInfo(*error.args)

    def send(self, positions: range | list[int]) -> int:
        self.attempts += 1
        for position in positions:
            self.done.append(position)
            if position in self.bad:
                raise Refused(f"row {position}", CHECK)
        return len(positions)


class Sieve(AsyncSieve[int]):
    """Rows that the server above takes or refuses; `hint` tells which row is to blame, truly or not."""

    def __init__(self, server: Server, hint: Any = None) -> None:
        self.server = server
        self.hint = hint
        self.aside: list[int] = []
        self.held_back: set[int] = set()

    @property
    def rejected(self) -> int:
        return len(self.aside)

    @property
    def part(self) -> int:
        return 64

    async def attempt(self, start: int, stop: int) -> int:
        return self.server.send([at for at in range(start, stop) if at not in self.held_back])

    def reject(self, position: int, info: ErrorInfo) -> None:
        assert info.message == f"row {position}"
        self.aside.append(position)

    def place(self, start: int, stop: int, info: ErrorInfo) -> int | None:
        alive = [at for at in range(start, stop) if at not in self.held_back]
        return self.hint(alive, int(info.message.split()[1])) if self.hint else None

    def hold_back(self, position: int) -> None:
        self.held_back.add(position)

    async def attempt_alone(self, position: int) -> int:
        return self.server.send([position])


def run(server: Any, sieve: Sieve, count: int) -> list[int]:
    return asyncio.run(sift(AsyncTrial(server), sieve, [Range(0, count)]))


HINTS: dict[str, Any] = {
    "none": None,
    "true": lambda alive, bad: bad,
    "wrong": lambda alive, bad: random.Random(bad + len(alive)).choice(alive),
    "sometimes": lambda alive, bad: bad if bad % 2 else None,
}


@pytest.mark.parametrize("hint", HINTS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.05, 0.5, 1.0])
@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 1000])
def test_every_row_is_done_once_or_put_aside(count: int, share: float, hint: str) -> None:
    dice = random.Random(count)
    bad = {position for position in range(count) if dice.random() < share}
    server = Server(bad)
    sieve = Sieve(server, HINTS[hint])
    found = run(server, sieve, count)
    assert sorted(server.done) == [position for position in range(count) if position not in bad]
    assert sorted(sieve.aside) == sorted(bad)
    assert sum(found) == count - len(bad)


def test_one_bad_row_costs_a_logarithm_without_a_hint_and_next_to_nothing_with_one() -> None:
    for hint, most in ((None, 2 + 10), (HINTS["true"], 6)):
        server = Server({40})
        run(server, Sieve(server, hint), 64)
        assert server.attempts <= most


@pytest.mark.parametrize("condition", ["insufficient_privilege", "disk_full", "query_canceled", "deadlock_detected"])
def test_an_error_that_is_no_rows_fault_is_raised(condition: str) -> None:
    class Full(Server):
        def send(self, positions: range | list[int]) -> int:
            raise Refused("row 0", CONDITIONS[condition])

    server = Full(set())
    with pytest.raises(Refused):
        run(server, Sieve(server), 5)


def test_faults_of_rows() -> None:
    for condition in ("numeric_value_out_of_range", "not_null_violation", "with_check_option_violation"):
        assert is_fault_of_row(ErrorInfo("", CONDITIONS[condition]))
    for state in ("P0001", "ZZ123", "54000", None):
        assert is_fault_of_row(ErrorInfo("", state))


# -- what an error tells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ("COPY t, line 5", (4, None)),
        ("COPY t, line 5, column n", (4, "n")),
        ("COPY t, Zeile 12, Spalte n: null input", (11, "n")),
        ("PL/pgSQL function f() line 3 at RAISE\nCOPY t, line 70", (69, None)),
        ("COPY u, line 5", (None, None)),
        ("", (None, None)),
    ],
)
def test_the_line_of_a_copy(context: str, expected: tuple[int | None, str | None]) -> None:
    assert line_of(ErrorInfo("", CHECK, context=context), "t", ["m", "n"]) == expected


BATCHES = [
    (
        10,
        pa.record_batch(
            {
                "id": pa.array([1, 2, 3, 2], pa.int32()),
                "word": pa.array(["a", "b, c", None, "d"]),
                "x": pa.array([1.5, 2.0, None, -1.0]),
                "yes": pa.array([True, False, None, True]),
            }
        ),
    )
]
COLUMNS = ["id", "word", "x", "yes", "made"]


@pytest.mark.parametrize(
    ("state", "detail", "column", "expected"),
    [
        (UNIQUE, "Key (id)=(3) already exists.", None, 12),
        (UNIQUE, "Key (id)=(2) already exists.", None, 13),
        (UNIQUE, "Schlüssel »(id, word)=(2, d)« existiert bereits.", None, 13),
        (UNIQUE, "Key (lower(word))=(d) already exists.", None, None),
        (UNIQUE, "Key (id)=(9) already exists.", None, None),
        (CHECK, "Failing row contains (2, d, -1, t, 7).", None, 13),
        (CHECK, "Failing row contains (3, null, null, null, 7).", None, 12),
        (CHECK, "Failing row contains (2, b, c, 2, f, 7).", None, 11),
        (CHECK, None, None, None),
        (CONDITIONS["not_null_violation"], "Failing row contains (3, null, null, null, 7).", "x", 12),
    ],
)
def test_the_row_that_a_detail_is_about(state: str, detail: str | None, column: str | None, expected: int) -> None:
    assert suspect(ErrorInfo("", state, detail, column=column), COLUMNS, BATCHES) == expected


# -- small parts --------------------------------------------------------------------------------------------------


def test_runs_between_positions() -> None:
    assert list(runs(2, 9, {0, 2, 5, 6, 8, 20})) == [(3, 5), (7, 8)]
    assert list(runs(2, 4, {2, 3})) == []
    assert list(ascending([2, 3, 7, 1])) == [(2, 4), (7, 8), (1, 2)]


def test_a_block_knows_its_rows() -> None:
    block = Block()
    for number, count in ((100, 3), (200, 1), (300, 4)):
        batch = pa.record_batch({"n": range(number, number + count)})
        block.hold(Held(number, batch, batch), 10)
    block.dead.update({1, 3, 4})
    assert (block.rows, block.nbytes) == (8, 30)
    sent = [(position, batch["n"].to_pylist()) for position, batch in block.batches(0, 7)]
    assert sent == [(0, [100]), (2, [102]), (5, [301, 302])]
    assert [block.alive(0, 7, count) for count in range(5)] == [0, 2, 5, 6, None]
    index, held = block.find(6)
    assert held.number + index == 302


@pytest.mark.parametrize("bad", [set(), {0}, {99}, {5, 6, 50}, set(range(100))])
def test_all_faults_are_found(bad: set[int]) -> None:
    def attempt(start: int, stop: int) -> tuple[int, Fault] | None:
        # Several steps, each of which names its own first: the even ones come first.
        for parity in (0, 1):
            hit = [at - start for at in range(start, stop) if at in bad and at % 2 == parity]
            if hit:
                return hit[0], Fault(None, None, f"{parity}")
        return None

    assert faults(100, attempt) == {at: Fault(None, None, f"{at % 2}") for at in bad}


def test_a_spool_gives_rows_back() -> None:
    spool = Spool()
    try:
        for number in (0, 5, 6):
            spool.add(number, pa.record_batch({"w": pa.array([f"{number}", "x"]).dictionary_encode()}))
        batch, index = spool.find(6)
        assert batch["w"][index].as_py() == "6"
        assert spool.find(1)[1] == 1
    finally:
        spool.close()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("a", "a"),
        (5, "5"),
        (True, "true"),
        (b"\x01", "\\x01"),
        ({"a": [1]}, '{"a":[1]}'),
        ((1, None), "[1,null]"),
    ],
)
def test_values_of_records_as_text(value: Any, text: str | None) -> None:
    assert shown(value) == text

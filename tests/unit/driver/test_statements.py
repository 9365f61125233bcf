from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.core.result import Column
from sqlspec.driver import _statements
from sqlspec.driver._statements import Derived, StatementCache, changed_by
from sqlspec.exceptions import is_stale_statement, staleness


class Entry:
    def __init__(self, name: str) -> None:
        self.name = name
        self.used = False


def test_an_entry_is_found_by_its_very_text() -> None:
    cache: StatementCache[Entry] = StatementCache(4)
    entry = Entry("a")
    assert cache.add("select 1", entry) is None
    assert cache.get("select 1") is entry
    assert cache.get("select  1") is None
    assert list(cache) == ["select 1"]


def test_texts_whose_hashes_are_equal_are_kept_apart() -> None:
    class Text(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return 1

    cache: StatementCache[Entry] = StatementCache(4)
    one, two = Entry("one"), Entry("two")
    cache.add(Text("select 1"), one)
    cache.add(Text("select 2"), two)
    assert (cache.get(Text("select 1")), cache.get(Text("select 2"))) == (one, two)


def test_the_entry_that_was_not_used_lately_has_to_go() -> None:
    cache: StatementCache[Entry] = StatementCache(3)
    entries = {name: Entry(name) for name in "abcd"}
    for name in "abc":
        cache.add(name, entries[name])
    entries["a"].used = True
    assert cache.add("d", entries["d"]) is entries["b"]
    assert set(cache) == {"a", "c", "d"}
    assert not entries["a"].used  # its second chance is over


def test_when_all_were_used_the_oldest_goes() -> None:
    cache: StatementCache[Entry] = StatementCache(2)
    entries = {name: Entry(name) for name in "abc"}
    for name in "ab":
        entries[name].used = True
        cache.add(name, entries[name])
    assert cache.add("c", entries["c"]) is entries["a"]


def test_discard_and_clear_give_back_what_the_server_still_holds() -> None:
    cache: StatementCache[Entry] = StatementCache(4)
    entries = [Entry(name) for name in "abc"]
    for entry in entries:
        cache.add(entry.name, entry)
    assert cache.discard("b") is entries[1]
    assert cache.discard("b") is None
    assert cache.clear() == [entries[0], entries[2]]
    assert len(cache) == 0
    assert cache.get("a") is None  # `get` is kept by its users across `clear`


@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=60))
def test_nothing_is_lost_and_the_bound_holds(size: int, steps: list[tuple[int, bool]]) -> None:
    cache: StatementCache[Entry] = StatementCache(size)
    alive: dict[str, Entry] = {}
    for number, use in steps:
        text = str(number)
        entry = cache.get(text)
        assert entry is alive.get(text)
        if entry is None:
            entry = alive[text] = Entry(text)
            evicted = cache.add(text, entry)
            if evicted is not None:
                assert alive.pop(evicted.name) is evicted
        entry.used = use
        assert len(cache) == len(alive) <= size


def test_equal_columns_become_one_object() -> None:
    derived = Derived()
    first = derived.columns((Column("a", 23), Column("b", 25)))
    assert derived.columns((Column("a", 23), Column("b", 25))) is first
    assert derived.columns((Column("a", 23), Column("b", 1043))) is not first
    assert derived.columns((Column("a", 23, 4),)) != derived.columns((Column("a", 23, 8),))


def test_column_sets_are_bounded() -> None:
    derived = Derived()
    for number in range(_statements.MAX_COLUMN_SETS + 10):
        derived.columns((Column(f"c{number}", 23),))
    assert len(derived._columns) <= _statements.MAX_COLUMN_SETS


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("create temp table t (a int)", (True, False)),
        ("CREATE TABLE t (a int)", (True, False)),
        ("select * into t from u", (True, False)),
        ("deallocate all", (True, False)),
        ("begin; discard\nall; commit", (True, False)),
        ("alter table t add b int", (True, True)),
        ("drop type e; create type e as enum ('a')", (True, True)),
        ("begin", (False, False)),
        ("update created set dropped = 1", (False, False)),
    ],
)
def test_words_tell_what_a_script_may_have_changed(text: str, changed: tuple[bool, bool]) -> None:
    assert changed_by(text) == changed


@pytest.mark.parametrize(
    ("sqlstate", "message", "parameters", "stale"),
    [
        ("0A000", "cached plan must not change result type", 0, "surely"),
        (None, "cached plan must not change result type", 0, "surely"),
        ("26000", 'prepared statement "sqlspec_1" does not exist', 0, "surely"),
        ("26000", 'prepared statement "mine" does not exist', 1, ""),
        ("42804", 'column "v" is of type date but expression is of type integer', 1, "maybe"),
        ("42804", 'column "v" is of type date but expression is of type integer', 0, ""),
        ("22P02", "invalid input syntax for type json", 1, "maybe"),
        ("23505", "duplicate key", 1, ""),
        (None, "duplicate key", 1, ""),
    ],
)
def test_what_a_failure_tells_of_a_prepared_statement(
    sqlstate: str | None, message: str, parameters: int, stale: str
) -> None:
    assert staleness(sqlstate, message, parameters) == stale
    assert is_stale_statement(sqlstate, message) == (stale == "surely")


def test_adapters_name_their_statements() -> None:
    assert staleness("26000", 'prepared statement "s12" does not exist', 0, "s") == "surely"
    assert staleness("26000", 'prepared statement "sqlspec_1" does not exist', 0, "_zero_") == ""

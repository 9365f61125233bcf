from __future__ import annotations

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.exceptions import (
    CONDITIONS,
    DataError,
    SQLParsingError,
    TransactionError,
    error_class,
)
from sqlspec.postgres.phrase_texts import SESSIONS, STATEMENTS
from sqlspec.postgres.phrases import Phrase, classify, entries, shared_class

TEXTS = [*entries(STATEMENTS), *entries(SESSIONS)]
SLOT = re.compile(r"\{([^{}]*)\}")
NAMES = ("constraint", "table", "column")


def fill(text: str, **names: str) -> str:
    """Write a message as the server does, with the given names and something plain for every other slot."""
    plain = {"": "plain", "*": "any text", "#": "42"} | names
    return SLOT.sub(lambda slot: plain.get(slot[1], slot[1].split("|")[0]), text)


# -- the table ------------------------------------------------------------------------------------------------


def test_every_text_says_its_condition() -> None:
    for condition, text in TEXTS:
        message = fill(text, **{name: name for name in NAMES})
        found = classify(message)
        shared = shared_class(message)
        expected = error_class(CONDITIONS[condition])
        assert found.sqlstate == CONDITIONS[condition] or (found == Phrase()), text
        assert shared is None or issubclass(expected, shared), text


def test_few_texts_are_not_certain() -> None:
    uncertain = {text for _, text in TEXTS if classify(fill(text)).sqlstate is None}
    assert len(uncertain) <= 60
    # What everybody meets must be certain.
    common = {"unique_violation", "not_null_violation", "syntax_error", "undefined_table", "deadlock_detected"}
    assert {condition for condition, text in TEXTS if text not in uncertain} >= common


def test_every_text_is_written_once_and_well() -> None:
    assert len(set(TEXTS)) == len(TEXTS)
    for condition, text in TEXTS:
        assert condition in CONDITIONS, text
        slots = SLOT.findall(text)
        assert slots.count("*") <= 1, text
        assert [slot for slot in slots if slot not in ("", "*", "#", *NAMES) and "|" not in slot] == [], text
        assert "{" not in SLOT.sub("", text), text
        assert "}" not in SLOT.sub("", text), text


def test_conditions_are_those_that_are_used() -> None:
    assert set(CONDITIONS) >= {condition for condition, _ in TEXTS}
    assert all(re.fullmatch("[0-9A-Z]{5}", sqlstate) for sqlstate in CONDITIONS.values())


# -- single messages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "phrase"),
    [
        ('duplicate key value violates unique constraint "k"', Phrase("23505", "k")),
        ('insert or update on table "t" violates foreign key constraint "k"', Phrase("23503", "k", "t")),
        ('update or delete on table "p" violates foreign key constraint "k" on table "t"', Phrase("23503", "k", "t")),
        (
            'update or delete on table "p" violates RESTRICT setting of foreign key constraint "k" on table "t"',
            Phrase("23001", "k", "t"),
        ),
        ('null value in column "c" of relation "t" violates not-null constraint', Phrase("23502", None, "t", "c")),
        ('new row for relation "t" violates check constraint "k"', Phrase("23514", "k", "t")),
        ('value for domain public.d violates check constraint "k"', Phrase("23514", "k")),
        ("domain d does not allow null values", Phrase("23502")),
        ('conflicting key value violates exclusion constraint "k"', Phrase("23P01", "k")),
        ('syntax error at or near "x\ny"', Phrase("42601")),
        ("syntax error at end of input", Phrase("42601")),
        ('unterminated quoted string at or near "\'x"', Phrase("42601")),
        ('relation "t" does not exist', Phrase("42P01")),
        ('column "c" does not exist', Phrase("42703")),
        ("column t.c does not exist", Phrase("42703")),
        ('column "c" of relation "t" does not exist', Phrase("42703")),
        ("operator does not exist: integer + point", Phrase("42883")),
        ('invalid input syntax for type integer: "x"', Phrase("22P02")),
        ('invalid input syntax for type date: "x"', Phrase("22007")),
        ("canceling statement due to lock timeout", Phrase("55P03")),
        ("canceling statement due to statement timeout", Phrase("57014")),
        ("canceling statement due to user request", Phrase("57014")),
        ('prepared statement "s1" does not exist', Phrase("26000")),
        ("cached plan must not change result type", Phrase("0A000")),
        ('remaining connection slots are reserved for roles with the SUPERUSER attribute', Phrase("53300")),
        ("terminating connection due to transaction timeout", Phrase("25P04")),
        ("the database system is not yet accepting connections", Phrase("57P03")),
        ('password authentication failed for user "u"', Phrase("28P01")),
        ('no pg_hba.conf entry for host "::1", user "u", database "d", no encryption', Phrase("28000")),
        ('could not extend file "base/1/2": No space left on device', Phrase("53100")),
    ],
)  # fmt: skip
def test_messages(message: str, phrase: Phrase) -> None:
    assert classify(message) == phrase


@pytest.mark.parametrize(
    "message",
    [
        "",
        " ",
        "x",
        "duplicate key",
        "duplicate key value violates unique constraint",
        'duplicate key value violates unique constraint "k" ',
        'duplicate key value violates unique constraint "k"\n',
        'my function: duplicate key value violates unique constraint "k"',
        'Duplicate key value violates unique constraint "k"',
        'doppelter Schlüsselwert verletzt Unique-Constraint »k«',
        "deadlock detected.",
        "order 5 does not exist",
        "not enough stock: division by zero",
        "connection timed out",
    ],
)  # fmt: skip
def test_other_messages_say_nothing(message: str) -> None:
    assert classify(message) == Phrase()
    assert shared_class(message) is None


@pytest.mark.parametrize(
    ("message", "shared"),
    [
        ("could not determine data type of parameter $1", SQLParsingError),
        ('type "t" does not exist', SQLParsingError),
        ('invalid reference to FROM-clause entry for table "t"', SQLParsingError),
        ("cannot concatenate incompatible arrays", None),
        ("query returned more than one row", None),
        ("invalid Unicode escape", None),
        ("canceling statement due to conflict with recovery", TransactionError),
    ],
)
def test_texts_that_are_shared(message: str, shared: type[Exception] | None) -> None:
    assert classify(message) == Phrase()
    assert shared_class(message) is shared


def test_the_class_of_a_certain_text_is_its_own() -> None:
    assert shared_class("division by zero") is DataError
    assert shared_class("case not found") is error_class(CONDITIONS["case_not_found"])


def test_the_severity_decides_where_the_text_does_not() -> None:
    message = 'role "nobody" does not exist'
    assert classify(message) == Phrase()
    assert classify(message, fatal=True) == Phrase("28000")
    # SET ROLE and GRANT disagree.
    assert classify(message, fatal=False) == Phrase()


def test_only_the_server_is_fatal() -> None:
    for condition, text in entries(SESSIONS):
        message = fill(text)
        assert classify(message, fatal=True).sqlstate in (CONDITIONS[condition], None)
    for message in ("terminating connection due to administrator command", "sorry, too many clients already"):
        assert classify(message, fatal=True) == classify(message) != Phrase()
        assert classify(message, fatal=False) == Phrase()


def test_the_detail_decides_where_the_text_does_not() -> None:
    message = "terminating connection due to conflict with recovery"
    versions = "User query might have needed to see row versions that must be removed."
    assert classify(message) == Phrase()
    assert classify(message, versions) == Phrase("40001")
    assert classify(message, "User was connected to a database that must be dropped.") == Phrase("57P04")
    assert classify(message, "User transaction caused buffer deadlock with recovery.") == Phrase()
    assert classify("canceling statement due to conflict with recovery", versions) == Phrase("40001")
    assert classify("division by zero", versions) == Phrase("22012")


# -- hostile names --------------------------------------------------------------------------------------------

FRAGMENTS = sorted(
    {part for _, text in TEXTS for part in SLOT.split(text)[::2] if any(f"{{{name}}}" in text for name in NAMES)}
)
NAME = st.one_of(
    st.text(min_size=1, max_size=63),
    st.text(string.ascii_letters + '"\n %{}$é', min_size=1, max_size=63),
    # Names that are put together from the server's own words.
    st.lists(st.sampled_from([*FRAGMENTS, '"', "x", "\n", "{}", "%s"]), min_size=1, max_size=4).map("".join),
).filter(lambda name: 0 < len(name) <= 150 and "\0" not in name)
NAMED = [(condition, text) for condition, text in TEXTS if any(f"{{{name}}}" in text for name in NAMES)]


@given(st.sampled_from(NAMED), NAME, NAME, NAME, NAME)
def test_names_are_the_true_ones_or_none(
    entry: tuple[str, str], constraint: str, table: str, column: str, other: str
) -> None:
    condition, text = entry
    true = {"constraint": constraint, "table": table, "column": column}
    found = classify(fill(text, **true, **{"": other}))
    assert found.sqlstate in (CONDITIONS[condition], None)
    for name in NAMES:
        expected = true[name] if f"{{{name}}}" in text else None
        assert getattr(found, name) in (expected, None), name


@given(st.sampled_from(NAMED), st.text(string.ascii_letters + "_é$% ", min_size=1, max_size=63))
def test_plain_names_are_found(entry: tuple[str, str], name: str) -> None:
    condition, text = entry
    found = classify(fill(text, constraint=f"{name}1", table=f"{name}2", column=f"{name}3"))
    assert found.sqlstate == CONDITIONS[condition]
    expected: list[Any] = [f"{name}{at}" if f"{{{slot}}}" in text else None for at, slot in enumerate(NAMES, 1)]
    assert list(found[1:]) == expected


def test_a_message_that_can_be_read_in_two_ways_has_no_names() -> None:
    inner = 'a" violates check constraint "b'
    found = classify(f'new row for relation "{inner}" violates check constraint "k"')
    assert found == Phrase("23514")
    assert classify('column "a" of relation "b" of relation "c" contains null values') == Phrase("23502")


@given(st.text(max_size=200))
def test_any_text_is_read(message: str) -> None:
    found = classify(message)
    assert found.sqlstate is None or found.sqlstate in CONDITIONS.values()


@pytest.mark.parametrize(
    "message",
    [
        'update or delete on table "' + '" violates foreign key constraint "' * 30_000,
        'update or delete on table "' + '" violates foreign key constraint "' * 5_000 + '" on table "' * 5_000 + '"',
        'invalid input syntax for type integer: "' + '" : "' * 200_000 + '"',
        'column "' + '" of relation "' * 70_000 + "contains null values",
        "cannot drop " + " because " * 100_000 + " because other objects depend on it",
        '"' * 1_000_000,
        " " * 1_000_000,
    ],
)
@pytest.mark.timeout(5)
def test_long_messages_take_no_long_time(message: str) -> None:
    classify(message)

"""Quoting and fixed statements, checked against PostgreSQL's own parser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pglast.enums import TransactionStmtKind

from sqlspec.exceptions import ParameterError
from sqlspec.postgres import sql

# What UTF-8 and PostgreSQL can hold: no NUL, no lone surrogates.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NAMES = TEXT.filter(bool)


def parse(text: str) -> Any:
    (statement,) = pglast.parse_sql(text)
    return statement.stmt


def column_fields(text: str) -> tuple[str, ...]:
    (target,) = parse(f"select {text}").targetList
    return tuple(field.sval for field in target.val.fields)


def constant(text: str) -> str:
    (target,) = parse(f"select {text}").targetList
    return target.val.val.sval


# The parser cuts names at 63 bytes as the server does, so longer ones cannot come back.
SHORT_NAMES = NAMES.filter(lambda name: len(name.encode()) <= sql.MAX_NAME_BYTES)


@given(SHORT_NAMES)
def test_identifier_comes_back_from_the_parser(name: str) -> None:
    assert column_fields(sql.quote_identifier(name)) == (name,)


@given(st.lists(SHORT_NAMES, min_size=1, max_size=3))
def test_qualified_name_comes_back_from_the_parser_and_from_split(parts: list[str]) -> None:
    quoted = sql.quote_qualified(parts)
    assert column_fields(quoted) == tuple(parts)
    assert sql.split_qualified(quoted) == tuple(parts)
    assert sql.quote_qualified(quoted) == quoted


@given(TEXT)
def test_literal_comes_back_from_the_parser(text: str) -> None:
    assert constant(sql.quote_literal(text)) == text


@given(st.text(alphabet="'\\E\"a\n;-", max_size=12))
def test_literal_of_hostile_characters_comes_back(text: str) -> None:
    assert constant(sql.quote_literal(text)) == text


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("users", '"users"'),
        ("Users", '"Users"'),
        ("public.users", '"public"."users"'),
        ('"My Schema"."T"', '"My Schema"."T"'),
        ('"a.b".c', '"a.b"."c"'),
        ('"a""b"', '"a""b"'),
        ('s."x""."', '"s"."x""."'),
        ("my table", '"my table"'),
        ("a;drop table b", '"a;drop table b"'),
        (("a.b", 'c"d'), '"a.b"."c""d"'),
        (["one"], '"one"'),
    ],
)
def test_qualified_names(name: str | list[str], quoted: str) -> None:
    assert sql.quote_qualified(name) == quoted


@pytest.mark.parametrize(
    "name", ["", ".", "a.", ".a", "a..b", '""', '"', '"a', 'a"', 'a"b', '"a"b', 'a"b".c', '""."a"']
)
def test_malformed_qualified_names(name: str) -> None:
    with pytest.raises(ParameterError, match=r"^cannot split a qualified name: "):
        sql.quote_qualified(name)


@pytest.mark.parametrize("name", [" a", "a ", "a .b", "a. b"])
def test_blanks_around_a_bare_part_are_not_guessed_at(name: str) -> None:
    with pytest.raises(ParameterError, match="begins or ends with a blank"):
        sql.split_qualified(name)


def test_no_parts() -> None:
    with pytest.raises(ParameterError, match="no parts"):
        sql.quote_qualified(())


@pytest.mark.parametrize("quote", [sql.quote_identifier, sql.quote_literal, sql.split_qualified, sql.listen])
@pytest.mark.parametrize(
    ("text", "reason"),
    [("se\0cret", "NUL"), ("se\ud800cret", "surrogate"), (b"secret", "type bytes"), (None, "type NoneType")],
)
def test_text_that_postgresql_cannot_hold(quote: Callable[[Any], str], text: object, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason) as caught:
        quote(text)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize("quote", [sql.quote_identifier, sql.savepoint, sql.listen, sql.unlisten])
def test_empty_identifier(quote: Callable[[str], str]) -> None:
    with pytest.raises(ParameterError, match="it is empty"):
        quote("")


def test_empty_literal_is_a_literal() -> None:
    assert sql.quote_literal("") == "''"


@pytest.mark.parametrize("level", sql.ISOLATION_LEVELS)
@pytest.mark.parametrize(
    "spell", [str, str.upper, str.title, lambda s: s.replace(" ", "_"), lambda s: s.replace(" ", "-")]
)
def test_isolation_levels_reach_the_parser(level: str, spell: Callable[[str], str]) -> None:
    statement = parse(sql.begin(spell(level)))
    (option,) = statement.options
    assert (option.defname, option.arg.val.sval) == ("transaction_isolation", level)


@pytest.mark.parametrize("readonly", [None, True, False])
@pytest.mark.parametrize("deferrable", [None, True, False])
@pytest.mark.parametrize("isolation", [None, "serializable"])
def test_begin_says_exactly_what_was_asked(
    isolation: str | None, readonly: bool | None, deferrable: bool | None
) -> None:
    statement = parse(sql.begin(isolation, readonly, deferrable))
    seen = {
        option.defname: getattr(option.arg.val, "sval", None) or bool(option.arg.val.ival)
        for option in statement.options or ()
    }
    asked = {
        "transaction_isolation": isolation,
        "transaction_read_only": readonly,
        "transaction_deferrable": deferrable,
    }
    assert seen == {name: value for name, value in asked.items() if value is not None}


@pytest.mark.parametrize("level", ["", "snapshot", "serializable; drop table t", "read", 3])
def test_unknown_isolation_level(level: object) -> None:
    with pytest.raises(ParameterError) as caught:
        sql.begin(level)  # type: ignore[arg-type]
    assert all(repr(valid) in str(caught.value) for valid in sql.ISOLATION_LEVELS)
    assert "drop" not in str(caught.value)


@pytest.mark.parametrize(
    ("write", "kind"),
    [
        (sql.savepoint, TransactionStmtKind.TRANS_STMT_SAVEPOINT),
        (sql.release, TransactionStmtKind.TRANS_STMT_RELEASE),
        (sql.rollback_to, TransactionStmtKind.TRANS_STMT_ROLLBACK_TO),
    ],
)
@pytest.mark.parametrize("name", ["sp", "Mixed Case", 'x"; select 1; --', "ä" * 31])
def test_savepoints(write: Callable[[str], str], kind: TransactionStmtKind, name: str) -> None:
    statement = parse(write(name))
    assert (statement.kind, statement.savepoint_name) == (kind, name)


@pytest.mark.parametrize("write", [sql.listen, sql.unlisten])
@pytest.mark.parametrize("channel", ["orders", "Mixed Case", "zz; create table inj()", "x" * 63])
def test_channels_keep_their_name(write: Callable[[str], str], channel: str) -> None:
    assert parse(write(channel)).conditionname == channel
    assert write(channel).endswith(sql.quote_channel(channel))


def test_unlisten_all() -> None:
    assert parse(sql.unlisten()).conditionname is None


@pytest.mark.parametrize(
    "write",
    [
        sql.listen, sql.unlisten, sql.quote_channel, sql.savepoint, sql.release, sql.rollback_to, sql.quote_identifier,
        sql.quote_qualified,
    ],
)  # fmt: skip
def test_names_that_the_server_would_cut(write: Callable[[str], str]) -> None:
    # 32 characters, 64 bytes: the limit counts bytes.
    with pytest.raises(ParameterError, match="64 bytes"):
        write("ä" * 32)


@pytest.mark.parametrize("count", [1, 2, 11])
def test_set_config_numbers_its_parameters_in_turn(count: int) -> None:
    statement = parse(sql.set_config_sql([f"n{i}" for i in range(count)]))
    numbers = []
    for target in statement.targetList:
        name, value, local = target.val.args
        assert target.val.funcname[-1].sval == "set_config"
        assert local.val.boolval is True
        numbers += [name.number, value.number]
    assert numbers == list(range(1, 2 * count + 1))


@pytest.mark.parametrize("names", [[], [""], ["role", ""]])
def test_set_config_without_a_name(names: list[str]) -> None:
    with pytest.raises(ParameterError, match="a name is missing"):
        sql.set_config_sql(names)


def test_notify_takes_channel_and_payload_as_parameters() -> None:
    (target,) = parse(sql.NOTIFY).targetList
    assert [argument.number for argument in target.val.args] == [1, 2]


def test_reset_script_is_the_statements_in_order() -> None:
    whole = [statement.stmt for statement in pglast.parse_sql(sql.reset_script())]
    assert whole == [parse(text) for text in sql.RESET_STATEMENTS]


def test_reset_starts_with_the_user_and_never_ends_a_transaction() -> None:
    # RESET ROLE under a foreign session user would return to that user's role.
    assert sql.RESET_STATEMENTS.index("SET SESSION AUTHORIZATION DEFAULT") == 0
    kinds = {type(parse(text)).__name__ for text in sql.RESET_STATEMENTS}
    assert "TransactionStmt" not in kinds
    # DEALLOCATE and DISCARD PLANS/ALL would invalidate statements that the drivers have prepared.
    assert "DeallocateStmt" not in kinds
    discarded = [text for text in sql.RESET_STATEMENTS if text.startswith("DISCARD")]
    assert discarded == ["DISCARD TEMP", "DISCARD SEQUENCES"]

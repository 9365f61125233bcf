from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from sqlspec.core.filters import Count, InCollection, LimitOffset
from sqlspec.core.plan import Compiler
from sqlspec.core.statement import SQL
from sqlspec.exceptions import NotSupportedError, ParameterError


def test_without_filters_everything_stays_as_given() -> None:
    params = ([1, 2],)
    statement = SQL("insert into t values (?)", *params)
    assert statement.render() == ("insert into t values (?)", params, {})
    assert SQL("select :a", a=1).render() == ("select :a", (), {"a": 1})


def test_any_name_can_be_a_parameter() -> None:
    assert SQL("select :text, :self", text=1, self=2).named == {"text": 1, "self": 2}


def test_methods_return_new_objects() -> None:
    first = SQL("table t")
    made = [
        first.where(a=1),
        first.where("a > $1", 1),
        first.order_by("a"),
        first.limit(1),
        first.offset(1),
        first.paginate(),
        first.count(),
        first.total(),
        first.filter(InCollection("a", [1])),
    ]
    assert first.render() == ("table t", (), {})
    texts = {each.render()[0] for each in made}
    # Counting all rows and counting the total is the same thing here.
    assert len(texts) == len(made) - 1


def test_it_cannot_be_changed() -> None:
    statement = SQL("table t")
    with pytest.raises(AttributeError):
        statement.text = "drop table t"  # type: ignore[misc]


def test_identity_stands_for_equality_because_parameters_may_not_compare() -> None:
    first, second = SQL("select $1", [1]), SQL("select $1", [1])
    assert first != second
    assert len({first, second, first}) == 2


def test_it_can_be_pickled() -> None:
    statement = SQL("table t where a = :y", y=1).where("a = :x", x=1).limit(5)
    assert pickle.loads(pickle.dumps(statement)).render() == statement.render()


def test_its_representation_holds_no_value() -> None:
    statement = SQL("select :a", a="hidden").where(b="hidden").where("c = $1", "hidden")
    assert "hidden" not in repr(statement)
    assert "select :a" in repr(statement)


def test_chaining() -> None:
    statement = (
        SQL("select * from users where age > $1", 18)
        .limit(10)
        .where(name="Ann", city=None)
        .order_by("last", "first", desc=True)
        .order_by("id", nulls="first")
        .where("score > $1", 5)
    )
    text, params, named = statement.render()
    assert text == (
        "select * from (\nselect * from users where age > $1\n) as q"
        '\nwhere "name" = $2\n  and "city" is null\n  and (\nscore > $3\n)'
        '\norder by "last" desc, "first" desc, "id" nulls first\nlimit $4'
    )
    assert (params, named) == ((18, "Ann", 5, 10), {})


@pytest.mark.parametrize(
    ("page", "size", "limits"), [(1, 50, (50, 0)), (3, 20, (20, 40)), (10**9, 10**9, (10**9, 10**18 - 10**9))]
)
def test_paginate(page: int, size: int, limits: tuple[int, int]) -> None:
    assert SQL("table t").paginate(page, size).render()[1] == limits


def test_a_page_has_50_rows() -> None:
    assert SQL("table t").paginate().render()[1] == (50, 0)


@pytest.mark.parametrize("wrong", [-1, True, "1", 1.0, None])
def test_pages_and_limits_are_integers(wrong: Any) -> None:
    statement = SQL("table t")
    calls: list[Callable[[], SQL]] = [
        lambda: statement.paginate(page=wrong),
        lambda: statement.paginate(page_size=wrong),
        lambda: statement.limit(wrong),
        lambda: statement.offset(wrong),
    ]
    for call in calls:
        with pytest.raises(ParameterError, match="an int of at least"):
            call()


def test_pages_and_their_sizes_start_at_1() -> None:
    with pytest.raises(ParameterError):
        SQL("table t").paginate(page=0)
    with pytest.raises(ParameterError):
        SQL("table t").paginate(page_size=0)
    assert SQL("table t").limit(0).offset(0).render()[1] == (0, 0)


def test_total_ignores_order_and_limits_and_count_does_not() -> None:
    statement = SQL("table t").where(a=1).order_by("b").paginate(2, 10)
    condition = '\nwhere "a" = $1'
    assert statement.total().render() == (
        f"select count(*) from (\ntable t\n) as q{condition}",
        (1,),
        {},
    )
    assert statement.count().render() == (
        f"select count(*) from (\nselect * from (\ntable t\n) as q{condition}\nlimit $2\noffset $3\n) as q",
        (1, 10, 10),
        {},
    )


def test_counting_twice_counts_once() -> None:
    statement = SQL("table t").limit(1)
    assert statement.count().count().render() == statement.count().render()
    assert statement.count().total().render() == SQL("table t").total().render()
    assert statement.total().filters == (Count(),)


def test_count_comes_last() -> None:
    with pytest.raises(ParameterError, match=r"call count\(\) last"):
        SQL("table t").count().limit(1)


@pytest.mark.parametrize("wrong", [None, b"select 1", 5, SQL("select 1")])
def test_the_text_is_a_str(wrong: Any) -> None:
    with pytest.raises(ParameterError, match=type(wrong).__name__):
        SQL(wrong)


def test_filters_are_filter_objects() -> None:
    with pytest.raises(ParameterError, match="dict given"):
        SQL("table t").filter({"a": 1})  # type: ignore[arg-type]
    assert SQL("table t").filter(LimitOffset(1)).filters == SQL("table t").limit(1).filters


def test_values_need_a_condition() -> None:
    with pytest.raises(ParameterError, match="pass the condition first"):
        SQL("table t").where(None, 5)


def test_a_condition_takes_a_list_as_the_value_of_its_only_placeholder() -> None:
    _, params, _ = SQL("table t").where("a = any($1)", [1, 2]).where("b = $1 and c = $2", [3, 4]).render()
    assert params == ([1, 2], 3, 4)


def test_filters_need_a_query() -> None:
    with pytest.raises(NotSupportedError):
        SQL("delete from t").limit(1).render()


@pytest.mark.parametrize("style", ["?", "%s", ":p{}", "%(p{})s"])
def test_no_statement_has_more_parameters_than_the_protocol_counts(style: str) -> None:
    numbers = range(1, 65_537)
    with pytest.raises(ParameterError, match="the statement has 65536 of them, and the server takes at most 65535"):
        Compiler().plan(f"select {', '.join(style.format(number) for number in numbers)}")
    assert Compiler().plan(f"select {', '.join(style.format(number) for number in numbers[1:])}").arity == 65535

from __future__ import annotations

import re
from typing import Any

import pglast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlspec.core._clauses import clause_words, require_expression
from sqlspec.core.filters import (
    BeforeAfter,
    Count,
    Equals,
    Filter,
    InCollection,
    LimitOffset,
    OrderBy,
    Search,
    Where,
    compose,
    quoted,
)
from sqlspec.core.scan import scan
from sqlspec.exceptions import NotSupportedError, ParameterError, SQLParsingError


def composed(text: str, *filters: Filter, params: tuple[Any, ...] = (), **named: Any) -> Any:
    return compose(text, params, named, filters)


def enclosed(text: str) -> str:
    return f"select * from (\n{text}\n) as q"


class TestAppending:
    @pytest.mark.parametrize(
        "text",
        [
            "select a from t",
            "with x as (select 1 limit 5) select * from x where a = (select 1 order by 1)",
            "select a from t union select b from u",
            "values (1), (2)",
            "table t",
            'select "limit", t.offset, 1 as "order" from t',
            "select 'limit 5' as fetch_1, $$ order by $$ -- limit 3\n /* offset 2 */ from t",
            "select substring(a from 1 for 2), sum(a) over (order by b) from t",
            "select 1 as limit, a as for from t",
        ],
    )
    def test_to_a_query_without_clauses_of_its_own(self, text: str) -> None:
        result = composed(text, OrderBy("a"), LimitOffset(10, 20))
        assert result == (f'{text}\norder by "a"\nlimit $1\noffset $2', (10, 20), {})

    @pytest.mark.parametrize("clause", ["limit 5", "OFFSET 5", "Fetch First 5 Rows Only", "for update limit 1"])
    def test_limit_encloses_a_query_that_has_one(self, clause: str) -> None:
        text = f"select a from t {clause}"
        assert composed(text, LimitOffset(limit=3))[0] == f"{enclosed(text)}\nlimit $1"

    @pytest.mark.parametrize("clause", ["order by a", "for update", "limit 1"])
    def test_order_encloses_a_query_that_has_clauses(self, clause: str) -> None:
        text = f"select a from t {clause}"
        assert composed(text, OrderBy("a"))[0] == f'{enclosed(text)}\norder by "a"'

    def test_limit_keeps_the_order_of_the_query(self) -> None:
        text = "select a from t order by a"
        assert composed(text, LimitOffset(limit=3))[0] == f"{text}\nlimit $1"

    def test_parentheses_around_a_query_do_not_hide_its_limit(self) -> None:
        text = "(select a from t limit 5)"
        assert composed(text, LimitOffset(limit=3))[0] == f"{enclosed(text)}\nlimit $1"

    @pytest.mark.parametrize("tail", [";", " ;  -- done", "\n-- done", " /* done */ ; /* really */\n"])
    def test_what_follows_the_statement_is_dropped(self, tail: str) -> None:
        assert composed(f"/* a */ select 1{tail}", LimitOffset(1))[0] == "/* a */ select 1\nlimit $1"

    def test_later_limits_replace_earlier_ones(self) -> None:
        result = composed("table t", LimitOffset(1, 2), LimitOffset(offset=5), LimitOffset(limit=0))
        assert result == ("table t\nlimit $1\noffset $2", (0, 5), {})


class TestConditions:
    def test_each_kind(self) -> None:
        text, params, named = composed(
            "table t",
            Equals("a", 1),
            Equals("b", None),
            InCollection("c", (1, 2)),
            InCollection("d", iter("xy"), negate=True),
            BeforeAfter("e", before=9, after=3),
            BeforeAfter("f", after=3, inclusive=True),
            BeforeAfter("g"),
            Search("h", r"50%_\o"),
            Search(("i", "j"), "x", ignore_case=True),
            Where("k > 5 or l"),
        )
        assert text == enclosed("table t") + (
            '\nwhere "a" = $1\n  and "b" is null\n  and "c" = any ($2)\n  and "d" <> all ($3)'
            '\n  and "e" < $4 and "e" > $5\n  and "f" >= $6\n  and true\n  and "h" like $7'
            '\n  and ("i" ilike $8 or "j" ilike $9)\n  and (\nk > 5 or l\n)'
        )
        assert params == (1, [1, 2], ["x", "y"], 9, 3, 3, r"%50\%\_\\o%", "%x%", "%x%")
        assert named == {}

    def test_conditions_come_before_order_and_limit_whatever_the_sequence(self) -> None:
        text, params, _ = composed("table t", LimitOffset(7), OrderBy("b", True, "last"), Equals("a", 1))
        assert text == enclosed("table t") + '\nwhere "a" = $1\norder by "b" desc nulls last\nlimit $2'
        assert params == (1, 7)

    def test_a_comment_at_the_end_of_a_condition_ends_there(self) -> None:
        assert composed("table t", Where("a -- why"))[0].endswith("where (\na -- why\n)")

    def test_equal_filters_give_equal_text(self) -> None:
        def text(value: int) -> str:
            filters = (Equals("a", value), InCollection("b", [value] * value), LimitOffset(value, value))
            return str(composed("table t", *filters)[0])

        assert text(1) == text(5)


class TestCounting:
    def test_rows(self) -> None:
        assert composed("table t", Count())[0] == "select count(*) from (\ntable t\n) as q"

    def test_filtered_rows(self) -> None:
        text, params, _ = composed("table t", Equals("a", 1), Count())
        assert (text, params) == ('select count(*) from (\ntable t\n) as q\nwhere "a" = $1', (1,))

    def test_limited_rows_without_their_order(self) -> None:
        text, _, _ = composed("table t", OrderBy("a"), LimitOffset(5), Count())
        assert text == "select count(*) from (\ntable t\nlimit $1\n) as q"


class TestStyles:
    FILTERS = (Where("a > 1"), Equals("b", "b!"), LimitOffset(5, 6))
    TAIL = '\nwhere (\na > 1\n)\n  and "b" = {}\nlimit {}\noffset {}'

    @pytest.mark.parametrize(
        ("text", "params", "spelt", "result"),
        [
            ("select $2, $1", (1, 2), ("$3", "$4", "$5"), (1, 2, "b!", 5, 6)),
            ("select $1, $1", ((1,),), ("$2", "$3", "$4"), (1, "b!", 5, 6)),
            ("select ?, ?", ([1, 2],), ("?", "?", "?"), (1, 2, "b!", 5, 6)),
            ("select %s, a %% 3", ([1, 2],), ("%s", "%s", "%s"), ([1, 2], "b!", 5, 6)),
            ("select a % 3, b ? 'x'", (), ("$1", "$2", "$3"), ("b!", 5, 6)),
        ],
    )
    def test_positional(self, text: str, params: Any, spelt: tuple[str, ...], result: Any) -> None:
        assert composed(text, *self.FILTERS, params=params) == (
            enclosed(text) + self.TAIL.format(*spelt),
            result,
            {},
        )

    @pytest.mark.parametrize("by_mapping", [True, False])
    @pytest.mark.parametrize(
        ("text", "spelt"),
        [
            ("select :x, :where", (":where_2", ":limit", ":offset")),
            ("select %(x)s, %(where)s", ("%(where_2)s", "%(limit)s", "%(offset)s")),
        ],
    )
    def test_named(self, text: str, spelt: tuple[str, ...], by_mapping: bool) -> None:
        given = {"x": 1, "where": 2}
        params = (given,) if by_mapping else ()
        result = compose(text, params, {} if by_mapping else given, self.FILTERS)
        assert result == (
            enclosed(text) + self.TAIL.format(*spelt),
            (),
            {"x": 1, "where": 2, "where_2": "b!", "limit": 5, "offset": 6},
        )
        assert given == {"x": 1, "where": 2}

    def test_a_name_without_value_is_not_given_the_value_of_a_filter(self) -> None:
        assert composed("select :limit", LimitOffset(5)) == ("select :limit\nlimit :limit_2", (), {"limit_2": 5})

    def test_a_lone_container_stays_one_parameter(self) -> None:
        for value in ((1.0, 2.0), [1], {"a": 1}):
            assert composed("table t", Equals("a", value))[1] == ((value,),)

    @pytest.mark.parametrize(
        ("text", "params", "condition", "expected", "values"),
        [
            (
                "select $1",
                (1,),
                Where("a = $2 or b = $1 or c = $1", 8, 9),
                "a = $2 or b = $3 or c = $3",
                (1, 9, 8),
            ),
            ("select $1", (1,), Where("a = :x or b = :x", x=8), "a = $2 or b = $2", (1, 8)),
            ("select $1", (1,), Where("a = %s and b %% 2 = 0", 8), "a = $2 and b % 2 = 0", (1, 8)),
            ("table t", (), Where("a ?? 'k' and b = ?", 8), "a ? 'k' and b = $1", (8,)),
            ("select ?", (1,), Where("a = ? or b = ?", 8, 9), "a = ? or b = ?", (1, 8, 9)),
            ("select ?", (1,), Where("a ?? 'k' and b = ?", 8), "a ?? 'k' and b = ?", (1, 8)),
            ("select %s", (1,), Where("a %% 2 = %s", 8), "a %% 2 = %s", (1, 8)),
        ],
    )
    def test_conditions_take_the_style_of_the_statement(
        self, text: str, params: Any, condition: Where, expected: str, values: Any
    ) -> None:
        result, positional, _ = composed(text, condition, params=params)
        assert result == f"{enclosed(text)}\nwhere (\n{expected}\n)"
        assert positional == values

    def test_names_of_conditions(self) -> None:
        text, _, named = composed(
            "select :a", Where("x = :a and y = :b", b=2), Where("z = :a and z <> :b", a=3, b=4), a=1
        )
        assert text.endswith("where (\nx = :a and y = :b\n)\n  and (\nz = :a_2 and z <> :b_2\n)")
        assert named == {"a": 1, "b": 2, "a_2": 3, "b_2": 4}

    @pytest.mark.parametrize("text", ["select %s", "select ?", "select %(a)s"])
    def test_a_condition_in_a_style_that_needs_other_escapes_is_refused(self, text: str) -> None:
        given: dict[str, Any] = {"a": 1} if "(" in text else {}
        with pytest.raises(ParameterError, match="write it in the style of the statement"):
            compose(text, () if given else (1,), given, [Where("a = $1", 1)])

    @pytest.mark.parametrize(
        ("text", "params", "named"),
        [
            ("select $1", (), {}),
            ("select $1", (1, 2), {}),
            ("select 1", (5,), {}),
            ("select $1", (1,), {"x": 1}),
            ("select :x", (1,), {}),
            ("select :x", ({"x": 1},), {"x": 1}),
        ],
    )
    def test_parameters_that_do_not_fit(self, text: str, params: Any, named: dict[str, Any]) -> None:
        with pytest.raises(ParameterError):
            compose(text, params, named, [LimitOffset(1)])


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("insert into t values (1) returning a", "INSERT"),
            ("with x as (select 1) delete from t returning a", "DELETE"),
            ("select a into b from t", "SELECT INTO"),
            ("show all", "SHOW"),
            ("explain select 1", "EXPLAIN"),
            ("create table t ()", "CREATE"),
            ("select 1; select 2", "2 statements"),
            (" -- nothing", "0 statements"),
        ],
    )
    def test_statements(self, text: str, found: str) -> None:
        with pytest.raises(NotSupportedError, match=found) as caught:
            composed(text, LimitOffset(1))
        assert caught.value.sql == text

    @pytest.mark.parametrize(
        "each", [OrderBy("u.a"), Equals("u.a", 1), InCollection("u.a", []), Search(("a", "u.a"), "")]
    )
    def test_qualified_names_that_enclosing_hides(self, each: Filter) -> None:
        with pytest.raises(ParameterError, match=re.escape("'u.a'")):
            composed("select u.a from u order by a", each)

    def test_qualified_names_that_stay_visible(self) -> None:
        assert composed("select u.a from u", OrderBy("u.a"))[0].endswith('order by "u"."a"')
        assert composed("select u.a from u", Equals("q.a", 1))[0].endswith('where "q"."a" = $1')

    @pytest.mark.parametrize(
        ("make", "arguments"),
        [
            (LimitOffset, (-1,)),
            (LimitOffset, (None, -1)),
            (LimitOffset, (True,)),
            (LimitOffset, ("1",)),
            (LimitOffset, (1.0,)),
            (OrderBy, ("",)),
            (OrderBy, ("a.",)),
            (OrderBy, ("a\0",)),
            (OrderBy, (1,)),
            (OrderBy, ("a", False, "x; drop")),
            (InCollection, ("a", "text")),
            (Search, ((), "x")),
            (Where, ("",)),
            (Where, (" \n",)),
            (Where, ("a = $1",)),
            (Where, ("a = $1", 1, 2)),
            (Where, ("a", 1)),
            (Where, ("a = :x", 1)),
        ],
    )
    def test_arguments(self, make: Any, arguments: tuple[Any, ...]) -> None:
        with pytest.raises(ParameterError):
            make(*arguments)

    def test_names_of_conditions(self) -> None:
        with pytest.raises(ParameterError, match="unused parameters: y"):
            Where("a = :x", x=1, y=2)
        with pytest.raises(ParameterError, match="missing parameters: x"):
            composed("select 1", Where("a = :x"))

    def test_values_stay_out_of_representations(self) -> None:
        filters = (
            Where("a = $1", "hidden"),
            Equals("a", "hidden"),
            InCollection("a", ["hidden"]),
            BeforeAfter("a", "hidden", "hidden"),
            Search("a", "hidden"),
        )
        assert "hidden" not in repr(filters)


class TestExpressions:
    @pytest.mark.parametrize(
        "text",
        [
            "a) or (b",
            "a)",
            "(a",
            "a[1",
            "(a]",
            "a; drop table t",
            "a) union select (1",
            "'(' || a)",
            "a /* ( */ )",
        ],
    )
    def test_what_would_break_out(self, text: str) -> None:
        with pytest.raises(ParameterError, match="a single SQL expression"):
            require_expression(text)

    @pytest.mark.parametrize(
        "text",
        ["a = ')' or b = $$;)$$", "(a) or (b[1])", "a -- ;)", '")" = 1', "a /* ) /* ; */ */", "E'\\')' = a"],
    )
    def test_what_only_looks_so(self, text: str) -> None:
        require_expression(text)

    def test_what_has_no_end(self) -> None:
        for text in ("'a", '"a', "/* a", "$$ a"):
            with pytest.raises(SQLParsingError):
                Where(text)

    @given(st.lists(st.sampled_from("a ( ) ' \" $$ ; -- /* */ [ ] \n or 1 E' \\ , =".split(" ")), max_size=12))
    def test_nothing_accepted_leaves_its_parentheses(self, parts: list[str]) -> None:
        condition = " ".join(parts)
        try:
            where = Where(condition)
        except (ParameterError, SQLParsingError):
            return
        text = compose("select 1 as a", (), {}, [where])[0]
        try:
            parsed = pglast.parse_sql(text)
        except pglast.Error:
            return
        (statement,) = parsed
        tree: Any = statement.stmt
        assert tree.op.name == "SETOP_NONE"
        assert tree.whereClause is not None
        assert tree.fromClause[0].alias.aliasname == "q"


class TestQuoting:
    @given(st.text(min_size=1, max_size=15).filter(lambda name: "\0" not in name and "." not in name))
    def test_any_name_is_one_identifier(self, name: str) -> None:
        (placeholders, spans) = (scan(f"select {quoted(name)}").placeholders, scan(quoted(name)).statements)
        assert placeholders == ()
        assert len(spans) == 1
        text = quoted(name)
        assert text[1:-1].replace('""', '"') == name

    def test_dots_separate(self) -> None:
        assert quoted('s"; --.b') == '"s""; --"."b"'

    @pytest.mark.parametrize("name", ["", "a.", "a\0", "\ud800", "t." + "a" * 64, "ä" * 32, None])
    def test_what_is_no_name_of_a_column_is_refused(self, name: Any) -> None:
        with pytest.raises(ParameterError, match="cannot quote a column name"):
            quoted(name)


class TestClauseWords:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("select 1", set()),
            ("select 1 ORDER BY 1 Limit 2 offset 3", {"order", "limit", "offset"}),
            ("select 1 fetch first row only for update", {"fetch", "for"}),
            ("select a.limit, b as offset, $$limit$$, 'for' from x", set()),
            ("select foo$limit, limit_, order1, xfor, limité, ålimit, off\u017fet", set()),
            ("select (select 1 limit 1), x[1], (1) limit 2", {"limit"}),
            ("select 1/*)*/ limit 1", {"limit"}),
            ("select E'\\' limit' offset 1", {"offset"}),
        ],
    )
    def test_only_clauses_outside_parentheses(self, text: str, words: set[str]) -> None:
        assert clause_words(text) == words

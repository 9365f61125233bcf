"""`session.explain`: the plan as an object and as a tree, on every adapter; what is run is rolled back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sqlspec import SQL
from sqlspec.core.explain import Buffers
from sqlspec.exceptions import NotNullViolationError, ParameterError, QueryTimeoutError, SQLParsingError, SQLSpecError
from tests.integration.harness import needs

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

SECRET = "s3cret-value"


@pytest.fixture
async def table(session: Any) -> Any:
    """A session with a table of its own, whose statistics are known."""
    await session.execute("create table t (a int primary key, b text not null)")
    await session.execute("insert into t select n, 'x' || n from generate_series(1, 1000) as n")
    await session.execute_script("analyze t")
    return session


async def count(session: Any) -> int:
    found: int = await session.select_value("select count(*) from t")
    return found


async def test_a_plan_is_a_tree_of_typed_steps(table: Any) -> None:
    plan = await table.explain("select b from t where a = :a and b <> :b", a=5, b=SECRET)
    node = plan.root
    assert (node.kind, node.table, node.alias, node.index) == ("Index Scan", "t", "t", "t_pkey")
    assert node.estimated_rows == 1
    assert 0 < node.startup_cost <= node.total_cost
    assert node.rows is node.loops is node.milliseconds is node.buffers is node.misjudged is None
    assert node.children == ()
    assert not plan.analyzed
    assert plan.execution_ms is plan.slowest is plan.misjudged is None
    assert plan.sql == "select b from t where a = :a and b <> :b"
    assert node.details["Index Cond"] == "(a = 5)"


async def test_the_tree_hides_constants_unless_asked(table: Any) -> None:
    plan = await table.explain("select b from t where a = :a and b <> :b", a=123, b=SECRET)
    assert plan.tree(costs=False) == (
        "Index Scan using t_pkey on t  (1 rows expected)\n   Index Cond: (a = ?)\n   Filter: (b <> '***'::text)"
    )
    for text in (str(plan), repr(plan), repr(plan.root), plan.tree()):
        assert SECRET not in text
        assert "123" not in text
    assert f"(b <> '{SECRET}'::text)" in plan.tree(values=True)


async def test_a_step_is_told_on_lines_that_nothing_breaks(table: Any) -> None:
    """Neither the length of a hidden constant shows, nor does a name or a constant move the terminal's cursor."""
    sql = 'select b from t as "x\x1b[2Jy" where b <> $1'
    plan = await table.explain(sql, f"{SECRET}\r\n{SECRET}\x1b[2J")
    assert plan.tree(costs=False).splitlines() == [
        "Seq Scan on t x [2Jy  (999 rows expected)",
        "   Filter: (b <> '***'::text)",
    ]
    shown = plan.tree(values=True)
    assert len(shown.splitlines()) == 2
    assert "\x1b" not in shown


async def test_steps_have_the_names_that_the_server_gives_them(table: Any) -> None:
    await table.execute_script("create table u (a int, b int); insert into u select n, n from generate_series(1, 99) n")
    statements = {
        "select * from t left join u using (a)": "Join",
        "select * from t where not exists (select from u where u.a = t.a)": "Anti Join",
        "select a, b, count(*) from u group by cube (a, b)": "Aggregate",
        "select count(*) from u group by a": "Aggregate",
    }
    only_merge = "reset enable_mergejoin; set enable_hashjoin = off"
    for settings in ("set enable_mergejoin = off", only_merge, "set enable_mergejoin = off"):
        await table.execute_script(settings)
        for sql, word in statements.items():
            plan = await table.explain(sql)
            told = "\n".join(line for (line,) in (await table.execute(f"explain {sql}")).get_data(schema_type=tuple))
            named = [node.title for node in plan.walk() if word in node.title]
            assert named
            assert [name for name in named if name not in told] == []


async def test_steps_below_are_drawn(table: Any) -> None:
    await table.execute_script("set enable_hashjoin = off; set enable_mergejoin = off")
    plan = await table.explain("select count(t.b) from t x left join t on t.a = x.a + 1 where x.a < 3")
    assert plan.tree(costs=False).splitlines() == [
        "Aggregate  (1 rows expected)",
        "└─ Nested Loop Left Join  (2 rows expected)",
        "   ├─ Index Only Scan using t_pkey on t x  (2 rows expected)",
        "   │     Index Cond: (a < ?)",
        "   └─ Index Scan using t_pkey on t  (1 rows expected)",
        "         Index Cond: (a = (x.a + ?))",
    ]
    assert [node.kind for node in plan.walk()] == ["Aggregate", "Nested Loop", "Index Only Scan", "Index Scan"]
    assert [node.role for node in plan.walk()] == ["", "Outer", "Outer", "Inner"]
    assert [node.alias for node in plan.find("Index Only Scan")] == ["x"]


async def test_what_has_parts_is_told_in_words(table: Any) -> None:
    sql = "select * from (select * from t order by a limit 100) as x order by a, b <> $1"
    plan = await table.explain(sql, SECRET, analyze=True)
    (node,) = plan.find("Incremental Sort")
    (told,) = (line for line in str(plan).splitlines() if "Full-sort Groups" in line)
    groups = node.details["Full-sort Groups"]
    space = groups["Sort Space Memory"]
    assert told.endswith(
        f"Full-sort Groups: Group Count: {groups['Group Count']}, Sort Methods Used: "
        f"{', '.join(groups['Sort Methods Used'])}, Sort Space Memory: (Average Sort Space Used: "
        f"{space['Average Sort Space Used']}, Peak Sort Space Used: {space['Peak Sort Space Used']})"
    )
    assert SECRET not in str(plan)


async def test_analyze_counts_rows_of_all_loops_time_and_blocks(table: Any) -> None:
    await table.execute_script("set enable_hashjoin = off; set enable_mergejoin = off; set enable_material = off")
    sql = "select 1 from t x join t on t.a = x.a + 0 where x.b like '%9'"
    plan = await table.explain(sql, analyze=True, buffers=True)
    inner = next(node for node in plan.walk() if node.role == "Inner")
    assert (inner.rows, inner.loops) == (100, 100)
    assert plan.root.rows == 100
    assert plan.analyzed
    assert plan.planning_ms is not None
    assert plan.execution_ms is not None
    for node in plan.walk():
        assert node.milliseconds is not None
        assert 0 <= node.own_milliseconds <= node.milliseconds
        assert node.misjudged >= 1
        assert isinstance(node.buffers, Buffers)
    assert plan.root.buffers.hit + plan.root.buffers.read > 0
    assert plan.slowest in plan.walk()
    assert plan.misjudged in plan.walk()
    assert "blocks: " in str(plan)
    assert str(plan).splitlines()[-1].startswith("planning ")
    assert " ms" not in plan.tree(times=False)


async def test_a_data_change_that_is_analyzed_stores_nothing(table: Any) -> None:
    plan = await table.explain("delete from t where a > $1", 400, analyze=True)
    assert plan.root.kind == "ModifyTable"
    assert plan.root.title == "Delete on t"
    assert plan.root.children[0].rows == 600
    assert not table.in_transaction
    assert await count(table) == 1000
    async with table.transaction():
        await table.execute("delete from t where a > 900")
        await table.explain("delete from t", analyze=True)
        assert await count(table) == 900
        await table.explain("insert into t values ($1, $2)", 901, "y", analyze=True)
        await table.execute("insert into t values (902, 'z')")
    assert await count(table) == 901


async def test_without_analyze_nothing_is_run(table: Any) -> None:
    await table.explain("delete from t")
    await table.explain("select 1 / (a - a) from t")
    assert await count(table) == 1000


async def test_a_failure_while_it_is_analyzed_leaves_the_session_as_it_was(table: Any) -> None:
    with pytest.raises(NotNullViolationError):
        await table.explain("update t set b = null", analyze=True)
    assert await count(table) == 1000
    async with table.transaction():
        await table.execute("delete from t where a > 900")
        with pytest.raises(NotNullViolationError):
            await table.explain("update t set b = null", analyze=True)
        assert await count(table) == 900
    assert await count(table) == 900


async def test_analyze_ends_at_its_limit(table: Any) -> None:
    with pytest.raises(QueryTimeoutError):
        await table.explain("select pg_sleep(60) from t", analyze=True, timeout=0.2)
    assert await count(table) == 1000


async def test_the_options_of_the_server(table: Any, flavour: Any) -> None:
    plan = await table.explain("insert into t values (1001, 'x')", analyze=True, wal=True, verbose=True, settings=True)
    assert plan.root.schema == flavour.schema
    assert plan.root.details["WAL Records"] >= 1
    assert "search_path" in plan.settings
    assert f"Insert on {flavour.schema}.t" in str(plan)
    assert f"setting search_path = {plan.settings['search_path']}" in str(plan)


async def test_triggers_are_told(table: Any) -> None:
    await table.execute("create table u (a int references t)")
    plan = await table.explain("insert into u select a from t", analyze=True)
    (trigger,) = plan.triggers
    assert (trigger.table, trigger.calls) == ("u", 1000)
    assert f"trigger {trigger.name} on u: 1000 calls" in str(plan)


async def test_a_statement_object_and_every_placeholder_style(table: Any) -> None:
    plans = [
        await table.explain(SQL("select * from t where a = ?", 7).limit(3)),
        await table.explain("select * from t where a = %s", 7),
        await table.explain("select * from t where a = %(a)s and 5 %% 2 = 1", {"a": 7}),
        await table.explain("select * from t where a = $1; -- the end", (7,)),
    ]
    assert {plan.find("Index Scan")[0].details["Index Cond"] for plan in plans} == {"(a = 7)"}


PLANLESS = {
    "explain select 1": "EXPLAIN has no plan",
    "create table x (a int)": "CREATE has no plan",
    "select 1 into x": "SELECT has no plan",
    "analyze t": "ANALYZE has no plan",
    "(analyze) select 1": "ANALYZE has no plan",
    "select 1; select 2": "2 statements in one text",
    "commit": "COMMIT is transaction control",
    "": "the text holds no statement",
}


async def test_what_has_no_plan_is_refused(session: Any, untouched: Any) -> None:
    async with untouched(session):
        for sql, words in PLANLESS.items():
            with pytest.raises(SQLSpecError, match=words):
                await session.explain(sql)


async def test_wrong_arguments_are_refused(session: Any, untouched: Any) -> None:
    async with untouched(session):
        with pytest.raises(ParameterError, match="analyze=True"):
            await session.explain("select 1", wal=True)
        with pytest.raises(ParameterError):
            await session.explain("select $1::int")


async def test_an_error_shows_the_users_text(session: Any) -> None:
    for analyze in (False, True):
        with pytest.raises(SQLParsingError) as caught:
            await session.explain("select :a::int, nme", a=1, analyze=analyze)
        assert caught.value.sql == "select :a::int, nme"
        assert caught.value.excerpt == "line 1: select :a::int, nme\n                        ^"


@needs("concurrent_calls")
async def test_calls_of_other_tasks_queue_behind_it(table: Any) -> None:
    first = asyncio.create_task(table.explain("delete from t", analyze=True))
    second = asyncio.create_task(count(table))
    assert (await first).root.title == "Delete on t"
    assert await second == 1000


async def test_a_session_stays_clean(flavour: Any, admin: Any) -> None:
    config = flavour.make_config(max_size=1)
    async with config.provide_session() as session:
        await session.explain("select 1", analyze=True)
        assert not getattr(session, "_target", session)._dirty
    assert config.stats().resetting == 0


async def test_observers_are_told(flavour: Any) -> None:
    events: list[Any] = []
    config = flavour.make_config(observers=[events.append])
    async with config.provide_session() as session:
        for analyze in (False, True):
            events.clear()
            assert (await session.explain("select 1", analyze=analyze)).root.kind == "Result"
            assert [getattr(event, "error", None) for event in events] == [None] * len(events)
            assert any(getattr(event, "sql", "").endswith("select 1") for event in events)

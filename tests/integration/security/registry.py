"""Every public call and command that takes an argument, and how each argument reaches the server.

The attacks of `test_injection.py` put hostile text in the place of each argument that may come from outside, and the
table of `docs/explanation/security.md` is written from the same entries by `tools/gen_security.py`. `test_registry.py`
fails when a public call, or an argument of one, is missing here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ("ENTRIES", "NOT_CALLED", "Entry", "How", "Scene", "shapes")


class How(Enum):
    """How an argument reaches the server; the value is what the documentation says of it."""

    SQL = "SQL text of the program, sent as it is written: never put input into it"
    VALUE = "value: a bound parameter; where the server takes none, a literal that the server itself has quoted"
    NAME = "identifier: in double quotes, every quote in it doubled, compared with the catalog where it must exist"
    TABLE = "`table` or `schema.table`: split at the dot, each part an identifier"
    CHANNEL = "identifier for LISTEN, of at most 63 bytes; a bound parameter for `notify`"
    SETTING = "name and value: bound parameters of `set_config`"
    START = "checked by the key's own rule, then sent in the driver's form for connecting, escaped"
    LOOKUP = "compared with what is known; it becomes no SQL"
    CHOICE = "one of a fixed set of words, number or truth value; anything else is refused"
    PATH = "name of a file; it becomes no SQL"
    LOCAL = "stays in the program: an object, a class, a function"


TRUSTED = frozenset({How.SQL, How.LOCAL})
"""What input has no place in; all else is attacked."""


@dataclass(frozen=True)
class Scene:
    """What an attack works on.

    Attributes:
        config: A config of the flavour.
        session: A session of it.
        folder: An empty folder.
        data: An Arrow table with the columns `id` and `name`.
    """

    config: Any
    session: Any
    folder: Any
    data: Any


Call = Callable[..., Any]


@dataclass(frozen=True)
class Entry:
    """One public call.

    Attributes:
        args: How each argument reaches the server.
        call: Makes the call with the arguments that it is given, and good ones for the others; `None` where the test
            that `tried` names does.
        tried: A file of this folder.
    """

    args: Mapping[str, How]
    call: Call | None = None
    tried: str = ""
    attacked: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "attacked", tuple(name for name, how in self.args.items() if how not in TRUSTED))


def shapes(argument: str, text: str) -> list[Any]:
    """Return the values of an argument that hold a hostile text."""
    match argument:
        case "columns":
            return [text, [text], {text: "name"}, {"id": text}]
        case "key" | "partition_by" | "partitioning" | "databases":
            return [text, [text]]
        case "settings" | "named" | "storage_options":
            return [{text: text}, {"app.x": text}, {"search_path": text}]
        case "header":
            return [[text, "name"], ["id", text]]
        case "params" | "channels" | "paths" | "values":
            return [(text,)]
        case "rows" | "records":
            return [[(1, text)]]
        case _:
            return [text]


# -- the calls ---------------------------------------------------------------------------------------------------------


def _statement(method: str, sql: str = "select $1::text as v") -> Call:
    async def call(scene: Scene, **given: Any) -> None:
        params, named = given.pop("params", ("x",)), given.pop("named", None)
        if named is not None:
            value = next(iter(named.values()))
            await getattr(scene.session, method)(sql.replace("$1", ":a"), **given, a=value)
        else:
            await getattr(scene.session, method)(sql, *params, **given)

    return call


async def _stream(scene: Scene, **given: Any) -> None:
    params, named = given.pop("params", ("x",)), given.pop("named", None)
    sql, named = ("select $1::text as v", {}) if named is None else ("select :a::text as v", {"a": "".join(named)})
    async with scene.session.select_stream(sql, *(() if named else params), **named, **given) as stream:
        async for _ in stream:
            pass


async def _with_total(scene: Scene, **given: Any) -> None:
    from sqlspec import SQL

    await scene.session.select_with_total(SQL("select * from t").paginate(), **given)


async def _many(scene: Scene, **given: Any) -> None:
    rows = given.pop("rows", [(1, "x")])
    await scene.session.execute_many("insert into o values ($1, $2)", rows, **given)


async def _stack(scene: Scene, **given: Any) -> None:
    await scene.session.execute_stack([("select $1::text", given.pop("params", ("x",)))], **given)


async def _script(scene: Scene, **given: Any) -> None:
    await scene.session.execute_script("select 1", **given)


async def _notify(scene: Scene, **given: Any) -> None:
    await scene.session.notify(**{"channel": "c", "payload": "p", **given})


def _begin(method: str) -> Call:
    async def call(scene: Scene, **given: Any) -> None:
        if method == "begin":
            await scene.session.begin(**given)
            await scene.session.rollback()
            return
        async with scene.session.transaction(**given):
            await scene.session.execute("select 1")

    return call


async def _savepoint(scene: Scene, **given: Any) -> None:
    async with scene.session.transaction(), scene.session.savepoint(**given):
        await scene.session.execute("select 1")


async def _rerun(scene: Scene, **given: Any) -> None:
    async def work(session: Any) -> None:
        await session.execute("select 1")

    await scene.session.run_in_transaction(work, **given)


async def _settings(scene: Scene, **given: Any) -> None:
    settings, named = given.pop("settings", None), given.pop("named", {})
    if named:  # a setting as a keyword: its name is what Python takes
        named = {"application_name": next(iter(named.values()))}
    async with scene.session.with_settings(settings, **named):
        await scene.session.execute("select 1")


def _load(method: str) -> Call:
    async def call(scene: Scene, **given: Any) -> None:
        source: Any = {"load_from_arrow": scene.data, "load_from_records": scene.data.to_pylist()}.get(method)
        if source is None:
            source = scene.folder / "rows.csv"
            source.write_text("id,name\n7,x\n")
        name = {"load_from_arrow": "source", "load_from_records": "records"}.get(method, "path")
        ways: list[dict[str, Any]] = [{"mode": "upsert" if "key" in given else "overwrite"}]
        if "table" in given and method != "load_from_records":
            ways.insert(0, {"create": True})
        for way in ways:
            arguments = {"table": "o", name: source, **way, **given}
            await getattr(scene.session, method)(arguments.pop("table"), arguments.pop(name), **arguments)

    return call


async def _to_arrow(scene: Scene, **given: Any) -> None:
    await _statement("select_to_arrow")(scene, **given)


async def _to_storage(scene: Scene, **given: Any) -> None:
    path = given.pop("path", "out")
    named, params = given.pop("named", None), given.pop("params", ("x",))
    given = {"file_format": "csv", **given}
    if named is not None:
        call = scene.session.select_to_storage(
            "select id, :a::text as v from t", scene.folder / path, a=next(iter(named.values())), **given
        )
    else:
        call = scene.session.select_to_storage("select id, $1::text as v from t", scene.folder / path, *params, **given)
    await call


async def _explain(scene: Scene, **given: Any) -> None:
    await _statement("explain")(scene, **given)


async def _sql(scene: Scene, method: str, *args: Any, **given: Any) -> None:
    from sqlspec import SQL

    await scene.session.select(getattr(SQL("select * from t"), method)(*args, **given))


async def _where(scene: Scene, **given: Any) -> None:
    named = given.pop("named", None)
    if named is not None:
        await _sql(scene, "where", name=next(iter(named.values())))  # a column and its value
        await _sql(scene, "where", **named)
    else:
        await _sql(scene, "where", "name = $1", *given.pop("params", ("x",)))


async def _order_by(scene: Scene, **given: Any) -> None:
    columns = given.pop("columns", "id")
    await _sql(scene, "order_by", *([columns] if isinstance(columns, str) else list(columns)), **given)


def _page(method: str, name: str, good: int = 1) -> Call:
    async def call(scene: Scene, **given: Any) -> None:
        arguments = {name: good, **given}
        await _sql(scene, method, **arguments) if method == "paginate" else await _sql(scene, method, arguments[name])

    return call


def _filter(kind: str, **good: Any) -> Call:
    async def call(scene: Scene, **given: Any) -> None:
        from sqlspec.core import filters

        arguments = {**good, **given}
        positional = [arguments.pop("text_")] if "text_" in arguments else []
        positional += arguments.pop("params", ())
        arguments |= arguments.pop("named", {})
        await _sql(scene, "filter", getattr(filters, kind)(*positional, **arguments))

    return call


async def _push(scene: Scene, **given: Any) -> None:
    from sqlspec import StatementStack

    stack = StatementStack()
    if "named" in given:
        stack = stack.push_execute("select :a::text", a=next(iter(given["named"].values())))
    else:
        stack = stack.push_execute("select $1::text", *given.get("params", ("x",)))
    await scene.session.execute_stack(stack)


async def _listen(scene: Scene, **given: Any) -> None:
    async with scene.config.listen(*given["channels"]):
        pass


async def _provide(scene: Scene, **given: Any) -> None:
    async with scene.config.provide_session(**given):
        pass


async def _copy(scene: Scene, **given: Any) -> None:
    from sqlspec.etl import copy_table
    from tests.integration.harness import AsAsync

    config = scene.config
    target = config._target if isinstance(config, AsAsync) else config
    arguments = {"query_or_table": "t", "table": "o", **given}
    positional = (target, target, arguments.pop("query_or_table"), arguments.pop("table"))
    if isinstance(config, AsAsync):
        copy_table(*positional, **arguments)
    else:
        await copy_table(*positional, **arguments)


def _csv(**good: Any) -> Call:
    async def call(scene: Scene, **given: Any) -> None:
        from sqlspec.storage import Csv

        source = scene.folder / "rows.csv"
        source.write_text("7,x\n")
        await scene.session.load_from_storage("o", source, file_format=Csv(**{**good, **given}), mode="overwrite")

    return call


async def _rolled_back(scene: Scene, **given: Any) -> None:
    from sqlspec.testing import rolled_back
    from tests.integration.harness import AsAsync

    config = scene.config
    scope: Any = rolled_back(config._target if isinstance(config, AsAsync) else config, **given)
    async with AsAsync(scope) if isinstance(config, AsAsync) else scope as session:
        await session.execute("select 1")


# -- the entries -------------------------------------------------------------------------------------------------------

_SQL, _VALUE, _NAME, _TABLE, _LOCAL = How.SQL, How.VALUE, How.NAME, How.TABLE, How.LOCAL
_CHOICE, _LOOKUP, _PATH = How.CHOICE, How.LOOKUP, How.PATH

_RUN: dict[str, How] = {"sql": _SQL, "params": _VALUE, "named": _VALUE, "timeout": _CHOICE}
_ROWS: dict[str, How] = {**_RUN, "schema_type": _LOCAL}
_ARROW: dict[str, How] = {
    **_RUN, "batch_size": _CHOICE, "numeric": _CHOICE, "infinity": _CHOICE, "nan": _CHOICE, "nested": _CHOICE,
}  # fmt: skip
_OPENED: dict[str, How] = {"isolation": _CHOICE, "readonly": _CHOICE, "deferrable": _CHOICE}
_RECORDS: dict[str, How] = {
    "table": _TABLE, "columns": _NAME, "key": _NAME, "mode": _CHOICE, "overwrite": _CHOICE, "truncate": _CHOICE,
    "round": _CHOICE, "on_error": _CHOICE, "max_rejected": _CHOICE, "batch_rows": _CHOICE, "timeout": _CHOICE,
    "progress": _LOCAL,
}  # fmt: skip
_LOAD: dict[str, How] = {**_RECORDS, "create": _CHOICE}
_FILES: dict[str, How] = {
    "path": _PATH, "file_format": _CHOICE, "filesystem": _LOCAL, "storage_options": _LOOKUP,
}  # fmt: skip

_SESSION: dict[str, Entry] = {
    "select": Entry({**_ROWS, "validate": _CHOICE}, _statement("select")),
    "select_one": Entry({**_ROWS, "validate": _CHOICE}, _statement("select_one")),
    "select_one_or_none": Entry({**_ROWS, "validate": _CHOICE}, _statement("select_one_or_none")),
    "select_value": Entry(_RUN, _statement("select_value")),
    "select_value_or_none": Entry(_RUN, _statement("select_value_or_none")),
    "select_with_total": Entry({"sql": _SQL, "schema_type": _LOCAL, "timeout": _CHOICE}, _with_total),
    "select_stream": Entry({**_ROWS, "chunk_size": _CHOICE}, _stream),
    "select_to_arrow": Entry({**_ARROW, "return_format": _CHOICE}, _to_arrow),
    "select_to_storage": Entry(
        {**_ARROW, **_FILES, "overwrite": _CHOICE, "partition_by": _LOOKUP, "progress": _LOCAL}, _to_storage
    ),
    "execute": Entry(_ROWS, _statement("execute")),
    "execute_many": Entry({"sql": _SQL, "rows": _VALUE, "timeout": _CHOICE}, _many),
    "execute_script": Entry({"text": _SQL, "timeout": _CHOICE}, _script),
    "execute_stack": Entry({"stack": _SQL, "timeout": _CHOICE}, _stack),
    "explain": Entry(
        {**_RUN, "analyze": _CHOICE, "buffers": _CHOICE, "verbose": _CHOICE, "settings": _CHOICE, "wal": _CHOICE},
        _explain,
    ),
    "load_from_arrow": Entry({**_LOAD, "source": _LOCAL}, _load("load_from_arrow")),
    "load_from_records": Entry({**_RECORDS, "records": _VALUE}, _load("load_from_records")),
    "load_from_storage": Entry({**_LOAD, **_FILES, "partitioning": _CHOICE}, _load("load_from_storage")),
    "notify": Entry({"channel": How.CHANNEL, "payload": _VALUE}, _notify),
    "begin": Entry(_OPENED, _begin("begin")),
    "transaction": Entry(_OPENED, _begin("transaction")),
    "run_in_transaction": Entry({**_OPENED, "function": _LOCAL, "retries": _CHOICE}, _rerun),
    "savepoint": Entry({"name": _NAME}, _savepoint),
    "with_settings": Entry({"settings": How.SETTING, "named": How.SETTING}, _settings),
}

_FILTERS: dict[str, Entry] = {
    "Where": Entry({"text": _SQL, "params": _VALUE, "named": _VALUE}, _filter("Where", text_="name = $1")),
    "Equals": Entry({"column": _NAME, "value": _VALUE}, _filter("Equals", column="name", value="x")),
    "InCollection": Entry(
        {"column": _NAME, "values": _VALUE, "negate": _CHOICE}, _filter("InCollection", column="name", values=["x"])
    ),
    "BeforeAfter": Entry(
        {"column": _NAME, "before": _VALUE, "after": _VALUE, "inclusive": _CHOICE},
        _filter("BeforeAfter", column="name", before="x"),
    ),
    "Search": Entry(
        {"columns": _NAME, "text": _VALUE, "ignore_case": _CHOICE}, _filter("Search", columns="name", text="x")
    ),
    "OrderBy": Entry({"column": _NAME, "desc": _CHOICE, "nulls": _CHOICE}, _filter("OrderBy", column="name")),
    "LimitOffset": Entry({"limit": _CHOICE, "offset": _CHOICE}, _filter("LimitOffset", limit=1)),
}

_COPY: dict[str, How] = {
    **{name: how for name, how in _LOAD.items() if name not in ("batch_rows", "timeout")},
    "query_or_table": _SQL, "partition_by": _NAME, "partitions": _CHOICE, "verify": _CHOICE,
    "source_config": _LOCAL, "target_config": _LOCAL,
}  # fmt: skip

ENTRIES: dict[str, Entry] = {
    **{f"session.{name}": entry for name, entry in _SESSION.items()},
    "config": Entry(
        {"connection_config": How.START, "driver_features": _CHOICE, "observers": _LOCAL}, tried="test_connecting.py"
    ),
    "DriverFeatures": Entry(
        {
            "json_serializer": _LOCAL,
            "json_deserializer": _LOCAL,
            "infinity": _CHOICE,
            "naive_datetimes": _CHOICE,
            "vector_format": _CHOICE,
            "enable_pgvector": _CHOICE,
        },
        tried="test_connecting.py",
    ),
    "config.listen": Entry({"channels": How.CHANNEL, "on_gap": _LOCAL}, _listen),
    "config.provide_session": Entry({"timeout": _CHOICE}, _provide),
    "config.close": Entry({"timeout": _LOCAL}),
    "SQL": Entry({"text": _SQL, "params": _VALUE, "named": _VALUE}, tried="test_names.py"),
    "SQL.where": Entry({"condition": _SQL, "params": _VALUE, "named": _NAME}, _where),
    "SQL.order_by": Entry({"columns": _NAME, "desc": _CHOICE, "nulls": _CHOICE}, _order_by),
    "SQL.limit": Entry({"count": _CHOICE}, _page("limit", "count")),
    "SQL.offset": Entry({"count": _CHOICE}, _page("offset", "count")),
    "SQL.paginate": Entry({"page": _CHOICE, "page_size": _CHOICE}, _page("paginate", "page")),
    "SQL.filter": Entry({"filters": _LOCAL}),
    **_FILTERS,
    "StatementStack": Entry({"entries": _SQL}),
    "StatementStack.of": Entry({"source": _SQL}),
    "StatementStack.push_execute": Entry({"sql": _SQL, "params": _VALUE, "named": _VALUE}, _push),
    "SQLSpec.add_config": Entry({"config": _LOCAL}),
    "SQLSpec.provide_session": Entry({"config": _LOCAL, "timeout": _CHOICE}, tried="test_files.py"),
    "SQLSpec.add_named_sql": Entry({"name": _LOOKUP, "sql": _SQL}, tried="test_files.py"),
    "SQLSpec.get_sql": Entry({"name": _LOOKUP}, tried="test_files.py"),
    "SQLSpec.load_sql_files": Entry({"paths": _PATH}, tried="test_files.py"),
    "copy_table": Entry(_COPY, _copy),
}

_DATABASE: dict[str, How] = {"--dsn": How.START, "--db": _LOOKUP, "--driver": _CHOICE}
_OUTPUT: dict[str, How] = {"--json": _CHOICE, "--quiet": _CHOICE, "--help": _CHOICE}
_STORING: dict[str, How] = {
    "TABLE": _TABLE, "--mode": _CHOICE, "--key": _NAME, "--create": _CHOICE, "--column": _NAME, "--round": _CHOICE,
    "--on-error": _CHOICE, "--max-rejected": _CHOICE, "--rejected": _PATH,
}  # fmt: skip
_FILE: dict[str, How] = {
    "FILE": _PATH, "--format": _CHOICE, "--delimiter": _CHOICE, "--null": _LOOKUP, "--storage-option": _LOOKUP,
}  # fmt: skip

_COMMANDS: dict[str, dict[str, How]] = {
    "load": {
        **_STORING, **_FILE, **_DATABASE, **_OUTPUT, "--encoding": _CHOICE, "--header": _NAME, "--batch-rows": _CHOICE,
        "--timeout": _CHOICE,
    },
    "export": {
        "QUERY": _SQL, "--param": _VALUE, **_FILE, **_DATABASE, **_OUTPUT, "--overwrite": _CHOICE,
        "--partition-by": _LOOKUP, "--timeout": _CHOICE,
    },
    "copy": {
        "SOURCE": How.START, "TARGET": How.START, **_STORING, **_OUTPUT, "--from": _SQL, "--driver": _CHOICE,
        "--source-driver": _CHOICE, "--target-driver": _CHOICE, "--partitions": _CHOICE, "--partition-by": _NAME,
        "--verify": _CHOICE,
    },
    "query": {
        "SQL": _SQL, "--param": _VALUE, **_DATABASE, **_OUTPUT, "--limit": _CHOICE, "--expanded": _CHOICE,
        "--timeout": _CHOICE,
    },
    "ping": {**_DATABASE, **_OUTPUT, "--wait": _CHOICE},
    "doctor": {**_DATABASE, **_OUTPUT},
}  # fmt: skip

_FORMATS: dict[str, Entry] = {
    "Csv": Entry(
        {"header": _NAME, "delimiter": _CHOICE, "null": _LOOKUP, "encoding": _CHOICE}, _csv(header=["id", "name"])
    ),
    "Parquet": Entry({"compression": _CHOICE}, tried="test_files.py"),
    "Arrow": Entry({"compression": _CHOICE}, tried="test_files.py"),
}

_TESTING: dict[str, Entry] = {
    "EmbeddedPostgres": Entry(
        {
            "version": _CHOICE, "databases": _NAME, "settings": How.START, "data_dir": _PATH, "start_timeout": _LOCAL,
        },
        tried="test_embedded.py",
    ),
    "EmbeddedPostgres.database": Entry({"name": _NAME, "template": _NAME}, tried="test_embedded.py"),
    "EmbeddedPostgres.dsn_for": Entry({"database": How.START}, tried="test_embedded.py"),
    "rolled_back": Entry({"config": _LOCAL, "isolation": _CHOICE}, _rolled_back),
    "assert_queries": Entry({"target": _LOCAL, "exactly": _LOCAL, "max": _LOCAL}),
    "record_queries": Entry({"target": _LOCAL}),
    "no_leaks": Entry({"config": _LOCAL}),
    "correlation": Entry({"identifier": _LOCAL}),
}  # fmt: skip

_CLI = {f"sqlspec {name}": Entry(args, tried="test_command_line.py") for name, args in _COMMANDS.items()}

ENTRIES |= {**_FORMATS, **_TESTING, **_CLI}

NOT_CALLED: dict[str, str] = {
    "AsyncDriver": "what an adapter implements; a session calls it",
    "AsyncStream": "made by a session",
    "AsyncListener": "made by a config",
    "AsyncArrowReader": "made by a session",
    "Notification": "made by a listener",
    "PoolStats": "made by a config",
    **dict.fromkeys(
        ("CorrelationFilter", "JSONFormatter", "LoggingObserver", "OpenTelemetryObserver", "PrometheusObserver"),
        "an observer, or part of logging: it sends nothing to a server",
    ),
    "SlowStatements": "an observer: it sends EXPLAIN before a statement that was sent already",
    "SlowStatement": "made by an observer",
    "Recorder": "made by `record_queries`",
    "Statement": "made by a recorder",
    **dict.fromkeys(
        (
            "Checkin", "Checkout", "Connect", "Database", "LoadProgress", "PoolWait", "Retry", "StatementEnd",
            "StatementStart", "TransactionEnd", "TransactionStart",
        ),
        "told to observers",
    ),
    **dict.fromkeys(("Buffers", "Explanation", "PlanNode", "Trigger"), "made by `session.explain`"),
    "Observer": "what a program implements",
    "Column": "part of a result",
    "SQLResult": "made by a session; `get_data` takes a class",
    "ArrowResult": "made by a session; `to_pandas` passes its options on to pyarrow",
    "ExportJob": "made by a session",
    "LoadJob": "made by a session",
    "CopyJob": "made by `copy_table`",
}  # fmt: skip
"""Public classes without an entry point of their own: why."""

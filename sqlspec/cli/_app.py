"""The commands: their arguments, and what becomes of their results and errors."""

from __future__ import annotations

import math
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from sqlspec.cli import _jobs as jobs
from sqlspec.cli._databases import configured_database, find_database, named_or_dsn
from sqlspec.cli._doctor import configs_of, examine
from sqlspec.cli._drivers import DRIVERS
from sqlspec.cli._failures import BROKEN_PIPE, INTERRUPTED, Failure
from sqlspec.cli._parameters import read_parameters
from sqlspec.cli._running import Interrupted
from sqlspec.cli._running import run as run_work
from sqlspec.cli._screen import ClosedPipe, Outcome, Screen, abandon_stdout
from sqlspec.exceptions import ParameterError, SQLSpecError
from sqlspec.postgres.sql import quote_qualified

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from sqlspec.driver import AsyncConfig

__all__ = ("app", "run")

C = TypeVar("C", bound="Callable[..., Any]")

FORMATS = ("parquet", "csv", "arrow", "jsonl")
CSV = ("delimiter", "null", "encoding", "header")
MODES = ("append", "overwrite", "upsert", "update", "delete")

EPILOG = """\
The database is the first of: --dsn, --db, SQLSPEC_DSN, DATABASE_URL, dsn under [tool.sqlspec] in pyproject.toml.

Exit status: 0 done, 1 refused by the database or wrong data, 2 wrong usage, 3 no connection, 4 done but for rejected
rows, 130 interrupted.
"""


def run(arguments: Sequence[str]) -> int:
    """Run a command.

    Args:
        arguments: The command line, without the name of the program.

    Returns:
        The exit status.
    """
    screen = Screen(as_json="--json" in arguments)
    try:
        try:
            return _shown(screen, arguments)
        except Interrupted as interrupted:
            return screen.fail(_interrupted(interrupted.status))
        except (click.Abort, KeyboardInterrupt):
            return screen.fail(_interrupted(INTERRUPTED))
        except (SQLSpecError, OSError, click.ClickException) as error:
            return screen.fail(Failure.of(error))
    except ClosedPipe:
        abandon_stdout()
        return BROKEN_PIPE


def _interrupted(status: int) -> Failure:
    return Failure(status, "Interrupted", "interrupted by a signal: what was begun is undone", {})


def _shown(screen: Screen, arguments: Sequence[str]) -> int:
    # Without arguments click takes those of the process.
    outcome = app.main(list(arguments) or ["--help"], prog_name="sqlspec", standalone_mode=False, obj=screen)
    if not isinstance(outcome, Outcome):  # --help and --version
        return int(outcome or 0)
    screen.show(outcome)
    return outcome.status


# -- options that commands share --------------------------------------------------------------------


def _together(*options: Callable[[C], C]) -> Callable[[C], C]:
    """Return one decorator for several options, which the help lists in this order."""

    def decorate(command: C) -> C:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


driver = click.option("--driver", type=click.Choice(list(DRIVERS)), help="Driver to use, in place of the first found.")


class _Seconds(click.FloatRange):
    """A time; NaN is neither in a range nor outside."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail("it is not a number of seconds; correct it", param, ctx)
        return seconds


def _be_quiet(context: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        context.ensure_object(Screen).quiet = True


timeout = click.option("--timeout", type=_Seconds(0, min_open=True), metavar="FLOAT", help="Limit in seconds.")
connection = _together(
    click.option("--dsn", metavar="DSN", help="Connection string of the database."),
    click.option("--db", metavar="NAME", help="A database of [tool.sqlspec.databases] in pyproject.toml."),
    driver,
)
output = _together(
    # Looked for before the rest is read: a wrong command line is reported as JSON too.
    click.option("--json", is_flag=True, expose_value=False, help="Write results and errors as JSON to stdout."),
    click.option("-q", "--quiet", is_flag=True, expose_value=False, callback=_be_quiet, help="Show no progress."),
)
parameters = click.option(
    "-p", "--param", "given", multiple=True, metavar="NAME=VALUE", help="A parameter; NAME alone is NULL. Repeatable."
)
file_format = _together(
    click.option(
        "--format", "file_format", type=click.Choice(FORMATS), help="Format of the file, where its name does not tell."
    ),
    click.option("--delimiter", metavar="CHARACTER", help=r"Between the values of CSV, \t for a tabulator."),
    click.option("--null", metavar="TEXT", help="What stands for NULL in CSV."),
)
read_format = _together(
    click.option("--encoding", metavar="NAME", help="Encoding of CSV that is loaded, if not UTF-8."),
    click.option("--header", metavar="NAMES", help="Columns of CSV without a line for them, with commas between."),
)
storage_options = click.option(
    "--storage-option", "storage", multiple=True, metavar="NAME=VALUE", help="For fsspec, such as a key. Repeatable."
)


def _limit(context: click.Context, option: click.Parameter, text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal():
        raise click.BadParameter("it is neither a number nor `all`; correct it", context, option)
    return int(text)


storing = _together(
    click.option(
        "--mode", type=click.Choice(MODES), default="append", show_default=True, help="What becomes of the rows."
    ),
    click.option("--key", multiple=True, metavar="COLUMN", help="A column by which rows are found. Repeatable."),
    click.option("--create", is_flag=True, help="Make the table, with the types of the source."),
    click.option("--column", "columns", multiple=True, metavar="NAME", help="Take only this column. Repeatable."),
    click.option("--round", is_flag=True, help="Allow digits to be lost."),
    click.option(
        "--on-error",
        type=click.Choice(["abort", "quarantine"]),
        default="abort",
        show_default=True,
        help="End at a row that cannot be stored, or put it aside.",
    ),
    click.option(
        "--max-rejected",
        metavar="NUMBER",
        default="1000",
        show_default=True,
        callback=_limit,
        help="Rows that may be put aside, or all; with more nothing is stored.",
    ),
    click.option(
        "--rejected", metavar="FILE", help="Where to write the rows that were put aside; implies the quarantine."
    ),
)


def _work(work: Callable[..., Coroutine[Any, Any, Outcome]], *configs: AsyncConfig[Any], **options: Any) -> Outcome:
    stopping = partial(_screen().note, "stopping; a second signal ends the program at once")
    return run_work(partial(work, **options), *configs, stopping=stopping)


def _screen() -> Screen:
    return click.get_current_context().find_object(Screen) or Screen()


def _sql(text: str) -> str:
    """Return a statement; `-` stands for what is on stdin."""
    return sys.stdin.read() if text == "-" else text


def _described(file: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with what is said of CSV as part of the format."""
    given = {name: text for name in CSV if (text := options.pop(name, None)) is not None}
    if not given:
        return options
    from sqlspec.storage import Csv
    from sqlspec.storage.formats import file_format_of

    try:
        found = file_format_of(file, options["file_format"])
    except ParameterError:  # the name does not tell
        found = Csv()
    if not isinstance(found, Csv):
        raise click.UsageError(f"--{next(iter(given))} is for CSV, and the file is another format; leave it out")

    if "delimiter" in given:
        given["delimiter"] = given["delimiter"].replace("\\t", "\t")
    if "header" in given:
        given["header"] = given["header"].split(",")
    return options | {"file_format": Csv(**given)}


def _storing(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a load as the session takes them."""
    lists = {name: list(options[name]) or None for name in ("key", "columns")}
    implied = {} if options["rejected"] is None else {"on_error": "quarantine"}
    chosen = options | lists | implied
    if chosen["on_error"] != options["on_error"] and _is_given("on_error"):
        raise click.UsageError("--rejected needs the quarantine, and --on-error is abort; leave one of them out")
    if chosen["on_error"] == "abort" and _is_given("max_rejected"):
        raise click.UsageError("--max-rejected is for the quarantine; add --on-error quarantine, or leave it out")
    return chosen


def _is_given(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def _pairs(given: Sequence[str]) -> dict[str, str] | None:
    pairs: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not name or not equals or name in pairs:
            raise click.UsageError("a storage option is not of the form name=value, or there twice; correct it")
        pairs[name] = value
    return pairs or None


# -- the commands -----------------------------------------------------------------------------------


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="sqlspec", prog_name="sqlspec")
def app() -> None:
    """Move data between files and PostgreSQL, all or nothing, through the driver of your choice."""


@app.command()
@click.argument("file")
@click.argument("table")
@connection
@storing
@file_format
@read_format
@storage_options
@click.option("--batch-rows", type=click.IntRange(1), help="Rows per piece at most.")
@timeout
@output
def load(dsn: str | None, db: str | None, driver: str | None, storage: tuple[str, ...], **options: Any) -> Outcome:
    """Load FILE into TABLE: all of it, or nothing.

    FILE is a path, a directory or a URI: Parquet, CSV, Arrow or JSON lines. Its columns go to those of the same names.
    """
    config = find_database(dsn, db).config(driver)
    options = _storing(_described(options["file"], options))
    return _work(jobs.load, config, screen=_screen(), storage_options=_pairs(storage), **options)


@app.command()
@click.argument("query")
@click.argument("file")
@connection
@parameters
@click.option("--overwrite", is_flag=True, help="Replace a file that is there, or all files of the directory.")
@click.option(
    "--partition-by",
    metavar="COLUMN",
    multiple=True,
    callback=lambda *given: given[2] or None,
    help="FILE is a directory, with a file for each value of the column; may be given several times.",
)
@file_format
@storage_options
@timeout
@output
def export(
    query: str,
    dsn: str | None,
    db: str | None,
    driver: str | None,
    given: tuple[str, ...],
    storage: tuple[str, ...],
    **options: Any,
) -> Outcome:
    """Write the rows of QUERY to FILE: all of them, or no file.

    QUERY is a statement, or - to read one from stdin. FILE is a path or a URI; with --partition-by a directory, which
    needs --format.
    """
    config = find_database(dsn, db).config(driver)
    named = read_parameters(given)
    return _work(
        jobs.export,
        config,
        screen=_screen(),
        sql=_sql(query),
        given=named,
        storage_options=_pairs(storage),
        **_described(options["file"], options),
    )


@app.command()
@click.argument("source")
@click.argument("target")
@click.argument("table")
@click.option("--from", "what", metavar="QUERY", help="Copy a table of another name, or the rows of a query.")
@driver
@click.option("--source-driver", type=click.Choice(list(DRIVERS)), help="Driver to read with, if it is another.")
@click.option("--target-driver", type=click.Choice(list(DRIVERS)), help="Driver to write with, if it is another.")
@storing
@click.option("--partitions", type=click.IntRange(1), help="Parts to read at the same time.")
@click.option("--partition-by", metavar="COLUMN", help="Column whose ranges are the parts of a query.")
@click.option(
    "--verify",
    type=click.Choice(["count", "checksum"]),
    default="count",
    show_default=True,
    help="What to compare before the copy counts.",
)
@output
def copy(
    source: str,
    target: str,
    table: str,
    what: str | None,
    driver: str | None,
    source_driver: str | None,
    target_driver: str | None,
    **options: Any,
) -> Outcome:
    """Copy TABLE from the database SOURCE to the database TARGET: all of it, or nothing.

    SOURCE and TARGET are connection strings, or names of [tool.sqlspec.databases] in pyproject.toml.
    """
    configs = (
        named_or_dsn(source).config(source_driver or driver),
        named_or_dsn(target).config(target_driver or driver),
    )
    # Quoted, so that it is a name: bare words with a blank between them are a query.
    what = quote_qualified(table) if what is None else what
    return _work(jobs.copy, *configs, screen=_screen(), what=what, table=table, **_storing(options))


@app.command()
@click.argument("sql")
@connection
@parameters
@click.option("--limit", type=click.IntRange(0), default=1000, show_default=True, help="Rows to show; 0: all.")
@click.option("-x", "--expanded", is_flag=True, help="Show each column on a line of its own.")
@timeout
@output
def query(
    sql: str, dsn: str | None, db: str | None, driver: str | None, given: tuple[str, ...], **options: Any
) -> Outcome:
    """Run the statement SQL and show what it returns; - reads it from stdin.

    With --json all rows are written. For more rows than fit into memory there is export.
    """
    config = find_database(dsn, db).config(driver)
    return _work(jobs.query, config, screen=_screen(), sql=_sql(sql), given=read_parameters(given), **options)


@app.command()
@connection
@click.option("--wait", type=_Seconds(0), default=0, metavar="SECONDS", help="Try again for so long.")
@output
def ping(dsn: str | None, db: str | None, driver: str | None, wait: float) -> Outcome:
    """Connect to the database and tell how long that takes."""
    return _work(jobs.ping, find_database(dsn, db).config(driver), wait=wait)


@app.command()
@connection
@output
def doctor(dsn: str | None, db: str | None, driver: str | None) -> Outcome:
    """Tell which drivers are installed, what each cannot do, and which of them reach the database."""
    database = configured_database(dsn, db)
    configs = configs_of(database, driver)
    opened = [config for config in configs.values() if not isinstance(config, SQLSpecError)]

    async def work(*_: AsyncConfig[Any]) -> Outcome:
        return await examine(configs, database)

    return _work(work, *opened)

"""Write the tables of the documentation that follow from the code, or check that they are up to date.

A table stands between two comments of a page:

    <!-- generated: keys -->
    <!-- end of generated -->

The word after the colon names a function of `SECTIONS`, which returns the text in between. All other text of a
page is written by hand and left alone. A section that no page uses, and a mark without a section, are errors.

Run `python tools/gen_reference.py` to write, with `--check` to compare instead.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import click
import psycopg.errors

import sqlspec.adapters
import sqlspec.cli._app
from sqlspec import exceptions
from sqlspec.core.capabilities import AdapterSpec, Capabilities, Support
from sqlspec.driver._async_config import AsyncConfig
from sqlspec.driver._sync_config import SyncConfig
from sqlspec.postgres.dsn import ENVIRONMENT, PARAMETERS
from sqlspec.postgres.keys import KEYS, SPELLINGS, BadValueError
from sqlspec.postgres.settings import Alias, ConnectionSettings, KeyDialect, PoolSettings

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools._pages import MARK, ROOT

PAGES = (
    "README.md",
    "docs/reference/adapters.md",
    "docs/reference/configuration.md",
    "docs/reference/errors.md",
    "docs/reference/cli.md",
)

# What a capability is about, in the words of a user. Every field of Capabilities has an entry.
TITLES = {
    "rows_affected": "`rows_affected` of every statement",
    "columns_when_empty": "columns of a result without rows",
    "duplicate_columns": "two columns of one name, as tuples",
    "sqlstate": "SQLSTATE and fields of server errors",
    "error_position": "the place in the statement that a server error is about",
    "usable_after_error": "the session goes on after an error",
    "savepoints": "savepoints",
    "isolation": "isolation levels",
    "multi_statement": "scripts of several statements",
    "execute_many_returning": "`execute_many` with RETURNING",
    "stream": "streams of rows",
    "stack_in_one_trip": "a stack in one round trip",
    "listen": "listening to notifications",
    "cancel": "cancelling a statement on the server",
    "concurrent_calls": "other threads or tasks run while a call waits",
    "copy_in": "COPY from the client",
    "copy_out": "COPY to the client",
    "arrow_in": "loading Arrow data",
    "arrow_out": "results as Arrow data",
    "tls": "TLS",
}
CAUSES = {"todo": "to be done here", "upstream": "up to the driver", "never": "will not come"}

# Keys in the groups of the page, and what the docstrings of the settings do not tell.
GROUPS = {
    "Where to connect": ("dsn", "host", "hosts", "port", "ports", "user", "password", "database"),
    "How to connect": ("connect_timeout", "target_session_attrs", "load_balance_hosts", "pooler", "options"),
    "TLS": ("sslmode", "sslrootcert", "sslcert", "sslkey"),
    "TCP": ("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"),
    "Session": ("application_name", "client_encoding", "statement_timeout", "command_timeout", "session_settings"),
    "Pool": ("min_size", "max_size", "acquire_timeout", "max_lifetime", "max_idle", "reset", "validate", "leak_after"),
}
MEANINGS = {
    "dsn": "Connection string: a `postgresql://` URL, or pairs of `name=value`. Other keys override its parts.",
    "host": "The same as `hosts`, for one.",
    "port": "The same as `ports`, for one.",
    "ports": "One port for all hosts, or one for each.",
    "client_encoding": "Encoding of the connection.",
    "statement_timeout": "Time after which the server stops a statement; a number is in seconds.",
    "tcp_user_timeout": "Milliseconds that sent data may stay unacknowledged; 0 is the system's choice.",
    "connect_timeout": "Seconds for each host; `None` and 0 wait without limit.",
    "max_lifetime": "Seconds after which a connection is replaced; `None` and 0: never.",
    "max_idle": "Seconds after which an unused connection is closed; `None` and 0: never.",
    "leak_after": "Seconds after which a connection that was not given back is reported in the log, with the stack of "
    "who took it; `None` and 0: never.",
}
# A value that fits no key, and for keys with several forms one that only their longest message refuses.
MISFIT = object()
MISFITS: dict[str, Any] = {"statement_timeout": "?", "session_settings": {"": ""}, "database": "://"}
DEFAULTS = {
    "hosts": "`localhost`",
    "ports": "`5432`",
    "user": "the system's user",
    "database": "name of the user",
    "client_encoding": "`UTF8`",
}
CLASS_TITLES = {
    "08": "connection exception",
    "0A": "feature not supported",
    "22": "data exception",
    "23": "integrity constraint violation",
    "25": "invalid transaction state",
    "28": "invalid authorization specification",
    "2D": "invalid transaction termination",
    "3B": "savepoint exception",
    "40": "transaction rollback",
    "42": "syntax error or access rule violation",
    "44": "with check option violation",
}


class Adapter(NamedTuple):
    """An adapter, with the config classes that its package exports."""

    spec: AdapterSpec
    dialect: KeyDialect
    asynchronous: tuple[str, ...]
    synchronous: tuple[str, ...]
    specs: tuple[AdapterSpec, ...]


@cache
def adapters() -> tuple[Adapter, ...]:
    """Import every adapter that exports a config class."""
    found = []
    for info in pkgutil.iter_modules(sqlspec.adapters.__path__):
        package = importlib.import_module(f"sqlspec.adapters.{info.name}")
        classes = [getattr(package, name) for name in package.__all__]
        configs = [kind for kind in classes if inspect.isclass(kind) and issubclass(kind, AsyncConfig | SyncConfig)]
        if configs:
            asynchronous, synchronous = (
                tuple(kind.__name__ for kind in configs if issubclass(kind, base)) for base in (AsyncConfig, SyncConfig)
            )
            first: Any = configs[0]
            specs: dict[AdapterSpec, None] = {kind.spec: None for kind in configs}
            found.append(Adapter(first.spec, first.dialect, asynchronous, synchronous, tuple(specs)))
    return tuple(found)


def columns() -> dict[str, Capabilities]:
    """Return the capabilities by heading: a flavour that can do less than the other has a column of its own."""
    found = {}
    for adapter in adapters():
        found[adapter.spec.name] = adapter.specs[0].capabilities
        for other in adapter.specs[1:]:
            found[f"{other.name} (sync)"] = other.capabilities
    return found


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def code(names: Iterable[str]) -> str:
    """Write names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


# -- adapters -------------------------------------------------------------------------------------


def adapter_table() -> str:
    """List the adapters with their config classes."""
    return table(
        ("adapter", "async", "sync", "extra", "tested with"),
        (
            (
                adapter.spec.name,
                code(adapter.asynchronous) or "-",
                code(adapter.synchronous) or "-",
                f"`sqlspec[{extra_of(adapter.spec)}]`",
                f"`{adapter.spec.tested_with}`",
            )
            for adapter in adapters()
        ),
    )


def extra_of(spec: AdapterSpec) -> str:
    """Return the extra that installs the adapter's driver."""
    return spec.name.partition("_")[0]


def capability_titles() -> dict[str, str]:
    """Return the title of each capability, in the order of the fields."""
    return {field.name: TITLES[field.name] for field in fields(Capabilities)}


def capability_short() -> str:
    """Write the table of levels, without reasons and without what is native everywhere."""
    rows = [
        (title, *(getattr(column, name).level for column in columns().values()))
        for name, title in capability_titles().items()
    ]
    head = ("", *columns())
    return table(head, (row for row in rows if set(row[1:]) != {"native"}))


def capability_table() -> str:
    """Write the table of levels, with the reasons below it."""
    notes: dict[str, int] = {}

    def cell(support: Support) -> str:
        if not support.reason:
            return support.level
        cause = f" ({CAUSES[support.cause]})" if support.cause else ""
        number = notes.setdefault(f"{support.reason}{cause}.", len(notes) + 1)
        return f"{support.level} [{number}]"

    text = table(
        ("field", "question", *columns()),
        (
            (f"`{name}`", title, *(cell(getattr(column, name)) for column in columns().values()))
            for name, title in capability_titles().items()
        ),
    )
    return text + "\n" + "".join(f"{number}. {note[0].upper()}{note[1:]}\n" for note, number in notes.items())


# -- configuration keys ---------------------------------------------------------------------------


def attributes_of(kind: type[Any]) -> dict[str, str]:
    """Return the attributes that a docstring in Google style describes."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        entry = re.fullmatch(r"    (\w+): (.*)", line)
        if entry is not None:
            name = entry[1]
            found[name] = entry[2]
        elif line.startswith("        ") and name:
            found[name] += " " + line.strip()
        else:
            break
    return found


def taken_by(key: str) -> str:
    """Ask the check of a key what it takes."""
    try:
        KEYS[SPELLINGS.get(key, key)].check(MISFITS.get(key, MISFIT))
    except BadValueError as error:
        return str(error)
    raise AssertionError(f"{key} takes anything")


def default_of(key: str) -> str:
    """Return the default of a key as text."""
    if key in SPELLINGS:
        return default_of(SPELLINGS[key])
    if key in DEFAULTS:
        return DEFAULTS[key]
    for field in (*fields(ConnectionSettings), *fields(PoolSettings)):
        if field.name == key and field.default is not MISSING:
            return "none" if field.default is None else f"`{field.default!r}`"
    return "none"


def key_tables() -> str:
    """Write one table for each group of keys."""
    missing = set(KEYS) | set(SPELLINGS)
    meanings = {**attributes_of(ConnectionSettings), **attributes_of(PoolSettings), **MEANINGS}
    parts = []
    for title, keys in GROUPS.items():
        missing -= set(keys)
        rows = ((f"`{key}`", meanings[key], taken_by(key), default_of(key)) for key in keys)
        parts.append(f"### {title}\n\n" + table(("key", "meaning", "takes", "default"), rows))
    if missing:
        raise ValueError(f"keys without a group in tools/gen_reference.py: {', '.join(sorted(missing))}")
    return "\n".join(parts)


def key_sources() -> str:
    """Tell where else a key can be given."""
    variables = {key: name for name, key in ENVIRONMENT.items()}
    rows = (
        (f"`{key}`", f"`{parameter}`", f"`{variables[key]}`" if key in variables else "-")
        for parameter, key in PARAMETERS.items()
    )
    return table(("key", "in a DSN", "in the environment"), rows)


def key_dialects() -> str:
    """Tell what each adapter takes beside the portable keys, and what it refuses."""
    return "\n".join(_dialect(adapter.dialect) for adapter in adapters())


def _dialect(dialect: KeyDialect) -> str:
    rows: list[tuple[str, str]] = []
    for alias, target in dialect.aliases.items():
        if isinstance(target, str):
            rows.append((f"`{alias}`", f"the same as `{target}`"))
        elif isinstance(target, Alias):
            rows.append((f"`{alias}`", f"{'added to' if target.part else 'converted to'} `{target.key}`"))
        else:
            rows.append((f"`{alias}`", "split into several keys"))
    rows += [(f"`{name}`", "passed to the adapter as given") for name in sorted(dialect.native)]
    for key, reason in dialect.refused.items():
        shown = f"`{key}`" if isinstance(key, str) else f"`{key[0]}` with `{key[1]}`"
        rows.append((shown, f"refused: {reason}"))
    return f"### {dialect.adapter}\n\n" + table(("key", "what it does"), rows)


# -- errors ---------------------------------------------------------------------------------------


def error_tree() -> str:
    """Write the exception classes as a nested list."""
    return "".join(_branch(exceptions.SQLSpecError, 0))


def _branch(kind: type[BaseException], depth: int) -> Iterator[str]:
    doc = (inspect.getdoc(kind) or "").splitlines()[0]
    link = f"[`{kind.__name__}`][sqlspec.exceptions.{kind.__name__}]"
    yield f"{'    ' * depth}- {link}: {doc}\n"
    for child in kind.__subclasses__():
        if child.__module__ == exceptions.__name__:
            yield from _branch(child, depth + 1)


def error_states() -> str:
    """Write the table of SQLSTATEs: classes of codes, and the codes that differ from their class."""
    rows = [(f"{code}...", CLASS_TITLES[code], kind) for code, kind in exceptions._CLASSES.items()]
    for state, kind in exceptions._CODES.items():
        name = psycopg.errors.lookup(state).__name__
        rows.append((state, re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower(), kind))
    rows.sort()
    return table(
        ("SQLSTATE", "condition", "class"),
        ((f"`{state}`", name, f"`{kind.__name__}`") for state, name, kind in rows),
    )


# -- the command line -----------------------------------------------------------------------------


def command_tables() -> str:
    """Write what each command takes: in our own words, because click lays its help out anew in each release."""
    return "\n".join(_command(name, command) for name, command in sqlspec.cli._app.app.commands.items())


def _command(name: str, command: click.Command) -> str:
    arguments = [item for item in command.params if isinstance(item, click.Argument)]
    usage = " ".join(item.make_metavar(click.Context(command)) for item in arguments)
    options = [item for item in command.params if isinstance(item, click.Option)]
    text = inspect.cleandoc(command.help or "").replace("\n", " ").replace("  ", "\n\n")
    title = f"## {name}\n\n`sqlspec {name}{' ' if usage else ''}{usage} [OPTIONS]`\n\n{text}\n\n"
    return title + table(("option", "meaning"), ((_option(item), _meaning(item)) for item in options))


def _option(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    if option.is_flag:
        return names
    if isinstance(option.type, click.Choice):
        return f"{names} {', '.join(f'`{choice}`' for choice in option.type.choices)}"
    return f"{names} {option.metavar or option.type.name.upper().partition(' ')[0]}"


def _meaning(option: click.Option) -> str:
    return (option.help or "") + (f" Default: `{option.default}`." if option.show_default else "")


SECTIONS: dict[str, Callable[[], str]] = {
    "adapters": adapter_table,
    "capabilities": capability_table,
    "capabilities-short": capability_short,
    "keys": key_tables,
    "key-sources": key_sources,
    "key-dialects": key_dialects,
    "error-tree": error_tree,
    "error-states": error_states,
    "commands": command_tables,
}


def filled(text: str, sections: dict[str, Callable[[], str]]) -> tuple[str, set[str]]:
    """Return a page with its sections written anew, and their names.

    Raises:
        ValueError: A mark names no section.
    """
    used: set[str] = set()

    def fill(mark: re.Match[str]) -> str:
        name = mark["name"]
        if name not in sections:
            raise ValueError(f"there is no section {name!r}")
        used.add(name)
        return f"{mark[1]}\n{sections[name]().strip()}\n\n{mark[4]}"

    return MARK.sub(fill, text), used


def run(root: Path, pages: Iterable[str], sections: dict[str, Callable[[], str]], *, check: bool) -> list[str]:
    """Write the pages, or compare them; return what is wrong."""
    problems: list[str] = []
    used: set[str] = set()
    for name in pages:
        page = root / name
        before = page.read_text(encoding="utf-8")
        try:
            after, found = filled(before, sections)
        except ValueError as error:
            problems.append(f"error: {name}: {error}")
            continue
        used |= found
        if check and before != after:
            problems.append(f"stale: {name}; run: python tools/gen_reference.py")
        elif before != after:
            page.write_text(after, encoding="utf-8", newline="\n")
    if not problems or check:
        problems += [f"unused: no page has the section {name!r}" for name in sections if name not in used]
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status: 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description="write the generated tables of the documentation")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    problems = run(ROOT, PAGES, SECTIONS, check=options.check)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

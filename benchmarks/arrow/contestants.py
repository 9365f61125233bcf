"""Who takes part: a name, the code that runs in a process of its own, and what is expected of it."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from benchmarks.contestants import ADBC, CONNECTORX

__all__ = ("AGAIN", "BASELINE", "CONTESTANTS", "DIRECTIONS", "Contestant", "Direction")

Direction: TypeAlias = Literal["load", "select"]
DIRECTIONS: tuple[Direction, ...] = ("load", "select")

ADAPTERS = "benchmarks.arrow.adapters"
PEERS = "benchmarks.arrow.peers"


class Contestant(NamedTuple):
    """One way to load and read Arrow data.

    Attributes:
        name: What the report calls it.
        factory: `module:callable` that makes it; it is given the DSN and `argument`.
        argument: What tells it from others of the same factory.
        environment: Name of its virtual environment, and
        packages: what that holds; nothing for that of the benchmark itself.
        load: How many times as fast as the baseline it has to load, 0 if nothing is asked.
        select: The same for reading.
        streams: Whether it takes part in the streaming of more rows than a client wants to hold.
        directions: What it can do.
    """

    name: str
    factory: str
    argument: str = ""
    environment: str = ""
    packages: tuple[str, ...] = ()
    load: float = 0
    select: float = 0
    streams: bool = True
    directions: tuple[Direction, ...] = DIRECTIONS

    def bar(self, direction: Direction) -> float:
        """Return what is asked of it, as a multiple of the baseline's speed."""
        return self.load if direction == "load" else self.select


BASELINE = Contestant("adbc", f"{PEERS}.adbc:Adbc", environment="adbc", packages=ADBC, streams=False)
"""ADBC as its manual calls it: tables in and out."""
AGAIN = BASELINE._replace(name="adbc again (A/A)")
"""The same once more: how far it is from the first says how much of a difference is noise."""

CONTESTANTS = (
    BASELINE,
    AGAIN,
    Contestant("adbc, 16k rows", f"{PEERS}.adbc:AdbcReader", environment="adbc", packages=ADBC),
    Contestant(
        "pgpq + psycopg",
        f"{PEERS}.pgpq:Pgpq",
        environment="pgpq",
        packages=("pyarrow", "numpy", "pgpq==0.12.0", "psycopg[binary]"),
        directions=("load",),
    ),
    Contestant(
        "connectorx",
        f"{PEERS}.connectorx:Connectorx",
        environment="connectorx",
        packages=CONNECTORX,
        streams=False,
        directions=("select",),
    ),
    Contestant("asyncpg", f"{ADAPTERS}:AsyncAdapter", "sqlspec.adapters.asyncpg:AsyncpgConfig", load=1.5, select=1.3),
    Contestant(
        "psycopg", f"{ADAPTERS}:AsyncAdapter", "sqlspec.adapters.psycopg:PsycopgAsyncConfig", load=1.6, select=1.1
    ),
    Contestant(
        "psycopg sync", f"{ADAPTERS}:SyncAdapter", "sqlspec.adapters.psycopg:PsycopgSyncConfig", load=1.6, select=1.1
    ),
    Contestant("psqlpy", f"{ADAPTERS}:AsyncAdapter", "sqlspec.adapters.psqlpy:PsqlpyConfig", load=1.1, select=0.45),
    Contestant("pyro", f"{ADAPTERS}:AsyncAdapter", "sqlspec.adapters.pyro_postgres:PyroPostgresAsyncConfig"),
    Contestant(
        "pyro sync",
        f"{ADAPTERS}:SyncAdapter",
        "sqlspec.adapters.pyro_postgres:PyroPostgresSyncConfig",
        load=0.9,
        select=0.6,
    ),
)

"""connectorx: it reads, over connections that it makes for each call."""

from __future__ import annotations

import connectorx
import pyarrow as pa

__all__ = ("Connectorx",)


class Connectorx:
    """Binary COPY on one connection, like everybody else here."""

    def __init__(self, dsn: str, _: str) -> None:
        self.dsn = dsn

    def select(self, sql: str) -> pa.Table:
        return connectorx.read_sql(self.dsn, sql, return_type="arrow", protocol="binary")

    def close(self) -> None:
        """Nothing is kept open."""

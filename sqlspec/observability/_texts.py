"""What may be written down of a statement, an error and a database. The only way from an event to the outside."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from sqlspec.core.arguments import choice
from sqlspec.core.observe import LoadProgress
from sqlspec.core.redact import redact
from sqlspec.core.scan import scan
from sqlspec.exceptions import SQLSpecError

if TYPE_CHECKING:
    from sqlspec.core.observe import Database, Operation, StatementEnd, StatementStart

__all__ = ("QueryText", "Statement", "Texts", "base_attributes", "error_attributes", "pool_name")

QueryText: TypeAlias = Literal["redacted", "verbatim", "none"]
"""Texts with `?` for literals and without comments; as they are; or none at all."""

LONGEST = 4096
"""Characters of a text that are written down."""
TOO_LONG = 65_536
"""Characters of a text that is not looked into, because that would take longer than most statements."""
CACHED = 1024

# All commands of the server. Any other first word may be anything, and makes a span's name or a metric's label of it.
_VERBS = frozenset(
    "ABORT ALTER ANALYSE ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE "
    "DELETE DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE MOVE NOTIFY PREPARE "
    "REASSIGN REFRESH REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE TRUNCATE "
    "UNLISTEN UPDATE VACUUM VALUES".split()
)


class Statement(NamedTuple):
    """What is said of a statement.

    Attributes:
        name: `db.operation.name`: the verb, if it is one; with `BATCH` before it where several are of the same verb;
            `BATCH` where they are not; `LOAD`.
        text: The text; `None` where there is none.
        table: The table of a load.
        size: The number of statements of a script or stack; `None` elsewhere.
    """

    name: str
    text: str | None
    table: str | None
    size: int | None


class Texts:
    """Says of each statement what may be said."""

    def __init__(self, query_text: QueryText) -> None:
        """Choose what becomes of texts.

        Raises:
            ParameterError: There is no such choice.
        """
        choice("query_text", query_text, ("redacted", "verbatim", "none"))
        self._query_text = query_text
        self._known = lru_cache(CACHED)(self._describe)

    def of(self, event: StatementStart | StatementEnd) -> Statement:
        """Return what is said of the statement of an event."""
        if len(event.sql) > TOO_LONG:
            return self._describe(event.operation, event.sql)
        return self._known(event.operation, event.sql)

    def text(self, event: StatementStart | StatementEnd | LoadProgress) -> str:
        """Return the words for the statement of an event; empty where texts are not wanted."""
        if isinstance(event, LoadProgress) or event.operation == "load":
            return event.sql  # words of ours
        return self.of(event).text or ""

    def _describe(self, operation: Operation, sql: str) -> Statement:
        if operation == "load":
            return Statement("LOAD", None, sql.partition(" into ")[2] or None, None)
        if len(sql) > TOO_LONG:
            return Statement("BATCH" if operation in _BATCHES else "", None, None, None)
        try:
            found = scan(sql)
        except SQLSpecError:
            return Statement("", None, None, None)
        size = len(found.statements) if operation in _BATCHES else None
        verbs = {found.verb} if size in (None, 1) else {scan(sql[start:end]).verb for start, end in found.statements}
        verb = next(iter(verbs)) if len(verbs) == 1 and verbs <= _VERBS else ""
        name = f"BATCH {verb}".rstrip() if operation == "execute_many" or size not in (None, 1) else verb
        text = None
        if self._query_text != "none":
            text = redact(sql, LONGEST) if self._query_text == "redacted" else sql[:LONGEST]
        return Statement(name, text, None, size if size != 1 else None)


_BATCHES = frozenset({"execute_script", "execute_stack"})


def error_attributes(error: BaseException | None) -> dict[str, Any]:
    """Return the class of an error and its SQLSTATE. Its message is not told: the server's words may quote values."""
    if error is None:
        return {}
    attributes = {"error.type": type(error).__qualname__}
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate:
        attributes["db.response.status_code"] = sqlstate
    return attributes


def address_of(database: Database) -> dict[str, Any]:
    """Return `server.address` and `server.port`; several servers are one address with all ports."""
    servers = list(zip(database.hosts, database.ports, strict=True))
    if len(servers) > 1:
        return {"server.address": ",".join(f"{host}:{port}" for host, port in servers)}
    host, port = servers[0]
    return {"server.address": host, "server.port": port}


def namespace_of(database: Database) -> str | None:
    """Return `db.namespace`: database and schema as they were configured."""
    return "|".join(filter(None, (database.name, database.schema))) or None


def base_attributes(database: Database) -> dict[str, Any]:
    """Return what every span and measurement of a database has."""
    attributes: dict[str, Any] = {"db.system.name": "postgresql"}
    namespace = namespace_of(database)
    if namespace is not None:
        attributes["db.namespace"] = namespace
    return {**attributes, **address_of(database)}


def pool_name(database: Database) -> str:
    """Return `db.client.connection.pool.name`, in the form that the conventions give for pools without a name."""
    address = address_of(database)
    port = f":{address['server.port']}" if "server.port" in address else ""
    return f"{address['server.address']}{port}/{namespace_of(database) or ''}"

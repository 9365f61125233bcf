# Generated from _async_prepare.py by tools/unasync.py. Do not edit.
"""Prepared statements of one connection: their types, their names, and the stubs through which they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.adapters.pyro_postgres._errors import is_guard, read, staleness_of, stopped
from sqlspec.adapters.pyro_postgres._native import NATIVE_ERRORS
from sqlspec.adapters.pyro_postgres._swap import (
    LOOKUP,
    freeing,
    giving_bytes,
    is_numeric,
    mark_rows,
    name_of,
    null_row,
    oids_of,
    prefix_row,
    stub,
    swap,
)
from sqlspec.adapters.pyro_postgres._types import (
    is_misread,
    make_decoder,
    make_encoder,
    read_types,
    sent_types,
    text_items,
)
from sqlspec.core.result import Column, Described
from sqlspec.driver._sync_prepared import SyncPreparedStatements
from sqlspec.exceptions import NotSupportedError
from sqlspec.postgres.codec import MissingTypesError
from sqlspec.postgres.enclose import enclose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlspec.adapters.pyro_postgres._sync_wire import SyncWire
    from sqlspec.driver._statements import Derived
    from sqlspec.postgres.codec import Decoder, Encoder

__all__ = ("SyncStatements", "Prepared", "Types")

_TEXT_ARRAY = 1009
_FREED_AT_ONCE = 200
_MANY = 20
_ATTEMPTS = 3


class Types(NamedTuple):
    """What the server says of a prepared statement.

    Attributes:
        parameters: Types of the parameters.
        results: Types of the columns, without domains; `None` for a statement that returns no rows.
        named: All types by which the statement depends on the catalog.
    """

    parameters: tuple[int, ...]
    results: tuple[int, ...] | None
    named: tuple[int, ...]


class Prepared:
    """A statement prepared on one connection.

    Attributes:
        statement: The driver's object.
        name: The server's name of it.
        columns: Its columns, domains resolved; `None` when it returns no rows.
        wire: The columns as they are sent: some types come as text.
        decode: Turns a row of the driver into canonical values; `None` when they are the same.
        plain: It is run for rows, which the driver reads as they are to be.
        learnt: Generation of the codecs; `None` when all types are built in.
    """

    __slots__ = (
        "columns",
        "decode",
        "encode",
        "guarded",
        "learnt",
        "name",
        "oids",
        "plain",
        "statement",
        "used",
        "wire",
    )

    encode: Encoder
    decode: Decoder | None

    def __init__(
        self, statement: Any, oids: tuple[int, ...], columns: tuple[Column, ...] | None, wire: tuple[Column, ...]
    ) -> None:
        self.statement = statement
        self.name = name_of(statement)
        self.oids = oids
        self.columns = columns
        self.wire = wire
        self.plain = columns is not None
        self.decode = None
        self.learnt: int | None = None
        self.used = True


class SyncStatements(SyncPreparedStatements[Prepared]):
    """The statements that a connection has prepared, at most so many; those in excess are freed on the server.

    Attributes:
        forgotten: Names to be freed on the server with the next statement that is prepared.
    """

    __slots__ = ("_freeable", "_lookup", "_wire", "forgotten")

    def __init__(
        self,
        wire: SyncWire,
        derived: Derived,
        learn: Callable[[Iterable[int]], None],
        cached: int,
    ) -> None:
        super().__init__(derived, cached, learn)
        self._wire = wire
        self._lookup: Any = None
        self._freeable: list[str] = []
        self.forgotten: list[str] = []

    def can_prepare(self) -> bool:
        return self._wire.state != "failed"

    def is_inside(self) -> bool:
        return self._wire.state != "idle"

    def release(self, entries: Iterable[Prepared]) -> None:
        self.forgotten += [prepared.name for prepared in entries]

    def forget_all(self) -> None:
        super().forget_all()
        if self._lookup is not None:
            self.forgotten.append(name_of(self._lookup))
            self._lookup = None

    def prepare(self, sql: str) -> Prepared:
        """Prepare a query or a data change.

        Raises:
            NotSupportedError: Other sessions alter its tables all the time.
            PostgresError: Also where `cancel` came between two steps: it was meant for what is not going to run.
        """
        stopper = self._wire.stopper
        asked = stopper.asked
        for _ in range(_ATTEMPTS):
            prepared = self._prepared(sql)
            if prepared is not None:
                self.forgotten.remove(prepared.name)
                self.keep(sql, prepared)
                if stopper.asked != asked:
                    raise stopped()
                return prepared
        raise NotSupportedError("cannot prepare the statement: its tables are altered all the time; run it again")

    def _prepared(self, sql: str) -> Prepared | None:
        """Prepare a statement; `None` when its types have changed meanwhile.

        Nothing but its own description tells how a statement is to be read, so what is run is described itself. Its
        names are read behind that: if they have changed since, the server refuses to run it.
        """
        real = self._wire.prepare(sql)
        types = self.types_of(self.note(real))
        oids = types.results or ()
        sent = sent_types(oids, self._derived.codecs)
        odd = any(map(self.is_odd, types.parameters))
        statement, plain, names = real, types.results is not None, None
        if odd or sent != oids or any(map(is_misread, oids)):
            domains = types.named[len(types.parameters) :] != oids
            enclosed = None if odd or domains or sent != oids else giving_bytes(sql, oids)
            if enclosed is None:
                statement, plain, expected = self._behind_stub(sql, types, sent), False, sent
            else:
                names, expected = self.names_of(real, types), read_types(sent)
                try:
                    statement = self._wire.prepare(enclosed)
                except NATIVE_ERRORS as error:
                    if self._wire.state == "failed" or not is_guard(error):
                        raise
                    return None
                self.note(statement)
            again = self.types_of(name_of(statement))
            if (again.parameters, again.results or ()) != (types.parameters, expected):
                return None
        if types.results is None:
            return self.described(statement, types, None)
        if names is None:
            spare = self._wire.prepare(sql)
            self.note(spare)
            try:
                names = self.names_of(spare, types)
            except NATIVE_ERRORS as error:
                if self._wire.broken or read(error).from_server:
                    raise
                return None  # the driver was given what does not fit the columns that it knows
        columns = self.columns(names, oids)
        wire = tuple(column._replace(oid=oid) for column, oid in zip(columns, sent, strict=True))
        prepared = self.described(statement, types, columns, wire)
        prepared.plain = plain
        return prepared

    def description(self, sql: str) -> Described:
        """Return the types and columns of a statement that is not kept."""
        real = self._wire.prepare(sql)
        types = self.types_of(self.note(real))
        return Described(types.parameters, self.columns(self.names_of(real, types), types.results or ()))

    def command(self, sql: str) -> Any:
        """Return the driver's object of a command of ours that is run several times, such as FETCH."""
        kept = self.get(sql)
        if kept is None:
            kept = Prepared(self._wire.prepare(sql), (), None, ())
            self.keep(sql, kept)
        kept.used = True
        return kept.statement

    def described(
        self, statement: Any, types: Types, columns: tuple[Column, ...] | None, wire: tuple[Column, ...] | None = None
    ) -> Prepared:
        """Return what is known of a statement, with the functions for its values."""
        codecs = self._derived.codecs
        prepared = Prepared(statement, types.parameters, columns, wire if wire is not None else columns or ())
        while True:
            prepared.learnt = codecs.stamp(types.named)
            try:
                prepared.encode = make_encoder(codecs, types.parameters)
                prepared.decode = make_decoder(codecs, prepared.wire)
            except MissingTypesError:  # another connection has made all forget the types
                self._learn(types.named)
            else:
                return prepared

    def columns(self, names: Sequence[str], oids: Sequence[int]) -> tuple[Column, ...]:
        """Return the columns."""
        return self._derived.columns(tuple(Column(name, oid) for name, oid in zip(names, oids, strict=True)))

    def _behind_stub(self, sql: str, types: Types, sent: tuple[int, ...]) -> Any:
        """Return a statement object through which the driver sends and reads everything as it is."""
        text = sql
        if types.results and sent != types.results:
            enclosed = enclose(sql, len(sent), text_items(types.results, sent))
            if enclosed is None:
                raise NotSupportedError(
                    "cannot run the statement: a column has a type without a binary format; cast it to text"
                )
            text = enclosed
        formats = [is_numeric(oid) or self.is_odd(oid) for oid in types.parameters]
        made = self._wire.prepare(stub(sent, formats))
        self._wire.script(swap(self.note(made), text, self._freed()))
        return made

    def is_odd(self, oid: int) -> bool:
        """Tell whether a parameter has to be sent as text."""
        codec = self._derived.codecs.get(oid)
        return codec is not None and codec.is_text_fallback

    def note(self, statement: Any) -> str:
        """Remember a statement that is used once; return its name."""
        name = name_of(statement)
        self.forgotten.append(name)
        return name

    def types_of(self, name: str) -> Types:
        """Ask the server for the types of a prepared statement, and learn them."""
        doubtful = self.forgotten[:_FREED_AT_ONCE]
        array = self._derived.codecs.encoder((_TEXT_ARRAY,))((doubtful,))[0]
        found = self._look_up((name, array))
        parameters, results, known = found[0]
        self._freeable = [old for old in known.strip("{}").split(",") if old and old != name]
        existing = {*self._freeable, name}
        self.forgotten = [old for old in doubtful if old in existing] + self.forgotten[_FREED_AT_ONCE:]
        if len(self._freeable) >= _MANY:  # else the next script does it in passing
            self._wire.script(freeing(self._freed()))
        named = (*oids_of(parameters), *oids_of(results or ""))
        codecs = self._derived.codecs
        while True:
            self._learn(named)
            generation = codecs.generation
            base = None if results is None else tuple(codecs.base_oid(oid) for oid in oids_of(results))
            # A domain that is forgotten meanwhile would pass for a type of its own.
            if generation == codecs.generation and not codecs.missing((*named, *(base or ()))):
                return Types(tuple(oids_of(parameters)), base, named)

    def _look_up(self, values: Sequence[Any]) -> list[Any]:
        known = self._lookup
        if known is None:
            self._lookup = self._wire.prepare(LOOKUP)
        try:
            found = self._wire.rows(self._lookup, values)
        except NATIVE_ERRORS as error:
            if known is None or not staleness_of(error, 0):
                raise
            self.forget_all()  # the user has dropped them all
            if self._wire.state != "idle":
                raise
            return self._look_up(values)
        if not found:
            raise NotSupportedError("cannot describe the statement: the server does not list it; run it again")
        return found

    def names_of(self, real: Any, types: Types) -> tuple[str, ...]:
        """Read the names of the columns; the statement's name on the server means something else afterwards."""
        oids = types.results or ()
        if not oids:
            return ()
        count = len(types.parameters)
        (row,) = self._row_of(real, null_row(len(oids), count), count)
        if len(row) == len(oids):
            return tuple(row)
        # A dict keeps the last of several values under one name, so a row tells the name of the last such column.
        rows = self._row_of(real, mark_rows(oids, count), count)
        names = [next((name for name, value in marked.items() if value is not None), None) for marked in rows]
        for at, name in enumerate(names):
            if name is None:
                (marked,) = self._row_of(real, prefix_row(oids[: at + 1], count), count)
                names[at] = next((name for name, value in marked.items() if value is not None), None)
        return tuple(name or "" for name in names)

    def _freed(self) -> list[str]:
        """Return the names that are about to be freed on the server, where they are known to exist."""
        freed, self._freeable = self._freeable, []
        self.forgotten = [old for old in self.forgotten if old not in freed]
        return freed

    def _row_of(self, real: Any, sql: str, parameters: int) -> list[dict[str, Any]]:
        self._wire.script(swap(name_of(real), sql, self._freed()))
        return self._wire.swapped_rows(real, (None,) * parameters, named=True)

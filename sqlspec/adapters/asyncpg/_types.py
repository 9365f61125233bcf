"""Where asyncpg's own values are not the canonical ones, and what stands in for them."""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sqlspec.driver._async_learning import with_types
from sqlspec.postgres.codec import MissingTypesError, ValueRefused
from sqlspec.postgres.codec.arrays import read_literal
from sqlspec.postgres.codec.reading import falling_back
from sqlspec.postgres.sql import quote_literal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

    from sqlspec.adapters.asyncpg._native import asyncpg
    from sqlspec.core.result import Column
    from sqlspec.postgres.codec import Codec, CodecRegistry

__all__ = ("Installed", "type_refused")

T = TypeVar("T")

# Built-in types that asyncpg reads and writes exactly, with compiled code.
NATIVE = frozenset({16, 17, 19, 20, 21, 23, 25, 26, 28, 142, 650, 700, 701, 705, 869, 1042, 1043, 2278, 2950, 5069})

# Types whose text form is canonical, while asyncpg takes them for arrays of numbers, or for bytes.
TEXT_FORM = frozenset({22, 30, 4600, 4601, 5017})

FIRST_USER_OID = 16384

_NO_TEXT_CONTAINER = re.compile(r'cannot decode type "(.+)"\."(.+)": text encoding of ', re.DOTALL)


class Unread(NamedTuple):
    """Stands in a decoded row for a value that could not be decoded there and then; never leaves the adapter."""

    wire: bytes


class Installed:
    """The package's codecs on one connection, and whether one of them met a value that it could not decode.

    A decoder must not raise: asyncpg does not tell it the column, and types that a record holds can be looked up
    only once the connection is free again.

    Attributes:
        met: Such a value is in rows that were fetched; rows are searched only then.
    """

    __slots__ = ("_codecs", "_entries", "_settings", "met")

    def __init__(self, connection: asyncpg.Connection, codecs: CodecRegistry) -> None:
        # `set_type_codec` adds a codec to the same settings, but takes types by a name that it reads wrongly
        # ("char" as char(n)), refuses containers, and makes a round trip for each type that is not built in.
        self._settings = connection.get_settings()
        self._codecs = codecs
        self._entries: dict[int, Codec] = {}
        self.met = False
        self.install(codec.oid for codec in codecs.known())

    def install(self, oids: Iterable[int]) -> bool:
        """Replace the driver's codecs of these types where its values are not the canonical ones.

        Returns:
            Whether anything changed: statements prepared before do not know of it.
        """
        changed = False
        for oid in oids:
            codec = self._codecs.get(oid)
            if codec is None or self._entries.get(oid) is codec:
                continue
            if oid in TEXT_FORM:
                self._add(codec, _unchanged, _unchanged, "text")
            elif codec.is_text_fallback and codec.element is not None:
                # The driver's own reader of such arrays crashes the process at an element that is empty.
                read = partial(read_literal, delimiter=codec.delimiter)
                self._add(codec, partial(_as_text, codec.pack), read, "text")
            elif not _is_native(codec):
                self._add(codec, codec.pack, self._decoder(codec), "binary")
            else:
                continue
            self._entries[oid] = codec
            changed = True
        return changed

    @contextmanager
    def taking_bytes(self, oids: Iterable[int]) -> Iterator[None]:
        """Let statements that are prepared meanwhile take parameters of these types as they are sent."""
        try:
            for oid in oids:
                self._settings.add_python_codec(oid, "", "", (), "scalar", _unchanged, _unchanged, "binary")
            yield
        finally:
            for oid in oids:
                self._settings.remove_python_codec(oid, "", "")
                self._entries.pop(oid, None)
            self.install(oids)

    def _add(self, codec: Codec, encoder: Callable[[Any], Any], decoder: Callable[[Any], Any], form: str) -> None:
        self._settings.add_python_codec(codec.oid, codec.name, "", (), "scalar", encoder, decoder, form)

    def _decoder(self, codec: Codec) -> Callable[[bytes], Any]:
        unpack = codec.unpack

        def decode(wire: bytes) -> Any:
            try:
                return unpack(wire)
            except (ValueRefused, MissingTypesError):
                self.met = True
                return Unread(wire)

        return falling_back(unpack, decode)

    async def read_again(
        self,
        rows: Sequence[Any],
        columns: Sequence[Column],
        learn: Callable[[Iterable[int]], Awaitable[None]],
    ) -> list[tuple[Any, ...]]:
        """Return the rows with the values that can be read once more types are known.

        Raises:
            DataError: Names the column of the first value that cannot.
        """
        self.met = False
        found: list[tuple[Any, ...]] = []
        for row in rows:
            values = list(row)
            for at, value in enumerate(values):
                if value.__class__ is Unread:
                    values[at] = await self._read(value, columns[at], learn)
            found.append(tuple(values))
        return found

    async def _read(self, value: Unread, column: Column, learn: Callable[[Iterable[int]], Awaitable[None]]) -> Any:
        row = (value.wire,)
        return await with_types(learn, lambda: self._codecs.decoder((column.oid,), (column.name,))([row])[0][0])


def _is_native(codec: Codec) -> bool:
    """Tell whether the values of asyncpg's own codec are the canonical ones.

    Types of the user are: enums and domains, by what they stand for; and types that nothing is known of, whose
    text form asyncpg gives as well. So are arrays of such types, unless they hold arrays behind a domain.
    """
    element = codec.element
    if element is not None:
        # Not those of an extension: the driver reads them as text, and crashes the process at an empty element.
        return element.element is None and element.oid < FIRST_USER_OID and _is_native(element)
    return codec.oid in NATIVE or codec.is_text_fallback or (codec.oid >= FIRST_USER_OID and codec.inline != "")


def _unchanged(value: T) -> T:
    return value


def _as_text(pack: Callable[[Any], bytes], value: Any) -> str:
    return pack(value).decode()


def type_refused(error: Exception) -> str | None:
    """Return the query for the type that asyncpg cannot prepare a statement for: a container of its text types.

    Its own codec of such a container is none; ours reads what can be read, and says what cannot.
    """
    match = _NO_TEXT_CONTAINER.search(str(error))
    if match is None:
        return None
    schema, name = map(quote_literal, match.groups())
    return (
        "select t.oid::pg_catalog.text from pg_catalog.pg_type t "
        f"join pg_catalog.pg_namespace n on n.oid = t.typnamespace where n.nspname = {schema} and t.typname = {name}"
    )

"""Where asyncpg's own values are not the canonical ones, and what stands in for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.adapters.asyncpg._native import asyncpg
from sqlspec.exceptions import DataError
from sqlspec.postgres.codec import ValueRefused
from sqlspec.postgres.codec.temporal import date_codec, timestamp_codec, timestamptz_codec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlspec.core.result import Column
    from sqlspec.postgres.codec import CodecRegistry

__all__ = ("Refusal", "Refusals", "install_codecs")

# Scalar types whose own decoding is lossy or of another Python type: an infinite date reads as date.max, 1e10 as
# Decimal('1.00E+10'), JSON as text, "char" as bytes, bit as BitString, a geometric type as a class of the driver.
# Types that are right are left to the driver, whose decoder is compiled.
CHAR = 18
OWN_CODECS = {
    CHAR: "char",
    27: "tid",
    114: "json",
    600: "point",
    601: "lseg",
    602: "path",
    603: "box",
    604: "polygon",
    628: "line",
    718: "circle",
    790: "money",
    1082: "date",
    1083: "time",
    1114: "timestamp",
    1184: "timestamptz",
    1186: "interval",
    1266: "timetz",
    1560: "bit",
    1562: "varbit",
    1700: "numeric",
    3220: "pg_lsn",
    3802: "jsonb",
}

# Types of which a result may hold thousands: their decoders note a refusal themselves, which saves a call per value.
OFTEN_READ = {1082: date_codec, 1114: timestamp_codec, 1184: timestamptz_codec}


class Refusal(NamedTuple):
    """Stands in a decoded row for a value that Python cannot hold; never leaves the adapter."""

    reason: str


class Refusals:
    """Remembers that a decoder met such a value, so that rows are searched only then.

    A decoder that raised could not name its column: asyncpg does not tell it.
    """

    __slots__ = ("met",)

    def __init__(self) -> None:
        self.met = False

    def note(self, reason: str) -> Refusal:
        """Take the place of a value that cannot be read."""
        self.met = True
        return Refusal(reason)

    def guard(self, unpack: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def decode(wire: bytes) -> Any:
            try:
                return unpack(wire)
            except ValueRefused as refused:
                return self.note(str(refused))

        return decode

    def raise_first(self, rows: Sequence[Any], columns: Sequence[Column]) -> None:
        """Raise for the first such value; nothing when it is in rows that were not asked for.

        Raises:
            DataError: Names column and row.
        """
        self.met = False
        for index, row in enumerate(rows):
            for column, value in zip(columns, row, strict=True):
                reason = _find(value)
                if reason is not None:
                    raise DataError(f'cannot read column "{column.name}" of row {index}: {reason}', column=column.name)


def _find(value: Any) -> str | None:
    if value.__class__ is Refusal:
        return str(value.reason)
    if isinstance(value, (list, tuple, asyncpg.Record)):
        return next((reason for item in value if (reason := _find(item)) is not None), None)
    return None


async def install_codecs(connection: asyncpg.Connection, codecs: CodecRegistry) -> Refusals:
    """Replace the driver's codecs by the package's own where the driver's values are not the canonical ones."""
    refusals = Refusals()
    noting = replace(codecs.options, unreadable=refusals.note)
    for oid, name in OWN_CODECS.items():
        codec = codecs.get(oid)
        if codec is not None:
            build = OFTEN_READ.get(oid)
            decoder = refusals.guard(codec.unpack) if build is None else build(noting)[2]
            if oid == CHAR:
                _set_codec_of_char(connection, codec.pack, decoder)
            else:
                await connection.set_type_codec(
                    name, schema="pg_catalog", encoder=codec.pack, decoder=decoder, format="binary"
                )
    return refusals


def _set_codec_of_char(
    connection: asyncpg.Connection, encoder: Callable[[Any], bytes], decoder: Callable[[bytes], Any]
) -> None:
    """Set the codec of the single-byte type, by OID.

    Under its name asyncpg 0.32 finds character(n), whose values would be cut to one character. The test that
    fails when this is no longer needed: `test_the_name_char_means_character`.
    """
    settings = connection._protocol.get_settings()
    settings.add_python_codec(CHAR, "char", "pg_catalog", [], "scalar", encoder, decoder, "binary")

"""From psqlpy's answers to rows of canonical values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.driver._async_learning import with_types

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlspec.adapters.psqlpy._statements import Prepared
    from sqlspec.driver._async_driver import AsyncDriver
    from sqlspec.postgres.codec import Codec, CodecRegistry

__all__ = ("Reader", "read_rows", "read_slowly", "reader_of", "text_type")

# Types that psqlpy reads exactly: bool bytea name int8 int2 int4 text float4 float8 varchar; and date, timestamp and
# timestamptz, for which it raises when Python cannot hold the value. The codec then says which column it was.
EXACT = frozenset({16, 17, 19, 20, 21, 23, 25, 700, 701, 1043, 1082, 1114, 1184})

TEXT, TEXT_ARRAY = 25, 1009


class Reader(NamedTuple):
    """How the rows of some columns are read.

    Attributes:
        decoders: By lower-case name, for the columns that psqlpy does not read exactly; `None` when it reads all.
        raw: The same for every column, giving the bytes as they came.
        by_position: Names do not tell the columns apart, so the raw values have to be read by position.
        oids: Types of the columns.
        names: Their names, for errors.
    """

    decoders: dict[str, Callable[[bytes], Any]] | None
    raw: dict[str, Callable[[bytes], Any]]
    by_position: bool
    oids: tuple[int, ...]
    names: tuple[str, ...]


def reader_of(codecs: CodecRegistry, oids: tuple[int, ...], names: tuple[str, ...], sent: tuple[str, ...]) -> Reader:
    """Return the reader for columns of known types; the same object for equal columns.

    Args:
        codecs: The config's codecs.
        oids: Types of the columns.
        names: Their names as the user sees them.
        sent: Their names as they are sent.

    Raises:
        MissingTypesError: A type has to be read from the catalog first.
    """
    return codecs.derive(("psqlpy", oids, names, sent), oids, lambda: _build(codecs, oids, names, sent))


def _build(codecs: CodecRegistry, oids: tuple[int, ...], names: tuple[str, ...], sent: tuple[str, ...]) -> Reader:
    keys = [name.lower() for name in sent]  # the driver looks for decoders by these
    inexact = [
        (key, codec) for key, oid in zip(keys, oids, strict=True) if (codec := _inexact(codecs, oid)) is not None
    ]
    return Reader(
        {key: codec.unpack for key, codec in inexact} or None,
        dict.fromkeys(keys, bytes),
        any(keys.count(key) > 1 for key, _ in inexact),
        oids,
        names,
    )


def _inexact(codecs: CodecRegistry, oid: int) -> Codec | None:
    return None if codecs.base_oid(oid) in EXACT else codecs.get(oid)


async def read_rows(driver: AsyncDriver, prepared: Prepared, answer: Any) -> list[Any]:
    """Return the rows of an answer to a statement that gives some; the driver's `execute` does the same in place."""
    reader = prepared.reader
    assert reader is not None
    if not reader.by_position:
        try:
            rows: list[Any] = answer.result(reader.decoders, True)
        except Exception:  # of the driver, for a date that Python cannot hold; or of a codec
            pass
        else:
            return rows
    return await read_slowly(driver, reader, answer)


async def read_slowly(driver: AsyncDriver, reader: Reader, answer: Any) -> list[tuple[Any, ...]]:
    """Read by our codecs alone, which learn the types that stand in the values, and name the column they refuse."""
    raw, codecs = answer.result(reader.raw, True), driver.derived.codecs
    return await with_types(driver.learn_types, lambda: codecs.decoder(reader.oids, reader.names)(raw))


def text_type(codec: Codec | None) -> int | None:
    """Return the type that a column has to be cast to because its binary format is not known; `None` when it is."""
    if codec is None or codec.reads_binary or not codec.is_text_fallback:
        return None
    return TEXT if codec.element is None else TEXT_ARRAY

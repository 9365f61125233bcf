"""The codecs of one configuration: built-in types, and those learnt from the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, overload

from sqlspec.postgres.catalog import TypeInfo
from sqlspec.postgres.codec.arrays import array_codec, dynamic_array_unpack
from sqlspec.postgres.codec.base import Codec, CodecOptions, MissingTypesError, Unpack, enum_text, utf8
from sqlspec.postgres.codec.binders import (
    Checker,
    Decoder,
    Encoder,
    build_checker,
    build_decoder,
    build_encoder,
)
from sqlspec.postgres.codec.builtin import (
    MONEY,
    MONEY_ARRAY,
    builtin_codecs,
    extension_codec,
    fallback_codec,
    money_codec,
    read_only_codec,
)
from sqlspec.postgres.codec.containers import composite_codec, multirange_codec, range_codec, record_unpack
from sqlspec.postgres.codec.text import unpack_text

__all__ = ("CodecRegistry",)

B = TypeVar("B")

_MAX_BINDERS = 4096
"""Most statements share few combinations of types; a program beyond this bound starts again."""


class CodecRegistry:
    """Find codecs by type OID, and build the functions that convert whole rows.

    One registry serves one database: OIDs of user-defined types mean nothing elsewhere.

    Attributes:
        options: The choices all codecs were built with.
        generation: Grows whenever types were forgotten; functions built before may hold outdated codecs.
    """

    __slots__ = ("_binders", "_builtin", "_codecs", "_infos", "generation", "options")

    def __init__(self, options: CodecOptions | None = None) -> None:
        self.options = options or CodecOptions()
        self.generation = 0
        self._codecs = builtin_codecs(self.options)
        self._codecs[2249] = read_only_codec(2249, "record", record_unpack(self._unpack_of))
        self._codecs[2287] = read_only_codec(2287, "record[]", dynamic_array_unpack(self._unpack_of))
        self._codecs[2277] = read_only_codec(2277, "anyarray", dynamic_array_unpack(self._unpack_of))
        self._builtin = frozenset(self._codecs)
        self._infos: dict[int, TypeInfo] = {}
        self._binders: dict[tuple[Any, ...], Any] = {}

    def get(self, oid: int) -> Codec | None:
        """Return the codec of a type, or `None` when it has to be read from the catalog first."""
        return self._codecs.get(oid)

    def known(self) -> list[Codec]:
        """Return every codec that needs no more reading of the catalog."""
        return list(self._codecs.values())

    def stamp(self, oids: Iterable[int]) -> int | None:
        """Return the generation that functions for these types belong to; `None` when no type can be altered."""
        return None if self._builtin.issuperset(oids) else self.generation

    def missing(self, oids: Iterable[int]) -> tuple[int, ...]:
        """Return the OIDs that have to be read from the catalog, each once."""
        return tuple(dict.fromkeys(oid for oid in oids if oid not in self._codecs))

    def learnable(self, oids: Iterable[int]) -> tuple[int, ...]:
        """Return those OIDs, each once, that the catalog has something to say of: all that are not built-in."""
        return tuple(dict.fromkeys(oid for oid in oids if oid not in self._builtin))

    def learn(self, types: Iterable[TypeInfo]) -> None:
        """Build codecs for types read from the catalog.

        Args:
            types: Rows of the catalog, with those of all types they are built from. A type that differs from
                what was learnt before replaces it.
        """
        fresh = {info.oid: info for info in types if info.oid not in self._builtin}
        for oid, info in fresh.items():
            if oid in self._infos and self._infos[oid] != info:
                self.forget(oid)
        self._infos.update(fresh)
        for oid in fresh:
            self._build(oid, frozenset())

    def learn_money(self, scale: int) -> None:
        """Build the codecs of `money`.

        Args:
            scale: Digits after the point, as the server says.
        """
        codec = self._codecs[MONEY] = money_codec(scale)
        self._codecs[MONEY_ARRAY] = array_codec(MONEY_ARRAY, codec)
        self._builtin |= {MONEY, MONEY_ARRAY}

    def forget_learnt(self) -> None:
        """Drop every type that was read from the catalog, after a statement that may have altered some."""
        kept = {oid: codec for oid, codec in list(self._codecs.items()) if oid in self._builtin}
        if len(kept) < len(self._codecs):
            self._go_on_with(kept, {})

    def forget(self, *oids: int) -> None:
        """Drop types, and every type that is built from them, after DROP TYPE, ALTER TYPE or the like."""
        gone = set(oids) - self._builtin
        if not gone:
            return
        grown = True
        while grown:
            dependents = {
                known
                for known, codec in list(self._codecs.items())
                if known not in gone and known not in self._builtin and gone.intersection(codec.depends)
            }
            gone |= dependents
            grown = bool(dependents)
        self._go_on_with(
            {oid: codec for oid, codec in list(self._codecs.items()) if oid not in gone},
            {oid: info for oid, info in list(self._infos.items()) if oid not in gone},
        )

    def _go_on_with(self, codecs: dict[int, Codec], infos: dict[int, TypeInfo]) -> None:
        """Forget all other types: in new dicts, so that the old ones stay as they are for who holds them."""
        self._codecs, self._infos, self._binders = codecs, infos, {}
        self.generation += 1

    def held(self) -> CodecRegistry:
        """Return a registry that goes on knowing the types as this one knows them now, whatever this one forgets.

        It is for work that takes its time, during which another session may have types forgotten. What either of them
        derives serves both, until then.
        """
        held = CodecRegistry.__new__(CodecRegistry)
        # Another thread may forget types right now. The dicts are taken in the other order than they are replaced in:
        # then a type may be missing, and is learnt, but no codec is without what the catalog says of its type.
        held._binders, held._infos, held._codecs = self._binders, self._infos, self._codecs
        held._builtin, held.options, held.generation = self._builtin, self.options, self.generation
        return held

    @overload
    def encoder(self, oids: tuple[int, ...]) -> Encoder: ...
    @overload
    def encoder(
        self, oids: tuple[int, ...], wrap: Callable[[bytes], B]
    ) -> Callable[[Sequence[Any]], list[B | None]]: ...
    def encoder(self, oids: tuple[int, ...], wrap: Callable[[bytes], Any] | None = None) -> Any:
        """Return the function that turns the parameters of one statement into wire bytes, NULL into `None`.

        Args:
            oids: Type of each parameter. The function expects as many arguments.
            wrap: What the driver takes in place of bytes.

        Returns:
            A function of one sequence; it raises `DataError` naming position and type, never the value.

        Raises:
            MissingTypesError: A type has to be read from the catalog first.
        """
        return self.derive(("encode", oids, wrap), oids, lambda: build_encoder(self._all(oids), wrap))

    def checker(self, oids: tuple[int, ...]) -> Checker:
        """Return the function that coerces parameters for a driver that writes them itself.

        Args:
            oids: Type of each parameter. The function expects as many arguments.

        Returns:
            A function of one sequence. It gives back the same object when nothing had to be coerced, else a
            list; it raises `DataError` like an encoder.

        Raises:
            MissingTypesError: A type has to be read from the catalog first.
        """
        return self.derive(("check", oids), oids, lambda: build_checker(self._all(oids)))

    def decoder(self, oids: tuple[int, ...], names: tuple[str, ...]) -> Decoder:
        """Return the function that reads rows of wire values.

        Args:
            oids: Type of each column.
            names: Name of each column, for errors.

        Returns:
            A function from a sequence of rows of `bytes` and `None` to a list of tuples. It takes the rows over: a
            tuple of a list that nothing else holds may become the result. It raises `DataError` naming the column,
            and `MissingTypesError` when an anonymous record holds a type that is not known yet; the rows can be
            read again then.

        Raises:
            MissingTypesError: A type has to be read from the catalog first.
        """
        return self.derive(("decode", oids, names), oids, lambda: build_decoder(self._all(oids), names))

    def _all(self, oids: Sequence[int]) -> tuple[Codec, ...]:
        try:
            return tuple(self._codecs[oid] for oid in oids)
        except KeyError as error:  # forgotten by another thread a moment ago
            raise MissingTypesError(error.args) from None

    def base_oid(self, oid: int) -> int:
        """Return the type that a domain stands for, through domains over domains; any other type as it is."""
        info = self._infos.get(oid)
        while info is not None and info.kind == "d" and info.base_oid:
            oid = info.base_oid
            info = self._infos.get(oid)
        return oid

    def info(self, oid: int) -> TypeInfo | None:
        """Return what the catalog says of a type that was learnt; `None` for a built-in one."""
        return self._infos.get(oid)

    def derive(self, key: tuple[Any, ...], oids: tuple[int, ...], build: Callable[[], B]) -> B:
        """Return what follows from some types, made once and kept until one of them may have been altered.

        Args:
            key: Names the result; holds the OIDs, and a word that no other use has.
            oids: The types that must be known.
            build: Makes the result.

        Raises:
            MissingTypesError: A type has to be read from the catalog first.
        """
        found: B | None = self._binders.get(key)
        if found is not None:
            return found
        missing = self.missing(oids)
        if missing:
            raise MissingTypesError(missing)
        if len(self._binders) >= _MAX_BINDERS:
            self._binders.clear()
        made = self._binders[key] = build()
        return made

    def _unpack_of(self, oid: int) -> Unpack:
        codec = self._codecs.get(oid)
        if codec is None:
            raise MissingTypesError((oid,))
        return codec.unpack

    def _build(self, oid: int, pending: frozenset[int]) -> Codec:
        """Build a codec after those it depends on; what the catalog did not tell becomes text."""
        known = self._codecs.get(oid)
        if known is not None:
            return known
        info = self._infos.get(oid)
        if info is None or oid in pending:
            return fallback_codec(oid, info.name if info else f"oid {oid}")
        inner = pending | {oid}
        codec = self._codecs[oid] = self._from_info(info, lambda part: self._build(part, inner))
        return codec

    def _from_info(self, info: TypeInfo, build: Callable[[int], Codec]) -> Codec:
        oid, name = info.oid, info.name
        if info.element_oid:
            return array_codec(oid, build(info.element_oid), info.delimiter)
        match info.kind:
            case "d" if info.base_oid:
                return build(info.base_oid).as_domain(oid, name)
            case "e":
                return Codec(oid, name, enum_text, utf8, unpack_text, takes_str=True, inline="text")
            case "c":
                fields = tuple((field, build(field_oid)) for field, field_oid in info.fields)
                return composite_codec(oid, name, fields, self.forget)
            case "r" if info.range_subtype:
                return range_codec(oid, name, build(info.range_subtype))
            case "m" if info.range_subtype:
                return multirange_codec(oid, name, build(info.range_subtype))
            case _:
                return extension_codec(oid, name, info.extension, self.options) or fallback_codec(oid, name)

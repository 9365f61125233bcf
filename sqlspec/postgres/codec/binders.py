"""Generate the functions that convert whole parameter lists and rows.

One function per tuple of types, written as source text so that the common case of the common types runs
inline, in one Python frame; rows are read by compiled code instead where there is some. Anything else calls the
codec; after a failure the codecs run again, one by one, to find the culprit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlspec.exceptions import DataError
from sqlspec.postgres.codec.base import (
    INT2,
    INT4,
    INT8,
    UINT4,
    UINT8,
    Codec,
    Inline,
    MissingTypesError,
    Unpack,
    ValueRefused,
    given,
)
from sqlspec.postgres.codec.numeric import FLOAT4, FLOAT8
from sqlspec.postgres.codec.reading import rows_reader
from sqlspec.postgres.codec.temporal import DATE_EPOCH

__all__ = ("Checker", "Decoder", "Encoder", "build_checker", "build_decoder", "build_encoder")

Encoder = Callable[[Sequence[Any]], list[bytes | None]]
Checker = Callable[[Sequence[Any]], Sequence[Any]]
Decoder = Callable[[Sequence[Sequence[Any]]], list[tuple[Any, ...]]]

_MAX_INLINE = 100
"""Longer lists go through a loop: compiling their source would cost more than it saves."""

_FORMS: dict[Inline, struct.Struct] = {
    "int2": INT2,
    "int4": INT4,
    "int8": INT8,
    "uint4": UINT4,
    "uint8": UINT8,
    "float4": FLOAT4,
    "float8": FLOAT8,
}
_BOUNDS: dict[Inline, tuple[int, int]] = {
    "int2": (-(1 << 15), (1 << 15) - 1),
    "int4": (-(1 << 31), (1 << 31) - 1),
    "int8": (-(1 << 63), (1 << 63) - 1),
    "uint4": (0, (1 << 32) - 1),
    "uint8": (0, (1 << 64) - 1),
}
_GLOBALS: dict[str, Any] = {
    "UUID": UUID,
    "date": date,
    "pack_date": INT4.pack,
    **{f"pack_{kind}": form.pack for kind, form in _FORMS.items()},
    **{f"unpack_{kind}": form.unpack for kind, form in _FORMS.items()},
}


def _compile(name: str, lines: list[str], scope: dict[str, Any]) -> Any:
    # The text is made of templates and numbers alone: no name from SQL or from the catalog gets into it.
    scope = {**_GLOBALS, **scope}
    exec(compile("\n".join(lines), f"<sqlspec {name}>", "exec"), scope)
    return scope[name]


def _unpacking(letter: str, count: int, source: str) -> str:
    return f"  ({''.join(f'{letter}{n}, ' for n in range(count))}) = {source}"


# --- parameters --------------------------------------------------------------------------------------------


def _as_error(position: int, codec: Codec, value: object, refusal: Exception) -> DataError:
    reason = str(refusal) if isinstance(refusal, ValueRefused) else f"{given(value)}, which cannot be converted"
    if isinstance(value, str) and not codec.takes_str:
        reason += f", or write ${position}::text::{codec.name}"
    return DataError(f"cannot bind parameter ${position} as {codec.name}: {reason}")


def _fail_binding(codecs: Sequence[Codec], args: Sequence[Any], failure: Exception, method: str) -> Exception:
    """Return the `DataError` for the first parameter that is refused, with its cause."""
    for position, (codec, value) in enumerate(zip(codecs, args, strict=False), 1):
        if value is None:
            continue
        try:
            getattr(codec, method)(value)
        except Exception as refusal:
            error = _as_error(position, codec, value, refusal)
            # Only the error of a user's own serializer is a cause; others could quote the value.
            error.__cause__ = refusal.__cause__ if isinstance(refusal, ValueRefused) else None
            return error
    return failure


def _encode_lines(n: int, inline: Inline, wrapped: str) -> list[str]:
    """Return the statements that set `b<n>` from `a<n>`; `wrapped` is formatted with what makes the bytes."""
    a, b = f"a{n}", f"b{n}"
    fast: tuple[tuple[str, str], ...] = ()
    if inline in _BOUNDS:
        fast = ((f"{a}.__class__ is int", f"pack_{inline}({a})"),)
    elif inline in _FORMS:
        fast = ((f"{a}.__class__ is float", f"pack_{inline}({a})"),)
    elif inline == "bool":
        fast = ((f"{a} is True", r"b'\1'"), (f"{a} is False", r"b'\0'"))
    elif inline == "text":
        fast = ((f"{a}.__class__ is str and '\\0' not in {a}", f"{a}.encode()"),)
    elif inline == "bytes":
        fast = ((f"{a}.__class__ is bytes", a),)
    elif inline == "uuid":
        fast = ((f"{a}.__class__ is UUID", f"{a}.int.to_bytes(16, 'big')"),)
    elif inline == "date":
        fast = ((f"{a}.__class__ is date", f"pack_date({a}.toordinal() - {DATE_EPOCH})"),)
    # NULL is tested after the usual class: most parameters are not NULL.
    tests = [*((test, wrapped.format(wire)) for test, wire in fast), (f"{a} is None", "None")]
    lines = [f"  {'el' if k else ''}if {test}: {b} = {value}" for k, (test, value) in enumerate(tests)]
    return [*lines, f"  else: {b} = {wrapped.format(f'encode{n}({a})')}"]


def build_encoder(codecs: Sequence[Codec], wrap: Callable[[bytes], Any] | None = None) -> Callable[..., list[Any]]:
    """Build the function from parameters to wire bytes, or to what `wrap` makes of them."""

    def fail(args: Sequence[Any], failure: Exception) -> Exception:
        return _fail_binding(codecs, args, failure, "encode")

    count = len(codecs)
    if not count:
        return lambda args: []
    if count > _MAX_INLINE:
        return _loop_encoder(codecs, wrap, fail)
    wrapped = "{}" if wrap is None else "wrap({})"
    lines = ["def encode(args):", " try:", _unpacking("a", count, "args")]
    for n, codec in enumerate(codecs):
        lines += _encode_lines(n, codec.inline, wrapped)
    lines += [
        f"  return [{', '.join(f'b{n}' for n in range(count))}]",
        " except Exception as failure:",
        "  error = fail(args, failure)",
        " raise error from error.__cause__",
    ]
    scope = {f"encode{n}": codec.encode for n, codec in enumerate(codecs)}
    return _compile("encode", lines, {**scope, "wrap": wrap, "fail": fail})  # type: ignore[no-any-return]


def _loop_encoder(
    codecs: Sequence[Codec],
    wrap: Callable[[bytes], Any] | None,
    fail: Callable[[Sequence[Any], Exception], Exception],
) -> Callable[..., list[Any]]:
    encoders = [codec.encode for codec in codecs]

    def encode(args: Sequence[Any]) -> list[Any]:
        try:
            wires = [None if arg is None else to_wire(arg) for to_wire, arg in zip(encoders, args, strict=True)]
            return wires if wrap is None else [None if wire is None else wrap(wire) for wire in wires]
        except Exception as failure:
            error = fail(args, failure)
        raise error from error.__cause__

    return encode


def _is_canonical(n: int, inline: Inline) -> str:
    """Return the test that a parameter needs no coercion, or `""` when only the codec can tell."""
    a = f"a{n}"
    if inline in _BOUNDS:
        low, high = _BOUNDS[inline]
        return f"{a}.__class__ is int and {low} <= {a} <= {high}"
    return {
        "float8": f"{a}.__class__ is float",
        "bool": f"{a} is True or {a} is False",
        "text": f"{a}.__class__ is str and {a}.isascii() and '\\0' not in {a}",
        "bytes": f"{a}.__class__ is bytes",
        "uuid": f"{a}.__class__ is UUID",
        "date": f"{a}.__class__ is date",
    }.get(inline, "")


def build_checker(codecs: Sequence[Codec]) -> Checker:
    """Build the function that coerces parameters and leaves canonical ones alone."""

    def fail(args: Sequence[Any], failure: Exception) -> Exception:
        return _fail_binding(codecs, args, failure, "coerce")

    count = len(codecs)
    if not count:
        return lambda args: args
    if count > _MAX_INLINE:
        return _loop_checker(codecs, fail)
    lines = ["def check(args):", " try:", _unpacking("a", count, "args"), "  same = True"]
    for n, codec in enumerate(codecs):
        canonical = _is_canonical(n, codec.inline)
        test = f"{canonical} or a{n} is None" if canonical else f"a{n} is None"
        lines += [
            f"  if not ({test}):",
            f"   c = coerce{n}(a{n})",
            f"   if c is not a{n}:",
            f"    a{n} = c",
            "    same = False",
        ]
    lines += [
        f"  return args if same else [{', '.join(f'a{n}' for n in range(count))}]",
        " except Exception as failure:",
        "  error = fail(args, failure)",
        " raise error from error.__cause__",
    ]
    scope = {f"coerce{n}": codec.coerce for n, codec in enumerate(codecs)}
    return _compile("check", lines, {**scope, "fail": fail})  # type: ignore[no-any-return]


def _loop_checker(codecs: Sequence[Codec], fail: Callable[[Sequence[Any], Exception], Exception]) -> Checker:
    coercions = [codec.coerce for codec in codecs]

    def check(args: Sequence[Any]) -> Sequence[Any]:
        try:
            checked = [None if arg is None else coerce(arg) for coerce, arg in zip(coercions, args, strict=True)]
        except Exception as failure:
            error = fail(args, failure)
        else:
            return checked
        raise error from error.__cause__

    return check


# --- rows --------------------------------------------------------------------------------------------------


def _decode_expression(n: int, inline: Inline) -> str:
    v = f"v{n}"
    if inline in _FORMS:
        return f"unpack_{inline}({v})[0]"
    return {"bool": f"{v} != b'\\0'", "text": f"{v}.decode()", "bytes": v, "void": "None"}.get(
        inline, f"unpack{n}({v})"
    )


def build_decoder(codecs: Sequence[Codec], names: Sequence[str], kept: Collection[int] = ()) -> Decoder:
    """Build the function from rows of wire values to tuples of canonical ones.

    Args:
        codecs: One for each column.
        names: Of the columns, for errors.
        kept: Positions of columns whose values stay as they are.
    """
    readers = [None if at in kept else codec.unpack for at, codec in enumerate(codecs)]

    def fail(rows: Sequence[Sequence[Any]], failure: Exception) -> Exception:
        for row in rows:
            for name, codec, read, data in zip(names, codecs, readers, row, strict=False):
                if data is None or read is None:
                    continue
                try:
                    read(data)
                except MissingTypesError as missing:
                    return missing
                except Exception as refusal:
                    known = isinstance(refusal, ValueRefused)
                    reason = str(refusal) if known else "its wire form is not the one of this type"
                    error = DataError(f'cannot read column "{name}" as {codec.name}: {reason}', column=name)
                    error.__cause__ = refusal.__cause__ if known else None
                    return error
        return failure

    compiled = rows_reader(readers, fail)
    if compiled is not None:
        return compiled
    if not 0 < len(codecs) <= _MAX_INLINE:
        return _loop_decoder(readers, fail)
    values = [
        f"v{n}" if read is None else f"None if v{n} is None else {_decode_expression(n, codec.inline)}"
        for n, (codec, read) in enumerate(zip(codecs, readers, strict=True))
    ]
    lines = [
        "def decode(rows):",
        " try:",
        f"  return [({', '.join(values)},) for ({''.join(f'v{n}, ' for n in range(len(codecs)))}) in rows]",
        " except Exception as failure:",
        "  error = fail(rows, failure)",
        " raise error from error.__cause__",
    ]
    scope = {f"unpack{n}": read for n, read in enumerate(readers)}
    return _compile("decode", lines, {**scope, "fail": fail})  # type: ignore[no-any-return]


def _loop_decoder(
    readers: Sequence[Unpack | None], fail: Callable[[Sequence[Sequence[Any]], Exception], Exception]
) -> Decoder:
    def decode(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        try:
            return [
                tuple(
                    [
                        data if data is None or read is None else read(data)
                        for read, data in zip(readers, row, strict=True)
                    ]
                )
                for row in rows
            ]
        except Exception as failure:
            error = fail(rows, failure)
        raise error from error.__cause__

    return decode

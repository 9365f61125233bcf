"""Booleans, integers, floats, `numeric` and `money`.

Source of the formats: `*send` and `*recv` of `src/backend/utils/adt/{int,int8,float,numeric,cash}.c`.
"""

from __future__ import annotations

import decimal
import math
import struct
from decimal import Decimal
from typing import Any

from sqlspec.postgres.codec.base import INT8, Coerce, Pack, Unpack, ValueRefused, given, is_numpy, refused

__all__ = (
    "FLOAT4",
    "FLOAT8",
    "coerce_bool",
    "coerce_float4",
    "coerce_float8",
    "coerce_numeric",
    "integer",
    "money",
)

FLOAT4 = struct.Struct(">f")
FLOAT8 = struct.Struct(">d")


def coerce_bool(value: Any) -> bool:
    """Coerce to `bool`; no other type has a truth value that PostgreSQL would agree with."""
    if value is True or value is False:
        return value
    if is_numpy(value, "bool_"):
        return bool(value)
    raise refused(value, "a bool")


def pack_bool(value: bool) -> bytes:
    """Write one byte."""
    return b"\1" if value else b"\0"


def unpack_bool(data: bytes) -> bool:
    """Read one byte."""
    return data != b"\0"


def whole_number(value: Any) -> int:
    """Coerce to an exact `int`, without bounds.

    Raises:
        ValueRefused: A `bool`, a float, a `Decimal`, text or anything else that is not an integer.
    """
    if value.__class__ is int:
        return value
    if isinstance(value, int) and value is not True and value is not False:
        return int.__int__(value)
    if is_numpy(value, "integer"):
        return int(value)
    raise refused(value, "an int")


def integer(low: int, high: int) -> Coerce:
    """Build `coerce` for an integer type with these bounds, both included."""

    def coerce(value: Any) -> int:
        number = value if value.__class__ is int else whole_number(value)
        if low <= number <= high:
            return number
        raise ValueRefused(f"the int is outside {low} to {high}; cast to a wider type")

    return coerce


def coerce_float8(value: Any) -> float:
    """Coerce to the nearest `float`.

    Raises:
        ValueRefused: Not a number, a signaling NaN, or a finite number that would become infinite.
    """
    if value.__class__ is float:
        return value
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Decimal):
        return _from_decimal(value)
    if is_numpy(value, "floating"):
        number = float(value)
        if math.isinf(number) and value - value == 0:  # a wider numpy float that was finite
            raise ValueRefused("the number is too large for a double; cast to numeric")
        return number
    try:
        return float(whole_number(value))
    except OverflowError:
        raise ValueRefused("the number is too large for a double; cast to numeric") from None
    except ValueRefused:
        raise refused(value, "a float") from None


def _from_decimal(value: Decimal) -> float:
    if value.is_snan():
        raise ValueRefused("a signaling NaN was given; pass a quiet one")
    number = float(value)
    if math.isinf(number) and value.is_finite():
        raise ValueRefused("the number is too large for a double; cast to numeric")
    return number


def coerce_float4(value: Any) -> float:
    """Coerce to a `float` that rounds to the `float4` nearest to the given number.

    Raises:
        ValueRefused: As `coerce_float8`, and a finite number that would become infinite as `float4`.
    """
    number = coerce_float8(value)
    if value.__class__ is not float and not isinstance(value, float) and math.isfinite(number):
        number = _round_to_odd(number, value)
    try:
        FLOAT4.pack(number)
    except OverflowError:
        raise ValueRefused("the number is too large for a float4; cast to float8") from None
    return number


def _round_to_odd(nearest: float, exact: Any) -> float:
    """Undo the tie-breaking of the first of two roundings.

    An int or a Decimal is rounded to 53 bits here and to 24 bits when it is packed. The second rounding is
    right when the first one left an odd last bit wherever it was not exact.
    """
    if nearest == exact or FLOAT8.pack(nearest)[7] & 1:
        return nearest
    return math.nextafter(nearest, math.inf if exact > nearest else -math.inf)


# --- numeric -----------------------------------------------------------------------------------------------

_HEAD = struct.Struct(">HhHH")  # digits (base 10000), weight of the first, sign, scale
_SMALL = tuple(struct.Struct(f">HhHH{n}H") for n in range(8))
_DIGITS1, _DIGITS2, _DIGITS3 = _SMALL[1:4]
_POWERS = tuple(10**n for n in range(64))
_NEGATIVE, _NAN, _INF, _NEG_INF = 0x4000, 0xC000, 0xD000, 0xF000
_SPECIAL = {_NAN: Decimal("NaN"), _INF: Decimal("Infinity"), _NEG_INF: Decimal("-Infinity")}
_MAX_SCALE = 0x3FFF
_MAX_INTEGER_DIGITS = 131072
_SHORT = 20
_TO_GROUP = ("", "000", "00", "0")  # zeros that complete the last group of four, by scale modulo 4


def coerce_numeric(value: Any) -> Decimal:
    """Coerce to an exact `Decimal`; a float counts as its shortest decimal text.

    Raises:
        ValueRefused: Not a number, a signaling NaN, or more digits than `numeric` holds.
    """
    if value.__class__ is not Decimal:
        value = _to_decimal(value)
    exponent = value.as_tuple().exponent
    if exponent.__class__ is not int:
        if value.is_nan():
            if str(value) not in {"NaN", "-NaN"}:
                raise ValueRefused("a NaN with a payload or a signaling NaN was given; pass Decimal('NaN')")
            return _SPECIAL[_NAN]  # one form: the server reads no sign before it
    elif exponent < -_MAX_SCALE:
        raise ValueRefused(f"the number has more than {_MAX_SCALE} digits after the point; round it first")
    elif not value:
        return value if exponent <= 0 else Decimal(0)  # 0E+5 has no digits before the point
    elif value.adjusted() >= _MAX_INTEGER_DIGITS:
        raise ValueRefused(f"the number has more than {_MAX_INTEGER_DIGITS} digits before the point")
    return value  # type: ignore[no-any-return]


def _to_decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return Decimal(value)
    if isinstance(value, float):
        return Decimal(float.__repr__(value))
    if isinstance(value, str):
        try:
            return Decimal(str.__str__(value))
        except decimal.InvalidOperation:
            raise ValueRefused("the str is not a decimal number; pass a Decimal") from None
    if is_numpy(value, "floating"):
        return Decimal(str(value))
    try:
        return Decimal(whole_number(value))
    except ValueRefused:
        raise refused(value, "a Decimal") from None


def pack_numeric(value: Decimal) -> bytes:
    """Write a coerced `Decimal`."""
    text = str(value)
    return (_pack_short(text) if len(text) < _SHORT else None) or _pack_any_numeric(value)


def encode_numeric(value: Any) -> bytes:
    """Coerce and write at once."""
    if value.__class__ is Decimal:
        # A short plain number is within all limits, so that there is nothing to coerce.
        text = str(value)
        if len(text) < _SHORT:
            wire = _pack_short(text)
            if wire is not None:
                return wire
    return pack_numeric(coerce_numeric(value))


def _pack_short(text: str) -> bytes | None:
    """Write a number of at most 19 characters; `None` when it is no plain number but `1E+5`, `NaN` or the like."""
    negative = 0
    if text[0] == "-":
        negative = _NEGATIVE
        text = text[1:]
    whole, _, fraction = text.partition(".")
    scale = len(fraction)
    try:
        number = int(whole + fraction + _TO_GROUP[scale & 3])
    except ValueError:
        return None
    weight = -((scale + 3) >> 2)
    if number < 10000:
        if not number:
            return _HEAD.pack(0, 0, 0, scale)
        return _DIGITS1.pack(1, weight, negative, scale, number)
    digits: list[int] = []
    while number:
        number, digit = divmod(number, 10000)
        digits.append(digit)
    weight += len(digits) - 1
    digits.reverse()
    while not digits[-1]:
        digits.pop()
    return _SMALL[len(digits)].pack(len(digits), weight, negative, scale, *digits)


def _pack_any_numeric(value: Decimal) -> bytes:
    if not value.is_finite():
        sign = _NAN if value.is_nan() else _NEG_INF if value.is_signed() else _INF
        # The server itself writes this scale beside an infinity; it reads any.
        return _HEAD.pack(0, 0, sign, 0 if sign == _NAN else 0x20)
    # By way of the text: int() and str() of a Python int refuse more than 4300 digits.
    whole, _, fraction = format(value.copy_abs(), "f").partition(".")
    scale = len(fraction)
    whole = whole.lstrip("0")
    whole = "0" * (-len(whole) % 4) + whole
    text = whole + fraction + _TO_GROUP[scale & 3]
    digits = [int(text[n : n + 4]) for n in range(0, len(text), 4)]
    weight = len(whole) // 4 - 1
    first, last = 0, len(digits)
    while last and not digits[last - 1]:
        last -= 1
    while first < last and not digits[first]:
        first += 1
    if first == last:
        return _HEAD.pack(0, 0, 0, scale)
    negative = _NEGATIVE if value.is_signed() else 0
    head = _HEAD.pack(last - first, weight - first, negative, scale)
    return head + struct.pack(f">{last - first}H", *digits[first:last])


def unpack_numeric(data: bytes) -> Decimal:
    """Read a `Decimal` with the scale that the server keeps."""
    size = len(data)
    if size == 12:
        _, weight, sign, scale, high, low = _DIGITS2.unpack(data)
        number = high * 10000 + low
    elif size == 10:
        _, weight, sign, scale, number = _DIGITS1.unpack(data)
    elif size == 14:
        _, weight, sign, scale, high, middle, low = _DIGITS3.unpack(data)
        number = (high * 10000 + middle) * 10000 + low
    elif 14 < size < 24:
        _, weight, sign, scale, *digits = _SMALL[(size - 8) >> 1].unpack(data)
        number = 0
        for digit in digits:
            number = number * 10000 + digit
    else:
        return _unpack_any_numeric(data)
    shift = scale + 4 * weight - 2 * (size - 10)  # power of ten from the last digit group to the scale
    if shift > 0:
        if shift > 40:
            return _unpack_any_numeric(data)
        number *= _POWERS[shift]
    elif shift < 0:
        number //= _POWERS[-shift]  # exact: the server keeps no digits beyond the scale
    if sign:
        number = -number
    # The constructor is exact for text of any length; arithmetic would round to the context.
    return Decimal(f"{number}E-{scale}") if scale else Decimal(number)


def _unpack_any_numeric(data: bytes) -> Decimal:
    count, weight, sign, scale = _HEAD.unpack_from(data)
    if sign in _SPECIAL:
        return _SPECIAL[sign]
    if not count:
        return Decimal(f"0E-{scale}")
    text = "".join([f"{digit:04d}" for digit in struct.unpack_from(f">{count}H", data, 8)])
    point = 4 * (weight + 1)
    if point > 0:
        whole, fraction = text[:point].ljust(point, "0"), text[point:]
    else:
        whole, fraction = "0", "0" * -point + text
    fraction = fraction[:scale].ljust(scale, "0")
    minus = "-" if sign == _NEGATIVE else ""
    return Decimal(f"{minus}{whole}.{fraction}" if scale else f"{minus}{whole}")


# --- money -------------------------------------------------------------------------------------------------

_EXACT = decimal.Context(prec=40, traps=[decimal.Inexact, decimal.InvalidOperation, decimal.Overflow])


def money(scale: int) -> tuple[Coerce, Pack, Unpack]:
    """Build the functions for `money`, whose wire form is an int8 count of the smallest unit.

    Args:
        scale: Digits after the point in the server's `lc_monetary`.
    """

    def count(value: Decimal) -> int:
        return int(_EXACT.scaleb(value, scale))

    def coerce(value: Any) -> Decimal:
        if isinstance(value, Decimal):
            amount = Decimal(value)
        else:
            try:
                amount = Decimal(whole_number(value))
            except ValueRefused:
                raise ValueRefused(f"{given(value)}; pass a Decimal") from None
        if not amount.is_finite():
            raise ValueRefused("the amount is not finite; pass a finite Decimal")
        try:
            units = _EXACT.to_integral_exact(_EXACT.scaleb(amount, scale))
        except decimal.Inexact:
            raise ValueRefused(f"the amount has more than {scale} digits after the point; round it first") from None
        except decimal.DecimalException:
            units = None
        if units is None or not -(1 << 63) <= units < 1 << 63:
            raise ValueRefused("the amount is outside the range of money; use numeric")
        return amount

    def pack(value: Decimal) -> bytes:
        return INT8.pack(count(value))

    def unpack(data: bytes) -> Decimal:
        return Decimal(f"{INT8.unpack(data)[0]}E-{scale}")

    return coerce, pack, unpack

"""Conversions to numbers, booleans and money: exact, but for fractions that become the nearest float."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import pyarrow as pa

from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.shapes import MAX_DECIMAL, Shape, decimal_type, numeric_limits
from sqlspec.postgres.arrow.steps import (
    TEXT_WIRE,
    Conversion,
    LoadOptions,
    Misfit,
    NoWay,
    Step,
    casting,
    chain,
    checked,
    refuse_where,
)
from sqlspec.postgres.arrow.texts import sql_text, storable
from sqlspec.postgres.arrow.wire import Kind, WireType
from sqlspec.postgres.codec.base import INT8

__all__ = ("to_bool", "to_float", "to_float_values", "to_integer", "to_money", "to_numeric")

_WIDE = Context(prec=200_000)
"""Room for every digit of a number that PostgreSQL has room for."""

_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}
"""Decimal digits that hold every integer of so many bits."""


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def no_way(kind: pa.DataType, shape: Shape, advice: str) -> NoWay:
    """Return the refusal of an Arrow type."""
    return NoWay(f"values of type {kind} are not taken as {shape.name}; {advice}")


def to_bool(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to `bool`."""
    if not pa.types.is_boolean(kind):
        raise no_way(kind, shape, "compare, or cast to bool")
    return Conversion(shape.wire(), None, sql_text)


def to_integer(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to integers of any width."""
    if not _is_number(kind):
        raise no_way(kind, shape, f"cast to {shape.arrow}")
    if kind == shape.arrow:
        return Conversion(shape.wire(), None, sql_text)
    before: Step | None = None
    if pa.types.is_floating(kind):
        # The server rounds halves of floats to even, and those of numeric away from zero.
        before = _rounding("half_to_even") if options.round else None
        before = chain(_to_double if pa.types.is_float16(kind) else None, before)
    elif pa.types.is_decimal(kind):
        before = chain(widen_decimal(kind), _rounding("half_towards_infinity") if options.round else None)
    reason = f"the number is outside the range of {shape.name}"
    if not pa.types.is_integer(kind):
        reason += " or has a fraction; round=True rounds fractions"
    return Conversion(shape.wire(), chain(before, casting(shape.arrow, reason)), sql_text)


def _to_double(array: pa.Array) -> pa.Array:
    return array.cast(pa.float64())


def _rounding(mode: str) -> Step:
    return lambda array: pc.round(array, 0, mode)


def to_float(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to `float4` or `float8`: fractions to the nearest one, integers exactly unless they may be rounded."""
    step = to_float_values(kind, shape.arrow, shape)
    if step is not None and not options.round:
        step = _whole_or_near(kind, shape, step)
    return Conversion(shape.wire(), step, sql_text)


_MANTISSA = {32: 24, 64: 53}
"""Bits of the integers that a float of so many bits holds, all of them."""


def _whole_or_near(kind: pa.DataType, shape: Shape, step: Step) -> Step:
    """Return the step to floats, made to refuse integers that change and what only underflow makes zero."""
    if not pa.types.is_integer(kind):
        return step if shape.arrow != pa.float32() or not _has_tiny(kind) else _keeping_tiny(step, shape)
    if kind.bit_width <= _MANTISSA[shape.arrow.bit_width]:
        return step
    inexact = f"{shape.name} does not hold the integer exactly; round=True takes the nearest number"

    def run(array: pa.Array) -> pa.Array:
        try:
            return array.cast(shape.arrow)  # refuses all that are larger than the mantissa
        except pa.ArrowInvalid:
            floats = step(array)
            refuse_where(lambda _: _changed(array, floats), inexact)(array)
            return floats

    return run


def _has_tiny(kind: pa.DataType) -> bool:
    # The least float4 is 1.4e-45.
    return bool(pa.types.is_float64(kind) or (pa.types.is_decimal(kind) and kind.scale > 44))


def _keeping_tiny(step: Step, shape: Shape) -> Step:
    vanished = f"{shape.name} has only 0 for a number so small; round=True takes it as that"

    def check(array: pa.Array, floats: pa.Array) -> pa.Array:
        zeros = pc.equal(floats, 0)
        if pc.any(zeros).as_py():
            zero = pa.scalar(Decimal(0) if pa.types.is_decimal(array.type) else 0.0, array.type)
            refuse_where(lambda _: pc.and_(zeros, pc.not_equal(array, zero)), vanished)(array)
        return floats

    def run(array: pa.Array) -> pa.Array:
        try:
            floats = step(array)
        except Misfit as misfit:  # perhaps not the first
            before = array.slice(0, misfit.index)
            check(before, step(before))
            raise
        return check(array, floats)

    return run


def _changed(array: pa.Array, floats: pa.Array) -> pa.Array:
    wide = pa.uint64() if array.type == pa.uint64() else pa.int64()
    doubles = floats.cast(pa.float64())
    # What rounding has made as large as the first number that the type does not hold cannot be cast back.
    beyond = pc.greater_equal(doubles, 2.0**64 if wide == pa.uint64() else 2.0**63)
    return pc.or_(beyond, pc.not_equal(pc.if_else(beyond, 0.0, doubles).cast(wide, safe=False), array.cast(wide)))


def to_float_values(kind: pa.DataType, wanted: pa.DataType, shape: Shape) -> Step | None:
    """Return the step from any numbers to the nearest floats; none that is finite becomes infinite."""
    if not _is_number(kind):
        raise no_way(kind, shape, f"cast to {wanted}")
    if kind == wanted:
        return None
    infinite = checked_floats(wanted, f"the number is too large for {shape.name}")
    if pa.types.is_decimal(kind):
        # The kernel for decimals does not round correctly, the parser of floats does.
        before = widen_decimal(kind)
        return lambda array: infinite((before(array) if before else array).cast(pa.string()))
    if pa.types.is_floating(kind) and kind.bit_width < wanted.bit_width:
        return lambda array: array.cast(wanted)
    return infinite


def checked_floats(wanted: pa.DataType, reason: str) -> Step:
    """Return a cast to floats that refuses what only overflow makes infinite."""

    def overflows(array: pa.Array, floats: pa.Array) -> pa.Array:
        infinite = pc.is_inf(floats if not pa.types.is_float16(wanted) else floats.cast(pa.float32()))
        return pc.and_not(infinite, pc.is_inf(array)) if pa.types.is_floating(array.type) else infinite

    def run(array: pa.Array) -> pa.Array:
        floats = _half(array) if pa.types.is_float16(wanted) else array.cast(wanted, safe=False)
        refuse_where(lambda _: overflows(array, floats), reason)(array)
        return floats

    return run


def _half(array: pa.Array) -> pa.Array:
    if not pa.types.is_floating(array.type):
        array = array.cast(pa.float64(), safe=False)
    return array.cast(pa.float16(), safe=False)


# --- decimals ----------------------------------------------------------------------------------------------


def widen_decimal(kind: pa.DataType) -> Step | None:
    """Return the step from a decimal type to one of 128 or 256 bits; the kernels for narrower ones have gaps."""
    if pa.types.is_decimal128(kind) or pa.types.is_decimal256(kind):
        return None
    wide = pa.decimal128(kind.precision, kind.scale)
    return lambda array: array.cast(wide)


def to_numeric(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert to `numeric`: integers and decimals as they are; floats and text by their text form."""
    declared = numeric_limits(shape.typmod)
    limits = _Limits(declared, shape, options) if declared else None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_floating(kind):
        step = chain(_number_text, limits.of_texts() if limits else None)
        return Conversion(TEXT_WIRE, step, sql_text, True)
    if pa.types.is_integer(kind):
        wide = pa.decimal128(_DIGITS[kind.bit_width], 0)
        step = lambda array: array.cast(wide)  # noqa: E731 - one of several ways
    elif pa.types.is_decimal(kind):
        precision, scale = kind.precision, kind.scale
        if scale < 0:
            precision, scale = precision - scale, 0
        if precision > MAX_DECIMAL:
            step = chain(_number_text, limits.of_texts() if limits else None)
            return Conversion(TEXT_WIRE, step, sql_text, True)
        wide = decimal_type(precision, scale)
        step = None if wide == kind else lambda array: array.cast(wide)
    else:
        raise no_way(kind, shape, "cast to a decimal type")
    wire = WireType(Kind.NUMERIC, shape.oid, wide.byte_width, wide.precision, wide.scale)
    return Conversion(wire, chain(step, limits.of_decimals(wide) if limits else None), sql_text)


def _number_text(array: pa.Array) -> pa.Array:
    return storable(array.cast(pa.string()))


class _Limits:
    """The check that numbers have a place in `numeric(precision, scale)`; the values stay as they are."""

    def __init__(self, limits: tuple[int, int], shape: Shape, options: LoadOptions) -> None:
        self.precision, self.scale = limits
        self.may_round = options.round
        name = f"{shape.name}({self.precision},{self.scale})"
        self.too_large = f"the number has more digits before the point than {name} has room for"
        self.too_fine = f"the number does not fit {name} exactly; round=True rounds what is behind the point"
        self.infinite = f"{name} has no infinity; make it NULL"
        self.no_number = "the text is no decimal number"

    def of_decimals(self, kind: pa.DataType) -> Step | None:
        whole, room = kind.precision - kind.scale, self.precision - self.scale
        if whole <= room if kind.scale <= self.scale else self.may_round and whole < room:
            return None
        exact = casting(self._type(wide=kind.byte_width != 16), self.too_fine)
        return self._checking(self._rounded if self.may_round else lambda array: self._exact(array, exact))

    def of_texts(self) -> Step:
        if self.may_round:
            return self._checking(self._roomy)
        exact = casting(self._type(), self.too_fine)

        def check(array: pa.Array) -> pa.Array:
            # NaN has a place in every numeric, infinity in none with a precision.
            number = pc.utf8_trim_whitespace(array)
            is_nan = pc.match_substring_regex(number, "(?i)^nan$")
            try:
                exact(pc.if_else(is_nan, pa.scalar(None, pa.string()), number))
            except Misfit as misfit:
                reason = self._why_not(number[misfit.index].as_py())
                raise Misfit(misfit.index, reason or self.too_fine) from None

        return self._checking(check)

    def _type(self, *, wide: bool = False) -> pa.DataType:
        precision = min(self.precision, MAX_DECIMAL)
        return pa.decimal256(precision, self.scale) if wide else decimal_type(precision, self.scale)

    def _checking(self, check: Step) -> Step:
        def run(array: pa.Array) -> pa.Array:
            check(array)
            return array

        return run

    def _exact(self, array: pa.Array, cast: Step) -> None:
        try:
            cast(array)
        except Misfit as misfit:
            try:
                self._rounded(array.slice(misfit.index, 1))
            except Misfit:
                raise Misfit(misfit.index, self.too_large) from None
            raise

    def _rounded(self, array: pa.Array) -> None:
        # With digits to spare: rounding may add one.
        wide = array.cast(pa.decimal256(MAX_DECIMAL, array.type.scale))
        checked(
            lambda part: pc.round(part, self.scale, "half_towards_infinity").cast(self._type(wide=True)),
            self.too_large,
        )(wide)

    def _roomy(self, array: pa.Array) -> None:
        number = pc.utf8_trim_whitespace(array)
        try:
            small = pc.less(pc.abs(number.cast(pa.float64())), float(f"1e{self.precision - self.scale}") * 0.999)
        except pa.ArrowInvalid:  # one is no number, which the server will say
            small = pa.array([False] * len(array))
        for index in pc.indices_nonzero(pc.invert(small)).to_pylist():
            text = number[index].as_py()
            reason = None if text is None else self._why_not(text)
            if reason is not None and reason != self.no_number:
                raise Misfit(index, reason)

    def _why_not(self, text: str) -> str | None:
        """Return why a text has no place even when it is rounded."""
        try:
            number = Decimal(text)
        except InvalidOperation:
            return self.no_number
        if number.is_infinite():
            return self.infinite
        if number.is_nan() or not number:
            return None
        room = self.precision - self.scale
        if number.adjusted() < room - 1 or number.adjusted() >= room:
            return None if number.adjusted() < room else self.too_large
        rounded = number.quantize(Decimal(1).scaleb(-self.scale), ROUND_HALF_UP, _WIDE)
        return self.too_large if rounded.adjusted() >= room else None


def to_money(kind: pa.DataType, shape: Shape, options: LoadOptions) -> Conversion:
    """Convert integers and decimals to `money`, a count of its smallest unit."""
    scale = -shape.codec.unpack(INT8.pack(1)).as_tuple().exponent
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return Conversion(TEXT_WIRE, chain(_number_text, _amount_check(scale, options)), sql_text, True)
    before: Step | None
    if pa.types.is_integer(kind):
        before = lambda array: array.cast(pa.decimal128(_DIGITS[kind.bit_width], 0))  # noqa: E731
    elif pa.types.is_decimal(kind):
        before = widen_decimal(kind)
        if options.round:
            before = chain(before, lambda array: pc.round(array, scale, "half_towards_infinity"))
    else:
        raise no_way(kind, shape, "cast to a decimal type")
    reason = "the amount is outside the range of money or has more digits behind the point; round=True rounds them"
    units = pa.decimal256(MAX_DECIMAL, scale)

    def count(array: pa.Array) -> pa.Array:
        # The cast puts as many digits behind the point as money has; moving the point makes them a whole number.
        wide = array.cast(pa.decimal256(array.type.precision, array.type.scale)).cast(units)
        whole = pa.Array.from_buffers(
            pa.decimal256(MAX_DECIMAL, 0), len(wide), wide.buffers(), wide.null_count, wide.offset
        )
        return whole.cast(pa.int64())

    return Conversion(WireType(Kind.INT8, shape.oid), chain(before, checked(count, reason)), sql_text)


def _amount_check(scale: int, options: LoadOptions) -> Step | None:
    """Refuse what the server would round, as far as a text tells without knowing the locale's signs."""
    if options.round or not scale:
        return None
    pattern = rf"[.,]\d{{{scale + 1},}}\D*$"
    return refuse_where(
        lambda array: pc.match_substring_regex(array, pattern),
        f"the amount does not have exactly {scale} digits behind its last point or comma; round=True takes it as it is",
    )

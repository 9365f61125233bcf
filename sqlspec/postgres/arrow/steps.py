"""What conversions are made of: steps over whole arrays that keep every value or name the first that they cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import pyarrow as pa

from sqlspec.postgres.arrow.kernels import pc
from sqlspec.postgres.arrow.wire import Kind, WireType

__all__ = (
    "TEXT_WIRE",
    "Conversion",
    "LoadOptions",
    "Misfit",
    "NoWay",
    "Step",
    "casting",
    "chain",
    "checked",
    "refuse_where",
)

Step: TypeAlias = Callable[[pa.Array], pa.Array]

TEXT_WIRE = WireType(Kind.BYTES, 25)


class LoadOptions(NamedTuple):
    """Choices of a load.

    Attributes:
        columns: `None`: every column of the source, by name. Names: only these. A mapping: only its keys, into the
            table's columns that are its values.
        round: Take values that have more digits than their column: they are rounded as the server does it, to the
            declared precision (`numeric(p,s)`, `timestamp(p)`), to whole numbers, to microseconds, to days.
        identities: Fill identity columns that are generated always, too: the rows come from another such table.
    """

    columns: Sequence[str] | Mapping[str, str] | None = None
    round: bool = False
    identities: bool = False


class Misfit(Exception):
    """A value does not fit.

    Attributes:
        index: Its place in the array that the step was given.
        reason: Why, and what to do; never the value.
    """

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


class NoWay(Exception):
    """Values of an Arrow type are not taken by a column at all; the text says what to do."""


class Conversion(NamedTuple):
    """How values of one Arrow type become those of one PostgreSQL type.

    Attributes:
        wire: The layout of what comes out.
        step: Makes it; `None` for values that are as they should be.
        write: Makes the text form of what comes out, for values inside those that only the server can parse.
        is_text: What comes out is text, which the server has to parse.
    """

    wire: WireType
    step: Step | None
    write: Step
    is_text: bool = False


def chain(*steps: Step | None) -> Step | None:
    """Return one step for several, in order; each keeps the places of values."""
    rest = [step for step in steps if step is not None]
    if len(rest) < 2:
        return rest[0] if rest else None

    def run(array: pa.Array) -> pa.Array:
        for step in rest:
            array = step(array)
        return array

    return run


def checked(step: Step, reason: str) -> Step:
    """Return a step that names the first value that a vectorised function refuses."""

    def run(array: pa.Array) -> pa.Array:
        try:
            return step(array)
        except pa.ArrowInvalid:
            pass
        start, end = 0, len(array)
        while end - start > 1:  # all before `start` pass, and one before `end` does not
            middle = (start + end) // 2
            try:
                step(array.slice(start, middle - start))
            except pa.ArrowInvalid:
                end = middle
            else:
                start = middle
        raise Misfit(start, reason)

    return run


def casting(kind: pa.DataType, reason: str) -> Step:
    """Return an exact cast."""
    return checked(lambda array: array.cast(kind), reason)


def refuse_where(condition: Step, reason: str) -> Step:
    """Return a step that refuses values for which a condition is true, and keeps the others."""

    def run(array: pa.Array) -> pa.Array:
        index = pc.index(condition(array), True).as_py()
        if index >= 0:
            raise Misfit(index, reason)
        return array

    return run

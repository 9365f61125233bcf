"""What was measured, to look things up in, and what is said about it: what is asked here, what others claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from benchmarks.harness.numbers import Figure

__all__ = ("Bar", "Book", "Claim", "Ref", "difference", "quicker", "times")


class Ref(NamedTuple):
    """Names a figure."""

    case: str
    contestant: str
    call: str = ""


class Book:
    """The figures of a run.

    Attributes:
        figures: All of them, in the order of the run.
    """

    def __init__(self, figures: Iterable[Figure]) -> None:
        self.figures = list(figures)
        self._found = {Ref(one.case, one.contestant, one.call): one for one in self.figures}

    def get(self, ref: Ref) -> Figure | None:
        """Return a figure, if there is one without error."""
        found = self._found.get(ref)
        return None if found is None or found.error else found

    def failed(self, ref: Ref) -> bool:
        """Tell whether a contestant failed in a case."""
        return any(one.error for one in self.figures if (one.case, one.contestant) == (ref.case, ref.contestant))

    def median(self, ref: Ref) -> float | None:
        """Return the median of a figure."""
        found = self.get(ref)
        return None if found is None else found.median

    def least(self, refs: Iterable[Ref]) -> Ref | None:
        """Return which of the figures has the least median."""
        medians = {ref: self.median(ref) for ref in refs}
        present = {ref: value for ref, value in medians.items() if value is not None}
        return min(present, key=present.__getitem__) if present else None


class Bar(NamedTuple):
    """Something asked of the package.

    Attributes:
        what: In words.
        on: The adapter, or nothing for the best.
        asked: The limit in words.
        value: Works out the figure; `None` if it was not measured.
        limit: What the figure may be at most, or at least.
        at_most: Which of the two.
        form: How the figure is written.
    """

    what: str
    on: str
    asked: str
    value: Callable[[Book], float | None]
    limit: float
    at_most: bool
    form: str

    def met(self, value: float) -> bool:
        """Tell whether a figure is on the right side of the limit."""
        return value <= self.limit if self.at_most else value >= self.limit


class Claim(NamedTuple):
    """A line of a table that somebody else has published.

    Attributes:
        what: The line.
        says: Its figures.
        over: What it compares with, measured here.
        theirs: What it praises, measured here; `None` if that cannot be had.
        ours: What this package has for it; the quickest counts.
        absolute: Whether the figures are times rather than ratios.
        less: What is subtracted from an absolute figure.
    """

    what: str
    says: str
    over: Ref | None
    theirs: Ref | None
    ours: tuple[Ref, ...]
    absolute: bool = False
    less: dict[Ref, Ref] = {}  # noqa: RUF012 - never changed


def difference(ref: Ref, of: Ref) -> Callable[[Book], float | None]:
    """Return what works out how many microseconds longer one call takes than another."""

    def value(book: Book) -> float | None:
        ours, theirs = book.median(ref), book.median(of)
        return None if ours is None or theirs is None else (ours - theirs) * 1e6

    return value


def times(ref: Ref, of: Ref) -> Callable[[Book], float | None]:
    """Return what works out how many times as long as another a call takes."""

    def value(book: Book) -> float | None:
        ours, theirs = book.median(ref), book.median(of)
        return None if ours is None or not theirs else ours / theirs

    return value


def quicker(refs: Iterable[Ref], than: Ref) -> Callable[[Book], float | None]:
    """Return what works out how many times as fast as another the best of several is."""
    chosen = tuple(refs)

    def value(book: Book) -> float | None:
        best = book.least(chosen)
        return None if best is None else times(than, best)(book)

    return value

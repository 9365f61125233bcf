"""The cases, one file for each kind of work. A file in this folder, or in `benchmarks.seeds`, lists its `CASES`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NamedTuple

__all__ = ("AGAIN", "RAW", "TWIN", "Ask", "Case", "all_cases", "ask", "contest", "overhead")

RAW = "driver"
"""The call that others of its case are compared with."""
TWIN = " again (A/A)"
"""Ends the name of what takes part a second time."""
AGAIN = RAW + TWIN
Kind = Literal["overhead", "contest", "startup", "memory"]


class Ask(NamedTuple):
    """What a contestant is to do: a method of it, see `benchmarks.contestants.base`.

    Attributes:
        operation: Name of the method.
        arguments: Of the method.
        raw: Whether the driver alone does it, on the contestant's own connection.
    """

    operation: str
    arguments: dict[str, Any]
    raw: bool = False


def ask(operation: str, **arguments: Any) -> Ask:
    """Return what to do."""
    return Ask(operation, arguments)


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure.

    Attributes:
        name: What the report calls it.
        kind: `overhead` compares calls of one process, one at a time, on one backend. `contest` compares contestants,
            which have a process and a backend each, by blocks of calls. `startup` and `memory` take new processes.
        calls: What is done, by name; a contest has one, without a name.
        baseline: The call that the others of an `overhead` are compared with.
        block: How many calls are measured together.
        seconds: How long it takes in a full run, or a little longer.
        least: How many rounds there are at least.
        per: Into how many pieces the figure of a call is divided: the queries or rows of a call.
        only: Who takes part; everybody who can, if empty.
        quick: Whether a quick run has it.
        keeps_memory: Whether the allocator keeps what was freed; see `benchmarks.harness.processes`.
    """

    name: str
    kind: Kind
    calls: dict[str, Ask]
    baseline: str = ""
    block: int = 1
    seconds: float = 4.0
    least: int = 5
    per: int = 1
    only: tuple[str, ...] = ()
    quick: bool = True
    keeps_memory: bool = True


def contest(name: str, what: Ask, **more: Any) -> Case:
    """Return a case that compares contestants."""
    return Case(name, "contest", {"": what}, **more)


def overhead(name: str, raw: Ask, calls: dict[str, Ask], **more: Any) -> Case:
    """Return a case that compares calls of a library with one of its driver, which takes part twice."""
    alone = raw._replace(raw=True)
    return Case(name, "overhead", {RAW: alone, AGAIN: alone, **calls}, baseline=RAW, **more)


def all_cases() -> list[Case]:
    """Return every case, in the order of the report."""
    found: list[Case] = []
    for package in ("benchmarks.cases", "benchmarks.seeds"):
        for module in sorted(one.name for one in pkgutil.iter_modules(import_module(package).__path__)):
            found += getattr(import_module(f"{package}.{module}"), "CASES", ())
    names = [case.name for case in found]
    assert len(set(names)) == len(names), "two cases of one name"
    return found

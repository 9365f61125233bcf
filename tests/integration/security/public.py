"""The public calls of the package, as its modules and the reference name them, and its commands."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click

from sqlspec.cli._app import app
from tests.integration.security.registry import NOT_CALLED

__all__ = ("ELSEWHERE", "INSIDE", "MODULES", "ROOT", "arguments_of", "public_calls")

ROOT = Path(__file__).resolve().parents[3]

MODULES = (
    "sqlspec",
    "sqlspec.driver",
    "sqlspec.etl",
    "sqlspec.observability",
    "sqlspec.observability.opentelemetry",
    "sqlspec.observability.prometheus",
    "sqlspec.storage",
    "sqlspec.testing",
)
"""Their `__all__` is public."""

ELSEWHERE = ("sqlspec.exceptions", "sqlspec.values", "sqlspec.core.capabilities", "sqlspec.core.parameters")
"""Documented, and nothing there reaches a server by itself: errors, values (parameters of statements), facts."""

INSIDE = frozenset({"adapters", "base", "cli", "core", "postgres", "sqlfiles", "typing"})
"""What others lead to: the configs of adapters are those of `driver`; of the command line the commands count."""

PREFIXES = {"AsyncSession": "session", "AsyncConfig": "config"}
_DIRECTIVE = re.compile(r"^::: ([\w.]+)\n(?:    options:\n((?: {6}.*\n?)*))?", re.MULTILINE)
_MEMBERS = re.compile(r"members: \[([^\]]*)\]")


def arguments_of(function: Any) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name not in ("self", "cls")]


@cache
def public_calls() -> dict[str, list[str]]:
    """Return the arguments of every public call, by the name that the registry knows it by."""
    found: dict[str, list[str]] = {}
    for name, thing in sorted(_public().items()):
        if inspect.isclass(thing):
            found.update(_calls_of(name, thing))
        elif inspect.isfunction(thing):
            found[name] = arguments_of(thing)
    found.update(_commands())
    return {call: arguments for call, arguments in found.items() if arguments}


def _commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the commands with their arguments, in capitals as the help has them, and the long names of options."""
    for name, command in app.commands.items():
        parameters = command.get_params(click.Context(command))
        yield (
            f"sqlspec {name}",
            [max(p.opts, key=len) if isinstance(p, click.Option) else str(p.name).upper() for p in parameters],
        )


def _public() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in map(importlib.import_module, MODULES):
        found.update((name, getattr(module, name)) for name in module.__all__)
    found.update(_documented())
    return {
        name: thing
        for name, thing in found.items()
        # Twins are generated. Errors are raised and values are sent as parameters, whoever makes them.
        if not name.startswith("Sync") and getattr(thing, "__module__", "") not in ELSEWHERE
    }


def _documented() -> Iterator[tuple[str, Any]]:
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        for path, options in _DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            if path.startswith(ELSEWHERE):
                continue
            thing = _imported(path)
            if not inspect.ismodule(thing):
                yield path.rpartition(".")[2], thing
                continue
            members = _MEMBERS.search(options)
            names = re.findall(r"\w+", members[1]) if members else thing.__all__
            yield from ((name, getattr(thing, name)) for name in names)


def _imported(path: str) -> Any:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        home, _, name = path.rpartition(".")
        return getattr(_imported(home), name)


def _calls_of(name: str, kind: type) -> Iterator[tuple[str, list[str]]]:
    """Yield the calls of a class: making one, and its methods with those of its bases."""
    if issubclass(kind, BaseException):
        return
    prefix = PREFIXES.get(name, name)
    if name in NOT_CALLED:
        return
    if name != "AsyncSession":  # a config makes it
        yield prefix, arguments_of(kind)
    for attribute in dir(kind):
        found = inspect.getattr_static(kind, attribute)
        function = found.__func__ if isinstance(found, classmethod | staticmethod) else found
        if not attribute.startswith("_") and inspect.isfunction(function):
            yield f"{prefix}.{attribute}", arguments_of(function)

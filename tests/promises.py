"""What tests prove of the reliability of every adapter: they name the promise, the table of the documentation follows.

    @pytest.mark.promise("pool: a cancelled waiter takes nothing with it")

A test with a flavour counts for that flavour; one without tries code that all adapters share, and counts for each.
`refuses={"flavour": "reason"}` beside the sentence is for a test that passes because the promise is refused there.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tools._pages import ROOT
from tools.gen_reliability import FLAVOURS, WRITE_TO, Outcomes, problem_with

__all__ = ("Promises", "collected", "is_whole", "written")

COLLECTED = pytest.StashKey[Outcomes]()


def collected(config: pytest.Config) -> Outcomes:
    """Return what the collected tests would prove if each came out as its marks say."""
    return config.stash[COLLECTED]


def is_whole(config: pytest.Config) -> bool:
    """Tell whether this run collects every test that proves a promise."""
    return config.args in (["tests"], [str(ROOT / "tests")]) and not config.option.keyword


@cache
def written() -> frozenset[str]:
    """Return every promise that the source of a test names, whichever tests are collected."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "mark.promise(" in text:
            found.update(_sentences(ast.parse(text)))
    return frozenset(found)


def _sentences(tree: ast.Module) -> Iterator[str]:
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.promise"):
            sentence = node.args[0]
            yield ast.literal_eval(constants[sentence.id] if isinstance(sentence, ast.Name) else sentence)


class Promises:
    """Plugin: checks the marks, and notes what each marked test gave."""

    def __init__(self) -> None:
        self._outcomes = Outcomes()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Read every mark.

        Raises:
            pytest.UsageError: A mark is misspelt.
        """
        wrong = []
        expected = config.stash[COLLECTED] = Outcomes()
        for item in items:
            xfail = item.get_closest_marker("xfail")
            for mark in item.iter_markers("promise"):
                problem = problem_with(mark.args, mark.kwargs)
                if problem:
                    wrong.append(f"{item.nodeid}: {problem}")
                    continue
                for flavour in _flavours(item):
                    reason = mark.kwargs.get("refuses", {}).get(
                        flavour, xfail and xfail.kwargs.get("reason", "expected to fail")
                    )
                    expected.add(mark.args[0], flavour, reason)
                    item.user_properties.append(("promise", [mark.args[0], flavour, reason]))
        if wrong:
            raise pytest.UsageError("promises:\n" + "\n".join(wrong))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test gave; under xdist this runs in the process that controls the others."""
        if report.when != "call" and report.passed:
            return
        value: Any
        for name, value in report.user_properties:
            if name == "promise":
                sentence, flavour, reason = value
                self._outcomes.add(sentence, flavour, _way(report, reason))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was noted to the file that is asked for."""
        target = os.environ.get(WRITE_TO)
        if target and not hasattr(session.config, "workerinput"):
            Path(target).write_text(json.dumps(self._outcomes.cells), encoding="utf-8")


def _flavours(item: pytest.Item) -> tuple[str, ...]:
    parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    if "flavour" not in parameters:
        return FLAVOURS
    return tuple({parameters["flavour"]} & set(FLAVOURS))


def _way(report: pytest.TestReport, reason: str | None) -> str | None:
    """Return why the promise does not hold, as the test came out."""
    if report.passed:
        return reason
    if report.skipped and hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ").removeprefix("[NOTRUN] ")
    return f"{report.outcome} when this was recorded"

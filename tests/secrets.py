"""No secret leaves the process by itself: a check over the whole run.

Every config of the integration tests gets the password `PASSWORD`, and tests that send values mark them with `VALUE`.
What the run writes is searched for both: log records with their tracebacks and fields, what each test writes to stdout
and stderr, warnings, and the spans and metrics that tests export to memory. The test during which one shows fails.
"""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence

import pytest

__all__ = ("PASSWORD", "VALUE", "Secrets", "leaks", "searched")

PASSWORD = "p4ssw0rd-planted-by-the-tests"
VALUE = "v4lue-planted-by-the-tests"

MARKS = (PASSWORD, VALUE)


def leaks(text: str, marks: Sequence[str] = MARKS) -> list[str]:
    """Return the secrets that a text holds."""
    return [mark for mark in marks if mark in text]


_running: list[Secrets] = []


def searched(what: str, text: str) -> None:
    """Search what a test has exported. The test fails if it holds a secret."""
    for plugin in _running:
        plugin.search(what, text)


class _Watcher(logging.Handler):
    """Searches every record that any logger of the process lets through, as text and with its traceback."""

    def __init__(self, marks: Sequence[str]) -> None:
        super().__init__(logging.NOTSET)
        self._marks = marks
        self.found: list[str] = []
        self._format = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        text = self._format.format(record) + repr(vars(record))
        for mark in leaks(text, self._marks):
            self.found.append(f"{record.name} logged {mark}: {record.msg!r}")


class Secrets:
    """Plugin: searches what a run writes."""

    def __init__(self, marks: Sequence[str] = MARKS) -> None:
        self._marks = marks
        self._watcher = _Watcher(marks)
        self._told: set[str] = set()

    def pytest_sessionstart(self) -> None:
        logging.getLogger().addHandler(self._watcher)
        _running.append(self)

    def pytest_sessionfinish(self) -> None:
        logging.getLogger().removeHandler(self._watcher)
        _running.remove(self)

    def search(self, what: str, text: str) -> None:
        """Search a text; what is found fails the test that runs."""
        self._watcher.found += [f"{what} holds {mark}" for mark in leaks(text, self._marks)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Fail a test, or its setup or teardown, that made a secret show."""
        report = yield
        found, self._watcher.found = self._watcher.found, []
        if report.when == "setup":
            self._told.clear()
        for title, text in report.sections:
            found += [f"{title} holds {mark}" for mark in leaks(text, self._marks)]
        new = dict.fromkeys(each for each in found if each not in self._told)
        self._told.update(new)  # the report of the teardown has the sections of the call, too
        if new and report.outcome != "failed":
            report.outcome = "failed"
            report.longrepr = "a secret shows:\n" + "\n".join(new)
        return report

    def pytest_warning_recorded(self, warning_message: object, nodeid: str) -> None:
        message = str(getattr(warning_message, "message", ""))
        if leaks(message, self._marks):
            self._watcher.found.append(f"a warning of {nodeid} holds a secret")

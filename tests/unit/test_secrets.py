"""The check over the whole run finds what it looks for."""

from __future__ import annotations

import pytest

from tests.secrets import Secrets

pytest_plugins = ("pytester",)

MARK = "marked-for-this-test"  # another one: what is written here must not fail this very test


@pytest.mark.parametrize(
    "line",
    [
        "print(MARK)",
        "print(MARK, file=sys.stderr)",
        "logging.getLogger('x').warning('%s', MARK)",
        "logging.getLogger('x').warning('quiet', extra={'field': MARK})",
        "logging.getLogger('x').warning('quiet', exc_info=KeyError(MARK))",
        "searched('a span', MARK)",
    ],
)
def test_a_secret_fails_the_test_that_shows_it(pytester: pytest.Pytester, line: str) -> None:
    head = f"import logging, sys\nfrom tests.secrets import searched\nMARK = {MARK!r}"
    pytester.makepyfile(f"{head}\ndef test_a():\n    {line}\ndef test_b(): pass")
    ran = pytester.inline_run("-p", "no:cacheprovider", "-p", "no:asyncio", plugins=[Secrets([MARK])])
    passed, _, failed = ran.listoutcomes()
    assert [report.nodeid.rpartition("::")[2] for report in failed] == ["test_a"]
    assert [report.nodeid.rpartition("::")[2] for report in passed] == ["test_b"]

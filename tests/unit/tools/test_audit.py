"""What the audit says of the reports that it gets, and that silence is no pass."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

from tools import audit

CLEAN = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
SKIPPED = {"name": "c", "skip_reason": "not found"}
OWN = {"name": "sqlspec", "skip_reason": audit.EDITABLE}


def found(*packages: dict[str, Any]) -> audit.Findings:
    return audit.read(json.dumps({"dependencies": packages}))


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ((CLEAN,), audit.CLEAN, "looked up: 1 packages, 0 known vulnerabilities"),
        ((CLEAN, OWN), audit.CLEAN, "looked up: 1 packages, 0 known vulnerabilities"),
        ((OWN,), audit.UNKNOWN, "NOT CHECKED: nothing could be looked up"),
        ((CLEAN, BAD), audit.VULNERABLE, "VULNERABLE b 2: PYSEC-1; repaired in: 3"),
        ((CLEAN, SKIPPED), audit.UNKNOWN, "NOT CHECKED, nothing is known of them: c"),
        ((BAD, SKIPPED), audit.VULNERABLE, "NOT CHECKED, nothing is known of them: c"),
        ((SKIPPED,), audit.UNKNOWN, "NOT CHECKED: nothing could be looked up"),
        ((), audit.UNKNOWN, "NOT CHECKED: nothing could be looked up"),
    ],
)
def test_the_status_tells_what_is_known(packages: tuple[dict[str, Any], ...], status: int, said: str) -> None:
    seen, lines = audit.summary(found(*packages), ())
    assert seen == status
    assert any(said in line for line in lines)


def test_what_one_service_knows_is_checked() -> None:
    both = found(CLEAN, SKIPPED).plus(found({**CLEAN, "name": "c"}))
    assert both.checked == {"a", "c"}
    assert both.unchecked == {}


@pytest.mark.parametrize("report", ["", "{}", "no JSON", "[]"])
def test_what_is_no_report_is_no_answer(monkeypatch: pytest.MonkeyPatch, report: str) -> None:
    class Done:
        stdout, stderr, returncode = report, "it failed", 1

    monkeypatch.setattr("tools.audit.subprocess.run", lambda *_, **__: Done())
    assert audit.ask("osv") == (audit.Findings(frozenset(), (), {}), "osv: it failed")
    assert audit.main() == audit.UNKNOWN


def test_a_checkout_is_no_package_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is told in the words of pip-audit."""
    source: Any = import_module("pip_audit._dependency_source.pip")

    class Own:
        name, version, editable = "sqlspec", "0", True

    monkeypatch.setattr(source.pip_api, "installed_distributions", lambda **_: {"sqlspec": Own()})
    (skipped,) = source.PipSource(skip_editable=True).collect()
    assert isinstance(skipped, source.SkippedDependency)
    assert skipped.skip_reason == audit.EDITABLE


def test_without_pip_audit_nothing_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "find_spec", lambda _: None)
    assert audit.main() == audit.UNKNOWN
    assert "pip-audit is not installed" in capsys.readouterr().out

"""Look the installed packages up in a database of known vulnerabilities, and tell what could not be looked up.

    python tools/audit.py

pip-audit does the work: it asks the JSON API of PyPI, then OSV for what that did not know. Where neither can be reached
nothing is known of the packages. That is said, with their names, and is not success. What is installed from a checkout,
as this package itself, is no release that they could know, and left out.

Exit status: 0, every package was looked up and none has a known vulnerability; 1, there is one; 2, some or all could
not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

SERVICES = ("pypi", "osv")
SECONDS = 10
"""For one answer of a service."""

EDITABLE = "distribution marked as editable"
"""Why pip-audit skips what is installed from a checkout, in its words."""

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 2


class Findings(NamedTuple):
    """What is known of the installed packages.

    Attributes:
        checked: Names of those that were looked up.
        vulnerable: What was found, a line each.
        unchecked: Names of those that could not be looked up, with the reason.
    """

    checked: frozenset[str]
    vulnerable: tuple[str, ...]
    unchecked: Mapping[str, str]

    def plus(self, other: Findings) -> Findings:
        """Return both together: a package that one service knows is checked."""
        checked = self.checked | other.checked
        unchecked = {**other.unchecked, **self.unchecked}
        return Findings(
            checked,
            tuple(dict.fromkeys(self.vulnerable + other.vulnerable)),
            {name: why for name, why in unchecked.items() if name not in checked},
        )


def read(report: str) -> Findings:
    """Read pip-audit's report in its JSON format.

    Raises:
        ValueError: It is none.
    """
    checked: set[str] = set()
    vulnerable: list[str] = []
    unchecked: dict[str, str] = {}
    packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    for package in packages:
        name = package["name"]
        if package.get("skip_reason") == EDITABLE:
            continue
        if "skip_reason" in package:
            unchecked[name] = package["skip_reason"]
            continue
        checked.add(name)
        for found in package["vulns"]:
            fixed = ", ".join(found["fix_versions"]) or "none yet"
            vulnerable.append(f"{name} {package['version']}: {found['id']}; repaired in: {fixed}")
    return Findings(frozenset(checked), tuple(vulnerable), unchecked)


def summary(findings: Findings, failures: Sequence[str]) -> tuple[int, list[str]]:
    """Return the exit status and what to say."""
    lines = [f"VULNERABLE {each}" for each in findings.vulnerable]
    lines.append(f"looked up: {len(findings.checked)} packages, {len(findings.vulnerable)} known vulnerabilities")
    lines += [f"no answer: {failure}" for failure in failures]
    if findings.unchecked:
        lines.append(f"NOT CHECKED, nothing is known of them: {', '.join(sorted(findings.unchecked))}")
    if not findings.checked:
        lines.append("NOT CHECKED: nothing could be looked up; run this where pypi.org or api.osv.dev can be reached")
    status = VULNERABLE if findings.vulnerable else CLEAN
    if status == CLEAN and (findings.unchecked or not findings.checked):
        status = UNKNOWN
    return status, lines


def ask(service: str) -> tuple[Findings, str]:
    """Ask one service about all packages; the text is why there was no answer."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "--timeout", str(SECONDS)]
    command += ["--skip-editable", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return read(done.stdout), ""
    except (ValueError, KeyError, TypeError):
        said = done.stderr.strip().splitlines()
        return Findings(frozenset(), (), {}), f"{service}: {said[-1] if said else f'status {done.returncode}'}"


def main() -> int:
    if find_spec("pip_audit") is None:
        print("NOT CHECKED: pip-audit is not installed; run: make .venv/.installed")
        return UNKNOWN
    findings, failures = Findings(frozenset(), (), {}), []
    for service in SERVICES:
        found, failure = ask(service)
        findings = findings.plus(found)
        if failure:
            failures.append(failure)
        elif findings.checked and not findings.unchecked:
            break
    status, lines = summary(findings, failures)
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())

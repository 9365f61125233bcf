"""The figures of a run in a file, written after each case, so that a run that was stopped can go on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.harness.environments import ROOT
from benchmarks.harness.numbers import Figure

__all__ = ("Store", "fingerprint")

CODE = ("*.py", "*.so")


def fingerprint(*folders: str) -> str:
    """Return a text that changes with the code in these folders of the project."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(found for pattern in CODE for found in (ROOT / folder).rglob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


class Store:
    """A file with the figures of each case.

    Args:
        path: The file.
        signature: What the figures depend on. Those of another signature are given up.
        resume: Whether figures that are there already are kept.
    """

    def __init__(self, path: Path, signature: dict[str, Any], *, resume: bool) -> None:
        self._path = path
        self._signature = signature
        self._cases: dict[str, list[dict[str, Any]]] = {}
        if resume and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["signature"] == signature:
                self._cases = kept["cases"]

    def has(self, case: str) -> bool:
        """Tell whether a case has been measured."""
        return case in self._cases

    def put(self, case: str, figures: Iterable[Figure]) -> None:
        """Keep the figures of a case."""
        self._cases[case] = [asdict(figure) for figure in figures]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps({"signature": self._signature, "cases": self._cases}, indent=1), encoding="utf-8")
        beside.replace(self._path)

    def figures(self) -> list[Figure]:
        """Return all figures."""
        return [Figure(**figure) for figures in self._cases.values() for figure in figures]

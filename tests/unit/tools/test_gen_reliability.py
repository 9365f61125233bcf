"""The report of the promises and the page made from it: that both are up to date, and that the tool would notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.promises import collected, is_whole, written
from tools import gen_reliability
from tools._pages import ROOT
from tools.gen_reliability import FLAVOURS, Outcomes

RECORD = "run: python tools/gen_reliability.py --record"
HELD = Outcomes(
    {"pool: it holds": {"asyncpg": [""], "pyro": ["", "why"]}, "tls: it is refused": {"psqlpy": ["no TLS"]}}
)


def test_the_committed_report_says_what_the_tests_say(pytestconfig: pytest.Config) -> None:
    report, _ = gen_reliability.read_report()
    now = collected(pytestconfig)
    assert report.missing(now) == [], RECORD
    if is_whole(pytestconfig):
        assert now.missing(report) == [], RECORD


def test_the_committed_report_is_complete() -> None:
    report, versions = gen_reliability.read_report()
    assert report.cells.keys() == written(), RECORD
    assert list(versions) == list(gen_reliability.DRIVERS)


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    status = gen_reliability.main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_the_check_needs_no_server_and_no_driver() -> None:
    blocked = "import sys; sys.modules.update(asyncpg=None, psycopg=None, sqlspec=None)"
    run = "from tools import gen_reliability; sys.exit(gen_reliability.main(['--check']))"
    done = subprocess.run([sys.executable, "-c", f"{blocked}; {run}"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_what_was_recorded_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gen_reliability, "REPORT", tmp_path / "promises.json")
    gen_reliability.write_report(HELD, {"asyncpg": "1"})
    found, versions = gen_reliability.read_report()
    assert (found.cells, versions) == (HELD.cells, {"asyncpg": "1"})


def test_differences_are_told_in_words() -> None:
    other = Outcomes()
    other.add("pool: it holds", "asyncpg", None)
    other.add("pool: it holds", "pyro", "why")
    assert HELD.missing(other) == []
    assert other.missing(HELD) == ["pool: it holds, pyro: holds", "tls: it is refused, psqlpy: no TLS"]


def test_cells_lead_to_their_reasons() -> None:
    assert gen_reliability.tables(HELD) == (
        "### The pool\n\n"
        f"| promise | {' | '.join(FLAVOURS)} |\n"
        f"| {' | '.join(['---'] * 7)} |\n"
        "| It holds | yes | - | - | - | in part [1] | - |\n\n1. Why.\n\n"
        "### TLS\n\n"
        f"| promise | {' | '.join(FLAVOURS)} |\n"
        f"| {' | '.join(['---'] * 7)} |\n"
        "| It is refused | - | - | - | no [1] | - | - |\n\n1. No TLS.\n"
    )


def test_a_reason_goes_without_its_capability() -> None:
    assert gen_reliability.plain("concurrent_calls: it waits: for ever") == "it waits: for ever"
    assert gen_reliability.plain("no TLS: refused") == "no TLS: refused"


def test_a_page_with_other_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="the marks are"):
        gen_reliability.page("nothing generated\n", HELD, {})


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        ((), {}),
        (("pool: one", "pool: two"), {}),
        (("pools: it holds",), {}),
        (("pool: It holds",), {}),
        (("pool: it holds.",), {}),
        (("it holds",), {}),
        (("pool: it holds",), {"refuses": {"mysql": "why"}}),
        (("pool: it holds",), {"but": {}}),
    ],
)
def test_a_mark_with_a_mistake_is_refused(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    assert gen_reliability.problem_with(arguments, keywords)
    assert not gen_reliability.problem_with(("pool: it holds",), {"refuses": {"psqlpy": "why"}})


TESTS = """
import pytest

@pytest.mark.promise("pool: it holds")
@pytest.mark.parametrize("flavour", ["asyncpg", "pyro", "stub"])
def test_held(flavour):
    if flavour == "pyro":
        pytest.xfail("why")

@pytest.mark.promise("server: it is refused", refuses={"psqlpy": "who knows"})
@pytest.mark.parametrize(
    "flavour", ["psqlpy", pytest.param("pyro", marks=pytest.mark.xfail(run=False, reason="it hangs"))]
)
def test_refused(flavour):
    pass

@pytest.mark.promise("input: code that all share")
def test_shared():
    pass

@pytest.mark.promise("tls: it fails")
@pytest.mark.parametrize("flavour", ["asyncpg"])
def test_failed(flavour):
    raise ValueError
"""


def test_a_run_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_it.py").write_text(TESTS)
    target = tmp_path / "outcomes.json"
    monkeypatch.setenv(gen_reliability.WRITE_TO, str(target))
    options = ["-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), str(tmp_path)]
    run = f"import pytest; from tests.promises import Promises; pytest.main({options}, plugins=[Promises()])"
    subprocess.run([sys.executable, "-c", run], cwd=ROOT, check=False, capture_output=True)
    assert Outcomes.of(target).cells == {
        "pool: it holds": {"asyncpg": [""], "pyro": ["why"]},
        "server: it is refused": {"psqlpy": ["who knows"], "pyro": ["it hangs"]},
        "input: code that all share": {name: [""] for name in FLAVOURS},
        "tls: it fails": {"asyncpg": ["failed when this was recorded"]},
    }

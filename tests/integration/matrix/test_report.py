"""The report of the matrix and the page made from it: that both are whole, and that the tool would notice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sqlspec.postgres.codec import CodecOptions
from sqlspec.postgres.codec.builtin import builtin_codecs
from tests.integration.matrix import cases
from tests.integration.matrix.cases import TYPES
from tests.integration.matrix.test_types import ADAPTERS
from tools import gen_matrix
from tools._pages import ROOT, Notes
from tools.gen_matrix import Outcomes, Report

COMMITTED = gen_matrix.MATRIX / "report.json"
RECORD = "run: python tools/gen_matrix.py --record"


def test_the_committed_report_is_complete() -> None:
    report = Report.read(COMMITTED)
    assert list(report.flavours) == ADAPTERS, RECORD
    assert sorted(report.cells) == sorted(kind.key for kind in TYPES), RECORD
    assert {len(cells) for cells in report.cells.values()} == {len(ADAPTERS)}, RECORD


def test_the_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    status = gen_matrix.main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_the_check_needs_no_server_and_no_driver() -> None:
    blocked = "import sys; sys.modules.update(asyncpg=None, psycopg=None, sqlspec=None)"
    run = "from tools import gen_matrix; sys.exit(gen_matrix.main(['--check']))"
    done = subprocess.run([sys.executable, "-c", f"{blocked}; {run}"], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_every_codec_has_a_file() -> None:
    names = {codec.name.removesuffix("[]") for codec in builtin_codecs(CodecOptions()).values()}
    bare = {kind.name.partition("(")[0] for kind in TYPES}
    # Under its other name char(n) has files of its own.
    assert sorted(names - bare) == []


# -- the tool -------------------------------------------------------------------------------------------------

RUN: Outcomes = {
    "int4": {"one": {"selected": "right", "bound": "right"}, "two": {"selected": "right", "bound": "refused: why"}},
    "xml": {"one": {"selected": "absent"}, "two": {"selected": "absent"}},
    "oid": {"one": {"selected": "wrong"}, "two": {}},
}


def recorded(run: Outcomes = RUN, before: Report | None = None, server: str = "18") -> Report:
    return (before or Report((), {}, {})).with_run(run, ["one", "two", "stub"], server)


def test_a_run_is_summed_up() -> None:
    report = recorded()
    assert report.flavours == ("one", "two")
    assert report.cells["int4"] == {"one": "right", "two": {"bound": "refused: why"}}
    assert report.cells["xml"] == {"one": "absent", "two": "absent"}
    states = {key: [gen_matrix.state_of(cell) for cell in cells.values()] for key, cells in report.cells.items()}
    assert states == {"int4": ["right", "in part"], "xml": ["not tried"] * 2, "oid": ["wrong", "not tried"]}


def test_what_a_server_lacks_is_kept_from_another(tmp_path: Path) -> None:
    other = {**RUN, "xml": {"one": {"selected": "right"}, "two": {"selected": "refused: why"}}}
    kept = recorded(RUN, recorded(other, server="15"))
    assert kept.cells["xml"] == {"one": "right", "two": {"selected": "refused: why"}}
    assert kept.servers == {"int4": "18", "xml": "15", "oid": "18"}
    kept.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == kept
    assert kept.differences(RUN) == []


def test_differences_between_a_run_and_the_report() -> None:
    report = recorded()
    assert report.differences(RUN) == []
    changed: Outcomes = {
        "int4": {"one": {"bound": "wrong"}, "two": {"bound": "right", "selected": "right"}, "stub": {"bound": "wrong"}},
        "int8": {"one": {"bound": "right"}},
    }
    assert report.differences(changed) == [
        "int4, one, bound: wrong, the report says right",
        "int4, two, bound: right, the report says refused: why",
        "int8, one, bound: right, the report says None",
    ]


def test_cells_lead_to_their_reasons() -> None:
    notes = Notes()
    cell = {"bound": "refused: no", "stored": "refused: no", "in_a_stream": "refused: never"}
    assert [gen_matrix.shown_cell(each, notes) for each in (cell, "right", {"bound": "refused: no"}, {}, cell)] == [
        "in part [1, 2]",
        "right",
        "in part [3]",
        "not tried",
        "in part [1, 2]",
    ]
    assert str(notes) == "1. Bound, stored: no.\n2. In a stream: never.\n3. Bound: no.\n"


def test_a_page_with_other_marks_is_refused() -> None:
    for text in ("nothing generated\n", "<!-- generated: other -->\n<!-- end of generated -->\n"):
        with pytest.raises(ValueError, match="the marks are"):
            gen_matrix.page(text, recorded())


@pytest.mark.parametrize(
    "change",
    [
        {"nmae": "'x'"},
        {"group": None},
        {"composite": "'never'"},
        {"setup": "'create type x'"},
        {"without": "{ selceted = 'why' }"},
        {"value": "[{ sql = '1', python = '1', refused = 'both' }]"},
        {"value": "[{ sql = '1' }]"},
        {"value": "[{ sql = '1', python = '1', txet = '1' }]"},
    ],
)
def test_a_data_file_with_a_mistake_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    fields = {"name": "'int4'", "group": "'numbers'", "python": "'int'", "arrow": "'int32'"}
    path = tmp_path / "int4.toml"
    path.write_text("".join(f"{key} = {value}\n" for key, value in fields.items()))
    assert cases.load(path).name == "int4"
    path.write_text("".join(f"{key} = {value}\n" for key, value in (fields | change).items() if value is not None))
    with pytest.raises(ValueError, match=r"int4.toml: missing, unknown or wrong: \w+"):
        cases.load(path)

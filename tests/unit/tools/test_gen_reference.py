"""The tables of the documentation: that they are up to date, and that the tool notices when they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlspec.postgres.codec import CodecOptions
from sqlspec.postgres.codec.builtin import builtin_codecs
from tools import gen_reference
from tools._pages import ROOT

PAGE = "# Title\n\nby hand\n\n<!-- generated: numbers -->\n{}<!-- end of generated -->\n\nby hand\n"
NUMBERS = {"numbers": lambda: "| n |\n| --- |\n| 1 |\n"}


def test_the_documentation_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    status = gen_reference.main(["--check"])
    assert (status, capsys.readouterr().err) == (0, "")


def test_the_page_of_values_names_every_type() -> None:
    page = (ROOT / "docs/reference/values.md").read_text(encoding="utf-8")
    names = {codec.name.removesuffix("[]") for codec in builtin_codecs(CodecOptions()).values()}
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_a_section_is_written_and_the_rest_is_kept(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(PAGE.format("old\n"))
    assert gen_reference.run(tmp_path, ["a.md"], NUMBERS, check=False) == []
    assert page.read_text() == PAGE.format("\n| n |\n| --- |\n| 1 |\n\n")
    assert gen_reference.run(tmp_path, ["a.md"], NUMBERS, check=True) == []


def test_a_check_reports_a_stale_page_and_leaves_it(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(PAGE.format("old\n"))
    found = gen_reference.run(tmp_path, ["a.md"], NUMBERS, check=True)
    assert found == ["stale: a.md; run: python tools/gen_reference.py"]
    assert page.read_text() == PAGE.format("old\n")


def test_a_section_that_no_page_has_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("nothing generated\n")
    assert gen_reference.run(tmp_path, ["a.md"], NUMBERS, check=True) == ["unused: no page has the section 'numbers'"]


def test_a_mark_without_a_section_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(PAGE.format(""))
    assert gen_reference.run(tmp_path, ["a.md"], {}, check=False) == ["error: a.md: there is no section 'numbers'"]


def test_cells_may_hold_the_sign_that_parts_columns() -> None:
    assert gen_reference.table(["a"], [["x | y"]]) == "| a |\n| --- |\n| x \\| y |\n"

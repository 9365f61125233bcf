"""Files: what is read stays where the program points, and names of statements are no paths."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sqlspec import SQLSpec
from sqlspec.exceptions import (
    ImproperConfigurationError,
    NotFoundError,
    ParameterError,
    SQLParsingError,
    SQLSpecError,
)
from sqlspec.sqlfiles import MOST_BYTES
from sqlspec.storage import Arrow, Parquet
from sqlspec.storage.places import find
from tests.integration.harness import Flavour
from tests.integration.security.hostile import HOSTILE, NAMES

pytestmark = pytest.mark.only("asyncpg", "psycopg", "psycopg-sync", "psqlpy", "pyro", "pyro-sync")

SECTION = "-- name: {}\nselect 1\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A folder that is named, and one beside it that is not."""
    inside, outside = tmp_path / "queries", tmp_path / "queries of others"
    inside.mkdir()
    outside.mkdir()
    (inside / "a.sql").write_text(SECTION.format("a"))
    (outside / "b.sql").write_text(SECTION.format("b"))
    return inside, outside


# -- named SQL ------------------------------------------------------------------------------------


def loaded(*paths: Path) -> tuple[str, ...]:
    spec = SQLSpec()
    spec.load_sql_files(*paths)
    return spec.sql_names


def test_a_link_out_of_the_folder_is_refused(folders: tuple[Path, Path]) -> None:
    inside, outside = folders
    (inside / "link.sql").symlink_to(outside / "b.sql")
    with pytest.raises(ImproperConfigurationError, match=r"link\.sql: the link leads out of"):
        loaded(inside)
    assert loaded(inside / "link.sql") == ("b",)  # whoever names it means it


def test_a_link_to_a_folder_is_not_followed(folders: tuple[Path, Path]) -> None:
    inside, outside = folders
    (inside / "more").symlink_to(outside)
    assert loaded(inside) == ("a",)


def test_a_link_within_the_folder_is_followed(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """As deployments do that put a whole set of files in place at once."""
    inside, _ = folders
    (inside / "..new").mkdir()
    (inside / "..new" / "c.txt").write_text(SECTION.format("c"))
    (inside / "c.sql").symlink_to(Path("..new") / "c.txt")
    (tmp_path / "named").symlink_to(inside)
    assert loaded(inside) == loaded(tmp_path / "named") == ("a", "c")


def test_what_is_no_ordinary_file_is_refused(folders: tuple[Path, Path]) -> None:
    inside, _ = folders
    os.mkfifo(inside / "pipe.sql")
    assert loaded(inside) == ("a",)
    for path in (inside / "pipe.sql", Path("/dev/zero")):
        with pytest.raises(ImproperConfigurationError, match="no ordinary file"):
            loaded(path)


def test_a_link_to_itself_is_refused(folders: tuple[Path, Path]) -> None:
    inside, _ = folders
    (inside / "round.sql").symlink_to("round.sql")
    for path in (inside, inside / "round.sql"):
        with pytest.raises(ImproperConfigurationError, match="cannot load SQL from"):
            loaded(path)


def test_a_file_that_is_too_large_is_refused(folders: tuple[Path, Path]) -> None:
    inside, _ = folders
    with (inside / "large.sql").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ImproperConfigurationError, match="more than 16 MB"):
        loaded(inside)


def test_names_of_statements_are_no_paths(folders: tuple[Path, Path]) -> None:
    inside, outside = folders
    spec = SQLSpec()
    spec.load_sql_files(inside)
    for name in (*HOSTILE.values(), "../queries of others/b", str(outside / "b.sql"), "../queries/a", "a.sql"):
        with pytest.raises(NotFoundError):
            spec.get_sql(name)
    for name in NAMES.values():
        spec.add_named_sql(name, "select 1")
        assert spec.get_sql(name) == "select 1"
    (inside / "d.sql").write_text(SECTION.format("../../etc/passwd"))
    with pytest.raises(SQLParsingError, match="is not a name"):
        loaded(inside)


def test_a_config_that_is_not_registered(flavour: Flavour) -> None:
    with pytest.raises(ImproperConfigurationError):
        SQLSpec().provide_session(flavour.make_config())


# -- rows -----------------------------------------------------------------------------------------


@pytest.fixture
def uploads(tmp_path: Path) -> tuple[Path, Path]:
    """A directory of rows, and a file elsewhere."""
    inside, outside = tmp_path / "uploads", tmp_path / "private"
    inside.mkdir()
    outside.mkdir()
    (inside / "a.csv").write_text("id,name\n1,a\n")
    (outside / "b.csv").write_text("id,name\n2,secret\n")
    return inside, outside


@pytest.mark.parametrize("link", ["b.csv", "folder"])
def test_rows_out_of_the_directory_are_not_read(uploads: tuple[Path, Path], link: str) -> None:
    inside, outside = uploads
    (inside / link).symlink_to(outside / "b.csv" if link == "b.csv" else outside)
    patterns = (inside, inside / "**/*.csv", inside / ("*.csv" if link == "b.csv" else "*/*.csv"))
    for pattern in patterns:
        with pytest.raises(ParameterError, match="leads out of"):
            find(pattern)
    assert len(find(inside / "a.csv")) == 1
    if link == "b.csv":
        assert len(find([inside / "a.csv", inside / link])) == 2


def test_links_that_lead_in_circles_are_followed_once(uploads: tuple[Path, Path]) -> None:
    """Otherwise each row would be loaded dozens of times; and two such links would never come to an end."""
    inside, _ = uploads
    (inside / "up").symlink_to(".")
    (inside / "up again").symlink_to("../uploads")
    (inside / "itself.csv").symlink_to("itself.csv")
    for name, other in (("x", "y"), ("y", "x")):
        (inside / name).mkdir()
        (inside / name / f"to {other}").symlink_to(f"../{other}")
    (inside / "x" / "c.csv").write_text("id,name\n3,c\n")
    assert [place.path for place in find(inside / "*.csv")] == [str(inside / "a.csv")]
    found = [os.path.relpath(place.path, inside) for place in find(inside)]
    # A link to a directory beside it is another name of that, as everywhere.
    assert found == ["a.csv", "x/c.csv", "y/to x/c.csv"]


def test_a_directory_may_be_linked_under_several_names(uploads: tuple[Path, Path]) -> None:
    inside, _ = uploads
    (inside / ".version 3").mkdir()
    (inside / ".version 3" / "c.csv").write_text("id,name\n3,c\n")
    for name in ("k=1", "k=2"):
        (inside / name).symlink_to(".version 3")
    assert [place.parts for place in find(inside)] == [(), (("k", "1"),), (("k", "2"),)]


async def test_overwriting_deletes_nothing_elsewhere(config: Any, uploads: tuple[Path, Path]) -> None:
    inside, outside = uploads
    (inside / "folder").symlink_to(outside)
    async with config.provide_session() as session:
        with pytest.raises(SQLSpecError, match="leads out of"):
            await session.select_to_storage(
                "select 1 as id, 'x' as name", inside, partition_by=["id"], overwrite=True, file_format="csv"
            )
    assert (outside / "b.csv").read_text() == "id,name\n2,secret\n"
    assert (inside / "a.csv").exists()


async def test_a_file_is_replaced_and_not_what_a_link_leads_to(config: Any, uploads: tuple[Path, Path]) -> None:
    inside, outside = uploads
    (inside / "out.csv").symlink_to(outside / "b.csv")
    async with config.provide_session() as session:
        await session.select_to_storage("select 1 as id", inside / "out.csv", overwrite=True)
    assert (outside / "b.csv").read_text() == "id,name\n2,secret\n"
    assert not (inside / "out.csv").is_symlink()


async def test_values_that_name_directories_stay_below(config: Any, tmp_path: Path) -> None:
    target = tmp_path / "parts"
    texts = ["..", ".", "../..", "/etc", "a/../../b", "~", *NAMES.values()]
    async with config.provide_session() as session:
        job = await session.select_to_storage(
            'select v as "../v", 1 as id from unnest($1::text[]) v', target, texts,
            partition_by=["../v"], file_format="csv",
        )  # fmt: skip
        assert job.files == len(texts)
    assert os.listdir(tmp_path) == ["parts"]
    assert len(os.listdir(target)) == len(texts)


@pytest.mark.parametrize("kind", [Arrow, Parquet])
@pytest.mark.parametrize("text", list(HOSTILE.values()), ids=list(HOSTILE))
def test_a_compression_is_a_word(kind: Any, text: str) -> None:
    with pytest.raises(ParameterError):
        kind(compression=text)

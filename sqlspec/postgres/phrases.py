"""What an error message of PostgreSQL says, for drivers that hide the error's fields.

Some drivers give the message of an error and neither its SQLSTATE nor the names of constraint, table and column. The
server's English texts give most of that back. A text has to match the whole message, so that a message which merely
quotes one is not mistaken for it. What is not certain is `None`:

- everything, when no text matches: a RAISE in user code, or a server with another `lc_messages`;
- the SQLSTATE, when the server uses one text for several conditions, and neither DETAIL, HINT nor the first word of the
  statement tells them apart; `shared_class` tells what these have in common;
- the names, when the message can be read in two ways: the server does not escape quotes within a name.

A RAISE that repeats a text of the server word by word cannot be told from it, unless `fatal` gives it away.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlspec.exceptions import CONDITIONS, IntegrityError, SQLSpecError, error_class
from sqlspec.postgres.phrase_texts import SESSIONS, STATEMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ("DETAIL", "HINT", "Phrase", "classify", "detail_and_hint", "entries", "message_end", "shared_class")

DETAIL: Final = "\nDETAIL: "
HINT: Final = "\nHINT: "

_NAMES: Final = ("constraint", "table", "column")
_SLOT: Final = re.compile(r"\{([^{}]*)\}")
# The longest name has 63 characters, a signature or a type may have more. The bound keeps a hostile message from
# being tried in very many ways; texts and values, of which there is one per message, need none.
_LONGEST: Final = 300

# A message with names has few places where it may seem to end: a name has 63 bytes. One that quotes a value, which is
# of any length, is followed by a DETAIL and a HINT of the server's own at most.
_NEAR: Final = 20
_FAR: Final = 3

# The DETAIL of a conflict on a standby server tells which of the conditions of its text it is (standby.c, postgres.c).
_BY_DETAIL: Final = {
    "User was holding shared buffer pin for too long.": "serialization_failure",
    "User was holding a relation lock for too long.": "serialization_failure",
    "User was or might have been using tablespace that must be dropped.": "serialization_failure",
    "User query might have needed to see row versions that must be removed.": "serialization_failure",
    "User was using a logical replication slot that must be invalidated.": "serialization_failure",
    "User was connected to a database that must be dropped.": "database_dropped",
}
# The text is the same for SET ROLE and for whatever else names a role.
_BY_VERB: Final = {
    "SET": "invalid_parameter_value",
    **dict.fromkeys(("ALTER", "COMMENT", "CREATE", "DROP", "GRANT", "REASSIGN", "REVOKE"), "undefined_object"),
}
# Comes with the text for an unknown type where CREATE TYPE misses its shell, and nowhere else.
_SHELL: Final = "Create the type as a shell type, "


class Phrase(NamedTuple):
    """What is certain about an error.

    Attributes:
        sqlstate: Its SQLSTATE.
        constraint: The violated constraint, where the server would name it in the error's fields.
        table: The table, likewise.
        column: The column, likewise.
    """

    sqlstate: str | None = None
    constraint: str | None = None
    table: str | None = None
    column: str | None = None


_NOTHING: Final = Phrase()


def classify(
    message: str,
    detail: str | None = None,
    *,
    fatal: bool | None = None,
    hint: str | None = None,
    verb: str | None = None,
) -> Phrase:
    """Return what is certain about an error of the server.

    Args:
        message: The primary message, without its severity.
        detail: The DETAIL, where the driver gives it.
        fatal: Whether the severity is FATAL, which user code cannot raise; `None` when the driver hides that too.
        hint: The HINT, empty where there is none; `None` when the driver hides it.
        verb: First word of the statement, in upper case, where that is known.

    Returns:
        The SQLSTATE and the names, each `None` when it is not certain.
    """
    readings = _readings(message, detail, fatal, hint, verb)
    conditions = {condition for condition, _ in readings}
    if len(conditions) != 1:
        return _NOTHING
    names = {names for _, names in readings}
    return Phrase(CONDITIONS[conditions.pop()], *(names.pop() if len(names) == 1 else ()))


def shared_class(message: str, detail: str | None = None, *, fatal: bool | None = None) -> type[SQLSpecError] | None:
    """Return the exception class for a text whose SQLSTATE is not certain.

    Args:
        message: As `classify` takes it, and the other arguments too.
        detail: The DETAIL.
        fatal: Whether the severity is FATAL.

    Returns:
        The closest class that the conditions of the text have in common, or `None` when there is none but
        `SQLSpecError`.
    """
    kinds = [error_class(CONDITIONS[condition]) for condition, _ in _readings(message, detail, fatal)]
    if not kinds:
        return None
    shared = next(base for base in kinds[0].__mro__ if all(issubclass(kind, base) for kind in kinds))
    return shared if shared is not SQLSpecError else None


def message_end(text: str, ends: Sequence[int], *, fatal: bool | None = None) -> int | None:
    """Return where a message ends that is followed by its DETAIL and HINT in one text.

    What it quotes may hold something that looks like the beginning of one, and so may the DETAIL. A message that
    quotes a value is taken as long as it can be, since its DETAIL quotes none; any other as short as it can be.

    Args:
        text: The message, and what follows it.
        ends: Where it may end, in ascending order.
        fatal: Whether the severity is FATAL.

    Returns:
        One of `ends`, or `None` when no text matches what is before any of them.
    """
    far = ends[-_FAR:]
    for quoting, tried in ((True, far[::-1]), (False, (*ends[:_NEAR], *far))):
        for end in tried:
            if _is_known(text[:end], fatal, quoting):
                return end
    return None


def detail_and_hint(message: str, rest: str) -> tuple[str | None, str | None]:
    """Part what follows a message, where each begins in a line of its own.

    The DETAIL of a violated constraint quotes values, which may hold something that looks like the beginning of a HINT;
    the server gives none there.

    Args:
        message: The primary message.
        rest: What follows it.
    """
    detail, parted, hint = rest.partition(HINT)
    if detail and parted and issubclass(shared_class(message) or SQLSpecError, IntegrityError):
        detail, parted = rest, ""
    return detail.removeprefix(DETAIL) if detail else None, hint if parted else None


# -- reading a message ----------------------------------------------------------------------------------------


class _Text(NamedTuple):
    condition: str
    text: str
    # What stands before the first and behind the last slot: told apart cheaply, before any pattern is compiled.
    prefix: str
    suffix: str


_Reading = tuple[str, tuple[str | None, ...]]


def _readings(
    message: str, detail: str | None, fatal: bool | None, hint: str | None = None, verb: str | None = None
) -> set[_Reading]:
    """Return every condition that the message may stand for, with the names as they are read there."""
    found = set() if fatal is False else set(_read(message, _index(SESSIONS)))
    if not (found and fatal):
        found.update(_read(message, _index(STATEMENTS)))
    certain = _BY_DETAIL.get(detail or "") or _BY_VERB.get(verb or "")
    if hint is not None and {condition for condition, _ in found} == {"undefined_object", "duplicate_object"}:
        certain = "duplicate_object" if hint.startswith(_SHELL) else "undefined_object"
    return {reading for reading in found if reading[0] == certain} or found


def _read(message: str, index: Mapping[str, tuple[_Text, ...]]) -> Iterator[_Reading]:
    for candidate in _candidates(message, index):
        names = _names(message, candidate.text)
        if names is not None:
            yield candidate.condition, names


def _is_known(message: str, fatal: bool | None, quoting: bool) -> bool:
    """Tell whether a text matches the message; if `quoting`, one with a value that has an end."""
    for block in (STATEMENTS,) if fatal is False else (SESSIONS, STATEMENTS):
        for candidate in _candidates(message, _index(block)):
            fits = not quoting or ("{*}" in candidate.text and candidate.suffix)
            if fits and _patterns(candidate.text)[0].fullmatch(message):
                return True
    return False


def _candidates(message: str, index: Mapping[str, tuple[_Text, ...]]) -> Iterator[_Text]:
    word = message.partition(" ")[0]
    for candidate in (*index.get(word, ()), *index.get("", ())):
        if message.startswith(candidate.prefix) and message.endswith(candidate.suffix):
            yield candidate


def _names(message: str, text: str) -> tuple[str | None, ...] | None:
    """Return the names that a message holds where a text has slots for them; `None` when it does not match."""
    shortest, longest = _patterns(text)
    first = shortest.fullmatch(message)
    if first is None:
        return None
    # With each part as short as possible, and as long as possible: if that is the same, there is no other reading.
    last = longest.fullmatch(message)
    if last is None or first.groups() != last.groups():
        return (None,) * len(_NAMES)
    found = first.groupdict()
    return tuple(found.get(name) for name in _NAMES)


@cache
def _patterns(text: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Compile a text, with slots that take as little and that take as much as they can."""
    parts = _SLOT.split(text)
    literals = [re.escape(part) for part in parts[::2]]
    compiled = []
    for mode in ("?", ""):
        slots = (*(_slot(part, mode) for part in parts[1::2]), "")
        pattern = "".join(part for pair in zip(literals, slots, strict=True) for part in pair)
        compiled.append(re.compile(pattern, re.DOTALL))
    return compiled[0], compiled[1]


def _slot(kind: str, mode: str) -> str:
    if kind in _NAMES:
        return f"(?P<{kind}>.{{1,{_LONGEST}}}{mode})"
    if kind == "":
        return f"(.{{0,{_LONGEST}}}{mode})"
    if kind == "*":
        return f"(.*{mode})"
    if kind == "#":
        return r"-?\d[\d.]*"
    return f"(?:{'|'.join(map(re.escape, kind.split('|')))})"


# -- reading the table ----------------------------------------------------------------------------------------


@cache
def _index(block: str) -> Mapping[str, tuple[_Text, ...]]:
    """Arrange the texts by the first word of the messages that they may match; `""` where that may be any."""
    index: defaultdict[str, list[_Text]] = defaultdict(list)
    for condition, text in entries(block):
        entry = _Text(condition, text, text.partition("{")[0], text.rpartition("}")[2])
        for word in _first_words(text):
            index[word].append(entry)
    return {word: tuple(texts) for word, texts in index.items()}


def entries(block: str) -> Iterator[tuple[str, str]]:
    """Yield condition name and text of every entry of a table."""
    condition = ""
    text = ""
    for line in block.splitlines():
        if line.startswith(" " * 8):
            text += ("" if text.endswith("|") else " ") + line.strip()
            continue
        if text:
            yield condition, text
        text = ""
        if line.startswith(" "):
            text = line.strip()
        elif line and not line.startswith("#"):
            condition, _, text = (part.strip() for part in line.partition(":"))
    if text:
        yield condition, text


def _first_words(text: str) -> set[str]:
    words = _SLOT.match(text)
    if words is not None and "|" in words[1]:
        starts = [option + text[words.end() :] for option in words[1].split("|")]
    else:
        starts = [text]
    first = {start.partition(" ")[0] for start in starts}
    return {""} if any("{" in word for word in first) else first

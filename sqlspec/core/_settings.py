"""Settings that change how the server reads and writes text: a session keeps them as they are."""

from __future__ import annotations

import re

__all__ = ("KEPT_REASON", "misreads", "rereads")

KEPT_REASON = (
    "decides how all text is read, and the package needs UTF8 and standard strings; "
    "use convert_to(), convert_from() or E'...' in SQL"
)

# Each with the values that change nothing.
_KEPT = {
    "client_encoding": frozenset({"utf8", "unicode", "default"}),
    "standard_conforming_strings": frozenset({"on", "true", "yes", "1", "default"}),
}

# Atomic and possessive: else a text of many comments could be divided into gaps in exponentially many ways.
_GAP = r"(?>\s|--[^\n\r]*|/\*.*?\*/)"
_SET = re.compile(
    rf"{_GAP}*+set{_GAP}++(?:(?:session|local){_GAP}++)?"
    rf'(?:(names){_GAP}++|"?(client_encoding|standard_conforming_strings)"?{_GAP}*+(?:=|\bto\b){_GAP}*+)([^\s;]+)',
    re.IGNORECASE | re.DOTALL,
)


def misreads(name: str, value: str) -> bool:
    """Tell whether this value of a setting makes other text of statements, parameters or results."""
    kept = _KEPT.get(name.lower())
    return kept is not None and value.strip("'\"").lower().replace("-", "").replace("_", "") not in kept


def rereads(statement: str) -> str:
    """Return the name of the setting if this is a SET that makes other text of what follows, else an empty text."""
    found = _SET.match(statement)
    if found is None:
        return ""
    name = "client_encoding" if found[1] else found[2].lower()
    return name if misreads(name, found[3]) else ""

"""What a server says about statements and sessions, read the same way for every adapter."""

from __future__ import annotations

from sqlspec.exceptions import ImproperConfigurationError

__all__ = ("affected_rows", "check_session")


def affected_rows(tag: str | None) -> int | None:
    """Return the count of a command tag (protocol message CommandComplete), or `None` when it has none."""
    if not tag:
        return None
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else None


def check_session(client_encoding: str | None, standard_conforming_strings: str | None) -> None:
    """Refuse a connection on which SQL text would be read in another way than this package reads it.

    Raises:
        ImproperConfigurationError: The client encoding is not UTF8, or backslashes escape in plain strings.
    """
    # A pooler repeats the name as the client has written it, and one of the drivers puts it in quotes.
    if (client_encoding or "").strip("'").upper().replace("-", "") not in ("UTF8", "UNICODE"):
        raise ImproperConfigurationError(
            f"cannot use the connection: client_encoding is {client_encoding}; set it to UTF8 for this role or database"
        )
    if standard_conforming_strings != "on":
        raise ImproperConfigurationError(
            "cannot use the connection: standard_conforming_strings is off; set it to on for this role or database"
        )

"""Exit statuses, and what is said when a command fails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from click import ClickException, UsageError

from sqlspec.exceptions import (
    CONDITIONS,
    DatabaseConnectionError,
    ImproperConfigurationError,
    MissingDependencyError,
    NotSupportedError,
    ParameterError,
    SQLSpecError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("BROKEN_PIPE", "FAILED", "INTERRUPTED", "OK", "REJECTED", "UNREACHABLE", "USAGE", "Failure", "redacted")

OK = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
REJECTED = 4
INTERRUPTED = 130
BROKEN_PIPE = 141

FIELDS = ("sqlstate", "detail", "hint", "constraint", "table", "column", "adapter")
MISUSE = (ImproperConfigurationError, MissingDependencyError, NotSupportedError, ParameterError)

_SECRETS = (
    # Rather too much than too little: a password that is written wrong has blanks and quotes in it.
    (re.compile(r"(\b\w+://[^\s:/@'\"]*):.*@", re.DOTALL), r"\1:***@"),
    (re.compile(r"(password\s*=\s*)(\\?'(?:[^'\\]|\\.)*'|[^\s&]+)", re.IGNORECASE), r"\1***"),
)


# Arguments of methods, where a message gives advice. Those that are one word have to be followed by `=`.
_ARGUMENT = re.compile(
    r"\b(batch_rows|file_format|max_rejected|on_error|partition_by|storage_options"
    r"|(?:columns|create|key|mode|overwrite|partitions|round|timeout|verify)(?==))"
    r'(?:=(?:True|"?(\w+)"?|\[\.\.\.\])?)?'
)
_OPTIONS = {"columns": "column", "file_format": "format", "storage_options": "storage-option"}


def _as_option(argument: re.Match[str]) -> str:
    name, value = argument.groups()
    option = f"--{_OPTIONS.get(name, name.replace('_', '-'))}"
    return f"{option} {'all' if value == 'None' else value}" if value else option


def redacted(text: str) -> str:
    """Return a text without the passwords of the connection strings that it quotes."""
    for pattern, substitute in _SECRETS:
        text = pattern.sub(substitute, text)
    return text


def _masked(excerpt: str) -> str:
    """Return an excerpt without passwords; what stands for one is as long, so that the caret stays where it points."""
    for pattern, _ in _SECRETS:
        excerpt = pattern.sub(lambda found: found[1] + "*" * (len(found[0]) - len(found[1])), excerpt)
    return excerpt


class Failure(NamedTuple):
    """What is told of an error.

    Attributes:
        status: The exit status.
        kind: Name of the error's class.
        message: What happened and what to do.
        fields: Fields of the server's message, as far as they are known.
        excerpt: The line of the statement that it is about, above a caret; empty where that is not known.
    """

    status: int
    kind: str
    message: str
    fields: Mapping[str, str]
    excerpt: str = ""

    @classmethod
    def of(cls, error: SQLSpecError | OSError | ClickException) -> Failure:
        """Describe an error that users may expect."""
        if isinstance(error, SQLSpecError):
            fields = {name: redacted(text) for name in FIELDS if (text := getattr(error, name))}
            message = redacted(_ARGUMENT.sub(_as_option, error.message))
            return cls(_status(error), type(error).__name__, message, fields, _masked(error.excerpt or ""))
        if isinstance(error, ClickException):
            message = redacted(error.format_message())
            return cls(USAGE if isinstance(error, UsageError) else FAILED, "UsageError", message, {})
        # Files: what is wrong with a connection has become a class of ours.
        return cls(FAILED, type(error).__name__, redacted(_os_message(error)), {})

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The message, then label and text of what explains it; the excerpt of the statement has no label."""
        state = self.fields.get("sqlstate")
        first = self.message + (f" [{state}]" if state else "")
        shown = {"error": first, "": self.excerpt, **self.fields}
        return [(name, shown[name]) for name in ("error", "", "detail", "hint") if shown.get(name)]

    @property
    def document(self) -> dict[str, Any]:
        """The same for programs."""
        excerpt = {"excerpt": self.excerpt} if self.excerpt else {}
        return {"error": {"type": self.kind, "message": self.message, **self.fields, **excerpt, "status": self.status}}


def _status(error: SQLSpecError) -> int:
    if isinstance(error, MISUSE) and error.sqlstate is None:
        return FAILED if isinstance(error, ParameterError) and error.of_state else USAGE
    # A right on a table that the role lacks is an answer of the database.
    lacks_right = error.sqlstate == CONDITIONS["insufficient_privilege"]
    return UNREACHABLE if isinstance(error, DatabaseConnectionError) and not lacks_right else FAILED


def _os_message(error: OSError) -> str:
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    if error.filename is None:
        return f"{reason}; see what the system allows"
    return f"cannot use the file {str(error.filename)!r}: {reason}; correct the path, or make room"

"""The portable configuration keys: what each takes, and how it is read from text.

A check returns the canonical value, so that two spellings of one value compare equal, or raises
`BadValueError`. Neither a check nor its error ever shows the value: it may be a password under a wrong key.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

from sqlspec.core._settings import misreads

__all__ = (
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "KEYS",
    "PORTABLE_KEYS",
    "SPELLINGS",
    "BadValueError",
    "Converter",
    "Key",
    "LoadBalanceHosts",
    "ResetPolicy",
    "SSLMode",
    "TargetSessionAttrs",
    "ValidatePolicy",
    "check_number",
)

SSLMode: TypeAlias = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
TargetSessionAttrs: TypeAlias = Literal["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]
LoadBalanceHosts: TypeAlias = Literal["disable", "random"]
ResetPolicy: TypeAlias = Literal["always", "when_dirty", "never"]
ValidatePolicy: TypeAlias = Literal["never", "when_idle", "always"]
Converter: TypeAlias = Callable[[Any], Any]

DEFAULT_HOST: Final = "localhost"
"""Host when none is given. libpq would take a socket directory, whose place depends on how it was built."""
DEFAULT_PORT: Final = 5432


class BadValueError(Exception):
    """Raised by a converter: the value does not fit.

    The argument says what the key takes, as in "a number of seconds". It must not hold the value.
    """


# --- checks: what a key takes. Each returns the canonical value or raises BadValueError ---------------------


def _text(value: Any) -> str:
    if isinstance(value, str) and "\0" not in value:
        return value
    raise BadValueError("text without NUL characters")


def _name(value: Any) -> str:
    if isinstance(value, str) and value and "\0" not in value:
        return value
    raise BadValueError("text that is not empty and has no NUL characters")


def _database(value: Any) -> str:
    # A connection string under the wrong key would carry its password into every log line.
    if "://" in (name := _name(value)):
        raise BadValueError("the name of a database, and a connection string as 'dsn'")
    return name


def _file(value: Any) -> str:
    path: object = value.__fspath__() if isinstance(value, os.PathLike) else value
    if isinstance(path, str) and path and "\0" not in path:
        return path
    raise BadValueError("a path as str or os.PathLike")


def _hosts(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, list | tuple) and items and all(_is_host(item) for item in items):
        return tuple(items)
    raise BadValueError(
        "a host name, an address or a socket directory, or a list of them; a port goes to 'port' or 'ports'"
    )


def _is_host(host: Any) -> bool:
    if not isinstance(host, str) or re.fullmatch(r"[^\s,\x00-\x1f\x7f]+", host) is None:
        return False
    if host[0] in "/@":
        return True
    if ":" not in host:
        return "/" not in host
    try:
        return bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def _ports(value: Any) -> tuple[int, ...]:
    items = value if isinstance(value, list | tuple) else (value,)
    if items and all(type(item) is int and 1 <= item <= 65535 for item in items):
        return tuple(items)
    raise BadValueError("an int from 1 to 65535, or a list of them")


def _choice(alias: Any) -> Converter:
    names: dict[str, str] = {choice.replace("-", "_"): choice for choice in get_args(alias)}

    def check(value: Any) -> str:
        name = names.get(value.lower().replace("-", "_")) if isinstance(value, str) else None
        if name is None:
            raise BadValueError(f"one of {', '.join(names.values())}")
        return name

    return check


def check_number(value: Any) -> float:
    """Check for a finite number that is not negative.

    Raises:
        BadValueError: It is another type, a bool too, or out of range.
    """
    # bool is an int in Python, and True seconds are a mistake.
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    raise BadValueError("a number of at least 0")


def _seconds(value: Any) -> float | None:
    return None if value is None else check_number(value)


def _limit(value: Any) -> float | None:
    """Take seconds, of which 0 means that there is no limit, as in libpq and HikariCP."""
    return _seconds(value) or None


def _milliseconds(value: Any) -> float | None:
    return check_number(value) / 1000 or None


def _count(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    raise BadValueError("an int of at least 0")


def _positive(value: Any) -> int:
    if type(value) is int and value >= 1:
        return value
    raise BadValueError("an int of at least 1")


def _optional_count(value: Any) -> int | None:
    return _count(value) or None


def _flag(value: Any) -> bool:
    if type(value) in {bool, int} and value in {0, 1}:
        return bool(value)
    raise BadValueError("True or False")


def _encoding(value: Any) -> str:
    # The server compares names of encodings by their letters and digits alone.
    if isinstance(value, str) and re.sub(r"[^a-z0-9]", "", value.lower()) in {"utf8", "unicode"}:
        return "UTF8"
    raise BadValueError("UTF8: values are read and written in no other encoding")


_UNITS: Final = {"us": 0.001, "ms": 1, "": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(us|ms|s|min|h|d|)\s*", re.ASCII)


def _statement_timeout(value: Any) -> str:
    """Give one spelling to seconds as a number and to a PostgreSQL duration (manual, 19.1.1)."""
    expected = "seconds as a number or a duration such as '5s', at most 2147483647 ms"
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        milliseconds = -1.0 if match is None else float(match[1]) * _UNITS[match[2]]
    else:
        milliseconds = check_number(value) * 1000
    # Rounded up: a tiny limit must not become 0, which is none.
    if 0 <= milliseconds <= 2**31 - 1:
        return f"{math.ceil(round(milliseconds, 6))}ms"
    raise BadValueError(expected)


_SETTING = re.compile(r"[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*")


def _session_settings(value: Any) -> dict[str, str]:
    expected = "a dict of setting names to str, int, float or bool"
    if not isinstance(value, Mapping):
        raise BadValueError(expected)
    settings: dict[str, str] = {}
    for name, setting in value.items():
        if not isinstance(name, str) or _SETTING.fullmatch(name) is None or name.lower() in settings:
            raise BadValueError(f"{expected}; names are PostgreSQL identifiers, each given once in any case")
        if isinstance(setting, bool):
            setting = "on" if setting else "off"
        elif isinstance(setting, int | float):
            setting = str(setting)
        if not isinstance(setting, str) or "\0" in setting:
            raise BadValueError(expected)
        settings[name.lower()] = setting
    if any(misreads(name, setting) for name, setting in settings.items()):
        raise BadValueError(
            "settings that keep standard_conforming_strings on and client_encoding UTF8: all text is read that way"
        )
    return settings


# --- readers: text of a DSN or an environment variable to what the check takes -----------------------------


def _read_text(text: str) -> Any:
    return text


def _read_number(text: str) -> Any:
    text = text.strip()
    if re.fullmatch(r"\d+", text, re.ASCII):
        return int(text)
    # What is no number goes on as text and fails the check, which knows what the key takes.
    return float(text) if re.fullmatch(r"\d+\.\d+", text, re.ASCII) else text


def _read_hosts(text: str) -> Any:
    return [host or DEFAULT_HOST for host in text.split(",")]


def _read_ports(text: str) -> Any:
    return [_read_number(port) if port else DEFAULT_PORT for port in text.split(",")]


class Key(NamedTuple):
    """How one portable key is checked and, from text, read.

    Attributes:
        check: Returns the canonical value or raises `BadValueError`.
        read: Turns text of a DSN or an environment variable into what `check` takes.
        takes_none: `None` is a value of the key and not "not given".
    """

    check: Converter
    read: Callable[[str], Any] = _read_text
    takes_none: bool = False


KEYS: Final[Mapping[str, Key]] = {
    "dsn": Key(_name),
    "hosts": Key(_hosts, _read_hosts),
    "ports": Key(_ports, _read_ports),
    "user": Key(_name),
    "password": Key(_text),
    "database": Key(_database),
    "application_name": Key(_text),
    "connect_timeout": Key(_limit, _read_number, takes_none=True),
    "sslmode": Key(_choice(SSLMode)),
    "sslrootcert": Key(_file),
    "sslcert": Key(_file),
    "sslkey": Key(_file),
    "options": Key(_text),
    "client_encoding": Key(_encoding),
    "target_session_attrs": Key(_choice(TargetSessionAttrs)),
    "load_balance_hosts": Key(_choice(LoadBalanceHosts)),
    "keepalives": Key(_flag, _read_number),
    "keepalives_idle": Key(_optional_count, _read_number),
    "keepalives_interval": Key(_optional_count, _read_number),
    "keepalives_count": Key(_optional_count, _read_number),
    "tcp_user_timeout": Key(_milliseconds, _read_number),
    "statement_timeout": Key(_statement_timeout),
    "session_settings": Key(_session_settings),
    "min_size": Key(_count),
    "max_size": Key(_positive),
    "acquire_timeout": Key(_seconds, takes_none=True),
    "max_lifetime": Key(_limit, takes_none=True),
    "max_idle": Key(_limit, takes_none=True),
    "reset": Key(_choice(ResetPolicy)),
    "validate": Key(_choice(ValidatePolicy)),
}
SPELLINGS: Final = {"host": "hosts", "port": "ports"}
"""Keys that hold one value or several, under their names for one."""

PORTABLE_KEYS: Final = frozenset(KEYS) | frozenset(SPELLINGS)
"""Every key that `connection_config` takes on every adapter."""

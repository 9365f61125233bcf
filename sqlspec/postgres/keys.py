"""The portable configuration keys: what each takes, and how it is read from text.

A check returns the canonical value, so that two spellings of one value compare equal, or raises
`BadValueError`. Neither a check nor its error ever shows the value: it may be a password under a wrong key.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
import ssl
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
    "check_native",
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


_INT32 = 2**31 - 1


class BadValueError(Exception):
    """Raised by a converter: the value does not fit.

    The argument says what the key takes, as in "a number of seconds". It must not hold the value.
    """


# --- checks: what a key takes. Each returns the canonical value or raises BadValueError ---------------------


def _is_text(value: Any) -> bool:
    """Tell whether a value is text that can be sent: no driver looks at what the protocol or UTF-8 cannot hold."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: Any) -> str:
    if _is_text(value):
        return str.__str__(value)
    raise BadValueError("text without NUL characters and lone surrogates")


def _name(value: Any) -> str:
    if _is_text(value) and value:
        return str.__str__(value)
    raise BadValueError("text that is not empty and has no NUL characters and no lone surrogates")


def _database(value: Any) -> str:
    # A connection string under the wrong key would carry its password into every log line.
    if "://" in (name := _name(value)):
        raise BadValueError("the name of a database, and a connection string as 'dsn'")
    return name


def _file(value: Any) -> str:
    path: object = value.__fspath__() if isinstance(value, os.PathLike) else value
    if _is_text(path) and path:
        return str(path)
    raise BadValueError("a path as str or os.PathLike")


def check_native(value: Any) -> Any:
    """Check a value for a key of the driver's own; a path becomes text.

    Raises:
        BadValueError: It is none that any driver takes.
    """
    if isinstance(value, os.PathLike):
        return _file(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):  # bool too
        if not math.isfinite(value) or abs(value) > 2**63:
            raise BadValueError("a number of 64 bits")
        return value
    if value is None or isinstance(value, ssl.SSLContext):
        return value
    raise BadValueError("text, a path, a number, True or False, or an ssl.SSLContext")


def _hosts(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, list | tuple) and items and all(_is_host(item) for item in items):
        return tuple(items)
    raise BadValueError(
        "a host name, an address or a socket directory, or a list of them; a port goes to 'port' or 'ports'"
    )


def _is_host(host: Any) -> bool:
    if not _is_text(host) or re.fullmatch(r"[^\s,\x00-\x1f\x7f]+", host) is None:
        return False
    if host[0] in "/@":
        return True
    if ":" not in host:
        return "/" not in host and _is_domain(host)
    try:
        return bool(ipaddress.IPv6Address(host))
    except ValueError:
        return False


def _is_domain(host: str) -> bool:
    """Tell whether a name can be looked up: its labels have 1 to 63 bytes, as IDNA writes them (RFC 1035, 2.3.4)."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


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
    if value is None:
        return None
    if (seconds := check_number(value)) > _INT32:  # drivers count them in integers
        raise BadValueError("seconds, at most 2147483647; None is no limit")
    return seconds


def _limit(value: Any) -> float | None:
    """Take seconds, of which 0 means that there is no limit, as in libpq and HikariCP."""
    return _seconds(value) or None


def _milliseconds(value: Any) -> float | None:
    if (count := check_number(value)) > _INT32:
        raise BadValueError("milliseconds, at most 2147483647")
    return count / 1000 or None


def _count(value: Any) -> int:
    if type(value) is int and value >= 0:
        return value
    raise BadValueError("an int of at least 0")


def _positive(value: Any) -> int:
    if type(value) is int and value >= 1:
        return value
    raise BadValueError("an int of at least 1")


def _optional_count(value: Any) -> int | None:
    if (count := _count(value)) > _INT32:
        raise BadValueError("an int of at most 2147483647")
    return count or None


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
    if 0 <= milliseconds <= _INT32:
        return f"{math.ceil(round(milliseconds, 6))}ms"
    raise BadValueError(expected)


_SETTING = re.compile(r"[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)*")
# What the start-up packet holds beside settings (PostgreSQL manual, 55.7), and what drivers read themselves: as
# settings they would choose another role, database, protocol or TLS mode where settings are sent in that packet.
_NO_SETTINGS = frozenset({
    "database", "options", "pool_max_concurrency", "pool_max_idle_conn", "replication", "sslmode",
    "upgrade_to_unix_socket", "user",
})  # fmt: skip


def _session_settings(value: Any) -> dict[str, str]:
    expected = "a dict of setting names to str, int, float or bool"
    if not isinstance(value, Mapping):
        raise BadValueError(expected)
    settings: dict[str, str] = {}
    for name, setting in value.items():
        if not isinstance(name, str) or _SETTING.fullmatch(name) is None or name.lower() in settings:
            raise BadValueError(f"{expected}; names are PostgreSQL identifiers, each given once in any case")
        if name.lower() in _NO_SETTINGS or name.startswith("_pq_."):
            raise BadValueError(f"{expected}; {name!r} is none of the server's, and may be a key of its own")
        if isinstance(setting, bool):
            setting = "on" if setting else "off"
        elif isinstance(setting, int | float):
            setting = str(setting)
        if not _is_text(setting):
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
    "pooler": Key(_flag),
    "keepalives": Key(_flag, _read_number),
    "keepalives_idle": Key(_optional_count, _read_number),
    "keepalives_interval": Key(_optional_count, _read_number),
    "keepalives_count": Key(_optional_count, _read_number),
    "tcp_user_timeout": Key(_milliseconds, _read_number),
    "statement_timeout": Key(_statement_timeout),
    "command_timeout": Key(_limit),
    "session_settings": Key(_session_settings),
    "min_size": Key(_count),
    "max_size": Key(_positive),
    "acquire_timeout": Key(_seconds, takes_none=True),
    "max_lifetime": Key(_limit, takes_none=True),
    "max_idle": Key(_limit, takes_none=True),
    "reset": Key(_choice(ResetPolicy)),
    "validate": Key(_choice(ValidatePolicy)),
    "leak_after": Key(_limit, takes_none=True),
}
SPELLINGS: Final = {"host": "hosts", "port": "ports"}
"""Keys that hold one value or several, under their names for one."""

PORTABLE_KEYS: Final = frozenset(KEYS) | frozenset(SPELLINGS)
"""Every key that `connection_config` takes on every adapter."""

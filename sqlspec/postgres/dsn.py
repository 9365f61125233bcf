"""Connection strings: reading both of libpq's forms, writing the URL form, libpq's names.

A connection string holds a password, and a malformed one may hold it anywhere: no error here quotes a piece
of the text. A parameter is named only when it cannot be the tail of a password that was not escaped.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sqlspec.exceptions import ImproperConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = (
    "ENVIRONMENT",
    "ENVIRONMENT_DEMANDS",
    "ENVIRONMENT_SETTINGS",
    "HARMLESS",
    "LIBPQ_ONLY",
    "PARAMETERS",
    "format_dsn",
    "format_places",
    "parse_dsn",
    "suggest",
)

PARAMETERS: Final[Mapping[str, str]] = {
    "host": "host",
    "port": "port",
    "user": "user",
    "password": "password",
    "dbname": "database",
    "application_name": "application_name",
    "connect_timeout": "connect_timeout",
    "client_encoding": "client_encoding",
    "options": "options",
    "sslmode": "sslmode",
    "sslrootcert": "sslrootcert",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "target_session_attrs": "target_session_attrs",
    "load_balance_hosts": "load_balance_hosts",
    "keepalives": "keepalives",
    "keepalives_idle": "keepalives_idle",
    "keepalives_interval": "keepalives_interval",
    "keepalives_count": "keepalives_count",
    "tcp_user_timeout": "tcp_user_timeout",
    "statement_timeout": "statement_timeout",
}
"""Parameters of a connection string (PostgreSQL manual, 32.1.2) and the portable keys that they set."""

LIBPQ_ONLY: Final = frozenset(
    {
        "channel_binding",
        "fallback_application_name",
        "gssdelegation",
        "gssencmode",
        "gsslib",
        "hostaddr",
        "krbsrvname",
        "max_protocol_version",
        "min_protocol_version",
        "oauth_client_id",
        "oauth_client_secret",
        "oauth_issuer",
        "oauth_scope",
        "passfile",
        "replication",
        "require_auth",
        "requirepeer",
        "requiressl",
        "scram_client_key",
        "scram_server_key",
        "service",
        "servicefile",
        "ssl_max_protocol_version",
        "ssl_min_protocol_version",
        "sslcertmode",
        "sslcompression",
        "sslcrl",
        "sslcrldir",
        "sslkeylogfile",
        "sslnegotiation",
        "sslpassword",
        "sslsni",
    }
)
"""Parameters that libpq knows and without a portable key: an adapter takes them as native or refuses them."""

HARMLESS: Final = frozenset(
    {
        ("channel_binding", "disable"),
        ("channel_binding", "prefer"),
        ("gssencmode", "disable"),
        ("gssencmode", "prefer"),
        ("sslcertmode", "allow"),
        ("sslcompression", "0"),
        ("sslnegotiation", "postgres"),
    }
)
"""Parameters with values that ask for nothing: a driver without the feature already does what they say."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "database",
    "PGAPPNAME": "application_name",
    "PGCONNECT_TIMEOUT": "connect_timeout",
    "PGCLIENTENCODING": "client_encoding",
    "PGOPTIONS": "options",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGSSLCERT": "sslcert",
    "PGSSLKEY": "sslkey",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGLOADBALANCEHOSTS": "load_balance_hosts",
}
"""Environment variables (PostgreSQL manual, 32.15) and the portable keys that they are defaults of."""

ENVIRONMENT_SETTINGS: Final[Mapping[str, str]] = {
    "PGDATESTYLE": "datestyle",
    "PGTZ": "timezone",
    "PGGEQO": "geqo",
}
"""Environment variables that libpq sends as session settings."""

ENVIRONMENT_DEMANDS: Final[Mapping[str, str]] = {
    "PGHOSTADDR": "hostaddr",
    "PGSERVICE": "service",
    "PGREQUIREAUTH": "require_auth",
    "PGREQUIREPEER": "requirepeer",
    "PGCHANNELBINDING": "channel_binding",
    "PGGSSENCMODE": "gssencmode",
    "PGSSLCERTMODE": "sslcertmode",
    "PGSSLCRL": "sslcrl",
    "PGSSLCRLDIR": "sslcrldir",
    "PGSSLNEGOTIATION": "sslnegotiation",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
}
"""Environment variables that choose, authenticate or encrypt: to ignore one could mean to reach another server, or to
send in clear text what was to be encrypted."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]@]*))(?::(\d*))?", re.ASCII)
_PAIR = re.compile(r"\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(?!')((?:[^\s\\]|\\.)*))", re.DOTALL)
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})?")
_NAME = re.compile(r"[A-Za-z_]+")


def parse_dsn(text: str, native: Collection[str] = ()) -> tuple[tuple[str, str], ...]:
    """Split a connection string into its parameters.

    Both forms of the PostgreSQL manual, 32.1.1, are read: `postgresql://` (or `postgres://`) URLs with
    several hosts, IPv6 addresses in brackets and query parameters, and `name=value` pairs.

    Args:
        text: The connection string.
        native: Names that the adapter's driver takes beside those of libpq.

    Returns:
        Names of libpq and their decoded texts, in order; a parameter that is empty is left out. Several hosts
        and ports are joined by commas, as libpq does; a name may come twice.

    Raises:
        ImproperConfigurationError: The text is malformed or holds an unknown parameter.
    """
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() in {"postgresql", "postgres", "pg"}:
        pairs = _parse_url(text[scheme.end() :], native)
    elif scheme is None and "=" in text:
        pairs = _parse_pairs(text, native)
    else:
        raise _error(
            "it is neither a postgresql:// URL nor name=value pairs",
            "write postgresql://user@host:port/database",
        )
    for name, value in pairs:
        if "\0" in value:
            raise _error(f"parameter {name!r} holds a NUL character", "remove it")
    return tuple((name, value) for name, value in pairs if value)


def format_dsn(
    hosts: Sequence[str],
    ports: Sequence[int],
    *,
    user: str | None = None,
    password: str | None = None,
    database: str | None = None,
    parameters: Mapping[str, str] | None = None,
) -> str:
    """Write a connection URL that `parse_dsn` and libpq read back.

    Args:
        hosts: Names, addresses or socket directories.
        ports: One for each host.
        user: Left out when `None`; a URL can hold a password only after a user.
        password: Left out when `None`.
        database: Left out when `None`.
        parameters: Further parameters, put into the query.

    Returns:
        The URL, with everything percent-encoded that has a meaning in it.
    """
    login = ""
    if user is not None:
        # `*` may stand in this part of a URL as it is, and `***` for a hidden password should.
        login = _encode(user) + ("" if password is None else ":" + quote(password, safe="*")) + "@"
    places = ",".join(f"{_encode_host(host)}:{port}" for host, port in zip(hosts, ports, strict=True))
    path = "" if database is None else "/" + _encode(database)
    query = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in (parameters or {}).items())
    return f"postgresql://{login}{places}{path}{'?' if query else ''}{query}"


def format_places(hosts: Sequence[str], ports: Sequence[int]) -> str:
    """Write hosts and ports for people: `db.example.org:5432, [::1]:5433`, and a Unix socket as its file."""
    return ", ".join(
        f"{host}/.s.PGSQL.{port}" if host.startswith(("/", "@")) else f"{f'[{host}]' if ':' in host else host}:{port}"
        for host, port in zip(hosts, ports, strict=True)
    )


def suggest(name: str, valid: Iterable[str]) -> str:
    """Return advice for a name that is unknown: the nearest valid name, or all of them."""
    names = sorted(valid)
    near = difflib.get_close_matches(name.lower(), names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"valid are {', '.join(names)}"


def _error(seen: str, advice: str) -> ImproperConfigurationError:
    return ImproperConfigurationError(f"cannot read the DSN: {seen}; {advice}")


def _parse_url(rest: str, native: Collection[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    # As libpq does it: everything up to the first `@` is the login, unless a `/` comes before.
    if "@" in rest.partition("/")[0]:
        login, _, rest = rest.partition("@")
        user, _, password = login.partition(":")
        if "?" in user:
            raise _error("a `?` stands before the `@`", "percent-encode `?` as %3F and `@` as %40")
        pairs += [("user", _decode(user)), ("password", _decode(password))]
    end = next((at for at, char in enumerate(rest) if char in "/?"), len(rest))
    pairs += _parse_hosts(rest[:end])
    path, question, query = rest[end:].partition("?")
    if "@" in path:
        raise _error("an `@` stands in the database name", "percent-encode what stands before it, and `@` as %40")
    pairs.append(("dbname", _decode(path[1:])))
    if question:
        pairs += _parse_query(query, native)
    return pairs


def _parse_hosts(text: str) -> list[tuple[str, str]]:
    hosts: list[str] = []
    ports: list[str] = []
    for number, item in enumerate(text.split(","), 1):
        match = _HOST.fullmatch(item)
        if match is None:
            # The text is not shown: a password with a raw `/` or `@` lands here.
            raise _error(
                f"host {number} is not of the form name:port or [ipv6]:port",
                "percent-encode special characters in user name and password",
            )
        hosts.append(_decode(match[1] or match[2]))
        ports.append(match[3] or "")
    # Text that is empty or all commas leaves the choice to the lower layers (environment, default).
    return [
        ("host", ",".join(hosts) if any(hosts) else ""),
        ("port", ",".join(ports) if any(ports) else ""),
    ]


def _parse_query(query: str, native: Collection[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for number, item in enumerate(query.split("&"), 1):
        raw, equals, value = item.partition("=")
        name = _decode(raw)
        if not equals:
            raise _error(f"query parameter {number} is not of the form name=value", "percent-encode `&` as %26")
        if (name, value) == ("ssl", "true"):
            # libpq reads this spelling of JDBC in URLs, and no other value of it.
            name, value = "sslmode", "require"
        secret = "@" in query or (bool(pairs) and pairs[-1][0] == "password")
        _check_name(name, number, native, secret=secret)
        pairs.append((name, _decode(value)))
    return pairs


def _parse_pairs(text: str, native: Collection[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        number = len(pairs) + 1
        match = _PAIR.match(text, at)
        if match is None:
            raise _error(
                f"parameter {number} is not of the form name=value",
                "put a value with blanks in single quotes",
            )
        secret = bool(pairs) and pairs[-1][0] == "password"
        _check_name(match[1], number, native, secret=secret)
        value = match[2] if match[2] is not None else match[3]
        pairs.append((match[1], re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)))
        at = match.end()
    return pairs


def _check_name(name: str, number: int, native: Collection[str], *, secret: bool) -> None:
    """Refuse an unknown parameter; `secret`: the name may be the tail of a password."""
    if name in PARAMETERS or name in LIBPQ_ONLY or name in native:
        return
    if secret or _NAME.fullmatch(name) is None:
        raise _error(
            f"parameter {number} is unknown, or a value before it is not escaped",
            "percent-encode values in a URL, put values with blanks in single quotes elsewhere",
        )
    raise _error(f"unknown parameter {name!r}", suggest(name, {*PARAMETERS, *native}))


def _decode(text: str) -> str:
    """Decode percent escapes; unlike `urllib.parse.unquote`, refuse what is not one, as libpq does."""
    if "%" not in text:
        return text
    if any(match[1] is None for match in _ESCAPE.finditer(text)):
        raise _error("a `%` is not followed by two hexadecimal digits", "percent-encode `%` as %25")
    try:
        parts = _ESCAPE.split(text)
        return b"".join(bytes.fromhex(part) if at % 2 else part.encode() for at, part in enumerate(parts)).decode()
    except UnicodeError:
        pass
    # Outside the handler: the decoder's error holds the text.
    raise _error("percent escapes do not give valid UTF-8", "percent-encode the UTF-8 form of the text")


def _encode(text: str) -> str:
    return quote(text, safe="")


def _encode_host(host: str) -> str:
    # Only an IPv6 address has colons; an abstract socket (`@name`) may have them, and no brackets.
    return f"[{quote(host, safe=':')}]" if ":" in host and host[0] not in "/@" else _encode(host)

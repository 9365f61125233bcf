"""Connection settings: one set of portable keys, checked once, the same on every adapter.

`resolve` turns a user's `connection_config` into `ConnectionSettings` and `PoolSettings`. What an adapter
adds is data, a `KeyDialect`: its driver's spellings, the keys that only its driver knows, what it refuses.

Sources, strongest first: explicit keys, the DSN, libpq's environment variables, defaults. A stronger source
replaces a weaker one key by key; inside one source two spellings of a key must agree. No error holds a value.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from sqlspec.exceptions import ImproperConfigurationError
from sqlspec.postgres.dsn import (
    ENVIRONMENT,
    ENVIRONMENT_DEMANDS,
    ENVIRONMENT_SETTINGS,
    HARMLESS,
    LIBPQ_ONLY,
    PARAMETERS,
    format_dsn,
    parse_dsn,
    suggest,
)
from sqlspec.postgres.keys import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    KEYS,
    PORTABLE_KEYS,
    SPELLINGS,
    BadValueError,
    Converter,
    LoadBalanceHosts,
    ResetPolicy,
    SSLMode,
    TargetSessionAttrs,
    ValidatePolicy,
    check_native,
    check_number,
)
from sqlspec.postgres.poolers import check_kept

__all__ = (
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "PORTABLE_KEYS",
    "Alias",
    "BadValueError",
    "ConnectionSettings",
    "KeyDialect",
    "LoadBalanceHosts",
    "PoolSettings",
    "ResetPolicy",
    "SSLMode",
    "Spread",
    "TargetSessionAttrs",
    "ValidatePolicy",
    "redacted_dsn",
    "resolve",
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConnectionSettings:
    """Where and how to connect. The `repr` holds no password, no native value and no session value.

    Attributes:
        hosts: Names, addresses, or directories of Unix sockets (beginning with `/`; abstract ones with `@`).
        ports: One for each host.
        user: Role; `None` only where the operating system has no name for its user.
        password: Password, in clear.
        database: Database; the user's name unless given.
        application_name: Name for `pg_stat_activity`.
        connect_timeout: Seconds for each host; `None` waits without limit.
        sslmode: TLS demand (PostgreSQL manual, 32.19.1).
        sslrootcert: File of trusted certificates, or `"system"`.
        sslcert: File of the client's certificate.
        sslkey: File of the client's key.
        options: Command-line options for the server, such as `-c geqo=off`.
        target_session_attrs: Which of several hosts is acceptable.
        load_balance_hosts: Order in which hosts are tried: as given, or at random.
        pooler: Whether the connection leads to a pooler that lends sessions for one transaction (PgBouncer's
            transaction mode); `None` finds out when connecting, with one short statement.
        keepalives: Whether TCP keepalives are sent.
        keepalives_idle: Seconds without traffic before the first keepalive; `None` is the system's choice.
        keepalives_interval: Seconds between unanswered keepalives; `None` is the system's choice.
        keepalives_count: Unanswered keepalives after which the connection is lost; `None` as above.
        tcp_user_timeout: Seconds that sent data may stay unacknowledged; `None` is the system's choice.
        command_timeout: Seconds for a call of a session that has no limit of its own; `None` waits without limit.
        session_settings: Run-time parameters to set, names in lower case; `statement_timeout` is one of them.
        native: Keys that only this adapter's driver knows, passed to it as given.
    """

    hosts: tuple[str, ...] = (DEFAULT_HOST,)
    ports: tuple[int, ...] = (DEFAULT_PORT,)
    user: str | None = None
    password: str | None = None
    database: str | None = None
    application_name: str | None = None
    connect_timeout: float | None = 10.0
    sslmode: SSLMode = "prefer"
    sslrootcert: str | None = None
    sslcert: str | None = None
    sslkey: str | None = None
    options: str | None = None
    target_session_attrs: TargetSessionAttrs = "any"
    load_balance_hosts: LoadBalanceHosts = "disable"
    pooler: bool | None = None
    keepalives: bool = True
    keepalives_idle: int | None = None
    keepalives_interval: int | None = None
    keepalives_count: int | None = None
    tcp_user_timeout: float | None = None
    command_timeout: float | None = None
    session_settings: Mapping[str, str] = field(default_factory=dict[str, str])
    native: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __repr__(self) -> str:
        shown: list[str] = []
        for name in (item.name for item in fields(self)):
            value = getattr(self, name)
            if name == "password":
                value = None if value is None else "***"
            elif isinstance(value, Mapping):
                # Names only: a native value may be a key's passphrase, a session value a token.
                value = list(value)
            shown.append(f"{name}={value!r}")
        return f"ConnectionSettings({', '.join(shown)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How connections are pooled.

    Attributes:
        min_size: Connections kept open even when idle.
        max_size: Most connections open at a time, at least 1.
        acquire_timeout: Seconds to wait for a free connection; 0 does not wait, `None` waits without limit.
        max_lifetime: Seconds after which a connection is replaced; `None` never.
        max_idle: Seconds after which an unused connection is closed; `None` never.
        reset: When the session state is reset as a connection comes back.
        validate: When a connection is tested before it is lent.
        leak_after: Seconds after which a connection that was not given back is reported, with the stack of who took
            it; `None` never.
    """

    min_size: int = 0
    max_size: int = 10
    acquire_timeout: float | None = 30.0
    max_lifetime: float | None = 3600.0
    max_idle: float | None = 600.0
    reset: ResetPolicy = "when_dirty"
    validate: ValidatePolicy = "when_idle"
    leak_after: float | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """A driver's spelling of a portable key in other units or words.

    Attributes:
        key: The portable key.
        convert: Turns the driver's value into the portable one; raises `BadValueError`.
        part: The value is one summand of the key, as in `connect_timeout_sec` and `connect_timeout_nanosec`.
    """

    key: str
    convert: Converter | None = None
    part: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """A driver's spelling whose meaning depends on the value.

    Attributes:
        convert: Turns the value into portable and native keys with their values; raises `BadValueError`.
    """

    convert: Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class KeyDialect:
    """What an adapter takes beside the portable keys, and what it refuses.

    Attributes:
        adapter: Name of the adapter, for errors.
        aliases: The driver's spellings: of a portable key of equal meaning, or with a conversion.
        native: Keys passed to the driver as given. The DSN may hold them too, as text.
        replaces: By native key, the keys that it takes the place of: they must not be given beside it.
        accepts: By portable key, what turns a value of the driver's own classes, such as its enumerations, into the
            portable value; other values go on as they are.
        refused: Reasons for what cannot be honoured: by key, portable or the driver's, or by portable key and
            value. A reason reads `<why>; <what to do>`. Defaults are not refused.

    Raises:
        ImproperConfigurationError: An alias hides a portable key or leads to none: the same configuration
            would not mean the same on every adapter.
    """

    adapter: str
    aliases: Mapping[str, str | Alias | Spread] = field(default_factory=dict[str, str | Alias | Spread])
    native: frozenset[str] = frozenset()
    replaces: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    accepts: Mapping[str, Converter] = field(default_factory=dict[str, Converter])
    refused: Mapping[str | tuple[str, str | bool], str] = field(default_factory=dict[str | tuple[str, str | bool], str])

    def __post_init__(self) -> None:
        targets = {
            alias if isinstance(alias, str) else alias.key
            for alias in self.aliases.values()
            if not isinstance(alias, Spread)
        }
        wrong = (self.aliases.keys() | self.native) & PORTABLE_KEYS | targets - PORTABLE_KEYS
        if wrong:
            raise ImproperConfigurationError(
                f"cannot define the keys of {self.adapter}: {', '.join(sorted(wrong))} hides a portable key "
                "or is none; let aliases and native keys have names of their own and lead to portable keys"
            )


def resolve(
    config: Mapping[str, Any],
    dialect: KeyDialect,
    *,
    environ: Mapping[str, str] | None = None,
    os_user: Callable[[], str | None] | None = None,
) -> tuple[ConnectionSettings, PoolSettings]:
    """Check a configuration and complete it from the DSN, the environment and the defaults.

    `None` stands for "not given", except for the timeouts that it can switch off: `connect_timeout`,
    `acquire_timeout`, `max_lifetime` and `max_idle`. Numbers are seconds; `tcp_user_timeout` alone is in
    milliseconds, as libpq has it, so that the key means the same in a DSN and in a dict.

    Args:
        config: The user's keys: portable ones and those of the dialect.
        dialect: The adapter's keys.
        environ: Environment to take defaults from; `None` is the process's own.
        os_user: Gives the name of the operating system's user, the default of `user`.

    Returns:
        Settings of a connection and of the pool.

    Raises:
        ImproperConfigurationError: A key is unknown, has a value that it does not take, differs from another
            spelling of the same key, or asks for what the adapter cannot honour.
    """
    explicit = _read_config(config, dialect)
    dsn = explicit.given.pop("dsn", None)
    parsed = _Layer(dialect) if dsn is None else _read_dsn(dsn.value, dialect)
    given = parsed.given | explicit.given
    variables = os.environ if environ is None else environ
    given = _read_environment(variables, dialect, given).given | given
    _demand_for_system_roots(explicit, given)
    for key, (label, value) in given.items():
        if value is not None:
            explicit.refuse(label, key, value)
    hosts, ports = _pair_hosts(explicit, given)
    values = {key: item.value for key, item in given.items()}
    user = values["user"] if "user" in values else (os_user or _os_user)()
    timeout = {"statement_timeout": values["statement_timeout"]} if "statement_timeout" in values else {}
    settings = ConnectionSettings(
        hosts=hosts,
        ports=ports,
        user=user,
        database=values.get("database", user),
        session_settings=_environment_settings(variables) | values.get("session_settings", {}) | timeout,
        native=parsed.native | explicit.native,
        **{key: values[key] for key in _PLAIN_FIELDS if key in values},
    )
    if settings.pooler:
        check_kept(settings, dialect.adapter)
    return settings, _pool(explicit, given)


def redacted_dsn(settings: ConnectionSettings) -> str:
    """Write where `settings` lead as a URL, with `***` for a password; fit for logs and `repr`."""
    return format_dsn(
        settings.hosts,
        settings.ports,
        user=settings.user,
        password=None if settings.password is None else "***",
        database=settings.database,
    )


# Fields that take the value of the key of the same name; the others are put together in `resolve`.
_PLAIN_FIELDS = (
    "password",
    "application_name",
    "connect_timeout",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "options",
    "target_session_attrs",
    "load_balance_hosts",
    "pooler",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
    "tcp_user_timeout",
    "command_timeout",
)
# Session settings that are portable keys as well.
_PROMOTED = ("application_name", "client_encoding", "statement_timeout")


class _Given(NamedTuple):
    """A checked value and how an error names where it came from."""

    label: str
    value: Any


class _Layer:
    """Checked values of one source. Two spellings of one key must agree."""

    __slots__ = ("adapter", "dialect", "given", "native", "parts")

    def __init__(self, dialect: KeyDialect) -> None:
        self.dialect = dialect
        self.adapter = dialect.adapter
        self.given: dict[str, _Given] = {}
        self.native: dict[str, Any] = {}
        self.parts: dict[str, list[_Given]] = {}

    def add(self, key: str, label: str, value: Any, *, text: bool = False) -> None:
        """Check `value` for a portable key and keep it; `text`: it is text of a DSN or the environment."""
        key = SPELLINGS.get(key, key)
        if value is None and not KEYS[key].takes_none:
            return
        spec = KEYS[key]
        checked = self.convert(
            label, (lambda raw: spec.check(spec.read(raw))) if text else spec.check, value, text=text
        )
        if key == "session_settings":
            checked = self._promote(label, checked)
        before = self.given.setdefault(key, _Given(label, checked))
        if before.value != checked:
            raise self.error(f"both {before.label} and {label}", "their values differ", "give one of them")

    def add_part(self, alias: Alias, label: str, value: Any) -> None:
        """Keep one summand of a key; `finish` adds them up."""
        self.convert(label, check_number, value)
        part = self.convert(label, alias.convert or check_number, value)
        self.parts.setdefault(alias.key, []).append(_Given(label, part))

    def finish(self) -> None:
        """Add up what was given in parts; refuse what another key takes the place of."""
        for key, parts in self.parts.items():
            self.add(key, " and ".join(part.label for part in parts), sum(part.value for part in parts))
        for key in self.native:
            for other in sorted(self.dialect.replaces.get(key, frozenset()) & (self.given.keys() | self.native.keys())):
                label = self.given[other].label if other in self.given else repr(other)
                raise self.error(f"both {key!r} and {label}", "one decides alone", "give one of them")

    def convert(self, label: str, convert: Converter, value: Any, *, text: bool = False) -> Any:
        """Run a check or conversion; its errors become ours, without the value."""
        expected = "a value of another type"
        try:
            return convert(value)
        except BadValueError as error:
            expected = str(error)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # A converter's own slip; such an error quotes the value, so nothing of it is kept.
            pass
        seen = "its text does not fit" if text else f"a value of type {type(value).__name__} does not fit"
        raise self.error(label, seen, f"give {expected}")

    def error(self, label: str, seen: str, advice: str) -> ImproperConfigurationError:
        return ImproperConfigurationError(f"cannot use {label}: {seen}; {advice}", adapter=self.adapter)

    def refuse(self, label: str, key: str, value: Any = None) -> None:
        """Raise when the adapter cannot honour the key, or the key with this value."""
        refused = self.dialect.refused
        reason = refused.get(key)
        if reason is None and isinstance(value, str | bool):
            reason = refused.get((key, value))
            label = f"{label} with {value!r}" if reason is not None else label
        if reason is not None:
            raise ImproperConfigurationError(f"cannot use {label} on {self.adapter}: {reason}", adapter=self.adapter)

    def _promote(self, label: str, settings: dict[str, str]) -> dict[str, str]:
        """Move settings that have a key of their own to it, so that both spellings are compared."""
        for name in _PROMOTED:
            if name in settings:
                self.add(name, f"{label} ({name})", settings[name])
        return {name: text for name, text in settings.items() if name not in _PROMOTED}


def _read_config(config: Mapping[str, Any], dialect: KeyDialect) -> _Layer:
    layer = _Layer(dialect)
    if not isinstance(config, Mapping):
        raise layer.error("the configuration", f"it is of type {type(config).__name__}", "give a dict")
    for key, value in config.items():
        label = repr(key)
        if not isinstance(key, str):
            raise layer.error("a configuration key", f"it is of type {type(key).__name__}", "give a str")
        alias = dialect.aliases.get(key)
        if value is not None:
            layer.refuse(label, key)
        if key in PORTABLE_KEYS:
            accept = dialect.accepts.get(key)
            layer.add(key, label, value if accept is None else layer.convert(label, accept, value))
        elif isinstance(alias, str):
            layer.add(alias, label, value)
        elif isinstance(alias, Alias | Spread):
            _read_alias(layer, alias, label, value)
        elif key in dialect.native:
            layer.native[key] = layer.convert(label, check_native, value)
        elif key not in dialect.refused:
            _unknown_key(layer, key, value)
    layer.finish()
    return layer


def _read_alias(layer: _Layer, alias: Alias | Spread, label: str, value: Any) -> None:
    if isinstance(alias, Spread):
        if value is not None:
            for key, item in layer.convert(label, alias.convert, value).items():
                if key in PORTABLE_KEYS:
                    layer.add(key, label, item)
                else:
                    layer.native[key] = layer.convert(label, check_native, item)
    elif alias.part:
        # None for a part cannot switch the whole off: it is "not given".
        if value is not None:
            layer.add_part(alias, label, value)
    elif value is None:
        layer.add(alias.key, label, None)
    else:
        layer.add(alias.key, label, layer.convert(label, alias.convert, value) if alias.convert else value)


# Spellings of other adapters and libraries whose letters do not lead to the portable key.
_FOREIGN = {
    "ca_file": "sslrootcert",
    "conn_recycling_method": "reset",
    "conninfo": "dsn",
    "db": "database",
    "db_name": "database",
    "dbname": "database",
    "max_db_pool_size": "max_size",
    "max_inactive_connection_lifetime": "max_idle",
    "passwd": "password",
    "pool_recycle": "max_lifetime",
    "pool_size": "max_size",
    "pool_timeout": "acquire_timeout",
    "server_settings": "session_settings",
    "ssl": "sslmode",
    "timeout": "connect_timeout",
    "uri": "dsn",
    "url": "dsn",
    "username": "user",
}


def _unknown_key(layer: _Layer, key: str, value: Any) -> None:
    if key in LIBPQ_ONLY:
        _libpq_only(layer, repr(key), key, value)
        return
    near = _FOREIGN.get(key.lower())
    advice = (
        f"did you mean {near!r}?"
        if near
        else suggest(key, PORTABLE_KEYS | layer.dialect.aliases.keys() | layer.dialect.native)
    )
    raise layer.error(repr(key), f"{layer.adapter} has no such configuration key", advice)


def _libpq_only(layer: _Layer, label: str, name: str, value: Any) -> None:
    if value is not None and (name, str(value)) not in HARMLESS:
        raise layer.error(label, f"{layer.adapter} cannot honour this parameter of libpq", "remove it")


def _read_dsn(text: str, dialect: KeyDialect) -> _Layer:
    layer = _Layer(dialect)
    for name, value in parse_dsn(text, dialect.native):
        label = f"DSN parameter {name!r}"
        if name in PARAMETERS:
            layer.add(PARAMETERS[name], label, value, text=True)
        elif name in dialect.native:
            if layer.native.setdefault(name, value) != value:
                raise layer.error(label, "it stands there twice with different values", "give it once")
        else:
            layer.refuse(label, name)
            _libpq_only(layer, label, name, value)
    return layer


def _read_environment(environ: Mapping[str, str], dialect: KeyDialect, given: Mapping[str, _Given]) -> _Layer:
    """Read the variables that stand in for what was not `given`; one that is empty counts as unset."""
    layer = _Layer(dialect)
    for variable, key in ENVIRONMENT.items():
        if (text := environ.get(variable)) and SPELLINGS.get(key, key) not in given:
            layer.add(key, f"environment variable {variable!r}", text, text=True)
    for variable, name in ENVIRONMENT_DEMANDS.items():
        # A service or an address chooses the host; where one is given, there is nothing left to choose. Without TLS
        # there is nothing to ask of it.
        chosen = name in {"hostaddr", "service"} and "hosts" in given
        chosen |= name.startswith("ssl") and "sslmode" in given and given["sslmode"].value == "disable"
        if (text := environ.get(variable)) and not chosen and name not in dialect.native:
            _libpq_only(layer, f"environment variable {variable!r}", name, text)
    return layer


def _environment_settings(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: text for variable, name in ENVIRONMENT_SETTINGS.items() if (text := environ.get(variable))}


def _pair_hosts(layer: _Layer, given: Mapping[str, _Given]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    hosts = given.get("hosts", _Given("the default host", (DEFAULT_HOST,)))
    ports = given.get("ports", _Given("the default port", (DEFAULT_PORT,)))
    if len(ports.value) == len(hosts.value):
        return hosts.value, ports.value
    if len(ports.value) == 1:
        return hosts.value, ports.value * len(hosts.value)
    raise layer.error(
        f"{hosts.label} with {ports.label}",
        f"there are {len(hosts.value)} hosts and {len(ports.value)} ports",
        "give one port for all hosts or one for each",
    )


def _demand_for_system_roots(layer: _Layer, given: dict[str, _Given]) -> None:
    """Apply libpq's rule: a public authority certifies anybody, so the name must be verified."""
    roots = given.get("sslrootcert")
    if roots is None or roots.value != "system":
        return
    mode = given.setdefault("sslmode", _Given(roots.label, "verify-full"))
    if mode.value != "verify-full":
        raise layer.error(
            mode.label, f"it is too weak for the system's certificates of {roots.label}", "use verify-full"
        )


def _pool(layer: _Layer, given: Mapping[str, _Given]) -> PoolSettings:
    names = [item.name for item in fields(PoolSettings)]
    pool = PoolSettings(**{name: given[name].value for name in names if name in given})
    if pool.min_size > pool.max_size:
        low, high = (given[key].label if key in given else f"the default {key!r}" for key in ("min_size", "max_size"))
        raise layer.error(f"{low} with {high}", "the minimum is above the maximum", "lower the one or raise the other")
    return pool


def _os_user() -> str | None:
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        # A container may run under a number that has no name; the server then asks for a user.
        return None

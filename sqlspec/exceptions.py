"""The exception tree and the only SQLSTATE table of the package.

Adapters extract facts from a driver's exception (`ErrorInfo`); `error_class` decides the class. No
other module holds a SQLSTATE, so the same server error has the same class on every adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = (
    "CONDITIONS",
    "CheckViolationError",
    "CommitUnknownError",
    "ConnectionTimeoutError",
    "DataError",
    "DatabaseConnectionError",
    "DeadlockError",
    "ErrorInfo",
    "ExclusionViolationError",
    "ForeignKeyViolationError",
    "ImproperConfigurationError",
    "IntegrityError",
    "MappingError",
    "MissingDependencyError",
    "MultipleResultsFoundError",
    "NotFoundError",
    "NotNullViolationError",
    "NotSupportedError",
    "OperationCancelledError",
    "OperationalError",
    "ParameterError",
    "PermissionDeniedError",
    "PoolTimeoutError",
    "QueryTimeoutError",
    "SQLParsingError",
    "SQLSpecError",
    "SerializationConflictError",
    "TransactionError",
    "UniqueViolationError",
    "connect_error",
    "ends_session",
    "error_class",
    "is_fault_of_row",
    "is_stale_statement",
    "is_statement_timeout",
    "server_error",
    "staleness",
)


class SQLSpecError(Exception):
    """Base class of every error that this package raises.

    The fields are filled as far as they are known and are `None` otherwise. The driver's own exception,
    where there is one, is `__cause__`. The package's own words never hold a parameter value; the server's may, as in
    `invalid input value for enum`.

    Attributes:
        sqlstate: The five-character SQLSTATE that the server sent (PostgreSQL manual, appendix A).
        detail: The server's DETAIL field. It may quote stored values: `str(error)` does not hold it.
        hint: The server's HINT field.
        constraint: Name of the violated constraint.
        table: Name of the table that the error is about.
        column: Name of the column that the error is about.
        sql: Text of the statement, as the user wrote it.
        position: Which character of `sql` the server points at, counted from 1.
        excerpt: The line of `sql` with that character, above a caret. The contents of string literals are hidden.
        adapter: Name of the adapter, such as `"asyncpg"`.
    """

    # Few errors have them.
    position: int | None = None
    excerpt: str | None = None

    sqlstate: str | None
    detail: str | None
    hint: str | None
    constraint: str | None
    table: str | None
    column: str | None
    sql: str | None
    adapter: str | None

    def __init__(
        self,
        message: str = "",
        *,
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        constraint: str | None = None,
        table: str | None = None,
        column: str | None = None,
        sql: str | None = None,
        adapter: str | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
        self.table = table
        self.column = column
        self.sql = sql
        self.adapter = adapter

    @property
    def message(self) -> str:
        """Return the message without SQLSTATE, excerpt and hint."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        parts = [self.message]
        if self.sqlstate:
            parts.append(f" [{self.sqlstate}]")
        if self.excerpt:
            parts.append(f"\n{self.excerpt}")
        if self.hint:
            parts.append(f"\nhint: {self.hint}")
        return "".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword-only fields would be lost by the default protocol; errors cross process borders in workers.
        return type(self)._rebuild, (type(self), self.args, self.__dict__)

    @staticmethod
    def _rebuild(kind: type[SQLSpecError], args: tuple[object, ...], fields: dict[str, object]) -> SQLSpecError:
        error = kind.__new__(kind, *args)
        error.args = args
        error.__dict__.update(fields)
        return error


class ImproperConfigurationError(SQLSpecError):
    """A configuration key is unknown, in conflict with another, or cannot be honoured by the driver."""


class MissingDependencyError(SQLSpecError, ImportError):
    """An optional package is not installed; the message names the extra that brings it.

    `reason` takes the place of the message's latter part where installing an extra would not help.
    """

    def __init__(
        self, package: str, extra: str | None = None, *, reason: str | None = None, **fields: str | None
    ) -> None:
        reason = reason or f"it is not installed; run: pip install 'sqlspec[{extra or package}]'"
        super().__init__(f"cannot import {package}: {reason}", **fields)
        self.package = package
        self.extra = extra or package


class NotSupportedError(SQLSpecError):
    """The adapter, its driver or the server cannot do what was asked; the message gives the reason."""


class ParameterError(SQLSpecError):
    """Parameters do not fit the statement's placeholders. Raised before anything is sent."""

    # True where the call is right, and a file or table is not there, or is there already; see `core.arguments`.
    of_state = False


class MappingError(SQLSpecError):
    """Result columns or values do not fit the requested schema type."""


class SQLParsingError(SQLSpecError):
    """The statement is not valid: syntax, or a name or type that the server does not know (class 42)."""


class NotFoundError(SQLSpecError):
    """One row or one named statement was asked for and none was found."""


class MultipleResultsFoundError(SQLSpecError):
    """At most one row was asked for and more were found."""


class IntegrityError(SQLSpecError):
    """An integrity constraint was violated (class 23)."""


class UniqueViolationError(IntegrityError):
    """A unique or primary key constraint was violated (23505)."""


class ForeignKeyViolationError(IntegrityError):
    """A foreign key constraint was violated (23503, and 23001 for RESTRICT)."""


class NotNullViolationError(IntegrityError):
    """NULL was given for a column or domain that forbids it (23502)."""


class CheckViolationError(IntegrityError):
    """A check constraint was violated (23514)."""


class ExclusionViolationError(IntegrityError):
    """An exclusion constraint was violated (23P01)."""


class DataError(SQLSpecError):
    """A value does not fit its type (class 22), or Python cannot represent it exactly."""


class TransactionError(SQLSpecError):
    """The transaction is in a state that forbids the call, or it was rolled back (classes 25, 40, ...)."""


class SerializationConflictError(TransactionError):
    """The transaction lost against a concurrent one and may be retried (40001)."""


class DeadlockError(TransactionError):
    """The server ended the transaction to break a deadlock; it may be retried (40P01)."""


class CommitUnknownError(TransactionError):
    """The connection was lost, a limit passed or a signal came before the answer to a commit: it may be stored."""


class DatabaseConnectionError(SQLSpecError):
    """A connection could not be opened, or was lost."""


class PermissionDeniedError(DatabaseConnectionError):
    """The role may not connect (class 28) or lacks a privilege on an object (42501)."""


class ConnectionTimeoutError(DatabaseConnectionError):
    """The server did not complete the connection within `connect_timeout`."""


class PoolTimeoutError(DatabaseConnectionError):
    """No pooled connection became free within `acquire_timeout`."""


class OperationalError(SQLSpecError):
    """The server or the connection failed in a way that is not the statement's fault."""


class QueryTimeoutError(OperationalError):
    """A statement took longer than `timeout=`, or than the server's own statement timeout."""


class OperationCancelledError(OperationalError):
    """A statement was cancelled by somebody else: on the server (57014), or between two statements of one call."""


class ErrorInfo(NamedTuple):
    """What an adapter extracts from a driver's exception. Facts only; classes are decided here.

    Attributes:
        message: The server's primary message, or the driver's own words.
        sqlstate: The SQLSTATE; `None` where the driver hides it or the error did not come from the server.
        fallback: Class for an error without SQLSTATE, such as a refused connection.
        context: The server's CONTEXT field: where it was, a COPY in which line.
        position: Which character of what was sent the server points at, counted from 1.
        sent: The text that the position counts in. It is compared with the user's, and not kept.
        alive: It is certain that the connection lives on.
        unanswered: The call ended without the server's answer: what it was to store may be stored.
    """

    message: str
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    constraint: str | None = None
    table: str | None = None
    column: str | None = None
    fallback: type[SQLSpecError] = OperationalError
    context: str | None = None
    position: int | None = None
    sent: str | None = None
    alive: bool = False
    unanswered: bool = False


# PostgreSQL manual, appendix A. Full codes win over classes (the first two characters).
_CODES: dict[str, type[SQLSpecError]] = {
    "21000": DataError,
    "23001": ForeignKeyViolationError,
    "23502": NotNullViolationError,
    "23503": ForeignKeyViolationError,
    "23505": UniqueViolationError,
    "23514": CheckViolationError,
    "23P01": ExclusionViolationError,
    "25P03": DatabaseConnectionError,
    "25P04": DatabaseConnectionError,
    "3D000": DatabaseConnectionError,
    "3F000": SQLParsingError,
    "40001": SerializationConflictError,
    "40003": CommitUnknownError,
    "40P01": DeadlockError,
    "42501": PermissionDeniedError,
    "53300": DatabaseConnectionError,
    "57014": OperationCancelledError,
    "57P01": DatabaseConnectionError,
    "57P02": DatabaseConnectionError,
    "57P03": DatabaseConnectionError,
    "57P04": DatabaseConnectionError,
    "57P05": DatabaseConnectionError,
}
_CLASSES: dict[str, type[SQLSpecError]] = {
    "08": DatabaseConnectionError,
    "0A": NotSupportedError,
    "22": DataError,
    "23": IntegrityError,
    "25": TransactionError,
    "28": PermissionDeniedError,
    "2D": TransactionError,
    "3B": TransactionError,
    "40": TransactionError,
    "42": SQLParsingError,
    "44": IntegrityError,
}
CONDITIONS: Mapping[str, str] = {
    "connection_failure": "08006",
    "protocol_violation": "08P01",
    "feature_not_supported": "0A000",
    "invalid_grantor": "0L000",
    "invalid_grant_operation": "0LP01",
    "case_not_found": "20000",
    "cardinality_violation": "21000",
    "data_exception": "22000",
    "string_data_right_truncation": "22001",
    "numeric_value_out_of_range": "22003",
    "null_value_not_allowed": "22004",
    "error_in_assignment": "22005",
    "invalid_datetime_format": "22007",
    "datetime_field_overflow": "22008",
    "invalid_time_zone_displacement_value": "22009",
    "invalid_use_of_escape_character": "2200C",
    "zero_length_character_string": "2200F",
    "sequence_generator_limit_exceeded": "2200H",
    "invalid_xml_document": "2200M",
    "invalid_xml_content": "2200N",
    "substring_error": "22011",
    "division_by_zero": "22012",
    "invalid_preceding_or_following_size": "22013",
    "invalid_argument_for_ntile_function": "22014",
    "interval_field_overflow": "22015",
    "invalid_argument_for_nth_value_function": "22016",
    "invalid_regular_expression": "2201B",
    "invalid_argument_for_logarithm": "2201E",
    "invalid_argument_for_power_function": "2201F",
    "invalid_argument_for_width_bucket_function": "2201G",
    "invalid_row_count_in_limit_clause": "2201W",
    "invalid_row_count_in_result_offset_clause": "2201X",
    "character_not_in_repertoire": "22021",
    "invalid_parameter_value": "22023",
    "invalid_escape_sequence": "22025",
    "string_data_length_mismatch": "22026",
    "array_subscript_error": "2202E",
    "invalid_tablesample_repeat": "2202G",
    "invalid_tablesample_argument": "2202H",
    "duplicate_json_object_key_value": "22030",
    "invalid_argument_for_sql_json_datetime_function": "22031",
    "invalid_sql_json_subscript": "22033",
    "more_than_one_sql_json_item": "22034",
    "no_sql_json_item": "22035",
    "non_numeric_sql_json_item": "22036",
    "singleton_sql_json_item_required": "22038",
    "sql_json_array_not_found": "22039",
    "sql_json_member_not_found": "2203A",
    "sql_json_number_not_found": "2203B",
    "sql_json_object_not_found": "2203C",
    "sql_json_scalar_required": "2203F",
    "floating_point_exception": "22P01",
    "invalid_text_representation": "22P02",
    "invalid_binary_representation": "22P03",
    "bad_copy_file_format": "22P04",
    "untranslatable_character": "22P05",
    "nonstandard_use_of_escape_character": "22P06",
    "restrict_violation": "23001",
    "not_null_violation": "23502",
    "foreign_key_violation": "23503",
    "unique_violation": "23505",
    "check_violation": "23514",
    "exclusion_violation": "23P01",
    "invalid_cursor_state": "24000",
    "invalid_transaction_state": "25000",
    "active_sql_transaction": "25001",
    "read_only_sql_transaction": "25006",
    "no_active_sql_transaction": "25P01",
    "in_failed_sql_transaction": "25P02",
    "idle_in_transaction_session_timeout": "25P03",
    "transaction_timeout": "25P04",
    "invalid_sql_statement_name": "26000",
    "triggered_data_change_violation": "27000",
    "invalid_authorization_specification": "28000",
    "invalid_password": "28P01",
    "dependent_objects_still_exist": "2BP01",
    "invalid_transaction_termination": "2D000",
    "function_executed_no_return_statement": "2F005",
    "invalid_cursor_name": "34000",
    "invalid_savepoint_specification": "3B001",
    "invalid_catalog_name": "3D000",
    "invalid_schema_name": "3F000",
    "serialization_failure": "40001",
    "deadlock_detected": "40P01",
    "insufficient_privilege": "42501",
    "syntax_error": "42601",
    "invalid_name": "42602",
    "invalid_column_definition": "42611",
    "name_too_long": "42622",
    "duplicate_column": "42701",
    "ambiguous_column": "42702",
    "undefined_column": "42703",
    "undefined_object": "42704",
    "duplicate_object": "42710",
    "duplicate_alias": "42712",
    "duplicate_function": "42723",
    "ambiguous_function": "42725",
    "grouping_error": "42803",
    "datatype_mismatch": "42804",
    "wrong_object_type": "42809",
    "invalid_foreign_key": "42830",
    "cannot_coerce": "42846",
    "undefined_function": "42883",
    "generated_always": "428C9",
    "reserved_name": "42939",
    "undefined_table": "42P01",
    "undefined_parameter": "42P02",
    "duplicate_cursor": "42P03",
    "duplicate_database": "42P04",
    "duplicate_prepared_statement": "42P05",
    "duplicate_schema": "42P06",
    "duplicate_table": "42P07",
    "ambiguous_parameter": "42P08",
    "ambiguous_alias": "42P09",
    "invalid_column_reference": "42P10",
    "invalid_cursor_definition": "42P11",
    "invalid_function_definition": "42P13",
    "invalid_prepared_statement_definition": "42P14",
    "invalid_schema_definition": "42P15",
    "invalid_table_definition": "42P16",
    "invalid_object_definition": "42P17",
    "indeterminate_datatype": "42P18",
    "invalid_recursion": "42P19",
    "windowing_error": "42P20",
    "collation_mismatch": "42P21",
    "indeterminate_collation": "42P22",
    "with_check_option_violation": "44000",
    "disk_full": "53100",
    "out_of_memory": "53200",
    "too_many_connections": "53300",
    "configuration_limit_exceeded": "53400",
    "program_limit_exceeded": "54000",
    "statement_too_complex": "54001",
    "too_many_columns": "54011",
    "too_many_arguments": "54023",
    "object_not_in_prerequisite_state": "55000",
    "object_in_use": "55006",
    "cant_change_runtime_param": "55P02",
    "lock_not_available": "55P03",
    "unsafe_new_enum_value_usage": "55P04",
    "query_canceled": "57014",
    "admin_shutdown": "57P01",
    "crash_shutdown": "57P02",
    "cannot_connect_now": "57P03",
    "database_dropped": "57P04",
    "idle_session_timeout": "57P05",
    "undefined_file": "58P01",
    "no_data_found": "P0002",
    "too_many_rows": "P0003",
    "assert_failure": "P0004",
    "internal_error": "XX000",
}
"""SQLSTATEs by condition name (PostgreSQL manual, appendix A), as far as they are named anywhere."""

# 57014 has several causes that only the primary message tells apart. Matched whole, never as a substring.
_STATEMENT_TIMEOUT = "canceling statement due to statement timeout"

# The server ends the session together with one of these.
_ENDING = frozenset({"25P03", "25P04", "57P01", "57P02", "57P03", "57P04", "57P05"})
# A prepared statement does not fit the schema any more, or is gone. By the server's words, because user code can raise
# the same SQLSTATEs in the middle of its work.
_STALE_MESSAGES = (
    "cached plan must not change result type",
    "cache lookup failed for type",
    "table row type and query-specified row type do not match",
)
_INVALID_STATEMENT_NAME = "26000"
_MISDESCRIBED = frozenset({"22", "42"})
# The same for every row: the connection, the session, privileges, names, resources. What user code, as of a trigger,
# raises with a SQLSTATE of its own is in no class of the server's.
_NOT_OF_ROW = frozenset("08 0A 0B 0L 0P 0Z 25 26 28 2B 2D 34 3B 3D 3F 40 42 53 55 57 58 72 F0 HV XX".split())

RETRYABLE: tuple[type[SQLSpecError], ...] = (SerializationConflictError, DeadlockError)
"""Errors after which the server promises that running the whole transaction again may succeed."""


def error_class(sqlstate: str | None) -> type[SQLSpecError]:
    """Return the exception for a SQLSTATE: that of the full code, else of its class, else `OperationalError`."""
    if sqlstate is None:
        return OperationalError
    return _CODES.get(sqlstate) or _CLASSES.get(sqlstate[:2]) or OperationalError


def ends_session(sqlstate: str | None, severity: str | None = None) -> bool:
    """Tell whether the server closes the connection together with this error.

    Its severity says so, where it is known in English: any SQLSTATE may come with an ERROR, as from user code.
    """
    if severity in ("ERROR", "FATAL", "PANIC"):
        return severity != "ERROR"
    return sqlstate is not None and (sqlstate in _ENDING or sqlstate.startswith("08"))


def is_fault_of_row(info: ErrorInfo) -> bool:
    """Tell whether an error in the midst of many rows is the fault of one of them, so that others may be stored.

    One without SQLSTATE may be: of several rows, whoever sees it can try each by itself.
    """
    return info.sqlstate is None or info.sqlstate[:2] not in _NOT_OF_ROW


Staleness = Literal["", "maybe", "surely"]
"""Whether a prepared statement failed because the schema has changed since."""


def staleness(sqlstate: str | None, message: str, parameters: int, prefix: str = "sqlspec_") -> Staleness:
    """Tell whether a statement failed because it was prepared before the schema changed.

    Such a failure comes before anything is executed, so preparing again and repeating the call is safe.

    Args:
        sqlstate: As the server sent it.
        message: The primary message.
        parameters: Number of parameters of the statement.
        prefix: How the names of the adapter's own prepared statements begin.

    Returns:
        `"surely"` for what the server says of nothing else. `"maybe"` when its parameters may have other types now:
        the server analyses a statement anew after a change, but with the old ones, and what it then says (class 42),
        or says of a value in the old type's format (class 22), it also says of mistakes. The call may be repeated if
        the statement, prepared again, has other parameter types.
    """
    if message.startswith(_STALE_MESSAGES):
        return "surely"
    if sqlstate == _INVALID_STATEMENT_NAME and message.startswith(f'prepared statement "{prefix}'):
        return "surely"
    return "maybe" if parameters and sqlstate is not None and sqlstate[:2] in _MISDESCRIBED else ""


def is_stale_statement(sqlstate: str | None, message: str, prefix: str = "sqlspec_") -> bool:
    """Tell whether a statement surely failed because it was prepared before the schema changed; see `staleness`."""
    return staleness(sqlstate, message, 0, prefix) == "surely"


def is_statement_timeout(info: ErrorInfo) -> bool:
    """Tell whether the server ended a statement because it took longer than `statement_timeout`."""
    return error_class(info.sqlstate) is OperationCancelledError and info.message == _STATEMENT_TIMEOUT


def server_error(info: ErrorInfo, *, sql: str | None, adapter: str) -> SQLSpecError:
    """Build the exception for what an adapter extracted: of the class of its SQLSTATE.

    Args:
        info: The extracted fields.
        sql: Text of the statement, as the user wrote it.
        adapter: Name of the adapter.
    """
    kind = info.fallback if info.sqlstate is None else error_class(info.sqlstate)
    if kind is OperationCancelledError and info.message == _STATEMENT_TIMEOUT:
        kind = QueryTimeoutError
    if info.alive and ends_session(info.sqlstate):
        kind = OperationalError  # of another connection, as that of a foreign table or of a parallel worker
    return kind(
        info.message,
        sqlstate=info.sqlstate,
        detail=info.detail,
        hint=info.hint,
        constraint=info.constraint,
        table=info.table,
        column=info.column,
        sql=sql,
        adapter=adapter,
    )


def connect_error(info: ErrorInfo, *, adapter: str) -> SQLSpecError:
    """Build the exception for a connection that could not be opened.

    It is a `DatabaseConnectionError`, or the subclass that `error_class` names: what would be the fault of a statement
    is none while there is none. Without SQLSTATE, `fallback` is the class.
    """
    kind = info.fallback
    if info.sqlstate is not None:
        named = error_class(info.sqlstate)
        kept = issubclass(named, (DatabaseConnectionError, OperationCancelledError))
        kind = named if kept else DatabaseConnectionError
    return kind(info.message, sqlstate=info.sqlstate, detail=info.detail, hint=info.hint, adapter=adapter)

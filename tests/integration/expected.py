"""Every expected failure that no capability explains, in one table.

An entry that matches no test, overlaps with another, or is misspelt fails collection; one whose test passes fails it.
"""

from __future__ import annotations

from sqlspec.exceptions import DatabaseConnectionError, DataError, OperationalError, TransactionError
from tests.integration.harness import Expected

# The stub decodes what it is sent and asks for nothing more.
_LEARNING = "the stub does not look up types that it meets while it decodes, or that have changed"
_BINARY = "the stub asks for every column in binary format"

EXPECTED: tuple[Expected, ...] = (
    *(
        Expected(("stub",), f"conformance/test_types.py::{test}", (DataError, OperationalError), "never", reason)
        for test, reason in (
            ("test_a_type_without_a_binary_format", _BINARY),
            ("test_columns_of_system_catalogs", _BINARY),
            ("test_extended_statistics", _BINARY),
            ("test_text_only_columns_of_every_kind_of_statement", _BINARY),
            ("test_anonymous_records_of_types_never_met", _LEARNING),
            ("test_records_of_types_never_met_in_a_stack_and_a_batch", _LEARNING),
            ("test_a_composite_that_another_program_alters", _LEARNING),
            ("test_a_field_that_the_program_renames", _LEARNING),
            ("test_all_connections_of_a_config_follow", _LEARNING),
        )
    ),
    Expected(
        ("stub",),
        "conformance/test_script.py::test_a_script_that_is_cut_short_between_begin_and_commit_leaves_no_transaction",
        DatabaseConnectionError,
        "never",
        "a driver that tells no transaction status: where the script was stopped is unknown, so the connection goes",
    ),
    Expected(
        ("psycopg-sync",),
        "conformance/test_transactions.py::test_tasks_started_inside_belong_to_the_transaction",
        TransactionError,
        "never",
        "threads inherit nothing: a transaction belongs to the thread that opened it",
    ),
    Expected(
        ("psycopg-sync",),
        "conformance/test_transactions.py::test_batches_of_tasks_inside_a_transaction_do_not_get_in_each_others_way",
        TransactionError,
        "never",
        "threads inherit nothing: a transaction belongs to the thread that opened it",
    ),
    Expected(
        ("psycopg-sync",),
        "conformance/test_transactions.py::test_tasks_that_open_savepoints_out_of_order_are_refused",
        TransactionError,
        "never",
        "threads inherit nothing: a transaction belongs to the thread that opened it",
    ),
    Expected(
        ("stub",),
        "conformance/test_errors.py::test_a_refused_login",
        DatabaseConnectionError,
        "never",
        "the stub does not tell why a connection was refused",
    ),
    Expected(
        ("stub",),
        "conformance/test_cancel.py::test_a_limit_stops_the_server_too",
        DatabaseConnectionError,
        "never",
        "a driver that tells no transaction status: where the script was stopped is unknown, so the connection goes",
        only="execute_script with control",
    ),
    Expected(
        ("stub",),
        "conformance/test_cancel.py::test_an_interrupted_call_stops_the_server_too",
        DatabaseConnectionError,
        "never",
        "a driver that tells no transaction status: where the script was stopped is unknown, so the connection goes",
        only="execute_script with control",
    ),
)

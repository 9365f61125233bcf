"""Every expected failure that no capability explains, in one table.

An entry that matches no test, overlaps with another, or is misspelt fails collection; one whose test passes fails it.
"""

from __future__ import annotations

from sqlspec.exceptions import DatabaseConnectionError, DataError, OperationalError, TransactionError
from tests.integration.harness import Expected

# The stub decodes what it is sent and asks for nothing more.
_LEARNING = "the stub does not look up types that it meets while it decodes, or that have changed"
_BINARY = "the stub asks for every column in binary format"
_THREADS = "threads inherit nothing: a transaction belongs to the thread that opened it"
_NO_TAG = "the driver hides the command tag"
_NO_CODE = "the driver hides the SQLSTATE"
_PYRO = ("pyro", "pyro-sync")

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
            ("test_a_parameter_of_a_composite_that_another_program_alters", _LEARNING),
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
    *(
        Expected(
            ("psycopg-sync", "pyro-sync"),
            f"conformance/test_transactions.py::{test}",
            TransactionError,
            "never",
            _THREADS,
        )
        for test in (
            "test_tasks_started_inside_belong_to_the_transaction",
            "test_batches_of_tasks_inside_a_transaction_do_not_get_in_each_others_way",
            "test_tasks_that_open_savepoints_out_of_order_are_refused",
        )
    ),
    Expected(
        ("psqlpy", "pyro"),
        "conformance/test_pool_forks.py::test_a_config_of_its_own",
        AssertionError,
        "upstream",
        "the driver works by threads, which a forked process does not have; connecting is refused at once",
    ),
    Expected(
        ("pyro",),
        "conformance/test_pool_forks.py::test_a_config_that_was_not_used_before_the_fork",
        AssertionError,
        "upstream",
        "importing the driver starts its thread, which a forked process does not have; connecting is refused at once",
    ),
    Expected(
        ("psqlpy", *_PYRO),
        "conformance/test_errors.py::test_a_violation_of_uniqueness_names_its_table",
        AssertionError,
        "upstream",
        "the driver hides the fields of an error, and the server's message names only the constraint",
    ),
    Expected(
        ("psqlpy",),
        "conformance/test_errors.py::test_what_user_code_raises_has_the_class_of_its_code",
        AssertionError,
        "upstream",
        f"{_NO_CODE}: the words of user code tell nothing",
    ),
    Expected(
        ("psqlpy",),
        "conformance/test_errors.py::test_words_of_a_raise_do_not_decide_the_class",
        AssertionError,
        "upstream",
        f"{_NO_CODE}: a RAISE that repeats a phrase of the server is taken for it",
    ),
    Expected(
        ("psqlpy",),
        "conformance/test_dml.py::test_a_rule_that_does_nothing_counts_nothing",
        AssertionError,
        "upstream",
        f"{_NO_TAG}, and a rule forbids RETURNING: the count is None",
    ),
    Expected(
        ("psqlpy",),
        "conformance/test_shapes.py::test_a_statement_counts_what_the_server_counts",
        AssertionError,
        "upstream",
        f"{_NO_TAG}: MOVE, and EXECUTE of a data change, have no rows to count",
    ),
    Expected(
        ("psqlpy",),
        "conformance/test_once_and_for_all.py::test_select_into_counts_what_it_stored",
        AssertionError,
        "upstream",
        f"{_NO_TAG}, and SELECT INTO has no rows to count",
    ),
    Expected(
        _PYRO,
        "conformance/test_params.py::test_a_text_without_parameters_goes_verbatim",
        AssertionError,
        "upstream",
        "a statement with a type that the driver misreads is prepared in SQL: current_query() shows the PREPARE too",
    ),
    Expected(
        ("stub",),
        "conformance/test_described.py::test_a_script_that_fails_behind_its_commit_has_changed_what_it_changed",
        AssertionError,
        "never",
        _LEARNING,
        only="rename",
    ),
    Expected(
        ("stub",),
        "conformance/test_described.py::"
        "test_a_field_in_the_place_of_another_has_its_name_once_the_types_are_read_again",
        AssertionError,
        "never",
        _LEARNING,
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

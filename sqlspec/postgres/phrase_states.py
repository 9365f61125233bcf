"""PostgreSQL's English error texts about rights, transactions, limits, what is not implemented, and whole sessions.

`sqlspec.postgres.phrase_texts` says how they are written.
"""

from __future__ import annotations

from typing import Final

__all__ = ("SESSIONS", "STATES")

STATES: Final = """
# Rights: aclchk.c, acl.c, objectaddress.c, user.c, guc.c, execMain.c, rls.c.
insufficient_privilege:
    permission denied
    permission denied {for|to} {*}
    permission denied: "{}" is a system {catalog|trigger}
    must be {owner|superuser|member|inherit|a superuser} {*}
    must be superuser
    {new|target} row violates row-level security policy {*}for table "{}"
    query would be affected by row-level security policy for table "{}"
    cannot {set parameter|execute} {} within security-{restricted operation|definer function}

# Transactions and locks: xact.c, utility.c, postgres.c, predicate.c, nodeModifyTable.c, nodeLockRows.c, heapam.c,
# deadlock.c, lockcmds.c, namespace.c, spi.c, standby.c.
serialization_failure:
    could not serialize access due to concurrent {update|delete}
    could not serialize access due to read/write dependencies among transactions
    tuple to be {locked|deleted|updated|merged} was already moved to another partition due to concurrent update
    canceling statement due to conflict with recovery
deadlock_detected:
    deadlock detected
    canceling statement due to conflict with recovery
query_canceled:
    canceling statement due to {user request|statement timeout}
    canceling autovacuum task
    COPY from stdin failed: {*}
lock_not_available:
    canceling statement due to lock timeout
    could not obtain lock on {relation|row in relation} "{}"
read_only_sql_transaction:
    cannot execute {} in a read-only transaction
    cannot execute {} during recovery
    cannot set transaction read-write mode inside a read-only transaction
in_failed_sql_transaction: current transaction is aborted, commands ignored until end of transaction block
no_active_sql_transaction: {} can only be used in transaction blocks
active_sql_transaction:
    {} cannot run inside a {transaction block|subtransaction}
    {} cannot be executed {from a function|from a function or procedure|within a pipeline}
    SET TRANSACTION {ISOLATION LEVEL|[NOT] DEFERRABLE|SNAPSHOT} must {be called before any query|not be called in a
        subtransaction}
    transaction read-write mode must be set before any query
invalid_savepoint_specification: savepoint "{}" does not exist{| within current savepoint level}
invalid_transaction_termination:
    invalid transaction termination
    cannot {commit|roll back} while a subtransaction is active
invalid_transaction_state: cannot execute {} during a parallel operation
invalid_cursor_state:
    cursor "{}" is {not positioned on a row|not a SELECT query|held from a previous transaction}
object_not_in_prerequisite_state:
    cursor can only scan forward
    currval of sequence "{}" is not yet defined in this session
    lastval is not yet defined in this session
    materialized view "{}" has not been populated
    cannot {insert into|update|delete from|merge into} view "{}"
    prepared transactions are disabled
    record "{}" is not assigned yet
    column "{}" of relation "{}" is {not|already} an identity column
object_in_use:
    cannot {} "{}" because it {has pending trigger events|is being used by active queries in this session}
    database "{}" is being accessed by other users
    cannot drop the currently open database
    {current|session} user cannot be dropped

# Limits and failures of the server: postgres.c, lock.c, mcxt.c, fd.c, md.c, heap.c, parse_node.c, arrayfuncs.c.
statement_too_complex: stack depth limit exceeded
disk_full: could not {extend|write|create|open|resize} {*}: No space left on device
out_of_memory:
    out of memory
    out of shared memory
configuration_limit_exceeded:
    temporary file size exceeds "temp_file_limit" ({#}kB)
    temporary file size exceeds temp_file_limit ({#}kB)
program_limit_exceeded:
    index row requires {#} bytes, maximum size is {#}
    requested length too large
    null character not permitted
    out of memory
    array size exceeds the maximum allowed ({#})
    number of array dimensions ({#}) exceeds the maximum allowed ({#})
    index row size {#} exceeds {*} for index "{}"
    row is too big: size {#}, maximum size {#}
too_many_columns:
    target lists can have at most {#} entries
    tables can have at most {#} columns
    number of columns ({#}) exceeds limit ({#})
too_many_arguments: cannot pass more than {#} {argument|arguments} to a {function|procedure}
undefined_file: could not {open|access|stat|read|load} {*}: No such file or directory
cant_change_runtime_param:
    parameter "{}" cannot be {changed|changed now|set after connection start|changed without restarting the server}
unsafe_new_enum_value_usage: unsafe use of new value "{}" of enum type {}
protocol_violation:
    bind message supplies {#} parameters, but prepared statement "{}" requires {#}
    insufficient data left in message
    invalid message format
invalid_binary_representation: insufficient data left in message
internal_error:
    cache lookup failed for {} {#}
    tuple concurrently {updated|deleted}

# Missing: analyze.c, plancache.c, parse_func.c, execMain.c, namespace.c, copy.c, trigger.c, rewriteHandler.c.
feature_not_supported:
    cached plan must not change result type
    {FOR UPDATE|FOR SHARE|FOR NO KEY UPDATE|FOR KEY SHARE} {is not allowed with|cannot be applied to} {}
    {} is not allowed in {a non-volatile|an SQL} function
    WITH clause containing a data-modifying statement must be at the top level
    WITH query "{}" does not have a RETURNING clause
    DECLARE CURSOR {WITH HOLD ... |SCROLL ... |must not }{*}
    {aggregate ORDER BY|DISTINCT} is not implemented for window functions
    INSERT with ON CONFLICT clause cannot be used with table that has INSERT or UPDATE rules
    cannot {alter|drop|rename} system column "{}"
    cannot alter type of a column used {by a view or rule|by a generated column|in a trigger definition}
    cannot truncate a table referenced in a foreign key constraint
    cannot {insert into|update} column "{}" of view "{}"
    cannot perform {INSERT|UPDATE|DELETE} RETURNING on relation "{}"
    cross-database references are not implemented: {}
    input of anonymous composite types is not implemented
    cannot {accept|display} a value of type {}
    set-returning functions are not allowed in {}
    set-returning functions must appear at top level of FROM
    set-valued function called in context that cannot accept a set
    unit "{}" not supported for type {}
    cannot convert {NaN|infinity} to {}
    access method "{}" does not support {unique|multicolumn} indexes
    FULL JOIN is only supported with merge-joinable or hash-joinable join conditions
    extension "{}" is not available
    "{}" is not a materialized view
    EXECUTE of {SELECT ... INTO|transaction commands} is not implemented
    unsupported transaction command in PL/pgSQL
"""

SESSIONS: Final = """
# Sent as FATAL, before the server closes the connection: postmaster.c, postinit.c, miscinit.c, auth.c, proc.c,
# procarray.c, postgres.c. Never sent for a mere statement.
too_many_connections:
    sorry, too many clients already
    too many connections for {role|database} "{}"
    remaining connection slots are reserved for {}
cannot_connect_now:
    the database system is {starting up|shutting down|in recovery mode|not accepting connections|not yet accepting
        connections}
admin_shutdown:
    terminating connection due to {administrator command|immediate shutdown command|unexpected postmaster exit}
crash_shutdown: terminating connection because of crash of another server process
idle_in_transaction_session_timeout: terminating connection due to idle-in-transaction timeout
idle_session_timeout: terminating connection due to idle-session timeout
transaction_timeout: terminating connection due to transaction timeout
serialization_failure: terminating connection due to conflict with recovery
database_dropped: terminating connection due to conflict with recovery
query_canceled: canceling authentication due to timeout
connection_failure: connection to client lost
protocol_violation: terminating connection because protocol synchronization was lost
invalid_password:
    password authentication failed for user "{}"
    empty password returned by client
invalid_authorization_specification:
    role "{}" does not exist
    role "{}" is not permitted to log in
    {Ident|Peer|GSSAPI|SSPI|PAM|BSD|LDAP|RADIUS|certificate|"trust"|OAuth bearer} authentication failed for user "{}"
    no pg_hba.conf entry for {*}
    pg_hba.conf rejects {connection|replication connection} {*}
    connection requires a valid client certificate
syntax_error:
    {-c |--}{} requires a value
    invalid command-line argument for server process: {*}
object_not_in_prerequisite_state:
    database "{}" is not currently accepting connections
    cannot connect to invalid database "{}"
"""

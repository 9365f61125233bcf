"""PostgreSQL's English error texts and the condition that each stands for; `sqlspec.postgres.phrases` reads them.

A block is a condition name (PostgreSQL manual, appendix A) and its texts, as versions 16, 17 and 18 write them; lines
that are indented further continue a text. In a text stands

    {constraint} {table} {column}   a name; only where the server fills the field of that name with it
    {}                              any other name, type, signature or command
    {*}                             text of any length, once at most: values and reasons
    {#}                             a number
    {a|b}                           one of the words

A text may stand below several conditions: then none of them is certain. The comments name the server's source files.
"""

from __future__ import annotations

from typing import Final

__all__ = ("SESSIONS", "STATEMENTS")

STATEMENTS: Final = """
# Class 23 and WITH CHECK OPTION: execMain.c, execIndexing.c, nbtinsert.c, tuplesort.c, ri_triggers.c, domains.c,
# tablecmds.c, typecmds.c, execPartition.c, partbounds.c.
unique_violation:
    duplicate key value violates unique constraint "{constraint}"
    could not create unique index "{constraint}"
foreign_key_violation:
    insert or update on table "{table}" violates foreign key constraint "{constraint}"
    update or delete on table "{}" violates foreign key constraint "{constraint}" on table "{table}"
    removing partition "{}" violates foreign key constraint "{constraint}"
restrict_violation:
    update or delete on table "{}" violates RESTRICT setting of foreign key constraint "{constraint}" on table
        "{table}"
not_null_violation:
    null value in column "{column}" of relation "{table}" violates not-null constraint
    domain {} does not allow null values
    column "{column}" of {relation|table} "{table}" contains null values
check_violation:
    new row for relation "{table}" violates check constraint "{constraint}"
    value for domain {} violates check constraint "{constraint}"
    check constraint "{constraint}" of relation "{table}" is violated by some row
    column "{column}" of table "{table}" contains values that violate the new constraint
    new row for relation "{table}" violates partition constraint
    no partition of relation "{table}" found for row
    partition constraint of relation "{table}" is violated by some row
    updated partition constraint for default partition "{table}" would be violated by some row
exclusion_violation:
    conflicting key value violates exclusion constraint "{constraint}"
    could not create exclusion constraint "{constraint}"
with_check_option_violation: new row violates check option for view "{}"
triggered_data_change_violation:
    tuple to be {updated|deleted|updated or deleted|merged} was already modified by an operation triggered by the
        current command
object_not_in_prerequisite_state:
    tuple to be updated was already modified by an operation triggered by the current command

# How a statement is written: scan.l, gram.y, parser.c, analyze.c, parse_*.c, postgres.c, pl_gram.y, pl_exec.c.
syntax_error:
    syntax error at or near "{*}"{| of jsonpath input}
    syntax error at end of {|jsonpath }input
    unterminated {quoted string|quoted identifier|dollar-quoted string|bit string literal|hexadecimal string
        literal|/* comment} at or near "{*}"
    trailing junk after {numeric literal|parameter} at or near "{*}"
    zero-length delimited identifier at or near "{*}"
    operator too long at or near "{*}"
    invalid {hexadecimal integer|octal integer|binary integer|Unicode escape value|Unicode surrogate pair} at or
        near "{*}"
    mismatched parentheses at or near "{*}"
    cannot insert multiple commands into a prepared statement
    DEFAULT is not allowed in this context
    INSERT has more {expressions than target columns|target columns than expressions}
    ON CONFLICT DO UPDATE requires inference specification or constraint name
    SELECT * with no tables specified is not valid
    VALUES lists must all be the same length
    WITH query is not recursive
    a column definition list is {only allowed|required} for functions returning "record"
    argument name "{}" used more than once
    each {UNION|INTERSECT|EXCEPT} query must have the same number of columns
    improper qualified name (too many dotted names): {}
    invalid Unicode {escape|escape value|code point|surrogate pair}
    multiple assignments to same column "{}"
    multiple {LIMIT|OFFSET|ORDER BY|WITH} clauses not allowed
    non-integer constant in {}
    number of columns does not match number of values
    positional argument cannot follow named argument
    subquery has too {few|many} columns
    subquery must return only one column
    type modifier is not allowed for type "{}"
    unequal number of entries in row expressions
    wrong number of parameters for prepared statement "{}"
    unrecognized {EXPLAIN|VACUUM|ANALYZE|REINDEX} option "{}"
    syntax error in {tsquery|tsvector}: "{*}"
    query has no destination for result data
    cannot use RETURN {NEXT|QUERY} in a non-SETOF function
invalid_name: invalid name syntax
name_too_long: identifier too long
reserved_name:
    role name "{}" is reserved
    unacceptable schema name "{}"
invalid_escape_sequence:
    invalid Unicode escape
    invalid escape string
    LIKE pattern must not end with escape character
nonstandard_use_of_escape_character: unsafe use of \\' in a string literal
grouping_error:
    aggregate function calls cannot {be nested|contain window function calls}
    aggregate functions are not allowed in {}
    grouping operations are not allowed in {}
    column "{}" must appear in the GROUP BY clause or be used in an aggregate function
    subquery uses ungrouped column "{}" from outer query
windowing_error:
    window functions are not allowed in {}
    window function calls cannot be nested
    frame {start cannot be UNBOUNDED FOLLOWING|end cannot be UNBOUNDED PRECEDING}
    window "{}" is already defined
invalid_recursion:
    recursive query "{}" does not have the form non-recursive-term UNION [ALL] recursive-term
    aggregate functions are not allowed in a recursive query's recursive term
    recursive reference to query "{}" must not appear {*}
invalid_column_reference:
    {ORDER BY|GROUP BY|DISTINCT ON} position {#} is not in select list
    SELECT DISTINCT ON expressions must match initial ORDER BY expressions
    for SELECT DISTINCT, ORDER BY expressions must appear in select list
    in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list
    argument of {} must not contain variables
    invalid reference to FROM-clause entry for table "{}"
    there is no unique or exclusion constraint matching the ON CONFLICT specification
    table "{}" has {#} columns available but {#} columns specified
invalid_cursor_definition:
    cannot open {} query as cursor
    DECLARE {INSENSITIVE|SCROLL} CURSOR ... {} is not valid
generated_always:
    cannot insert a non-DEFAULT value into column "{}"
    column "{}" can only be updated to DEFAULT

# Names that are not there, or there twice: namespace.c, parse_relation.c, parse_func.c, parse_oper.c, parse_type.c,
# objectaddress.c, dropcmds.c, tablecmds.c, heap.c, prepare.c, portalmem.c, guc.c.
undefined_table:
    {relation|table|view|materialized view|sequence} "{}" does not exist
    missing FROM-clause entry for table "{}"
    invalid reference to FROM-clause entry for table "{}"
    relation "{}" in {} clause not found in FROM clause
undefined_column:
    column {} does not exist
    column "{}" specified in USING clause does not exist in {left|right} table
    column "{}" not found in data type {}
    could not identify column "{}" in record data type
    cannot assign to field "{}" of column "{}" because there is no such column in data type {}
    record "{}" has no field "{}"
undefined_function:
    {function|procedure|aggregate} {} does not exist
    operator does not exist: {}
    could not identify {an equality operator|an ordering operator|a comparison function|a hash function|an extended
        hash function} for type {}
    no binary {input|output} function available for type {}
undefined_parameter: there is no parameter ${#}
undefined_object:
    {index|language|collation|domain|extension|publication|server|tablespace|access method|event trigger|statistics
        object|encoding|window|foreign table|foreign-data wrapper} "{}" does not exist
    {function|operator} {#} ({}, {}) of {} does not exist
    text search {configuration|dictionary|parser|template} "{}" does not exist
    type "{}" is only a shell
    constraint "{}" {of|for} {relation|table|domain} "{}" does not exist
    constraint "{}" does not exist
    {trigger|policy} "{}" for {table|relation} "{}" does not exist
    operator {class|family} "{}" does not exist for access method "{}"
    data type {} has no default operator class for access method "{}"
    unrecognized configuration parameter "{}"
    prepared transaction with identifier "{}" does not exist
    there is no primary key for referenced table "{}"
    role "{}" does not exist
    type {} does not exist
invalid_sql_statement_name:
    prepared statement "{}" does not exist
    unnamed prepared statement does not exist
invalid_cursor_name: {cursor|portal} "{}" does not exist
invalid_schema_name:
    schema "{}" does not exist
    no schema has been selected to create in
invalid_catalog_name: {database|template database} "{}" does not exist
ambiguous_column:
    column reference "{}" is ambiguous
    {ORDER BY|GROUP BY} "{}" is ambiguous
    common column name "{}" appears more than once in {left|right} table
ambiguous_alias: table reference "{}" is ambiguous
ambiguous_function:
    {function|procedure|routine} {} is not unique
    operator is not unique: {}
duplicate_table:
    relation "{}" already exists
    relation "{}" already exists in schema "{}"
duplicate_column:
    column "{}" of relation "{}" already exists
    {column|column name} "{}" specified more than once
    column "{}" of relation "{}" appears more than once
    column "{}" appears twice in {primary key|unique|not-null} constraint
    column name "{}" conflicts with a system column name
duplicate_alias:
    table name "{}" specified more than once
    WITH query name "{}" specified more than once
    name "{}" specified more than once
duplicate_object:
    type "{}" does not exist
    {type|role|language|collation|tablespace|extension|publication|access method|event trigger|check constraint|
        conversion|server|foreign-data wrapper|statistics object} "{}" already exists
    {type|collation|statistics object} "{}" already exists in schema "{}"
    text search {configuration|dictionary|parser|template} "{}" already exists
    constraint "{}" for {relation|domain} "{}" already exists
    constraint "{}" for domain {} already exists
    {trigger|rule} "{}" for relation "{}" already exists
    enum label "{}" already exists
    operator {class|family} "{}" for access method "{}" already exists
duplicate_function:
    function "{}" already exists with same argument types
    function {} already exists in schema "{}"
    operator {} already exists
duplicate_schema: schema "{}" already exists
duplicate_database: database "{}" already exists
duplicate_cursor: cursor "{}" already {exists|in use}
duplicate_prepared_statement: prepared statement "{}" already exists

# Types and kinds that do not fit: parse_coerce.c, parse_target.c, parse_param.c, parse_func.c, execSRF.c, postgres.c,
# objectaddress.c, tablecmds.c, functioncmds.c.
datatype_mismatch:
    column "{}" is of type {} but {expression|default expression} is of type {}
    column "{}" cannot be cast automatically to type {}
    default for column "{}" cannot be cast automatically to type {}
    {UNION|INTERSECT|EXCEPT|CASE|COALESCE|GREATEST|LEAST|ARRAY|VALUES|IN|CASE/WHEN|JOIN/USING} types {} and {}
        cannot be matched
    argument of {} must be type {}, not type {}
    argument of {} must not return a set
    argument types {} and {} cannot be matched
    argument declared {} is not {an array|a range type|a multirange type} but type {}
    array subscript must have type integer
    cannot subscript type {} because it does not support subscripting
    cannot assign to field "{}" of column "{}" because its type {} is not a composite type
    foreign key constraint "{}" cannot be implemented
    table row type and query-specified row type do not match
    structure of query does not match function result type
    parameter ${#} of type {} cannot be coerced to the expected type {}
    type of parameter {#} ({}) does not match that when preparing the plan ({})
    recursive query "{}" column {#} has type {} in non-recursive term but type {} overall
    cannot use RETURN {NEXT|QUERY} in a non-SETOF function
    cannot compare record types with different numbers of columns
    cannot concatenate incompatible arrays
indeterminate_datatype:
    could not determine data type of parameter ${#}
    cannot determine type of empty array
ambiguous_parameter:
    could not determine data type of parameter ${#}
    inconsistent types deduced for parameter ${#}
cannot_coerce:
    cannot cast type {} to {}
    {} could not convert type {} to {}
indeterminate_collation: could not determine which collation to use for {}
collation_mismatch: collation mismatch between {explicit|implicit} collations "{}" and "{}"
wrong_object_type:
    "{}" is not {a|an} {table|view|sequence|index|type|materialized view|foreign table|composite type|domain|table
        or materialized view}
    {} is not {an aggregate function|a procedure|a function|an enum}
    {} is {a procedure|a window function|an aggregate function}
    cannot {change|lock rows in|copy to|copy from} {view|sequence|materialized view|relation} "{}"
    constraint "{}" is not deferrable
    op ANY/ALL (array) requires array on right side
    {DISTINCT|FILTER|ORDER BY|WITHIN GROUP} specified, but {} is not an aggregate function
    OVER specified, but {} is not a window function nor an aggregate function
    window function {} requires an OVER clause
    constraint in ON CONFLICT clause has no associated index
invalid_table_definition:
    multiple primary keys for table "{}" are not allowed
    column "{}" has pseudo-type {}
    cannot change name of view column "{}" to "{}"
    cannot change data type of view column "{}" from {} to {}
invalid_foreign_key:
    there is no unique constraint matching given keys for referenced table "{}"
    number of referencing and referenced columns for foreign key disagree
invalid_object_definition:
    "{}" is not an index
    infinite recursion detected in {rules|policy} for relation "{}"
    partition "{}" would overlap partition "{}"
    functions in index {expression|predicate} must be marked IMMUTABLE
    generation expression is not immutable
invalid_function_definition:
    cannot change return type of existing function
    cannot change name of input parameter "{}"
    return type mismatch in function declared to return {}
invalid_grant_operation:
    role "{}" is a member of role "{}"
    invalid privilege type {} for {}
dependent_objects_still_exist:
    cannot drop {} because other objects depend on it
    cannot drop desired object(s) because other objects depend on them
    cannot drop {} because it is required by the database system
    role "{}" cannot be dropped because some objects depend on it

# Class 22: utils/adt (numutils.c, float.c, numeric.c, datetime.c, timestamp.c, formatting.c, varchar.c, varbit.c,
# arrayfuncs.c, rangetypes.c, rowtypes.c, enum.c, json*.c, regexp.c, xml.c), mbutils.c, nodeLimit.c, nodeSubplan.c.
invalid_text_representation:
    invalid input syntax for type {boolean|smallint|integer|bigint|oid|real|double precision|numeric|money|uuid|
        bytea|json|jsonb|jsonpath|point|lseg|box|path|polygon|line|circle|inet|cidr|macaddr|macaddr8|tid|xid|xid8|
        cid|pg_lsn|pg_snapshot|oidvector|int2vector|vector|halfvec|sparsevec}: "{*}"
    invalid input syntax for type {json|jsonb|bytea}
    invalid input value for enum {}: "{*}"
    "{}" is not a valid {binary|hexadecimal} digit
    malformed {array|record|range|multirange} literal: {*}
    invalid cidr value: "{*}"
invalid_binary_representation:
    incorrect binary data format
    incorrect binary data format in bind parameter {#}
    improper binary format in {array element|record column} {#}
    invalid {sign|scale|digit} in external "numeric" value
invalid_datetime_format:
    invalid input syntax for type {date|time|time with time zone|timestamp|timestamp with time zone|interval}: "{*}"
    invalid value "{}" for "{}"
datetime_field_overflow:
    date/time field value out of range: "{*}"
    {date|time} field value out of range: {}
    {date|time|timestamp|timestamptz|interval} out of range
    {date|timestamp} out of range: {*}
    date out of range for timestamp
interval_field_overflow: interval field value out of range: "{*}"
invalid_time_zone_displacement_value: time zone displacement out of range{*}
numeric_value_out_of_range:
    value "{*}" is out of range for type {}
    "{*}" is out of range for type {real|double precision}
    {smallint|integer|bigint|money|OID|"char"} out of range
    {input|number|result} is out of range
    value out of range: {overflow|underflow}
    value overflows numeric format
    setval: value {#} is out of bounds for sequence "{}" ({*})
    numeric field overflow
division_by_zero: division by zero
floating_point_exception: floating-point exception
string_data_right_truncation:
    value too long for type {character|character varying}({#})
    bit string too long for type bit varying({#})
string_data_length_mismatch:
    bit string length {#} does not match type bit({#})
    cannot {AND|OR|XOR} bit strings of different sizes
substring_error: negative substring length not allowed
invalid_argument_for_logarithm: cannot take logarithm of {zero|a negative number}
invalid_argument_for_power_function:
    cannot take square root of a negative number
    zero raised to a negative power is undefined
    a negative number raised to a non-integer power yields a complex result
invalid_argument_for_width_bucket_function:
    lower bound cannot equal upper bound
    lower and upper bounds must be finite
invalid_argument_for_ntile_function: argument of ntile must be greater than zero
invalid_argument_for_nth_value_function: argument of nth_value must be greater than zero
invalid_row_count_in_limit_clause: LIMIT must not be negative
invalid_row_count_in_result_offset_clause: OFFSET must not be negative
invalid_preceding_or_following_size:
    frame {starting|ending} offset must not be negative
    invalid preceding or following size in window function
null_value_not_allowed:
    frame {starting|ending} offset must not be null
    null value not allowed for object key
    null array element not allowed in this context
    JSON value must not be null
    query string argument of EXECUTE is null
    {array|jsonb} subscript in assignment must not be null
    dimension {values|array or low bound array} cannot be null
    null value cannot be assigned to variable "{}" declared NOT NULL
    {lower bound|upper bound|BY value} of FOR loop cannot be null
invalid_parameter_value:
    requested length too large
    role "{}" does not exist
    step size cannot {equal zero|be NaN|be infinity}
    invalid value for parameter "{}": {*}
    parameter "{}" requires {a Boolean value|a numeric value}
    {#}{} is outside the valid range for parameter "{}" ({})
    time zone "{}" not recognized
    unit "{}" not recognized for type {}
    NUMERIC {precision|scale} {#} must be between {#} and {#}
    length for type {} {cannot exceed|must be at least} {#}
    cannot call {} on {a scalar|an array|an object|a non-array|a non-object}
    cannot {deconstruct|extract elements from|get array length of} {a scalar|an object|a non-array}
    cannot {set path|delete path} in scalar
    unrecognized encoding: "{}"
    invalid {source |destination |}encoding name "{}"
    invalid hexadecimal digit: "{}"
    invalid hexadecimal data: odd number of digits
    too few arguments for format()
    field position must not be zero
    payload string too long
    channel name {cannot be empty|too long}
array_subscript_error:
    cannot concatenate incompatible arrays
    array subscript out of range
    wrong number of array subscripts
    upper bound cannot be less than lower bound
    cannot accumulate {arrays of different dimensionality|empty arrays}
    multidimensional arrays must have array expressions with matching dimensions
    index {#} out of valid range, 0..{#}
invalid_regular_expression:
    invalid regular expression: {*}
    regular expression failed: {*}
character_not_in_repertoire:
    invalid byte sequence for encoding "{}": {}
untranslatable_character:
    character with byte sequence {} in encoding "{}" has no equivalent in encoding "{}"
    unsupported Unicode escape sequence
duplicate_json_object_key_value: duplicate JSON object key value{*}
sql_json_member_not_found:
    JSON object does not contain key "{*}"
    jsonpath member accessor can only be applied to an object
sql_json_array_not_found: jsonpath {array|wildcard array} accessor can only be applied to an array
invalid_sql_json_subscript: jsonpath array subscript is {*}
more_than_one_sql_json_item: JSON path expression {} must return single item when no wrapper is requested
no_sql_json_item: no SQL/JSON item found for specified path{*}
singleton_sql_json_item_required:
    single boolean result is expected
    {left|right} operand of jsonpath operator {} is not a single numeric value
invalid_xml_content: invalid XML content
invalid_xml_document: invalid XML document
data_exception:
    range lower bound must be less than or equal to range upper bound
    result of range {} would not be contiguous
sequence_generator_limit_exceeded: nextval: reached {maximum|minimum} value of sequence "{}" ({#})
bad_copy_file_format:
    missing data for column "{}"
    {extra data after last expected column|unterminated CSV quoted field}
    row field count is {#}, expected {#}
    {COPY file signature not recognized|invalid COPY file header (missing flags)|invalid field size|unexpected EOF in
        COPY data|received copy data after EOF marker}
cardinality_violation:
    more than one row returned by a subquery used as an expression
    {ON CONFLICT DO UPDATE|MERGE} command cannot affect row a second time
    query returned more than one row
too_many_rows: query returned more than one row
no_data_found: query returned no rows
assert_failure: assertion failed
case_not_found: case not found
function_executed_no_return_statement: control reached end of {function|trigger procedure} without RETURN

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
object_not_in_prerequisite_state:
    database "{}" is not currently accepting connections
    cannot connect to invalid database "{}"
"""

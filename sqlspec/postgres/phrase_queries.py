"""PostgreSQL's English error texts about what a query says.

`sqlspec.postgres.phrase_texts` says how they are written.
"""

from __future__ import annotations

from typing import Final

__all__ = ("QUERIES",)

QUERIES: Final = """
feature_not_supported:
    a column list with {} is only supported for ON DELETE actions
    aggregate function {} does not support use as a window function
    aggregates cannot have output arguments
    aggregates cannot use named arguments
    {aggregate|window} function calls cannot contain set-returning function calls
    an ordered-set aggregate with a VARIADIC direct argument must have one VARIADIC aggregated argument of the same
        data type
    array of serial is not implemented
    calling procedures with output arguments is not supported in SQL functions
    cannot access temporary or unlogged relations during recovery
    cannot assign to system column "{}"
    cannot compare rows of zero length
    cannot convert whole-row table reference
    cannot COPY to/from client in an SQL function
    cannot create a RETURNING list for a relation containing dropped columns
    cannot delete from foreign table "{}"
    cannot execute MERGE on relation "{}"
    cannot execute {} within a background process
    cannot have multiple RETURNING lists in a rule
    cannot have RETURNING lists in multiple rules
    cannot insert into foreign table "{}"
    cannot lock rows in foreign table "{}"
    cannot merge into column "{}" of view "{}"
    cannot merge into view "{}"
    cannot move tuple across partitions when a non-root ancestor of the source partition is directly referenced in a
        foreign key
    cannot PREPARE a transaction that has created a cursor WITH HOLD
    cannot refer to {NEW|OLD} within WITH query
    cannot retrieve a system column in this context
    cannot set a subfield to DEFAULT
    cannot set an array element to DEFAULT
    cannot set JSON encoding for non-bytea output types
    cannot update foreign table "{}"
    cannot use an existing index in CREATE TABLE
    cannot use JSON FORMAT ENCODING clause for non-bytea input types
    cannot use JSON format with non-string output types
    conditional {UNION/INTERSECT/EXCEPT|utility} statements are not implemented
    {conditional|multi-statement} DO INSTEAD rules are not supported for data-modifying statements in WITH
    constraints cannot be altered to be NOT VALID
    could not determine interpretation of row comparison operator {}
    could not implement DISTINCT
    could not implement GROUP BY
    could not implement recursive UNION
    could not implement window {ORDER|PARTITION} BY
    CREATE ASSERTION is not yet implemented
    CREATE EXTENSION ... FROM is no longer supported
    CREATE OR REPLACE CONSTRAINT TRIGGER is not supported
    CREATE SCHEMA IF NOT EXISTS cannot include schema elements
    CREATE STATISTICS only supports relation names in the FROM clause
    current database cannot be changed
    custom scan "{}" does not support MarkPos
    DECLARE SCROLL CURSOR ... FOR UPDATE/SHARE is not supported
    DECLARE SCROLL CURSOR ... {} is not supported
    DO ALSO rules are not supported for data-modifying statements in WITH
    DO INSTEAD {NOTHING|NOTIFY} rules are not supported for data-modifying statements in WITH
    don't have a storage tuple in this context
    don't have transaction information for this type of tuple
    dropping an enum value is not implemented
    event qualifications are not implemented for rules on SELECT
    {exclusion|unique} constraints are not supported on foreign tables
    expressions are not supported in included columns
    FILTER is not implemented for non-aggregate window functions
    FOR UPDATE/SHARE in a recursive query is not implemented
    {foreign|primary} key constraints are not supported on foreign tables
    {FULL|RIGHT} JOIN is only supported with merge-joinable join conditions
    function returning setof record called in context that cannot accept type record
    {generated|identity} columns are not supported on typed tables
    identity columns are not supported on partitions
    INSERT ... SELECT rule actions are not supported for queries having data-modifying statements in WITH
    INSTEAD NOTHING rules on SELECT are not implemented
    invalid ON UPDATE specification
    invalid UNION/INTERSECT/EXCEPT ORDER BY clause
    {LIMIT|OFFSET} in a recursive query is not implemented
    lossy distance functions are not supported in index-only scans
    MATCH PARTIAL not yet implemented
    materialized views cannot be unlogged
    materialized views may not be defined using bound parameters
    materialized views must not use data-modifying statements in WITH
    materialized views must not use temporary tables or views
    multiple actions for rules on SELECT are not implemented
    mutual recursion between WITH items is not implemented
    NEW variables in ON UPDATE rules cannot reference columns that are part of a multiple assignment in the subject
        UPDATE command
    not-null constraints on partitioned tables cannot be NO INHERIT
    ON CONFLICT is not supported on table "{}" used as a catalog table
    ON CONFLICT is not supported with system catalog tables
    only string constants are supported in JSON_TABLE path specification
    ORDER BY in a recursive query is not implemented
    outer-level aggregate cannot use a nested CTE
    OVER is not supported for ordered-set aggregate {}
    RANGE with offset PRECEDING/FOLLOWING has multiple interpretations for column type {} and offset type {}
    RANGE with offset PRECEDING/FOLLOWING is not supported for column type {}
    RANGE with offset PRECEDING/FOLLOWING is not supported for column type {} and offset type {}
    relation "{}" cannot be the target of a modifying statement
    RETURNING lists are not supported in {conditional|non-INSTEAD} rules
    returning pseudo-types is not supported in SQL/JSON functions
    returning SETOF types is not supported in SQL/JSON functions
    row expansion via "*" is not supported here
    rule actions on {NEW|OLD} are not implemented
    rules on materialized views are not supported
    rules on SELECT must have action INSTEAD SELECT
    rules on SELECT must not contain data-modifying statements in WITH
    source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression
    TABLESAMPLE clause can only be applied to tables and materialized views
    tablesample method {} does not support REPEATABLE
    type {} does not support subscripted assignment
    UNENCRYPTED PASSWORD is no longer supported
    UNIQUE predicate is not yet implemented
    unsafe use of string constant with Unicode escapes
    unsupported JSON encoding
    WHERE CURRENT OF is not supported for this table type
    WHERE CURRENT OF on a view is not implemented
    whole row unique index inference specifications are not supported
    with a SEARCH or CYCLE clause, the left side of the UNION must be a SELECT
    with a SEARCH or CYCLE clause, the recursive reference to WITH query "{}" must be at the top level of its
        right-hand SELECT
    WITH cannot be used in a query that is rewritten by rules into multiple queries
    WITH CHECK OPTION not supported on recursive views
    WITH query name "{}" appears in both a rule action and the query being rewritten
    XQuery "x" flag (expanded regular expressions) is not implemented
    {} cannot be applied to a named tuplestore
    {} cannot be applied to a table function
    {} cannot be applied to a WITH query
    {} cannot be applied to a {function|join}
    {} cannot be applied to VALUES
    {} constraints cannot be marked NO INHERIT
    {} constraints cannot be marked NOT {ENFORCED|VALID}
    {} constraints cannot be marked {DEFERRABLE|ENFORCED}
    {} is not allowed with GROUP BY clause
    {} is not allowed with set-returning functions in the target list
    {} is not allowed with UNION/INTERSECT/EXCEPT
    {} is not allowed with {aggregate|window} functions
    {} is not allowed with {DISTINCT|HAVING} clause
null_value_not_allowed:
    {column|row} filter expression must not be null
    moving-aggregate transition function must not return null
    namespace URI must not be null
    null is not allowed in column "{}"
invalid_row_count_in_limit_clause:
    row count cannot be null in FETCH FIRST ... WITH TIES clause
invalid_parameter_value:
    column number must be in range from 1 to {#}
    operator class options info is absent in function call context
    precision for type float must be at least 1 bit
    precision for type float must be less than 54 bits
    target type is not an array
    unrecognized API version {#} reported by info function "{}"
    unrecognized JSON encoding: {*}
    unrecognized partitioning strategy "{}"
invalid_tablesample_repeat:
    TABLESAMPLE REPEATABLE parameter cannot be null
invalid_tablesample_argument:
    sample percentage must be between 0 and 100
    tablesample method {} requires {#} {argument,|arguments,} not {#}
    TABLESAMPLE parameter cannot be null
check_violation:
    empty WITHOUT OVERLAPS value found in column "{}" in relation "{}"
invalid_cursor_state:
    cannot drop {active|pinned} portal "{}"
    cursor "{}" does not have a FOR UPDATE/SHARE reference to table "{}"
    cursor "{}" has multiple FOR UPDATE/SHARE references to table "{}"
    cursor "{}" is not a simply updatable scan of table "{}"
invalid_cursor_name:
    invalid cursor name: must not be empty
insufficient_privilege:
    cannot create a cursor WITH HOLD within security-restricted operation
    language validation function {#} called for language {#} instead of {#}
syntax_error:
    --{} must be first argument
    a column definition list is redundant for a function returning a named composite type
    a column definition list is redundant for a function with OUT parameters
    assignment source returned {#} {column|columns}
    both default and identity specified for column "{}" of table "{}"
    both {default|identity} and generation expression specified for column "{}" of table "{}"
    cannot specify FORMAT JSON in RETURNING clause of {}()
    cannot use multiple ORDER BY clauses with WITHIN GROUP
    cannot use {DISTINCT|VARIADIC} with WITHIN GROUP
    column specification not allowed for schema
    {column|namespace} name "{}" is not unique
    conflicting constraint properties
    conflicting NO INHERIT declarations for not-null constraints on column "{}"
    conflicting NULL/NOT NULL declarations for column "{}" of table "{}"
    conflicting or redundant NULL / NOT NULL declarations for column "{}"
    constraint declared INITIALLY DEFERRED must be DEFERRABLE
    constraint using WITHOUT OVERLAPS needs at least two columns
    could not convert Unicode to server encoding
    cycle mark column name and cycle path column name are the same
    cycle {mark|path} column name "{}" already used in WITH query column list
    {cycle|search} column "{}" not in WITH query column list
    each {} query must have the same number of columns
    empty query does not return tuples
    for a generated column, GENERATED ALWAYS must be specified
    improper %TYPE reference (too {few|many} dotted names): {*}
    INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT
    invalid publication object list
    invalid type name "{}"
    invalid Unicode escape
    invalid {schema|table} name
    invalid {} behavior for column "{}"
    LIMIT #,# syntax is not supported
    MERGE_ACTION() can only be used in the RETURNING list of a MERGE command
    misplaced INITIALLY {DEFERRED|IMMEDIATE} clause
    misplaced NOT {DEFERRABLE|ENFORCED} clause
    misplaced {DEFERRABLE|ENFORCED} clause
    {modulus|remainder} for hash partition must be specified
    multiple COLLATE clauses not allowed
    multiple column definition lists are not allowed for the same function
    multiple default values specified for column "{}" of table "{}"
    multiple DEFERRABLE/NOT DEFERRABLE clauses not allowed
    multiple ENFORCED/NOT ENFORCED clauses not allowed
    multiple generation clauses specified for column "{}" of table "{}"
    multiple identity specifications for column "{}" of table "{}"
    multiple INITIALLY IMMEDIATE/DEFERRED clauses not allowed
    only one default namespace is allowed
    only one DEFAULT value is allowed
    only one FOR ORDINALITY column is allowed
    only one PATH value per column is allowed
    option name "{}" cannot be used in XMLTABLE
    OUT and INOUT arguments aren't allowed in TABLE functions
    postfix operators are not supported
    RETURNING must have at least one column
    ROWS FROM() with multiple functions cannot have a column definition list
    search sequence column name "{}" already used in WITH query column list
    search sequence column name and cycle {mark|path} column name are the same
    SELECT ... INTO is not allowed here
    SELECT DISTINCT must have at least one column
    sequence option "{}" not supported here
    SQL/JSON QUOTES behavior must not be specified when WITH WRAPPER is used
    STDIN/STDOUT not allowed with PROGRAM
    time zone interval must be HOUR or HOUR TO MINUTE
    type modifier cannot be specified for shell type "{}"
    type modifier cannot have ORDER BY
    type modifier cannot have parameter name
    type modifiers must be simple constants or identifiers
    unnamed XML element value must be a column reference
    UNNEST() with multiple arguments cannot have a column definition list
    unreachable WHEN clause specified after unconditional WHEN clause
    unrecognized hash partition bound specification "{}"
    unrecognized row security option "{}"
    unrecognized {column|role} option "{}"
    WHERE clause not allowed for schema
    WHERE clause not allowed with COPY TO
    with a SEARCH or CYCLE clause, the right side of the UNION must be a SELECT
    WITH ORDINALITY cannot be used with a column definition list
    WITH RECURSIVE is not supported for MERGE statement
    WITH TIES cannot be specified without ORDER BY clause
    wrong number of parameters on {left|right} side of OVERLAPS expression
    XML attribute name "{}" appears more than once
invalid_column_definition:
    attribute "{}" of relation "{}" does not match parent's {collation|type}
duplicate_column:
    column name "{}" appears more than once in USING clause
    {cycle|search} column "{}" specified more than once
undefined_column:
    attribute {#} of type {} has been dropped
    cannot assign to system column "{}"
undefined_object:
    could not find {array|element} type for data type {}
    no value found for parameter {#}
    rule "{}" for relation "{}" does not exist
    tablesample method {} does not exist
duplicate_object:
    {modulus|remainder} for hash partition provided more than once
duplicate_alias:
    duplicate JSON_TABLE column or path name: {*}
ambiguous_function:
    aggregate name "{}" is not unique
grouping_error:
    arguments to GROUPING must be grouping expressions of the associated query level
    outer-level aggregate cannot contain a lower-level variable in its direct arguments
datatype_mismatch:
    {anycompatiblemultirange|anycompatiblerange} type {} does not match anycompatible type {}
    argument declared {} does not contain a range type but type {}
    argument declared {} is not consistent with argument declared {}
    arguments declared "{}" are not all alike
    arguments of anycompatible family cannot be cast to a common type
    attribute {#} has wrong type
    attribute {#} of type {} has wrong type
    can only specify a constant, non-aggregate function, or operator expression for DEFAULT
    cannot determine element type of "anyarray" argument
    cannot merge incompatible arrays
    cannot use non-string types with explicit FORMAT JSON clause
    cannot use non-string types with WITH UNIQUE KEYS clause
    cannot use type {} in IS JSON predicate
    cannot use type {} in RETURNING clause of {}
    collations are not supported by type {}
    column "{}" in WITHOUT OVERLAPS is not a range or multirange type
    could not coerce {} expression ({}) to the RETURNING type
    could not determine actual result type for function "{}" declared to return type {}
    could not determine actual type of argument declared {}
    could not determine polymorphic type because input has type {}
    could not determine polymorphic type {} because input has type {}
    could not determine row description for function returning record
    could not identify {anycompatible|anycompatiblearray|anycompatiblemultirange|anycompatiblerange} type
    DEFAULT expression must not contain column references
    DEFAULT expression must not return a set
    every bound following MAXVALUE must also be MAXVALUE
    every bound following MINVALUE must also be MINVALUE
    function "{}" in FROM has unsupported return type {}
    function return row and query-specified return row do not match
    JSON ENCODING clause is only allowed for bytea input type
    JSON path expression must be of type {}, not of type {}
    no column alias was provided
    number of aliases does not match number of columns
    row comparison operator must not return a set
    row comparison operator must yield type boolean, not type {}
    ROW() column has type {} instead of type {}
    rows returned by function are not all of the same row type
    specified value cannot be cast to type {} for column "{}"
    {subfield|variable} "{}" is of type {} but expression is of type {}
    subscripted assignment to "{}" requires type {} but expression is of type {}
    type matched to anyenum is not an enum type: {*}
    type matched to {anycompatiblenonarray|anynonarray} is an array type: {*}
    VARIADIC argument must be an array
wrong_object_type:
    cannot change TOAST relation "{}"
    cannot lock rows in TOAST relation "{}"
    cannot use relation "{}.{}" as logical replication target
    column notation .{} applied to type {}, which is not a composite type
    function {} is not an aggregate
    function {} must return type {}
    index "{}" column number {#} does not have default sorting behavior
    index "{}" contains expressions
    index "{}" is not a btree
    inherited relation "{}" is not a table or foreign table
    ON CONFLICT DO UPDATE not supported with exclusion constraints
    op ANY/ALL (array) requires operator not to return a set
    op ANY/ALL (array) requires operator to yield boolean
    prepared statement is not a SELECT
    record type has not been registered
    relation "{}" cannot have ON SELECT rules
    relation "{}" cannot have rules
    relation "{}" is invalid in LIKE clause
    type {} is not composite
    window function {} cannot have WITHIN GROUP
    WITHIN GROUP is required for ordered-set aggregate {}
    {} is not an ordered-set aggregate, so it cannot have WITHIN GROUP
    "{}" is a {deferrable|partial} index
    "{}" is not a unique index
    {}(*) must be used to call a parameterless aggregate function
cannot_coerce:
    cannot cast behavior expression of type {} to {}
    cannot cast XMLSERIALIZE result to {}
undefined_function:
    could not find a {function|procedure} named "{}"
    could not find an aggregate named "{}"
    could not find function information for function "{}"
    could not identify an inequality operator for type {}
    internal function "{}" is not in internal lookup table
    operator is only a shell: {*}
    operator requires run-time type coercion: {*}
ambiguous_alias:
    table reference {#} is ambiguous
invalid_column_reference:
    ASC/DESC is not allowed in ON CONFLICT clause
    cannot delete from table "{}"
    cannot update table "{}"
    cannot use system column "{}" in column generation expression
    cannot use system column "{}" in MERGE WHEN condition
    index expressions and predicates can refer only to the table being indexed
    join expression "{}" has {#} columns available but {#} columns specified
    NULLS FIRST/LAST is not allowed in ON CONFLICT clause
    statistics expressions can refer only to the table being referenced
    system column "{}" reference in check constraint is invalid
    UNION/INTERSECT/EXCEPT member statement cannot refer to other relations of same query level
    VALUES lists "{}" have {#} columns available but {#} columns specified
    WITH query "{}" has {#} columns available but {#} columns specified
    {} function has {#} columns available but {#} columns specified
invalid_cursor_definition:
    cannot open multi-query plan as cursor
invalid_function_definition:
    aggregate {#} needs to have compatible input type and transition type
    aggregates cannot return sets
    return type {} is not supported for SQL functions
    window functions cannot return sets
invalid_prepared_statement_definition:
    invalid statement name: must not be empty
invalid_schema_definition:
    CREATE specifies a schema ({}) different from the one being created ({})
invalid_table_definition:
    a hash-partitioned table may not have a default partition
    cannot set logged status of a temporary sequence
    column "{}" cannot be declared SETOF
    {FROM|TO} must specify exactly one value per partitioning column
    invalid bound specification for a {hash|list|range} partition
    modulus for hash partition must be an integer value greater than zero
    remainder for hash partition must be less than modulus
invalid_object_definition:
    cannot create partitioned table as inheritance child
    cannot specify NULL in range bound
    {index|table} "{}" is not partitioned
    non-view rule for "{}" must not be named "{}"
    ON {DELETE|SELECT} rule cannot use NEW
    ON {INSERT|SELECT} rule cannot use OLD
    renaming an ON SELECT rule is not allowed
    RETURNING list has too {few|many} entries
    RETURNING list's entry {#} has different {size|type} from column "{}"
    rule WHERE condition cannot contain references to other relations
    rules with WHERE conditions can only have SELECT, INSERT, UPDATE, or DELETE actions
    SELECT rule's target entry {#} has different column name from column "{}"
    view rule for "{}" must be named "{}"
    "{}" is not a partitioned table
invalid_recursion:
    recursive query "{}" must not contain data-modifying statements
windowing_error:
    cannot copy window "{}" because it has a frame clause
    cannot override {ORDER|PARTITION} BY clause of window "{}"
    frame starting from following row cannot end with current row
    frame starting from {current|following} row cannot have preceding rows
    GROUPS mode requires an ORDER BY clause
    RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column
collation_mismatch:
    collation of DEFAULT expression conflicts with RETURNING clause
    recursive query "{}" column {#} has collation "{}" in non-recursive term but collation "{}" overall
program_limit_exceeded:
    joins can have at most {#} columns
statement_too_complex:
    too many grouping sets present (maximum 4096)
too_many_columns:
    column definition lists can have at most {#} entries
    CUBE is limited to 12 elements
    functions in FROM can return at most {#} columns
    ROW expressions can have at most {#} entries
too_many_arguments:
    GROUPING must have fewer than 32 arguments
    procedures cannot have more than {#} {argument|arguments}
object_not_in_prerequisite_state:
    access to non-system view "{}" is restricted
    cannot delete from table "{}" because it does not have a replica identity and publishes deletes
    cannot perform transaction commands inside a cursor loop that is not read-only
    cannot update table "{}" because it does not have a replica identity and publishes updates
    foreign table "{}" does not allow {deletes|inserts|updates}
    index "{}" does not belong to table "{}"
    index "{}" is already associated with a constraint
    index "{}" is not valid
    ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters
    portal "{}" cannot be run
    "{}" is already a view
"""

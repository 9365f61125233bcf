"""PostgreSQL's English error texts and the condition that each stands for; `sqlspec.postgres.phrases` reads them.

A block is a condition name (PostgreSQL manual, appendix A) and its texts, as versions 16, 17 and 18 write them; lines
that are indented further continue a text. In a text stands

    {constraint} {table} {column}   a name; only where the server fills the field of that name with it
    {}                              any other name, type, signature or command
    {*}                             text of any length, once at most: values and reasons
    {#}                             a number
    {a|b}                           one of the words

A text may stand below several conditions: then none of them is certain. The comments name the server's source files.
What is met often stands here, in `phrase_values` (values) and in `phrase_states` (rights, transactions, limits,
sessions), written by hand. The other modules hold the rest of what the source of version 18 has with an SQLSTATE of the
statement's, by subject.
"""

from __future__ import annotations

from typing import Final

from sqlspec.postgres.phrase_commands import COMMANDS
from sqlspec.postgres.phrase_functions import FUNCTIONS
from sqlspec.postgres.phrase_queries import QUERIES
from sqlspec.postgres.phrase_states import SESSIONS, STATES
from sqlspec.postgres.phrase_tables import TABLES
from sqlspec.postgres.phrase_values import VALUES

__all__ = ("SESSIONS", "STATEMENTS")

_TEXTS: Final = """
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

# PL/pgSQL, a library of its own: pl_gram.y, pl_comp.c, pl_exec.c.
feature_not_supported: cannot COPY to/from client in PL/pgSQL
error_in_assignment: variable "{}" is declared CONSTANT
null_value_not_allowed:
    variable "{}" must have a default value, since it's declared NOT NULL
    cursor variable "{}" is null
    FOREACH expression must not be null
invalid_parameter_value: BY value of FOR loop must be greater than zero
array_subscript_error: slice dimension ({#}) is out of the valid range 0..{#}
syntax_error:
    "{}" is not a known variable
    too {many|few} parameters specified for RAISE
    unrecognized RAISE statement option at or near "{*}"
    duplicate declaration at or near "{*}"
    cursor "{}" has {arguments|no arguments}
    EXIT cannot be used outside a loop, unless it has a label
    CONTINUE cannot be used outside a loop
    there is no label "{}" attached to any block or loop enclosing this statement
    loop variable of loop over rows must be a record variable or list of scalar variables
    loop variable of FOREACH must be a known variable or list of variables
    unrecognized GET DIAGNOSTICS item at or near "{*}"
    diagnostics item {} is not allowed in GET {STACKED|CURRENT} DIAGNOSTICS
    missing "{}" at end of SQL {expression|statement}
undefined_object: unrecognized exception condition "{}"
datatype_mismatch:
    RETURN cannot have a parameter in function returning {void|set}
    FOREACH expression must yield an array, not type {}

# Texts that the server puts together, and others that are met although they are not in common use.
feature_not_supported: cannot use subquery in {}
invalid_parameter_value:
    identity column type must be smallint, integer, or bigint
    unrecognized parameter "{}"
    {regexp_match|regexp_split_to_array|regexp_split_to_table|regexp_like|regexp_count|regexp_instr|regexp_substr}()
        does not support the "global" option
    cannot cast jsonb {null|string|numeric|boolean|array|object|array or object} to type {}
    MinWords must be less than MaxWords
    EXPLAIN options {} and {} cannot be used together
null_value_not_allowed: multirange values cannot contain null members
invalid_argument_for_sql_json_datetime_function:
    {datetime|date|time|time_tz|timestamp|timestamp_tz} format is not recognized: "{*}"
syntax_error:
    invalid Unicode escape character at or near "{*}"
    invalid connection string syntax: {*}
undefined_object:
    cast from type {} to type {} does not exist
    {subscription|replication origin} "{}" does not exist
    {source|destination} encoding "{}" does not exist
    invalid large-object descriptor: {#}
wrong_object_type:
    {} is not a domain
    {} is a table's row type
    "{}" is a {table|view|partitioned table|foreign table}
"""

STATEMENTS: Final = _TEXTS + VALUES + STATES + QUERIES + TABLES + COMMANDS + FUNCTIONS

"""PostgreSQL's English error texts about tables, types and what is stored in them.

`sqlspec.postgres.phrase_texts` says how they are written.
"""

from __future__ import annotations

from typing import Final

__all__ = ("TABLES",)

TABLES: Final = """
feature_not_supported:
    access method "{}" does not support ASC/DESC options
    access method "{}" does not support exclusion constraints
    access method "{}" does not support included columns
    access method "{}" does not support NULLS FIRST/LAST options
    access method "{}" does not support WITHOUT OVERLAPS constraints
    ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables
    ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns
    ALTER TABLE / DROP EXPRESSION must be applied to child tables too
    ALTER TABLE / SET EXPRESSION is not supported for virtual generated columns in tables that are part of a
        publication
    ALTER TABLE / SET EXPRESSION is not supported for virtual generated columns in tables with check constraints
    ANALYZE option must be specified when a column list is provided
    BEFORE trigger's WHEN condition cannot reference NEW system columns
    BUFFER_USAGE_LIMIT cannot be specified for VACUUM FULL
    can only reindex the currently open database
    cannot access index "{}" while it is being reindexed
    cannot access temporary indexes of other sessions
    cannot add not-null constraint on system column "{}"
    cannot alter foreign table "{}" because column "{}.{}" uses its row type
    cannot alter statistics on virtual generated column "{}"
    cannot alter statistics on {included|non-expression} column "{}" of index "{}"
    cannot alter table "{}" because column "{}.{}" uses its row type
    cannot alter type "{}" because column "{}.{}" uses it
    cannot alter type of a column used by a function or procedure
    cannot alter type of a column used by a publication WHERE clause
    cannot alter type of a column used in a policy definition
    cannot alter type of column "{}" twice
    cannot attach table "{}" as a partition because it is referenced by foreign key "{}"
    cannot change NO INHERIT status of NOT NULL constraint "{}" on relation "{}"
    cannot change owner of sequence "{}"
    cannot change ownership of identity sequence
    cannot change persistence setting twice
    cannot cluster a shared catalog
    cannot cluster on index "{}" because access method does not support clustering
    cannot cluster on {invalid|partial} index "{}"
    cannot collect transition tuples from child foreign tables
    cannot copy from unpopulated materialized view "{}"
    cannot create index on partitioned table "{}" concurrently
    cannot create indexes on temporary tables of other sessions
    cannot drop partitioned index "{}" concurrently
    cannot have multiple SET ACCESS METHOD subcommands
    cannot mark index clustered in partitioned table
    cannot match partition key to index on column "{}" using non-equal operator "{}"
    cannot modify statistics for shared relation
    cannot move an owned sequence into another schema
    cannot move non-shared relation to tablespace "{}"
    cannot perform COPY FREEZE on a {foreign|partitioned} table
    cannot refer to non-index column by number
    cannot reindex invalid index on TOAST table
    cannot reindex system catalogs concurrently
    cannot rename trigger "{}" on table "{}"
    cannot rewrite table "{}" used as a catalog table
    cannot specify default tablespace for partitioned relations
    cannot specify {} in BINARY mode
    cannot truncate foreign table "{}"
    cannot use "{}" with HEADER in COPY TO
    cannot use {expression|non-immediate|partial} index "{}" as replica identity
    cannot {alter|cluster|move|reindex|rewrite|truncate|vacuum} temporary tables of other sessions
    cannot {clear|modify} statistics on system column "{}"
    cannot {move|rewrite} system relation "{}"
    column "{}" cannot be used in statistics because its type {} has no default btree operator class
    column data type {} can only have storage PLAIN
    column data type {} does not support compression
    compression method lz4 not supported
    concurrent index creation for exclusion constraints is not supported
    concurrent index creation on system catalog tables is not supported
    CONCURRENTLY cannot be used when the materialized view is not populated
    {conditional|multi-statement} DO INSTEAD rules are not supported for COPY
    COPY (SELECT INTO) is not supported
    COPY delimiter character must not appear in the {} specification
    COPY FROM not supported with row-level security
    COPY query must have a RETURNING clause
    COPY query must not be a utility command
    COPY {delimiter|escape|quote} must be a single one-byte character
    COPY {} cannot be used with {}
    COPY {} requires CSV mode
    could not find suitable unique index on materialized view "{}"
    CSV quote character must not appear in the {} specification
    DO ALSO rules are not supported for COPY
    DO INSTEAD NOTHING rules are not supported for COPY
    DROP INDEX CONCURRENTLY does not support CASCADE
    DROP INDEX CONCURRENTLY does not support dropping multiple objects
    DROP INDEX CONCURRENTLY must be first action in transaction
    expression cannot be used in multivariate statistics because its type {} has no default btree operator class
    foreign key constraints on virtual generated columns are not supported
    generation expression uses user-defined {function|type}
    hash indexes do not support whole-index scans
    indexes on virtual generated columns are not supported
    {index|statistics} creation on system columns is not supported
    INSTEAD OF triggers cannot have column lists
    INSTEAD OF triggers cannot have WHEN conditions
    INSTEAD OF triggers must be FOR EACH ROW
    invalid type for PERIOD part of foreign key
    moving row to another partition during a BEFORE FOR EACH ROW trigger is not supported
    nondeterministic collations are not supported for operator class "{}"
    NULL specification and DEFAULT specification cannot be the same
    old GIN indexes do not support whole-index scans nor searches for nulls
    only a single relation is allowed in CREATE STATISTICS
    only heap AM is supported
    ONLY_DATABASE_STATS cannot be specified with a list of tables
    ONLY_DATABASE_STATS cannot be specified with other VACUUM options
    partitioned tables cannot be unlogged
    policies not yet implemented for this command
    primary keys cannot be expressions
    primary keys on virtual generated columns are not supported
    PROCESS_TOAST required with VACUUM FULL
    ROW triggers with transition tables are not supported on inheritance children
    ROW triggers with transition tables are not supported on partitions
    ROW variable naming in the REFERENCING clause is not supported
    specifying constraint deferrability not supported for domains
    specifying GENERATED not supported for domains
    statistics creation on virtual generated columns is not supported
    system columns cannot be used in foreign keys
    tables declared WITH OIDS are not supported
    transition tables cannot be specified for triggers with column lists
    transition tables cannot be specified for triggers with more than one event
    trigger "{}" prevents table "{}" from becoming a partition
    trigger "{}" prevents table "{}" from becoming an inheritance child
    TRUNCATE FOR EACH ROW triggers are not supported
    TRUNCATE triggers with transition tables are not supported
    unique constraint on partitioned table must include all partitioning columns
    unsupported ON COMMIT and foreign key combination
    unsupported {} action for foreign key constraint using PERIOD
    unsupported {} constraint with partition key definition
    user-defined indexes on system catalog tables are not supported
    VACUUM FULL cannot be performed in parallel
    VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL
    views must not contain data-modifying statements in WITH
    views must not contain SELECT INTO
    virtual generated column "{}" cannot have a {domain|user-defined} type
    when building statistics on a single expression, statistics kinds may not be specified
    WITH CHECK OPTION is supported only on automatically updatable views
    {} cannot be executed from VACUUM or ANALYZE
    "{}" is a partitioned table
cardinality_violation:
    new data for materialized view "{}" contains duplicate rows without any null columns
numeric_value_out_of_range:
    block number out of range: {#}
invalid_parameter_value:
    {alignment|storage} "{}" not recognized
    ALTER TYPE ADD BEFORE/AFTER is incompatible with binary upgrade
    argument "{}" must not be null
    argument to option "{}" must be a list of column names
    argument to option "{}" must be a valid encoding name
    BUFFER_USAGE_LIMIT option must be 0 or between {#} kB and {#} kB
    {CACHE|REJECT_LIMIT} ({#}) must be greater than zero
    cannot move relations in to or out of pg_global tablespace
    cannot specify both "{}" and "{}"
    column {#} of the partition key has type "{}", but supplied value is of type "{}"
    column {#} of the partition key has type {}, but supplied value is of type {}
    compress method must be defined when leaf type is different from input type
    COPY delimiter and quote must be different
    COPY delimiter cannot be "{}"
    COPY delimiter cannot be newline or carriage return
    COPY delimiter character must not appear in the {} specification
    COPY format "{}" not recognized
    COPY {default|null} representation cannot use newline or carriage return
    COPY {} "{}" not recognized
    COPY {} cannot be used with {}
    COPY {} requires {} to be set to {}
    CSV quote character must not appear in the {} specification
    element type cannot be specified without a subscripting function
    EXPLAIN option {} requires ANALYZE
    INCREMENT must not be zero
    {index|toast} relfilenumber value not set when in binary upgrade mode
    invalid compression method "{}"
    invalid option name "{}": must not contain "="
    invalid overflow block number {#}
    invalid storage type "{}"
    invalid type category "{}": must be simple ASCII
    invalid value for floating point option "{}": {*}
    invalid value for {boolean|enum|integer} option "{}": {*}
    {MAXVALUE|MINVALUE} ({#}) is out of range for sequence data type {}
    MINVALUE ({#}) must be less than MAXVALUE ({#})
    modulus for hash partition must be an integer value greater than zero
    must specify either "{}" or "{}"
    number of partitioning columns ({#}) does not match number of partition keys provided ({#})
    only shared relations can be placed in pg_global tablespace
    only tables, indexes, and materialized views exist in tablespaces
    operator class {} has no options
    parameter "{}" specified more than once
    pg_class {heap|index} OID value not set when in binary upgrade mode
    {pg_enum|pg_type} OID value not set when in binary upgrade mode
    pg_type multirange array OID value not set when in binary upgrade mode
    pg_type {array|multirange} OID value not set when in binary upgrade mode
    relfilenumber value not set when in binary upgrade mode
    remainder for hash partition must be an integer value greater than or equal to zero
    remainder for hash partition must be less than modulus
    {RESTART|START} value ({#}) cannot be greater than MAXVALUE ({#})
    {RESTART|START} value ({#}) cannot be less than MINVALUE ({#})
    sequence type must be smallint, integer, or bigint
    statistics target {#} is too low
    tid ({#}, {#}) is not valid for relation "{}"
    unrecognized parameter namespace "{}"
    unrecognized value for {} option "{}": "{*}"
    value {} out of bounds for option "{}"
    "{}" is not a hash partitioned table
    "{}" is not an existing enum label
invalid_text_representation:
    skipped more than REJECT_LIMIT ({#}) rows due to data type incompatibility
bad_copy_file_format:
    column name mismatch in header line field {#}: got "{}", expected "{}"
    column name mismatch in header line field {#}: got null value ("{}"), expected "{}"
    end-of-copy marker does not match previous newline style
    end-of-copy marker is not alone on its line
    invalid COPY file header (missing length)
    invalid COPY file header (WITH OIDS)
    invalid COPY file header (wrong length)
    literal newline found in data
    unexpected default marker in COPY data
    unquoted carriage return found in data
    unrecognized critical flags in COPY file header
    wrong number of fields in header line: got {#}, expected {#}
invalid_transaction_state:
    cannot insert tuples in a parallel worker
    cannot perform COPY FREEZE because of prior transaction activity
    cannot {delete|update} tuples during a parallel operation
triggered_data_change_violation:
    tuple to be updated was already modified by an operation triggered by the current command
dependent_objects_still_exist:
    cannot alter type "{}" because it is the type of a typed table
insufficient_privilege:
    cannot create temporary table within security-restricted operation
    cannot fire deferred trigger within security-restricted operation
syntax_error:
    cannot have multiple SET TABLESPACE subcommands
    cannot specify {} in BINARY mode
    column "{}" of relation "{}" is a generated column
    column "{}" of relation "{}" is an identity column
    conflicting NO INHERIT declaration for not-null constraint on column "{}"
    conflicting NULL/NOT NULL constraints
    CREATE VIEW specifies more column names than columns
    {exclusion|unique} constraints not possible for domains
    {foreign|primary} key constraints not possible for domains
    invalid OWNED BY option
    invalid sequence option SEQUENCE NAME
    invalid {} action for foreign key constraint containing generated column
    multiple default expressions
    only ON_ERROR STOP is allowed in BINARY mode
    only USING expression allowed for SELECT, DELETE
    only WITH CHECK expression allowed for INSERT
    parallel option requires a value between 0 and {#}
    parallel workers for vacuum must be between 0 and {#}
    RESET must not include values for parameters
    too many column names were specified
    type attribute "subtype" is required
    type attribute "{}" cannot be changed
    type attribute "{}" not recognized
    unrecognized statistics kind "{}"
    views cannot be unlogged because they do not have storage
    WITH CHECK cannot be applied to SELECT or DELETE
invalid_name:
    invalid enum label "{}"
    relative path not allowed for COPY to file
invalid_column_definition:
    cannot specify USING when altering type of generated column
    child column "{}" specifies generation expression
    column "{}" inherits conflicting default values
    column "{}" inherits conflicting generation expressions
    column "{}" inherits from generated column but specifies {default|identity}
    column "{}" inherits from generated column of different kind
duplicate_column:
    duplicate column name in statistics definition
    duplicate expression in statistics definition
undefined_object:
    constraint "{}" for domain {} does not exist
    could not identify an equality operator for foreign key
    index "{}" was concurrently {created|dropped}
    there is no previously clustered index for table "{}"
duplicate_object:
    check constraint name "{}" appears multiple times but with different expressions
    policy "{}" for table "{}" already exists
    there are multiple default operator classes for data type {}
    trigger "{}" for relation "{}" is a constraint trigger
    trigger "{}" for relation "{}" is an internal or a child trigger
ambiguous_function:
    type {input|receive} function {} has multiple matches
datatype_mismatch:
    array element type cannot be {}
    cannot define not-null constraint with NO INHERIT on column "{}"
    child table "{}" has different definition for check constraint "{}"
    child table "{}" has different type for column "{}"
    child table is missing {column|constraint} "{}"
    column "{}" has a compression method conflict
    column "{}" has a storage parameter conflict
    column "{}" has a type conflict
    column "{}" in child table "{}" must be marked NOT NULL
    column "{}" in child table must be a generated column
    column "{}" in child table must not be a generated column
    column "{}" inherits from generated column of different kind
    generation expression for column "{}" cannot be cast automatically to type {}
    inherited column "{}" has a storage parameter conflict
    inherited column "{}" has a {generation|type} conflict
    operator class "{}" does not accept data type {}
    range subtype cannot be {}
    result of USING clause for column "{}" cannot be cast automatically to type {}
    table "{}" contains column "{}" not found in parent "{}"
    table "{}" has different type for column "{}"
    table has column "{}" where type requires "{}"
    table has extra column "{}"
    table is missing column "{}"
    "{}" is not a valid base type for a domain
wrong_object_type:
    ALTER action {} cannot be performed on relation "{}"
    cannot add column to a partition
    cannot add column to typed table
    cannot alter column type of typed table
    cannot alter enforceability of constraint "{}" of relation "{}"
    cannot alter {array|multirange} type {}
    cannot attach a permanent relation as partition of temporary relation "{}"
    cannot attach a typed table as partition
    cannot attach foreign table "{}" as partition of partitioned table "{}"
    cannot attach inheritance {child|parent} as partition
    cannot attach temporary relation of another session as partition
    cannot change inheritance of a partition
    cannot change inheritance of {partitioned|typed} table
    cannot change owner of {index|relation} "{}"
    cannot change schema of composite type "{}"
    cannot change schema of index "{}"
    cannot change schema of TOAST table "{}"
    cannot copy from foreign table "{}"
    cannot copy {from|to} non-table relation "{}"
    cannot create foreign partition of partitioned table "{}"
    cannot create index on relation "{}"
    cannot create unique index on partitioned table "{}"
    cannot drop column from typed table
    cannot inherit from a partition
    cannot inherit from partition "{}"
    cannot inherit from temporary relation "{}"
    cannot inherit {from|to} temporary relation of another session
    cannot open relation "{}"
    cannot reindex this type of relation concurrently
    cannot rename column of typed table
    cannot rename columns of relation "{}"
    cannot set options for relation "{}"
    cannot specify storage parameters for a partitioned table
    cannot truncate only a partitioned table
    cannot use non-unique index "{}" as replica identity
    cannot use ONLY for foreign key on partitioned table "{}" referencing relation "{}"
    cannot validate constraint "{}" of relation "{}"
    cannot {attach|create} a temporary relation as partition of permanent relation "{}"
    cannot {attach|create} as partition of temporary relation of another session
    cannot {copy|inherit} from partitioned table "{}"
    cannot {define|modify} statistics for relation "{}"
    constraint "{}" of domain "{}" is not a check constraint
    constraint "{}" of relation "{}" is not a foreign key constraint
    constraint "{}" of relation "{}" is not a not-null constraint
    foreign key constraints are not supported on foreign tables
    index "{}" cannot be used as replica identity because column "{}" is nullable
    operator {} is not a member of operator family "{}"
    operator {} is not commutative
    range collation specified but subtype does not support collation
    referenced relation "{}" is not a table
    relation "{}" cannot have triggers
    sequence cannot be owned by relation "{}"
    type {} is not a composite type
    type {} is the row type of another table
    typed tables cannot inherit
    "{}" is a foreign table
    "{}" is already a partition
    "{}" is not a typed table
    "{}" is not a {BRIN|GIN} index
    "{}" is not an index
    "{}" is not an index for table "{}"
invalid_foreign_key:
    foreign key must use PERIOD when referencing a primary key using WITHOUT OVERLAPS
    foreign key referenced-columns list must not contain duplicates
    foreign key uses PERIOD on the referenced table but not the referencing table
    foreign key uses PERIOD on the referencing table but not the referenced table
undefined_function:
    default conversion function for encoding "{}" to "{}" does not exist
undefined_table:
    could not open parent table of index "{}"
    relation "{}" is not a {parent|partition} of relation "{}"
    skipping {analyze|vacuum} of "{}" --- relation no longer exists
duplicate_table:
    circular inheritance not allowed
    relation "{}" would be inherited from more than once
invalid_column_reference:
    cannot use table references in domain check constraint
    column "{}" is a generated column
    column "{}" referenced in ON DELETE SET action must be part of foreign key
    generated columns are not supported in COPY FROM WHERE conditions
    index "{}" cannot be used as replica identity because column {#} is a system column
    only table "{}" can be referenced in check constraint
    selected column "{}" not referenced by COPY
invalid_table_definition:
    cannot add identity to a column of a partition
    cannot add identity to a column of only the partitioned table
    cannot add NO INHERIT constraint to partitioned table "{}"
    cannot alter inherited column "{}" of relation "{}"
    cannot change collation of view column "{}" from "{}" to "{}"
    cannot change identity column of a partition
    cannot change identity column of only the partitioned table
    cannot change logged status of table "{}" because it is temporary
    cannot drop column from only the partitioned table when partitions exist
    cannot drop columns from view
    cannot drop generation expression from inherited column
    cannot drop identity from a column of a partition
    cannot drop identity from a column of only the partitioned table
    cannot drop inherited constraint "{}" of relation "{}"
    cannot recursively add identity column to table that has child tables
    cannot rename inherited constraint "{}"
    cannot {alter|drop|rename} inherited column "{}"
    cannot {alter|drop} column "{}" because it is part of the partition key of relation "{}"
    column "{}" is in a primary key
    column "{}" is in index used as replica identity
    column "{}" is marked NOT NULL in parent table
    {column|constraint} must be added to child tables too
    composite type {} cannot be made a member of itself
    constraint must be altered in child tables too
    constraint must be validated on child tables too
    constraints on permanent tables may reference only permanent tables
    constraints on temporary tables may reference only temporary tables
    constraints on temporary tables must involve temporary tables of this session
    constraints on unlogged tables may reference only permanent or unlogged tables
    could not change table "{}" to logged because it references unlogged table "{}"
    could not change table "{}" to unlogged because it references logged table "{}"
    inherited {column|constraint} "{}" must be renamed in child tables too
    invalid primary key definition
    no collation was derived for column "{}" with collatable type {}
    no collation was derived for partition key column {} with collatable type {}
    ON COMMIT can only be used on temporary tables
    partition key column {} has pseudo-type {}
    primary key column "{}" is not marked NOT NULL
    primary keys cannot use NULLS NOT DISTINCT indexes
    type of inherited column "{}" must be changed in child tables too
invalid_object_definition:
    alignment "{}" is invalid for passed-by-value type of size {#}
    alignment "{}" is invalid for variable-length type
    BEFORE trigger's WHEN condition cannot reference NEW generated columns
    cannot attach index "{}" as a partition of index "{}"
    cannot change type's storage to PLAIN
    cannot specify a canonical function without a pre-created shell type
    cannot use "list" partition strategy with more than one column
    cannot use constant expression as partition key
    cannot use generated column "{}" in column generation expression
    cannot use generated column in partition key
    cannot use system column "{}" in partition key
    cannot use whole-row variable in column generation expression
    {check|not-null} constraints for domains cannot be marked NO INHERIT
    constraint "{}" conflicts with non-inherited constraint on child table "{}"
    constraint "{}" conflicts with NOT {ENFORCED|VALID} constraint on child table "{}"
    constraint "{}" conflicts with NOT {ENFORCED|VALID} constraint on relation "{}"
    constraint "{}" conflicts with {inherited|non-inherited} constraint on relation "{}"
    constraint "{}" enforceability conflicts with constraint "{}" on relation "{}"
    DELETE trigger's WHEN condition cannot reference NEW values
    empty range bound specified for partition "{}"
    every hash partition modulus must be a factor of the next larger modulus
    extended statistics require at least 2 columns
    fixed-size types must have storage PLAIN
    functions in partition key expression must be marked IMMUTABLE
    including column does not support a collation
    including column does not support an operator class
    including column does not support ASC/DESC options
    including column does not support NULLS FIRST/LAST options
    INSERT trigger's WHEN condition cannot reference OLD values
    internal size {#} is invalid for passed-by-value type
    invalid opclass definition
    invalid type internal size {#}
    must specify at least one column
    NEW TABLE can only be specified for an INSERT or UPDATE trigger
    {NEW|OLD} TABLE cannot be specified multiple times
    OLD TABLE can only be specified for a DELETE or UPDATE trigger
    OLD TABLE name and NEW TABLE name cannot be the same
    partition "{}" conflicts with existing default partition "{}"
    partition key expressions cannot contain system column references
    range canonical function {} must be immutable
    range canonical function {} must return range type
    range subtype diff function {} must be immutable
    range subtype diff function {} must return type {}
    redundant NOT NULL constraint definition
    specifying constraint enforceability not supported for domains
    statement trigger's WHEN condition cannot reference column values
    transition table name can only be specified for an AFTER trigger
    type modifier output function is useless without a type modifier input function
    type {analyze|input|output|receive|send|subscripting} function {} must return type {}
    type {input|output} function must be specified
    {typmod_in|typmod_out} function {} must return type {}
    user-defined types cannot use subscripting function {}
    "{}" is not partitioned
collation_mismatch:
    child table "{}" has different collation for column "{}"
    column "{}" has a collation conflict
    inherited column "{}" has a collation conflict
indeterminate_collation:
    no collation was derived for column "{}" with collatable type {}
program_limit_exceeded:
    index row size {#} exceeds hash maximum {#}
    number of array scan keys left by preprocessing ({#}) exceeds the maximum allowed by parallel btree index scans
        ({#})
    out of overflow pages in hash index "{}"
    posting list is too long
    SP-GiST inner tuple size {#} exceeds maximum {#}
    too many array dimensions
    too many inheritance parents
    user-defined relation parameter types limit exceeded
too_many_columns:
    cannot have more than {#} columns in statistics
    cannot have more than {#} keys in a foreign key
    cannot partition using more than {#} columns
    cannot use more than {#} columns in an index
object_not_in_prerequisite_state:
    attempted to {delete|overwrite|update} invisible tuple
    cannot alter constraint "{}" on relation "{}"
    cannot alter inherited constraint "{}" on relation "{}"
    cannot alter partition "{}" with an incomplete detach
    cannot attach index "{}" as a partition of index "{}"
    cannot change NO INHERIT status of NOT NULL constraint "{}" on relation "{}"
    cannot change table "{}" to unlogged because it is part of a publication
    cannot complete detaching partition "{}"
    cannot create not-null constraint "{}" on column "{}" of table "{}"
    cannot create primary key on column "{}"
    cannot detach partition "{}"
    cannot detach partitions concurrently when a default partition exists
    cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction
    cannot refresh materialized view "{}" concurrently
    cannot use a deferrable primary key for referenced table "{}"
    cannot use a deferrable unique constraint for referenced table "{}"
    cannot validate NOT ENFORCED constraint
    column "{}" of relation "{}" already has a default value
    column "{}" of relation "{}" is an identity column
    column "{}" of relation "{}" is not a generated column
    column "{}" of relation "{}" must be declared NOT NULL before identity can be added
    incompatible NOT VALID constraint "{}" on relation "{}"
    partition "{}" already pending detach in partitioned table "{}.{}"
    partition "{}" was removed concurrently
    partitioned table "{}" was removed concurrently
    recovery is in progress
    relation referenced by COPY statement has changed
    sequence must be in same schema as table it is linked to
    sequence must have same owner as table it is linked to
    shared indexes cannot be created after initdb
    table "{}" being attached contains an identity column "{}"
object_in_use:
    aborting because lock on relation "{}.{}" is not available
lock_not_available:
    skipping {analyze|vacuum} of "{}" --- lock not available
"""

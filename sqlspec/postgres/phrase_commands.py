"""PostgreSQL's English error texts about roles, functions and other objects.

`sqlspec.postgres.phrase_texts` says how they are written.
"""

from __future__ import annotations

from typing import Final

__all__ = ("COMMANDS",)

COMMANDS: Final = """
feature_not_supported:
    a non-read-only serializable transaction cannot import a snapshot from a read-only transaction
    a serializable transaction cannot import a snapshot from a non-serializable transaction
    a snapshot-importing transaction must have isolation level SERIALIZABLE or REPEATABLE READ
    a snapshot-importing transaction must not be READ ONLY DEFERRABLE
    a variadic ordered-set aggregate must use VARIADIC type ANY
    {aclinsert|aclremove} is no longer supported
    ALTER SYSTEM is not allowed in this environment
    cannot add NaN to pg_lsn
    cannot assign new default tablespace "{}"
    cannot import a snapshot from a different database
    cannot move objects into or out of temporary schemas
    cannot move objects into or out of TOAST schema
    cannot PREPARE a transaction that has executed LISTEN, UNLISTEN, or NOTIFY
    cannot PREPARE a transaction that has exported snapshots
    cannot PREPARE a transaction that has operated on temporary objects
    cannot PREPARE while holding both session-level and transaction-level locks on the same object
    cannot remove dependency on {} because it is a system object
    cannot SET SCHEMA of extension "{}" because other extensions prevent it
    cannot subtract NaN from pg_lsn
    cannot use different column lists for table "{}.{}" in different publications
    cannot use serializable mode in a hot standby
    constant of the type {} cannot be used here
    current database cannot be renamed
    {current|session} user cannot be renamed
    event triggers are not supported for {}
    extension "{}" does not support SET SCHEMA
    extension "{}" must be installed in schema "{}"
    grantor must be current user
    huge pages not supported with the current "shared_memory_type" setting
    ICU is not supported in this build
    invalid publication WHERE expression
    language "{}" does not support inline code execution
    nested {ALTER|CREATE} EXTENSION is not supported
    nondeterministic collations not supported with this provider
    option "{}" cannot be specified with other options
    parameter "{}" cannot be reset
    parameter "{}" cannot be set locally in functions
    prepared transaction belongs to another database
    role "{}" cannot be a member of any role
    role "{}" cannot have explicit members
    SET LOCAL TRANSACTION SNAPSHOT is not implemented
    tag filtering is not supported for login event triggers
    transaction control statements are not allowed within an extension script
    transition table "{}" cannot be referenced in a persistent object
    {} can only be called from an SQL script executed by CREATE EXTENSION
    {} is not yet supported in unquoted SQL function body
invalid_grantor:
    defaulting grantor to user ID {#}
invalid_grant_operation:
    ../../../src/include/access/tupmacs.h
    cannot set privileges of {array|multirange} types
    cannot use IN SCHEMA clause when using {}
    column names cannot be included in GRANT/REVOKE ROLE
    column privileges are only valid for relations
    default privileges cannot be set for columns
    grant options can only be granted to roles
    grant options cannot be granted back to your own grantor
null_value_not_allowed:
    ACL arrays must not contain null values
    SET requires parameter name
character_not_in_repertoire:
    invalid multibyte character for locale
invalid_parameter_value:
    ACL array contains wrong data type
    ACL arrays must be one-dimensional
    {argument|name} list length must be exactly {#}
    cannot add schema to publication "{}"
    cannot add {relation|schema} "{}" to publication
    cannot disallow connections for current database
    cannot set parameter "{}" to false for publication "{}"
    cannot use column list for relation "{}.{}" in publication "{}"
    cannot use publication WHERE clause for relation "{}"
    cannot use special role specifier in DROP ROLE
    column "{}" is not of type oid
    {COST|ROWS} must be positive
    could not drop relation mapping for subscription "{}"
    data directory with the specified OID {#} already exists
    database OID {#} is already in use by database "{}"
    encoding "{}" does not match locale "{}"
    encoding "{}" is not supported with ICU provider
    extension "{}" has no installation script nor update path for version "{}"
    extension "{}" has no update path from version "{}" to version "{}"
    index "{}" does not belong to table "{}"
    index "{}" is not the index for column "{}"
    invalid connection limit: {#}
    invalid create database strategy "{}"
    invalid extension name: "{*}"
    invalid extension version name: "{*}"
    invalid flags for opening a large object: {#}
    invalid large object write request size: {#}
    invalid large object {seek|truncation} target: {#}
    invalid snapshot identifier: "{*}"
    invalid WAL location (LSN): {*}
    invalid whence setting: {#}
    large object OID may not be null
    LOCALE or {BUILTIN_LOCALE|ICU_LOCALE} must be specified
    must specify provider when multiple security label providers have been loaded
    name list length must be at least {#}
    name or argument lists may not contain nulls
    new collation ({}) is incompatible with the collation of the template database ({})
    new encoding ({}) is incompatible with the encoding of the template database ({})
    new ICU collation rules ({}) are incompatible with the ICU collation rules of the template database ({})
    new ICU locale ({}) is incompatible with the ICU locale of the template database ({})
    new LC_CTYPE ({}) is incompatible with the LC_CTYPE of the template database ({})
    new locale provider ({}) does not match locale provider of the template database ({})
    no security label providers have been loaded
    OIDs less than {#} are reserved for system objects
    parameter "{}" must be a list of extension names
    parameter value for ALTER SYSTEM must not contain a newline
    {pg_authid|pg_tablespace} OID value not set when in binary upgrade mode
    pg_global cannot be used as default tablespace
    pg_nextoid() can only be used on system catalogs
    ROWS is not applicable when function does not return a set
    security label provider "{}" is not loaded
    SET {} takes only one argument
    token type "{}" does not exist
    transaction identifier "{}" is too long
    unrecognized default ACL object type "{}"
    unrecognized origin value: "{*}"
    unrecognized privilege type: "{*}"
    unrecognized value for role option "{}": "{*}"
    {unrecognized|unsupported} object type "{}"
    version to install must be specified
invalid_text_representation:
    a name must follow the "/" sign
    extra garbage at the end of the ACL specification
    invalid character in extension "{}" schema: must not contain any of "{}"
    invalid character in extension owner: must not contain any of "{}"
    invalid mode character: must be one of "{}"
    invalid snapshot data in file "{}"
    unrecognized key word: "{*}"
invalid_transaction_state:
    cannot assign transaction IDs during a parallel operation
    cannot modify data in a parallel worker
    cannot rollback to savepoints during a parallel operation
    cannot set parameters during a parallel operation
    cannot start commands during a parallel operation
    cannot {define|release} savepoints during a parallel operation
    parameter "{}" cannot be set during a parallel operation
active_sql_transaction:
    cannot export a snapshot from a subtransaction
read_only_sql_transaction:
    cannot create temporary tables during a parallel operation
    cannot create temporary tables during recovery
dependent_objects_still_exist:
    cannot drop objects owned by {} because they are required by the database system
    cannot drop {} because {} requires it
    cannot reassign ownership of objects owned by {} because they are required by the database system
    dependent privileges exist
    tablespace "{}" cannot be dropped because some objects depend on it
invalid_schema_name:
    no schema has been selected for CURRENT_SCHEMA
    schema with OID {#} does not exist
insufficient_privilege:
    must be able to SET ROLE "{}"
    only superuser can define a leakproof function
    password_required=false is superuser-only
syntax_error:
    ALTER SUBSCRIPTION ... REFRESH with copy_data is not allowed when two_phase is enabled
    argument of {} must be a name
    argument of {} must be a type name
    cannot specify both PARSER and COPY options
    cannot use a WHERE clause when removing a table from a publication
    {collation|operator} attribute "{}" not recognized
    column list must not be specified in ALTER PUBLICATION ... DROP
    column name must be qualified
    conflicting or redundant options
    filter value "{}" not recognized for filter variable "{}"
    filter variable "{}" specified more than once
    improper relation name (too many dotted names): {*}
    invalid parameter list format: "{*}"
    invalid value for publication parameter "{}": "{*}"
    must specify relation and object name
    no inline code specified
    one or two argument types must be specified
    operator argument types must be specified in ALTER OPERATOR FAMILY
    operator attribute "{}" cannot be changed
    parameter "parallel" must be SAFE, RESTRICTED, or UNSAFE
    parameter "schema" cannot be specified when "relocatable" is true
    parameter "{}" cannot be set in a secondary extension control file
    parameter "{}" must be READ_ONLY, SHAREABLE, or READ_WRITE
    "slot_name" and "two_phase" cannot be altered at the same time
    STORAGE cannot be specified in ALTER OPERATOR FAMILY
    subscription with {} must also set {}
    text search template "{}" does not accept options
    text search {configuration|parser|template} parameter "{}" not recognized
    unrecognized event name "{}"
    unrecognized filter variable "{}"
    unrecognized parameter "{}" in file "{}"
    unrecognized privilege type "{}"
    unrecognized value for publication option "{}": "{*}"
    unrecognized {publication|subscription} parameter: "{*}"
invalid_name:
    component in parameter "{}" is not an absolute path
    invalid configuration parameter name "{}"
    tablespace location cannot contain single quotes
    "{}" is not a valid operator name
undefined_column:
    attribute {#} of relation with OID {#} does not exist
    default value for column "{}" of relation "{}" does not exist
undefined_object:
    {collation|database|publication|subscription} with OID {#} does not exist
    {conversion|snapshot|type} "{}" does not exist
    could not find multirange type for data type {}
    {database|role|tablespace} {#} was concurrently dropped
    default ACL for user "{}" in schema "{}" on {} does not exist
    default ACL for user "{}" on {} does not exist
    event trigger with OID {#} does not exist
    foreign server with OID {#} does not exist
    foreign-data wrapper with OID {#} does not exist
    function {#} ({}, {}) of {} does not exist
    {function|operator} {#}({},{}) does not exist in operator family "{}"
    large object {#} does not exist
    mapping for token type "{}" does not exist
    option "{}" not found
    parameter ACL "{}" does not exist
    parameter ACL with OID {#} does not exist
    publication {relation|schema} "{}" in publication "{}" does not exist
    relation "{}" is not part of the publication
    required extension "{}" is not installed
    tables from schema "{}" are not part of the publication
    transform for type {} language "{}" does not exist
    unrecognized configuration parameter "{}" in file "{}" line {#}
    user mapping for "{}" does not exist for server "{}"
    user mapping for user "{}" on server "{}" does not exist
    user mapping not found for user "{}", server "{}"
    "{}" is not a valid encoding name
duplicate_object:
    cast from type {} to type {} already exists
    conflicting or redundant column lists for table "{}"
    conflicting or redundant WHERE clauses for table "{}"
    could not make operator class "{}" be default for type {}
    default conversion for {} to {} already exists
    duplicate column "{}" in publication column list
    {function|operator} {#}({},{}) already exists in operator family "{}"
    operator {class|family} "{}" for access method "{}" already exists in schema "{}"
    option "{}" provided more than once
    publication "{}" is already in subscription "{}"
    publication name "{}" used more than once
    {relation|schema} "{}" is already member of publication "{}"
    subscription "{}" already exists
    transaction identifier "{}" is already in use
    transform for type {} language "{}" already exists
    user mapping for "{}" already exists for server "{}"
ambiguous_function:
    join estimator function {} has multiple matches
datatype_mismatch:
    cannot determine result data type
    function {} must accept VARIADIC ANY to be used in this aggregate
    function {} requires run-time type coercion
    function {} returns a set
    return type of inverse transition function {} is not {}
    return type of {combine|deserialization|serialization|transition} function {} is not {}
wrong_object_type:
    cannot change routine kind
    cannot drop a template database
    cannot lock relation "{}"
    cannot set comment on relation "{}"
    cannot set security label on relation "{}"
    data type {} is a {domain|pseudo-type}
    encoding "{}" does not match locale "{}"
    invalid locale name "{}" for builtin provider
    invalid server encoding {#}
    invalid {LC_COLLATE|LC_CTYPE} locale name: "{*}"
    language "{}" is not trusted
    security labels are not supported for this type of object
    {source|target} data type {} is a pseudo-type
    "{}" exists but is not a directory
    "{}" is a composite type
    "{}" is not a materialized view
undefined_function:
    handler function is not specified
    there is no built-in function named "{}"
reserved_name:
    unacceptable tablespace name "{}"
undefined_table:
    OID {#} does not refer to a table
    relation with OID {#} does not exist
invalid_column_reference:
    cannot use system column "{}" in publication column list
    cannot use table references in parameter default value
    cannot use virtual generated column "{}" in publication column list
invalid_function_definition:
    a hypothetical-set aggregate must have direct arguments matching its aggregated arguments
    aggregate cannot accept shell type {}
    aggregate input type must be specified
    aggregate transition data type cannot be {}
    aggregate {mfinalfunc|minitcond|minvfunc|msfunc|msspace} must not be specified without mstype
    aggregate {minvfunc|msfunc} must be specified when mstype is specified
    aggregate {sfunc|stype} must be specified
    {aggregates|functions|procedures} cannot accept set arguments
    basetype is redundant with aggregate input type specification
    cannot change data type of existing parameter default value
    cannot change number of direct arguments of an aggregate function
    cannot determine {result|transition} data type
    cannot remove parameter defaults from existing function
    combine function with transition type {} must not be declared STRICT
    commutator operator {} is already the commutator of operator {#}
    commutator operator {} is already the commutator of operator {}
    {duplicate|no} function body specified
    final function with extra arguments must not be declared STRICT
    function result type must be specified
    function result type must be {} because of OUT parameters
    inline SQL function body only valid for language SQL
    input parameters after one with a default value must also have defaults
    invalid attribute in procedure definition
    moving-aggregate implementation returns type {}, but plain implementation returns type {}
    must not omit initial value when transition function is strict and transition type is not compatible with input
        type
    must specify both or neither of serialization and deserialization functions
    negator operator {} is already the negator of operator {#}
    negator operator {} is already the negator of operator {}
    no language specified
    only binary operators can have commutators
    only boolean operators can have negators
    only boolean operators can have restriction selectivity
    only input parameters can have default values
    only one AS item needed for language "{}"
    only ordered-set aggregates can be hypothetical
    only {binary|boolean} operators can hash
    only {binary|boolean} operators can have join selectivity
    only {binary|boolean} operators can merge join
    operator argument types must be specified
    operator attribute "{}" cannot be changed if it has already been set
    operator cannot be its own negator
    operator function must be specified
    operator right argument type must be specified
    parameter name "{}" used more than once
    procedure OUT parameters cannot appear after one with a default value
    serialization functions may be specified only when the aggregate transition data type is {}
    SETOF type not allowed for operator argument
    sort operator can only be specified for single-argument aggregates
    SQL function cannot {accept|return} shell type {}
    SQL function with unquoted function body cannot have polymorphic arguments
    SQL functions cannot have arguments of type {}
    SQL functions cannot return type {}
    strictness of aggregate's forward and inverse transition functions must match
    unsafe use of pseudo-type "internal"
    VARIADIC parameter must be an array
    VARIADIC parameter must be the last input parameter
    VARIADIC parameter must be the last parameter
invalid_table_definition:
    cannot create relations in temporary schemas of other sessions
    cannot create temporary relation in non-temporary schema
    only temporary relations may be created in temporary schemas
    temporary tables cannot specify a schema name
invalid_object_definition:
    access method "{}" does not support ordering operators
    argument of cast function must match or be binary-coercible from source data type
    {array|composite|enum|range} data types are not binary-compatible
    associated data types for operator class options parsing functions must match opclass input type
    associated data types must be specified for index support function
    btree skip support functions must accept type "internal"
    btree skip support functions must not be cross-type
    btree skip support functions must return void
    BUILTIN_LOCALE cannot be specified unless locale provider is builtin
    cannot add an object of this type to an extension
    cannot drop all the publications from a subscription
    cast function must take one to three arguments
    {cast|transform} function must be a normal function
    {cast|transform} function must not return a set
    collation "default" cannot be copied
    domain data types must not be marked binary-compatible
    first argument of transform function must be type {}
    function {} {must|should} return type {}
    {function|operator} number {#} for ({},{}) appears more than once
    hash function 1 must have one argument
    hash function 1 must return integer
    hash function 2 must have two arguments
    hash function 2 must return bigint
    ICU {locale|rules} cannot be specified unless locale provider is ICU
    index operators must be binary
    index search operators must return boolean
    invalid operator class options parsing function
    invalid {function|operator} number {#}, must be between 1 and {#}
    {join|restriction} estimator function {} must return type {}
    left and right associated data types for operator class options parsing functions must match
    ordering comparison functions must have two arguments
    ordering comparison functions must return integer
    ordering equal image functions must have one argument
    ordering equal image functions must not be cross-type
    ordering equal image functions must return boolean
    ordering in_range functions must have five arguments
    ordering in_range functions must return boolean
    ordering sort support functions must accept type "internal"
    ordering sort support functions must return void
    parameter "{}" must be specified
    publication "{}" is not in subscription "{}"
    return data type of cast function must match or be binary-coercible to target data type
    return data type of FROM SQL function must be {}
    return data type of TO SQL function must be the transform data type
    {second|third} argument of cast function must be type {}
    source and target data types are not physically compatible
    source data type and target data type are the same
    storage type cannot be different from data type for access method "{}"
    storage type specified more than once
    support function {} must return type {}
    tablespace location "{}" is too long
    tablespace location must be an absolute path
    text search parser {end|gettoken|lextypes|start} method is required
    text search template lexize method is required
    text search {parser|template} is required
    transform function must not be volatile
    transform function must take one argument
    unrecognized {collation|locale} provider: {*}
invalid_recursion:
    cyclic dependency detected between extensions "{}" and "{}"
out_of_memory:
    maximum number of prepared transactions reached
    not enough elements in RWConflictPool to record a potential read/write conflict
    not enough elements in RWConflictPool to record a read/write conflict
program_limit_exceeded:
    cannot have more than 2^32-1 subtransactions in a transaction
    cannot have more than 2^32-2 commands in a transaction
    database is not accepting commands that assign new transaction IDs to avoid wraparound data loss in database "{}"
    database is not accepting commands that assign new transaction IDs to avoid wraparound data loss in database with
        OID {#}
    file "{}" is too large
    maximum number of committed subtransactions ({#}) exceeded
    too many notifications in the NOTIFY queue
    two-phase state file maximum length exceeded
too_many_arguments:
    {aggregates|functions} cannot have more than {#} {argument|arguments}
object_not_in_prerequisite_state:
    access method "{}" is not of type {}
    access to non-system foreign table is restricted
    ALTER SUBSCRIPTION ... REFRESH is not allowed for disabled subscriptions
    ALTER SUBSCRIPTION with refresh and copy_data is not allowed when two_phase is enabled
    ALTER SUBSCRIPTION with refresh is not allowed for disabled subscriptions
    cannot acquire lock mode {} on database objects while recovery is in progress
    cannot add schema "{}" to extension "{}" because the schema contains the extension
    cannot alter "two_phase" when logical replication worker is still running
    cannot disable "two_phase" when prepared transactions exist
    cannot drop extension "{}" because it is being modified
    cannot enable subscription that does not have a slot name
    cannot move extension "{}" into schema "{}" because the extension contains the schema
    cannot set option "{}" for a subscription that does not have a slot name
    cannot set option "{}" for enabled subscription
    cannot set {} for enabled subscription
    cannot use invalid database "{}" as template
    could not import the requested snapshot
    foreign-data wrapper "{}" has no handler
    index access method "{}" does not have a handler
    prepared transaction with identifier "{}" is busy
    publication "{}" is defined as FOR ALL TABLES
    some relations of database "{}" are already in tablespace "{}"
    table "{}" is not a member of the extension being created
    tablespace "{}" is not empty
    "{}" is not a directory or symbolic link
object_in_use:
    cannot change the tablespace of the currently open database
    database "{}" is being used by logical replication subscription
    database "{}" is used by an active logical replication slot
    directory "{}" already in use as a tablespace
    source database "{}" is being accessed by other users
"""

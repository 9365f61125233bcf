"""PostgreSQL's English error texts about functions and operators.

`sqlspec.postgres.phrase_texts` says how they are written.
"""

from __future__ import annotations

from typing import Final

__all__ = ("FUNCTIONS",)

FUNCTIONS: Final = """
feature_not_supported:
    cannot call function "{}" via fastpath interface
    cannot convert circle with radius zero to polygon
    cannot convert value from {} to {} without time zone usage
    cannot look at latest visible tid for relation "{}.{}"
    cannot {accept|display} a value of a shell type
    case insensitive matching not supported on type bytea
    conversion between {} and {} is not supported
    could not determine actual argument type for polymorphic function "{}"
    could not determine actual enum type
    could not determine row type for result of {}
    ctid isn't of type TID
    currtid cannot handle views with no CTID
    "EEEE" not supported for input
    encoding conversion from {} to ASCII not supported
    function returning record called in context that cannot accept type record
    materialize mode required, but it is not allowed in this context
    nondeterministic collations are not supported for ILIKE
    nondeterministic collations are not supported for regular expressions
    nondeterministic collations are not supported for substring searches
    only one select rule is allowed in views
    regular-expression matching not supported on type bytea
    removing elements from multidimensional arrays is not supported
    rule "{}" has unsupported event type {#}
    searching for elements in multidimensional arrays is not supported
    slices of fixed-length arrays not implemented
    text search parser does not support headline creation
    the view has no rules
    timestamps cannot be binned into intervals containing months or years
    unsupported XML feature
    updates on slices of fixed-length arrays not implemented
    xmlvalidate is not implemented
cardinality_violation:
    multiranges cannot be constructed from multidimensional arrays
data_exception:
    argument must be empty or one-dimensional array
    invalid Datum pointer
    range constructor flags argument must not be null
numeric_value_out_of_range:
    factorial of a negative number is undefined
    invalid octet value in "macaddr" value: "{*}"
    macaddr8 data out of range to convert to macaddr
    percentile value {} is not between 0 and 1
    "timeout" must not be negative
null_value_not_allowed:
    array of weight must not contain nulls
    cannot accumulate null arrays
    cannot assign null value to an element of a fixed-length array
    configuration column "{}" must not be null
    initial position must not be null
    {lexeme|weight} array may not contain nulls
    null values cannot be formatted as an SQL identifier
    path element at position {#} is null
    thresholds array must not contain NULLs
    typmod array must not contain nulls
invalid_datetime_format:
    cannot calculate day of year without year information
    conflicting values for "{}" field in formatting string
    datetime format is not dated and not timed
    datetime format is zoned but not timed
    hour "{#}" is invalid for the 12-hour clock
    input string is too short for datetime format
    invalid combination of date conventions
    invalid datetime format separator: "{*}"
    invalid format specification for an interval value
    missing time zone in input string for type {timestamptz|timetz}
    source string too short for "{}" formatting field
    trailing characters remain in input string after datetime format
    unmatched format {character|separator} "{}"
datetime_field_overflow:
    cannot subtract infinite dates
    cannot subtract infinite interval from time
    cannot {add|convert} infinite interval to time
    localized string format value too long
    {origin|timetz} out of range
    stride must be greater than zero
    timestamp cannot be NaN
    timestamps cannot be binned into infinite intervals
    value for "{}" in source string is out of range
invalid_use_of_escape_character:
    SQL regular expression may not contain more than two escape-double-quote separators
zero_length_character_string:
    lexeme array may not contain empty strings
invalid_argument_for_width_bucket_function:
    count must be greater than zero
    operand, lower bound, and upper bound cannot be NaN
character_not_in_repertoire:
    invalid byte value for encoding "{}": 0x{}
invalid_parameter_value:
    argument list must have even number of elements
    argument of {} must be an array of objects
    argument {#}: key must not be null
    both "archive_command" and "archive_library" set
    cannot deconstruct an array as an object
    cannot delete from object using integer index
    cannot delete from scalar
    cannot merge addresses from different families
    cannot replace existing key
    cannot {AND|OR|subtract} inet values of different sizes
    character number must be positive
    could not convert value of type {} to jsonpath
    could not determine data type for argument {#}
    could not determine input data type
    distance in phrase operator must be an integer value between zero and {#} inclusive
    empty configuration directory name: "{*}"
    expression contains variables
    expression contains variables of more than one relation
    field name must not be null
    flag array element is not a string
    format specifies argument 0, but arguments are numbered from 1
    input is a query, not an expression
    interval time zone "{}" must be finite
    interval time zone "{}" must not include months or days
    INTERVAL({#}) precision must not be negative
    invalid base64 end sequence
    invalid fork name
    invalid line specification: must be two distinct points
    invalid mask length: {#}
    invalid normalization form: {*}
    invalid number of dimensions: {#}
    invalid regular expression option: "{*}"
    invalid size: "{*}"
    invalid symbol "{}" found while decoding base64 sequence
    invalid text search configuration file name "{}"
    invalid type modifier
    invalid Unicode code point: {*}
    invalid {INTERVAL|NUMERIC} type modifier
    key value must be scalar, not array, composite, or json
    levenshtein argument exceeds maximum length of {#} characters
    log format "{}" is not supported
    lower bound must be less than or equal to upper bound
    {lower|upper} bound cannot be {NaN|infinity}
    must request at least 2 points
    new bit must be 0 or 1
    null_value_treatment must be "delete_key", "return_target", "use_json_null", or "raise_exception"
    numeric time zone "{}" out of range
    object keys must be strings
    open path cannot be converted to polygon
    path element at position {#} is out of range: {#}
    {pg_lsn|weight} out of range
    requested length cannot be negative
    sample size must be between 0 and {#}
    setseed parameter {} is out of allowed range [-1,1]
    {start|stop} value cannot be {NaN|infinity}
    step size cannot be infinite
    string is not a valid identifier: "{*}"
    text search configuration name "{}" must be schema-qualified
    TIME({#}){} precision must not be negative
    timestamp({#}) precision must be between {#} and {#}
    TIMESTAMP({#}){} precision must not be negative
    transaction ID {#} is in the future
    ts_rewrite query must return two tsquery columns
    ts_stat query must return one tsvector column
    unexpected "=" while decoding base64 sequence
    unrecognized format() type specifier "{}"
    unrecognized headline parameter: "{*}"
    unrecognized weight: "{*}"
    unsupported format code: {#}
    unterminated format() type specifier
    value for "{}" is too long
    "vars" argument is not an object
    width argument position must be ended by "$"
    wrong flag in flag array: "{*}"
    wrong flag type, only arrays and scalars are allowed
array_subscript_error:
    array must have even number of elements
    array must have two columns
    array of weight is too short
    array of weight must be one-dimensional
    array slice subscript must provide both boundaries
    bit index {#} out of valid range (0..{#})
    mismatched array dimensions
    number of elements to trim must be between 0 and {#}
    source array too small
    thresholds must be one-dimensional array
    typmod array must be one-dimensional
    typmod array must be type cstring[]
invalid_argument_for_sql_json_datetime_function:
    jsonpath item method .{}() can only be applied to a string
    time precision of jsonpath item method .{}() is invalid
    time precision of jsonpath item method .{}() is out of range for type integer
more_than_one_sql_json_item:
    JSON path expression for column "{}" must return single scalar item
    JSON path expression in JSON_VALUE must return single scalar item
non_numeric_sql_json_item:
    argument "{}" of jsonpath item method .{}() is invalid for type {}
    jsonpath item method .{}() can only be applied to a boolean, string, numeric, or datetime value
    jsonpath item method .{}() can only be applied to a boolean, string, or numeric value
    jsonpath item method .{}() can only be applied to a numeric value
    jsonpath item method .{}() can only be applied to a string or numeric value
    NaN or Infinity is not allowed for jsonpath item method .{}()
    {precision|scale} of jsonpath item method .{}() is out of range for type integer
sql_json_array_not_found:
    jsonpath item method .{}() can only be applied to an array
sql_json_number_not_found:
    operand of unary jsonpath operator {} is not a numeric value
sql_json_object_not_found:
    jsonpath item method .{}() can only be applied to an object
    jsonpath wildcard member accessor can only be applied to an object
sql_json_scalar_required:
    JSON path expression for column "{}" must return single scalar item
    JSON path expression in JSON_VALUE must return single scalar item
invalid_text_representation:
    expected a type name
    expected a {left|right} parenthesis
    {expected|malformed} JSON array
    improper type name
    invalid line specification: A and B cannot both be zero
    invalid line specification: must be two distinct points
    invalid Roman numeral
    path element at position {#} is not an integer: "{*}"
    "{}" is not a number
invalid_binary_representation:
    incorrect binary data format in function argument {#}
    invalid address family in external "{}" value
    invalid array flags
    invalid external "cidr" value
    invalid external pg_snapshot data
    invalid internal value for enum: {#}
    invalid length in external bit string
    invalid line specification: A and B cannot both be zero
    invalid number of dimensions: {#}
    invalid number of points in external "path" value
    invalid number of points in external "polygon" value
    invalid radius in external "circle" value
    invalid {bits|length} in external "{}" value
    invalid {int2vector|oidvector} data
unique_violation:
    conflict detected on relation "{}.{}": conflict={}
invalid_cursor_state:
    portal "{}" does not return tuples
insufficient_privilege:
    absolute path not allowed
    access to library "{}" is not allowed
    path must be in or below the data directory
    role "{}" cannot SET ROLE to "{}"
syntax_error:
    "0" must be ahead of "PR"
    "9" must be ahead of "PR"
    @ is not allowed in root expressions
    cannot use "EEEE" twice
    cannot use "PR" and "S"/"PL"/"MI"/"SG" together
    cannot use "RN" twice
    cannot use "S" and "MI" together
    cannot use "S" and "PL" together
    cannot use "S" and "PL"/"MI"/"SG"/"PR" together
    cannot use "S" and "SG" together
    cannot use "S" twice
    cannot use "V" and decimal point together
    "EEEE" is incompatible with other formats
    "EEEE" must be the last pattern used
    invalid range bound flags
    LAST is allowed only in array subscripts
    multiple decimal points
    no operand in tsquery: "{*}"
    "RN" is incompatible with other formats
    there is no escaped character: "{*}"
    Unicode case folding can only be performed if server encoding is UTF8
    Unicode normalization can only be performed if server encoding is UTF8
    wrong position info in tsvector: "{*}"
invalid_name:
    invalid macro name in path: {*}
    zero-length component in parameter "{}"
undefined_column:
    {configuration|tsvector} column "{}" does not exist
undefined_object:
    could not find jsonpath variable "{}"
    ExtensibleNodeMethods "{}" was not registered
    tablespace with OID {#} does not exist
duplicate_object:
    extensible node type "{}" already exists
    wait event "{}" already exists in type "{}"
ambiguous_function:
    more than one function named "{}"
    more than one operator named {}
datatype_mismatch:
    array is not a valid {int2vector|oidvector}
    binary data has array element type {#} ({}) instead of expected {#} ({})
    binary data has type {#} ({}) instead of expected {#} ({}) in record column {#}
    cannot compare arrays of different element types
    cannot compare dissimilar column types {} and {} at record column {#}
    column "{}" is not of a character type
    column "{}" is not of {regconfig|tsvector} type
    could not convert row type
    data type {} is not an array type
    first argument of {} must be a row type
    input data type is not an array
    jsonb subscript does not support slices
    jsonb subscript must have text type
    subscript type {} is not supported
    type {} is not a domain
    wrong number of columns: {#}, expected {#}
wrong_object_type:
    relation "{}" does not have a composite type
undefined_function:
    could not find function "{}" in file "{}"
invalid_object_definition:
    no pg_constraint entry for trigger "{}" on table "{}"
    operator class "{}" of access method {} is missing support function {#} for type {}
program_limit_exceeded:
    array bound is out of integer range
    array {lower|upper} bound is too large: {#}
    bit string length exceeds the maximum allowed ({#})
    cannot have more than {#} runs for an external sort
    cannot send a message of size {#} via shared memory queue
    file length too large
    invalid memory allocation request size {#} * {#}
    invalid memory allocation request size {#} + {#}
    invalid message size {#} in shared memory queue
    number of array dimensions exceeds the maximum allowed ({#})
    number of jsonb array elements exceeds the maximum allowed ({#})
    number of jsonb object pairs exceeds the maximum allowed ({#})
    requested character not valid for encoding: {#}
    requested character too large
    requested character too large for encoding: {#}
    result of bytea output conversion is too large
    result of {decoding|encoding} conversion is too large
    string buffer exceeds maximum allowed length ({#} bytes)
    string is too long for tsvector ({#} bytes, max {#} bytes)
    string too long to represent as jsonb string
    symbolic link "{}" target is too long
    too many custom wait events
    too many points requested
    too many regular expression matches
    total size of jsonb {array|object} elements exceeds the maximum of {#} bytes
    tsquery is too large
    value is too big in tsquery: "{*}"
    word is too long ({#} bytes, max {#} bytes)
too_many_columns:
    number of index columns ({#}) exceeds limit ({#})
too_many_arguments:
    too many arguments
object_not_in_prerequisite_state:
    could not attach to dynamic shared area
    could not send tuple to shared-memory queue
    enum {} contains no values
    invalid magic number in dynamic shared memory segment
    logical decoding on standby requires "wal_level" >= "logical" on the primary
    lost connection to parallel worker
    parallel worker failed to initialize
    WAL summarization is not progressing
object_in_use:
    database "{}" is being used by prepared transactions
"""

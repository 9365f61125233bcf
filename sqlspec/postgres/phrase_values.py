"""PostgreSQL's English error texts about values; `sqlspec.postgres.phrase_texts` says how they are written."""

from __future__ import annotations

from typing import Final

__all__ = ("VALUES",)

VALUES: Final = """
# Class 22: utils/adt (numutils.c, float.c, numeric.c, datetime.c, timestamp.c, formatting.c, varchar.c, varbit.c,
# arrayfuncs.c, rangetypes.c, rowtypes.c, enum.c, json*.c, regexp.c, xml.c), mbutils.c, nodeLimit.c, nodeSubplan.c.
invalid_text_representation:
    invalid input syntax for type {boolean|smallint|integer|bigint|oid|real|double precision|numeric|money|uuid|
        bytea|json|jsonb|jsonpath|point|lseg|box|path|polygon|line|circle|inet|cidr|macaddr|macaddr8|tid|xid|xid8|
        cid|pg_lsn|pg_snapshot|oidvector|int2vector|vector|halfvec|sparsevec}: "{*}"
    invalid input syntax for type {json|jsonb|bytea}
    invalid input value for enum {}: "{*}"
    "{}" is not a valid {binary|hexadecimal} digit
    malformed {array|record|range|multirange} literal: "{*}"
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
"""

# A column's layout and its Arrow buffers, as a tree: lists and structs have parts. The decoder owns the buffers of its
# tree, the encoder's tree points into those of a batch.

cdef extern from "_wire.h":
    """
    #define EPOCH_DAYS 10957
    #define EPOCH_MICROSECONDS INT64_C(946684800000000)
    #define DAY_MICROSECONDS INT64_C(86400000000)
    #define EARLIEST_DATE -2451545
    #define LATEST_DATE 2145031948
    #define EARLIEST_TIMESTAMP INT64_C(-210866803200000000)
    """
    const int64_t EPOCH_DAYS  # PostgreSQL counts from 2000, Arrow from 1970
    const int64_t EPOCH_MICROSECONDS
    const int64_t DAY_MICROSECONDS
    const int64_t EARLIEST_DATE  # PostgreSQL's, counted from 2000
    const int64_t LATEST_DATE
    const int64_t EARLIEST_TIMESTAMP  # PostgreSQL's, counted from 1970; the latest is beyond Arrow's range

    uint16_t load16(const char* p) noexcept nogil
    uint32_t load32(const char* p) noexcept nogil
    uint64_t load64(const char* p) noexcept nogil
    void store16(char* p, uint16_t value) noexcept nogil
    void store32(char* p, uint32_t value) noexcept nogil
    void store64(char* p, uint64_t value) noexcept nogil
    int64_t plain_prefix(const char* p, int64_t size) noexcept nogil

    cdef struct ArrowSchema:
        const char* format
        int64_t n_children
        ArrowSchema** children
        ArrowSchema* dictionary

    cdef struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void** buffers
        ArrowArray** children
        ArrowArray* dictionary
        void (*release)(ArrowArray*) noexcept nogil
        void* private_data


cdef enum:
    BOOL = 1
    INT2 = 2
    INT4 = 3
    INT8 = 4
    DATE = 5
    TIME = 6
    TIMESTAMP = 7
    INTERVAL = 8
    FIXED = 9
    BYTES = 10
    JSONB = 11
    NUMERIC = 12
    NUMERIC_TEXT = 13
    LIST = 14
    VECTOR = 15
    HALFVEC = 16
    STRUCT = 17

KINDS = {
    "BOOL": BOOL, "INT2": INT2, "INT4": INT4, "INT8": INT8, "DATE": DATE, "TIME": TIME, "TIMESTAMP": TIMESTAMP,
    "INTERVAL": INTERVAL, "FIXED": FIXED, "BYTES": BYTES, "JSONB": JSONB, "NUMERIC": NUMERIC,
    "NUMERIC_TEXT": NUMERIC_TEXT, "LIST": LIST, "VECTOR": VECTOR, "HALFVEC": HALFVEC, "STRUCT": STRUCT,
}
if {kind.name: kind.value for kind in Kind} != KINDS:
    raise ImportError("the compiled Arrow module is older than the package: build it anew")

cdef enum:
    NO_MEMORY = -1
    BAD_LENGTH = -2
    BAD_FIELDS = -3
    BAD_PART = -4
    BAD_STREAM = -5
    BAD_END = -6
    CUT = -7
    INFINITE = -8
    NOT_A_NUMBER = -9
    OUT_OF_RANGE = -10
    BEHIND_POINT = -11
    FULL = -12
    NOT_UTF8 = -13
    BAD_VERSION = -14
    TOO_LONG = -15
    FINE_INTERVAL = -16
    BAD_OFFSETS = -17
    BAD_VECTOR = -18
    NULL_IN_VECTOR = -19
    DIMENSIONS = -30  # less the number of dimensions

REASONS = {
    BAD_LENGTH: "a value is malformed or has another length than its type",
    BAD_FIELDS: "a row or composite has another number of fields than described",
    BAD_PART: "an array or composite holds another type than described",
    BAD_STREAM: "the bytes are no binary COPY stream",
    BAD_END: "bytes follow the end of the stream",
    CUT: "the stream ends within a row",
    INFINITE: "infinity has no place in the Arrow type",
    NOT_A_NUMBER: "NaN or infinity in a numeric",
    OUT_OF_RANGE: "a value is out of range",
    BEHIND_POINT: "a numeric has more digits behind the point than its column",
    FULL: "more than 2 GiB of data or 2**31 elements in one batch",
    NOT_UTF8: "text is not UTF-8",
    BAD_VERSION: "unknown version of the jsonb format",
    TOO_LONG: "a value is longer than 1 GB",
    FINE_INTERVAL: "an interval is finer than a microsecond",
    BAD_OFFSETS: "the offsets of the Arrow array are not in order",
    BAD_VECTOR: "a vector has another number of elements",
    NULL_IN_VECTOR: "NULL inside a vector",
}
REASONS.update({DIMENSIONS - count: f"array of {count} dimensions" for count in range(2, 7)})

cdef enum:
    DEEPEST = 32  # arrays and composites in one another
    LONGEST = 0x3FFFFFFF  # bytes of a value in PostgreSQL
    MOST_ELEMENTS = 16000  # of a vector
    FIRST_USER_OID = 16384  # types created by users have it or more


cdef struct Node:
    int kind
    uint32_t oid  # what an array or composite says of this part; 0 is anything
    int width  # bytes of a value in `data`; 0: bits, or no fixed width
    int span  # elements of each value of a fixed-size list; 0: it has offsets
    int precision
    int scale
    int infinity  # what to do with it: 0 refuse, 1 NULL, 2 the type's extreme value
    int nan  # 0 refuse, 1 NULL
    bint strung  # has offsets
    bint large  # offsets of 64 bits
    bint text  # Arrow promises UTF-8
    int count
    Node* parts
    char* data
    void* offsets
    uint8_t* valid  # NULL in the encoder: no NULLs
    int64_t start  # encoder: place of the first value in the buffers
    int64_t room  # decoder: values the buffers have space for
    int64_t size  # bytes that `data` of a BYTES, JSONB or NUMERIC_TEXT has space for
    int64_t used  # bytes of them, or elements of a list: the last offset
    int64_t nulls
    int64_t hint  # values, and bytes, of the batch before: what the next one will probably need
    int64_t hint_size


cdef inline int64_t offset_at(const Node* node, int64_t index) noexcept nogil:
    return (<const int64_t*>node.offsets)[index] if node.large else (<const int32_t*>node.offsets)[index]


cdef inline bint is_valid(const Node* node, int64_t index) noexcept nogil:
    return (node.valid[index >> 3] >> (index & 7)) & 1


cdef void forget(Node* node) noexcept nogil:
    """Free the layout (the decoder has freed the buffers)."""
    cdef int i
    for i in range(node.count):
        forget(&node.parts[i])
    free(node.parts)
    node.parts = NULL
    node.count = 0


cdef object misfit(object kind, ArrowSchema* schema, int column):
    return WireError(f"{kind.name} does not go with Arrow format '{schema.format.decode()}'", column)


# What Arrow calls the types of each fixed layout: the Arrow C data interface, "Data type description".
FORMATS = {
    BOOL: (b"b",), INT2: (b"s", b"S", b"e"), INT4: (b"i", b"I", b"f"), INT8: (b"l", b"L", b"g"), DATE: (b"tdD",),
    TIME: (b"ttu",), INTERVAL: (b"tin",),
}
WIDTHS = {INT2: 2, INT4: 4, INT8: 8, DATE: 4, TIME: 8, TIMESTAMP: 8, INTERVAL: 16}


cdef bint fill(Node* node, object type, bytes form):
    """Fill a node from the wire type and Arrow's name of its type; the result is whether they agree."""
    cdef int kind = node.kind
    if kind in (BYTES, JSONB, NUMERIC_TEXT):
        node.strung, node.large, node.text = True, form in (b"U", b"Z"), form in (b"u", b"U")
        return node.text or (form in (b"z", b"Z") and kind != NUMERIC_TEXT)
    if kind == FIXED:
        node.width = type.width
        return node.width > 0 and form == b"w:%d" % node.width
    if kind == NUMERIC:
        node.width, node.precision, node.scale = type.width, type.precision, type.scale
        most, ending = {16: (38, b""), 32: (76, b",256")}.get(node.width, (0, b""))
        sound = 1 <= node.precision <= most and -1000 <= node.scale <= 1000
        return sound and form == b"d:%d,%d%s" % (node.precision, node.scale, ending)
    if kind == LIST:
        node.strung, node.large = True, form == b"+L"
        return form in (b"+l", b"+L") and len(type.children) == 1
    if kind in (VECTOR, HALFVEC):
        node.span, node.strung = type.width, not type.width
        return 0 <= node.span <= MOST_ELEMENTS and form == (b"+w:%d" % node.span if node.span else b"+l")
    if kind == STRUCT:
        return form == b"+s"
    node.width = WIDTHS.get(kind, 0)
    return form.startswith(b"tsu:") if kind == TIMESTAMP else form in FORMATS.get(kind, ())


cdef int describe(Node* node, object type, ArrowSchema* schema, int column, int depth) except -1:
    """Fill a node and its parts from the wire type and the Arrow type, which must agree.

    Args:
        column: Index for errors; -1 at the top, whose parts are the columns.
    """
    cdef int i
    cdef tuple parts = tuple(type.children)
    if depth > DEEPEST:
        raise WireError(f"arrays and composites nested deeper than {DEEPEST}", column)
    if schema.dictionary != NULL:
        raise WireError("dictionary encoded", column)
    node.kind, node.oid = type.kind, type.oid
    if not fill(node, type, schema.format):
        raise misfit(type.kind, schema, column)
    if node.kind == VECTOR or node.kind == HALFVEC:
        parts = (WireType(Kind.INT4 if node.kind == VECTOR else Kind.INT2),)
        if schema.children[0].format != (b"f" if node.kind == VECTOR else b"e"):
            raise misfit(type.kind, schema.children[0], column)
    if schema.n_children != len(parts):
        what = "columns" if depth == 0 else "fields"
        raise WireError(f"{schema.n_children} {what} where {len(parts)} were described", column)
    if parts:
        node.parts = <Node*>calloc(len(parts), sizeof(Node))
        if node.parts == NULL:
            raise MemoryError
        node.count = len(parts)
    for i in range(node.count):
        node.parts[i].infinity, node.parts[i].nan = node.infinity, node.nan
        describe(&node.parts[i], parts[i], schema.children[i], i if depth == 0 else column, depth + 1)
    return 0


# Integers of 128 and 256 bits as words of 32, the lowest first: no compiler's own type is needed.

cdef inline int append_digit(uint32_t* words, int used, uint32_t base, uint32_t digit) noexcept nogil:
    """Multiply by the base and add a digit; there must be a word behind those used. Return how many are used then."""
    cdef uint64_t carry = digit
    cdef int i
    for i in range(used):
        carry += <uint64_t>words[i] * base
        words[i] = <uint32_t>carry
        carry >>= 32
    if carry:
        words[used] = <uint32_t>carry
        used += 1
    return used


cdef inline void negate(uint32_t* words, int count) noexcept nogil:
    cdef uint64_t carry = 1
    cdef int i
    for i in range(count):
        carry += <uint32_t>~words[i]
        words[i] = <uint32_t>carry
        carry >>= 32

# From Arrow's buffers to the wire. `bound` checks all offsets and counts the bytes that the values can take at most,
# so that `write` neither reads nor writes out of bounds without looking at either again.


cdef int64_t MOST_NUMERIC = 4 + 8 + 2 * 24


cdef void bind(Node* node, ArrowArray* array) noexcept nogil:
    """Point a node at the buffers of an array."""
    cdef int i
    node.start = array.offset
    node.valid = <uint8_t*>array.buffers[0] if array.null_count else NULL
    if node.strung:
        node.offsets = <void*>array.buffers[1]
        if not node.count:
            node.data = <char*>array.buffers[2]
    elif not node.count and node.kind != STRUCT:
        node.data = <char*>array.buffers[1]
    for i in range(node.count):
        bind(&node.parts[i], array.children[i])


cdef int64_t bound(Node* node, int64_t begin, int64_t end) noexcept nogil:
    """Most bytes that these values take, lengths included; negative if the offsets are not in order."""
    cdef int64_t count = end - begin, total, size, i, first, last
    cdef int64_t wrong = 0
    if count <= 0:
        return 0
    begin += node.start
    end += node.start
    if node.strung:
        first, last = offset_at(node, begin), offset_at(node, end)
        for i in range(begin, end):
            wrong |= offset_at(node, i + 1) - offset_at(node, i)
        if first < 0 or wrong < 0:
            return BAD_OFFSETS
        if not node.count:
            return count * 5 + last - first
        total = bound(node.parts, first, last)
        return total if total < 0 else total + count * 24
    if node.span:
        total = bound(node.parts, begin * node.span, end * node.span)
        return total if total < 0 else total + count * 8
    if node.kind == NUMERIC:
        return count * MOST_NUMERIC
    if node.kind != STRUCT:
        return count * (4 + (node.width if node.width else 1))
    total = count * 8
    for i in range(node.count):
        size = bound(&node.parts[i], begin, end)
        if size < 0:
            return size
        total += size + 4 * count
    return total


cdef int split(uint32_t* words, int used, uint16_t* groups) noexcept nogil:
    """Take an integer apart into digits of base 10000, the lowest first; return their number, without leading zeros."""
    cdef int count = 0, i
    cdef uint64_t rest
    while True:
        while used and words[used - 1] == 0:
            used -= 1
        if used <= 2:
            break
        rest = 0
        for i in range(used - 1, -1, -1):
            rest = rest << 32 | words[i]
            words[i] = <uint32_t>(rest // 100000000)
            rest %= 100000000
        groups[count] = <uint16_t>(rest % 10000)
        groups[count + 1] = <uint16_t>(rest // 10000)
        count += 2
    rest = words[0] if used else 0
    if used == 2:
        rest |= <uint64_t>words[1] << 32
    while rest:
        groups[count] = <uint16_t>(rest % 10000)
        rest //= 10000
        count += 1
    while count and groups[count - 1] == 0:
        count -= 1
    return count


cdef char* write_numeric(Node* node, int64_t index, char* q) noexcept nogil:
    """Write a decimal of 128 or 256 bits."""
    cdef uint32_t words[10]
    cdef uint16_t groups[24]
    cdef int used = node.width // 4, count, lowest = 0, scale = node.scale, i
    cdef bint negative
    memcpy(words, node.data + index * node.width, node.width)
    negative = words[used - 1] >> 31
    if negative:
        negate(words, used)
    # Digits of base 10000 are aligned to the point.
    while scale & 3:
        used = append_digit(words, used, 10, 0)
        scale += 1
    count = split(words, used, groups)
    while lowest < count and groups[lowest] == 0:
        lowest += 1
    store32(q, <uint32_t>(8 + 2 * (count - lowest)))
    store16(q + 4, <uint16_t>(count - lowest))
    store16(q + 6, <uint16_t>(count - 1 - scale // 4) if count else 0)
    store16(q + 8, 0x4000 if negative and count else 0)
    store16(q + 10, <uint16_t>max(node.scale, 0))
    q += 12
    for i in range(count - 1, lowest - 1, -1):
        store16(q, groups[i])
        q += 2
    return q


cdef char* write_elements(Node* part, int64_t begin, int64_t end, char* q, int* code) noexcept nogil:
    """Write a one-dimensional array, without its length."""
    cdef char* head = q
    cdef int64_t i
    cdef bint holed = False
    memset(q, 0, 12)
    store32(q + 8, part.oid)
    if begin == end:
        return q + 12
    if end - begin > INT32_MAX:
        code[0] = TOO_LONG
        return NULL
    store32(q, 1)
    store32(q + 12, <uint32_t>(end - begin))
    store32(q + 16, 1)
    q += 20
    for i in range(begin, end):
        holed |= part.valid != NULL and not is_valid(part, part.start + i)
        q = write(part, i, q, code)
        if q == NULL:
            return NULL
    store32(head + 4, holed)
    return q


cdef char* write_vector(Node* node, int64_t index, char* q, int* code) noexcept nogil:
    cdef Node* part = node.parts
    cdef int64_t begin, end, i
    if node.span:
        begin, end = index * node.span, (index + 1) * node.span
    else:
        begin, end = offset_at(node, index), offset_at(node, index + 1)
    if end - begin > MOST_ELEMENTS:
        code[0] = BAD_VECTOR
        return NULL
    store16(q, <uint16_t>(end - begin))
    store16(q + 2, 0)
    q += 4
    for i in range(begin + part.start, end + part.start):
        if part.valid != NULL and not is_valid(part, i):
            code[0] = NULL_IN_VECTOR
            return NULL
        if part.width == 4:
            store32(q, (<uint32_t*>part.data)[i])
        else:
            store16(q, (<uint16_t*>part.data)[i])
        q += part.width
    return q


cdef char* write_nested(Node* node, int64_t index, char* q, int* code) noexcept nogil:
    """Write a list, vector or composite."""
    cdef char* head = q
    cdef int i
    q += 4
    if node.kind == LIST:
        q = write_elements(node.parts, offset_at(node, index), offset_at(node, index + 1), q, code)
    elif node.kind == STRUCT:
        store32(q, node.count)
        q += 4
        for i in range(node.count):
            store32(q, node.parts[i].oid)
            q = write(&node.parts[i], index, q + 4, code)
            if q == NULL:
                break
    else:
        q = write_vector(node, index, q, code)
    if q == NULL:
        return NULL
    if q - head - 4 > LONGEST:
        code[0] = TOO_LONG
        return NULL
    store32(head, <uint32_t>(q - head - 4))
    return q


cdef inline char* write_4(char* q, uint32_t value) noexcept nogil:
    store32(q, 4)
    store32(q + 4, value)
    return q + 8


cdef inline char* write_8(char* q, uint64_t value) noexcept nogil:
    store32(q, 8)
    store64(q + 4, value)
    return q + 12


cdef inline char* write_bytes(Node* node, int64_t index, char* q, int* code) noexcept nogil:
    cdef bint versioned = node.kind == JSONB
    cdef int64_t begin = offset_at(node, index)
    cdef int64_t size = offset_at(node, index + 1) - begin
    if size + versioned > LONGEST:
        code[0] = TOO_LONG
        return NULL
    store32(q, <uint32_t>(size + versioned))
    q += 4
    if versioned:
        q[0] = 1
        q += 1
    if size:
        memcpy(q, node.data + begin, size)
    return q + size


cdef inline char* write_moment(Node* node, int64_t index, char* q, int* code) noexcept nogil:
    """Write a date, a time or a timestamp."""
    cdef int64_t value
    if node.kind == DATE:
        value = (<int32_t*>node.data)[index] - EPOCH_DAYS
        if EARLIEST_DATE <= value <= LATEST_DATE:
            return write_4(q, <uint32_t>value)
    else:
        value = (<int64_t*>node.data)[index]
        if node.kind == TIME:
            if 0 <= value < DAY_MICROSECONDS:
                return write_8(q, <uint64_t>value)
        elif value >= EARLIEST_TIMESTAMP:
            return write_8(q, <uint64_t>(value - EPOCH_MICROSECONDS))
    code[0] = OUT_OF_RANGE
    return NULL


cdef char* write_interval(Node* node, int64_t index, char* q, int* code) noexcept nogil:
    cdef const char* place = node.data + index * 16
    cdef int64_t nanoseconds = (<const int64_t*>place)[1]
    if nanoseconds % 1000:
        code[0] = FINE_INTERVAL
        return NULL
    store32(q, 16)
    store64(q + 4, <uint64_t>(nanoseconds // 1000))
    store32(q + 12, (<const uint32_t*>place)[1])
    store32(q + 16, (<const uint32_t*>place)[0])
    return q + 20


cdef char* write(Node* node, int64_t index, char* q, int* code) noexcept nogil:
    """Write a value behind its length, or NULL's sign; a NULL pointer and `code` tell that it cannot be."""
    cdef int kind = node.kind
    index += node.start
    if node.valid != NULL and not is_valid(node, index):
        store32(q, 0xFFFFFFFF)
        return q + 4
    if kind == INT8:
        return write_8(q, (<uint64_t*>node.data)[index])
    if kind == INT4:
        return write_4(q, (<uint32_t*>node.data)[index])
    if kind == INT2:
        store32(q, 2)
        store16(q + 4, (<uint16_t*>node.data)[index])
        return q + 6
    if kind == BOOL:
        store32(q, 1)
        q[4] = (node.data[index >> 3] >> (index & 7)) & 1
        return q + 5
    if kind == BYTES or kind == JSONB:
        return write_bytes(node, index, q, code)
    if kind == DATE or kind == TIME or kind == TIMESTAMP:
        return write_moment(node, index, q, code)
    if kind == NUMERIC:
        return write_numeric(node, index, q)
    if kind == INTERVAL:
        return write_interval(node, index, q, code)
    if kind == FIXED:
        store32(q, node.width)
        memcpy(q + 4, node.data + index * node.width, node.width)
        return q + 4 + node.width
    return write_nested(node, index, q, code)


cdef class Picture:
    """An Arrow array, or a batch as a struct, with its layout: what the encoder reads."""

    cdef Node node
    cdef object schema
    cdef object capsule
    cdef int64_t length

    def __init__(self, type, data):
        cdef ArrowArray* array
        self.schema, self.capsule = data.__arrow_c_array__()
        describe(&self.node, type, <ArrowSchema*>PyCapsule_GetPointer(self.schema, "arrow_schema"), -1, 0)
        array = <ArrowArray*>PyCapsule_GetPointer(self.capsule, "arrow_array")
        self.length = array.length
        bind(&self.node, array)

    def __dealloc__(self):
        forget(&self.node)


cdef int check_written(object type, int column, bint part) except -1:
    """Refuse what can only be read, and parts of arrays and composites that do not say what they are."""
    if type.kind == NUMERIC_TEXT:
        raise WireError("NUMERIC_TEXT is read, not written", column)
    if part and not type.oid:
        raise WireError("the type of an array's elements or a composite's fields is not given", column)
    for child in type.children:
        check_written(child, column, True)
    return 0


cdef extern from "Python.h":
    PyObject* PyBytes_FromStringAndSize(const char* data, Py_ssize_t size) except NULL
    int _PyBytes_Resize(PyObject** data, Py_ssize_t size) except -1


cdef class Output:
    """Bytes that are still written to."""

    cdef PyObject* data

    def __cinit__(self, int64_t size):
        self.data = PyBytes_FromStringAndSize(NULL, size)

    def __dealloc__(self):
        Py_XDECREF(self.data)

    cdef char* begin(self) except NULL:
        return PyBytes_AsString(<object>self.data)

    cdef bytes take(self, const char* end):
        """Return what lies before `end`; the rest is given back."""
        _PyBytes_Resize(&self.data, end - self.begin())
        return <bytes>self.data


cdef bytes encode_rows(object type, object batch, bytes head):
    cdef Picture picture = Picture(type, batch)
    cdef Node* root = &picture.node
    cdef int64_t row = 0, most = bound(root, 0, picture.length)
    cdef int column = -1, code = 0
    cdef Output output
    cdef char* begin
    cdef char* q
    if most < 0:
        raise culprit(picture)
    # A row has the number of its fields in front, a composite more.
    output = Output(len(head) + most)
    begin = output.begin()
    memcpy(begin, <const char*>head, len(head))
    q = begin + len(head)
    with nogil:
        while row < picture.length and not code:
            store16(q, <uint16_t>root.count)
            q += 2
            for column in range(root.count):
                q = write(&root.parts[column], row + root.start, q, &code)
                if code:
                    break
            row += 1
    if code:
        raise flaw(code, column, row - 1)
    return output.take(q)


cdef object culprit(Picture picture):
    """Find the column with unordered offsets."""
    cdef int i
    cdef int64_t begin = picture.node.start
    for i in range(picture.node.count):
        if bound(&picture.node.parts[i], begin, begin + picture.length) < 0:
            return flaw(BAD_OFFSETS, i, -1)
    return flaw(BAD_OFFSETS, -1, -1)


cdef bytes encode_values(object type, object values):
    check_written(type, -1, True)
    cdef Picture picture = Picture(type, values)
    cdef int64_t most = bound(&picture.node, 0, picture.length)
    cdef int code = 0
    cdef Output output
    cdef char* begin
    cdef char* q
    if most < 0:
        raise flaw(BAD_OFFSETS, -1, -1)
    output = Output(most + 20)
    begin = output.begin()
    with nogil:
        q = write_elements(&picture.node, 0, picture.length, begin, &code)
    if code:
        raise flaw(code, -1, -1)
    return output.take(q)

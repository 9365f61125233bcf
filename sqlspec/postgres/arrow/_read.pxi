# From the wire into buffers. `put` and what it calls get an index for which all fixed-width buffers have room.
# A buffer beyond the values that are in it always reads "valid" and, for bools, "false": so a value is undone by
# restoring that, and only NULLs have to write a validity bit.


cdef int grow(Node* node, int64_t room) noexcept nogil:
    """Make room for so many values, in the parts of a struct or fixed-size list too."""
    cdef int64_t before = node.room
    cdef void* block
    cdef int i
    if room <= before:
        return 0
    room = max(room, before * 2, node.hint, 64)
    room = (room + 63) // 64 * 64
    block = realloc(node.valid, room // 8)
    if block == NULL:
        return NO_MEMORY
    node.valid = <uint8_t*>block
    memset(node.valid + before // 8, 0xFF, (room - before) // 8)
    if node.strung:
        block = realloc(node.offsets, (room + 1) * (8 if node.large else 4))
        if block == NULL:
            return NO_MEMORY
        node.offsets = block
        if before == 0:
            memset(block, 0, 8 if node.large else 4)
    elif node.kind == BOOL or node.width:
        block = realloc(node.data, room * node.width if node.width else room // 8)
        if block == NULL:
            return NO_MEMORY
        node.data = <char*>block
        if node.kind == BOOL:
            memset(node.data + before // 8, 0, (room - before) // 8)
    else:
        for i in range(node.count):
            if grow(&node.parts[i], room * node.span if node.span else room):
                return NO_MEMORY
    node.room = room
    return 0


cdef int reserve(Node* node, int64_t size) noexcept nogil:
    """Make room for so many bytes of text, within what offsets can count."""
    cdef void* block
    if not node.large and size > 0x7FFFFFFF:
        return FULL
    if size > node.size:
        size = max(size, node.size + node.size // 2, node.hint_size, 1024)
        block = realloc(node.data, size)
        if block == NULL:
            return NO_MEMORY
        node.data, node.size = <char*>block, size
    return 0


cdef inline void close(Node* node, int64_t index) noexcept nogil:
    """Set the end of a value with offsets to what is used."""
    if node.large:
        (<int64_t*>node.offsets)[index + 1] = node.used
    else:
        (<int32_t*>node.offsets)[index + 1] = <int32_t>node.used


cdef void put_null(Node* node, int64_t index) noexcept nogil:
    cdef int i
    node.valid[index >> 3] &= ~(1 << (index & 7))
    node.nulls += 1
    if node.strung:
        close(node, index)
    elif node.width:
        memset(node.data + index * node.width, 0, node.width)
    elif node.span:
        memset(node.parts[0].data + index * node.span * node.parts[0].width, 0, node.span * node.parts[0].width)
    else:
        for i in range(node.count):
            put_null(&node.parts[i], index)


cdef void undo(Node* node, int64_t begin, int64_t end) noexcept nogil:
    """Take back the values from `begin` on, of which the last ones may not be complete or not begun."""
    cdef int64_t i, used
    for i in range(begin, end):
        if not is_valid(node, i):
            node.valid[i >> 3] |= 1 << (i & 7)
            node.nulls -= 1
        if node.kind == BOOL:
            node.data[i >> 3] &= ~(1 << (i & 7))
    if node.strung:
        used = node.used
        node.used = offset_at(node, begin)
        if node.count and used > node.used:
            undo(&node.parts[0], node.used, used)
    elif not node.span:
        for i in range(node.count):
            undo(&node.parts[i], begin, end)


cdef bint is_utf8(const char* text, int64_t size) noexcept nogil:
    cdef const uint8_t* s = <const uint8_t*>text
    cdef int64_t at = plain_prefix(text, size)
    cdef uint8_t first, low, high
    cdef int more
    while at < size:
        first = s[at]
        at += 1
        if first < 0x80:
            continue
        # The second byte's range keeps out long forms, surrogates, and what is beyond U+10FFFF.
        low, high = 0x80, 0xBF
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
            if first == 0xE0:
                low = 0xA0
            elif first == 0xED:
                high = 0x9F
        elif 0xF0 <= first <= 0xF4:
            more = 3
            if first == 0xF0:
                low = 0x90
            elif first == 0xF4:
                high = 0x8F
        else:
            return False
        if size - at < more or s[at] < low or s[at] > high:
            return False
        at += 1
        while more > 1:
            if s[at] & 0xC0 != 0x80:
                return False
            at += 1
            more -= 1
    return True


cdef inline int put_bytes(Node* node, int64_t index, const char* p, int64_t size) noexcept nogil:
    cdef int64_t begin = node.used
    cdef int code
    if begin + size > node.size or (not node.large and begin + size > 0x7FFFFFFF):
        code = reserve(node, begin + size)
        if code:
            return code
    # The copy is what is checked: the source may be memory that another thread writes to.
    if size:
        memcpy(node.data + begin, p, size)
    if node.text and not is_utf8(node.data + begin, size):
        return NOT_UTF8
    node.used = begin + size
    close(node, index)
    return 0


cdef int put_infinity(Node* node, int64_t index, bint positive) noexcept nogil:
    cdef char* place = node.data + index * node.width
    if node.infinity == 0:
        return INFINITE
    if node.infinity == 1:
        put_null(node, index)
        return 0
    # The extreme of each number that the value consists of.
    memset(place, 0xFF if positive else 0, node.width)
    place[node.width - 1] = 0x7F if positive else <char>0x80
    if node.kind == INTERVAL:
        place[3] = place[7] = 0x7F if positive else <char>0x80
    return 0


cdef int put_interval(Node* node, int64_t index, const char* p) noexcept nogil:
    cdef int64_t microseconds = <int64_t>load64(p)
    cdef int32_t days = <int32_t>load32(p + 8)
    cdef int32_t months = <int32_t>load32(p + 12)
    cdef char* place = node.data + index * 16
    if microseconds == INT64_MAX and days == INT32_MAX and months == INT32_MAX:
        return put_infinity(node, index, True)
    if microseconds == INT64_MIN and days == INT32_MIN and months == INT32_MIN:
        return put_infinity(node, index, False)
    if microseconds > INT64_MAX // 1000 or microseconds < -(INT64_MAX // 1000):
        return OUT_OF_RANGE
    (<int32_t*>place)[0] = months
    (<int32_t*>place)[1] = days
    (<int64_t*>place)[1] = microseconds * 1000
    return 0


cdef int put_digits(uint32_t* words, const char* p, int digits, int shift) noexcept nogil:
    """Make an integer of digits of base 10000, shifted by so many decimal places.

    Args:
        words: Zeros, enough for the result.
        shift: At least -3; the last digit must then end in zeros.
    """
    cdef int used = 1, i
    cdef uint32_t base = 10000, digit
    for i in range(digits):
        digit = load16(p + 2 * i)
        if digit > 9999:
            return BAD_LENGTH
        if i == digits - 1:
            while shift < 0:
                if digit % 10:
                    return BEHIND_POINT
                digit //= 10
                base //= 10
                shift += 1
        used = append_digit(words, used, base, digit)
    while shift > 0:
        used = append_digit(words, used, 10, 0)
        shift -= 1
    return 0


cdef int put_numeric(Node* node, int64_t index, const char* p, int64_t size) noexcept nogil:
    """Store a decimal of 128 or 256 bits, only if no digit is lost."""
    cdef uint32_t* words = <uint32_t*>(node.data + index * node.width)
    cdef int digits, weight, sign, shift, first, places, code
    if size < 8:
        return BAD_LENGTH
    digits, weight, sign = load16(p), <int16_t>load16(p + 2), load16(p + 4)
    if sign & 0x8000:
        if node.nan == 0:
            return NOT_A_NUMBER
        put_null(node, index)
        return 0
    if size != 8 + 2 * digits or sign & 0x3FFF:
        return BAD_LENGTH
    p += 8
    memset(words, 0, node.width)
    while digits and load16(p) == 0:
        p += 2
        digits -= 1
        weight -= 1
    while digits and load16(p + 2 * (digits - 1)) == 0:
        digits -= 1
    if digits == 0:
        return 0
    # Power of ten by which the last digit counts in units of the scale.
    shift = (weight - digits + 1) * 4 + node.scale
    first = load16(p)
    places = 1 if first < 10 else 2 if first < 100 else 3 if first < 1000 else 4
    # No more decimal places than the precision: so the words have room for all that is to come.
    if places + 4 * (digits - 1) + shift > node.precision:
        return OUT_OF_RANGE
    if shift <= -4:
        return BEHIND_POINT
    code = put_digits(words, p, digits, shift)
    if sign and not code:
        negate(words, node.width // 4)
    return code


cdef inline char* put_group(char* out, int digit, int first, int last) noexcept nogil:
    """Write the decimal digits number `first` to `last` - 1 of the four of a digit of base 10000."""
    cdef char text[4]
    text[0], text[1] = 48 + digit // 1000, 48 + digit // 100 % 10
    text[2], text[3] = 48 + digit // 10 % 10, 48 + digit % 10
    memcpy(out, text + first, last - first)
    return out + (last - first)


cdef int put_numeric_text(Node* node, int64_t index, const char* p, int64_t size) noexcept nogil:
    """Store the text that PostgreSQL makes of a numeric: as many digits behind the point as its display scale."""
    cdef int digits, weight, sign, behind, digit, first, i
    cdef char* out
    cdef int code
    if size < 8:
        return BAD_LENGTH
    digits, weight, sign, behind = load16(p), <int16_t>load16(p + 2), load16(p + 4), load16(p + 6)
    if sign == 0xC000:
        return put_bytes(node, index, "NaN", 3)
    if sign == 0xD000:
        return put_bytes(node, index, "Infinity", 8)
    if sign == 0xF000:
        return put_bytes(node, index, "-Infinity", 9)
    if size != 8 + 2 * digits or sign & 0xBFFF or behind & 0xC000:
        return BAD_LENGTH
    p += 8
    for i in range(digits):
        if load16(p + 2 * i) > 9999:
            return BAD_LENGTH
    while digits and load16(p) == 0:
        p += 2
        digits -= 1
        weight -= 1
    if digits == 0:
        weight = -1
    code = reserve(node, node.used + 4 * (max(weight, 0) + 1) + behind + 2)
    if code:
        return code
    out = node.data + node.used
    if sign:
        out[0] = 45  # -
        out += 1
    if weight < 0:
        out[0] = 48  # 0
        out += 1
    for i in range(weight + 1):
        digit = load16(p + 2 * i) if i < digits else 0
        first = 0
        if i == 0:
            first = 3 if digit < 10 else 2 if digit < 100 else 1 if digit < 1000 else 0
        out = put_group(out, digit, first, 4)
    if behind:
        out[0] = 46  # .
        out += 1
        i = weight + 1
        while behind > 0:
            digit = load16(p + 2 * i) if 0 <= i < digits else 0
            out = put_group(out, digit, 0, min(behind, 4))
            behind -= 4
            i += 1
    node.used = out - node.data
    close(node, index)
    return 0


cdef inline bint is_other(const Node* part, uint32_t oid) noexcept nogil:
    """Tell whether a part names another type than described.

    The server calls a domain by its own OID, so what users created is taken as it is (as the server itself does).
    """
    return oid != part.oid and part.oid != 0 and oid < FIRST_USER_OID


cdef int put_array(Node* node, int64_t index, const char* p, int64_t size) noexcept nogil:
    cdef Node* part = node.parts
    cdef const char* end = p + size
    cdef int64_t begin = node.used, at
    cdef int32_t dimensions, count, length
    cdef int code
    if size < 12:
        return BAD_LENGTH
    dimensions = <int32_t>load32(p)
    if is_other(part, load32(p + 8)):
        return BAD_PART
    if dimensions == 0:
        close(node, index)
        return 0 if size == 12 else BAD_LENGTH
    if dimensions != 1:
        return DIMENSIONS - dimensions if 2 <= dimensions <= 6 else BAD_LENGTH
    if size < 20:
        return BAD_LENGTH
    count = <int32_t>load32(p + 12)
    p += 20
    # Each element takes four bytes at least: no more room is made than the bytes received can justify.
    if count < 0 or count > (end - p) // 4:
        return BAD_LENGTH
    if not node.large and begin + count > 0x7FFFFFFF:
        return FULL
    if grow(part, begin + count):
        return NO_MEMORY
    node.used = begin + count
    for at in range(begin, begin + count):
        if end - p < 4:
            return BAD_LENGTH
        length = <int32_t>load32(p)
        p += 4
        if length == -1:
            put_null(part, at)
            continue
        if length < 0 or end - p < length:
            return BAD_LENGTH
        code = put(part, at, p, length)
        if code:
            return code
        p += length
    close(node, index)
    return 0 if p == end else BAD_LENGTH


cdef int put_vector(Node* node, int64_t index, const char* p, int64_t size) noexcept nogil:
    cdef Node* part = node.parts
    cdef int64_t begin, at
    cdef int count
    if size < 4:
        return BAD_LENGTH
    count = load16(p)
    if size != 4 + <int64_t>count * part.width:
        return BAD_LENGTH
    p += 4
    if node.span:
        if count != node.span:
            return BAD_VECTOR
        begin = index * count
    else:
        begin = node.used
        if begin + count > 0x7FFFFFFF:
            return FULL
        if grow(part, begin + count):
            return NO_MEMORY
        node.used = begin + count
        close(node, index)
    if part.width == 4:
        for at in range(begin, begin + count):
            (<uint32_t*>part.data)[at] = load32(p)
            p += 4
    else:
        for at in range(begin, begin + count):
            (<uint16_t*>part.data)[at] = load16(p)
            p += 2
    return 0


cdef int put_composite(Node* node, int64_t index, const char* p, int64_t size) noexcept nogil:
    cdef const char* end = p + size
    cdef int32_t length
    cdef int i, code
    if size < 4:
        return BAD_LENGTH
    if <int32_t>load32(p) != node.count:
        return BAD_FIELDS
    p += 4
    for i in range(node.count):
        if end - p < 8:
            return BAD_LENGTH
        if is_other(&node.parts[i], load32(p)):
            return BAD_PART
        length = <int32_t>load32(p + 4)
        p += 8
        if length == -1:
            put_null(&node.parts[i], index)
            continue
        if length < 0 or end - p < length:
            return BAD_LENGTH
        code = put(&node.parts[i], index, p, length)
        if code:
            return code
        p += length
    return 0 if p == end else BAD_LENGTH


cdef int put(Node* node, int64_t index, const char* p, int64_t size) noexcept nogil:
    """Store a value that is not NULL; the result is 0 or what is wrong with it."""
    cdef int64_t number
    cdef int32_t days
    cdef int kind = node.kind
    if kind == BYTES:
        return put_bytes(node, index, p, size)
    if kind == JSONB:
        if size < 1 or p[0] != 1:
            return BAD_VERSION
        return put_bytes(node, index, p + 1, size - 1)
    if kind == NUMERIC:
        return put_numeric(node, index, p, size)
    if kind == NUMERIC_TEXT:
        return put_numeric_text(node, index, p, size)
    if kind == LIST:
        return put_array(node, index, p, size)
    if kind == VECTOR or kind == HALFVEC:
        return put_vector(node, index, p, size)
    if kind == STRUCT:
        return put_composite(node, index, p, size)
    if size != (node.width if node.width else 1):
        return BAD_LENGTH
    if kind == INT8:
        (<uint64_t*>node.data)[index] = load64(p)
    elif kind == INT4:
        (<uint32_t*>node.data)[index] = load32(p)
    elif kind == INT2:
        (<uint16_t*>node.data)[index] = load16(p)
    elif kind == BOOL:
        if p[0]:
            node.data[index >> 3] |= 1 << (index & 7)
    elif kind == TIMESTAMP:
        number = <int64_t>load64(p)
        if number == INT64_MAX or number == INT64_MIN:
            return put_infinity(node, index, number > 0)
        if number > INT64_MAX - EPOCH_MICROSECONDS:
            return OUT_OF_RANGE
        (<int64_t*>node.data)[index] = number + EPOCH_MICROSECONDS
    elif kind == DATE:
        days = <int32_t>load32(p)
        if days == INT32_MAX or days == INT32_MIN:
            return put_infinity(node, index, days > 0)
        if days > INT32_MAX - EPOCH_DAYS:
            return OUT_OF_RANGE
        (<int32_t*>node.data)[index] = <int32_t>(days + EPOCH_DAYS)
    elif kind == TIME:
        number = <int64_t>load64(p)
        # 24:00 is a time in PostgreSQL only.
        if number < 0 or number >= DAY_MICROSECONDS:
            return OUT_OF_RANGE
        (<int64_t*>node.data)[index] = number
    elif kind == INTERVAL:
        return put_interval(node, index, p)
    else:
        memcpy(node.data + index * node.width, p, node.width)
    return 0

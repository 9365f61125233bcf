# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled module of batches: rows of Python values to fields in PostgreSQL's binary format.

It writes the usual values of the usual types itself, and has the codec encode every other one.
"""

from cpython.bool cimport PyBool_Check
from cpython.bytes cimport (
    PyBytes_AS_STRING, PyBytes_Check, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE,
)
from cpython.datetime cimport (
    PyDate_CheckExact, PyDateTime_CheckExact, PyDateTime_IMPORT,
    date_day, date_month, date_year,
    datetime_day, datetime_hour, datetime_microsecond, datetime_minute, datetime_month, datetime_second,
    datetime_tzinfo, datetime_year,
)
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_Check, PyUnicode_CheckExact
from libc.math cimport isfinite
from libc.stdint cimport INT32_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcpy

from datetime import UTC
from uuid import UUID

cdef extern from "Python.h":
    int PyUnicode_IS_COMPACT_ASCII(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    long long PyLong_AsLongLongAndOverflow(object value, int* overflow) except? -1

cdef extern from *:
    """
    #include <stdint.h>

    static inline void put_big_endian(char *to, uint64_t value, int size) {
        for (int at = size - 1; at >= 0; at--) {
            to[at] = (char)value;
            value >>= 8;
        }
    }
    """
    void put_big_endian(char* to, uint64_t value, int size) noexcept nogil

PyDateTime_IMPORT

cdef enum:
    FIRST_SIZE = 1 << 12
    EPOCH = 730425  # days from 0000-03-01 to 2000-01-01
    MAX_DEPTH = 8

cdef int64_t DAY = 86400000000


cdef class Fields:
    """Bytes that grow."""

    cdef char* data
    cdef Py_ssize_t size
    cdef Py_ssize_t room

    def __cinit__(self):
        self.data = <char*>malloc(FIRST_SIZE)
        if self.data == NULL:
            raise MemoryError
        self.room = FIRST_SIZE

    def __dealloc__(self):
        free(self.data)

    cdef char* more(self, Py_ssize_t count) except NULL:
        """Return where so many bytes are to be written."""
        cdef Py_ssize_t wanted = self.size + count
        cdef char* grown
        if wanted > self.room:
            wanted += wanted >> 1
            grown = <char*>realloc(self.data, wanted)
            if grown == NULL:
                raise MemoryError
            self.data, self.room = grown, wanted
        grown = self.data + self.size
        self.size += count
        return grown

    cdef int number(self, int size, uint64_t value) except -1:
        """Add a field of 1, 2, 4 or 8 bytes."""
        cdef char* to = self.more(4 + size)
        put_big_endian(to, size, 4)
        put_big_endian(to + 4, value, size)
        return 0

    cdef int content(self, const char* source, Py_ssize_t size) except -1:
        """Add a field of any length."""
        if size > INT32_MAX:
            raise OverflowError("a field has too many bytes")
        cdef char* to = self.more(4 + size)
        put_big_endian(to, size, 4)
        memcpy(to + 4, source, size)
        return 0

    cdef int null(self) except -1:
        put_big_endian(self.more(4), <uint32_t>-1, 4)
        return 0

    cdef bytes taken(self):
        return PyBytes_FromStringAndSize(self.data, self.size)


cdef int64_t day_of(int64_t year, int month, int day) noexcept:
    """Return the days since 2000-01-01 (days from civil, with years that begin in March)."""
    cdef int64_t shifted = year - (month < 3)
    cdef int64_t era = shifted // 400
    cdef int64_t of_era = shifted - era * 400
    cdef int64_t of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - EPOCH


cdef int put_int(Fields to, object value, int size, bint signed) except 0:
    """Add an integer; return -1 where it does not fit."""
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    cdef int bits = size * 8 - signed
    if overflow or (not signed and number < 0):
        return -1
    if bits < 63 and (number >> bits) != (-1 if number < 0 else 0):
        return -1
    to.number(size, <uint64_t>number)
    return 1


cdef int put_float(Fields to, double number, int size) except 0:
    cdef uint64_t bits = 0
    cdef uint32_t short_bits = 0
    cdef float narrow
    if size == 8:
        memcpy(&bits, &number, 8)
    else:
        narrow = <float>number
        if isfinite(number) and not isfinite(narrow):
            return -1
        memcpy(&short_bits, &narrow, 4)
        bits = short_bits
    to.number(size, bits)
    return 1


cdef int put_text(Fields to, str value) except 0:
    cdef const char* source
    cdef Py_ssize_t size
    cdef bytes encoded
    if PyUnicode_IS_COMPACT_ASCII(value):
        source, size = <const char*>PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value)
    else:
        encoded = PyUnicode_AsUTF8String(value)  # unlike the function that gives a pointer, keeps nothing in the str
        source, size = PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded)
    if memchr(source, 0, size) != NULL:
        return -1
    to.content(source, size)
    return 1


cdef int put_stamp(Fields to, object value) except 0:
    cdef int64_t days = day_of(datetime_year(value), datetime_month(value), datetime_day(value))
    cdef int64_t seconds = (datetime_hour(value) * 60 + datetime_minute(value)) * 60 + datetime_second(value)
    to.number(8, <uint64_t>(days * DAY + seconds * 1000000 + datetime_microsecond(value)))
    return 1


cdef int put_usual(Fields to, object value, char kind) except 0:
    """Add a field; return -1 where the value is not one of the usual ones of its type."""
    if kind == b"t":
        return put_text(to, value) if PyUnicode_CheckExact(value) else -1
    if kind == b"q":
        return put_int(to, value, 8, True) if PyLong_CheckExact(value) else -1
    if kind == b"i":
        return put_int(to, value, 4, True) if PyLong_CheckExact(value) else -1
    if kind == b"d":
        return put_float(to, PyFloat_AS_DOUBLE(value), 8) if PyFloat_CheckExact(value) else -1
    if kind == b"z":
        return put_stamp(to, value) if PyDateTime_CheckExact(value) and datetime_tzinfo(value) is UTC else -1
    if kind == b"s":
        return put_stamp(to, value) if PyDateTime_CheckExact(value) and datetime_tzinfo(value) is None else -1
    if kind == b"?":
        if PyBool_Check(value):
            to.number(1, value is True)
            return 1
        return -1
    if kind == b"b":
        if PyBytes_CheckExact(value):
            to.content(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
            return 1
        return -1
    if kind == b"u":
        if type(value) is UUID:
            value = value.bytes
            to.content(PyBytes_AS_STRING(value), 16)
            return 1
        return -1
    if kind == b"D":
        if PyDate_CheckExact(value):
            to.number(4, <uint64_t>day_of(date_year(value), date_month(value), date_day(value)))
            return 1
        return -1
    if kind == b"h":
        return put_int(to, value, 2, True) if PyLong_CheckExact(value) else -1
    if kind == b"f":
        return put_float(to, PyFloat_AS_DOUBLE(value), 4) if PyFloat_CheckExact(value) else -1
    if kind == b"I":
        return put_int(to, value, 4, False) if PyLong_CheckExact(value) else -1
    if kind == b"Q":
        return put_int(to, value, 8, False) if PyLong_CheckExact(value) else -1
    return -1


cdef int put(Fields to, object value, char kind, object encode) except -1:
    cdef bytes encoded
    if value is None:
        to.null()
    elif put_usual(to, value, kind) < 0:
        encoded = encode(value)
        if encoded is None:
            raise TypeError("a value was encoded as nothing")
        to.content(PyBytes_AS_STRING(encoded), PyBytes_GET_SIZE(encoded))
    return 0


cdef tuple checked(row, Py_ssize_t width):
    """Return the values of a row as what cannot change while codecs run."""
    cdef tuple values = tuple(row)
    if len(values) != width:
        raise ValueError("a row has another number of values")
    return values


cdef int check_width(bytes kinds, tuple encoders) except -1:
    if len(kinds) != len(encoders):
        raise ValueError("each column has a kind and an encoder")
    return 0


def copy_fields(list rows, bytes kinds, tuple encoders):
    """Return rows as tuples of a binary COPY.

    Args:
        rows: Sequences of values, as many as there are kinds.
        kinds: How the usual values of each column are written: a letter for each.
        encoders: For each column, the function for the others.
    """
    cdef Fields to = Fields()
    cdef Py_ssize_t width = len(kinds), at
    cdef const char* kind = PyBytes_AS_STRING(kinds)
    cdef tuple values
    check_width(kinds, encoders)
    for row in rows:
        values = checked(row, width)
        put_big_endian(to.more(2), width, 2)
        for at in range(width):
            put(to, values[at], kind[at], encoders[at])
    return to.taken()


def array_fields(list rows, bytes kinds, tuple encoders):
    """Return the elements of one array for each column; arguments as above."""
    cdef Py_ssize_t width = len(kinds), at
    cdef const char* kind = PyBytes_AS_STRING(kinds)
    cdef list columns = [Fields() for _ in range(width)]
    cdef tuple values
    check_width(kinds, encoders)
    for row in rows:
        values = checked(row, width)
        for at in range(width):
            put(<Fields>columns[at], values[at], kind[at], encoders[at])
    return [(<Fields>column).taken() for column in columns]


cdef Py_ssize_t weight(object value, Py_ssize_t most, int depth) except -1:
    """Return about how many bytes a value is sent as; not much more than `most` is counted."""
    cdef Py_ssize_t found = 8
    if PyUnicode_Check(value):
        found += PyUnicode_GET_LENGTH(value)
    elif PyBytes_Check(value):
        found += PyBytes_GET_SIZE(value)
    elif isinstance(value, (bytearray, memoryview)):
        found += len(value)
    elif depth < MAX_DEPTH:
        if type(value) is tuple or type(value) is list:
            for item in value:
                found += weight(item, most - found, depth + 1)
                if found >= most:
                    break
        elif type(value) is dict:
            for key, item in (<dict>value).items():
                found += weight(key, most - found, depth + 1) + weight(item, most - found, depth + 1)
                if found >= most:
                    break
    return found


def fill(list rows, more, Py_ssize_t start, Py_ssize_t count, Py_ssize_t size):
    """Return where a block of rows ends; where the list ends before, take rows from the iterator.

    Args:
        rows: Sequences of values.
        more: An iterator over further ones.
        start: Where the block begins.
        count: Number of rows, at most.
        size: About how many bytes they may have; the last row may have more.
    """
    cdef Py_ssize_t left = size
    while count > 0 and left > 0:
        if start >= len(rows):
            try:
                rows.append(next(more))
            except StopIteration:
                break
        left -= weight(rows[start], left, 0)
        start += 1
        count -= 1
    return start

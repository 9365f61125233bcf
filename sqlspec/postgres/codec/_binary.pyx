# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled module of the codec: it reads the values that are met every day and leaves all others to Python."""

from cpython.buffer cimport PyBUF_SIMPLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from cpython.bool cimport PyBool_Check
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.datetime cimport (
    PyDate_CheckExact,
    PyDateTime_CheckExact,
    PyDateTime_IMPORT,
    date_new,
    datetime_new,
    time_new,
)
from cpython.dict cimport PyDict_CheckExact, PyDict_Next
from cpython.float cimport PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_CheckExact, PyUnicode_DecodeUTF8
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from datetime import timezone
from decimal import Decimal
from uuid import UUID, SafeUUID

import msgspec

from sqlspec.values import Interval

cdef extern from *:
    """
    #include "datetime.h"

    static PyObject *int_of_16_bytes(const unsigned char *bytes) {
    #if PY_VERSION_HEX >= 0x030D0000
        return PyLong_FromUnsignedNativeBytes(bytes, 16, Py_ASNATIVEBYTES_BIG_ENDIAN);
    #else
        return _PyLong_FromByteArray(bytes, 16, 0, 0);
    #endif
    }

    static PyObject *new_delta(int days, int seconds, int micros, PyObject *type) {
        return PyDateTimeAPI->Delta_FromDelta(days, seconds, micros, 0, (PyTypeObject *)type);
    }

    static PyObject *copy_of(PyObject *row) {
        Py_ssize_t size = PyTuple_GET_SIZE(row);
        PyObject *made = PyTuple_New(size);
        if (made != NULL) {
            for (Py_ssize_t at = 0; at < size; at++) {
                PyObject *item = PyTuple_GET_ITEM(row, at);
                Py_INCREF(item);
                PyTuple_SET_ITEM(made, at, item);
            }
        }
        return made;
    }

    /* Give a tuple that only we hold another item; as `zip` does, see to it that garbage collection knows of it. */
    static void replace_item(PyObject *row, Py_ssize_t at, PyObject *item) {
        PyObject *before = PyTuple_GET_ITEM(row, at);
        PyTuple_SET_ITEM(row, at, item);
    #if PY_VERSION_HEX >= 0x030E0000
        ((PyTupleObject *)row)->ob_hash = -1; /* that of other values, if any */
    #endif
        Py_DECREF(before);
        if (!PyObject_GC_IsTracked(row)) {
            PyObject_GC_Track(row);
        }
    }
    """
    object int_of_16_bytes(const uint8_t* data)
    object new_delta(int days, int seconds, int micros, object type)
    object copy_of(object row)
    void replace_item(object row, Py_ssize_t at, PyObject* item) noexcept

cdef extern from "Python.h":
    int PyObject_GenericSetAttr(object, object, object) except -1
    object PyUnicode_New(Py_ssize_t size, uint32_t greatest)
    void* PyUnicode_DATA(object)
    Py_ssize_t Py_REFCNT(PyObject*) noexcept

PyDateTime_IMPORT

cdef object UTC = timezone.utc
cdef object UNKNOWN = SafeUUID.unknown
cdef object decode_json = msgspec.json.Decoder().decode
cdef object bare = object.__new__
cdef object UNUSUAL = object()  # what a value cannot be: `unpack` has to say what it is

cdef enum Kind:
    BOOL
    INT2
    INT4
    INT8
    UINT4
    UINT8
    FLOAT4
    FLOAT8
    TEXT
    BYTES
    NUMERIC
    UUID_
    DATE
    TIME
    TIMESTAMP
    TIMESTAMPTZ
    INTERVAL
    JSON
    JSONB
    ARRAY

KINDS = {
    "bool": BOOL,
    "int2": INT2,
    "int4": INT4,
    "int8": INT8,
    "uint4": UINT4,
    "uint8": UINT8,
    "float4": FLOAT4,
    "float8": FLOAT8,
    "text": TEXT,
    "bytes": BYTES,
    "numeric": NUMERIC,
    "uuid": UUID_,
    "date": DATE,
    "time": TIME,
    "timestamp": TIMESTAMP,
    "timestamptz": TIMESTAMPTZ,
    "interval": INTERVAL,
    "json": JSON,
    "jsonb": JSONB,
    "array": ARRAY,
}

# In days and microseconds since 2000-01-01: from 0001-01-01 until 9999-12-31.
cdef enum:
    FIRST_DAY = -730119
    LAST_DAY = 2921939
cdef int64_t DAY = 86_400_000_000
cdef int64_t FIRST_MICROSECOND = FIRST_DAY * DAY
cdef int64_t END = (LAST_DAY + 1) * DAY


cdef inline uint16_t load16(const uint8_t* p) noexcept nogil:
    return <uint16_t>(p[0] << 8 | p[1])


cdef inline uint32_t load32(const uint8_t* p) noexcept nogil:
    return <uint32_t>p[0] << 24 | <uint32_t>p[1] << 16 | <uint32_t>p[2] << 8 | p[3]


cdef inline uint64_t load64(const uint8_t* p) noexcept nogil:
    return <uint64_t>load32(p) << 32 | load32(p + 4)


cdef inline void civil(int64_t days, int* year, int* month, int* day) noexcept nogil:
    """Convert days since 2000-01-01; the calendar repeats every 146,097 days, and years are counted from March."""
    cdef int64_t since = days + 730_425  # 0000-03-01
    cdef int64_t era = (since if since >= 0 else since - 146_096) // 146_097
    cdef int64_t left = since - era * 146_097
    cdef int64_t of_era = (left - left // 1_460 + left // 36_524 - left // 146_096) // 365
    cdef int64_t of_year = left - (365 * of_era + of_era // 4 - of_era // 100)
    cdef int64_t shifted = (5 * of_year + 2) // 153
    day[0] = <int>(of_year - (153 * shifted + 2) // 5 + 1)
    month[0] = <int>(shifted + 3 if shifted < 10 else shifted - 9)
    year[0] = <int>(of_era + era * 400 + (month[0] <= 2))


cdef object read_stamp(int64_t micros, object zone):
    cdef int year, month, day
    cdef int64_t days, left
    if not FIRST_MICROSECOND <= micros < END:
        return UNUSUAL
    left = micros - FIRST_MICROSECOND
    days = left // DAY
    left -= days * DAY
    civil(days + FIRST_DAY, &year, &month, &day)
    return datetime_new(
        year, month, day,
        <int>(left // 3_600_000_000), <int>(left // 60_000_000 % 60), <int>(left // 1_000_000 % 60),
        <int>(left % 1_000_000), zone,
    )


cdef object read_date(int32_t days):
    cdef int year, month, day
    if not FIRST_DAY <= days <= LAST_DAY:
        return UNUSUAL
    civil(days, &year, &month, &day)
    return date_new(year, month, day)


cdef object read_time(int64_t micros):
    if not 0 <= micros < DAY:
        return UNUSUAL
    return time_new(
        <int>(micros // 3_600_000_000), <int>(micros // 60_000_000 % 60), <int>(micros // 1_000_000 % 60),
        <int>(micros % 1_000_000), None,
    )


cdef object read_interval(int64_t micros, int32_t days, int32_t months):
    """Count the length as `Interval` does: years of 365 days, further months of 30."""
    cdef int64_t since = micros // DAY - (micros % DAY < 0)
    cdef int64_t length = <int64_t>(months // 12) * 365 + months % 12 * 30 + days + since
    if not -999_999_999 <= length <= 999_999_999:
        return UNUSUAL
    micros -= since * DAY
    value = new_delta(<int>length, <int>(micros // 1_000_000), <int>(micros % 1_000_000), Interval)
    PyObject_GenericSetAttr(value, "_months", months)
    PyObject_GenericSetAttr(value, "_days_part", days)
    PyObject_GenericSetAttr(value, "_microseconds_part", micros + since * DAY)
    return value


cdef object read_json(document):
    try:
        return decode_json(document)
    except Exception:  # a number that a float does not hold, or no JSON at all
        return UNUSUAL


cdef object read_uuid(const uint8_t* p):
    value = bare(UUID)
    PyObject_GenericSetAttr(value, "int", int_of_16_bytes(p))  # its own __setattr__ refuses every attribute
    PyObject_GenericSetAttr(value, "is_safe", UNKNOWN)
    return value


cdef object read_numeric(const uint8_t* p, Py_ssize_t size):
    """Write the digits out and let Decimal read them: it has no other way that keeps all of them."""
    cdef char text[208]
    cdef char* to = text
    cdef char* begin
    cdef int count, weight, scale, at, digit, group
    cdef unsigned sign
    cdef object written
    if size < 8:
        return UNUSUAL
    count, weight, sign, scale = load16(p), <int16_t>load16(p + 2), load16(p + 4), load16(p + 6)
    # A number of no more than 100 digits before the point and 100 behind it.
    if size != 8 + 2 * count or not -25 <= weight < 25 or scale > 100 or sign & ~0x4000u:
        return UNUSUAL
    for at in range(count):
        if load16(p + 8 + 2 * at) > 9999:
            return UNUSUAL
    if count and not load16(p + 8):
        return UNUSUAL
    if sign and count:
        to[0] = c"-"
        to += 1
    begin = to
    for at in range(weight + 1):
        group = load16(p + 8 + 2 * at) if at < count else 0
        to[0], to[1], to[2], to[3] = 48 + group // 1000, 48 + group // 100 % 10, 48 + group // 10 % 10, 48 + group % 10
        to += 4
    while begin < to - 1 and begin[0] == c"0":
        begin += 1
    if begin != to and sign and count:
        begin -= 1
        begin[0] = c"-"
    if weight < 0:
        to[0] = c"0"
        to += 1
        begin = text
    if scale:
        to[0] = c"."
        to += 1
        for digit in range(0, scale, 4):
            at = weight + 1 + digit // 4
            group = load16(p + 8 + 2 * at) if 0 <= at < count else 0
            to[0], to[1], to[2], to[3] = (
                48 + group // 1000, 48 + group // 100 % 10, 48 + group // 10 % 10, 48 + group % 10
            )
            to += 4
        to -= (4 - scale % 4) % 4
    written = PyUnicode_New(to - begin, 127)
    memcpy(PyUnicode_DATA(written), begin, to - begin)
    return Decimal(written)


cdef class Reader:
    """Reads the values of one type.

    Attributes:
        unpack: The function in Python that reads any value.
    """

    cdef Kind kind
    cdef readonly object unpack
    cdef Reader element

    def __init__(self, kind, unpack, Reader element=None):
        self.kind, self.unpack, self.element = KINDS[kind], unpack, element
        if self.kind == ARRAY and element is None:
            raise TypeError("an array has elements")

    def read(self, data):
        """Read one value; any buffer will do, and for JSON a str."""
        cdef Py_buffer view
        if PyBytes_CheckExact(data):
            value = self.quick(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), data)
            return self.unpack(data) if value is UNUSUAL else value
        if self.kind == JSON and PyUnicode_CheckExact(data):
            value = read_json(data)
            return self.unpack(data) if value is UNUSUAL else value
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
        try:
            value = self.quick(<const uint8_t*>view.buf, view.len, None)
        finally:
            PyBuffer_Release(&view)
        return self.unpack(bytes(data)) if value is UNUSUAL else value

    def falling_back(self, unpack):
        """Return a reader of the same usual values that leaves all others to another function."""
        cdef Reader made = Reader.__new__(Reader)
        made.kind, made.unpack, made.element = self.kind, unpack, self.element
        return made

    cdef object quick(self, const uint8_t* p, Py_ssize_t size, object owner):
        """Read a usual value, or return `UNUSUAL`.

        Args:
            owner: The bytes object that this is all of, or `None`.
        """
        cdef Kind kind = self.kind
        cdef uint32_t four
        cdef uint64_t eight
        cdef float single
        cdef double double_
        if kind == TEXT:
            return PyUnicode_DecodeUTF8(<const char*>p, size, NULL)
        if kind == BYTES:
            return PyBytes_FromStringAndSize(<const char*>p, size) if owner is None else owner
        if kind == NUMERIC:
            return read_numeric(p, size)
        if kind == ARRAY:
            return self.quick_array(p, size)
        if kind == JSON:
            return read_json(PyBytes_FromStringAndSize(<const char*>p, size) if owner is None else owner)
        if kind == JSONB:
            if not size or p[0] != 1:
                return UNUSUAL
            return read_json(PyBytes_FromStringAndSize(<const char*>p + 1, size - 1))
        if size == 8:
            eight = load64(p)
            if kind == TIMESTAMPTZ:
                return read_stamp(<int64_t>eight, UTC)
            if kind == TIMESTAMP:
                return read_stamp(<int64_t>eight, None)
            if kind == INT8:
                return <int64_t>eight
            if kind == FLOAT8:
                memcpy(&double_, &eight, 8)
                return double_
            if kind == TIME:
                return read_time(<int64_t>eight)
            if kind == UINT8:
                return eight
        elif size == 4:
            four = load32(p)
            if kind == INT4:
                return <int32_t>four
            if kind == DATE:
                return read_date(<int32_t>four)
            if kind == FLOAT4:
                memcpy(&single, &four, 4)
                return <double>single
            if kind == UINT4:
                return four
        elif size == 16 and kind == UUID_:
            return read_uuid(p)
        elif size == 16 and kind == INTERVAL:
            return read_interval(<int64_t>load64(p), <int32_t>load32(p + 8), <int32_t>load32(p + 12))
        elif size == 2 and kind == INT2:
            return <int16_t>load16(p)
        elif size == 1 and kind == BOOL:
            return p[0] != 0
        return UNUSUAL

    cdef object quick_array(self, const uint8_t* p, Py_ssize_t size):
        cdef const uint8_t* end = p + size
        cdef int32_t length
        cdef list found = []
        if size == 12 and not load32(p):
            return found
        if size < 20 or load32(p) != 1:
            return UNUSUAL
        p += 20
        while p < end:
            if end - p < 4:
                return UNUSUAL
            length = <int32_t>load32(p)
            p += 4
            if length == -1:
                found.append(None)
                continue
            if not 0 <= length <= end - p:
                return UNUSUAL
            value = self.element.quick(p, length, None)
            if value is UNUSUAL:
                return UNUSUAL
            found.append(value)
            p += length
        return found


cdef class RowsReader:
    """Reads rows of values."""

    cdef tuple readers  # for each column a Reader, another function, or None for values that stay
    cdef object fail
    cdef Py_ssize_t* places  # of the columns that are read
    cdef Py_ssize_t count
    cdef bint in_place

    def __cinit__(self, readers, fail):
        cdef Py_ssize_t at
        self.readers, self.fail = tuple(readers), fail
        self.places = <Py_ssize_t*>PyMem_Malloc((len(self.readers) + 1) * sizeof(Py_ssize_t))
        if self.places == NULL:
            raise MemoryError
        for at, reader in enumerate(self.readers):
            if reader is not None:
                self.places[self.count] = at
                self.count += 1
        # After another function has failed, the same rows may be read again.
        self.in_place = all(reader is None or type(reader) is Reader for reader in self.readers)

    def __dealloc__(self):
        PyMem_Free(self.places)

    def read(self, rows):
        """Return the rows as tuples. A tuple that only the list of rows holds gets its new values itself."""
        cdef list made = []
        cdef bint ours
        cdef Py_ssize_t at
        cdef PyObject** values = <PyObject**>PyMem_Malloc((self.count + 1) * sizeof(PyObject*))
        if values == NULL:
            raise MemoryError
        try:
            for at in range(len(rows)):
                ours = self.in_place and type(rows) is list and Py_REFCNT(PyList_GET_ITEM(rows, at)) == 1
                made.append(self.row(rows[at], values, ours))
            return made
        except Exception as failure:
            error = self.fail(rows[len(made) :], failure)
        finally:
            PyMem_Free(values)
        raise error from error.__cause__

    cdef object row(self, object row, PyObject** values, bint ours):
        cdef Py_ssize_t k, at, done = 0
        cdef object data, value
        cdef bint whole = PyTuple_CheckExact(row)
        if not whole:
            row = tuple(row)
        if PyTuple_GET_SIZE(row) != PyTuple_GET_SIZE(self.readers):
            raise ValueError("a row of another width")
        try:
            for k in range(self.count):
                at = self.places[k]
                data = <object>PyTuple_GET_ITEM(row, at)
                value = None if data is None else self.value(<object>PyTuple_GET_ITEM(self.readers, at), data)
                Py_INCREF(value)
                values[k] = <PyObject*>value
                done += 1
        except BaseException:
            for k in range(done):
                Py_DECREF(<object>values[k])
            raise
        if whole and not ours:
            row = copy_of(row)
        for k in range(self.count):
            replace_item(row, self.places[k], values[k])
        return row

    cdef object value(self, object reader, object data):
        if type(reader) is Reader:
            if PyBytes_CheckExact(data):
                value = (<Reader>reader).quick(<const uint8_t*>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), data)
                return (<Reader>reader).unpack(data) if value is UNUSUAL else value
            return (<Reader>reader).read(data)
        return reader(data)


# -- writing ------------------------------------------------------------------------------------------------


cdef bint ordinary(object value) noexcept:
    # Only looks at classes and runs no code of theirs, so that nothing changes meanwhile.
    cdef PyObject* key
    cdef PyObject* item
    cdef Py_ssize_t at = 0
    if PyUnicode_CheckExact(value) or PyLong_CheckExact(value) or PyFloat_CheckExact(value):
        return True
    if value is None or PyBool_Check(value):
        return True
    if PyDict_CheckExact(value):
        while PyDict_Next(value, &at, &key, &item):
            if not PyUnicode_CheckExact(<object>key) or not ordinary(<object>item):
                return False
        return True
    if PyList_CheckExact(value):
        for at in range(PyList_GET_SIZE(value)):
            if not ordinary(<object>PyList_GET_ITEM(value, at)):
                return False
        return True
    if PyTuple_CheckExact(value):
        for at in range(PyTuple_GET_SIZE(value)):
            if not ordinary(<object>PyTuple_GET_ITEM(value, at)):
                return False
        return True
    return type(value) is UUID or PyDateTime_CheckExact(value) or PyDate_CheckExact(value)


def is_ordinary(value):
    """Tell whether a document, which has no cycles, is of classes that msgspec writes as they are."""
    return ordinary(value)

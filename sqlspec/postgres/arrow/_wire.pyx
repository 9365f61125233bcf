# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The compiled module: bytes of PostgreSQL's binary format to Arrow buffers and back. Every length is checked."""

from cpython.buffer cimport PyBUF_SIMPLE, Py_buffer, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AsString
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_XDECREF
from libc.stdint cimport (
    INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN,
    int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t,
)
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

import pyarrow as pa

from sqlspec.postgres.arrow.wire import Kind, WireType


class WireError(ValueError):
    """Bytes or values that cannot be converted.

    Attributes:
        reason: What is wrong, in lower case, without a value.
        column: Index of the column, -1 when it is not about one.
        row: Rows before it since the decoder or batch began, -1 when unknown.
    """

    def __init__(self, reason, column=-1, row=-1):
        place = [f"{what} {index}" for what, index in (("column", column), ("row", row)) if index >= 0]
        super().__init__(f"{reason} ({', '.join(place)})" if place else reason)
        self.reason, self.column, self.row = reason, column, row

    def __reduce__(self):
        return WireError, (self.reason, self.column, self.row)


include "_nodes.pxi"
include "_read.pxi"
include "_export.pxi"
include "_write.pxi"

cdef bytes SIGNATURE = b"PGCOPY\n\xff\r\n\0"
cdef const char* signature = SIGNATURE

ctypedef int (*GetCopyData)(void* connection, char** buffer, int nowait) noexcept nogil
ctypedef int (*ConsumeInput)(void* connection) noexcept nogil
ctypedef void (*FreeMemory)(void* buffer) noexcept nogil


cdef object flaw(int code, int column, int64_t row):
    return MemoryError() if code == NO_MEMORY else WireError(REASONS[code], column, row)


cdef class Sink:
    """Rows in PostgreSQL's binary format, on their way into something that a subclass makes of them."""

    cdef int count  # fields of a row
    cdef int64_t complete  # rows since they were last handed over
    cdef int64_t before  # rows of the times before
    cdef int64_t weight  # bytes of the complete rows
    cdef int code  # what went wrong, for good
    cdef int culprit  # the column that it happened in
    cdef bint begun  # the stream's header is behind us
    cdef bint ended  # the trailer too
    cdef bint busy
    # A row that the last piece did not hold completely waits here. Only its lengths are looked at until the rest has
    # come, each once: pieces may be small and values large.
    cdef char* rest
    cdef int64_t rest_size
    cdef int64_t rest_room
    cdef int64_t goal  # bytes of `rest` after which the next length, or the whole row, is known
    cdef int64_t whole  # bytes of the fields whose length is known
    cdef int pending  # fields of unknown length; -1: even their number is unknown
    cdef int64_t skip  # bytes of the header's extension to come

    def __cinit__(self):
        self.goal, self.pending = 19, -1

    def __dealloc__(self):
        free(self.rest)

    @property
    def rows(self):
        """Complete rows that the next batch will have."""
        return self.complete

    @property
    def nbytes(self):
        """Bytes that these rows took on the wire."""
        return self.weight

    def feed(self, data):
        """Take a piece of a binary COPY stream."""
        cdef Py_buffer view
        self._enter()
        try:
            PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
            try:
                with nogil:
                    self._take(<const char*>view.buf, view.len)
            finally:
                PyBuffer_Release(&view)
        finally:
            self._leave()

    def feed_records(self, records):
        """Take results of `record_send`."""
        cdef Py_buffer view
        cdef const char* stop
        self._enter()
        try:
            for record in records:
                if record is None:
                    continue
                PyObject_GetBuffer(record, &view, PyBUF_SIMPLE)
                try:
                    stop = self._rows(<const char*>view.buf, <const char*>view.buf + view.len, 4)
                    if not self.code and stop != <const char*>view.buf + view.len:
                        self._fail(CUT, -1)
                finally:
                    PyBuffer_Release(&view)
                if self.code:
                    break
        finally:
            self._leave()

    def drain(self, uintptr_t connection, uintptr_t get, uintptr_t free, int64_t size, uintptr_t consume=0):
        """Call libpq's `PQgetCopyData` until `size` bytes came."""
        cdef char* buffer = NULL
        cdef int result = 1
        self._enter()
        try:
            with nogil:
                while size > 0 and not self.code:
                    result = (<GetCopyData>get)(<void*>connection, &buffer, consume != 0)
                    if result == 0:
                        if not (<ConsumeInput>consume)(<void*>connection):
                            result = -2
                            break
                        result = (<GetCopyData>get)(<void*>connection, &buffer, 1)
                    if result <= 0:
                        break
                    self._take(buffer, result)
                    (<FreeMemory>free)(buffer)
                    size -= result
        finally:
            self._leave()
        return result

    def finish(self):
        """Check that the stream was whole."""
        self._enter()
        try:
            if not self.ended or self.complete:
                raise flaw(CUT, -1, self.before + self.complete)
        finally:
            self._leave()

    cdef int _claim(self) except -1:
        if self.busy:
            raise RuntimeError("the decoder is in use by another thread")
        self.busy = True
        return 0

    cdef int _enter(self) except -1:
        if self.code:
            raise flaw(self.code, self.culprit, self.before + self.complete)
        return self._claim()

    cdef int _leave(self) except -1:
        self.busy = False
        if self.code:
            raise flaw(self.code, self.culprit, self.before + self.complete)
        return 0

    cdef void _fail(self, int code, int column) noexcept nogil:
        self.code, self.culprit = code, column

    cdef void _take(self, const char* p, int64_t size) noexcept nogil:
        """Take a piece: first what completes the row begun, then whole rows where they lie, and keep the rest."""
        cdef const char* end = p + size
        while p < end and not self.code:
            if self.skip:
                size = min(self.skip, end - p)
                self.skip -= size
                p += size
            elif self.ended:
                self._fail(BAD_END, -1)
            elif self.rest_size or not self.begun:
                p = self._fill(p, end)
            else:
                p = self._rows(p, end, 0)
                if p < end and not self.ended and not self.code:
                    p = self._fill(p, end)

    cdef const char* _fill(self, const char* p, const char* end) noexcept nogil:
        """Move bytes into `rest` until it has the whole row or header, and take that."""
        cdef int64_t step, room
        cdef void* block
        cdef int32_t length
        while True:
            step = min(self.goal - self.rest_size, end - p)
            if self.rest_size + step > self.rest_room:
                room = max(self.rest_size + step, self.rest_room * 2, 4096)
                block = realloc(self.rest, room)
                if block == NULL:
                    self._fail(NO_MEMORY, -1)
                    return end
                self.rest, self.rest_room = <char*>block, room
            if step:
                memcpy(self.rest + self.rest_size, p, step)
            self.rest_size += step
            p += step
            if self.rest_size < self.goal:
                return p
            if not self.begun:
                self._begin()
                break
            if self.pending == 0:
                self._rows(self.rest, self.rest + self.rest_size, 0)
                break
            if self.pending < 0:
                self.pending = <int16_t>load16(self.rest)
                if self.pending != self.count:
                    if self.pending != -1:
                        self._fail(BAD_FIELDS, -1)
                    self.ended = True
                    break
                self.whole = 2
            else:
                length = <int32_t>load32(self.rest + self.whole)
                if length < -1:
                    self._fail(BAD_LENGTH, self.count - self.pending)
                    break
                self.pending -= 1
                self.whole += 4 + max(length, 0)
            self.goal = self.whole + (4 if self.pending else 0)
        self.rest_size, self.goal, self.pending = 0, 2, -1
        if self.rest_room > 1 << 20:
            free(self.rest)
            self.rest, self.rest_room = NULL, 0
        return p

    cdef void _begin(self) noexcept nogil:
        """Check the header: signature, flags (none that may not be ignored), length of an extension."""
        cdef int32_t extension = <int32_t>load32(self.rest + 15)
        if memcmp(self.rest, signature, 11) or load32(self.rest + 11) >> 16 or extension < 0:
            self._fail(BAD_STREAM, -1)
        self.begun, self.skip = True, extension

    cdef const char* _rows(self, const char* p, const char* end, int named) noexcept nogil:
        """Take the whole rows of a piece; return where the first begins that is not whole.

        Args:
            named: 0 for rows of COPY; 4 for those of `record_send`, in which a type precedes each length.
        """
        self._fail(BAD_STREAM, -1)  # a subclass knows what to do with them
        return end


cdef class Decoder(Sink):
    """Rows in PostgreSQL's binary format to record batches."""

    cdef Node root  # a struct: its parts are the columns
    cdef object schema

    def __init__(self, schema, types, *, int infinity=0, int nan=0):
        if self.root.kind:
            raise TypeError("a decoder cannot be initialised twice")
        self.schema = schema
        self.root.infinity, self.root.nan = infinity, nan
        capsule = schema.__arrow_c_schema__()
        row = WireType(Kind.STRUCT, children=tuple(types))
        describe(&self.root, row, <ArrowSchema*>PyCapsule_GetPointer(capsule, "arrow_schema"), -1, 0)
        self.count = self.root.count

    def __dealloc__(self):
        release_buffers(&self.root)
        forget(&self.root)

    def batch(self):
        """Hand the complete rows over, and begin anew."""
        self._claim()
        try:
            batch = pa.record_batch(Parcel(self.schema, self._pack()))
            self.before += self.complete
            self.complete = self.weight = 0
        finally:
            self.busy = False
        return batch

    cdef object _pack(self):
        cdef ArrowArray* array = <ArrowArray*>calloc(1, sizeof(ArrowArray))
        if array == NULL:
            raise MemoryError
        capsule = PyCapsule_New(array, "arrow_array", drop_capsule)
        if move(&self.root, self.complete, array):
            self._fail(NO_MEMORY, -1)
            raise MemoryError
        return capsule

    cdef const char* _rows(self, const char* p, const char* end, int named) noexcept nogil:
        cdef Node* columns = self.root.parts
        cdef int count = self.root.count, fields, i, code = 0
        cdef int head = 4 if named else 2
        cdef int64_t row = self.complete
        cdef int32_t length
        cdef const char* begin = p
        while end - p >= head:
            fields = <int32_t>load32(p) if named else <int16_t>load16(p)
            if fields != count:
                if fields == -1 and not named:
                    self.ended = True
                    p += head
                else:
                    self._fail(BAD_FIELDS, -1)
                break
            if row >= self.root.room and grow(&self.root, row + 1):
                self._fail(NO_MEMORY, -1)
                break
            begin = p
            p += head
            for i in range(count):
                if end - p < 4 + named:
                    break
                length = <int32_t>load32(p + named)
                p += 4 + named
                if length == -1:
                    put_null(&columns[i], row)
                    continue
                if length < 0:
                    code = BAD_LENGTH
                    break
                if end - p < length:
                    break
                code = put(&columns[i], row, p, length)
                if code:
                    break
                p += length
            else:
                row += 1
                self.weight += p - begin
                continue
            undo(&self.root, row, row + 1)
            if code:
                self._fail(code, i)
            p = begin
            break
        self.complete = row
        return p


cdef class Relay(Sink):
    """Rows in PostgreSQL's binary format to rows of a binary COPY, as they are."""

    cdef char* kept
    cdef int64_t used
    cdef int64_t room

    def __init__(self, int count):
        self.count = count

    def __dealloc__(self):
        free(self.kept)

    def take(self):
        """Hand the complete rows over, and begin anew."""
        self._claim()
        try:
            rows = self.kept[:self.used] if self.used else b""
            self.before += self.complete
            self.complete = self.weight = self.used = 0
            if self.room > 1 << 22:  # for once, a row was large
                free(self.kept)
                self.kept, self.room = NULL, 0
        finally:
            self.busy = False
        return rows

    cdef const char* _rows(self, const char* p, const char* end, int named) noexcept nogil:
        cdef int fields, i, head = 4 if named else 2
        cdef int32_t length
        cdef const char* begin
        cdef const char* first = p
        while end - p >= head:
            fields = <int32_t>load32(p) if named else <int16_t>load16(p)
            if fields != self.count:
                if fields == -1 and not named:
                    self.ended = True
                    self._keep(first, p - first)
                    return p + head
                self._fail(BAD_FIELDS, -1)
                break
            begin = p
            p += head
            for i in range(self.count):
                if end - p < 4 + named:
                    break
                length = <int32_t>load32(p + named)
                p += 4 + named
                if length < -1:
                    self._fail(BAD_LENGTH, i)
                    break
                if end - p < length:
                    break
                p += max(length, 0)
            else:
                if named:
                    self._keep_record(begin, p)
                self.complete += 1
                self.weight += p - begin
                continue
            p = begin
            break
        if not named:
            self._keep(first, p - first)
        return p

    cdef char* _reserve(self, int64_t size) noexcept nogil:
        """Make room for so many bytes more; return where they go, NULL without memory."""
        cdef void* block
        cdef int64_t room
        if self.used + size > self.room:
            room = max(self.used + size, self.room + self.room // 2, 1 << 16)
            block = realloc(self.kept, room)
            if block == NULL:
                self._fail(NO_MEMORY, -1)
                return NULL
            self.kept, self.room = <char*>block, room
        return self.kept + self.used

    cdef void _keep(self, const char* p, int64_t size) noexcept nogil:
        cdef char* to = self._reserve(size)
        if to != NULL and size:
            memcpy(to, p, size)
            self.used += size

    cdef void _keep_record(self, const char* p, const char* end) noexcept nogil:
        """Keep a row of `record_send`: its number of fields takes four bytes, and a type precedes each length."""
        cdef char* to = self._reserve(end - p)
        cdef int32_t length
        if to == NULL:
            return
        to[0], to[1] = p[2], p[3]
        to += 2
        p += 4
        while p < end:
            length = max(<int32_t>load32(p + 4), 0)
            memcpy(to, p + 4, 4 + length)
            to += 4 + length
            p += 8 + length
        self.used = to - self.kept


cdef class Encoder:
    """Record batches to rows of a binary COPY."""

    cdef tuple types

    def __init__(self, types):
        self.types = tuple(types)
        for index, type in enumerate(self.types):
            check_written(type, index, False)

    @staticmethod
    def header():
        """What a binary COPY begins with."""
        return SIGNATURE + bytes(8)

    @staticmethod
    def trailer():
        """What it ends with."""
        return b"\xff\xff"

    def encode(self, batch, bytes head=b""):
        """Return the rows of a batch."""
        return encode_rows(WireType(Kind.STRUCT, children=self.types), batch, head)


def encode_array(type, values):
    """Return a one-dimensional PostgreSQL array of the values."""
    return encode_values(type, values)

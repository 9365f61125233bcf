# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The compiled module of row mapping: rows to dicts, tuples and Structs. `_making` says what each argument means."""

from cpython.list cimport PyList_New
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_TYPE
from cpython.sequence cimport PySequence_Fast
from cpython.tuple cimport PyTuple_Check, PyTuple_CheckExact, PyTuple_GET_SIZE

cdef extern from *:
    """
    typedef struct { PyTypeObject *type; Py_ssize_t offset; } Layout;

    /* Whether the items of a row lie at an offset that follows from its type, as those of a tuple or an asyncpg.Record
       do. The type does not promise it, so each item is compared with what the sequence protocol gives. */
    static int lies_flat(PyObject *row, Py_ssize_t width, Layout *layout) {
        PyTypeObject *type = Py_TYPE(row);
        PyObject **items, *item;
        if (type->tp_itemsize != sizeof(PyObject *) || type->tp_as_sequence == NULL || Py_SIZE(row) != width) {
            return 0;
        }
        items = (PyObject **)((char *)row + type->tp_basicsize);
        for (Py_ssize_t at = 0; at < width; at++) {
            item = PySequence_GetItem(row, at);
            if (item == NULL) {
                PyErr_Clear();
                return 0;
            }
            Py_DECREF(item);
            if (item != items[at]) {
                return 0;
            }
        }
        layout->type = type;
        layout->offset = type->tp_basicsize;
        return 1;
    }

    static PyObject **items_at(PyObject *row, Py_ssize_t offset) { return (PyObject **)((char *)row + offset); }
    static PyObject **tuple_items(PyObject *row) { return ((PyTupleObject *)row)->ob_item; }
    static PyObject *new_named(PyTypeObject *type, Py_ssize_t size) {
        PyObject *made = type->tp_alloc(type, size);
    #if PY_VERSION_HEX >= 0x030E0000
        if (made != NULL) {
            ((PyTupleObject *)made)->ob_hash = -1; /* not known yet */
        }
    #endif
        return made;
    }
    static void put_in_list(PyObject *list, Py_ssize_t at, PyObject *item) { PyList_SET_ITEM(list, at, item); }
    static void put_in_tuple(PyObject *tuple, Py_ssize_t at, PyObject *item) { PyTuple_SET_ITEM(tuple, at, item); }
    """
    ctypedef struct Layout:
        PyTypeObject* type
        Py_ssize_t offset
    bint lies_flat(object row, Py_ssize_t width, Layout* layout)
    PyObject** items_at(PyObject* row, Py_ssize_t offset) noexcept
    PyObject** tuple_items(PyObject* row) noexcept
    PyObject* new_named(PyTypeObject* type, Py_ssize_t size) except NULL
    void put_in_list(object, Py_ssize_t, PyObject*) noexcept
    void put_in_tuple(PyObject*, Py_ssize_t, PyObject*) noexcept

cdef extern from "Python.h":
    PyObject* PyObject_Vectorcall(PyObject* callable, PyObject** args, size_t count, PyObject* names) except NULL
    PyObject* make_tuple "PyTuple_New"(Py_ssize_t size) except NULL
    PyObject* make_dict "__Pyx_PyDict_NewPresized"(Py_ssize_t size) except NULL
    int PyDict_SetItem(PyObject* dict, PyObject* key, PyObject* value) except -1
    Py_ssize_t PySequence_Fast_GET_SIZE(object)
    PyObject* PySequence_Fast_GET_ITEM(object, Py_ssize_t)
    PyObject* tuple_item "PyTuple_GET_ITEM"(object, Py_ssize_t) noexcept
    Py_ssize_t row_size "Py_SIZE"(PyObject*) noexcept
    int PyGC_Disable() noexcept
    int PyGC_Enable() noexcept
    void PyObject_GC_Track(object)
    void PyObject_GC_UnTrack(object)

cdef PyObject* NONE = <PyObject*>None

cdef enum Form:
    CALL
    DICT
    TUPLE
    NAMED
    SCALAR

FORMS = {"call": CALL, "dict": DICT, "tuple": TUPLE, "named": NAMED, "scalar": SCALAR}


cdef class Maker:
    """Makes one object of each row."""

    cdef Form form
    cdef object kind  # what is called, or whose instances are made
    cdef tuple keys  # of a dict; of the arguments that are passed by name
    cdef tuple converts
    cdef tuple admits
    cdef object explain
    cdef Py_ssize_t width, count, named
    cdef Py_ssize_t* indices
    cdef char* nullable
    cdef PyObject** admitted  # of each value the class that was admitted last; `classes` keeps it
    cdef set classes
    cdef bint straight  # the values are the row's own, in order
    cdef bint whole  # all of them, as a tuple: what is one already stays as it is
    cdef bint converting
    cdef bint paused

    def __cinit__(self, form, kind, values, Py_ssize_t width, explain, bint paused):
        cdef Py_ssize_t at
        self.count, self.width = len(values), width
        self.indices = <Py_ssize_t*>PyMem_Malloc((self.count + 1) * sizeof(Py_ssize_t))
        self.nullable = <char*>PyMem_Malloc(self.count + 1)
        self.admitted = <PyObject**>PyMem_Malloc((self.count + 1) * sizeof(PyObject*))
        if self.indices == NULL or self.nullable == NULL or self.admitted == NULL:
            raise MemoryError
        for at, value in enumerate(values):
            if not 0 <= value.column < width:
                raise IndexError("a value of a column that is not there")
            self.indices[at] = value.column
            self.nullable[at] = value.nullable
            self.admitted[at] = NULL
        self.form, self.kind, self.explain, self.paused = FORMS[form], kind, explain, paused
        self.keys = tuple([value.key for value in values if value.key is not None])
        self.named = len(self.keys)
        self.converts = tuple([value.convert for value in values])
        self.admits = tuple([value.admits for value in values])
        self.converting = any(convert is not None for convert in self.converts)
        self.classes = set()
        self.straight = (
            [value.column for value in values] == list(range(self.count))
            and not self.converting
            and all(admits is None for admits in self.admits)
        )
        self.whole = self.form == TUPLE and self.straight and self.count == width
        if self.form == DICT and self.named != self.count:
            raise TypeError("each value of a dict has a key")
        if self.form == NAMED and not (isinstance(kind, type) and issubclass(kind, tuple)):
            raise TypeError("a class derived from tuple expected")
        if self.form == SCALAR and self.count != 1:
            raise TypeError("one value expected")

    def __dealloc__(self):
        PyMem_Free(self.indices)
        PyMem_Free(self.nullable)
        PyMem_Free(self.admitted)

    def make(self, rows):
        """Return an object for each row."""
        if not self.converting:
            return self._make(rows)
        try:
            return self._make(rows)
        except Exception as error:
            self.explain(rows, error)
            raise

    cdef list _make(self, rows):
        """Make the list; without garbage collection while nothing but these objects is made: none of them is any."""
        cdef bint resumes
        if not self.paused:
            return self._made(rows)
        resumes = PyGC_Disable()
        try:
            return self._made(rows)
        finally:
            if resumes:
                PyGC_Enable()

    cdef list _made(self, rows):
        cdef object source = PySequence_Fast(rows, "a sequence of rows expected")
        cdef Py_ssize_t size = PySequence_Fast_GET_SIZE(source), at, k
        cdef list made = PyList_New(size)
        cdef Layout layout
        cdef PyObject** items
        cdef PyObject** values = NULL
        cdef object row
        layout.type, layout.offset = NULL, 0
        # It has gaps until the last row is made, so nobody shall find it before.
        PyObject_GC_UnTrack(made)
        if not self.straight:
            values = <PyObject**>PyMem_Malloc((self.count + 1) * sizeof(PyObject*))
            if values == NULL:
                raise MemoryError
        try:
            for at in range(size):
                if at >= PySequence_Fast_GET_SIZE(source):
                    raise RuntimeError("the rows were changed while they were mapped")
                row = <object>PySequence_Fast_GET_ITEM(source, at)
                if layout.type != NULL and <PyTypeObject*>Py_TYPE(row) == layout.type:
                    if row_size(<PyObject*>row) != self.width:
                        raise ValueError("a row of another width")
                    items = items_at(<PyObject*>row, layout.offset)
                else:
                    if not PyTuple_Check(row) and not lies_flat(row, self.width, &layout):
                        row = tuple(row)
                    if PyTuple_Check(row):
                        if PyTuple_GET_SIZE(row) != self.width:
                            raise ValueError("a row of another width")
                        items = tuple_items(<PyObject*>row)
                    else:
                        items = items_at(<PyObject*>row, layout.offset)
                if self.straight:
                    for k in range(self.count):
                        if items[k] == NONE and not self.nullable[k]:
                            self._refuse(rows)
                    if self.whole and PyTuple_CheckExact(row):
                        Py_INCREF(row)
                        put_in_list(made, at, <PyObject*>row)
                    else:
                        put_in_list(made, at, self._one(items))
                else:
                    self._gather(items, values, rows)
                    try:
                        put_in_list(made, at, self._one(values))
                    finally:
                        for k in range(self.count):
                            Py_DECREF(<object>values[k])
        finally:
            PyMem_Free(values)
        PyObject_GC_Track(made)
        return made

    cdef int _gather(self, PyObject** items, PyObject** values, rows) except -1:
        """Set new references to the values of one row."""
        cdef Py_ssize_t k, done = 0
        cdef object value, convert
        try:
            for k in range(self.count):
                value = <object>items[self.indices[k]]
                if value is None:
                    if not self.nullable[k]:
                        self._refuse(rows)
                else:
                    if <PyObject*>Py_TYPE(value) != self.admitted[k]:
                        self._admit(k, type(value), rows)
                    convert = self.converts[k]
                    if convert is not None:
                        value = convert(value)
                Py_INCREF(value)
                values[k] = <PyObject*>value
                done += 1
        except BaseException:
            for k in range(done):
                Py_DECREF(<object>values[k])
            raise
        return 0

    cdef int _admit(self, Py_ssize_t k, given, rows) except -1:
        admits = self.admits[k]
        if admits is not None and not admits(given):
            self._refuse(rows)
        self.classes.add(given)
        self.admitted[k] = <PyObject*>given
        return 0

    cdef int _refuse(self, rows) except -1:
        self.explain(rows)
        raise RuntimeError("the rows were changed while they were mapped")

    cdef PyObject* _one(self, PyObject** values) except NULL:
        cdef PyObject* made
        cdef Py_ssize_t k
        if self.form == CALL:
            return PyObject_Vectorcall(
                <PyObject*>self.kind,
                values,
                self.count - self.named,
                <PyObject*>self.keys if self.named else NULL,
            )
        if self.form == SCALAR:
            Py_INCREF(<object>values[0])
            return values[0]
        if self.form == DICT:
            made = make_dict(self.count)
            try:
                for k in range(self.count):
                    PyDict_SetItem(made, tuple_item(self.keys, k), values[k])
            except BaseException:
                Py_DECREF(<object>made)
                raise
            return made
        made = make_tuple(self.count) if self.form == TUPLE else new_named(<PyTypeObject*>self.kind, self.count)
        for k in range(self.count):
            Py_INCREF(<object>values[k])
            put_in_tuple(made, k, values[k])
        return made

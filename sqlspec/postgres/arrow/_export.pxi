# Buffers of the decoder to pyarrow, by the Arrow C data interface: nothing is copied, and nothing is linked against.

cdef struct Holding:
    const void* buffers[3]
    ArrowArray** children
    ArrowArray* parts


cdef void release_array(ArrowArray* array) noexcept nogil:
    cdef Holding* holding = <Holding*>array.private_data
    cdef int64_t i
    for i in range(array.n_children):
        if array.children[i].release != NULL:
            array.children[i].release(array.children[i])
    for i in range(3):
        free(<void*>holding.buffers[i])
    free(holding.children)
    free(holding.parts)
    free(holding)
    array.release = NULL


cdef void release_buffers(Node* node) noexcept nogil:
    cdef int i
    free(node.valid)
    free(node.offsets)
    free(node.data)
    node.valid, node.offsets, node.data = NULL, NULL, NULL
    node.room = node.size = node.used = node.nulls = 0
    for i in range(node.count):
        release_buffers(&node.parts[i])


cdef void* trimmed(void* block, int64_t used, int64_t room) noexcept nogil:
    """Give back what a buffer has too much, where that is worth a call."""
    cdef void* smaller
    if room - used < 4096 or room - used < room // 8:
        return block
    smaller = realloc(block, max(used, 8))
    return block if smaller == NULL else smaller


cdef int move(Node* node, int64_t length, ArrowArray* out) noexcept nogil:
    """Move a node's buffers into an Arrow array, which owns them from here on, and empty the node."""
    cdef Holding* holding
    cdef int64_t room, used
    cdef int i
    if grow(node, max(length, 1)):
        return NO_MEMORY
    holding = <Holding*>calloc(1, sizeof(Holding))
    if holding == NULL:
        return NO_MEMORY
    if node.count:
        holding.children = <ArrowArray**>malloc(node.count * sizeof(void*))
        holding.parts = <ArrowArray*>calloc(node.count, sizeof(ArrowArray))
        if holding.children == NULL or holding.parts == NULL:
            free(holding.children)
            free(holding.parts)
            free(holding)
            return NO_MEMORY
    memset(out, 0, sizeof(ArrowArray))
    out.length, out.null_count = length, node.nulls
    out.buffers, out.children, out.n_children = holding.buffers, holding.children, node.count
    out.private_data, out.release = holding, release_array
    for i in range(node.count):
        holding.children[i] = &holding.parts[i]
    room, used = node.room, node.used
    node.hint, node.hint_size = length, used
    if node.nulls:
        holding.buffers[0] = trimmed(node.valid, (length + 7) // 8, room // 8)
    else:
        free(node.valid)
    out.n_buffers = 1
    if node.strung:
        i = 8 if node.large else 4
        holding.buffers[1] = trimmed(node.offsets, (length + 1) * i, room * i)
        out.n_buffers = 2
        if not node.count:
            holding.buffers[2] = trimmed(node.data, used, node.size)
            out.n_buffers = 3
    elif node.kind == BOOL or node.width:
        holding.buffers[1] = trimmed(
            node.data, length * node.width if node.width else (length + 7) // 8,
            room * node.width if node.width else room // 8,
        )
        out.n_buffers = 2
    node.valid, node.offsets, node.data = NULL, NULL, NULL
    node.room = node.size = node.used = node.nulls = 0
    if node.strung:
        length = used
    elif node.span:
        length *= node.span
    for i in range(node.count):
        if move(&node.parts[i], length, &holding.parts[i]):
            return NO_MEMORY
    return 0


cdef void drop_capsule(object capsule) noexcept:
    cdef ArrowArray* array = <ArrowArray*>PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release != NULL:
        array.release(array)
    free(array)


cdef class Parcel:
    """What pyarrow takes a batch from."""

    cdef object schema
    cdef object array

    def __cinit__(self, schema, array):
        self.schema, self.array = schema, array

    def __arrow_c_array__(self, requested_schema=None):
        return self.schema.__arrow_c_schema__(), self.array

/* What the compiled module needs of C: byte order, and the Arrow C data interface. */
#ifndef SQLSPEC_WIRE_H
#define SQLSPEC_WIRE_H

#include <stdint.h>
#include <string.h>

/* Arrow's buffers are read and written in the machine's order; only the wire side is swapped. */
#if defined(__BYTE_ORDER__) && defined(__ORDER_LITTLE_ENDIAN__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sqlspec's Arrow module supports little-endian machines only"
#endif

/* Shifts rather than intrinsics: every compiler in use makes one load and one byte swap of them. */
static inline uint16_t load16(const char *p) {
    const unsigned char *b = (const unsigned char *)p;
    return (uint16_t)((b[0] << 8) | b[1]);
}

static inline uint32_t load32(const char *p) {
    const unsigned char *b = (const unsigned char *)p;
    return ((uint32_t)b[0] << 24) | ((uint32_t)b[1] << 16) | ((uint32_t)b[2] << 8) | (uint32_t)b[3];
}

static inline uint64_t load64(const char *p) {
    const unsigned char *b = (const unsigned char *)p;
    return ((uint64_t)b[0] << 56) | ((uint64_t)b[1] << 48) | ((uint64_t)b[2] << 40) | ((uint64_t)b[3] << 32)
        | ((uint64_t)b[4] << 24) | ((uint64_t)b[5] << 16) | ((uint64_t)b[6] << 8) | (uint64_t)b[7];
}

static inline void store16(char *p, uint16_t v) {
    p[0] = (char)(v >> 8);
    p[1] = (char)v;
}

static inline void store32(char *p, uint32_t v) {
    p[0] = (char)(v >> 24);
    p[1] = (char)(v >> 16);
    p[2] = (char)(v >> 8);
    p[3] = (char)v;
}

static inline void store64(char *p, uint64_t v) {
    store32(p, (uint32_t)(v >> 32));
    store32(p + 4, (uint32_t)v);
}

/* Length of the longest prefix without a byte over 127, in steps of eight. */
static inline int64_t plain_prefix(const char *p, int64_t size) {
    int64_t at = 0;
    uint64_t word;
    for (; size - at >= 8; at += 8) {
        memcpy(&word, p + at, 8);
        if (word & UINT64_C(0x8080808080808080)) break;
    }
    return at;
}

/* The Arrow C data interface, as its specification gives it. */
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct ArrowSchema **children;
    struct ArrowSchema *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};

struct ArrowArray {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct ArrowArray **children;
    struct ArrowArray *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};
#endif

#endif

#include "rearrange.h"
#include "lanes.h"

// The two innermost dimensions that are left when those that go on with each other are joined. y [rows][columns] lies
// in order; x steps `down` a row and `across` a column.
typedef struct {
    uint32_t rows, columns;
    int32_t down, across;
} plane;

// ---- Columns that lie next to each other in x: rows are copied ----

#define SMALL(bytes, type, load, store)                                                                                \
    case bytes:                                                                                                        \
        for (uint32_t i = 0; i < rows; i++, x += step, y += bytes) {                                                   \
            const type v = load;                                                                                       \
            store;                                                                                                     \
        }                                                                                                              \
        return;

// Wherever they lie: four bytes may be four elements.
static uint32_t word(const uint8_t *x) {
    uint32_t v;
    __builtin_memcpy(&v, x, 4);
    return v;
}

// Rows of `size` bytes, `step` bytes apart in x.
static void copied(const uint8_t *x, uint8_t *y, uint32_t rows, uint32_t size, ptrdiff_t step) {
    switch (size) {
        SMALL(4, uint32_t, word(x), __builtin_memcpy(y, &v, 4))
        SMALL(8, v128_t, wasm_v128_load64_zero(x), wasm_v128_store64_lane(y, v, 0))
        SMALL(16, v128_t, wasm_v128_load(x), wasm_v128_store(y, v))
    }
    for (uint32_t i = 0; i < rows; i++, x += step, y += size)
        efn_copy(y, x, size);
}

// ---- Rows that lie next to each other in x: four columns at a time are turned into rows ----

#define BLOCK 16 // rows that are turned before the next columns are, so that lines of y are filled while they are near

// The columns of x that a group of four reads; fewer are read twice.
typedef struct {
    ptrdiff_t second, third, fourth;
} group;

static group group_of(const plane *p) {
    const ptrdiff_t across = p->across;
    return (group){across, p->columns > 2 ? 2 * across : 0, p->columns > 3 ? 3 * across : 0};
}

// `rows` rows, a multiple of 4, of four columns. Each row is stored as four elements: where there are fewer columns the
// next row covers what is too much.
static void turned_uint32_t(const uint32_t *x, uint32_t *y, const plane *p, const group *g, uint32_t rows) {
    const uint32_t columns = p->columns;
    for (uint32_t i = 0; i < rows; i += 4, x += 4, y += 4 * columns) {
        v128_t r[4] = {wasm_v128_load(x), wasm_v128_load(x + g->second), wasm_v128_load(x + g->third),
                       wasm_v128_load(x + g->fourth)};
        efn_transpose_lanes(r);
        wasm_v128_store(y, r[0]);
        wasm_v128_store(y + columns, r[1]);
        wasm_v128_store(y + 2 * columns, r[2]);
        wasm_v128_store(y + 3 * columns, r[3]);
    }
}

static void turned_uint8_t(const uint8_t *x, uint8_t *y, const plane *p, const group *g, uint32_t rows) {
    const uint32_t columns = p->columns;
    for (uint32_t i = 0; i < rows; i += 4, x += 4, y += 4 * columns) {
        const v128_t r0 = wasm_v128_load32_zero(x), r1 = wasm_v128_load32_zero(x + g->second);
        const v128_t r2 = wasm_v128_load32_zero(x + g->third), r3 = wasm_v128_load32_zero(x + g->fourth);
        const v128_t a = wasm_i32x4_shuffle(r0, r1, 0, 4, 0, 4), b = wasm_i32x4_shuffle(r2, r3, 0, 4, 0, 4);
        const v128_t quads = wasm_i8x16_shuffle(a, b, 0, 4, 16, 20, 1, 5, 17, 21, 2, 6, 18, 22, 3, 7, 19, 23);
        wasm_v128_store32_lane(y, quads, 0);
        wasm_v128_store32_lane(y + columns, quads, 1);
        wasm_v128_store32_lane(y + 2 * columns, quads, 2);
        wasm_v128_store32_lane(y + 3 * columns, quads, 3);
    }
}

#define PLANE(type, FILL)                                                                                              \
    static void elements_##type(const type *x, type *y, const plane *p, uint32_t first) {                              \
        for (uint32_t i = first; i < p->rows; i++)                                                                     \
            for (uint32_t j = 0; j < p->columns; j++)                                                                  \
                y[(size_t)i * p->columns + j] = x[(ptrdiff_t)i * p->down + (ptrdiff_t)j * p->across];                  \
    }                                                                                                                  \
    static void plane_##type(const type *x, type *y, const plane *p) {                                                 \
        const uint32_t rows = p->rows, columns = p->columns;                                                           \
        if (p->across == 1) {                                                                                          \
            copied((const uint8_t *)x, (uint8_t *)y, rows, columns * (uint32_t)sizeof(type),                           \
                   (ptrdiff_t)p->down * (ptrdiff_t)sizeof(type));                                                      \
        } else if (p->across == 0) {                                                                                   \
            for (uint32_t i = 0; i < rows; i++, x += p->down, y += columns)                                            \
                FILL(y, *x, columns);                                                                                  \
        } else if (p->down == 1 && columns > 1) {                                                                      \
            /* With fewer than four columns the last row has none behind it that would cover what is too much. */      \
            const uint32_t whole = (columns < 4 ? rows - 1 : rows) & ~3u;                                              \
            const group g = group_of(p);                                                                               \
            for (uint32_t i = 0; i < whole; i += BLOCK)                                                                \
                for (uint32_t j = 0; j < columns; j += 4) {                                                            \
                    const uint32_t k = columns < 4 ? 0 : efn_min(j, columns - 4);                                      \
                    turned_##type(x + i + (ptrdiff_t)k * p->across, y + (size_t)i * columns + k, p, &g,                \
                                  efn_min(BLOCK, whole - i));                                                          \
                }                                                                                                      \
            elements_##type(x, y, p, whole);                                                                           \
        } else {                                                                                                       \
            elements_##type(x, y, p, 0);                                                                               \
        }                                                                                                              \
    }

PLANE(uint8_t, efn_fill)
PLANE(uint32_t, efn_fill_words)

// Dimensions of 1 go, others that go on with the one behind them are joined with it; what is left stands at the end.
static efn_view joined(const efn_view *view) {
    efn_view j = {.dims = {1, 1, 1, 1, 1, 1}};
    uint32_t at = EFN_MAX_RANK; // of the outermost so far
    for (uint32_t i = EFN_MAX_RANK; i-- > 0;) {
        if (view->dims[i] == 1)
            continue;
        if (at < EFN_MAX_RANK && view->strides[i] == (int64_t)j.dims[at] * j.strides[at]) {
            j.dims[at] *= view->dims[i];
            continue;
        }
        at--;
        j.dims[at] = view->dims[i];
        j.strides[at] = view->strides[i];
    }
    return j;
}

void efn_rearrange_simd(const efn_view *view, const void *x, void *y, uint32_t item) {
    const efn_view j = joined(view);
    const uint32_t *dims = j.dims;
    const int32_t *s = j.strides;
    const plane p = {dims[4], dims[5], s[4], s[5]};
    uint8_t *to = y;
    for (uint32_t a = 0; a < dims[0]; a++)
        for (uint32_t b = 0; b < dims[1]; b++)
            for (uint32_t c = 0; c < dims[2]; c++)
                for (uint32_t d = 0; d < dims[3]; d++, to += p.rows * p.columns * item) {
                    const ptrdiff_t from =
                        (ptrdiff_t)a * s[0] + (ptrdiff_t)b * s[1] + (ptrdiff_t)c * s[2] + (ptrdiff_t)d * s[3];
                    if (item == 1)
                        plane_uint8_t((const uint8_t *)x + from, to, &p);
                    else
                        plane_uint32_t((const uint32_t *)x + from, (uint32_t *)to, &p);
                }
}

// One element at a time: its index in y, split into coordinates, gives its place in x.
void efn_rearrange_ref(const efn_view *view, const void *x, void *y, uint32_t item) {
    uint8_t *to = y;
    uint32_t all = 1;
    for (uint32_t i = 0; i < EFN_MAX_RANK; i++)
        all *= view->dims[i];
    for (uint32_t index = 0; index < all; index++) {
        uint32_t rest = index;
        ptrdiff_t from = 0;
        for (uint32_t i = EFN_MAX_RANK; i-- > 0; rest /= view->dims[i])
            from += (ptrdiff_t)(rest % view->dims[i]) * view->strides[i];
        const uint8_t *element = (const uint8_t *)x + from * (ptrdiff_t)item;
        for (uint32_t b = 0; b < item; b++)
            *to++ = element[b];
    }
}

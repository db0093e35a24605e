// strided: y[i0, ..., i5] = x[offset + sum of i_k * s_k]. y is written in order.
#include "../core/check.h"
#include "../core/table.h"

// All products stay below 2^61: the dims multiply to at most 2^30, so that the sum of (dim - 1) is below that too.
efn_status efn_strided_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_strided *p = (const efn_strided *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y && x->dtype == y->dtype, EFN_BAD_OPERAND);
    uint64_t elements = 1;
    int64_t least = p->offset, most = p->offset;
    for (uint32_t i = 0; i < EFN_MAX_RANK; i++) {
        elements *= p->dims[i];
        EFN_REQUIRE(1 <= elements && elements <= EFN_MAX_ELEMENTS, EFN_BAD_SHAPE);
        const int64_t reach = (int64_t)(p->dims[i] - 1) * p->strides[i];
        *(reach < 0 ? &least : &most) += reach;
    }
    EFN_REQUIRE(elements == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(least >= 0 && most < efn_elements(x), EFN_BAD_PARAMETER);
    return efn_check_apart(x, y, 0);
}

// One plane: the two innermost dims, `rows` by `columns`. y [rows][columns]; x steps `down` a row, `across` a column.
#define PLANE(type, FILL)                                                                                              \
    static void plane_##type(const type *x, type *y, const efn_strided *p) {                                           \
        const uint32_t rows = p->dims[4], columns = p->dims[5];                                                        \
        const int32_t down = p->strides[4], across = p->strides[5];                                                    \
        for (uint32_t i = 0; i < rows; i++, x += down, y += columns) {                                                 \
            if (across == 1)                                                                                           \
                efn_copy(y, x, columns * (uint32_t)sizeof(type));                                                      \
            else if (across == 0)                                                                                      \
                FILL(y, *x, columns);                                                                                  \
            else                                                                                                       \
                for (uint32_t j = 0; j < columns; j++)                                                                 \
                    y[j] = x[(ptrdiff_t)j * across];                                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    static void all_##type(const type *x, type *y, const efn_strided *p) {                                             \
        const uint32_t *dims = p->dims, plane = dims[4] * dims[5];                                                     \
        const int32_t *s = p->strides;                                                                                 \
        for (uint32_t a = 0; a < dims[0]; a++)                                                                         \
            for (uint32_t b = 0; b < dims[1]; b++)                                                                     \
                for (uint32_t c = 0; c < dims[2]; c++)                                                                 \
                    for (uint32_t d = 0; d < dims[3]; d++, y += plane)                                                 \
                        plane_##type(x + (ptrdiff_t)a * s[0] + (ptrdiff_t)b * s[1] + (ptrdiff_t)c * s[2] +             \
                                         (ptrdiff_t)d * s[3],                                                          \
                                     y, p);                                                                            \
    }

PLANE(uint8_t, efn_fill)
PLANE(uint32_t, efn_fill_words)

void efn_strided_simd(const efn_site *site, const uint32_t *words) {
    const efn_strided *p = (const efn_strided *)words;
    if (efn_item_size(efn_record(site, p->y)->dtype) == 1)
        all_uint8_t((const uint8_t *)efn_in(site, p->x) + p->offset, efn_out(site, p->y), p);
    else
        all_uint32_t((const uint32_t *)efn_in(site, p->x) + p->offset, efn_out(site, p->y), p);
}

// One element at a time: its index in y, split into coordinates, gives its place in x.
void efn_strided_ref(const efn_site *site, const uint32_t *words) {
    const efn_strided *p = (const efn_strided *)words;
    const efn_tensor *yt = efn_record(site, p->y);
    const uint32_t item = efn_item_size(yt->dtype), all = efn_elements(yt);
    const uint8_t *x = efn_in(site, p->x);
    uint8_t *y = efn_out(site, p->y);
    for (uint32_t index = 0; index < all; index++) {
        uint32_t rest = index;
        int64_t from = p->offset;
        for (uint32_t i = EFN_MAX_RANK; i-- > 0; rest /= p->dims[i])
            from += (int64_t)(rest % p->dims[i]) * p->strides[i];
        for (uint32_t b = 0; b < item; b++)
            y[(size_t)index * item + b] = x[(size_t)from * item + b];
    }
}

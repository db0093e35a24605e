// transpose: y.dims[i] = x.dims[axes[i]]. y is written in order; x is read with the strides of its permuted axes.
#include "../core/check.h"
#include "../core/table.h"

efn_status efn_transpose_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_transpose *p = (const efn_transpose *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y && x->dtype == y->dtype, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->rank == y->rank, EFN_BAD_SHAPE);
    uint32_t seen = 0;
    for (uint32_t i = 0; i < EFN_MAX_RANK; i++) {
        const uint32_t axis = p->axes[i];
        if (i >= x->rank) {
            EFN_REQUIRE(axis == 0, EFN_BAD_PARAMETER);
            continue;
        }
        EFN_REQUIRE(axis < x->rank && !(seen >> axis & 1), EFN_BAD_PARAMETER);
        EFN_REQUIRE(y->dims[i] == x->dims[axis], EFN_BAD_SHAPE);
        seen |= 1u << axis;
    }
    return efn_check_apart(x, y, 0);
}

// The walk: dims of y, padded in front to EFN_MAX_RANK with ones, and the stride in x of each, in elements.
typedef struct {
    uint32_t dims[EFN_MAX_RANK], strides[EFN_MAX_RANK];
} walk;

static walk walk_of(const efn_transpose *p, const efn_tensor *x, const efn_tensor *y) {
    uint32_t strides[EFN_MAX_RANK] = {0}, stride = 1;
    for (uint32_t i = x->rank; i-- > 0; stride *= x->dims[i])
        strides[i] = stride;
    walk w;
    const uint32_t front = EFN_MAX_RANK - y->rank;
    for (uint32_t i = 0; i < EFN_MAX_RANK; i++) {
        w.dims[i] = i < front ? 1 : y->dims[i - front];
        w.strides[i] = i < front ? 0 : strides[p->axes[i - front]];
    }
    return w;
}

// One plane: the two innermost axes, `rows` by `columns`. y [rows][columns].
#define PLANE(type)                                                                                                    \
    static void plane_##type(const type *x, type *y, const walk *w) {                                                  \
        const uint32_t rows = w->dims[4], columns = w->dims[5], down = w->strides[4], across = w->strides[5];          \
        if (across == 1) {                                                                                             \
            for (uint32_t i = 0; i < rows; i++, x += down, y += columns)                                               \
                efn_copy(y, x, columns * (uint32_t)sizeof(type));                                                      \
            return;                                                                                                    \
        }                                                                                                              \
        for (uint32_t i = 0; i < rows; i++, x += down, y += columns)                                                   \
            for (uint32_t j = 0; j < columns; j++)                                                                     \
                y[j] = x[(size_t)j * across];                                                                          \
    }                                                                                                                  \
    static void all_##type(const type *x, type *y, const walk *w) {                                                    \
        const uint32_t plane = w->dims[4] * w->dims[5];                                                                \
        for (uint32_t a = 0; a < w->dims[0]; a++)                                                                      \
            for (uint32_t b = 0; b < w->dims[1]; b++)                                                                  \
                for (uint32_t c = 0; c < w->dims[2]; c++)                                                              \
                    for (uint32_t d = 0; d < w->dims[3]; d++, y += plane)                                              \
                        plane_##type(x + (size_t)a * w->strides[0] + (size_t)b * w->strides[1] +                       \
                                         (size_t)c * w->strides[2] + (size_t)d * w->strides[3],                        \
                                     y, w);                                                                            \
    }

PLANE(uint8_t)
PLANE(uint32_t)

void efn_transpose_simd(const efn_site *site, const uint32_t *words) {
    const efn_transpose *p = (const efn_transpose *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const walk w = walk_of(p, xt, yt);
    if (efn_item_size(yt->dtype) == 1)
        all_uint8_t(efn_in(site, p->x), efn_out(site, p->y), &w);
    else
        all_uint32_t(efn_in(site, p->x), efn_out(site, p->y), &w);
}

// One element at a time: its index in y, split into coordinates, gives its place in x.
void efn_transpose_ref(const efn_site *site, const uint32_t *words) {
    const efn_transpose *p = (const efn_transpose *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const walk w = walk_of(p, xt, yt);
    const uint32_t item = efn_item_size(yt->dtype), all = efn_elements(yt);
    const uint8_t *x = efn_in(site, p->x);
    uint8_t *y = efn_out(site, p->y);
    for (uint32_t index = 0; index < all; index++) {
        uint32_t rest = index, from = 0;
        for (uint32_t i = EFN_MAX_RANK; i-- > 0; rest /= w.dims[i])
            from += rest % w.dims[i] * w.strides[i];
        for (uint32_t b = 0; b < item; b++)
            y[(size_t)index * item + b] = x[(size_t)from * item + b];
    }
}

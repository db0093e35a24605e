// transpose: y.dims[i] = x.dims[axes[i]].
#include "../core/check.h"
#include "../core/rearrange.h"
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

// The dims of y, and the stride in x of each.
static efn_view view_of(const efn_transpose *p, const efn_tensor *x, const efn_tensor *y) {
    int32_t strides[EFN_MAX_RANK] = {0}, stride = 1;
    for (uint32_t i = x->rank; i-- > 0; stride *= (int32_t)x->dims[i])
        strides[i] = stride;
    efn_view w = {.dims = {1, 1, 1, 1, 1, 1}};
    for (uint32_t i = 0; i < y->rank; i++) {
        w.dims[i] = y->dims[i];
        w.strides[i] = strides[p->axes[i]];
    }
    return w;
}

void efn_transpose_simd(const efn_site *site, const uint32_t *words) {
    const efn_transpose *p = (const efn_transpose *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const efn_view w = view_of(p, xt, yt);
    efn_rearrange_simd(&w, efn_in(site, p->x), efn_out(site, p->y), efn_item_size(yt->dtype));
}

void efn_transpose_ref(const efn_site *site, const uint32_t *words) {
    const efn_transpose *p = (const efn_transpose *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const efn_view w = view_of(p, xt, yt);
    efn_rearrange_ref(&w, efn_in(site, p->x), efn_out(site, p->y), efn_item_size(yt->dtype));
}

// strided: y[i0, ..., i5] = x[offset + sum of i_k * s_k].
#include "../core/check.h"
#include "../core/rearrange.h"
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
        elements *= p->view.dims[i];
        EFN_REQUIRE(1 <= elements && elements <= EFN_MAX_ELEMENTS, EFN_BAD_SHAPE);
        const int64_t reach = (int64_t)(p->view.dims[i] - 1) * p->view.strides[i];
        *(reach < 0 ? &least : &most) += reach;
    }
    EFN_REQUIRE(elements == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(least >= 0 && most < efn_elements(x), EFN_BAD_PARAMETER);
    return efn_check_apart(x, y, 0);
}

// Where the first element of y lies in x.
static const uint8_t *begin_of(const efn_site *site, const efn_strided *p, uint32_t item) {
    return (const uint8_t *)efn_in(site, p->x) + (size_t)p->offset * item;
}

void efn_strided_simd(const efn_site *site, const uint32_t *words) {
    const efn_strided *p = (const efn_strided *)words;
    const uint32_t item = efn_item_size(efn_record(site, p->y)->dtype);
    efn_rearrange_simd(&p->view, begin_of(site, p, item), efn_out(site, p->y), item);
}

void efn_strided_ref(const efn_site *site, const uint32_t *words) {
    const efn_strided *p = (const efn_strided *)words;
    const uint32_t item = efn_item_size(efn_record(site, p->y)->dtype);
    efn_rearrange_ref(&p->view, begin_of(site, p, item), efn_out(site, p->y), item);
}

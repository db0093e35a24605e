// copy: the same bytes under other dims. May run in place, which does nothing.
#include "../core/check.h"
#include "../core/table.h"

efn_status efn_copy_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y && x->dtype == y->dtype, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->bytes == y->bytes, EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 1);
}

void efn_copy_simd(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    efn_copy(efn_out(site, p->y), efn_in(site, p->x), efn_record(site, p->y)->bytes);
}

void efn_copy_ref(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const uint8_t *x = efn_in(site, p->x);
    uint8_t *y = efn_out(site, p->y);
    for (uint32_t i = 0; i < efn_record(site, p->y)->bytes; i++)
        y[i] = x[i];
}

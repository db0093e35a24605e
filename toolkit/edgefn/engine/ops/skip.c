// skip: how many of the ops that follow are left out, by a condition. The executor (core/run.c) does it.
#include "../core/check.h"
#include "../core/table.h"

efn_status efn_skip_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_skip *p = (const efn_skip *)words;
    const efn_tensor *cond = efn_readable(plan, p->cond, EFN_U8), *y = efn_writable(plan, p->y, EFN_I32);
    EFN_REQUIRE(cond && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(cond) == 1 && efn_elements(y) == 1, EFN_BAD_SHAPE);
    EFN_REQUIRE(p->expected <= 1 && p->count >= 1 && p->count <= efn_following(plan), EFN_BAD_PARAMETER);
    return efn_check_apart(cond, y, 0);
}

void efn_skip_simd(const efn_site *site, const uint32_t *words) {
    const efn_skip *p = (const efn_skip *)words;
    const uint8_t *cond = efn_in(site, p->cond);
    *(uint32_t *)efn_out(site, p->y) = (*cond != 0) == p->expected ? p->count : 0;
}

void efn_skip_ref(const efn_site *site, const uint32_t *words) {
    efn_skip_simd(site, words);
}

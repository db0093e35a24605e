// lookup: every byte of x by a table of 256. May run in place.
#include "../core/check.h"
#include "../core/table.h"

static int is_byte(const efn_tensor *t) {
    return efn_item_size(t->dtype) == 1;
}

efn_status efn_lookup_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_lookup *p = (const efn_lookup *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y && is_byte(x) && is_byte(y), EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    EFN_TRY(efn_check_packed(plan, p->table, y->dtype, 256));
    return efn_check_apart(x, y, 1);
}

// Wasm has no gather: four loads at a time are as fast as it gets, faster than 16 swizzles.
void efn_lookup_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_lookup *p = (const efn_lookup *)words;
    const uint8_t *x = efn_in(site, p->x), *table = efn_in(site, p->table);
    uint8_t *y = efn_out(site, p->y);
    const uint32_t n = efn_elements(efn_record(site, p->y));
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const uint8_t a = table[x[i]], b = table[x[i + 1]], c = table[x[i + 2]], d = table[x[i + 3]];
        y[i] = a, y[i + 1] = b, y[i + 2] = c, y[i + 3] = d;
    }
    for (; i < n; i++)
        y[i] = table[x[i]];
}

void efn_lookup_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_lookup *p = (const efn_lookup *)words;
    const uint8_t *x = efn_in(site, p->x), *table = efn_in(site, p->table);
    uint8_t *y = efn_out(site, p->y);
    const uint32_t n = efn_elements(efn_record(site, p->y));
    for (uint32_t i = 0; i < n; i++)
        y[i] = table[x[i]];
}

// flip_sign: u8 to i8 or back, by adding 128 modulo 256. May run in place.
#include "../core/check.h"
#include "../core/table.h"

static int is_byte(const efn_tensor *t) {
    return t->dtype == EFN_I8 || t->dtype == EFN_U8;
}

efn_status efn_flip_sign_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y && is_byte(x) && is_byte(y) && x->dtype != y->dtype, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 1);
}

static void flip_from(const uint8_t *x, uint8_t *y, uint32_t i, uint32_t n) {
    for (; i < n; i++)
        y[i] = x[i] ^ 0x80;
}

void efn_flip_sign_simd(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const uint8_t *x = efn_in(site, p->x); // [n]
    uint8_t *y = efn_out(site, p->y);      // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16)
        wasm_v128_store(y + i, wasm_v128_xor(wasm_v128_load(x + i), wasm_u8x16_const_splat(0x80)));
    flip_from(x, y, i, n);
}

void efn_flip_sign_ref(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    flip_from(efn_in(site, p->x), efn_out(site, p->y), 0, efn_elements(efn_record(site, p->y)));
}

// requantize: i8 to i8 of another scale, round_half_to_even(f32(x - x_zero) * mult) + y_zero. May run in place.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

efn_status efn_requantize_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_requantize_i8 *p = (const efn_requantize_i8 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_finite_positive(p->mult), EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    return efn_check_apart(x, y, 1);
}

static void requantize_from(const efn_requantize_i8 *p, const int8_t *x, int8_t *y, uint32_t i, uint32_t n) {
    for (; i < n; i++)
        y[i] = efn_narrow((float)(x[i] - p->x_zero) * p->mult, p->y_zero, -128, 127);
}

void efn_requantize_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_requantize_i8 *p = (const efn_requantize_i8 *)words;
    const int8_t *x = efn_in(site, p->x); // [n]
    int8_t *y = efn_out(site, p->y);      // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    const v128_t mult = wasm_f32x4_splat(p->mult), zero = wasm_i16x8_splat((int16_t)p->x_zero);
    const efn_narrowing to = efn_narrowing_of(p->y_zero, -128, 127);
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const v128_t centred = wasm_i16x8_sub(wasm_i16x8_load8x8(x + i), zero);
        const v128_t low = efn_narrow_lanes(wasm_f32x4_mul(efn_low_f32(centred), mult), &to);
        const v128_t high = efn_narrow_lanes(wasm_f32x4_mul(efn_high_f32(centred), mult), &to);
        wasm_v128_store64_lane(y + i, efn_to_i8(low, high), 0);
    }
    requantize_from(p, x, y, i, n);
}

void efn_requantize_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_requantize_i8 *p = (const efn_requantize_i8 *)words;
    requantize_from(p, efn_in(site, p->x), efn_out(site, p->y), 0, efn_elements(efn_record(site, p->y)));
}

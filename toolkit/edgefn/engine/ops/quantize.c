// quantize: f32 to i8, round_half_to_even(x * inverse_scale) + y_zero; NaN gives y_zero.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

efn_status efn_quantize_f32_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_affine_op *p = (const efn_affine_op *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_finite_positive(p->scale), EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->zero));
    return efn_check_apart(x, y, 0);
}

static void quantize_from(const efn_affine_op *p, const float *x, int8_t *y, uint32_t i, uint32_t n) {
    for (; i < n; i++)
        y[i] = efn_narrow(x[i] * p->scale, p->zero, -128, 127);
}

void efn_quantize_f32_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_affine_op *p = (const efn_affine_op *)words;
    const float *x = efn_in(site, p->x); // [n]
    int8_t *y = efn_out(site, p->y);     // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    const v128_t scale = wasm_f32x4_splat(p->scale);
    const efn_narrowing to = efn_narrowing_of(p->zero, -128, 127);
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const v128_t low = efn_narrow_lanes(wasm_f32x4_mul(wasm_v128_load(x + i), scale), &to);
        const v128_t high = efn_narrow_lanes(wasm_f32x4_mul(wasm_v128_load(x + i + 4), scale), &to);
        wasm_v128_store64_lane(y + i, efn_to_i8(low, high), 0);
    }
    quantize_from(p, x, y, i, n);
}

void efn_quantize_f32_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_affine_op *p = (const efn_affine_op *)words;
    quantize_from(p, efn_in(site, p->x), efn_out(site, p->y), 0, efn_elements(efn_record(site, p->y)));
}

// dequantize: i8 to f32, f32(x - x_zero) * scale.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

efn_status efn_dequantize_i8_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_affine_op *p = (const efn_affine_op *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_finite_positive(p->scale), EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->zero));
    return efn_check_apart(x, y, 0);
}

static void dequantize_from(const efn_affine_op *p, const int8_t *x, float *y, uint32_t i, uint32_t n) {
    for (; i < n; i++)
        y[i] = (float)(x[i] - p->zero) * p->scale;
}

void efn_dequantize_i8_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_affine_op *p = (const efn_affine_op *)words;
    const int8_t *x = efn_in(site, p->x); // [n]
    float *y = efn_out(site, p->y);       // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    const v128_t scale = wasm_f32x4_splat(p->scale), zero = wasm_i16x8_splat((int16_t)p->zero);
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const v128_t centred = wasm_i16x8_sub(wasm_i16x8_load8x8(x + i), zero);
        wasm_v128_store(y + i, wasm_f32x4_mul(efn_low_f32(centred), scale));
        wasm_v128_store(y + i + 4, wasm_f32x4_mul(efn_high_f32(centred), scale));
    }
    dequantize_from(p, x, y, i, n);
}

void efn_dequantize_i8_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_affine_op *p = (const efn_affine_op *)words;
    dequantize_from(p, efn_in(site, p->x), efn_out(site, p->y), 0, efn_elements(efn_record(site, p->y)));
}

// clamp: min(max(x, low), high). May run in place.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

static efn_status check_both(const efn_plan *plan, uint32_t x_index, uint32_t y_index, uint8_t dtype) {
    const efn_tensor *x = efn_readable(plan, x_index, dtype), *y = efn_writable(plan, y_index, dtype);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 1);
}

efn_status efn_clamp_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_clamp_f32 *p = (const efn_clamp_f32 *)words;
    EFN_TRY(efn_check_clamp_f32(p->low, p->high));
    return check_both(plan, p->x, p->y, EFN_F32);
}

efn_status efn_clamp_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_clamp_i8 *p = (const efn_clamp_i8 *)words;
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    return check_both(plan, p->x, p->y, EFN_I8);
}

static void f32_from(const efn_clamp_f32 *p, const float *x, float *y, uint32_t i, uint32_t n) {
    for (; i < n; i++)
        y[i] = efn_clamp(x[i], p->low, p->high);
}

void efn_clamp_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_clamp_f32 *p = (const efn_clamp_f32 *)words;
    const float *x = efn_in(site, p->x); // [n]
    float *y = efn_out(site, p->y);      // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    const v128_t low = wasm_f32x4_splat(p->low), high = wasm_f32x4_splat(p->high);
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4)
        wasm_v128_store(y + i, efn_clamp_lanes(wasm_v128_load(x + i), low, high));
    f32_from(p, x, y, i, n);
}

void efn_clamp_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_clamp_f32 *p = (const efn_clamp_f32 *)words;
    f32_from(p, efn_in(site, p->x), efn_out(site, p->y), 0, efn_elements(efn_record(site, p->y)));
}

static void i8_from(const efn_clamp_i8 *p, const int8_t *x, int8_t *y, uint32_t i, uint32_t n) {
    for (; i < n; i++)
        y[i] = (int8_t)(x[i] < p->low ? p->low : x[i] > p->high ? p->high : x[i]);
}

void efn_clamp_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_clamp_i8 *p = (const efn_clamp_i8 *)words;
    const int8_t *x = efn_in(site, p->x); // [n]
    int8_t *y = efn_out(site, p->y);      // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    const v128_t low = wasm_i8x16_splat((int8_t)p->low), high = wasm_i8x16_splat((int8_t)p->high);
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16)
        wasm_v128_store(y + i, wasm_i8x16_min(wasm_i8x16_max(wasm_v128_load(x + i), low), high));
    i8_from(p, x, y, i, n);
}

void efn_clamp_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_clamp_i8 *p = (const efn_clamp_i8 *)words;
    i8_from(p, efn_in(site, p->x), efn_out(site, p->y), 0, efn_elements(efn_record(site, p->y)));
}

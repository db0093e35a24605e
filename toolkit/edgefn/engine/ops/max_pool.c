// max_pool: the largest input element each window covers. The last block of an odd C overlaps the one before it.
#include "../core/lanes.h"
#include "pool.h"

efn_status efn_max_pool_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    return efn_check_pool(plan, (const efn_pool *)words, EFN_F32);
}

efn_status efn_max_pool_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    return efn_check_pool(plan, (const efn_pool *)words, EFN_I8);
}

// ---- f32; NaN is never larger ----

static void channels_f32(const efn_pool *p, const float *x, uint32_t line, const efn_cover *cover, uint32_t c,
                         float *y) {
    (void)p;
    for (uint32_t i = 0; i < c; i++) {
        float most = -__builtin_inff();
        EFN_EACH_TAP(float, most = most < *at ? *at : most)
        y[i] = most;
    }
}

// y[4] of channels i .. i + 3.
EFN_INLINE void block_f32(const float *x, uint32_t line, const efn_cover *cover, uint32_t c, uint32_t i, float *y) {
    v128_t most = wasm_f32x4_splat(-__builtin_inff());
    EFN_EACH_TAP(float, most = wasm_f32x4_pmax(most, wasm_v128_load(at)))
    wasm_v128_store(y + i, most);
}

static void pixel_f32(const efn_pool *p, const float *x, uint32_t line, const efn_cover *cover, uint32_t c, float *y) {
    if (c < 4) {
        channels_f32(p, x, line, cover, c, y);
        return;
    }
    uint32_t i = 0;
    for (; i + 4 <= c; i += 4)
        block_f32(x, line, cover, c, i, y);
    if (i < c)
        block_f32(x, line, cover, c, c - 4, y);
}

void efn_max_pool_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_pool *p = (const efn_pool *)words, *pool = p;
    EFN_EACH_PIXEL(float, pixel_f32)
}

void efn_max_pool_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_pool *p = (const efn_pool *)words, *pool = p;
    EFN_EACH_PIXEL(float, channels_f32)
}

// ---- i8 ----

static void channels_i8(const efn_pool *p, const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c,
                        int8_t *y) {
    (void)p;
    for (uint32_t i = 0; i < c; i++) {
        int8_t most = -128;
        EFN_EACH_TAP(int8_t, most = most < *at ? *at : most)
        y[i] = most;
    }
}

// y[16] of channels i .. i + 15.
EFN_INLINE void block_i8(const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c, uint32_t i, int8_t *y) {
    v128_t most = wasm_i8x16_const_splat(-128);
    EFN_EACH_TAP(int8_t, most = wasm_i8x16_max(most, wasm_v128_load(at)))
    wasm_v128_store(y + i, most);
}

// y[8] of channels i .. i + 7.
EFN_INLINE void half_i8(const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c, uint32_t i, int8_t *y) {
    v128_t most = wasm_i8x16_const_splat(-128);
    EFN_EACH_TAP(int8_t, most = wasm_i8x16_max(most, wasm_v128_load64_zero(at)))
    wasm_v128_store64_lane(y + i, most, 0);
}

static void pixel_i8(const efn_pool *p, const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c, int8_t *y) {
    if (c < 8) {
        channels_i8(p, x, line, cover, c, y);
        return;
    }
    uint32_t i = 0;
    for (; i + 16 <= c; i += 16)
        block_i8(x, line, cover, c, i, y);
    for (; i + 8 <= c; i += 8)
        half_i8(x, line, cover, c, i, y);
    if (i < c)
        half_i8(x, line, cover, c, c - 8, y);
}

void efn_max_pool_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_pool *p = (const efn_pool *)words, *pool = p;
    EFN_EACH_PIXEL(int8_t, pixel_i8)
}

void efn_max_pool_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_pool *p = (const efn_pool *)words, *pool = p;
    EFN_EACH_PIXEL(int8_t, channels_i8)
}

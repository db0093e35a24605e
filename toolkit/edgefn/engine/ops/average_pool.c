// average_pool: the sum of what a window covers, in the order (ky, kx), divided by kh * kw (count_padding) or by the
// elements covered. The last block of an odd C overlaps the one before it.
#include "../core/fixed.h"
#include "pool.h"

efn_status efn_average_pool_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_average_pool_f32 *p = (const efn_average_pool_f32 *)words;
    EFN_REQUIRE(p->count_padding <= 1, EFN_BAD_PARAMETER);
    return efn_check_pool(plan, &p->pool, EFN_F32);
}

efn_status efn_average_pool_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_average_pool_i8 *p = (const efn_average_pool_i8 *)words;
    EFN_REQUIRE(p->count_padding <= 1 && efn_finite_positive(p->mult), EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    return efn_check_pool(plan, &p->pool, EFN_I8);
}

EFN_INLINE float divisor(const efn_pool *pool, uint32_t count_padding, const efn_cover *cover) {
    return (float)(count_padding ? pool->kh * pool->kw : efn_cover_count(cover));
}

// ---- f32, and in f64 where a window has so many elements that their sum would lose what they differ in ----

EFN_INLINE int is_wide(const efn_pool *pool) {
    return pool->kh * pool->kw > 64;
}

static void channels_f32(const efn_average_pool_f32 *p, const float *x, uint32_t line, const efn_cover *cover,
                         uint32_t c, float *y) {
    const float by = divisor(&p->pool, p->count_padding, cover);
    for (uint32_t i = 0; i < c; i++) {
        if (is_wide(&p->pool)) {
            double sum = 0;
            EFN_EACH_TAP(float, sum += (double)*at)
            y[i] = (float)(sum / (double)by);
            continue;
        }
        float sum = 0;
        EFN_EACH_TAP(float, sum += *at)
        y[i] = sum / by;
    }
}

// y[4] of channels i .. i + 3.
EFN_INLINE void block_f32(const float *x, uint32_t line, const efn_cover *cover, uint32_t c, float by, uint32_t i,
                          float *y) {
    v128_t sum = wasm_f32x4_const_splat(0);
    EFN_EACH_TAP(float, sum = wasm_f32x4_add(sum, wasm_v128_load(at)))
    wasm_v128_store(y + i, wasm_f32x4_div(sum, wasm_f32x4_splat(by)));
}

EFN_INLINE void wide_block(const float *x, uint32_t line, const efn_cover *cover, uint32_t c, double by, uint32_t i,
                           float *y) {
    v128_t low = wasm_f64x2_const_splat(0), high = low; // f64x2
    EFN_EACH_TAP(float, {
        const v128_t v = wasm_v128_load(at);
        low = wasm_f64x2_add(low, wasm_f64x2_promote_low_f32x4(v));
        high = wasm_f64x2_add(high, wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(v, v, 1, 1)));
    })
    low = wasm_f32x4_demote_f64x2_zero(wasm_f64x2_div(low, wasm_f64x2_splat(by)));
    high = wasm_f32x4_demote_f64x2_zero(wasm_f64x2_div(high, wasm_f64x2_splat(by)));
    wasm_v128_store(y + i, wasm_i64x2_shuffle(low, high, 0, 2));
}

static void pixel_f32(const efn_average_pool_f32 *p, const float *x, uint32_t line, const efn_cover *cover, uint32_t c,
                      float *y) {
    if (c < 4) {
        channels_f32(p, x, line, cover, c, y);
        return;
    }
    const float by = divisor(&p->pool, p->count_padding, cover);
    for (uint32_t at = 0; at < c; at += 4) {
        const uint32_t i = efn_min(at, c - 4);
        if (is_wide(&p->pool))
            wide_block(x, line, cover, c, by, i, y);
        else
            block_f32(x, line, cover, c, by, i, y);
    }
}

void efn_average_pool_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_average_pool_f32 *p = (const efn_average_pool_f32 *)words;
    const efn_pool *pool = &p->pool;
    EFN_EACH_PIXEL(float, pixel_f32)
}

void efn_average_pool_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_average_pool_f32 *p = (const efn_average_pool_f32 *)words;
    const efn_pool *pool = &p->pool;
    EFN_EACH_PIXEL(float, channels_f32)
}

// ---- i8: at most 2^24 elements a window, so a sum of x - x_zero may wrap only where plan.md says it wraps ----

static void channels_i8(const efn_average_pool_i8 *p, const int8_t *x, uint32_t line, const efn_cover *cover,
                        uint32_t c, int8_t *y) {
    const float mult = p->mult / divisor(&p->pool, p->count_padding, cover);
    for (uint32_t i = 0; i < c; i++) {
        uint32_t sum = 0; // unsigned: wraps
        EFN_EACH_TAP(int8_t, sum += (uint32_t)(*at - p->x_zero))
        y[i] = efn_narrow((float)(int32_t)sum * mult, p->y_zero, p->low, p->high);
    }
}

// y[8] of channels i .. i + 7.
EFN_INLINE void block_i8(const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c, v128_t zeros, v128_t mult,
                         const efn_narrowing *to, uint32_t i, int8_t *y) {
    v128_t low = zeros, high = zeros; // i32x4: minus x_zero for every element
    EFN_EACH_TAP(int8_t, {
        const v128_t v = wasm_i16x8_load8x8(at);
        low = wasm_i32x4_add(low, wasm_i32x4_extend_low_i16x8(v));
        high = wasm_i32x4_add(high, wasm_i32x4_extend_high_i16x8(v));
    })
    low = efn_narrow_lanes(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(low), mult), to);
    high = efn_narrow_lanes(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(high), mult), to);
    wasm_v128_store64_lane(y + i, efn_to_i8(low, high), 0);
}

static void pixel_i8(const efn_average_pool_i8 *p, const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c,
                     int8_t *y) {
    if (c < 8) {
        channels_i8(p, x, line, cover, c, y);
        return;
    }
    const v128_t mult = wasm_f32x4_splat(p->mult / divisor(&p->pool, p->count_padding, cover));
    const v128_t zeros = wasm_i32x4_splat((int32_t)(0u - efn_cover_count(cover) * (uint32_t)p->x_zero));
    const efn_narrowing to = efn_narrowing_of(p->y_zero, p->low, p->high);
    uint32_t i = 0;
    for (; i + 8 <= c; i += 8)
        block_i8(x, line, cover, c, zeros, mult, &to, i, y);
    if (i < c)
        block_i8(x, line, cover, c, zeros, mult, &to, c - 8, y);
}

void efn_average_pool_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_average_pool_i8 *p = (const efn_average_pool_i8 *)words;
    const efn_pool *pool = &p->pool;
    EFN_EACH_PIXEL(int8_t, pixel_i8)
}

void efn_average_pool_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_average_pool_i8 *p = (const efn_average_pool_i8 *)words;
    const efn_pool *pool = &p->pool;
    EFN_EACH_PIXEL(int8_t, channels_i8)
}

// ---- q8: the integer mean, halves away from zero. x and y share their quantization. ----

#define MOST_Q8 (1u << 16) // elements a window: a sum, and its quotient's distance to the next integer, fit in f32

efn_status efn_average_pool_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_average_pool_q8 *p = (const efn_average_pool_q8 *)words;
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    EFN_TRY(efn_check_pool(plan, &p->pool, EFN_I8));
    return p->pool.kh * p->pool.kw <= MOST_Q8 ? EFN_OK : EFN_BAD_PARAMETER;
}

static void channels_q8(const efn_average_pool_q8 *p, const int8_t *x, uint32_t line, const efn_cover *cover,
                        uint32_t c, int8_t *y) {
    const int32_t count = (int32_t)efn_cover_count(cover);
    for (uint32_t i = 0; i < c; i++) {
        int32_t sum = 0;
        EFN_EACH_TAP(int8_t, sum += *at)
        y[i] = efn_ended((sum > 0 ? sum + count / 2 : sum - count / 2) / count, 0, p->low, p->high);
    }
}

// i32x4 sums to their means: `half` is f32(count / 2), `by` f32(count). Every f32 here is exact but the quotient, and
// that one is cut off at the right integer.
EFN_INLINE v128_t mean_lanes(v128_t sum, v128_t half, v128_t by) {
    const v128_t v = wasm_f32x4_convert_i32x4(sum);
    const v128_t towards = wasm_v128_or(half, wasm_v128_and(v, wasm_f32x4_const_splat(-0.0f)));
    return wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_div(wasm_f32x4_add(v, towards), by));
}

// y[8] of channels i .. i + 7.
EFN_INLINE void block_q8(const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c, const efn_ending *to,
                         uint32_t i, int8_t *y) {
    const int32_t count = (int32_t)efn_cover_count(cover);
    const v128_t half = wasm_f32x4_splat((float)(count / 2)), by = wasm_f32x4_splat((float)count);
    v128_t low = wasm_i32x4_const_splat(0), high = low;
    EFN_EACH_TAP(int8_t, {
        const v128_t v = wasm_i16x8_load8x8(at);
        low = wasm_i32x4_add(low, wasm_i32x4_extend_low_i16x8(v));
        high = wasm_i32x4_add(high, wasm_i32x4_extend_high_i16x8(v));
    })
    wasm_v128_store64_lane(y + i, efn_ended_lanes(mean_lanes(low, half, by), mean_lanes(high, half, by), to), 0);
}

static void pixel_q8(const efn_average_pool_q8 *p, const int8_t *x, uint32_t line, const efn_cover *cover, uint32_t c,
                     int8_t *y) {
    if (c < 8) {
        channels_q8(p, x, line, cover, c, y);
        return;
    }
    const efn_ending to = efn_ending_of(0, p->low, p->high);
    for (uint32_t i = 0;; i = efn_min(i + 8, c - 8)) {
        block_q8(x, line, cover, c, &to, i, y);
        if (i == c - 8)
            break;
    }
}

void efn_average_pool_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_average_pool_q8 *p = (const efn_average_pool_q8 *)words;
    const efn_pool *pool = &p->pool;
    EFN_EACH_PIXEL(int8_t, pixel_q8)
}

void efn_average_pool_q8_ref(const efn_site *site, const uint32_t *words) {
    const efn_average_pool_q8 *p = (const efn_average_pool_q8 *)words;
    const efn_pool *pool = &p->pool;
    EFN_EACH_PIXEL(int8_t, channels_q8)
}

// The arithmetic of plan.md, four lanes at a time and one at a time. Both give the same bits; only efn_madd may fuse,
// in relaxed-simd.
#ifndef EFN_LANES_H
#define EFN_LANES_H

#include "memory.h"

// ---- f32 ----

// a * b + c, rounded twice in simd128, possibly once in relaxed-simd.
EFN_INLINE v128_t efn_madd(v128_t a, v128_t b, v128_t c) {
#ifdef __wasm_relaxed_simd__
    return wasm_f32x4_relaxed_madd(a, b, c);
#else
    return wasm_f32x4_add(c, wasm_f32x4_mul(a, b));
#endif
}

// min(max(v, low), high); NaN stays NaN. pmin and pmax are one instruction each, min and max are six on x86.
EFN_INLINE v128_t efn_clamp_lanes(v128_t v, v128_t low, v128_t high) {
    return wasm_f32x4_pmin(wasm_f32x4_pmax(v, low), high);
}

EFN_INLINE float efn_clamp(float v, float low, float high) {
    v = v < low ? low : v;
    return high < v ? high : v;
}

// Four rows to four columns.
EFN_INLINE void efn_transpose_lanes(v128_t r[4]) {
    const v128_t a = wasm_i32x4_shuffle(r[0], r[1], 0, 4, 1, 5), b = wasm_i32x4_shuffle(r[2], r[3], 0, 4, 1, 5);
    const v128_t c = wasm_i32x4_shuffle(r[0], r[1], 2, 6, 3, 7), d = wasm_i32x4_shuffle(r[2], r[3], 2, 6, 3, 7);
    r[0] = wasm_i64x2_shuffle(a, b, 0, 2), r[1] = wasm_i64x2_shuffle(a, b, 1, 3);
    r[2] = wasm_i64x2_shuffle(c, d, 0, 2), r[3] = wasm_i64x2_shuffle(c, d, 1, 3);
}

// ---- f32 to i8: clamp(round_half_to_even(v) + y_zero, low, high), NaN counting as 0 ----

// The clamp moved in front of the rounding and the zero point. The bounds are integers of at most 255, so this changes
// no result and lets an addition of 1.5 * 2^23 do the rounding: its low bits are then the integer.
typedef struct {
    v128_t low, high; // f32x4: low - y_zero, high - y_zero
    v128_t shift;     // i32x4: what turns the rounded float's bits into the answer
} efn_narrowing;

#define EFN_ROUNDING 12582912.0f     // 1.5 * 2^23
#define EFN_ROUNDING_BITS 0x4B400000 // the same, as bits

EFN_INLINE efn_narrowing efn_narrowing_of(int32_t y_zero, int32_t low, int32_t high) {
    return (efn_narrowing){
        .low = wasm_f32x4_splat((float)(low - y_zero)),
        .high = wasm_f32x4_splat((float)(high - y_zero)),
        .shift = wasm_i32x4_splat(y_zero - EFN_ROUNDING_BITS),
    };
}

// f32x4 without NaN to i32x4 in low .. high.
EFN_INLINE v128_t efn_narrow_numbers(v128_t v, const efn_narrowing *to) {
    v = efn_clamp_lanes(v, to->low, to->high);
    return wasm_i32x4_add(wasm_f32x4_add(v, wasm_f32x4_const_splat(EFN_ROUNDING)), to->shift);
}

EFN_INLINE v128_t efn_narrow_lanes(v128_t v, const efn_narrowing *to) {
    return efn_narrow_numbers(wasm_v128_and(v, wasm_f32x4_eq(v, v)), to); // NaN becomes 0
}

// Two i32x4, already in the range of i8, to eight i8 in the low half.
EFN_INLINE v128_t efn_to_i8(v128_t low, v128_t high) {
    v128_t words = wasm_i16x8_narrow_i32x4(low, high);
    return wasm_i8x16_narrow_i16x8(words, words);
}

// One value, as plan.md says it.
EFN_INLINE int8_t efn_narrow(float v, int32_t y_zero, int32_t low, int32_t high) {
    float rounded = __builtin_rintf(v);
    int64_t whole = 0; // NaN
    if (rounded >= 2147483648.0f)
        whole = INT32_MAX;
    else if (rounded < -2147483648.0f)
        whole = INT32_MIN;
    else if (rounded == rounded)
        whole = (int32_t)rounded;
    whole += y_zero;
    if (whole < low)
        whole = low;
    if (whole > high)
        whole = high;
    return (int8_t)whole;
}

// ---- i8 to wider ----

// Four i8 to i32x4 from the low (half 0) or high (half 1) part of i16x8.
EFN_INLINE v128_t efn_low_f32(v128_t i16x8) {
    return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_low_i16x8(i16x8));
}

EFN_INLINE v128_t efn_high_f32(v128_t i16x8) {
    return wasm_f32x4_convert_i32x4(wasm_i32x4_extend_high_i16x8(i16x8));
}

#endif

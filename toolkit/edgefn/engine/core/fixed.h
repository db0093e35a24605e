// TFLite's fixed-point arithmetic as plan.md says it, one value at a time and in lanes. Both give the same bits.
#ifndef EFN_FIXED_H
#define EFN_FIXED_H

#include "lanes.h"

// ---- One value ----

// floor((a * b + 2^30) / 2^31): SaturatingRoundingDoublingHighMul. Not both are INT32_MIN.
EFN_INLINE int32_t efn_high(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

// v / 2^shift, halves away from zero: RoundingDivideByPOT. shift <= 62.
EFN_INLINE int32_t efn_shifted(int32_t v, uint32_t shift) {
    if (shift == 0)
        return v;
    return (int32_t)((v + ((int64_t)1 << (shift - 1)) - (v < 0)) >> shift);
}

// MultiplyByQuantizedMultiplier; the left shift wraps.
EFN_INLINE int32_t efn_scaled(int32_t v, int32_t mult, int32_t shift) {
    const uint32_t left = shift > 0 ? (uint32_t)shift : 0, right = shift < 0 ? (uint32_t)-shift : 0;
    return efn_shifted(efn_high((int32_t)((uint32_t)v << left), mult), right);
}

// acc * mult to the nearest integer, halves away from zero, saturated.
EFN_INLINE int32_t efn_scaled_f64(int32_t acc, double mult) {
    const double v = (double)acc * mult;
    double whole = __builtin_trunc(v);
    if (__builtin_fabs(v - whole) >= 0.5)
        whole += v < 0 ? -1 : 1;
    return whole >= 2147483647.0 ? INT32_MAX : whole <= -2147483648.0 ? INT32_MIN : (int32_t)whole;
}

// clamp(v + y_zero, low, high), the sum wrapping.
EFN_INLINE int8_t efn_ended(int32_t v, int32_t y_zero, int32_t low, int32_t high) {
    v = (int32_t)((uint32_t)v + (uint32_t)y_zero);
    return (int8_t)(v < low ? low : v > high ? high : v);
}

// ---- Four lanes ----

// Bits 31 to 62 of two sums each.
EFN_INLINE v128_t efn_upper(v128_t first_i64x2, v128_t second_i64x2) {
    return wasm_i32x4_shuffle(wasm_i64x2_shl(first_i64x2, 1), wasm_i64x2_shl(second_i64x2, 1), 1, 3, 5, 7);
}

EFN_INLINE v128_t efn_high_lanes(v128_t a, v128_t b) {
    const v128_t half = wasm_i64x2_const_splat(1 << 30);
    return efn_upper(wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4(a, b), half),
                     wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4(a, b), half));
}

// Wasm shifts all lanes by the same count, so a shift of each lane by its own is a product: right by e is times
// 2^(31 - e), then 31 to the right. The factor is held negative, as 2^31 has no i32 but its negative has.
EFN_INLINE int32_t efn_right_factor(int32_t shift) {
    return (int32_t)(0u - (1u << (31 + (shift < 0 ? shift : 0))));
}

EFN_INLINE int32_t efn_left_factor(int32_t shift) {
    return 1 << (shift > 0 ? shift : 0);
}

EFN_INLINE v128_t efn_shifted_lanes(v128_t v, v128_t factor) {
    const v128_t half = wasm_i64x2_const_splat(1 << 30);
    // One less below zero makes halves go away from zero; not where nothing is shifted. No overflow: efn_high of a
    // multiplier that is not negative is never INT32_MIN.
    const v128_t moved = wasm_i32x4_ne(factor, wasm_i32x4_const_splat(INT32_MIN));
    v = wasm_i32x4_add(v, wasm_v128_and(wasm_i32x4_shr(v, 31), moved));
    return efn_upper(wasm_i64x2_sub(half, wasm_i64x2_extmul_low_i32x4(v, factor)),
                     wasm_i64x2_sub(half, wasm_i64x2_extmul_high_i32x4(v, factor)));
}

EFN_INLINE v128_t efn_scaled_lanes(v128_t v, const int32_t *mult, const int32_t *left, const int32_t *right) {
    v = efn_high_lanes(wasm_i32x4_mul(v, wasm_v128_load(left)), wasm_v128_load(mult));
    return efn_shifted_lanes(v, wasm_v128_load(right));
}

// Multipliers and shifts for which one rounding in f64 gives what TFLite's two give, of sums of up to `reach`. For v =
// acc * mult * 2^(shift - 31), TFLite's result is floor(v + 1/2 + h) where v >= 0, h being half of 2^shift, the step of
// its first rounding, or 0 where there is no second; below zero it is floor(v + 1/2 - h). Where |v| > 512 the result is
// clamped anyway. v + h is exact in f64 where |acc| < 2^22; with 1 to 12 bits of shift, no other |v| is below 512. It
// is halfway between two integers only if acc has the factors 2 that mult lacks of 2^30.
EFN_INLINE int efn_is_near(int32_t mult, int32_t shift, uint64_t reach) {
    if (mult == 0) // whatever its shift, as above M
        return 1;
    const int zeros = __builtin_ctz((uint32_t)mult);
    const int exact = (-12 <= shift && shift < 0) || (shift <= 0 && reach < 1u << 22);
    return exact && (zeros <= 20 + shift || reach < 1u << (30 - zeros));
}

// 2^exponent, from -1022 up.
EFN_INLINE double efn_power_of_two(int32_t exponent) {
    const uint64_t bits = (uint64_t)(1023 + exponent) << 52;
    double value;
    __builtin_memcpy(&value, &bits, 8);
    return value;
}

// What a layer's channels need for it: the factor of each, and h.
EFN_INLINE void efn_near_factors(int32_t mult, int32_t shift, double *by, double *half) {
    *by = mult == 0 ? 0 : mult * efn_power_of_two(shift - 31);
    *half = mult == 0 || shift == 0 ? 0 : efn_power_of_two(shift - 1);
}

typedef struct {
    v128_t rounding;  // f64x2: adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits; y_zero is in it
    v128_t low, high; // i8x16
} efn_nearing;

EFN_INLINE efn_nearing efn_nearing_of(int32_t y_zero, int32_t low, int32_t high) {
    return (efn_nearing){wasm_f64x2_splat(6755399441055744.0 + y_zero), wasm_i8x16_splat((int8_t)low),
                         wasm_i8x16_splat((int8_t)high)};
}

EFN_INLINE v128_t efn_near_pair(v128_t f64x2, const double *by, const double *half, const efn_nearing *to) {
    const v128_t v = wasm_f64x2_mul(f64x2, wasm_v128_load(by));
    const v128_t h = wasm_v128_or(wasm_v128_and(v, wasm_f64x2_const_splat(-0.0)), wasm_v128_load(half));
    return wasm_f64x2_add(wasm_f64x2_add(v, h), to->rounding);
}

// i32x4 to i32x4 with y_zero added.
EFN_INLINE v128_t efn_near_lanes(v128_t acc, const double *by, const double *half, const efn_nearing *to) {
    const v128_t upper = wasm_i32x4_shuffle(acc, acc, 2, 3, 2, 3);
    const v128_t low = efn_near_pair(wasm_f64x2_convert_low_i32x4(acc), by, half, to);
    const v128_t high = efn_near_pair(wasm_f64x2_convert_low_i32x4(upper), by + 2, half + 2, to);
    return wasm_i32x4_shuffle(low, high, 0, 2, 4, 6);
}

// Two i32x4 to i16x8, not yet clamped.
EFN_INLINE v128_t efn_near_eight(v128_t left, v128_t right, const double *by, const double *half,
                                 const efn_nearing *to) {
    return wasm_i16x8_narrow_i32x4(efn_near_lanes(left, by, half, to), efn_near_lanes(right, by + 4, half + 4, to));
}

// Two i16x8 to i8x16, clamped.
EFN_INLINE v128_t efn_near_ended(v128_t first, v128_t second, const efn_nearing *to) {
    return wasm_i8x16_min(wasm_i8x16_max(wasm_i8x16_narrow_i16x8(first, second), to->low), to->high);
}

// The same for a layer with f64 multipliers, all below 1: adding the number before 1/2, with the sign of v, and
// dropping what is behind the point rounds halves away from zero.
EFN_INLINE v128_t efn_near_pair_f64(v128_t f64x2, const double *mult, const efn_nearing *to) {
    const v128_t v = wasm_f64x2_mul(f64x2, wasm_v128_load(mult));
    const v128_t half = wasm_f64x2_const_splat(0.49999999999999994);
    const v128_t h = wasm_v128_or(wasm_v128_and(v, wasm_f64x2_const_splat(-0.0)), half);
    return wasm_f64x2_add(wasm_f64x2_trunc(wasm_f64x2_add(v, h)), to->rounding);
}

EFN_INLINE v128_t efn_near_lanes_f64(v128_t acc, const double *mult, const efn_nearing *to) {
    const v128_t upper = wasm_i32x4_shuffle(acc, acc, 2, 3, 2, 3);
    const v128_t low = efn_near_pair_f64(wasm_f64x2_convert_low_i32x4(acc), mult, to);
    const v128_t high = efn_near_pair_f64(wasm_f64x2_convert_low_i32x4(upper), mult + 2, to);
    return wasm_i32x4_shuffle(low, high, 0, 2, 4, 6);
}

EFN_INLINE v128_t efn_near_eight_f64(v128_t left, v128_t right, const double *mult, const efn_nearing *to) {
    return wasm_i16x8_narrow_i32x4(efn_near_lanes_f64(left, mult, to), efn_near_lanes_f64(right, mult + 4, to));
}

// f64x2 to the nearest integers, halves away from zero, saturated, in the low half.
EFN_INLINE v128_t efn_whole_f64(v128_t v) {
    const v128_t whole = wasm_f64x2_trunc(v);
    const v128_t rest = wasm_f64x2_abs(wasm_f64x2_sub(v, whole));
    const v128_t one = wasm_v128_or(wasm_v128_and(v, wasm_f64x2_const_splat(-0.0)), wasm_f64x2_const_splat(1.0));
    const v128_t more = wasm_v128_and(one, wasm_f64x2_ge(rest, wasm_f64x2_const_splat(0.5)));
    return wasm_i32x4_trunc_sat_f64x2_zero(wasm_f64x2_add(whole, more));
}

EFN_INLINE v128_t efn_scaled_f64_lanes(v128_t acc, const double *mult) {
    const v128_t upper = wasm_i64x2_shuffle(acc, acc, 1, 1);
    const v128_t low = wasm_f64x2_mul(wasm_f64x2_convert_low_i32x4(acc), wasm_v128_load(mult));
    const v128_t high = wasm_f64x2_mul(wasm_f64x2_convert_low_i32x4(upper), wasm_v128_load(mult + 2));
    return wasm_i64x2_shuffle(efn_whole_f64(low), efn_whole_f64(high), 0, 2);
}

// What ends every q8 op. The bounds lie within i8, so it is the same to saturate first and to clamp then.
typedef struct {
    v128_t y_zero;    // i32x4
    v128_t low, high; // i8x16
} efn_ending;

EFN_INLINE efn_ending efn_ending_of(int32_t y_zero, int32_t low, int32_t high) {
    return (efn_ending){wasm_i32x4_splat(y_zero), wasm_i8x16_splat((int8_t)low), wasm_i8x16_splat((int8_t)high)};
}

// Two i32x4 to eight i8 in the low half.
EFN_INLINE v128_t efn_ended_lanes(v128_t left, v128_t right, const efn_ending *to) {
    const v128_t v = efn_to_i8(wasm_i32x4_add(left, to->y_zero), wasm_i32x4_add(right, to->y_zero));
    return wasm_i8x16_min(wasm_i8x16_max(v, to->low), to->high);
}

#endif

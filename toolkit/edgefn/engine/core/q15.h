// gemmlowp's fixed point of 16 bits: sigmoid and tanh as TFLite's integer LSTM takes them, eight lanes at a time and
// one at a time. Both give the same bits. Results have 15 bits behind the point, arguments 15 - n.
//
// exp(a) of a <= 0 is a Taylor polynomial between -1/4 and 0, around -1/8, then a constant factor for each higher bit
// that a has; what follows is 1 / (1 + exp) by three steps of Newton's method, with two bits in front of the point.
#ifndef EFN_Q15_H
#define EFN_Q15_H

#include "fixed.h"

#define EFN_ONE 32767
#define EFN_EXP_EIGHTH 28918 // exp(-1/8)
#define EFN_THIRD 10923
#define EFN_48_17 23130 // 48/17 and -32/17, with two bits in front of the point
#define EFN_32_17 -15420
#define EFN_HIGHEST_BIT 4 // of which exp has a factor, 2^4; those beyond round to 0

// exp(-2^i) from i = -2 on.
static const int16_t EFN_EXP_OF_BIT[7] = {25520, 19875, 12055, 4435, 600, 11, 0};

// ---- One value ----

EFN_INLINE int32_t efn_saturated(int32_t v) {
    return v > 32767 ? 32767 : v < -32768 ? -32768 : v;
}

// (a * b + 2^14) >> 15: SaturatingRoundingDoublingHighMul of 16 bits.
EFN_INLINE int32_t efn_q15(int32_t a, int32_t b) {
    return efn_saturated((a * b + (1 << 14)) >> 15);
}

// a <= 0 with n bits in front of the point.
static EFN_NOINLINE int32_t efn_exp_q15(int32_t a, int32_t n) {
    const int32_t behind = 15 - n, quarter = 1 << (behind - 2), rest = (a & (quarter - 1)) - quarter;
    const int32_t x = (int16_t)(rest * (1 << n) + 4096), x2 = efn_q15(x, x);
    const int32_t tail = efn_q15(efn_shifted(efn_q15(x2, x2), 2) + efn_q15(x2, x), EFN_THIRD) + x2;
    int32_t y = efn_saturated(EFN_EXP_EIGHTH + efn_q15(EFN_EXP_EIGHTH, x + efn_shifted(tail, 1)));
    for (int32_t bit = -2; bit < n && bit <= EFN_HIGHEST_BIT; bit++)
        if ((rest - a) & (1 << (behind + bit)))
            y = efn_q15(y, EFN_EXP_OF_BIT[bit + 2]);
    if (n > 5 && a < -(1 << (20 - n))) // below -32
        y = 0;
    return a == 0 ? EFN_ONE : y;
}

// 1 / (1 + e), halved twice.
static EFN_NOINLINE int32_t efn_newton_q15(int32_t e) {
    const int32_t half = (e + EFN_ONE + 1) >> 1;
    int32_t r = EFN_48_17 + efn_q15(half, EFN_32_17);
    for (int i = 0; i < 3; i++)
        r += efn_saturated(efn_q15(r, 8192 - efn_q15(half, r)) * 4);
    return r;
}

// x with three bits in front of the point.
static EFN_NOINLINE int32_t efn_sigmoid_q15(int32_t x) {
    const int32_t y = efn_saturated(efn_newton_q15(efn_exp_q15(x > 0 ? -x : x, 3)) * 2);
    return x == 0 ? 16384 : x > 0 ? y : EFN_ONE - y;
}

// x with n bits in front of the point, at most 6.
static EFN_NOINLINE int32_t efn_tanh_q15(int32_t x, int32_t n) {
    const int32_t y = efn_saturated((efn_newton_q15(efn_exp_q15(x < 0 ? x : -x, n + 1)) - 8192) * 4);
    return x == 0 ? 0 : x < 0 ? -y : y;
}

// ---- Eight lanes ----

#define EFN_SPLAT16(v) wasm_i16x8_splat((int16_t)(v))

static EFN_NOINLINE v128_t efn_newton_of_exp(v128_t a, int32_t n) {
    const int32_t behind = 15 - n, quarter = 1 << (behind - 2);
    const v128_t rest = wasm_i16x8_sub(wasm_v128_and(a, EFN_SPLAT16(quarter - 1)), EFN_SPLAT16(quarter));
    const v128_t x = wasm_i16x8_add(wasm_i16x8_shl(rest, (uint32_t)n), EFN_SPLAT16(4096));
    const v128_t x2 = wasm_i16x8_q15mulr_sat(x, x), x4 = wasm_i16x8_q15mulr_sat(x2, x2);
    // x^4 is not negative, so a half more and a shift divide it; the tail may be.
    const v128_t fourth = wasm_i16x8_shr(wasm_i16x8_add(x4, EFN_SPLAT16(2)), 2);
    const v128_t cubes = wasm_i16x8_add(fourth, wasm_i16x8_q15mulr_sat(x2, x));
    const v128_t tail = wasm_i16x8_add(wasm_i16x8_q15mulr_sat(cubes, EFN_SPLAT16(EFN_THIRD)), x2);
    const v128_t below = wasm_i16x8_shr(tail, 15);
    const v128_t half = wasm_i16x8_shr(wasm_i16x8_add(wasm_i16x8_add(tail, EFN_SPLAT16(1)), below), 1);
    const v128_t eighth = EFN_SPLAT16(EFN_EXP_EIGHTH);
    v128_t y = wasm_i16x8_add_sat(eighth, wasm_i16x8_q15mulr_sat(eighth, wasm_i16x8_add(x, half)));
    const v128_t bits = wasm_i16x8_sub(rest, a);
    for (int32_t bit = -2; bit < n && bit <= EFN_HIGHEST_BIT; bit++) {
        const v128_t factor = EFN_SPLAT16(EFN_EXP_OF_BIT[bit + 2]), mask = EFN_SPLAT16(1 << (behind + bit));
        const v128_t clear = wasm_i16x8_eq(wasm_v128_and(bits, mask), EFN_SPLAT16(0));
        y = wasm_v128_bitselect(y, wasm_i16x8_q15mulr_sat(y, factor), clear);
    }
    if (n > 5)
        y = wasm_v128_andnot(y, wasm_i16x8_lt(a, EFN_SPLAT16(-(1 << (20 - n)))));
    y = wasm_v128_bitselect(EFN_SPLAT16(EFN_ONE), y, wasm_i16x8_eq(a, EFN_SPLAT16(0)));
    const v128_t divisor = wasm_u16x8_avgr(y, EFN_SPLAT16(EFN_ONE));
    v128_t r = wasm_i16x8_add(EFN_SPLAT16(EFN_48_17), wasm_i16x8_q15mulr_sat(divisor, EFN_SPLAT16(EFN_32_17)));
    for (int i = 0; i < 3; i++) {
        const v128_t error = wasm_i16x8_sub(EFN_SPLAT16(8192), wasm_i16x8_q15mulr_sat(divisor, r));
        r = wasm_i16x8_add(r, wasm_i16x8_shl(wasm_i16x8_q15mulr_sat(r, error), 2));
    }
    return r;
}

static EFN_NOINLINE v128_t efn_sigmoid_q15_lanes(v128_t x) {
    const v128_t above = wasm_i16x8_gt(x, EFN_SPLAT16(0)), zero = wasm_i16x8_eq(x, EFN_SPLAT16(0));
    const v128_t r = efn_newton_of_exp(wasm_v128_bitselect(wasm_i16x8_neg(x), x, above), 3);
    const v128_t y = wasm_i16x8_add_sat(r, r);
    const v128_t either = wasm_v128_bitselect(y, wasm_i16x8_sub(EFN_SPLAT16(EFN_ONE), y), above);
    return wasm_v128_bitselect(EFN_SPLAT16(16384), either, zero);
}

static EFN_NOINLINE v128_t efn_tanh_q15_lanes(v128_t x, int32_t n) {
    const v128_t below = wasm_i16x8_lt(x, EFN_SPLAT16(0)), zero = wasm_i16x8_eq(x, EFN_SPLAT16(0));
    v128_t r = efn_newton_of_exp(wasm_v128_bitselect(x, wasm_i16x8_neg(x), below), n + 1);
    r = wasm_i16x8_sub(r, EFN_SPLAT16(8192));
    r = wasm_i16x8_add_sat(r, r);
    r = wasm_i16x8_add_sat(r, r);
    return wasm_v128_andnot(wasm_v128_bitselect(wasm_i16x8_neg(r), r, below), zero);
}

#endif

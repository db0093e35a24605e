// Functions of f32, four lanes at a time, in plain products and sums that are never fused: both flavours and the
// reference give the same bits. Relative errors (against f64, over every kind of float) are what
// tests/engine/test_unary.py holds them to: exp and log 1.2e-7, the others 2.5e-7. NaN stays NaN; infinities and
// denormals are as in mathematics.
//
// exp is Cephes expf (S. Moshier): x = n ln 2 + r, |r| <= ln 2 / 2, exp(r) = 1 + r + r^2 p(r) with p of degree 5.
// exp(x) - 1 without its cancellation near 0 gives tanh and erf.
#ifndef EFN_MATHEMATICS_H
#define EFN_MATHEMATICS_H

#include "lanes.h"

#define EFN_LN2_HIGH 0.693359375f // nine bits: its products with n are exact
#define EFN_LN2_LOW -2.12194440e-4f

// p(v) of the coefficients c, the highest first: the even and the odd powers by themselves, so that a step waits for
// half as many others.
EFN_INLINE v128_t efn_polynomial(v128_t v, const float *c, int count) {
    const v128_t square = wasm_f32x4_mul(v, v);
    v128_t sums[2] = {wasm_f32x4_splat(c[0]), wasm_f32x4_splat(c[1])};
#pragma unroll
    for (int i = 2; i < count; i++)
        sums[i % 2] = wasm_f32x4_add(wasm_f32x4_mul(sums[i % 2], square), wasm_f32x4_splat(c[i]));
    return wasm_f32x4_add(wasm_f32x4_mul(sums[count % 2], v), sums[(count + 1) % 2]);
}

typedef struct {
    v128_t n;    // i32x4
    v128_t tail; // exp(r) - 1
} efn_power;

// |x| < 2^22 ln 2. Adding 1.5 * 2^23 rounds, and leaves n in the low bits.
EFN_INLINE efn_power efn_power_of(v128_t x) {
    static const float P[6] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                               4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
    const v128_t rounding = wasm_f32x4_const_splat(EFN_ROUNDING);
    const v128_t bits = wasm_f32x4_add(wasm_f32x4_mul(x, wasm_f32x4_const_splat(1.44269504088896341f)), rounding);
    const v128_t n = wasm_f32x4_sub(bits, rounding);
    const v128_t whole = wasm_f32x4_sub(x, wasm_f32x4_mul(n, wasm_f32x4_const_splat(EFN_LN2_HIGH)));
    const v128_t r = wasm_f32x4_sub(whole, wasm_f32x4_mul(n, wasm_f32x4_const_splat(EFN_LN2_LOW)));
    const v128_t tail = wasm_f32x4_add(wasm_f32x4_mul(efn_polynomial(r, P, 6), wasm_f32x4_mul(r, r)), r);
    return (efn_power){wasm_i32x4_sub(bits, wasm_i32x4_const_splat(EFN_ROUNDING_BITS)), tail};
}

// 2^n for n of -126 to 127.
EFN_INLINE v128_t efn_exp2(v128_t n_i32x4) {
    return wasm_i32x4_shl(wasm_i32x4_add(n_i32x4, wasm_i32x4_const_splat(127)), 23);
}

// The power of two in two halves: results reach from the denormals to infinity, rounded once.
EFN_INLINE v128_t efn_exp(v128_t x) {
    const efn_power p =
        efn_power_of(efn_clamp_lanes(x, wasm_f32x4_const_splat(-174.0f), wasm_f32x4_const_splat(174.0f)));
    const v128_t half = wasm_i32x4_shr(p.n, 1);
    const v128_t y = wasm_f32x4_mul(wasm_f32x4_add(p.tail, wasm_f32x4_const_splat(1.0f)), efn_exp2(half));
    return wasm_f32x4_mul(y, efn_exp2(wasm_i32x4_sub(p.n, half)));
}

// exp(x) - 1 for x up to 88.
EFN_INLINE v128_t efn_expm1(v128_t x) {
    const efn_power p = efn_power_of(efn_clamp_lanes(x, wasm_f32x4_const_splat(-30.0f), wasm_f32x4_const_splat(88.0f)));
    const v128_t scale = efn_exp2(p.n);
    return wasm_f32x4_add(wasm_f32x4_mul(p.tail, scale), wasm_f32x4_sub(scale, wasm_f32x4_const_splat(1.0f)));
}

// |v| with the sign of x.
EFN_INLINE v128_t efn_signed_as(v128_t v, v128_t x) {
    return wasm_v128_bitselect(x, v, wasm_f32x4_const_splat(-0.0f));
}

// 1 / (1 + exp(-x)), with an exponential that is never more than 1.
EFN_INLINE v128_t efn_sigmoid(v128_t x) {
    const v128_t one = wasm_f32x4_const_splat(1.0f), e = efn_exp(wasm_f32x4_neg(wasm_f32x4_abs(x)));
    const v128_t above = wasm_v128_bitselect(e, one, wasm_f32x4_lt(x, wasm_f32x4_const_splat(0)));
    return wasm_f32x4_div(above, wasm_f32x4_add(one, e));
}

// t / (t + 2) of t = exp(2 |x|) - 1; from 15 on it is 1.
EFN_INLINE v128_t efn_tanh(v128_t x) {
    const v128_t size = wasm_f32x4_pmin(wasm_f32x4_abs(x), wasm_f32x4_const_splat(15.0f));
    const v128_t t = efn_expm1(wasm_f32x4_add(size, size));
    return efn_signed_as(wasm_f32x4_div(t, wasm_f32x4_add(t, wasm_f32x4_const_splat(2.0f))), x);
}

// 1 - exp(log(erfc(t))) of t = |x|, where log(erfc(t)) = -t q(t). q is of degree 8 on 0 to 3.95, from where on erf is 1
// in f32: our own minimax fit, weighted for the relative error of erf (4e-9).
EFN_INLINE v128_t efn_erf(v128_t x) {
    static const float Q[9] = {-9.257060273e-6f, 1.176480122e-4f, -6.328595535e-4f, 1.667066361e-3f, -1.604321681e-4f,
                               -1.91530461e-2f,  1.027778263e-1f, 6.366193823e-1f,  1.128379172f};
    const v128_t t = wasm_f32x4_pmin(wasm_f32x4_abs(x), wasm_f32x4_const_splat(3.95f));
    return efn_signed_as(efn_expm1(wasm_f32x4_neg(wasm_f32x4_mul(t, efn_polynomial(t, Q, 9)))), x);
}

// log(1 + f) + e ln 2 for 1 + f between sqrt(1/2) and sqrt(2): Cephes logf (S. Moshier).
EFN_INLINE v128_t efn_log_of(v128_t f, v128_t e_f32x4) {
    static const float P[9] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                               -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                               2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
    const v128_t square = wasm_f32x4_mul(f, f);
    v128_t y = wasm_f32x4_mul(wasm_f32x4_mul(efn_polynomial(f, P, 9), f), square);
    y = wasm_f32x4_add(y, wasm_f32x4_mul(e_f32x4, wasm_f32x4_const_splat(EFN_LN2_LOW)));
    y = wasm_f32x4_sub(y, wasm_f32x4_mul(square, wasm_f32x4_const_splat(0.5f)));
    return wasm_f32x4_add(wasm_f32x4_add(f, y), wasm_f32x4_mul(e_f32x4, wasm_f32x4_const_splat(EFN_LN2_HIGH)));
}

#define EFN_ROOT_HALF_BITS 0x3F3504F3 // sqrt(1/2)

EFN_INLINE v128_t efn_log(v128_t x) {
    const v128_t small = wasm_f32x4_lt(x, wasm_f32x4_const_splat(1.17549435e-38f)); // denormals gain 23 bits
    const v128_t normal = wasm_v128_bitselect(wasm_f32x4_mul(x, wasm_f32x4_const_splat(8388608.0f)), x, small);
    const v128_t bits = wasm_i32x4_sub(normal, wasm_i32x4_const_splat(EFN_ROOT_HALF_BITS));
    v128_t e = wasm_i32x4_sub(wasm_i32x4_shr(bits, 23), wasm_v128_and(small, wasm_i32x4_const_splat(23)));
    const v128_t mantissa = wasm_i32x4_add(wasm_v128_and(bits, wasm_i32x4_const_splat(0x7FFFFF)),
                                           wasm_i32x4_const_splat(EFN_ROOT_HALF_BITS));
    e = wasm_f32x4_convert_i32x4(e);
    const v128_t y = efn_log_of(wasm_f32x4_sub(mantissa, wasm_f32x4_const_splat(1.0f)), e);
    const v128_t zero = wasm_f32x4_const_splat(0), infinite = wasm_f32x4_const_splat(__builtin_inff());
    // Infinity and NaN are their own; 0 gives -infinity, what is less gives NaN.
    const v128_t low = wasm_v128_bitselect(wasm_f32x4_neg(infinite), wasm_f32x4_const_splat(__builtin_nanf("")),
                                           wasm_f32x4_eq(x, zero));
    const v128_t finite = wasm_v128_bitselect(y, x, wasm_f32x4_lt(x, infinite));
    return wasm_v128_bitselect(low, finite, wasm_f32x4_le(x, zero));
}

// log(1 + u) for u of 0 to 1. From sqrt(2) - 1 on, 1 + u is halved; (u - 1) / 2 is exact.
EFN_INLINE v128_t efn_log1p(v128_t u) {
    const v128_t one = wasm_f32x4_const_splat(1.0f), upper = wasm_f32x4_gt(u, wasm_f32x4_const_splat(0.41421356f));
    const v128_t halved = wasm_f32x4_mul(wasm_f32x4_sub(u, one), wasm_f32x4_const_splat(0.5f));
    return efn_log_of(wasm_v128_bitselect(halved, u, upper), wasm_v128_and(one, upper));
}

// max(x, 0) + log(1 + exp(-|x|)).
EFN_INLINE v128_t efn_softplus(v128_t x) {
    const v128_t rest = efn_log1p(efn_exp(wasm_f32x4_neg(wasm_f32x4_abs(x))));
    return wasm_f32x4_add(wasm_f32x4_pmax(x, wasm_f32x4_const_splat(0)), rest);
}

#endif

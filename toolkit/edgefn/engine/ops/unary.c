// unary_f32: one of the functions of plan.md of every element. May run in place.
//
// Most functions are here and in core/mathematics.h, in lanes; those from 26 on take one element at a time
// (core/real.c). The reference takes one element at a time through the same functions, so that it judges the loop; the
// functions are judged by f64, in tests/engine/test_unary.py.
#include "../core/check.h"
#include "../core/mathematics.h"
#include "../core/real.h"
#include "../core/table.h"

#define FUNCTIONS 37

// By name: a function whose address is taken stays in every module.
static EFN_NOINLINE float real(uint32_t function, float x) {
    switch (function) {
    case 26:
        return efn_sin(x);
    case 27:
        return efn_cos(x);
    case 28:
        return efn_tan(x);
    case 29:
        return efn_asin(x);
    case 30:
        return efn_acos(x);
    case 31:
        return efn_atan(x);
    case 32:
        return efn_sinh(x);
    case 33:
        return efn_cosh(x);
    case 34:
        return efn_asinh(x);
    case 35:
        return efn_acosh(x);
    default:
        return efn_atanh(x);
    }
}

static int is_finite(float v) {
    return __builtin_fabsf(v) < __builtin_inff();
}

efn_status efn_unary_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_unary_f32 *p = (const efn_unary_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(p->function < FUNCTIONS && is_finite(p->alpha) && is_finite(p->beta), EFN_BAD_PARAMETER);
    return efn_check_apart(x, y, 1);
}

// v where the mask is set, else 0.
#define KEPT(v, mask) wasm_v128_and(v, mask)
#define CONST wasm_f32x4_const_splat
#define ADD wasm_f32x4_add
#define MUL wasm_f32x4_mul

EFN_INLINE v128_t sign(v128_t x) {
    const v128_t is_either = wasm_v128_or(wasm_f32x4_lt(x, CONST(0)), wasm_f32x4_gt(x, CONST(0)));
    return wasm_v128_bitselect(efn_signed_as(CONST(1), x), x, is_either);
}

// Halves of erf(x / sqrt(2)) and of tanh(x), within 1.6e-7, as x p(x^2) / q(x^2): our own minimax fits (2e-8) up to
// where the halves are 0.5 in f32, which holds from there on. What follows adds 0.5, so that a small relative error,
// which would take an exponential, would be lost.
EFN_INLINE v128_t half(v128_t numerator, v128_t denominator) {
    return efn_clamp_lanes(wasm_f32x4_div(numerator, denominator), CONST(-0.5f), CONST(0.5f));
}

EFN_INLINE v128_t half_erf(v128_t x) {
    static const float P[6] = {2.254681778e-8f, 6.293100415e-6f, 1.671287624e-4f,
                               4.66659367e-3f,  3.373617234e-2f, 0.3989422727f};
    static const float Q[6] = {1.187193589e-6f, 7.2850165e-5f, 1.875206251e-3f, 2.856994917e-2f, 0.2512304022f, 1};
    const v128_t t = efn_clamp_lanes(x, CONST(-5.56f), CONST(5.56f)), square = MUL(t, t);
    return half(MUL(t, efn_polynomial(square, P, 6)), efn_polynomial(square, Q, 6));
}

EFN_INLINE v128_t half_tanh(v128_t x) {
    static const float P[5] = {7.19119326e-9f, 1.066421884e-5f, 1.769297915e-3f, 6.708530127e-2f, 0.4999999945f};
    static const float Q[5] = {8.190073162e-7f, 3.356422879e-4f, 2.604002424e-2f, 0.4675038367f, 1};
    const v128_t t = efn_clamp_lanes(x, CONST(-8.44f), CONST(8.44f)), square = MUL(t, t);
    return half(MUL(t, efn_polynomial(square, P, 5)), efn_polynomial(square, Q, 5));
}

EFN_INLINE v128_t gelu(v128_t x) {
    return MUL(x, ADD(CONST(0.5f), half_erf(x)));
}

EFN_INLINE v128_t gelu_tanh(v128_t x) {
    const v128_t cube = MUL(MUL(MUL(x, x), x), CONST(0.044715f));
    return MUL(x, ADD(CONST(0.5f), half_tanh(MUL(ADD(x, cube), CONST(0.79788456080286536f)))));
}

EFN_INLINE v128_t elu(v128_t x, v128_t alpha, v128_t beta) {
    const v128_t below = MUL(alpha, efn_expm1(wasm_f32x4_pmin(x, CONST(0))));
    return wasm_v128_bitselect(MUL(beta, x), below, wasm_f32x4_gt(x, CONST(0)));
}

// tanh(log(1 + e)) is n / (n + 2) of n = e (e + 2); from e^20 on it is 1.
EFN_INLINE v128_t mish(v128_t x) {
    const v128_t e = efn_exp(wasm_f32x4_pmin(x, CONST(20))), n = MUL(e, ADD(e, CONST(2)));
    return MUL(x, wasm_f32x4_div(n, ADD(n, CONST(2))));
}

EFN_INLINE v128_t hard_sigmoid(v128_t x, v128_t alpha, v128_t beta) {
    return efn_clamp_lanes(ADD(MUL(alpha, x), beta), CONST(0), CONST(1));
}

EFN_INLINE v128_t shrink(v128_t x, v128_t alpha, v128_t beta) {
    const v128_t above = KEPT(wasm_f32x4_sub(x, beta), wasm_f32x4_gt(x, alpha));
    return wasm_v128_bitselect(ADD(x, beta), above, wasm_f32x4_lt(x, wasm_f32x4_neg(alpha)));
}

// One loop a function, so that nothing is decided inside it.
#define CASE(number, value)                                                                                            \
    case number:                                                                                                       \
        _Pragma("clang loop unroll(disable)") for (uint32_t i = 0; i < n; i += 4) {                                    \
            const v128_t v = wasm_v128_load(x + i);                                                                    \
            wasm_v128_store(y + i, value);                                                                             \
        }                                                                                                              \
        return;

// x, y [n], n a multiple of 4.
EFN_NOINLINE static void apply(const efn_unary_f32 *p, const float *x, float *y, uint32_t n) {
    const v128_t alpha = wasm_f32x4_splat(p->alpha), beta = wasm_f32x4_splat(p->beta);
    switch (p->function) {
        CASE(0, wasm_f32x4_abs(v))
        CASE(1, wasm_f32x4_neg(v))
        CASE(2, sign(v))
        CASE(3, wasm_f32x4_floor(v))
        CASE(4, wasm_f32x4_ceil(v))
        CASE(5, wasm_f32x4_nearest(v))
        CASE(6, wasm_f32x4_sqrt(v))
        CASE(7, wasm_f32x4_div(CONST(1), wasm_f32x4_sqrt(v)))
        CASE(8, wasm_f32x4_div(CONST(1), v))
        CASE(9, efn_exp(v))
        CASE(10, efn_log(v))
        CASE(11, efn_sigmoid(v))
        CASE(12, efn_tanh(v))
        CASE(13, efn_erf(v))
        CASE(14, gelu(v))
        CASE(15, gelu_tanh(v))
        CASE(16, MUL(v, efn_sigmoid(MUL(alpha, v))))
        CASE(17, elu(v, alpha, beta))
        CASE(18, efn_softplus(v))
        CASE(19, wasm_f32x4_div(v, ADD(CONST(1), wasm_f32x4_abs(v))))
        CASE(20, mish(v))
        CASE(21, wasm_v128_bitselect(MUL(alpha, v), v, wasm_f32x4_lt(v, CONST(0))))
        CASE(22, KEPT(v, wasm_f32x4_gt(v, alpha)))
        CASE(23, hard_sigmoid(v, alpha, beta))
        CASE(24, MUL(v, hard_sigmoid(v, alpha, beta)))
        CASE(25, shrink(v, alpha, beta))
    default:
        for (uint32_t i = 0; i < n; i++)
            y[i] = real(p->function, x[i]);
    }
}

// x, y [n], n less than 4.
static void apply_to_rest(const efn_unary_f32 *p, const float *x, float *y, uint32_t n) {
    float rest[4] = {0};
    for (uint32_t i = 0; i < n; i++)
        rest[i] = x[i];
    apply(p, rest, rest, 4);
    for (uint32_t i = 0; i < n; i++)
        y[i] = rest[i];
}

void efn_unary_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_unary_f32 *p = (const efn_unary_f32 *)words;
    const float *x = efn_in(site, p->x); // [n]
    float *y = efn_out(site, p->y);      // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y)), whole = n & ~3u;
    apply(p, x, y, whole);
    apply_to_rest(p, x + whole, y + whole, n - whole);
}

void efn_unary_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_unary_f32 *p = (const efn_unary_f32 *)words;
    const float *x = efn_in(site, p->x); // [n]
    float *y = efn_out(site, p->y);      // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    for (uint32_t i = 0; i < n; i++)
        apply_to_rest(p, x + i, y + i, 1);
}

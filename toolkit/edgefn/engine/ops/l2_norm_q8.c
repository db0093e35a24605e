// l2_norm_q8: every row of the last dimension by the root of the sum of its squares, in TFLite's fixed point; y has the
// scale 1/128 and the zero point 0. What ends a network is a row or two: there are no lanes for it.
#include "../core/check.h"
#include "../core/fixed.h"
#include "../core/table.h"

#define MOST (1u << 15) // elements of a row, so that the sum of their squares fits in 32 bits
#define SCALE_BITS 7

efn_status efn_l2_norm_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_l2_norm_q8 *p = (const efn_l2_norm_q8 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y) && efn_last_dim(x) == efn_last_dim(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_last_dim(x) <= MOST, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_zero(p->x_zero));
    return efn_check_apart(x, y, 1);
}

static int32_t saturated(int64_t v) {
    return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v;
}

// 1 / sqrt(v), five steps of Newton's method from 1 in Q3.28; 0 counts as 1. v < 2^31.
static efn_fixed inverse_root(uint32_t v) {
    if (v <= 1)
        return (efn_fixed){INT32_MAX, 0};
    int32_t shift = -11;
    for (; v >= 1u << 29; v /= 4)
        shift--;
    const int32_t pairs = (__builtin_clz(v) - 1) / 2 - 1;
    const int32_t half = (int32_t)(((v << (2 * pairs) >> 1) + 1) >> 1);
    int32_t x = 1 << 28;
    for (int i = 0; i < 5; i++) {
        const int32_t cube = saturated((int64_t)efn_high(efn_high(x, x), x) * 64);
        x = saturated(((int64_t)efn_high(3 << 27, x) - efn_high(half, cube)) * 8);
    }
    return (efn_fixed){efn_high(x, 1518500250), shift + pairs}; // times half the root of 2
}

static void row(int32_t x_zero, const int8_t *x, int8_t *y, uint32_t n) {
    uint32_t squares = 0;
    for (uint32_t i = 0; i < n; i++)
        squares += (uint32_t)((x[i] - x_zero) * (x[i] - x_zero));
    const efn_fixed by = inverse_root(squares);
    for (uint32_t i = 0; i < n; i++)
        y[i] = efn_ended(efn_scaled(x[i] - x_zero, by.mult, by.shift + SCALE_BITS), 0, -128, 127);
}

EFN_SMALL static void rows(const efn_site *site, const uint32_t *words) {
    const efn_l2_norm_q8 *p = (const efn_l2_norm_q8 *)words;
    const int8_t *x = efn_in(site, p->x);
    int8_t *y = efn_out(site, p->y);
    const efn_tensor *yt = efn_record(site, p->y);
    const uint32_t n = efn_last_dim(yt);
    for (uint32_t i = 0; i < efn_elements(yt); i += n)
        row(p->x_zero, x + i, y + i, n);
}

void efn_l2_norm_q8_simd(const efn_site *site, const uint32_t *words) {
    rows(site, words);
}

void efn_l2_norm_q8_ref(const efn_site *site, const uint32_t *words) {
    rows(site, words);
}

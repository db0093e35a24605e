// How the i32 sums of an i8 layer become i8: in the arithmetic of the _i8 ops, or in one of TFLite's two.
#ifndef EFN_FINISH_H
#define EFN_FINISH_H

#include "fixed.h"
#include "table.h"

typedef enum {
    EFN_BY_F32,   // _i8: one product and one rounding to even, in f32
    EFN_BY_FIXED, // conv2d_q8, depthwise_q8, winograd_q8: a fixed-point multiplier and a shift
    EFN_BY_F64,   // dense_q8: one product and one rounding away from zero, in f64
} efn_rounding;

typedef struct {
    efn_rounding rounding;
    const void *mult; // f32 [stride], i32 [2][stride] or f64 [stride]
    uint32_t stride;  // r8(m)
    int32_t y_zero, low, high;
} efn_finish;

// What a convolution's parameters say of it.
EFN_INLINE efn_finish efn_conv_finish(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const uint32_t stride = (uint32_t)efn_round_up(efn_record(site, p->y)->dims[3], 8);
    return (efn_finish){rounding, efn_in(site, p->mult), stride, p->y_zero, p->low, p->high};
}

// No sum of `k` products of two i8 and a bias is further from zero.
EFN_INLINE uint64_t efn_reach(int32_t bias, uint64_t k) {
    return (uint64_t)(bias < 0 ? -(int64_t)bias : bias) + (k << 14);
}

// The sum of output channel j.
EFN_INLINE int8_t efn_finish_one(const efn_finish *to, uint32_t j, int32_t acc) {
    if (to->rounding == EFN_BY_F32)
        return efn_narrow((float)acc * ((const float *)to->mult)[j], to->y_zero, to->low, to->high);
    const int32_t *fixed = to->mult;
    const int32_t v = to->rounding == EFN_BY_FIXED ? efn_scaled(acc, fixed[j], fixed[to->stride + j])
                                                   : efn_scaled_f64(acc, ((const double *)to->mult)[j]);
    return efn_ended(v, to->y_zero, to->low, to->high);
}

// ---- Eight columns ----

// What they are scaled by as TFLite does it: as the near forms take it where they hold, else as efn_scaled_lanes does.
typedef struct {
    double by[8], half[8];
    int32_t left[8], right[8];
    efn_nearing near;
    int is_near, above; // above: no result is below y_zero
} efn_factors;

// Of columns `column` to `column` + 7, with bias [stride] and sums of `k` products; not of EFN_BY_F32.
void efn_find_factors(efn_factors *f, const efn_finish *to, const int32_t *bias, uint64_t k, uint32_t column);
// Eight accumulators, bias already in, to eight i8 in the low half, in all the ways of TFLite. Not inlined, so that the
// loops around it have their registers.
v128_t efn_finish_q8(const efn_finish *to, const efn_factors *f, uint32_t column, v128_t left, v128_t right);

// Sums of eight columns, bias already in, and where they go.
typedef struct {
    const int32_t *sums; // [rows, rounded up to 2][8]
    uint32_t rows, column;
    int8_t *y; // [rows][m]
    uint32_t m;
} efn_rows;

// All of them to i8, with bias [stride] and sums of `k` products.
void efn_finish_rows(const efn_finish *to, const int32_t *bias, uint64_t k, const efn_rows *of);

// The same as the _i8 ops do it, to eight i16 in the range of i8; mult of these eight.
EFN_INLINE v128_t efn_requantize(v128_t left, v128_t right, const float *mult, const efn_narrowing *to) {
    const v128_t l = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(left), wasm_v128_load(mult));
    const v128_t r = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(right), wasm_v128_load(mult + 4));
    return wasm_i16x8_narrow_i32x4(efn_narrow_numbers(l, to), efn_narrow_numbers(r, to));
}

#endif

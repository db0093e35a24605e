// How the i32 sums of an i8 layer become i8: in the arithmetic of the _i8 ops, or in one of TFLite's two.
#ifndef EFN_FINISH_H
#define EFN_FINISH_H

#include "fixed.h"
#include "table.h"

typedef enum {
    EFN_BY_F32,   // _i8: one addition, one product and one rounding to even, in f32
    EFN_BY_FIXED, // conv2d_q8, depthwise_q8, winograd_q8: a fixed-point multiplier and a shift
    EFN_BY_F64,   // dense_q8: one product and one rounding away from zero, in f64
} efn_rounding;

typedef struct {
    efn_rounding rounding;
    const void *mult; // f32 [3][stride], i32 [2][stride] or f64 [stride]
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
    if (to->rounding == EFN_BY_F32) {
        const float *factor = (const float *)to->mult + j, *offset = factor + to->stride, *centre = offset + to->stride;
        const float real = (float)acc, moved = real + (*offset > 0 ? __builtin_copysignf(*offset, real) : *offset);
        return efn_narrow(moved * *factor, to->y_zero + (int32_t)*centre, to->low, to->high);
    }
    const int32_t *fixed = to->mult;
    const int32_t v = to->rounding == EFN_BY_FIXED ? efn_scaled(acc, fixed[j], fixed[to->stride + j])
                                                   : efn_scaled_f64(acc, ((const double *)to->mult)[j]);
    return efn_ended(v, to->y_zero, to->low, to->high);
}

// ---- Eight columns by f32 ----

typedef struct {
    v128_t factor[2], offset[2]; // f32x4
    v128_t mirror[2];            // u32x4: the sign bit where an offset is added away from zero
    v128_t shift[2];             // i32x4: what turns the bits of a number plus EFN_ROUNDING into the answer
    v128_t low, high;            // i8x16
} efn_scaling;

EFN_INLINE efn_scaling efn_scaling_of(const efn_finish *to, uint32_t column) {
    const float *factor = (const float *)to->mult + column;
    const v128_t zero = wasm_f32x4_splat(EFN_ROUNDING + (float)to->y_zero);
    efn_scaling s = {.low = wasm_i8x16_splat((int8_t)to->low), .high = wasm_i8x16_splat((int8_t)to->high)};
#pragma unroll
    for (int i = 0; i < 2; i++, factor += 4) {
        s.factor[i] = wasm_v128_load(factor);
        s.offset[i] = wasm_v128_load(factor + to->stride);
        const v128_t above = wasm_f32x4_gt(s.offset[i], wasm_f32x4_const_splat(0));
        s.mirror[i] = wasm_v128_and(above, wasm_f32x4_const_splat(-0.0f));
        const v128_t bits = wasm_f32x4_add(zero, wasm_v128_load(factor + 2 * (size_t)to->stride));
        s.shift[i] = wasm_i32x4_sub(bits, wasm_i32x4_splat((int32_t)(2u * EFN_ROUNDING_BITS)));
    }
    return s;
}

// What a sum of up to `reach` needs: nothing more than addition and product; the sign of the offset; or a clamp first,
// as the product may be too large for EFN_ROUNDING.
typedef enum { EFN_PLAIN, EFN_MIRRORED, EFN_WIDE } efn_way;

// Of sums of `k` products and bias.
EFN_INLINE efn_way efn_way_of(const efn_scaling *s, const int32_t *bias, uint64_t k) {
    const v128_t most = wasm_f32x4_splat((float)(k << 14)), limit = wasm_f32x4_const_splat(0x1p21f);
    v128_t narrow = wasm_i32x4_const_splat(-1);
#pragma unroll
    for (int i = 0; i < 2; i++) {
        const v128_t start = wasm_f32x4_abs(wasm_f32x4_convert_i32x4(wasm_v128_load(bias + 4 * i)));
        const v128_t reach = wasm_f32x4_add(wasm_f32x4_add(start, most), wasm_f32x4_abs(s->offset[i]));
        const v128_t product = wasm_f32x4_mul(reach, wasm_f32x4_abs(s->factor[i]));
        narrow = wasm_v128_and(narrow, wasm_f32x4_lt(product, limit));
    }
    if (!wasm_i32x4_all_true(narrow))
        return EFN_WIDE;
    return wasm_v128_any_true(wasm_v128_or(s->mirror[0], s->mirror[1])) ? EFN_MIRRORED : EFN_PLAIN;
}

// Four sums to i32x4, of which i8 takes the nearest.
EFN_INLINE v128_t efn_scale_four(v128_t acc, const efn_scaling *s, const int i, const efn_way way) {
    const v128_t real = wasm_f32x4_convert_i32x4(acc);
    v128_t offset = s->offset[i];
    if (way != EFN_PLAIN)
        offset = wasm_v128_xor(offset, wasm_v128_and(real, s->mirror[i]));
    v128_t v = wasm_f32x4_mul(wasm_f32x4_add(real, offset), s->factor[i]);
    if (way == EFN_WIDE)
        v = efn_clamp_lanes(v, wasm_f32x4_const_splat(-0x1p20f), wasm_f32x4_const_splat(0x1p20f));
    return wasm_i32x4_add(wasm_f32x4_add(v, wasm_f32x4_const_splat(EFN_ROUNDING)), s->shift[i]);
}

// Eight sums to i16x8, not yet clamped.
EFN_INLINE v128_t efn_scale_eight(v128_t left, v128_t right, const efn_scaling *s, const efn_way way) {
    return wasm_i16x8_narrow_i32x4(efn_scale_four(left, s, 0, way), efn_scale_four(right, s, 1, way));
}

// Two i16x8 to i8x16, clamped.
EFN_INLINE v128_t efn_scale_ended(v128_t first, v128_t second, const efn_scaling *s) {
    return wasm_i8x16_min(wasm_i8x16_max(wasm_i8x16_narrow_i16x8(first, second), s->low), s->high);
}

// ---- Eight columns as TFLite does it ----

// What they are scaled by: as the near forms take it where they hold, else as efn_scaled_lanes does.
typedef struct {
    double by[8], half[8];
    int32_t left[8], right[8];
    efn_nearing near;
    int is_near;
} efn_factors;

// Of columns `column` to `column` + 7, with bias [stride] and sums of `k` products; not of EFN_BY_F32.
void efn_find_factors(efn_factors *f, const efn_finish *to, const int32_t *bias, uint64_t k, uint32_t column);
// Eight accumulators, bias already in, to eight i8 in the low half. Not inlined, so that the loops around it have their
// registers.
v128_t efn_finish_q8(const efn_finish *to, const efn_factors *f, uint32_t column, v128_t left, v128_t right);

// ---- Eight columns in any way ----

typedef struct {
    efn_scaling scaling; // by f32
    efn_factors factors; // else
} efn_columns;

// As efn_find_factors.
EFN_INLINE void efn_find_columns(efn_columns *by, const efn_finish *to, const int32_t *bias, uint64_t k,
                                 uint32_t column) {
    if (to->rounding == EFN_BY_F32)
        by->scaling = efn_scaling_of(to, column);
    else
        efn_find_factors(&by->factors, to, bias, k, column);
}

// As efn_finish_q8.
EFN_INLINE v128_t efn_finish_eight(const efn_finish *to, const efn_columns *by, uint32_t column, v128_t left,
                                   v128_t right) {
    if (to->rounding != EFN_BY_F32)
        return efn_finish_q8(to, &by->factors, column, left, right);
    const v128_t eight = efn_scale_eight(left, right, &by->scaling, EFN_WIDE);
    return efn_scale_ended(eight, eight, &by->scaling);
}

// ---- Rows of eight columns ----

// Sums of eight columns, bias already in, and where they go.
typedef struct {
    const int32_t *sums; // [rows, rounded up to 2][8]
    uint32_t rows, column;
    int8_t *y; // [rows][m]
    uint32_t m;
} efn_rows;

// All of them to i8, with bias [stride] and sums of `k` products.
void efn_finish_rows(const efn_finish *to, const int32_t *bias, uint64_t k, const efn_rows *of);

#endif

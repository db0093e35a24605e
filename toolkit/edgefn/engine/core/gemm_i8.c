// i8 x i8 in i32, by the exact pair product i32x4.dot_i16x8: weights stay i8 in memory and are widened as they are
// loaded.
#include "gemm.h"

// Rows r[0..3] of eight i16 to panel [4][4][2].
EFN_INLINE void store_pairs(const v128_t r[4], int16_t *to) {
    const v128_t a = wasm_i32x4_shuffle(r[0], r[1], 0, 4, 1, 5), b = wasm_i32x4_shuffle(r[2], r[3], 0, 4, 1, 5);
    const v128_t c = wasm_i32x4_shuffle(r[0], r[1], 2, 6, 3, 7), d = wasm_i32x4_shuffle(r[2], r[3], 2, 6, 3, 7);
    wasm_v128_store(to, wasm_i64x2_shuffle(a, b, 0, 2));
    wasm_v128_store(to + 8, wasm_i64x2_shuffle(a, b, 1, 3));
    wasm_v128_store(to + 16, wasm_i64x2_shuffle(c, d, 0, 2));
    wasm_v128_store(to + 24, wasm_i64x2_shuffle(c, d, 1, 3));
}

void efn_pack_i8(const int8_t *const rows[4], int16_t *panel, uint32_t k) {
    const int8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    uint32_t i = 0;
    for (; i + 8 <= k; i += 8) {
        const v128_t r[4] = {wasm_i16x8_load8x8(r0 + i), wasm_i16x8_load8x8(r1 + i), wasm_i16x8_load8x8(r2 + i),
                             wasm_i16x8_load8x8(r3 + i)};
        store_pairs(r, panel + (size_t)i * 4);
    }
    for (; i < k; i += 2) {
        int16_t *to = panel + (size_t)i * 4; // [4][2]
        const int pair = i + 1 < k;
        to[0] = r0[i], to[1] = pair ? r0[i + 1] : 0;
        to[2] = r1[i], to[3] = pair ? r1[i + 1] : 0;
        to[4] = r2[i], to[5] = pair ? r2[i + 1] : 0;
        to[6] = r3[i], to[7] = pair ? r3[i + 1] : 0;
    }
}

void efn_widen_i8(const int8_t *row, int16_t *wide, uint32_t k) {
    uint32_t i = 0;
    for (; i + 8 <= k; i += 8)
        wasm_v128_store(wide + i, wasm_i16x8_load8x8(row + i));
    for (; i < k; i++)
        wide[i] = row[i];
    if (k % 2)
        wide[k] = 0;
}

EFN_INLINE v128_t dot_add(v128_t x, v128_t w, v128_t acc) {
    return wasm_i32x4_add(acc, wasm_i32x4_dot_i16x8(x, w));
}

// Two K steps at once: pairs of four rows times pairs of eight weights.
EFN_INLINE void step(v128_t acc[4][2], const int16_t *a, const int8_t *w) {
    const v128_t x = wasm_v128_load(a), w0 = wasm_i16x8_load8x8(w), w1 = wasm_i16x8_load8x8(w + 8);
    const v128_t row[4] = {EFN_LANE(x, 0), EFN_LANE(x, 1), EFN_LANE(x, 2), EFN_LANE(x, 3)};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        acc[i][0] = dot_add(row[i], w0, acc[i][0]);
        acc[i][1] = dot_add(row[i], w1, acc[i][1]);
    }
}

// Eight accumulators, bias already in, to eight i16 in the range of i8.
EFN_INLINE v128_t requantize(v128_t left, v128_t right, const float *mult, const efn_narrowing *to) {
    const v128_t l = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(left), wasm_v128_load(mult));
    const v128_t r = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(right), wasm_v128_load(mult + 4));
    return wasm_i16x8_narrow_i32x4(efn_narrow_lanes(l, to), efn_narrow_lanes(r, to));
}

// What eight columns are scaled by as TFLite does it: as the near forms take it where they hold, else as
// efn_scaled_lanes does.
typedef struct {
    double by[8], half[8];
    int32_t left[8], right[8];
    efn_nearing near;
    int is_near, above; // above: no result is below y_zero
} factors;

static EFN_NOINLINE void find_factors(factors *f, const efn_layer_i8 *layer, uint32_t column) {
    f->is_near = 1;
    f->near = efn_nearing_of(layer->to.y_zero, layer->to.low, layer->to.high);
    f->above = layer->to.low >= layer->to.y_zero;
    if (layer->to.rounding == EFN_BY_F64) {
        const double *by = (const double *)layer->to.mult + column;
        for (int j = 0; j < 8; j++)
            f->is_near &= by[j] < 1;
        return;
    }
    const int32_t *mult = (const int32_t *)layer->to.mult + column, *shifts = mult + layer->to.stride;
    for (int j = 0; j < 8; j++)
        f->is_near &= efn_is_near(mult[j], shifts[j], efn_reach(layer->bias[column + (uint32_t)j], layer->k2));
    for (int j = 0; j < 8; j++)
        if (f->is_near)
            efn_near_factors(mult[j], shifts[j], &f->by[j], &f->half[j]);
        else
            f->left[j] = efn_left_factor(shifts[j]), f->right[j] = efn_right_factor(shifts[j]);
}

// Eight accumulators, bias already in, to eight i8 in the low half, in all the ways of TFLite. Not inlined, so that the
// loops above it have their registers.
static EFN_NOINLINE v128_t finish_q8(const efn_layer_i8 *layer, const factors *f, uint32_t column, v128_t left,
                                     v128_t right) {
    const efn_ending to = efn_ending_of(layer->to.y_zero, layer->to.low, layer->to.high);
    if (layer->to.rounding == EFN_BY_F64) {
        const double *mult = (const double *)layer->to.mult + column;
        if (f->is_near) {
            const v128_t eight = efn_near_eight_f64(left, right, mult, &f->near);
            return efn_near_ended(eight, eight, &f->near);
        }
        return efn_ended_lanes(efn_scaled_f64_lanes(left, mult), efn_scaled_f64_lanes(right, mult + 4), &to);
    }
    if (f->is_near) {
        const v128_t eight = efn_near_eight(left, right, f->by, f->half, &f->near, 0);
        return efn_near_ended(eight, eight, &f->near);
    }
    const int32_t *mult = (const int32_t *)layer->to.mult + column;
    return efn_ended_lanes(efn_scaled_lanes(left, mult, f->left, f->right),
                           efn_scaled_lanes(right, mult + 4, f->left + 4, f->right + 4), &to);
}

// y[rows][m], rows <= 4 and columns <= 8 of it, beginning at `column`, from panel a [k2/2][4][2] and weights w
// [k2/2][8][2]. Finished as _i8 does when `f` is NULL.
EFN_INLINE void tile(const efn_layer_i8 *layer, const factors *f, const int16_t *a, const int8_t *w, uint32_t column,
                     int8_t *y, uint32_t rows) {
    v128_t acc[4][2];
    const v128_t b0 = wasm_v128_load(layer->bias + column), b1 = wasm_v128_load(layer->bias + column + 4);
#pragma unroll
    for (int i = 0; i < 4; i++)
        acc[i][0] = b0, acc[i][1] = b1;
    const int16_t *const end = a + (size_t)layer->k2 * 4;
    for (;; a += 128, w += 256) {
#define RUNG(i)                                                                                                        \
    step(acc, a + 8 * i, w + 16 * i);                                                                                  \
    if (a + 8 * i + 8 == end)                                                                                          \
        break;
        EFN_LADDER(RUNG)
#undef RUNG
    }
    v128_t pairs[2]; // rows 0 and 1, 2 and 3
    if (f == NULL) {
        const efn_narrowing to = efn_narrowing_of(layer->to.y_zero, layer->to.low, layer->to.high);
        const float *mult = (const float *)layer->to.mult + column;
#pragma unroll
        for (int i = 0; i < 2; i++)
            pairs[i] = wasm_i8x16_narrow_i16x8(requantize(acc[2 * i][0], acc[2 * i][1], mult, &to),
                                               requantize(acc[2 * i + 1][0], acc[2 * i + 1][1], mult, &to));
    } else if (f->is_near && f->above && layer->to.rounding == EFN_BY_FIXED) {
#pragma unroll
        for (int i = 0; i < 2; i++)
            pairs[i] = efn_near_ended(efn_near_eight(acc[2 * i][0], acc[2 * i][1], f->by, f->half, &f->near, 1),
                                      efn_near_eight(acc[2 * i + 1][0], acc[2 * i + 1][1], f->by, f->half, &f->near, 1),
                                      &f->near);
    } else {
        v128_t sums[4][2], out[4]; // a copy, so that acc stays in registers
#pragma unroll
        for (int i = 0; i < 4; i++)
            sums[i][0] = acc[i][0], sums[i][1] = acc[i][1];
#pragma nounroll
        for (int i = 0; i < 4; i++)
            out[i] = finish_q8(layer, f, column, sums[i][0], sums[i][1]);
        pairs[0] = wasm_i64x2_shuffle(out[0], out[1], 0, 2);
        pairs[1] = wasm_i64x2_shuffle(out[2], out[3], 0, 2);
    }
    const uint32_t m = layer->m;
    if (rows == 4 && column + 8 <= m) {
        wasm_v128_store64_lane(y, pairs[0], 0);
        wasm_v128_store64_lane(y + m, pairs[0], 1);
        wasm_v128_store64_lane(y + (size_t)m * 2, pairs[1], 0);
        wasm_v128_store64_lane(y + (size_t)m * 3, pairs[1], 1);
        return;
    }
    int8_t whole[4][8];
    wasm_v128_store(whole[0], pairs[0]);
    wasm_v128_store(whole[2], pairs[1]);
    for (uint32_t i = 0; i < rows; i++)
        efn_copy(y + (size_t)m * i, whole[i], efn_min(8, m - column));
}

static EFN_NOINLINE void tile_i8(const efn_layer_i8 *layer, const int16_t *a, const int8_t *w, uint32_t column,
                                 int8_t *y, uint32_t rows) {
    tile(layer, NULL, a, w, column, y, rows);
}

static EFN_NOINLINE void tile_q8(const efn_layer_i8 *layer, const factors *f, const int16_t *a, const int8_t *w,
                                 uint32_t column, int8_t *y, uint32_t rows) {
    tile(layer, f, a, w, column, y, rows);
}

void efn_gemm_i8(const efn_layer_i8 *layer, const int16_t *panels, uint32_t rows, int8_t *y) {
    const int8_t *w = layer->w;
    for (uint32_t column = 0; column < layer->m; column += 8, w += (size_t)layer->k2 * 8) {
        const int16_t *a = panels;
        factors f;
        if (layer->to.rounding != EFN_BY_F32)
            find_factors(&f, layer, column);
        for (uint32_t row = 0; row < rows; row += 4, a += (size_t)layer->k2 * 4) {
            int8_t *const to = y + (size_t)row * layer->m + column;
            if (layer->to.rounding == EFN_BY_F32)
                tile_i8(layer, a, w, column, to, efn_min(4, rows - row));
            else
                tile_q8(layer, &f, a, w, column, to, efn_min(4, rows - row));
        }
    }
}

// Whether efn_near_eight_f64 holds for eight multipliers.
EFN_INLINE int all_near_f64(const double *mult) {
    v128_t below = wasm_f64x2_const_splat(1);
    for (int j = 0; j < 8; j += 2)
        below = wasm_f64x2_pmax(below, wasm_v128_load(mult + j));
    return wasm_i64x2_all_true(wasm_f64x2_eq(below, wasm_f64x2_const_splat(1)));
}

// Eight accumulators of one row, beginning at `column`, to eight i8 at `out`.
EFN_INLINE void finish_eight(const efn_layer_i8 *layer, const efn_nearing *near, uint32_t column, v128_t left,
                             v128_t right, int8_t *out) {
    v128_t eight;
    if (layer->to.rounding == EFN_BY_F32) {
        const efn_narrowing to = efn_narrowing_of(layer->to.y_zero, layer->to.low, layer->to.high);
        eight = requantize(left, right, (const float *)layer->to.mult + column, &to);
        eight = wasm_i8x16_narrow_i16x8(eight, eight);
    } else if (layer->to.rounding == EFN_BY_F64 && all_near_f64((const double *)layer->to.mult + column)) {
        eight = efn_near_eight_f64(left, right, (const double *)layer->to.mult + column, near);
        eight = efn_near_ended(eight, eight, near);
    } else {
        factors f;
        find_factors(&f, layer, column);
        eight = finish_q8(layer, &f, column, left, right);
    }
    wasm_v128_store64_lane(out, eight, 0);
}

// The sums and bias of one or two panels of weights at once: enough for the additions not to wait for each other, few
// enough for all that a step loads to stay in registers.
EFN_INLINE void sum_panels(const int8_t *panel, const int32_t *bias, const int panels, const int16_t *row, uint32_t k2,
                           v128_t acc[2][2]) {
    const int8_t *w[2];
#pragma unroll
    for (int p = 0; p < panels; p++) {
        w[p] = panel + 8 * (size_t)p * k2;
        acc[p][0] = wasm_v128_load(bias + 8 * p);
        acc[p][1] = wasm_v128_load(bias + 8 * p + 4);
    }
    const int16_t *const end = row + k2;
    for (;; row += 32) {
#define RUNG(i)                                                                                                        \
    {                                                                                                                  \
        const v128_t pair = wasm_v128_load32_splat(row + 2 * (i));                                                     \
        _Pragma("unroll") for (int p = 0; p < panels; p++) {                                                           \
            acc[p][0] = dot_add(pair, wasm_i16x8_load8x8(w[p] + 16 * (i)), acc[p][0]);                                 \
            acc[p][1] = dot_add(pair, wasm_i16x8_load8x8(w[p] + 16 * (i) + 8), acc[p][1]);                             \
        }                                                                                                              \
    }                                                                                                                  \
    if (row + 2 * (i) + 2 == end)                                                                                      \
        break;
        EFN_LADDER(RUNG)
#undef RUNG
#pragma unroll
        for (int p = 0; p < panels; p++)
            w[p] += 256;
    }
}

void efn_gemv_i32(const int8_t *w, const int32_t *bias, const int16_t *row, uint32_t k2, int32_t *sums) {
    v128_t acc[2][2];
    sum_panels(w, bias, 2, row, k2, acc);
#pragma unroll
    for (int p = 0; p < 2; p++) {
        wasm_v128_store(sums + 8 * p, acc[p][0]);
        wasm_v128_store(sums + 8 * p + 4, acc[p][1]);
    }
}

// y [columns], columns <= 8 * panels.
EFN_INLINE void gemv_panels(const efn_layer_i8 *layer, const efn_nearing *near, const int panels, const int16_t *row,
                            uint32_t column, int8_t *y, uint32_t columns) {
    v128_t acc[2][2];
    sum_panels(layer->w + (size_t)column * layer->k2, layer->bias + column, panels, row, layer->k2, acc);
    int8_t out[16];
#pragma unroll
    for (int p = 0; p < panels; p++)
        finish_eight(layer, near, column + 8 * (uint32_t)p, acc[p][0], acc[p][1], out + 8 * p);
    efn_copy(y, out, columns);
}

static EFN_NOINLINE void gemv_two(const efn_layer_i8 *layer, const efn_nearing *near, const int16_t *row,
                                  uint32_t column, int8_t *y, uint32_t columns) {
    gemv_panels(layer, near, 2, row, column, y, columns);
}

static EFN_NOINLINE void gemv_one(const efn_layer_i8 *layer, const efn_nearing *near, const int16_t *row,
                                  uint32_t column, int8_t *y, uint32_t columns) {
    gemv_panels(layer, near, 1, row, column, y, columns);
}

void efn_gemv_i8(const efn_layer_i8 *layer, const int16_t *row, int8_t *y) {
    const uint32_t m = layer->m;
    const efn_nearing near = efn_nearing_of(layer->to.y_zero, layer->to.low, layer->to.high);
    uint32_t column = 0;
    for (; column + 8 < m; column += 16)
        gemv_two(layer, &near, row, column, y + column, efn_min(16, m - column));
    if (column < m)
        gemv_one(layer, &near, row, column, y + column, m - column);
}

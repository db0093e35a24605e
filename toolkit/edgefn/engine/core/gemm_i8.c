// i8 x i8 in i32, by the exact pair product i32x4.dot_i16x8: weights stay i8 in memory and are widened as they are
// loaded.
#include "gemm.h"

void efn_pack_i8(const int8_t *const rows[4], int16_t *panel, uint32_t k) {
    const int8_t *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    uint32_t i = 0;
    for (;;) {
#define RUNG(n)                                                                                                        \
    {                                                                                                                  \
        if (i + 8 > k)                                                                                                 \
            break;                                                                                                     \
        const v128_t r[4] = {wasm_i16x8_load8x8(r0 + i), wasm_i16x8_load8x8(r1 + i), wasm_i16x8_load8x8(r2 + i),       \
                             wasm_i16x8_load8x8(r3 + i)};                                                              \
        efn_store_pairs(r, panel + (size_t)i * 4);                                                                     \
        i += 8;                                                                                                        \
    }
        EFN_STEPS(RUNG)
#undef RUNG
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
EFN_INLINE void step(v128_t acc[4][2], const int16_t *a, v128_t w0, v128_t w1) {
    const v128_t x = wasm_v128_load(a);
    const v128_t row[4] = {EFN_LANE(x, 0), EFN_LANE(x, 1), EFN_LANE(x, 2), EFN_LANE(x, 3)};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        acc[i][0] = dot_add(row[i], w0, acc[i][0]);
        acc[i][1] = dot_add(row[i], w1, acc[i][1]);
    }
}

// sums [rows][8] of panels [rows / 4][k2 / 2][4][2] and weights [k2 / 2][8][2], i8 or `wide`, beginning with `first`
// [8]. Not finished here: what follows would take registers from the loop.
EFN_INLINE void products(const int16_t *panels, const void *w, const int wide, const v128_t first[2], uint32_t k2,
                         uint32_t rows, int32_t *sums) {
    for (uint32_t row = 0; row < rows; row += 4, panels += (size_t)k2 * 4, sums += 32) {
        v128_t acc[4][2];
#pragma unroll
        for (int i = 0; i < 4; i++)
            acc[i][0] = first[0], acc[i][1] = first[1];
        const int16_t *a = panels, *const end = panels + (size_t)k2 * 4, *pairs = w;
        const int8_t *bytes = w;
        for (;; a += 128, pairs += 256, bytes += 256) {
#define RUNG(i)                                                                                                        \
    if (wide)                                                                                                          \
        step(acc, a + 8 * i, wasm_v128_load(pairs + 16 * i), wasm_v128_load(pairs + 16 * i + 8));                      \
    else                                                                                                               \
        step(acc, a + 8 * i, wasm_i16x8_load8x8(bytes + 16 * i), wasm_i16x8_load8x8(bytes + 16 * i + 8));              \
    if (a + 8 * i + 8 == end)                                                                                          \
        break;
            EFN_LADDER(RUNG)
#undef RUNG
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            wasm_v128_store(sums + 8 * i, acc[i][0]);
            wasm_v128_store(sums + 8 * i + 4, acc[i][1]);
        }
    }
}

static EFN_NOINLINE void products_i8(const int16_t *panels, const int8_t *w, const int32_t *bias, uint32_t k2,
                                     uint32_t rows, int32_t *sums) {
    const v128_t first[2] = {wasm_v128_load(bias), wasm_v128_load(bias + 4)};
    products(panels, w, 0, first, k2, rows, sums);
}

EFN_NOINLINE void efn_products_i16(const int16_t *panels, const int16_t *w, uint32_t k2, uint32_t rows, int32_t *sums) {
    const v128_t zero[2] = {wasm_i32x4_const_splat(0), wasm_i32x4_const_splat(0)};
    products(panels, w, 1, zero, k2, rows, sums);
}

void efn_gemm_i8(const efn_layer_i8 *layer, const int16_t *panels, uint32_t rows, int8_t *y) {
    int32_t sums[EFN_BLOCK * 8];
    const int8_t *w = layer->w;
    for (uint32_t column = 0; column < layer->m; column += 8, w += (size_t)layer->k2 * 8) {
        products_i8(panels, w, layer->bias + column, layer->k2, rows, sums);
        efn_finish_rows(&layer->to, layer->bias, layer->k2, &(efn_rows){sums, rows, column, y, layer->m});
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
        eight = efn_requantize(left, right, (const float *)layer->to.mult + column, &to);
        eight = wasm_i8x16_narrow_i16x8(eight, eight);
    } else if (layer->to.rounding == EFN_BY_F64 && all_near_f64((const double *)layer->to.mult + column)) {
        eight = efn_near_eight_f64(left, right, (const double *)layer->to.mult + column, near);
        eight = efn_near_ended(eight, eight, near);
    } else {
        efn_factors f;
        efn_find_factors(&f, &layer->to, layer->bias, layer->k2, column);
        eight = efn_finish_q8(&layer->to, &f, column, left, right);
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

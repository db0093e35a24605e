// i8 x i8 in i32, by the exact pair product i32x4.dot_i16x8: weights stay i8 in memory and are widened as they are
// loaded.
#include "gemm.h"

void efn_widen_i8(const int8_t *row, int16_t *wide, uint32_t k) {
    uint32_t i = 0;
    for (; i + 64 <= k; i += 64)
#pragma unroll
        for (uint32_t j = 0; j < 64; j += 8)
            wasm_v128_store(wide + i + j, wasm_i16x8_load8x8(row + i + j));
    for (; i + 8 <= k; i += 8)
        wasm_v128_store(wide + i, wasm_i16x8_load8x8(row + i));
    if (i < k && k >= 8)
        wasm_v128_store(wide + k - 8, wasm_i16x8_load8x8(row + k - 8)); // again some of those before
    else
        for (; i < k; i++)
            wide[i] = row[i];
    if (k % 2)
        wide[k] = 0;
}

EFN_INLINE v128_t dot_add(v128_t x, v128_t w, v128_t acc) {
    return wasm_i32x4_add(acc, wasm_i32x4_dot_i16x8(x, w));
}

// Two K steps at once: pairs of four rows times pairs of eight weights.
EFN_INLINE void step(v128_t acc[4][2], const v128_t row[4], v128_t w0, v128_t w1) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        acc[i][0] = dot_add(row[i], w0, acc[i][0]);
        acc[i][1] = dot_add(row[i], w1, acc[i][1]);
    }
}

EFN_INLINE void load_eights(const int16_t *a, const int16_t *b, const int16_t *c, const int16_t *d, v128_t to[4]) {
    to[0] = wasm_v128_load(a);
    to[1] = wasm_v128_load(b);
    to[2] = wasm_v128_load(c);
    to[3] = wasm_v128_load(d);
}

EFN_INLINE void store_sums(const v128_t acc[4][2], int32_t *sums) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        wasm_v128_store(sums + 8 * i, acc[i][0]);
        wasm_v128_store(sums + 8 * i + 4, acc[i][1]);
    }
}

// sums [r4(rows)][8] of rows x and weights [k2 / 2][8][2], with bias [8]. Not finished here: what follows would take
// registers from the loop. The ladder goes on where a row's next run begins, so that its vectors of four pairs may
// begin in front of it; it asks for the end by a branch of its own, as a host may else compute every step on both ways.
static EFN_NOINLINE void products_i8(const efn_operand *x, const int8_t *w, const int32_t *bias, uint32_t k2,
                                     int32_t *sums) {
    const v128_t first[2] = {wasm_v128_load(bias), wasm_v128_load(bias + 4)};
    const int8_t *const end = w + (size_t)k2 * 8;
    const uint32_t run = x->run * 8; // bytes of weights
    const int16_t *const base = x->base;
    for (uint32_t row = 0; row < x->rows; row += 4, sums += 32) {
        v128_t acc[4][2];
#pragma unroll
        for (int i = 0; i < 4; i++)
            acc[i][0] = first[0], acc[i][1] = first[1];
        const uint32_t *const starts = x->starts + row;
        const int16_t *a = base + starts[0], *b = base + starts[1], *c = base + starts[2], *d = base + starts[3];
        const int8_t *at = w, *stop = w + run; // of a run
        v128_t eights[4];                      // of each row, four pairs
        for (const int32_t *jump = x->jumps;; a += 32, b += 32, c += 32, d += 32, at += 256) {
#define RUNG(i)                                                                                                        \
    if (i % 4 == 0)                                                                                                    \
        load_eights(a + 2 * i, b + 2 * i, c + 2 * i, d + 2 * i, eights);                                               \
    {                                                                                                                  \
        const v128_t pairs[4] = {EFN_LANE(eights[0], i % 4), EFN_LANE(eights[1], i % 4), EFN_LANE(eights[2], i % 4),   \
                                 EFN_LANE(eights[3], i % 4)};                                                          \
        step(acc, pairs, wasm_i16x8_load8x8(at + 16 * i), wasm_i16x8_load8x8(at + 16 * i + 8));                        \
    }                                                                                                                  \
    if (at + 16 * i + 16 == end)                                                                                       \
        break;                                                                                                         \
    if (at + 16 * i + 16 == stop) {                                                                                    \
        a += *jump, b += *jump, c += *jump, d += *jump++, stop += run;                                                 \
        if (i % 4 < 3)                                                                                                 \
            load_eights(a + i / 4 * 8, b + i / 4 * 8, c + i / 4 * 8, d + i / 4 * 8, eights);                           \
    }
            EFN_LADDER(RUNG)
#undef RUNG
        }
        store_sums(acc, sums);
    }
}

EFN_NOINLINE void efn_products_i16(const int16_t *panels, const int16_t *w, uint32_t k2, uint32_t rows, int32_t *sums) {
    for (uint32_t row = 0; row < rows; row += 4, panels += (size_t)k2 * 4, sums += 32) {
        v128_t acc[4][2];
#pragma unroll
        for (int i = 0; i < 4; i++)
            acc[i][0] = acc[i][1] = wasm_i32x4_const_splat(0);
        const int16_t *a = panels, *const end = panels + (size_t)k2 * 4, *pairs = w;
        for (;; a += 128, pairs += 256) {
#define RUNG(i)                                                                                                        \
    {                                                                                                                  \
        const v128_t four = wasm_v128_load(a + 8 * i);                                                                 \
        const v128_t x[4] = {EFN_LANE(four, 0), EFN_LANE(four, 1), EFN_LANE(four, 2), EFN_LANE(four, 3)};              \
        step(acc, x, wasm_v128_load(pairs + 16 * i), wasm_v128_load(pairs + 16 * i + 8));                              \
    }                                                                                                                  \
    if (a + 8 * i + 8 == end)                                                                                          \
        break;
            EFN_LADDER(RUNG)
#undef RUNG
        }
        store_sums(acc, sums);
    }
}

void efn_gemm_i8(const efn_layer_i8 *layer, const efn_operand *x, int8_t *y) {
    int32_t sums[EFN_BLOCK * 8];
    const int8_t *w = layer->w;
    for (uint32_t column = 0; column < layer->m; column += 8, w += (size_t)layer->k2 * 8) {
        products_i8(x, w, layer->bias + column, layer->k2, sums);
        efn_finish_rows(&layer->to, layer->bias, layer->k2, &(efn_rows){sums, x->rows, column, y, layer->m});
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
    if (layer->to.rounding == EFN_BY_F64 && all_near_f64((const double *)layer->to.mult + column)) {
        eight = efn_near_eight_f64(left, right, (const double *)layer->to.mult + column, near);
        eight = efn_near_ended(eight, eight, near);
    } else {
        efn_columns by;
        efn_find_columns(&by, &layer->to, layer->bias, layer->k2, column);
        eight = efn_finish_eight(&layer->to, &by, column, left, right);
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

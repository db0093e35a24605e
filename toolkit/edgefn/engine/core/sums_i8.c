#include "sums_i8.h"
#include "gemm.h"

// ---- Two i16 at a time: panels [k4/4][2][4] of two rows; four sums a row, of two columns each, in two halves ----

// The sum of one row of x [k].
static int32_t total_of(const int8_t *x, uint32_t k) {
    v128_t sum = wasm_i32x4_const_splat(0);
    uint32_t i = 0;
    for (; i + 16 <= k; i += 16)
        sum = wasm_i32x4_add(sum,
                             wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extadd_pairwise_i8x16(wasm_v128_load(x + i))));
    int32_t lanes[4];
    wasm_v128_store(lanes, sum);
    int32_t total = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    for (; i < k; i++)
        total += x[i];
    return total;
}

// Rows a and b to panel [k4/4][2][4], widened; what is above k is zero.
static void pack_two(const int8_t *a, const int8_t *b, uint32_t k, int16_t *panel) {
    uint32_t i = 0;
    for (; i + 8 <= k; i += 8, panel += 16) {
        const v128_t left = wasm_i16x8_load8x8(a + i), right = wasm_i16x8_load8x8(b + i);
        wasm_v128_store(panel, wasm_i64x2_shuffle(left, right, 0, 2));
        wasm_v128_store(panel + 8, wasm_i64x2_shuffle(left, right, 1, 3));
    }
    for (; i < k; i += 4, panel += 8)
        for (uint32_t j = 0; j < 4; j++) {
            panel[j] = i + j < k ? a[i + j] : 0;
            panel[4 + j] = i + j < k ? b[i + j] : 0;
        }
}

EFN_INLINE v128_t dot_add(v128_t x, v128_t w, v128_t acc) {
    return wasm_i32x4_add(acc, wasm_i32x4_dot_i16x8(x, w));
}

// Four steps of eight columns and `most` rows, 1 or 2.
EFN_INLINE void step_i16(v128_t acc[][4], const int most, const int16_t *a, const int8_t *w) {
    const v128_t x = wasm_v128_load(a);
    const v128_t row[2] = {wasm_i64x2_shuffle(x, x, 0, 0), wasm_i64x2_shuffle(x, x, 1, 1)};
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const v128_t two = wasm_i16x8_load8x8(w + 8 * j);
#pragma unroll
        for (int i = 0; i < most; i++)
            acc[i][j] = dot_add(row[i], two, acc[i][j]);
    }
}

// Pairs of halves to four whole sums.
EFN_INLINE v128_t joined(v128_t a, v128_t b) {
    return wasm_i32x4_add(wasm_i32x4_shuffle(a, b, 0, 2, 4, 6), wasm_i32x4_shuffle(a, b, 1, 3, 5, 7));
}

// Eight sums of each of `rows` rows to y, of which rows lie m apart.
EFN_INLINE void store(const efn_sums_i8 *layer, v128_t acc[][2], const uint32_t most, uint32_t rows, uint32_t columns,
                      int32_t *y) {
    if (rows == most && columns == 8) {
#pragma unroll
        for (uint32_t i = 0; i < most; i++) {
            wasm_v128_store(y + (size_t)layer->m * i, acc[i][0]);
            wasm_v128_store(y + (size_t)layer->m * i + 4, acc[i][1]);
        }
        return;
    }
    int32_t whole[4][8];
#pragma unroll
    for (uint32_t i = 0; i < most; i++) {
        wasm_v128_store(whole[i], acc[i][0]);
        wasm_v128_store(whole[i] + 4, acc[i][1]);
    }
    for (uint32_t i = 0; i < rows; i++)
        efn_copy(y + (size_t)layer->m * i, whole[i], columns * 4);
}

EFN_INLINE void tile_i16(const efn_sums_i8 *layer, const int most, const int16_t *a, const int8_t *w, uint32_t columns,
                         int32_t *y) {
    v128_t acc[2][4];
#pragma unroll
    for (int i = 0; i < most; i++)
        acc[i][0] = acc[i][1] = acc[i][2] = acc[i][3] = wasm_i32x4_const_splat(0);
    const int16_t *const end = a + (size_t)layer->k4 * 2;
    for (;; a += 64, w += 256) {
#define RUNG(i)                                                                                                        \
    step_i16(acc, most, a + 8 * i, w + 32 * i);                                                                        \
    if (a + 8 * i + 8 == end)                                                                                          \
        break;
        EFN_SHORT_LADDER(RUNG)
#undef RUNG
    }
    v128_t sums[2][2];
#pragma unroll
    for (int i = 0; i < most; i++) {
        sums[i][0] = joined(acc[i][0], acc[i][1]);
        sums[i][1] = joined(acc[i][2], acc[i][3]);
    }
    store(layer, sums, (uint32_t)most, (uint32_t)most, columns, y);
}

static EFN_NOINLINE void tile_one(const efn_sums_i8 *layer, const int16_t *a, const int8_t *w, uint32_t columns,
                                  int32_t *y) {
    tile_i16(layer, 1, a, w, columns, y);
}

static EFN_NOINLINE void tile_two(const efn_sums_i8 *layer, const int16_t *a, const int8_t *w, uint32_t columns,
                                  int32_t *y) {
    tile_i16(layer, 2, a, w, columns, y);
}

static void by_two(const efn_sums_i8 *layer, const int8_t *x, uint32_t rows, int16_t *panels, int32_t *y) {
    const uint32_t k4 = layer->k4;
    for (uint32_t row = 0; row < rows; row += 2) { // what lies beside an odd last row is not read
        const int8_t *a = x + (size_t)row * layer->k;
        pack_two(a, row + 1 < rows ? a + layer->k : a, layer->k, panels + (size_t)row * k4);
    }
    for (uint32_t column = 0; column < layer->m; column += 8) {
        const int8_t *const w = layer->w + (size_t)column * k4;
        const uint32_t columns = efn_min(8, layer->m - column);
        for (uint32_t row = 0; row < rows; row += 2) {
            const int16_t *const a = panels + (size_t)row * k4;
            int32_t *const to = y + (size_t)row * layer->m + column;
            if (row + 1 < rows)
                tile_two(layer, a, w, columns, to);
            else
                tile_one(layer, a, w, columns, to);
        }
    }
}

#ifdef __wasm_relaxed_simd__
// ---- Four i8 at a time, where weights are 0 to 127: panels [k4/4][4][4] of four rows ----

static void pack_quads(const int8_t *const rows[4], uint32_t k, int8_t *panel) {
    uint32_t i = 0;
    for (; i + 16 <= k; i += 16, panel += 64) {
        v128_t r[4];
#pragma unroll
        for (int j = 0; j < 4; j++)
            r[j] = wasm_v128_load(rows[j] + i);
        efn_transpose_lanes(r);
#pragma unroll
        for (int j = 0; j < 4; j++)
            wasm_v128_store(panel + 16 * j, r[j]);
    }
    for (; i < k; i += 4, panel += 16)
        for (uint32_t j = 0; j < 16; j++)
            panel[j] = i + j % 4 < k ? rows[j / 4][i + j % 4] : 0;
}

// Four steps of four rows and eight columns. No pair of products leaves i16: each is at most 128 * 127.
EFN_INLINE void step_four(v128_t acc[4][2], const int8_t *a, const int8_t *w) {
    const v128_t x = wasm_v128_load(a), w0 = wasm_v128_load(w), w1 = wasm_v128_load(w + 16);
    const v128_t row[4] = {EFN_LANE(x, 0), EFN_LANE(x, 1), EFN_LANE(x, 2), EFN_LANE(x, 3)};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        acc[i][0] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(row[i], w0, acc[i][0]);
        acc[i][1] = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(row[i], w1, acc[i][1]);
    }
}

static EFN_NOINLINE void tile_four(const efn_sums_i8 *layer, const int8_t *a, const int8_t *w, uint32_t rows,
                                   uint32_t columns, int32_t *y) {
    v128_t acc[4][2];
#pragma unroll
    for (int i = 0; i < 4; i++)
        acc[i][0] = acc[i][1] = wasm_i32x4_const_splat(0);
    const int8_t *const end = a + (size_t)layer->k4 * 4;
    for (;; a += 128, w += 256) {
#define RUNG(i)                                                                                                        \
    step_four(acc, a + 16 * i, w + 32 * i);                                                                            \
    if (a + 16 * i + 16 == end)                                                                                        \
        break;
        EFN_SHORT_LADDER(RUNG)
#undef RUNG
    }
    store(layer, acc, 4, rows, columns, y);
}

static void by_four(const efn_sums_i8 *layer, const int8_t *x, uint32_t rows, int8_t *panels, int32_t *y) {
    const uint32_t k4 = layer->k4;
    for (uint32_t row = 0; row < rows; row += 4) {
        const int8_t *four[4]; // past the end, the last row again
        for (uint32_t i = 0; i < 4; i++)
            four[i] = x + (size_t)efn_min(row + i, rows - 1) * layer->k;
        pack_quads(four, layer->k, panels + (size_t)row * k4);
    }
    for (uint32_t column = 0; column < layer->m; column += 8)
        for (uint32_t row = 0; row < rows; row += 4)
            tile_four(layer, panels + (size_t)row * k4, layer->w + (size_t)column * k4, efn_min(4, rows - row),
                      efn_min(8, layer->m - column), y + (size_t)row * layer->m + column);
}
#endif

void efn_sums(const efn_sums_i8 *layer, const int8_t *x, uint32_t rows, void *panels, int32_t *y, int32_t *totals) {
    for (uint32_t row = 0; row < rows; row++)
        totals[row] = total_of(x + (size_t)row * layer->k, layer->k);
#ifdef __wasm_relaxed_simd__
    if (layer->narrow && rows > 2) {
        by_four(layer, x, rows, panels, y);
        return;
    }
#endif
    by_two(layer, x, rows, panels, y);
}

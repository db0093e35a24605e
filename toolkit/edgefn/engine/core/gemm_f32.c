#include "gemm.h"

void efn_pack_f32(const float *const rows[4], float *panel, uint32_t k) {
    const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    uint32_t i = 0;
    for (;;) {
#define RUNG(n)                                                                                                        \
    {                                                                                                                  \
        if (i + 4 > k)                                                                                                 \
            break;                                                                                                     \
        v128_t r[4] = {wasm_v128_load(r0 + i), wasm_v128_load(r1 + i), wasm_v128_load(r2 + i),                         \
                       wasm_v128_load(r3 + i)};                                                                        \
        efn_transpose_lanes(r);                                                                                        \
        float *const to = panel + (size_t)i * 4;                                                                       \
        wasm_v128_store(to, r[0]), wasm_v128_store(to + 4, r[1]);                                                      \
        wasm_v128_store(to + 8, r[2]), wasm_v128_store(to + 12, r[3]);                                                 \
        i += 4;                                                                                                        \
    }
        EFN_STEPS(RUNG)
#undef RUNG
    }
    for (; i < k; i++) {
        float *to = panel + (size_t)i * 4;
        to[0] = r0[i], to[1] = r1[i], to[2] = r2[i], to[3] = r3[i];
    }
}

// One K step: four activations times eight weights.
EFN_INLINE void step(v128_t acc[4][2], const v128_t row[4], const float *w) {
    const v128_t w0 = wasm_v128_load(w), w1 = wasm_v128_load(w + 4);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        acc[i][0] = efn_madd(w0, row[i], acc[i][0]);
        acc[i][1] = efn_madd(w1, row[i], acc[i][1]);
    }
}

EFN_INLINE void clear_sums(v128_t acc[4][2]) {
#pragma unroll
    for (int i = 0; i < 4; i++)
        acc[i][0] = acc[i][1] = wasm_f32x4_const_splat(0);
}

EFN_INLINE void store_sums(const v128_t acc[4][2], float *sums) {
#pragma unroll
    for (int i = 0; i < 4; i++) {
        wasm_v128_store(sums + 8 * i, acc[i][0]);
        wasm_v128_store(sums + 8 * i + 4, acc[i][1]);
    }
}

// A tile of four rows, in a function of its own where products are fused: there the loop over rows alone takes a
// register too many, and an accumulator that has none is a chain of stores and loads. Where they are not, the loop is
// cheaper than the calls.
#ifdef __wasm_relaxed_simd__
#define TILE static EFN_NOINLINE
#else
#define TILE EFN_INLINE
#endif

// sums [4][8] of panel a [k][4] and weights [k][8].
TILE void panel_tile(const float *a, const float *w, uint32_t k, float *sums) {
    v128_t acc[4][2];
    clear_sums(acc);
    const float *const end = a + (size_t)k * 4;
    for (;; a += 64, w += 128) {
#define RUNG(i)                                                                                                        \
    {                                                                                                                  \
        const v128_t x = wasm_v128_load(a + 4 * i);                                                                    \
        step(acc, (const v128_t[4]){EFN_LANE(x, 0), EFN_LANE(x, 1), EFN_LANE(x, 2), EFN_LANE(x, 3)}, w + 8 * i);       \
    }                                                                                                                  \
    if (a + 4 * i + 4 == end)                                                                                          \
        break;
        EFN_LADDER(RUNG)
#undef RUNG
    }
    store_sums(acc, sums);
}

// The sums go out through memory and nothing else is done here: what follows would take registers. Not inlined, for
// that and because V8 tiers small functions up sooner.
EFN_NOINLINE void efn_products_f32(const float *panels, const float *w, uint32_t k, uint32_t rows, float *sums) {
    for (uint32_t row = 0; row < rows; row += 4, panels += (size_t)k * 4, sums += 32)
        panel_tile(panels, w, k, sums);
}

// Rows of a tile. A fused product takes a register for its result before that of the sum is free, so four rows, of
// which a vector each is held, are one too many there.
#ifdef __wasm_relaxed_simd__
#define ROWS 3
#else
#define ROWS 4
#endif
_Static_assert(EFN_BLOCK % ROWS == 0, "a block is whole tiles");

EFN_INLINE void load_fours(const float *const from[ROWS], const int i, v128_t to[ROWS]) {
#pragma unroll
    for (int r = 0; r < ROWS; r++)
        to[r] = wasm_v128_load(from[r] + i);
}

// sums [rows, in whole tiles][8] of rows x and weights w [k][8]; as products_i8.
static EFN_NOINLINE void products_of_rows(const efn_operand *x, const float *w, uint32_t k, float *sums) {
    const float *const end = w + (size_t)k * 8, *const base = x->base;
    const uint32_t run = x->run * 8; // weights
    for (uint32_t row = 0; row < x->rows; row += ROWS, sums += 8 * ROWS) {
        v128_t acc[ROWS][2], fours[ROWS]; // the latter of each row
        const float *from[ROWS];
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            acc[r][0] = acc[r][1] = wasm_f32x4_const_splat(0);
            const uint32_t index = row + (uint32_t)r; // starts are there up to a multiple of four
            from[r] = base + x->starts[ROWS == 4 ? index : efn_min(index, x->rows - 1)];
        }
        const float *at = w, *stop = w + run; // of a run
        for (const int32_t *jump = x->jumps;; at += 128) {
#define RUNG(i)                                                                                                        \
    if (i % 4 == 0)                                                                                                    \
        load_fours(from, i, fours);                                                                                    \
    {                                                                                                                  \
        const v128_t w0 = wasm_v128_load(at + 8 * i), w1 = wasm_v128_load(at + 8 * i + 4);                             \
        _Pragma("unroll") for (int r = 0; r < ROWS; r++) {                                                             \
            const v128_t lane = EFN_LANE(fours[r], i % 4);                                                             \
            acc[r][0] = efn_madd(w0, lane, acc[r][0]);                                                                 \
            acc[r][1] = efn_madd(w1, lane, acc[r][1]);                                                                 \
        }                                                                                                              \
    }                                                                                                                  \
    if (at + 8 * i + 8 == end)                                                                                         \
        break;                                                                                                         \
    if (at + 8 * i + 8 == stop) {                                                                                      \
        _Pragma("unroll") for (int r = 0; r < ROWS; r++) from[r] += *jump;                                             \
        jump++, stop += run;                                                                                           \
        if (i % 4 < 3)                                                                                                 \
            load_fours(from, i / 4 * 4, fours);                                                                        \
    }
            EFN_LADDER(RUNG)
#undef RUNG
#pragma unroll
            for (int r = 0; r < ROWS; r++)
                from[r] += 16;
        }
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            wasm_v128_store(sums + 8 * r, acc[r][0]);
            wasm_v128_store(sums + 8 * r + 4, acc[r][1]);
        }
    }
}

// Bias and clamp, and out to y[rows][stride], `columns` <= 8 of it.
static EFN_NOINLINE void finish(const efn_layer_f32 *layer, const float *bias, const float *sums, uint32_t rows,
                                float *y, uint32_t columns) {
    const v128_t b0 = wasm_v128_load(bias), b1 = wasm_v128_load(bias + 4);
    const v128_t low = wasm_f32x4_splat(layer->low), high = wasm_f32x4_splat(layer->high);
    const float *const end = sums + (size_t)rows * 8;
#define LEFT efn_clamp_lanes(wasm_f32x4_add(wasm_v128_load(sums), b0), low, high)
#define RIGHT efn_clamp_lanes(wasm_f32x4_add(wasm_v128_load(sums + 4), b1), low, high)
    for (; columns < 8 && sums < end; sums += 8, y += layer->stride) {
        float whole[8];
        wasm_v128_store(whole, LEFT);
        wasm_v128_store(whole + 4, RIGHT);
        efn_copy(y, whole, columns * 4);
    }
    while (sums < end) {
#define RUNG(n)                                                                                                        \
    wasm_v128_store(y, LEFT);                                                                                          \
    wasm_v128_store(y + 4, RIGHT);                                                                                     \
    sums += 8, y += layer->stride;                                                                                     \
    if (sums == end)                                                                                                   \
        break;
        EFN_STEPS(RUNG)
#undef RUNG
    }
#undef LEFT
#undef RIGHT
}

void efn_gemm_panels_f32(const efn_layer_f32 *layer, const float *panels, uint32_t rows, float *y) {
    float sums[EFN_BLOCK * 8];
    const float *w = layer->w;
    for (uint32_t column = 0; column < layer->m; column += 8, w += (size_t)layer->k * 8) {
        efn_products_f32(panels, w, layer->k, rows, sums);
        finish(layer, layer->bias + column, sums, rows, y + column, efn_min(8, layer->m - column));
    }
}

void efn_gemm_f32(const efn_layer_f32 *layer, const efn_operand *x, float *y) {
    float sums[EFN_BLOCK * 8];
    const float *w = layer->w;
    for (uint32_t column = 0; column < layer->m; column += 8, w += (size_t)layer->k * 8) {
        products_of_rows(x, w, layer->k, sums);
        finish(layer, layer->bias + column, sums, x->rows, y + column, efn_min(8, layer->m - column));
    }
}

// One or two panels of weights at once: enough for the additions not to wait for each other, few enough for all that a
// step loads to stay in registers. y [columns], columns <= 8 * panels.
EFN_INLINE void gemv_panels(const efn_layer_f32 *layer, const int panels, const float *row, uint32_t column, float *y,
                            uint32_t columns) {
    const float *w[2];
    v128_t acc[2][2];
#pragma unroll
    for (int p = 0; p < panels; p++) {
        w[p] = layer->w + ((size_t)column + 8 * (size_t)p) * layer->k;
        acc[p][0] = acc[p][1] = wasm_f32x4_const_splat(0);
    }
    const float *const end = row + layer->k;
    for (;; row += 16) {
#define RUNG(i)                                                                                                        \
    {                                                                                                                  \
        const v128_t x = wasm_v128_load32_splat(row + (i));                                                            \
        _Pragma("unroll") for (int p = 0; p < panels; p++) {                                                           \
            acc[p][0] = efn_madd(x, wasm_v128_load(w[p] + 8 * (i)), acc[p][0]);                                        \
            acc[p][1] = efn_madd(x, wasm_v128_load(w[p] + 8 * (i) + 4), acc[p][1]);                                    \
        }                                                                                                              \
    }                                                                                                                  \
    if (row + (i) + 1 == end)                                                                                          \
        break;
        EFN_LADDER(RUNG)
#undef RUNG
#pragma unroll
        for (int p = 0; p < panels; p++)
            w[p] += 128;
    }
    float out[16];
    const v128_t low = wasm_f32x4_splat(layer->low), high = wasm_f32x4_splat(layer->high);
#pragma unroll
    for (int p = 0; p < panels; p++) {
        const float *bias = layer->bias + column + 8 * p;
        const v128_t left = wasm_f32x4_add(acc[p][0], wasm_v128_load(bias));
        const v128_t right = wasm_f32x4_add(acc[p][1], wasm_v128_load(bias + 4));
        wasm_v128_store(out + 8 * p, efn_clamp_lanes(left, low, high));
        wasm_v128_store(out + 8 * p + 4, efn_clamp_lanes(right, low, high));
    }
    efn_copy(y, out, columns * 4);
}

static EFN_NOINLINE void gemv_two(const efn_layer_f32 *layer, const float *row, uint32_t column, float *y,
                                  uint32_t columns) {
    gemv_panels(layer, 2, row, column, y, columns);
}

static EFN_NOINLINE void gemv_one(const efn_layer_f32 *layer, const float *row, uint32_t column, float *y,
                                  uint32_t columns) {
    gemv_panels(layer, 1, row, column, y, columns);
}

void efn_gemv_f32(const efn_layer_f32 *layer, const float *row, float *y) {
    const uint32_t m = layer->m;
    uint32_t column = 0;
    for (; column + 8 < m; column += 16)
        gemv_two(layer, row, column, y + column, efn_min(16, m - column));
    if (column < m)
        gemv_one(layer, row, column, y + column, m - column);
}

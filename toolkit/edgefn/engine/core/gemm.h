// Matrix products: rows of activations times packed weights, with bias, clamp and requantization on the way out.
//
// Weights lie in panels of eight columns [k/q][8][q] (q = 1 for f32, 2 for i8), and activations where they are, or
// packed four rows at a time into panels [k/q][4][q], so a step of a 4x8 tile is a few loads and lane shuffles.
#ifndef EFN_GEMM_H
#define EFN_GEMM_H

#include "finish.h"

// Read by a v128 load wherever it lies: f32 [m] rows of y may begin anywhere.
typedef struct {
    const float *w;    // [r8(m)/8][k][8]
    const float *bias; // [r8(m)]
    uint32_t k, m;
    float low, high;
    uint32_t stride; // of y: from one row to the next, m or more
} efn_layer_f32;

typedef struct {
    const int8_t *w;     // [r8(m)/8][k2/2][8][2]
    const int32_t *bias; // [r8(m)]
    uint32_t k2, m;
    efn_finish to;
} efn_layer_i8;

enum { EFN_ROOM = 16 }; // bytes that a vector may reach behind a row, or in front of a run that is not its first

// Rows of f32, or of i8 widened to i16, where they lie: in runs of as many elements. Behind a run of an odd number of
// i16 lies anything: it meets a weight of zero.
typedef struct {
    const void *base;
    uint32_t starts[EFN_BLOCK]; // of each row, and then of any up to a multiple of 4: in elements from base
    uint32_t rows;
    uint32_t run;         // i16: rounded up to 2
    const int32_t *jumps; // elements from the end of each run but the last to the beginning of the next one
} efn_operand;

// Rows r[0..3] of eight i16 to panel [4][4][2].
EFN_INLINE void efn_store_pairs(const v128_t r[4], int16_t *to) {
    const v128_t a = wasm_i32x4_shuffle(r[0], r[1], 0, 4, 1, 5), b = wasm_i32x4_shuffle(r[2], r[3], 0, 4, 1, 5);
    const v128_t c = wasm_i32x4_shuffle(r[0], r[1], 2, 6, 3, 7), d = wasm_i32x4_shuffle(r[2], r[3], 2, 6, 3, 7);
    wasm_v128_store(to, wasm_i64x2_shuffle(a, b, 0, 2));
    wasm_v128_store(to + 8, wasm_i64x2_shuffle(a, b, 1, 3));
    wasm_v128_store(to + 16, wasm_i64x2_shuffle(c, d, 0, 2));
    wasm_v128_store(to + 24, wasm_i64x2_shuffle(c, d, 1, 3));
}

// Pack rows[0..3] ([k] each) into panel [k][4].
void efn_pack_f32(const float *const rows[4], float *panel, uint32_t k);
// Widen one row [k] to [k2].
void efn_widen_i8(const int8_t *row, int16_t *wide, uint32_t k);

// sums [r4(rows)][8] of panels [r4(rows)/4][k][4] and weights w [k][8].
void efn_products_f32(const float *panels, const float *w, uint32_t k, uint32_t rows, float *sums);
// sums [r4(rows)][8] of panels [r4(rows)/4][k2/2][4][2] and weights w [k2/2][8][2].
void efn_products_i16(const int16_t *panels, const int16_t *w, uint32_t k2, uint32_t rows, int32_t *sums);
// y[rows][m] from panels [r4(rows)/4][k][4], of EFN_BLOCK rows at most; rows of y lie layer->stride apart.
void efn_gemm_panels_f32(const efn_layer_f32 *layer, const float *panels, uint32_t rows, float *y);
void efn_gemm_f32(const efn_layer_f32 *layer, const efn_operand *x, float *y);
// y[rows][m].
void efn_gemm_i8(const efn_layer_i8 *layer, const efn_operand *x, int8_t *y);
// y[m] from one row [k] (i8: widened, [k2]).
void efn_gemv_f32(const efn_layer_f32 *layer, const float *row, float *y);
void efn_gemv_i8(const efn_layer_i8 *layer, const int16_t *row, int8_t *y);
// sums[16] = bias + row [k2] times two panels of weights.
void efn_gemv_i32(const int8_t *w, const int32_t *bias, const int16_t *row, uint32_t k2, int32_t *sums);

#define EFN_LANE(v, lane) wasm_i32x4_shuffle(v, v, lane, lane, lane, lane)

// Sixteen K steps between two back edges. Hosts check a deadline on every back edge, which spills the accumulators;
// leaving in the middle costs nothing and needs no tail loop. RUNG(i) does step i and breaks when it was the last.
// clang-format off
#define EFN_LADDER(RUNG) \
    RUNG(0) RUNG(1) RUNG(2) RUNG(3) RUNG(4) RUNG(5) RUNG(6) RUNG(7) \
    RUNG(8) RUNG(9) RUNG(10) RUNG(11) RUNG(12) RUNG(13) RUNG(14) RUNG(15)
#define EFN_SHORT_LADDER(RUNG) \
    RUNG(0) RUNG(1) RUNG(2) RUNG(3) RUNG(4) RUNG(5) RUNG(6) RUNG(7)
#define EFN_STEPS(RUNG) \
    RUNG(0) RUNG(1) RUNG(2) RUNG(3)
// clang-format on

#endif

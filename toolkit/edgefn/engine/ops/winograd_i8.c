// winograd of i8: exact, as the weights are held four times as large as they are, and the sums are divided by four.
#include "../core/finish.h"
#include "../core/gemm.h"
#include "winograd.h"

// i8 and q8, all but mult. No sum of transformed i8 weights leaves i32: 2048 channels of inputs up to 2^9 and weights
// below 2^11. Sums of any others wrap.
static efn_status check_i8(const efn_plan *plan, const efn_conv_i8 *p) {
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_TRY(efn_check_winograd(plan, &p->window, x, y, p->w, p->scratch, 1, 2));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_I32, efn_round_up(y->dims[3], 8) * 4));
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    return efn_check_clamp_i8(p->low, p->high);
}

efn_status efn_winograd_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_factors(plan, p->mult, plan->tensors[p->y].dims[3]);
}

efn_status efn_winograd_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_fixed(plan, p->mult, plan->tensors[p->y].dims[3]);
}

// A layer, and where its work is done.
typedef struct {
    efn_mosaic mosaic;
    const efn_tensor *y;
    const int16_t *w;    // [r8(m) / 8][16][c / 2][8][2]
    const int32_t *bias; // [r8(m)]
    efn_finish to;
    uint32_t c, m, block;
    int16_t *panels;  // [16][block / 4][c / 2][4][2]
    int32_t *sums;    // [16][block][8]
    uint8_t *patches; // [4][4][4][c]
    int8_t *out;
} layer_i8;

static layer_i8 layer_of(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_tensor *y = efn_record(site, p->y);
    const uint32_t c = efn_record(site, p->x)->dims[3], block = efn_block_tiles(y);
    int16_t *const panels = (int16_t *)(site->arena + p->scratch);
    int32_t *const sums = (int32_t *)(panels + (size_t)EFN_POINTS * block * c);
    return (layer_i8){
        .mosaic = efn_mosaic_of(site, &p->window, p->x, p->y, 1, (uint8_t)p->x_zero),
        .y = y,
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .to = efn_conv_finish(site, p, rounding),
        .c = c,
        .m = y->dims[3],
        .block = block,
        .panels = panels,
        .sums = sums,
        .patches = (uint8_t *)(sums + (size_t)EFN_POINTS * block * 8),
        .out = efn_out(site, p->y),
    };
}

// One row of the transformed input of eight channels, its four points 32 i16 apart: rows a and b of the input added or
// subtracted, then its columns.
EFN_INLINE void across(const int8_t *a, const int8_t *b, const int add, uint32_t c, int16_t *to) {
    v128_t d[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const v128_t left = wasm_i16x8_load8x8(a + (size_t)j * c), right = wasm_i16x8_load8x8(b + (size_t)j * c);
        d[j] = add ? wasm_i16x8_add(left, right) : wasm_i16x8_sub(left, right);
    }
    wasm_v128_store(to, wasm_i16x8_sub(d[0], d[2]));
    wasm_v128_store(to + 32, wasm_i16x8_add(d[1], d[2]));
    wasm_v128_store(to + 64, wasm_i16x8_sub(d[2], d[1]));
    wasm_v128_store(to + 96, wasm_i16x8_sub(d[1], d[3]));
}

// Four tiles, of which rows lie line[t] bytes apart, to their place in the panels.
static EFN_NOINLINE void transform(const layer_i8 *layer, const int8_t *const from[4], const uint32_t line[4],
                                   int16_t *panel) {
    const uint32_t c = layer->c;
    int16_t room[EFN_POINTS * 32]; // [16][4][8]
    for (uint32_t i = 0; i < c; i += 8, panel += 32) {
        for (uint32_t t = 0; t < 4; t++) {
            const int8_t *r0 = from[t] + i, *r1 = r0 + line[t], *r2 = r1 + line[t], *r3 = r2 + line[t];
            across(r0, r2, 0, c, room + 8 * t);
            across(r1, r2, 1, c, room + 8 * t + 128);
            across(r2, r1, 0, c, room + 8 * t + 256);
            across(r1, r3, 0, c, room + 8 * t + 384);
        }
        for (uint32_t point = 0; point < EFN_POINTS; point++) {
            const int16_t *r = room + 32 * point;
            const v128_t four[4] = {wasm_v128_load(r), wasm_v128_load(r + 8), wasm_v128_load(r + 16),
                                    wasm_v128_load(r + 24)};
            efn_store_pairs(four, panel + (size_t)layer->block * c * point);
        }
    }
}

// Four columns of a tile, from sums [16] that lie `apart`: its four pixels.
EFN_INLINE void pixels_of(const int32_t *sums, size_t apart, v128_t out[4]) {
    v128_t upper[4], lower[4];
#pragma unroll
    for (uint32_t j = 0; j < 4; j++) {
        const v128_t a = wasm_v128_load(sums + apart * j), b = wasm_v128_load(sums + apart * (4 + j));
        const v128_t c = wasm_v128_load(sums + apart * (8 + j)), d = wasm_v128_load(sums + apart * (12 + j));
        upper[j] = wasm_i32x4_add(wasm_i32x4_add(a, b), c);
        lower[j] = wasm_i32x4_sub(wasm_i32x4_sub(b, c), d);
    }
    out[0] = wasm_i32x4_add(wasm_i32x4_add(upper[0], upper[1]), upper[2]);
    out[1] = wasm_i32x4_sub(wasm_i32x4_sub(upper[1], upper[2]), upper[3]);
    out[2] = wasm_i32x4_add(wasm_i32x4_add(lower[0], lower[1]), lower[2]);
    out[3] = wasm_i32x4_sub(wasm_i32x4_sub(lower[1], lower[2]), lower[3]);
#pragma unroll
    for (int i = 0; i < 4; i++)
        out[i] = wasm_i32x4_shr(out[i], 2);
}

// Columns `column` to `column` + 7 of a tile, to y.
static EFN_NOINLINE void finish(const layer_i8 *layer, const efn_columns *by, const int32_t *sums, uint32_t column,
                                efn_tile at) {
    const size_t apart = (size_t)layer->block * 8;
    v128_t left[4], right[4];
    pixels_of(sums, apart, left);
    pixels_of(sums + 4, apart, right);
    const v128_t b0 = wasm_v128_load(layer->bias + column), b1 = wasm_v128_load(layer->bias + column + 4);
    for (uint32_t i = 0; i < 4; i++) {
        const int64_t to = efn_tile_output(layer->y, at, i);
        if (to < 0)
            continue;
        const v128_t l = wasm_i32x4_add(left[i], b0), r = wasm_i32x4_add(right[i], b1);
        const v128_t eight = efn_finish_eight(&layer->to, by, column, l, r);
        int8_t whole[16];
        wasm_v128_store(whole, eight);
        efn_copy(layer->out + to + column, whole, efn_min(8, layer->m - column));
    }
}

// Tiles `first` up to `first` + `tiles`, of which there are `all`.
static void run_block(const layer_i8 *layer, uint32_t first, uint32_t tiles, uint32_t all) {
    const uint32_t c = layer->c, block = layer->block;
    for (uint32_t tile = 0; tile < tiles; tile += 4) {
        const void *from[4];
        uint32_t line[4];
        efn_four_inputs(&layer->mosaic, first + tile, all, layer->patches, from, line);
        transform(layer, (const int8_t *const *)from, line, layer->panels + (size_t)tile * c);
    }
    const int16_t *w = layer->w;
    for (uint32_t column = 0; column < layer->m; column += 8) {
        for (uint32_t point = 0; point < EFN_POINTS; point++, w += (size_t)c * 8)
            efn_products_i16(layer->panels + (size_t)block * c * point, w, c, tiles,
                             layer->sums + (size_t)block * 8 * point);
        efn_columns by;
        efn_find_columns(&by, &layer->to, layer->bias, (uint64_t)9 * c, column);
        for (uint32_t tile = 0; tile < tiles; tile++)
            finish(layer, &by, layer->sums + (size_t)tile * 8, column, efn_tile_of(&layer->mosaic, first + tile));
    }
}

static void run(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const layer_i8 layer = layer_of(site, p, rounding);
    const uint32_t all = (uint32_t)efn_tiles(layer.y);
    for (uint32_t first = 0; first < all; first += layer.block)
        run_block(&layer, first, efn_min(layer.block, all - first), all);
}

void efn_winograd_i8_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_conv_i8 *)words, EFN_BY_F32);
}

void efn_winograd_q8_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_conv_i8 *)words, EFN_BY_FIXED);
}

// ---- Reference: one tile and one column at a time ----

static const int8_t AROUND[4][4] = {{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}};
static const int8_t INWARD[2][4] = {{1, 1, 1, 0}, {0, 1, -1, -1}};

static void ref(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const layer_i8 layer = layer_of(site, p, rounding);
    const uint32_t c = layer.c, all = (uint32_t)efn_tiles(layer.y);
    for (uint32_t tile = 0; tile < all; tile++) {
        uint32_t line;
        const efn_tile at = efn_tile_of(&layer.mosaic, tile);
        const int8_t *x = efn_tile_input(&layer.mosaic, at, layer.patches, &line);
        int16_t *const inner = layer.panels; // [16][c]
        for (uint32_t k = 0; k < EFN_POINTS * c; k++) {
            int32_t sum = 0;
            for (uint32_t i = 0; i < 16; i++)
                sum += AROUND[k / c / 4][i / 4] * AROUND[k / c % 4][i % 4] * x[i / 4 * line + i % 4 * c + k % c];
            inner[k] = (int16_t)sum;
        }
        for (uint32_t j = 0; j < layer.m; j++) {
            const int16_t *w = layer.w + (size_t)(j / 8) * EFN_POINTS * c * 8 + j % 8 * 2; // [16][c / 2][8][2]
            uint32_t sums[EFN_POINTS] = {0};                                               // unsigned: wraps
            for (uint32_t k = 0; k < EFN_POINTS * c; k++)
                sums[k / c] += (uint32_t)(inner[k] * w[(size_t)(k / 2) * 16 + k % 2]);
            for (uint32_t i = 0; i < 4; i++) {
                const int64_t to = efn_tile_output(layer.y, at, i);
                uint32_t sum = 0;
                for (uint32_t point = 0; point < EFN_POINTS; point++)
                    sum += (uint32_t)(INWARD[i / 2][point / 4] * INWARD[i % 2][point % 4]) * sums[point];
                const uint32_t acc = (uint32_t)layer.bias[j] + (uint32_t)((int32_t)sum >> 2);
                if (to >= 0)
                    layer.out[to + j] = efn_finish_one(&layer.to, j, (int32_t)acc);
            }
        }
    }
}

void efn_winograd_i8_ref(const efn_site *site, const uint32_t *words) {
    ref(site, (const efn_conv_i8 *)words, EFN_BY_F32);
}

void efn_winograd_q8_ref(const efn_site *site, const uint32_t *words) {
    ref(site, (const efn_conv_i8 *)words, EFN_BY_FIXED);
}

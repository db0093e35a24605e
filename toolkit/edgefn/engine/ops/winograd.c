#include "winograd.h"
#include "../core/gemm.h"

efn_status efn_winograd_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_TRY(efn_check_winograd(plan, &p->window, x, y, p->w, p->scratch, 4, 4));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_F32, efn_round_up(y->dims[3], 8) * 4));
    return efn_check_clamp_f32(p->low, p->high);
}

// A layer, and where its work is done.
typedef struct {
    efn_mosaic mosaic;
    const efn_tensor *y;
    const float *w, *bias; // [r8(m) / 8][16][c][8], [r8(m)]
    float low, high;
    uint32_t c, m, block;
    float *panels;    // [16][block / 4][c][4]
    float *sums;      // [16][block][8]
    uint8_t *patches; // [4][4][4][c] f32
    float *out;
} layer_f32;

static layer_f32 layer_of(const efn_site *site, const efn_conv_f32 *p) {
    const efn_tensor *y = efn_record(site, p->y);
    const uint32_t c = efn_record(site, p->x)->dims[3], block = efn_block_tiles(y);
    float *const panels = (float *)(site->arena + p->scratch), *const sums = panels + (size_t)EFN_POINTS * block * c;
    return (layer_f32){
        .mosaic = efn_mosaic_of(site, &p->window, p->x, p->y, 4, 0),
        .y = y,
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .low = p->low,
        .high = p->high,
        .c = c,
        .m = y->dims[3],
        .block = block,
        .panels = panels,
        .sums = sums,
        .patches = (uint8_t *)(sums + (size_t)EFN_POINTS * block * 8),
        .out = efn_out(site, p->y),
    };
}

// One row of the transformed input of four channels, its four points 16 f32 apart: rows a and b of the input added or
// subtracted, then its columns.
EFN_INLINE void across(const float *a, const float *b, const int add, uint32_t c, float *to) {
    v128_t d[4];
#pragma unroll
    for (int j = 0; j < 4; j++) {
        const v128_t left = wasm_v128_load(a + (size_t)j * c), right = wasm_v128_load(b + (size_t)j * c);
        d[j] = add ? wasm_f32x4_add(left, right) : wasm_f32x4_sub(left, right);
    }
    wasm_v128_store(to, wasm_f32x4_sub(d[0], d[2]));
    wasm_v128_store(to + 16, wasm_f32x4_add(d[1], d[2]));
    wasm_v128_store(to + 32, wasm_f32x4_sub(d[2], d[1]));
    wasm_v128_store(to + 48, wasm_f32x4_sub(d[1], d[3]));
}

// Four tiles, of which rows lie line[t] bytes apart, to their place in the panels.
static EFN_NOINLINE void transform(const layer_f32 *layer, const float *const from[4], const uint32_t line[4],
                                   float *panel) {
    const uint32_t c = layer->c;
    float room[EFN_POINTS * 16]; // [16][4][4]
    for (uint32_t i = 0; i < c; i += 4, panel += 16) {
        for (uint32_t t = 0; t < 4; t++) {
            const uint32_t down = line[t] / 4;
            const float *r0 = from[t] + i, *r1 = r0 + down, *r2 = r1 + down, *r3 = r2 + down;
            across(r0, r2, 0, c, room + 4 * t);
            across(r1, r2, 1, c, room + 4 * t + 64);
            across(r2, r1, 0, c, room + 4 * t + 128);
            across(r1, r3, 0, c, room + 4 * t + 192);
        }
        for (uint32_t point = 0; point < EFN_POINTS; point++) {
            const float *r = room + 16 * point;
            float *const to = panel + (size_t)layer->block * c * point;
            v128_t four[4] = {wasm_v128_load(r), wasm_v128_load(r + 4), wasm_v128_load(r + 8), wasm_v128_load(r + 12)};
            efn_transpose_lanes(four);
#pragma unroll
            for (uint32_t j = 0; j < 4; j++)
                wasm_v128_store(to + 4 * j, four[j]);
        }
    }
}

// Four columns of a tile, from sums [16] that lie `apart`: its four pixels.
EFN_INLINE void pixels_of(const float *sums, size_t apart, v128_t out[4]) {
    v128_t upper[4], lower[4];
#pragma unroll
    for (uint32_t j = 0; j < 4; j++) {
        const v128_t a = wasm_v128_load(sums + apart * j), b = wasm_v128_load(sums + apart * (4 + j));
        const v128_t c = wasm_v128_load(sums + apart * (8 + j)), d = wasm_v128_load(sums + apart * (12 + j));
        upper[j] = wasm_f32x4_add(wasm_f32x4_add(a, b), c);
        lower[j] = wasm_f32x4_sub(wasm_f32x4_sub(b, c), d);
    }
    out[0] = wasm_f32x4_add(wasm_f32x4_add(upper[0], upper[1]), upper[2]);
    out[1] = wasm_f32x4_sub(wasm_f32x4_sub(upper[1], upper[2]), upper[3]);
    out[2] = wasm_f32x4_add(wasm_f32x4_add(lower[0], lower[1]), lower[2]);
    out[3] = wasm_f32x4_sub(wasm_f32x4_sub(lower[1], lower[2]), lower[3]);
}

// Columns `column` to `column` + 7 of a tile, to y.
static EFN_NOINLINE void finish(const layer_f32 *layer, const float *sums, uint32_t column, efn_tile at) {
    const size_t apart = (size_t)layer->block * 8;
    v128_t left[4], right[4];
    pixels_of(sums, apart, left);
    pixels_of(sums + 4, apart, right);
    const v128_t b0 = wasm_v128_load(layer->bias + column), b1 = wasm_v128_load(layer->bias + column + 4);
    const v128_t low = wasm_f32x4_splat(layer->low), high = wasm_f32x4_splat(layer->high);
    for (uint32_t i = 0; i < 4; i++) {
        const int64_t to = efn_tile_output(layer->y, at, i);
        if (to < 0)
            continue;
        float whole[8];
        wasm_v128_store(whole, efn_clamp_lanes(wasm_f32x4_add(left[i], b0), low, high));
        wasm_v128_store(whole + 4, efn_clamp_lanes(wasm_f32x4_add(right[i], b1), low, high));
        efn_copy(layer->out + to + column, whole, efn_min(8, layer->m - column) * 4);
    }
}

// Tiles `first` up to `first` + `tiles`, of which there are `all`.
static void run_block(const layer_f32 *layer, uint32_t first, uint32_t tiles, uint32_t all) {
    const uint32_t c = layer->c, block = layer->block;
    for (uint32_t tile = 0; tile < tiles; tile += 4) {
        const void *from[4];
        uint32_t line[4];
        efn_four_inputs(&layer->mosaic, first + tile, all, layer->patches, from, line);
        transform(layer, (const float *const *)from, line, layer->panels + (size_t)tile * c);
    }
    const float *w = layer->w;
    for (uint32_t column = 0; column < layer->m; column += 8) {
        for (uint32_t point = 0; point < EFN_POINTS; point++, w += (size_t)c * 8) {
            const float *panel = layer->panels + (size_t)block * c * point;
            efn_products_f32(panel, w, c, tiles, layer->sums + (size_t)block * 8 * point);
        }
        for (uint32_t tile = 0; tile < tiles; tile++)
            finish(layer, layer->sums + (size_t)tile * 8, column, efn_tile_of(&layer->mosaic, first + tile));
    }
}

void efn_winograd_f32_simd(const efn_site *site, const uint32_t *words) {
    const layer_f32 layer = layer_of(site, (const efn_conv_f32 *)words);
    const uint32_t all = (uint32_t)efn_tiles(layer.y);
    for (uint32_t first = 0; first < all; first += layer.block)
        run_block(&layer, first, efn_min(layer.block, all - first), all);
}

// ---- Reference: one tile and one column at a time ----

// What four values in a row, `apart`, become in the transform of the input.
static void around(const float *v, size_t apart, float *to, size_t to_apart) {
    const float a = v[0], b = v[apart], c = v[2 * apart], d = v[3 * apart];
    to[0] = a - c;
    to[to_apart] = b + c;
    to[2 * to_apart] = c - b;
    to[3 * to_apart] = b - d;
}

// The same in the transform of the sums.
static void inward(const float *v, size_t apart, float *to, size_t to_apart) {
    to[0] = v[0] + v[apart] + v[2 * apart];
    to[to_apart] = v[apart] - v[2 * apart] - v[3 * apart];
}

void efn_winograd_f32_ref(const efn_site *site, const uint32_t *words) {
    const layer_f32 layer = layer_of(site, (const efn_conv_f32 *)words);
    const uint32_t c = layer.c, all = (uint32_t)efn_tiles(layer.y);
    for (uint32_t tile = 0; tile < all; tile++) {
        uint32_t line;
        const efn_tile at = efn_tile_of(&layer.mosaic, tile);
        const float *x = efn_tile_input(&layer.mosaic, at, layer.patches, &line);
        float *const inner = layer.panels; // [16][c]
        for (uint32_t k = 0; k < c; k++) {
            float rows[16];
            for (uint32_t j = 0; j < 4; j++)
                around(x + (size_t)j * c + k, line / 4, rows + j, 4);
            for (uint32_t i = 0; i < 4; i++)
                around(rows + 4 * i, 1, inner + (size_t)4 * i * c + k, c);
        }
        for (uint32_t j = 0; j < layer.m; j++) {
            const float *w = layer.w + (size_t)(j / 8) * EFN_POINTS * c * 8 + j % 8; // [16][c][8]
            float sums[16] = {0}, rows[8], pixels[4];
            for (uint32_t k = 0; k < EFN_POINTS * c; k++)
                sums[k / c] += inner[k] * w[(size_t)k * 8];
            for (uint32_t i = 0; i < 4; i++)
                inward(sums + i, 4, rows + i, 4);
            for (uint32_t i = 0; i < 2; i++)
                inward(rows + 4 * i, 1, pixels + 2 * i, 1);
            for (uint32_t i = 0; i < 4; i++) {
                const int64_t to = efn_tile_output(layer.y, at, i);
                if (to >= 0)
                    layer.out[to + j] = efn_clamp(pixels[i] + layer.bias[j], layer.low, layer.high);
            }
        }
    }
}

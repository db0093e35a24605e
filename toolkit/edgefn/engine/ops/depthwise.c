// depthwise of f32: a row of output pixels from its lines, four channels and four pixels at a time.
#include "depthwise.h"
#include "../core/lanes.h"

efn_status efn_depthwise_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_TRY(efn_check_depthwise(plan, &p->window, x, y, p->w, EFN_F32));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_F32, efn_round_up(y->dims[3], 8) * 4));
    EFN_TRY(efn_check_clamp_f32(p->low, p->high));
    return efn_check_scratch(plan, p->scratch, efn_depthwise_bytes(&p->window, y, EFN_LANES_F32), x, y);
}

typedef struct {
    const float *w;    // [kh * kw][stride]
    const float *bias; // [stride]
    uint32_t stride, c, taps;
    float low, high;
    uint32_t wide; // pixels of a row of y
    efn_lines in;
    v128_t *packed; // [blocks][kh * kw], w, for small windows
} layer_f32;

// What the pixels of a block have in common.
typedef struct {
    const layer_f32 *layer;
    const v128_t *w; // packed
    uint32_t i;      // the first channel
} block_f32;

// One tap of `n` pixels, which lie `step` apart.
EFN_INLINE void one_f32(v128_t acc[4], const v128_t *x, const v128_t w, const uint32_t step, const uint32_t n) {
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        acc[p] = efn_madd(x[p * step], w, acc[p]);
}

// The sums of `n` pixels that see the lines from `at` on, of a small window. No loop, but a way out after each row:
// hosts check a deadline wherever a loop begins, and load all that straight code needs at its top.
EFN_INLINE void sum_small(const block_f32 *b, v128_t acc[4], const efn_small small, const uint32_t n, uint32_t at) {
    const efn_address *lines = b->layer->in.lines;
    const uint32_t kh = b->layer->in.image.window.kh;
#pragma unroll
    for (uint32_t ky = 0; ky < small.kw; ky++) {
        const v128_t *x = (const v128_t *)efn_pointer(lines[ky]) + at;
#pragma unroll
        for (uint32_t kx = 0; kx < small.kw; kx++)
            one_f32(acc, x + kx, b->w[small.kw * ky + kx], small.step, n);
        if (kh == ky + 1)
            return;
    }
}

// Of any window.
EFN_INLINE void sum_any(const block_f32 *b, v128_t acc[4], const uint32_t n, uint32_t at) {
    const efn_window *window = &b->layer->in.image.window;
    const uint32_t step = window->stride_w, hop = window->dilation_w, stride = b->layer->stride;
    const float *w = b->layer->w + b->i;
    for (uint32_t ky = 0; ky < window->kh; ky++, w += window->kw * stride) {
        const v128_t *x = (const v128_t *)efn_pointer(b->layer->in.lines[ky]) + at;
        const float *v = w;
        uint32_t left = window->kw;
        for (;; x += 4 * hop, v += 4 * stride) {
#define RUNG(k)                                                                                                        \
    one_f32(acc, x + (k) * hop, wasm_v128_load(v + (k) * stride), step, n);                                            \
    if (--left == 0)                                                                                                   \
        break;
            RUNG(0) RUNG(1) RUNG(2) RUNG(3)
#undef RUNG
        }
    }
}

// Channels of `n` pixels, y [n][c].
EFN_INLINE void pixels_f32(const block_f32 *b, const efn_small small, const uint32_t n, uint32_t at, float *y) {
    const layer_f32 *layer = b->layer;
    v128_t acc[4];
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        acc[p] = wasm_f32x4_const_splat(0);
    if (small.kw)
        sum_small(b, acc, small, n, at);
    else
        sum_any(b, acc, n, at);
    const v128_t bias = wasm_v128_load(layer->bias + b->i);
    const v128_t low = wasm_f32x4_splat(layer->low), high = wasm_f32x4_splat(layer->high);
#pragma unroll
    for (uint32_t p = 0; p < n; p++, y += layer->c) {
        const v128_t four = efn_clamp_lanes(wasm_f32x4_add(acc[p], bias), low, high);
        if (layer->c >= EFN_LANES_F32)
            wasm_v128_store(y, four);
        else
            efn_copy(y, &four, layer->c * 4);
    }
}

// A row of y, [wide][c].
EFN_INLINE void row_f32(const layer_f32 *layer, const efn_small small, float *row) {
    const uint32_t step = small.step ? small.step : layer->in.image.window.stride_w;
    for (uint32_t block = 0; block < layer->in.blocks; block++) {
        const uint32_t i = efn_block_begin(layer->c, EFN_LANES_F32, block);
        const block_f32 b = {layer, layer->packed + (size_t)block * layer->taps, i};
        uint32_t at = block * layer->in.pixels, left = layer->wide;
        float *y = row + i;
        for (; left >= 4; left -= 4, at += 4 * step, y += 4 * (size_t)layer->c)
            pixels_f32(&b, small, 4, at, y);
        if (left & 2) {
            pixels_f32(&b, small, 2, at, y);
            at += 2 * step, y += 2 * (size_t)layer->c;
        }
        if (left & 1)
            pixels_f32(&b, small, 1, at, y);
    }
}

#define ROW(name, kw, step)                                                                                            \
    static EFN_NOINLINE void name(const layer_f32 *layer, float *y) {                                                  \
        row_f32(layer, (efn_small){kw, step}, y);                                                                      \
    }

ROW(row_3_by_1, 3, 1)
ROW(row_3_by_2, 3, 2)
ROW(row_5_by_1, 5, 1)
ROW(row_5_by_2, 5, 2)
ROW(row_any, 0, 0)

// Rows are called by name: a function whose address is taken stays in every module.
static void run_row(const layer_f32 *layer, efn_small small, float *y) {
    if (small.kw == 0)
        row_any(layer, y);
    else if (small.kw == 3)
        (small.step == 1) ? row_3_by_1(layer, y) : row_3_by_2(layer, y);
    else
        (small.step == 1) ? row_5_by_1(layer, y) : row_5_by_2(layer, y);
}

static void pack_weights(const layer_f32 *layer) {
    v128_t *to = layer->packed;
    for (uint32_t block = 0; block < layer->in.blocks; block++) {
        const float *w = layer->w + efn_block_begin(layer->c, EFN_LANES_F32, block);
        for (uint32_t tap = 0; tap < layer->taps; tap++, w += layer->stride)
            *to++ = wasm_v128_load(w);
    }
}

void efn_depthwise_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_window *window = &p->window;
    const efn_tensor *yt = efn_record(site, p->y);
    const uint32_t c = yt->dims[3], taps = window->kh * window->kw;
    v128_t *const packed = (v128_t *)(site->arena + p->scratch);
    uint8_t *const lines = (uint8_t *)(packed + (size_t)taps * efn_blocks(c, EFN_LANES_F32));
    const layer_f32 layer = {
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .stride = (uint32_t)efn_round_up(c, 8),
        .c = c,
        .taps = taps,
        .low = p->low,
        .high = p->high,
        .wide = yt->dims[2],
        .in = efn_lines_of(site, window, p->x, p->y, lines, EFN_LANES_F32, 0),
        .packed = packed,
    };
    const efn_small small = efn_small_of(window);
    if (small.kw)
        pack_weights(&layer);
    float *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++) {
        efn_forget(&layer.in);
        for (uint32_t oy = 0; oy < yt->dims[1]; oy++, y += (size_t)layer.wide * c) {
            efn_look(&layer.in, n, oy);
            run_row(&layer, small, y);
        }
    }
}

// ---- Reference: one output value at a time ----

void efn_depthwise_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const float *x = efn_in(site, p->x), *w = efn_in(site, p->w), *bias = efn_in(site, p->bias);
    float *y = efn_out(site, p->y);
    const uint32_t c = xt->dims[3], stride = (uint32_t)efn_round_up(c, 8), all = efn_elements(yt) / c;
    for (uint32_t index = 0; index < all; index++)
        for (uint32_t i = 0; i < c; i++) {
            float acc = 0;
            for (uint32_t ky = 0; ky < p->window.kh; ky++)
                for (uint32_t kx = 0; kx < p->window.kw; kx++) {
                    const int64_t at = efn_tap(&p->window, xt, yt, index, ky, kx);
                    acc += (at < 0 ? 0.0f : x[at + i]) * w[(size_t)(ky * p->window.kw + kx) * stride + i];
                }
            y[(size_t)index * c + i] = efn_clamp(acc + bias[i], p->low, p->high);
        }
}

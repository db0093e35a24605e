// depthwise of i8: a row of output pixels from its lines, eight channels and two pixels at a time.
#include "../core/finish.h"
#include "depthwise.h"

typedef struct {
    const int8_t *w;     // [kh * kw][stride]
    const int32_t *bias; // [stride]
    uint32_t stride, c, taps;
    efn_finish to;
    uint32_t wide; // pixels of a row of y
    efn_lines in;
    v128_t *packed; // [blocks][kh * kw], w widened, for small windows
} layer_i8;

// i8 and q8, all but mult.
static efn_status check_i8(const efn_plan *plan, const efn_conv_i8 *p) {
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_TRY(efn_check_depthwise(plan, &p->window, x, y, p->w, EFN_I8));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_I32, efn_round_up(y->dims[3], 8) * 4));
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    return efn_check_scratch(plan, p->scratch, efn_depthwise_bytes(&p->window, y, EFN_LANES_I8), x, y);
}

efn_status efn_depthwise_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_factors(plan, p->mult, plan->tensors[p->y].dims[3]);
}

efn_status efn_depthwise_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_fixed(plan, p->mult, plan->tensors[p->y].dims[3]);
}

// How a row's sums become i8: by f32 and nothing more, or in any way.
typedef enum { PLAIN, ANY } ending;

static EFN_NOINLINE v128_t finish_any(const layer_i8 *layer, const efn_columns *by, uint32_t i, v128_t low,
                                      v128_t high) {
    return efn_finish_eight(&layer->to, by, i, low, high);
}

// Eight accumulators of channels i .. i + 7 to eight i8 in the low half.
EFN_INLINE v128_t finish_block(const layer_i8 *layer, const ending how, const efn_columns *by, uint32_t i, v128_t low,
                               v128_t high) {
    if (how == ANY)
        return finish_any(layer, by, i, low, high);
    const v128_t eight = efn_scale_eight(low, high, &by->scaling, EFN_PLAIN);
    return efn_scale_ended(eight, eight, &by->scaling);
}

// Add up to three products of i8, channel by channel. One is at most 128 * 127, so two fit in i16; a pair product with
// ones adds the third and widens.
EFN_INLINE void add_three(v128_t acc[2], v128_t a, v128_t b, v128_t c) {
    const v128_t ones = wasm_i16x8_const_splat(1), two = wasm_i16x8_add(a, b);
    const v128_t low = wasm_i16x8_shuffle(two, c, 0, 8, 1, 9, 2, 10, 3, 11);
    const v128_t high = wasm_i16x8_shuffle(two, c, 4, 12, 5, 13, 6, 14, 7, 15);
    acc[0] = wasm_i32x4_add(acc[0], wasm_i32x4_dot_i16x8(low, ones));
    acc[1] = wasm_i32x4_add(acc[1], wasm_i32x4_dot_i16x8(high, ones));
}

// Three taps of one kernel row for `n` pixels, which lie `step` apart.
EFN_INLINE void three_i8(v128_t acc[2][2], const v128_t *x, const v128_t w[3], const uint32_t hop, const uint32_t step,
                         const uint32_t n) {
#pragma unroll
    for (uint32_t p = 0; p < n; p++, x += step)
        add_three(acc[p], wasm_i16x8_mul(x[0], w[0]), wasm_i16x8_mul(x[hop], w[1]), wasm_i16x8_mul(x[2 * hop], w[2]));
}

// One tap.
EFN_INLINE void one_i8(v128_t acc[2][2], const v128_t *x, const v128_t w, const uint32_t step, const uint32_t n) {
#pragma unroll
    for (uint32_t p = 0; p < n; p++, x += step) {
        const v128_t product = wasm_i16x8_mul(*x, w);
        acc[p][0] = wasm_i32x4_add(acc[p][0], wasm_i32x4_extend_low_i16x8(product));
        acc[p][1] = wasm_i32x4_add(acc[p][1], wasm_i32x4_extend_high_i16x8(product));
    }
}

// What the pixels of a block have in common.
typedef struct {
    const layer_i8 *layer;
    const efn_columns *by;
    const v128_t *w; // packed
    uint32_t i;      // the first channel
} block_i8;

// The sums of `n` pixels that see the lines from `at` on, of a small window. No loop: hosts check a deadline wherever
// one begins, too.
EFN_INLINE void sum_small(const block_i8 *b, v128_t acc[2][2], const efn_small small, const uint32_t n, uint32_t at) {
    const efn_address *lines = b->layer->in.lines;
    const uint32_t kh = b->layer->in.image.window.kh;
#pragma unroll
    for (uint32_t ky = 0; ky < small.kw; ky++) {
        const v128_t *x = (const v128_t *)efn_pointer(lines[ky]) + at, *w = b->w + small.kw * ky;
        three_i8(acc, x, w, 1, small.step, n);
#pragma unroll
        for (uint32_t kx = 3; kx < small.kw; kx++)
            one_i8(acc, x + kx, w[kx], small.step, n);
        if (kh == ky + 1)
            return;
    }
}

// Of any window.
EFN_INLINE void sum_any(const block_i8 *b, v128_t acc[2][2], const uint32_t n, uint32_t at) {
    const efn_window *window = &b->layer->in.image.window;
    const uint32_t step = window->stride_w, hop = window->dilation_w, stride = b->layer->stride;
    const int8_t *w = b->layer->w + b->i;
    for (uint32_t ky = 0; ky < window->kh; ky++) {
        const v128_t *x = (const v128_t *)efn_pointer(b->layer->in.lines[ky]) + at;
        uint32_t left = window->kw;
        for (; left >= 3; left -= 3, x += 3 * hop, w += 3 * stride) {
            const v128_t three[3] = {wasm_i16x8_load8x8(w), wasm_i16x8_load8x8(w + stride),
                                     wasm_i16x8_load8x8(w + 2 * stride)};
            three_i8(acc, x, three, hop, step, n);
        }
        for (; left; left--, x += hop, w += stride)
            one_i8(acc, x, wasm_i16x8_load8x8(w), step, n);
    }
}

// Channels of `n` pixels, y [n][c].
EFN_INLINE void pixels_i8(const block_i8 *b, const efn_small small, const uint32_t n, const ending how, uint32_t at,
                          int8_t *y) {
    const layer_i8 *layer = b->layer;
    v128_t acc[2][2];
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        acc[p][0] = wasm_v128_load(layer->bias + b->i), acc[p][1] = wasm_v128_load(layer->bias + b->i + 4);
    if (small.kw)
        sum_small(b, acc, small, n, at);
    else
        sum_any(b, acc, n, at);
#pragma unroll
    for (uint32_t p = 0; p < n; p++, y += layer->c) {
        const v128_t eight = finish_block(layer, how, b->by, b->i, acc[p][0], acc[p][1]);
        if (layer->c >= EFN_LANES_I8) {
            wasm_v128_store64_lane(y, eight, 0);
        } else {
            int8_t whole[16];
            wasm_v128_store(whole, eight);
            efn_copy(y, whole, layer->c);
        }
    }
}

// A row of y, [wide][c].
EFN_INLINE void row_i8(const layer_i8 *layer, const efn_small small, const ending how, int8_t *row) {
    const uint32_t step = small.step ? small.step : layer->in.image.window.stride_w, even = layer->wide & ~1u;
    for (uint32_t block = 0; block < layer->in.blocks; block++) {
        efn_columns by;
        const uint32_t i = efn_block_begin(layer->c, EFN_LANES_I8, block);
        const block_i8 b = {layer, &by, layer->packed + (size_t)block * layer->taps, i};
        efn_find_columns(&by, &layer->to, layer->bias, layer->taps, i);
        uint32_t at = block * layer->in.pixels, left = even;
        int8_t *y = row + i;
        // Two pairs a back edge where a pair takes little time.
        while (left) {
            const uint32_t pairs = small.kw == 3 ? 2 : 1;
#pragma unroll
            for (uint32_t k = 0; k < pairs && left; k++, left -= 2) {
                pixels_i8(&b, small, 2, how, at, y);
                at += 2 * step, y += 2 * (size_t)layer->c;
            }
        }
        if (layer->wide != even)
            pixels_i8(&b, small, 1, how, at, y);
    }
}

#define ROW(name, kw, step, how)                                                                                       \
    static EFN_NOINLINE void name(const layer_i8 *layer, int8_t *y) {                                                  \
        row_i8(layer, (efn_small){kw, step}, how, y);                                                                  \
    }

ROW(row_3_by_1, 3, 1, PLAIN)
ROW(row_3_by_2, 3, 2, PLAIN)
ROW(row_5_by_1, 5, 1, PLAIN)
ROW(row_5_by_2, 5, 2, PLAIN)
ROW(row_plain, 0, 0, PLAIN)
ROW(row_any, 0, 0, ANY)

// Whether all channels are plain.
static int is_plain(const layer_i8 *layer) {
    int plain = layer->to.rounding == EFN_BY_F32;
    for (uint32_t block = 0; plain && block < layer->in.blocks; block++) {
        const uint32_t i = efn_block_begin(layer->c, EFN_LANES_I8, block);
        const efn_scaling s = efn_scaling_of(&layer->to, i);
        plain = efn_way_of(&s, layer->bias + i, layer->taps) == EFN_PLAIN;
    }
    return plain;
}

// Rows are called by name: a function whose address is taken stays in every module.
static void run_row(const layer_i8 *layer, const int plain, int8_t *y) {
    const efn_small small = efn_small_of(&layer->in.image.window);
    if (!plain)
        row_any(layer, y);
    else if (small.kw == 0)
        row_plain(layer, y);
    else if (small.kw == 3)
        (small.step == 1) ? row_3_by_1(layer, y) : row_3_by_2(layer, y);
    else
        (small.step == 1) ? row_5_by_1(layer, y) : row_5_by_2(layer, y);
}

static layer_i8 layer_of(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_tensor *y = efn_record(site, p->y);
    const efn_finish to = efn_conv_finish(site, p, rounding);
    const uint32_t taps = p->window.kh * p->window.kw;
    v128_t *const packed = (v128_t *)(site->arena + p->scratch);
    uint8_t *const lines = (uint8_t *)(packed + (size_t)taps * efn_blocks(y->dims[3], EFN_LANES_I8));
    return (layer_i8){
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .stride = to.stride,
        .c = y->dims[3],
        .taps = taps,
        .to = to,
        .wide = y->dims[2],
        .in = efn_lines_of(site, &p->window, p->x, p->y, lines, EFN_LANES_I8, (uint8_t)p->x_zero),
        .packed = packed,
    };
}

static void pack_weights(const layer_i8 *layer) {
    v128_t *to = layer->packed;
    for (uint32_t block = 0; block < layer->in.blocks; block++) {
        const int8_t *w = layer->w + efn_block_begin(layer->c, EFN_LANES_I8, block);
        for (uint32_t tap = 0; tap < layer->taps; tap++, w += layer->stride)
            *to++ = wasm_i16x8_load8x8(w);
    }
}

static void run_i8(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_tensor *yt = efn_record(site, p->y);
    const layer_i8 layer = layer_of(site, p, rounding);
    const int plain = is_plain(&layer);
    if (plain && efn_small_of(&p->window).kw)
        pack_weights(&layer);
    int8_t *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++) {
        efn_forget(&layer.in);
        for (uint32_t oy = 0; oy < yt->dims[1]; oy++, y += (size_t)layer.wide * layer.c) {
            efn_look(&layer.in, n, oy);
            run_row(&layer, plain, y);
        }
    }
}

void efn_depthwise_i8_simd(const efn_site *site, const uint32_t *words) {
    run_i8(site, (const efn_conv_i8 *)words, EFN_BY_F32);
}

void efn_depthwise_q8_simd(const efn_site *site, const uint32_t *words) {
    run_i8(site, (const efn_conv_i8 *)words, EFN_BY_FIXED);
}

// ---- Reference: one output value at a time ----

static void ref_i8(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const int8_t *x = efn_in(site, p->x), *w = efn_in(site, p->w);
    const int32_t *bias = efn_in(site, p->bias);
    const efn_finish to = efn_conv_finish(site, p, rounding);
    int8_t *y = efn_out(site, p->y);
    const uint32_t c = xt->dims[3], stride = (uint32_t)efn_round_up(c, 8), all = efn_elements(yt) / c;
    for (uint32_t index = 0; index < all; index++)
        for (uint32_t i = 0; i < c; i++) {
            uint32_t acc = (uint32_t)bias[i]; // unsigned: wraps
            for (uint32_t ky = 0; ky < p->window.kh; ky++)
                for (uint32_t kx = 0; kx < p->window.kw; kx++) {
                    const int64_t at = efn_tap(&p->window, xt, yt, index, ky, kx);
                    acc +=
                        (uint32_t)((at < 0 ? p->x_zero : x[at + i]) * w[(size_t)(ky * p->window.kw + kx) * stride + i]);
                }
            y[(size_t)index * c + i] = efn_finish_one(&to, i, (int32_t)acc);
        }
}

void efn_depthwise_i8_ref(const efn_site *site, const uint32_t *words) {
    ref_i8(site, (const efn_conv_i8 *)words, EFN_BY_F32);
}

void efn_depthwise_q8_ref(const efn_site *site, const uint32_t *words) {
    ref_i8(site, (const efn_conv_i8 *)words, EFN_BY_FIXED);
}

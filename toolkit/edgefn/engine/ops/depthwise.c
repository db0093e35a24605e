// depthwise of f32: a row of output pixels from its lines, four channels and four pixels at a time; the last channels
// of an odd C overlap those before.
#include "depthwise.h"

// How to step in a line, in elements: from pixel to pixel of y, and from tap to tap.
typedef struct {
    uint32_t kh, kw, step, hop, wide; // wide: pixels of a row of y
} efn_grid;

EFN_INLINE efn_grid efn_grid_of(const efn_window *window, const efn_tensor *y) {
    const uint32_t c = y->dims[3];
    return (efn_grid){window->kh, window->kw, window->stride_w * c, window->dilation_w * c, y->dims[2]};
}
#include "../core/lanes.h"

efn_status efn_depthwise_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_TRY(efn_check_depthwise(plan, &p->window, x, y, p->w, EFN_F32));
    EFN_TRY(efn_check_scratch(plan, p->scratch, efn_lines_bytes(&p->window, y, 4), x, y));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_F32, efn_round_up(y->dims[3], 8) * 4));
    return efn_check_clamp_f32(p->low, p->high);
}

typedef struct {
    const float *w;    // [kh * kw][stride]
    const float *bias; // [stride]
    uint32_t stride, c;
    float low, high;
} layer_f32;

// The three taps of one kernel row for `n` neighbouring pixels, all lying next to each other.
EFN_INLINE void three_f32(v128_t acc[4], const float *x, const float *w, uint32_t c, uint32_t stride,
                          const uint32_t n) {
    v128_t seen[6];
    const v128_t w0 = wasm_v128_load(w), w1 = wasm_v128_load(w + stride), w2 = wasm_v128_load(w + 2 * stride);
#pragma unroll
    for (uint32_t p = 0; p < n + 2; p++)
        seen[p] = wasm_v128_load(x + p * c);
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        acc[p] = efn_madd(seen[p + 2], w2, efn_madd(seen[p + 1], w1, efn_madd(seen[p], w0, acc[p])));
}

// One tap for `n` pixels.
EFN_INLINE void one_f32(v128_t acc[4], const float *x, const float *w, uint32_t step, const uint32_t n) {
    const v128_t one = wasm_v128_load(w);
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        acc[p] = efn_madd(wasm_v128_load(x + p * step), one, acc[p]);
}

// Channels i .. i + 3 of `n` pixels; the first one's window begins `at` elements into the lines. y [n][c]. Taps are
// taken in small steps with a way out between them: hosts load all that a straight run of code needs at its top, and
// check a deadline where code runs back.
EFN_INLINE void pixels_f32(const layer_f32 *layer, const efn_grid *g, const efn_address *lines, const int dense,
                           const uint32_t n, uint32_t at, uint32_t i, float *y) {
    v128_t acc[4];
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        acc[p] = wasm_f32x4_const_splat(0);
    const float *w = layer->w + i;
    const uint32_t stride = layer->stride, kh = g->kh;
    if (dense) {
#define RUNG(k)                                                                                                        \
    three_f32(acc, (const float *)efn_pointer(lines[k]) + at + i, w + 3 * (k) * stride, layer->c, stride, n);          \
    if (kh == (k) + 1)                                                                                                 \
        break;
        do {
            RUNG(0) RUNG(1) RUNG(2)
        } while (0);
#undef RUNG
    } else {
        const uint32_t hop = g->hop, step = g->step, kw = g->kw;
        for (uint32_t ky = 0; ky < kh; ky++, w += kw * stride) {
            const float *x = (const float *)efn_pointer(lines[ky]) + at + i;
            const float *v = w;
            uint32_t left = kw;
            for (;; x += 4 * hop, v += 4 * stride) {
#define RUNG(k)                                                                                                        \
    one_f32(acc, x + (k) * hop, v + (k) * stride, step, n);                                                            \
    if (--left == 0)                                                                                                   \
        break;
                RUNG(0) RUNG(1) RUNG(2) RUNG(3)
#undef RUNG
            }
        }
    }
    const v128_t bias = wasm_v128_load(layer->bias + i);
    const v128_t low = wasm_f32x4_splat(layer->low), high = wasm_f32x4_splat(layer->high);
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        wasm_v128_store(y + p * layer->c + i, efn_clamp_lanes(wasm_f32x4_add(acc[p], bias), low, high));
}

// A row of y, [wide][c], c >= 4.
EFN_INLINE void row_f32(const layer_f32 *layer, const efn_grid *g, const efn_address *lines, const int dense,
                        float *y) {
    const uint32_t last = layer->c - 4;
    for (uint32_t i = 0;; i = efn_min(i + 4, last)) {
        uint32_t ox = 0;
        for (; ox + 4 <= g->wide; ox += 4)
            pixels_f32(layer, g, lines, dense, 4, ox * g->step, i, y + (size_t)ox * layer->c);
        for (; ox < g->wide; ox++)
            pixels_f32(layer, g, lines, dense, 1, ox * g->step, i, y + (size_t)ox * layer->c);
        if (i == last)
            break;
    }
}

static EFN_NOINLINE void row_three_f32(const layer_f32 *layer, const efn_grid *g, const efn_address *lines, float *y) {
    row_f32(layer, g, lines, 1, y);
}

static EFN_NOINLINE void row_any_f32(const layer_f32 *layer, const efn_grid *g, const efn_address *lines, float *y) {
    row_f32(layer, g, lines, 0, y);
}

static EFN_NOINLINE void row_thin_f32(const layer_f32 *layer, const efn_grid *g, const efn_address *lines, float *y) {
    for (uint32_t ox = 0; ox < g->wide; ox++)
        for (uint32_t i = 0; i < layer->c; i++) {
            const float *w = layer->w + i;
            float acc = 0;
            for (uint32_t ky = 0; ky < g->kh; ky++) {
                const float *x = (const float *)efn_pointer(lines[ky]) + ox * g->step + i;
                for (uint32_t kx = 0; kx < g->kw; kx++, w += layer->stride)
                    acc += x[kx * g->hop] * *w;
            }
            *y++ = efn_clamp(acc + layer->bias[i], layer->low, layer->high);
        }
}

void efn_depthwise_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *yt = efn_record(site, p->y);
    const uint32_t c = yt->dims[3];
    const layer_f32 layer = {
        efn_in(site, p->w), efn_in(site, p->bias), (uint32_t)efn_round_up(c, 8), c, p->low, p->high};
    const efn_lines v = efn_lines_of(site, &p->window, p->x, p->y, site->arena + p->scratch, 4, 0);
    const efn_grid g = efn_grid_of(&p->window, yt);
    const int three = g.kh <= 3 && g.kw == 3 && g.step == c && g.hop == c;
    float *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++) {
        efn_forget(&v);
        for (uint32_t oy = 0; oy < yt->dims[1]; oy++, y += (size_t)g.wide * c) {
            efn_look(&v, n, oy);
            if (c < 4)
                row_thin_f32(&layer, &g, v.lines, y);
            else if (three)
                row_three_f32(&layer, &g, v.lines, y);
            else
                row_any_f32(&layer, &g, v.lines, y);
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

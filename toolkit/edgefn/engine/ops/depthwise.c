// depthwise: for each row of output pixels, the input rows it sees lie as lines, padded left and right as the windows
// want it, so that every pixel of the row is computed alike. Channels go through in blocks (eight i8, four f32), four
// pixels at a time; the last block of an odd C overlaps the one before it.
#include "../core/check.h"
#include "../core/finish.h"
#include "../core/gather.h"
#include "../core/table.h"

// Pixels that the windows of one row of y cover.
static uint64_t line_pixels(const efn_window *window, const efn_tensor *y) {
    return (uint64_t)(y->dims[2] - 1) * window->stride_w + (uint64_t)(window->kw - 1) * window->dilation_w + 1;
}

// A line for each kernel row and one outside the input, [pixels][C]; for each, its address and the input row it holds;
// and `more` bytes a channel.
static uint64_t scratch_bytes(const efn_window *window, const efn_tensor *y, uint64_t item, uint64_t more) {
    const uint64_t line = line_pixels(window, y) * y->dims[3] * item;
    return efn_round_up(y->dims[3], 8) * more + 8ull * window->kh + (window->kh + 1ull) * line;
}

// What all types share: shapes, w of [kh * kw][r8(C)] items, and scratch.
static efn_status check_all(const efn_plan *plan, const efn_window *window, const efn_tensor *x, const efn_tensor *y,
                            uint32_t w, uint8_t dtype, uint32_t scratch, uint32_t more) {
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_window(window, x, y));
    EFN_REQUIRE(x->dims[3] == y->dims[3], EFN_BAD_SHAPE);
    EFN_TRY(efn_check_apart(x, y, 0));
    const uint64_t item = efn_item_size(dtype), taps = (uint64_t)window->kh * window->kw;
    EFN_REQUIRE(line_pixels(window, y) * y->dims[3] * item <= 1u << 28, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_packed(plan, w, dtype, taps * efn_round_up(x->dims[3], 8) * item));
    return efn_check_scratch(plan, scratch, scratch_bytes(window, y, item, more), x, y);
}

efn_status efn_depthwise_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_TRY(check_all(plan, &p->window, x, y, p->w, EFN_F32, p->scratch, 0));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_F32, efn_round_up(y->dims[3], 8) * 4));
    return efn_check_clamp_f32(p->low, p->high);
}

// i8 and q8, all but mult.
static efn_status check_i8(const efn_plan *plan, const efn_conv_i8 *p, uint32_t more) {
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_TRY(check_all(plan, &p->window, x, y, p->w, EFN_I8, p->scratch, more));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_I32, efn_round_up(y->dims[3], 8) * 4));
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    return efn_check_clamp_i8(p->low, p->high);
}

efn_status efn_depthwise_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p, 0));
    return efn_check_packed(plan, p->mult, EFN_F32, efn_round_up(plan->tensors[p->y].dims[3], 8) * 4);
}

efn_status efn_depthwise_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p, 16));
    return efn_check_fixed(plan, p->mult, plan->tensors[p->y].dims[3]);
}

// ---- Lines ----

typedef struct {
    efn_image image;
    uint32_t line;      // bytes of one
    efn_address *lines; // [kh], what the current row of y sees
    int32_t *held;      // [kh], the input row that buffer i holds; -1 for none
    uint8_t *buffers;   // [kh + 1][line], the last one outside the input
} view;

static view view_of(const efn_site *site, const efn_window *window, uint32_t x, uint32_t y, uint8_t *scratch,
                    uint32_t item, uint8_t outside) {
    const efn_tensor *yt = efn_record(site, y);
    view v = {.image = efn_image_of(efn_in(site, x), efn_record(site, x), yt, window, item, outside)};
    v.line = (uint32_t)line_pixels(window, yt) * v.image.pixel;
    v.lines = (efn_address *)scratch;
    v.held = (int32_t *)(v.lines + window->kh);
    v.buffers = (uint8_t *)(v.held + window->kh);
    efn_fill(v.buffers + (size_t)window->kh * v.line, outside, v.line);
    return v;
}

// Copy input row `from` ([w] pixels) into a buffer, with what is outside on both sides.
static void pad_line(const view *v, const uint8_t *from, uint8_t *to) {
    const uint32_t left = v->image.window.pad_left * v->image.pixel, there = v->image.w * v->image.pixel;
    const uint32_t front = efn_min(left, v->line), whole = efn_min(there, v->line - front);
    efn_fill(to, v->image.outside, front);
    efn_copy(to + front, from, whole);
    efn_fill(to + front + whole, v->image.outside, v->line - front - whole);
}

// Set the lines that row oy of image n sees. A row that needs no padding is read in the input; the others stay in their
// buffers from one row of y to the next, as long as neighbours have different buffers.
static void look(const view *v, uint32_t n, uint32_t oy) {
    const efn_image *image = &v->image;
    const efn_window *window = &image->window;
    const int in_place = window->pad_left == 0 && v->line <= image->w * image->pixel;
    int32_t iy = (int32_t)(oy * window->stride_h) - (int32_t)window->pad_top;
    for (uint32_t ky = 0; ky < window->kh; ky++, iy += (int32_t)window->dilation_h) {
        const int inside = iy >= 0 && iy < (int32_t)image->h;
        const uint32_t slot = window->dilation_h == 1 && inside ? (uint32_t)iy % window->kh : ky;
        const uint8_t *const from =
            image->x + ((size_t)n * image->h + (uint32_t)(inside ? iy : 0)) * image->w * image->pixel;
        uint8_t *const buffer = v->buffers + (size_t)(inside ? slot : window->kh) * v->line;
        v->lines[ky] = efn_address_of(inside && in_place ? from : buffer);
        if (!inside || in_place || (v->held[slot] == iy && window->dilation_h == 1))
            continue;
        pad_line(v, from, buffer);
        v->held[slot] = iy;
    }
}

static void forget(const view *v) {
    for (uint32_t ky = 0; ky < v->image.window.kh; ky++)
        v->held[ky] = -1;
}

// How to step in a line, in elements: from pixel to pixel of y, and from tap to tap.
typedef struct {
    uint32_t kh, kw, step, hop, wide; // wide: pixels of a row of y
} grid;

static grid grid_of(const efn_window *window, const efn_tensor *y) {
    const uint32_t c = y->dims[3];
    return (grid){window->kh, window->kw, window->stride_w * c, window->dilation_w * c, y->dims[2]};
}

// ---- f32 ----

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
EFN_INLINE void pixels_f32(const layer_f32 *layer, const grid *g, const efn_address *lines, const int dense,
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
EFN_INLINE void row_f32(const layer_f32 *layer, const grid *g, const efn_address *lines, const int dense, float *y) {
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

static EFN_NOINLINE void row_three_f32(const layer_f32 *layer, const grid *g, const efn_address *lines, float *y) {
    row_f32(layer, g, lines, 1, y);
}

static EFN_NOINLINE void row_any_f32(const layer_f32 *layer, const grid *g, const efn_address *lines, float *y) {
    row_f32(layer, g, lines, 0, y);
}

static EFN_NOINLINE void row_thin_f32(const layer_f32 *layer, const grid *g, const efn_address *lines, float *y) {
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
    const view v = view_of(site, &p->window, p->x, p->y, site->arena + p->scratch, 4, 0);
    const grid g = grid_of(&p->window, yt);
    const int three = g.kh <= 3 && g.kw == 3 && g.step == c && g.hop == c;
    float *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++) {
        forget(&v);
        for (uint32_t oy = 0; oy < yt->dims[1]; oy++, y += (size_t)g.wide * c) {
            look(&v, n, oy);
            (c < 4 ? row_thin_f32 : three ? row_three_f32 : row_any_f32)(&layer, &g, v.lines, y);
        }
    }
}

// ---- i8 ----

typedef struct {
    const int8_t *w;     // [kh * kw][stride]
    const int32_t *bias; // [stride]
    uint32_t stride, c;
    efn_finish to;
    const int32_t *left, *right; // [stride], the shifts of q8 as efn_scaled_lanes takes them
    const double *by, *half;     // [stride], as efn_near_lanes takes them; else NULL
} layer_i8;

// How a row's sums become i8: as _i8 does; as q8 does, in one rounding and never below y_zero; or as q8 does at all.
typedef enum { BY_F32, ABOVE, BY_FIXED } ending;

static EFN_NOINLINE v128_t finish_fixed(const layer_i8 *layer, const efn_nearing *near, uint32_t i, v128_t low,
                                        v128_t high) {
    if (layer->by) {
        const v128_t eight = efn_near_eight(low, high, layer->by + i, layer->half + i, near, 0);
        return efn_near_ended(eight, eight, near);
    }
    const efn_ending to = efn_ending_of(layer->to.y_zero, layer->to.low, layer->to.high);
    const int32_t *mult = (const int32_t *)layer->to.mult + i, *left = layer->left + i, *right = layer->right + i;
    return efn_ended_lanes(efn_scaled_lanes(low, mult, left, right),
                           efn_scaled_lanes(high, mult + 4, left + 4, right + 4), &to);
}

// Eight accumulators of channels i .. i + 7 to eight i8 in the low half.
EFN_INLINE v128_t finish_block(const layer_i8 *layer, const ending how, const efn_narrowing *to,
                               const efn_nearing *near, uint32_t i, v128_t low, v128_t high) {
    if (how == BY_FIXED)
        return finish_fixed(layer, near, i, low, high);
    if (how == ABOVE) {
        const v128_t eight = efn_near_eight(low, high, layer->by + i, layer->half + i, near, 1);
        return efn_near_ended(eight, eight, near);
    }
    const float *mult = (const float *)layer->to.mult + i;
    low = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(low), wasm_v128_load(mult));
    high = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(high), wasm_v128_load(mult + 4));
    return efn_to_i8(efn_narrow_lanes(low, to), efn_narrow_lanes(high, to));
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

// Three taps of one kernel row for `n` pixels. `dense`: pixels and taps lie next to each other.
EFN_INLINE void three_i8(v128_t acc[2][2], const int8_t *x, const int8_t *w, uint32_t step, uint32_t hop,
                         uint32_t stride, const int dense, const uint32_t n) {
    const v128_t w0 = wasm_i16x8_load8x8(w), w1 = wasm_i16x8_load8x8(w + stride),
                 w2 = wasm_i16x8_load8x8(w + 2 * stride);
    v128_t seen[6];
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
#pragma unroll
        for (uint32_t k = 0; k < 3; k++)
            if (!dense || p == 0 || k == 2)
                seen[dense ? p + k : 3 * p + k] = wasm_i16x8_load8x8(x + (dense ? (p + k) * hop : p * step + k * hop));
#pragma unroll
    for (uint32_t p = 0; p < n; p++) {
        const v128_t *at = seen + (dense ? p : 3 * p);
        add_three(acc[p], wasm_i16x8_mul(at[0], w0), wasm_i16x8_mul(at[1], w1), wasm_i16x8_mul(at[2], w2));
    }
}

// One tap for `n` pixels.
EFN_INLINE void one_i8(v128_t acc[2][2], const int8_t *x, const int8_t *w, uint32_t step, const uint32_t n) {
    const v128_t one = wasm_i16x8_load8x8(w);
#pragma unroll
    for (uint32_t p = 0; p < n; p++) {
        const v128_t product = wasm_i16x8_mul(wasm_i16x8_load8x8(x + p * step), one);
        acc[p][0] = wasm_i32x4_add(acc[p][0], wasm_i32x4_extend_low_i16x8(product));
        acc[p][1] = wasm_i32x4_add(acc[p][1], wasm_i32x4_extend_high_i16x8(product));
    }
}

// Channels i .. i + 7 of `n` pixels, as pixels_f32. y [n][c].
EFN_INLINE void pixels_i8(const layer_i8 *layer, const grid *g, const efn_address *lines, const int dense,
                          const uint32_t n, const ending how, const efn_narrowing *to, const efn_nearing *near,
                          uint32_t at, uint32_t i, int8_t *y) {
    v128_t acc[2][2];
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        acc[p][0] = wasm_v128_load(layer->bias + i), acc[p][1] = wasm_v128_load(layer->bias + i + 4);
    const int8_t *w = layer->w + i;
    const uint32_t stride = layer->stride, hop = g->hop, step = g->step;
    uint32_t ky = g->kh;
    for (const efn_address *line = lines;; line += 3) {
#define RUNG(r)                                                                                                        \
    {                                                                                                                  \
        const int8_t *x = (const int8_t *)efn_pointer(line[r]) + at + i;                                               \
        uint32_t left = g->kw;                                                                                         \
        for (; left >= 3; left -= 3, x += 3 * hop, w += 3 * stride)                                                    \
            three_i8(acc, x, w, step, hop, stride, dense, n);                                                          \
        for (; left; left--, x += hop, w += stride)                                                                    \
            one_i8(acc, x, w, step, n);                                                                                \
    }                                                                                                                  \
    if (--ky == 0)                                                                                                     \
        break;
#define DENSE(r)                                                                                                       \
    three_i8(acc, (const int8_t *)efn_pointer(line[r]) + at + i, w, step, hop, stride, dense, n);                      \
    w += 3 * stride;                                                                                                   \
    if (--ky == 0)                                                                                                     \
        break;
        if (g->kw == 3) {
            DENSE(0) DENSE(1) DENSE(2)
        } else {
            RUNG(0) RUNG(1) RUNG(2)
        }
#undef RUNG
#undef DENSE
    }
#pragma unroll
    for (uint32_t p = 0; p < n; p++)
        wasm_v128_store64_lane(y + p * layer->c + i, finish_block(layer, how, to, near, i, acc[p][0], acc[p][1]), 0);
}

// A row of y, [wide][c], c >= 8.
EFN_INLINE void row_i8(const layer_i8 *layer, const grid *g, const efn_address *lines, const int dense,
                       const ending how, int8_t *y) {
    const efn_narrowing to = efn_narrowing_of(layer->to.y_zero, layer->to.low, layer->to.high);
    const efn_nearing near = efn_nearing_of(layer->to.y_zero, layer->to.low, layer->to.high);
    const uint32_t last = layer->c - 8;
    for (uint32_t i = 0;; i = efn_min(i + 8, last)) {
        uint32_t ox = 0;
        for (; ox + 2 <= g->wide; ox += 2)
            pixels_i8(layer, g, lines, dense, 2, how, &to, &near, ox * g->step, i, y + (size_t)ox * layer->c);
        for (; ox < g->wide; ox++)
            pixels_i8(layer, g, lines, dense, 1, how, &to, &near, ox * g->step, i, y + (size_t)ox * layer->c);
        if (i == last)
            break;
    }
}

typedef void row_fn(const layer_i8 *layer, const grid *g, const efn_address *lines, int8_t *y);

#define ROW(name, dense, how)                                                                                          \
    static EFN_NOINLINE void name(const layer_i8 *layer, const grid *g, const efn_address *lines, int8_t *y) {         \
        row_i8(layer, g, lines, dense, how, y);                                                                        \
    }

ROW(dense_f32, 1, BY_F32)
ROW(dense_above, 1, ABOVE)
ROW(dense_fixed, 1, BY_FIXED)
ROW(apart_f32, 0, BY_F32)
ROW(apart_above, 0, ABOVE)
ROW(apart_fixed, 0, BY_FIXED)

static EFN_NOINLINE void row_thin(const layer_i8 *layer, const grid *g, const efn_address *lines, int8_t *y) {
    for (uint32_t ox = 0; ox < g->wide; ox++)
        for (uint32_t i = 0; i < layer->c; i++) {
            const int8_t *w = layer->w + i;
            uint32_t acc = (uint32_t)layer->bias[i]; // unsigned: wraps
            for (uint32_t ky = 0; ky < g->kh; ky++) {
                const int8_t *x = (const int8_t *)efn_pointer(lines[ky]) + ox * g->step + i;
                for (uint32_t kx = 0; kx < g->kw; kx++, w += layer->stride)
                    acc += (uint32_t)(x[kx * g->hop] * *w);
            }
            *y++ = efn_finish_one(&layer->to, i, (int32_t)acc);
        }
}

static row_fn *row_of(const layer_i8 *layer, const grid *g) {
    const int dense = g->step == layer->c && g->hop == layer->c;
    if (layer->c < 8)
        return row_thin;
    if (layer->to.rounding == EFN_BY_F32)
        return dense ? dense_f32 : apart_f32;
    if (layer->by && layer->to.low >= layer->to.y_zero)
        return dense ? dense_above : apart_above;
    return dense ? dense_fixed : apart_fixed;
}

static efn_finish finish_of(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const uint32_t stride = (uint32_t)efn_round_up(efn_record(site, p->y)->dims[3], 8);
    return (efn_finish){rounding, efn_in(site, p->mult), stride, p->y_zero, p->low, p->high};
}

static void run_i8(const efn_site *site, const efn_conv_i8 *p, const layer_i8 *layer, uint8_t *scratch) {
    const efn_tensor *yt = efn_record(site, p->y);
    const view v = view_of(site, &p->window, p->x, p->y, scratch, 1, (uint8_t)p->x_zero);
    const grid g = grid_of(&p->window, yt);
    row_fn *const row = row_of(layer, &g);
    int8_t *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++) {
        forget(&v);
        for (uint32_t oy = 0; oy < yt->dims[1]; oy++, y += (size_t)g.wide * layer->c) {
            look(&v, n, oy);
            row(layer, &g, v.lines, y);
        }
    }
}

static layer_i8 layer_of(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_finish to = finish_of(site, p, rounding);
    return (layer_i8){
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .stride = to.stride,
        .c = efn_record(site, p->x)->dims[3],
        .to = to,
    };
}

void efn_depthwise_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    const layer_i8 layer = layer_of(site, p, EFN_BY_F32);
    run_i8(site, p, &layer, site->arena + p->scratch);
}

void efn_depthwise_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    layer_i8 layer = layer_of(site, p, EFN_BY_FIXED);
    const int32_t *mult = layer.to.mult, *shifts = mult + layer.stride;
    double *const by = (double *)(site->arena + p->scratch), *const half = by + layer.stride; // [stride]
    int32_t *const left = (int32_t *)by, *const right = left + layer.stride;                  // in their place
    int near = 1;
    for (uint32_t i = 0; i < layer.stride; i++)
        near &= efn_is_near(mult[i], shifts[i]);
    for (uint32_t i = 0; i < layer.stride; i++)
        if (near)
            efn_near_factors(mult[i], shifts[i], &by[i], &half[i]);
        else
            left[i] = efn_left_factor(shifts[i]), right[i] = efn_right_factor(shifts[i]);
    if (near)
        layer.by = by, layer.half = half;
    else
        layer.left = left, layer.right = right;
    run_i8(site, p, &layer, (uint8_t *)(half + layer.stride));
}

// ---- Reference: one output value at a time ----

// Where channel i of tap (ky, kx) of output pixel `index` lies in x, in elements; -1 outside the input.
static int64_t tap(const efn_window *window, const efn_tensor *x, const efn_tensor *y, uint32_t index, uint32_t ky,
                   uint32_t kx, uint32_t i) {
    const uint32_t ox = index % y->dims[2], oy = index / y->dims[2] % y->dims[1];
    const uint32_t n = index / y->dims[2] / y->dims[1];
    const int64_t iy = (int64_t)oy * window->stride_h + (int64_t)ky * window->dilation_h - window->pad_top;
    const int64_t ix = (int64_t)ox * window->stride_w + (int64_t)kx * window->dilation_w - window->pad_left;
    if (iy < 0 || iy >= x->dims[1] || ix < 0 || ix >= x->dims[2])
        return -1;
    return (((int64_t)n * x->dims[1] + iy) * x->dims[2] + ix) * x->dims[3] + i;
}

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
                    const int64_t at = tap(&p->window, xt, yt, index, ky, kx, i);
                    acc += (at < 0 ? 0.0f : x[at]) * w[(size_t)(ky * p->window.kw + kx) * stride + i];
                }
            y[(size_t)index * c + i] = efn_clamp(acc + bias[i], p->low, p->high);
        }
}

static void ref_i8(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const int8_t *x = efn_in(site, p->x), *w = efn_in(site, p->w);
    const int32_t *bias = efn_in(site, p->bias);
    const efn_finish to = finish_of(site, p, rounding);
    int8_t *y = efn_out(site, p->y);
    const uint32_t c = xt->dims[3], stride = (uint32_t)efn_round_up(c, 8), all = efn_elements(yt) / c;
    for (uint32_t index = 0; index < all; index++)
        for (uint32_t i = 0; i < c; i++) {
            uint32_t acc = (uint32_t)bias[i]; // unsigned: wraps
            for (uint32_t ky = 0; ky < p->window.kh; ky++)
                for (uint32_t kx = 0; kx < p->window.kw; kx++) {
                    const int64_t at = tap(&p->window, xt, yt, index, ky, kx, i);
                    acc += (uint32_t)((at < 0 ? p->x_zero : x[at]) * w[(size_t)(ky * p->window.kw + kx) * stride + i]);
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

// depthwise of i8: a row of output pixels from its lines, eight channels and two pixels at a time; the last channels of
// an odd C overlap those before.
#include "../core/finish.h"
#include "depthwise.h"

// i8 and q8, all but mult.
static efn_status check_i8(const efn_plan *plan, const efn_conv_i8 *p, uint32_t more) {
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_TRY(efn_check_depthwise(plan, &p->window, x, y, p->w, EFN_I8, p->scratch, more));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_I32, efn_round_up(y->dims[3], 8) * 4));
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    return efn_check_clamp_i8(p->low, p->high);
}

efn_status efn_depthwise_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p, 0));
    return efn_check_factors(plan, p->mult, plan->tensors[p->y].dims[3]);
}

efn_status efn_depthwise_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p, 16));
    return efn_check_fixed(plan, p->mult, plan->tensors[p->y].dims[3]);
}

typedef struct {
    const int8_t *w;     // [kh * kw][stride]
    const int32_t *bias; // [stride]
    uint32_t stride, c;
    efn_finish to;
    const double *by, *half; // q8: [stride], as efn_near_lanes takes them; half is negative where it does not hold
} layer_i8;

// How a row's sums become i8: as _i8 does; as q8 does, in one rounding and never below y_zero; or as q8 does at all.
typedef enum { BY_F32, ABOVE, BY_FIXED } ending;

// Whether channels i .. i + 7 can be scaled in one rounding.
static int is_near(const layer_i8 *layer, uint32_t i) {
    const double *half = layer->half + i;
    const v128_t left = wasm_v128_or(wasm_v128_load(half), wasm_v128_load(half + 2));
    const v128_t right = wasm_v128_or(wasm_v128_load(half + 4), wasm_v128_load(half + 6));
    return wasm_i64x2_bitmask(wasm_v128_or(left, right)) == 0;
}

static EFN_NOINLINE v128_t finish_fixed(const layer_i8 *layer, const efn_nearing *near, uint32_t i, v128_t low,
                                        v128_t high) {
    if (is_near(layer, i)) {
        const v128_t eight = efn_near_eight(low, high, layer->by + i, layer->half + i, near, 0);
        return efn_near_ended(eight, eight, near);
    }
    const efn_ending to = efn_ending_of(layer->to.y_zero, layer->to.low, layer->to.high);
    const int32_t *mult = (const int32_t *)layer->to.mult + i, *shifts = mult + layer->stride;
    int32_t left[8], right[8];
    for (uint32_t j = 0; j < 8; j++)
        left[j] = efn_left_factor(shifts[j]), right[j] = efn_right_factor(shifts[j]);
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
    const v128_t eight = efn_requantize(low, high, (const float *)layer->to.mult + i, to);
    return wasm_i8x16_narrow_i16x8(eight, eight);
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
EFN_INLINE void pixels_i8(const layer_i8 *layer, const efn_grid *g, const efn_address *lines, const int dense,
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

// Where a block of eight channels begins: the last overlaps the one before it.
EFN_INLINE uint32_t begin_of(const layer_i8 *layer, uint32_t block) {
    return efn_min(8 * block, layer->c - 8);
}

// Blocks `first` up to `end` of a row of y, [wide][c], c >= 8.
EFN_INLINE void row_i8(const layer_i8 *layer, const efn_grid *g, const efn_address *lines, uint32_t first, uint32_t end,
                       const int dense, const ending how, int8_t *y) {
    const efn_narrowing to = efn_narrowing_of(layer->to.y_zero, layer->to.low, layer->to.high);
    const efn_nearing near = efn_nearing_of(layer->to.y_zero, layer->to.low, layer->to.high);
    for (uint32_t block = first; block < end; block++) {
        const uint32_t i = begin_of(layer, block);
        uint32_t ox = 0;
        for (; ox + 2 <= g->wide; ox += 2)
            pixels_i8(layer, g, lines, dense, 2, how, &to, &near, ox * g->step, i, y + (size_t)ox * layer->c);
        for (; ox < g->wide; ox++)
            pixels_i8(layer, g, lines, dense, 1, how, &to, &near, ox * g->step, i, y + (size_t)ox * layer->c);
    }
}

#define ROW(name, dense, how)                                                                                          \
    static EFN_NOINLINE void name(const layer_i8 *layer, const efn_grid *g, const efn_address *lines, uint32_t first,  \
                                  uint32_t end, int8_t *y) {                                                           \
        row_i8(layer, g, lines, first, end, dense, how, y);                                                            \
    }

ROW(dense_f32, 1, BY_F32)
ROW(dense_above, 1, ABOVE)
ROW(dense_fixed, 1, BY_FIXED)
ROW(apart_f32, 0, BY_F32)
ROW(apart_above, 0, ABOVE)
ROW(apart_fixed, 0, BY_FIXED)

static EFN_NOINLINE void row_thin(const layer_i8 *layer, const efn_grid *g, const efn_address *lines, int8_t *y) {
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

// A row of a fixed op: blocks next to each other that end in the same way at a time.
static void row_fixed(const layer_i8 *layer, const efn_grid *g, const int dense, const efn_address *lines, int8_t *y) {
    const uint32_t blocks = (layer->c + 7) / 8;
    const int clamped = layer->to.low >= layer->to.y_zero;
    for (uint32_t first = 0, end = 1; first < blocks; first = end++) {
        const int above = clamped && is_near(layer, begin_of(layer, first));
        while (end < blocks && (clamped && is_near(layer, begin_of(layer, end))) == above)
            end++;
        if (above && dense)
            dense_above(layer, g, lines, first, end, y);
        else if (above)
            apart_above(layer, g, lines, first, end, y);
        else if (dense)
            dense_fixed(layer, g, lines, first, end, y);
        else
            apart_fixed(layer, g, lines, first, end, y);
    }
}

// One row, of an i8 op or of a `fixed` one. Called by name: a function whose address is taken stays in every module.
EFN_INLINE void row(const layer_i8 *layer, const efn_grid *g, const int fixed, const efn_address *lines, int8_t *y) {
    const int dense = g->step == layer->c && g->hop == layer->c;
    const uint32_t blocks = (layer->c + 7) / 8;
    if (layer->c < 8)
        row_thin(layer, g, lines, y);
    else if (fixed)
        row_fixed(layer, g, dense, lines, y);
    else if (dense)
        dense_f32(layer, g, lines, 0, blocks, y);
    else
        apart_f32(layer, g, lines, 0, blocks, y);
}

EFN_INLINE void run_i8(const efn_site *site, const efn_conv_i8 *p, const layer_i8 *layer, const int fixed,
                       uint8_t *scratch) {
    const efn_tensor *yt = efn_record(site, p->y);
    const efn_lines v = efn_lines_of(site, &p->window, p->x, p->y, scratch, 1, (uint8_t)p->x_zero);
    const efn_grid g = efn_grid_of(&p->window, yt);
    int8_t *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++) {
        efn_forget(&v);
        for (uint32_t oy = 0; oy < yt->dims[1]; oy++, y += (size_t)g.wide * layer->c) {
            efn_look(&v, n, oy);
            row(layer, &g, fixed, v.lines, y);
        }
    }
}

static layer_i8 layer_of(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_finish to = efn_conv_finish(site, p, rounding);
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
    run_i8(site, p, &layer, 0, site->arena + p->scratch);
}

void efn_depthwise_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    layer_i8 layer = layer_of(site, p, EFN_BY_FIXED);
    const int32_t *mult = layer.to.mult, *shifts = mult + layer.stride;
    const uint32_t taps = p->window.kh * p->window.kw;
    double *const by = (double *)(site->arena + p->scratch), *const half = by + layer.stride; // [stride]
    for (uint32_t i = 0; i < layer.stride; i++)
        if (efn_is_near(mult[i], shifts[i], efn_reach(layer.bias[i], taps)))
            efn_near_factors(mult[i], shifts[i], &by[i], &half[i]);
        else
            half[i] = -1;
    layer.by = by, layer.half = half;
    run_i8(site, p, &layer, 1, (uint8_t *)(half + layer.stride));
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

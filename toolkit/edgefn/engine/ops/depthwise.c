// depthwise: each output pixel is a list of taps, one address each; a tap outside the input points at a row of padding.
// Channels go through in blocks (eight i8, four f32); the last block of an odd C overlaps the one before it.
#include "../core/check.h"
#include "../core/finish.h"
#include "../core/gather.h"
#include "../core/table.h"

// What all types share: shapes, w of [kh * kw][r8(C)] items, and scratch with `more` bytes a channel.
static efn_status check_all(const efn_plan *plan, const efn_window *window, const efn_tensor *x, const efn_tensor *y,
                            uint32_t w, uint8_t dtype, uint32_t scratch, uint32_t more) {
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_window(window, x, y));
    EFN_REQUIRE(x->dims[3] == y->dims[3], EFN_BAD_SHAPE);
    EFN_TRY(efn_check_apart(x, y, 0));
    const uint64_t item = efn_item_size(dtype), row = efn_round_up(x->dims[3], 8) * item;
    const uint64_t taps = (uint64_t)window->kh * window->kw;
    EFN_TRY(efn_check_packed(plan, w, dtype, taps * row));
    return efn_check_scratch(plan, scratch, efn_round_up(x->dims[3], 8) * more + row + taps * 4, x, y);
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
    EFN_TRY(check_i8(plan, p, 8));
    return efn_check_fixed(plan, p->mult, plan->tensors[p->y].dims[3]);
}

// Point taps [kh * kw] at what output pixel (n, oy, ox) reads.
static void place_taps(const efn_image *image, uint32_t n, uint32_t oy, uint32_t ox, const uint8_t *padding,
                       efn_address *taps) {
    const efn_window *window = &image->window;
    const uint32_t pixel = image->pixel, kw = window->kw;
    const int32_t left = (int32_t)(ox * window->stride_w) - (int32_t)window->pad_left;
    int32_t iy = (int32_t)(oy * window->stride_h) - (int32_t)window->pad_top;
    for (uint32_t ky = 0; ky < window->kh; ky++, iy += (int32_t)window->dilation_h, taps += kw) {
        const int inside = iy >= 0 && iy < (int32_t)image->h;
        const uint8_t *line = image->x + (size_t)(n * image->h + (uint32_t)(inside ? iy : 0)) * image->w * pixel;
        int32_t ix = left;
        for (uint32_t kx = 0; kx < kw; kx++, ix += (int32_t)window->dilation_w)
            taps[kx] = efn_address_of(inside && ix >= 0 && ix < (int32_t)image->w ? line + (size_t)(uint32_t)ix * pixel
                                                                                  : padding);
    }
}

// The taps of one row of output pixels. Between two pixels whose windows lie inside the input's width, the taps inside
// its height move on by one stride and the others stay on the padding.
typedef struct {
    const efn_image *image;
    const uint8_t *padding;
    efn_address *taps; // [kh * kw]
    uint32_t n, oy;
    uint32_t begin, end; // the taps of kernel rows inside the input's height
} tap_row;

static tap_row tap_row_of(const efn_image *image, const uint8_t *padding, efn_address *taps, uint32_t n, uint32_t oy) {
    tap_row row = {image, padding, taps, n, oy, 0, 0};
    int32_t iy = (int32_t)(oy * image->window.stride_h) - (int32_t)image->window.pad_top;
    for (uint32_t ky = 0; ky < image->window.kh; ky++, iy += (int32_t)image->window.dilation_h) {
        row.begin += iy < 0 ? image->window.kw : 0;
        row.end += iy < (int32_t)image->h ? image->window.kw : 0;
    }
    return row;
}

static int within_width(const efn_image *image, uint32_t ox) {
    const efn_window *window = &image->window;
    const int32_t left = (int32_t)(ox * window->stride_w) - (int32_t)window->pad_left;
    return left >= 0 && left + (int32_t)((window->kw - 1) * window->dilation_w) < (int32_t)image->w;
}

// Point the taps at output pixel ox, after ox - 1.
static void next_taps(const tap_row *row, uint32_t ox) {
    const efn_image *image = row->image;
    if (ox == 0 || !within_width(image, ox - 1) || !within_width(image, ox)) {
        place_taps(image, row->n, row->oy, ox, row->padding, row->taps);
        return;
    }
    const uint32_t step = image->window.stride_w * image->pixel;
    const v128_t steps = wasm_i32x4_splat((int32_t)step);
    uint32_t t = row->begin;
    for (; t + 4 <= row->end; t += 4)
        wasm_v128_store(row->taps + t, wasm_i32x4_add(wasm_v128_load(row->taps + t), steps));
    for (; t < row->end; t++)
        row->taps[t] += step;
}

// ---- f32 ----

typedef struct {
    const float *w;    // [count][stride]
    const float *bias; // [stride]
    uint32_t count, stride, c;
    float low, high;
} layer_f32;

// y[4] of channels i .. i + 3.
EFN_INLINE void block_f32(const layer_f32 *layer, const efn_address *taps, uint32_t count, uint32_t i, float *y) {
    v128_t acc = wasm_f32x4_const_splat(0);
    const float *w = layer->w + i;
#pragma unroll
    for (uint32_t t = 0; t < count; t++, w += layer->stride)
        acc = efn_madd(wasm_v128_load((const float *)efn_pointer(taps[t]) + i), wasm_v128_load(w), acc);
    acc = wasm_f32x4_add(acc, wasm_v128_load(layer->bias + i));
    wasm_v128_store(y + i, efn_clamp_lanes(acc, wasm_f32x4_splat(layer->low), wasm_f32x4_splat(layer->high)));
}

// One output pixel, y[c], from taps [count] of c >= 4 channels.
EFN_INLINE void pixel_f32(const layer_f32 *layer, const efn_address *taps, uint32_t count, float *y) {
    uint32_t i = 0;
    for (; i + 4 <= layer->c; i += 4)
        block_f32(layer, taps, count, i, y);
    if (i < layer->c)
        block_f32(layer, taps, count, layer->c - 4, y);
}

static EFN_NOINLINE void pixel_3x3_f32(const layer_f32 *layer, const efn_address *from, float *y) {
    efn_address taps[9]; // a copy the compiler can keep in registers
#pragma unroll
    for (int t = 0; t < 9; t++)
        taps[t] = from[t];
    pixel_f32(layer, taps, 9, y);
}

static EFN_NOINLINE void pixel_any_f32(const layer_f32 *layer, const efn_address *taps, float *y) {
    pixel_f32(layer, taps, layer->count, y);
}

static void pixel_thin_f32(const layer_f32 *layer, const efn_address *taps, float *y) {
    for (uint32_t i = 0; i < layer->c; i++) {
        float acc = 0;
        for (uint32_t t = 0; t < layer->count; t++)
            acc += ((const float *)efn_pointer(taps[t]))[i] * layer->w[(size_t)t * layer->stride + i];
        y[i] = efn_clamp(acc + layer->bias[i], layer->low, layer->high);
    }
}

void efn_depthwise_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const efn_image image = efn_image_of(efn_in(site, p->x), xt, yt, &p->window, 4, 0);
    const uint32_t c = xt->dims[3], stride = (uint32_t)efn_round_up(c, 8);
    const layer_f32 layer = {
        efn_in(site, p->w), efn_in(site, p->bias), p->window.kh * p->window.kw, stride, c, p->low, p->high};
    uint8_t *const padding = site->arena + p->scratch;               // [stride] f32
    efn_address *const taps = (efn_address *)(padding + stride * 4); // [count]
    efn_fill(padding, 0, stride * 4);
    float *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++)
        for (uint32_t oy = 0; oy < image.out_h; oy++) {
            const tap_row row = tap_row_of(&image, padding, taps, n, oy);
            for (uint32_t ox = 0; ox < image.out_w; ox++, y += c) {
                next_taps(&row, ox);
                if (c < 4)
                    pixel_thin_f32(&layer, taps, y);
                else if (layer.count == 9)
                    pixel_3x3_f32(&layer, taps, y);
                else
                    pixel_any_f32(&layer, taps, y);
            }
        }
}

// ---- i8 ----

typedef struct {
    const int8_t *w;     // [count][stride]
    const int32_t *bias; // [stride]
    uint32_t count, stride, c;
    efn_finish to;
    const int32_t *left, *right; // [stride], the shifts of q8 as efn_scaled_lanes takes them
    const float *near;           // [stride], as efn_near_lanes takes them; else NULL
} layer_i8;

static EFN_NOINLINE v128_t finish_far(const layer_i8 *layer, uint32_t i, v128_t low, v128_t high) {
    const efn_ending to = efn_ending_of(layer->to.y_zero, layer->to.low, layer->to.high);
    const int32_t *mult = (const int32_t *)layer->to.mult + i, *left = layer->left + i, *right = layer->right + i;
    return efn_ended_lanes(efn_scaled_lanes(low, mult, left, right),
                           efn_scaled_lanes(high, mult + 4, left + 4, right + 4), &to);
}

// Eight accumulators of channels i .. i + 7 to eight i8 in the low half.
EFN_INLINE v128_t finish_block(const layer_i8 *layer, const int fixed, const efn_narrowing *to, uint32_t i, v128_t low,
                               v128_t high) {
    if (fixed) {
        if (layer->near == NULL)
            return finish_far(layer, i, low, high);
        const int32_t *mult = (const int32_t *)layer->to.mult + i;
        return efn_to_i8(efn_near_lanes(low, mult, layer->near + i, to),
                         efn_near_lanes(high, mult + 4, layer->near + i + 4, to));
    }
    const float *mult = (const float *)layer->to.mult + i;
    low = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(low), wasm_v128_load(mult));
    high = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(high), wasm_v128_load(mult + 4));
    return efn_to_i8(efn_narrow_lanes(low, to), efn_narrow_lanes(high, to));
}

// Eight products of one tap at channels i .. i + 7, each at most 128 * 127: two of them still fit in i16.
EFN_INLINE v128_t products(efn_address tap, uint32_t i, const int8_t *w) {
    return wasm_i16x8_mul(wasm_i16x8_load8x8((const int8_t *)efn_pointer(tap) + i), wasm_i16x8_load8x8(w));
}

// y[8] of channels i .. i + 7.
EFN_INLINE void block_i8(const layer_i8 *layer, const efn_address *taps, uint32_t count, const int fixed,
                         const efn_narrowing *to, uint32_t i, int8_t *y) {
    v128_t low = wasm_v128_load(layer->bias + i), high = wasm_v128_load(layer->bias + i + 4);
    const int8_t *w = layer->w + i;
    const uint32_t stride = layer->stride;
#pragma unroll
    for (uint32_t t = 0; t < count / 2; t++, w += 2 * stride) {
        const v128_t sum = wasm_i16x8_add(products(taps[2 * t], i, w), products(taps[2 * t + 1], i, w + stride));
        low = wasm_i32x4_add(low, wasm_i32x4_extend_low_i16x8(sum));
        high = wasm_i32x4_add(high, wasm_i32x4_extend_high_i16x8(sum));
    }
    if (count % 2) {
        const v128_t last = products(taps[count - 1], i, w);
        low = wasm_i32x4_add(low, wasm_i32x4_extend_low_i16x8(last));
        high = wasm_i32x4_add(high, wasm_i32x4_extend_high_i16x8(last));
    }
    wasm_v128_store64_lane(y + i, finish_block(layer, fixed, to, i, low, high), 0);
}

// One output pixel, y[c], from taps [count] of c >= 8 channels.
EFN_INLINE void pixel_i8(const layer_i8 *layer, const efn_address *taps, uint32_t count, const int fixed, int8_t *y) {
    const efn_narrowing to = efn_narrowing_of(layer->to.y_zero, layer->to.low, layer->to.high);
    const uint32_t last = layer->c - 8;
    for (uint32_t i = 0;; i = efn_min(i + 8, last)) {
        block_i8(layer, taps, count, fixed, &to, i, y);
        if (i == last)
            break;
    }
}

EFN_INLINE void pixel_3x3(const layer_i8 *layer, const efn_address *from, const int fixed, int8_t *y) {
    efn_address taps[9]; // a copy the compiler can keep in registers
#pragma unroll
    for (int t = 0; t < 9; t++)
        taps[t] = from[t];
    pixel_i8(layer, taps, 9, fixed, y);
}

static EFN_NOINLINE void pixel_3x3_i8(const layer_i8 *layer, const efn_address *taps, int8_t *y) {
    pixel_3x3(layer, taps, 0, y);
}

static EFN_NOINLINE void pixel_3x3_q8(const layer_i8 *layer, const efn_address *taps, int8_t *y) {
    pixel_3x3(layer, taps, 1, y);
}

static EFN_NOINLINE void pixel_any_i8(const layer_i8 *layer, const efn_address *taps, int8_t *y) {
    pixel_i8(layer, taps, layer->count, 0, y);
}

static EFN_NOINLINE void pixel_any_q8(const layer_i8 *layer, const efn_address *taps, int8_t *y) {
    pixel_i8(layer, taps, layer->count, 1, y);
}

static void pixel_thin_i8(const layer_i8 *layer, const efn_address *taps, int8_t *y) {
    for (uint32_t i = 0; i < layer->c; i++) {
        uint32_t acc = (uint32_t)layer->bias[i]; // unsigned: wraps
        for (uint32_t t = 0; t < layer->count; t++)
            acc += (uint32_t)(((const int8_t *)efn_pointer(taps[t]))[i] * layer->w[(size_t)t * layer->stride + i]);
        y[i] = efn_finish_one(&layer->to, i, (int32_t)acc);
    }
}

static efn_finish finish_of(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const uint32_t stride = (uint32_t)efn_round_up(efn_record(site, p->y)->dims[3], 8);
    return (efn_finish){rounding, efn_in(site, p->mult), stride, p->y_zero, p->low, p->high};
}

// `scratch` holds a row of padding, then the taps.
static void run_i8(const efn_site *site, const efn_conv_i8 *p, const layer_i8 *layer, uint8_t *scratch) {
    const int fixed = layer->to.rounding == EFN_BY_FIXED, nine = layer->count == 9;
    const uint32_t c = layer->c;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const efn_image image = efn_image_of(efn_in(site, p->x), xt, yt, &p->window, 1, 0);
    uint8_t *const padding = scratch;                                   // [stride] i8
    efn_address *const taps = (efn_address *)(padding + layer->stride); // [count]
    efn_fill(padding, (uint8_t)p->x_zero, layer->stride);
    int8_t *y = efn_out(site, p->y); // [n][oh][ow][c]
    for (uint32_t n = 0; n < yt->dims[0]; n++)
        for (uint32_t oy = 0; oy < image.out_h; oy++) {
            const tap_row row = tap_row_of(&image, padding, taps, n, oy);
            for (uint32_t ox = 0; ox < image.out_w; ox++, y += c) {
                next_taps(&row, ox);
                if (c < 8)
                    pixel_thin_i8(layer, taps, y);
                else if (nine)
                    (fixed ? pixel_3x3_q8 : pixel_3x3_i8)(layer, taps, y);
                else
                    (fixed ? pixel_any_q8 : pixel_any_i8)(layer, taps, y);
            }
        }
}

static layer_i8 layer_of(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_finish to = finish_of(site, p, rounding);
    return (layer_i8){
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .count = p->window.kh * p->window.kw,
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
    int32_t *const left = (int32_t *)(site->arena + p->scratch), *const right = left + layer.stride; // [stride]
    float *const near = (float *)left;                                                               // in its place
    int all_near = 1;
    for (uint32_t i = 0; i < layer.stride; i++)
        all_near &= efn_is_near(mult[i], shifts[i]);
    for (uint32_t i = 0; i < layer.stride; i++)
        if (all_near)
            near[i] = efn_near_factor(shifts[i]);
        else
            left[i] = efn_left_factor(shifts[i]), right[i] = efn_right_factor(shifts[i]);
    layer.left = left, layer.right = right, layer.near = all_near ? near : NULL;
    run_i8(site, p, &layer, (uint8_t *)(right + layer.stride));
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

// conv2d: blocks of up to 96 output pixels are multiplied by the weights, eight columns at a time. Their rows are read
// where they lie in the input, or in a part of it that is padded and, of i8, widened.
#include "../core/check.h"
#include "../core/field.h"
#include "../core/table.h"

static uint32_t pixels(const efn_tensor *y) {
    return y->dims[0] * y->dims[1] * y->dims[2];
}

// What both types share; sets *k to kh * kw * C.
static efn_status check_shapes(const efn_window *window, const efn_tensor *x, const efn_tensor *y, uint64_t *k) {
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_window(window, x, y));
    *k = (uint64_t)window->kh * window->kw * x->dims[3];
    EFN_REQUIRE(*k * efn_block_rows(pixels(y)) <= 1u << 28, EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 0);
}

static efn_image image_f32(const void *at, const efn_conv_f32 *p, const efn_tensor *x, const efn_tensor *y) {
    return efn_flattened(efn_image_of(at, x, y, &p->window, 4, 0));
}

static efn_image image_i8(const void *at, const efn_conv_i8 *p, const efn_tensor *x, const efn_tensor *y) {
    return efn_flattened(efn_image_of(at, x, y, &p->window, 1, (uint8_t)p->x_zero));
}

efn_status efn_conv2d_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    uint64_t k = 0;
    EFN_TRY(check_shapes(&p->window, x, y, &k));
    const efn_image image = image_f32(NULL, p, x, y);
    const efn_layout layout = efn_layout_of(&image, x->dims[3]);
    EFN_REQUIRE(layout.pitch <= 1u << 28, EFN_BAD_SHAPE);
    const uint64_t m = efn_round_up(y->dims[3], 8);
    EFN_TRY(efn_check_packed(plan, p->w, EFN_F32, m * k * 4));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_F32, m * 4));
    EFN_TRY(efn_check_clamp_f32(p->low, p->high));
    return efn_check_scratch(plan, p->scratch, efn_field_bytes(&layout), x, y);
}

// i8 and q8, all but mult.
static efn_status check_i8(const efn_plan *plan, const efn_conv_i8 *p) {
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    uint64_t k = 0;
    EFN_TRY(check_shapes(&p->window, x, y, &k));
    const efn_image image = image_i8(NULL, p, x, y);
    const efn_layout layout = efn_layout_of(&image, x->dims[3]);
    EFN_REQUIRE(layout.pitch <= 1u << 28, EFN_BAD_SHAPE);
    const uint64_t m = efn_round_up(y->dims[3], 8);
    EFN_TRY(efn_check_packed(plan, p->w, EFN_I8, m * layout.runs * layout.run));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_I32, m * 4));
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    return efn_check_scratch(plan, p->scratch, efn_field_bytes(&layout), x, y);
}

efn_status efn_conv2d_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_factors(plan, p->mult, plan->tensors[p->y].dims[3]);
}

efn_status efn_conv2d_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_conv_i8 *p = (const efn_conv_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_fixed(plan, p->mult, plan->tensors[p->y].dims[3]);
}

void efn_conv2d_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *x = efn_record(site, p->x), *y = efn_record(site, p->y);
    const uint32_t k = p->window.kh * p->window.kw * x->dims[3], m = y->dims[3];
    const efn_layer_f32 layer = {efn_in(site, p->w), efn_in(site, p->bias), k, m, p->low, p->high, m};
    const efn_image image = image_f32(efn_in(site, p->x), p, x, y);
    efn_field field;
    efn_field_open(&field, &image, x->dims[3], site->arena + p->scratch);
    const int is_row = efn_is_row(&field);
    float *out = efn_out(site, p->y); // [N][OH][OW][m]
    for (; efn_see(&field); out += (size_t)field.seen.rows * m)
        if (is_row)
            efn_gemv_f32(&layer, field.seen.base, out);
        else
            efn_gemm_f32(&layer, &field.seen, out);
}

static void run_i8(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_tensor *x = efn_record(site, p->x), *y = efn_record(site, p->y);
    const efn_image image = image_i8(efn_in(site, p->x), p, x, y);
    efn_field field;
    efn_field_open(&field, &image, x->dims[3], site->arena + p->scratch);
    const efn_layer_i8 layer = {
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .k2 = field.layout.runs * (uint32_t)field.layout.run,
        .m = y->dims[3],
        .to = efn_conv_finish(site, p, rounding),
    };
    const int is_row = efn_is_row(&field);
    int8_t *out = efn_out(site, p->y); // [N][OH][OW][m]
    for (; efn_see(&field); out += (size_t)field.seen.rows * layer.m)
        if (is_row)
            efn_gemv_i8(&layer, field.seen.base, out);
        else
            efn_gemm_i8(&layer, &field.seen, out);
}

void efn_conv2d_i8_simd(const efn_site *site, const uint32_t *words) {
    run_i8(site, (const efn_conv_i8 *)words, EFN_BY_F32);
}

void efn_conv2d_q8_simd(const efn_site *site, const uint32_t *words) {
    run_i8(site, (const efn_conv_i8 *)words, EFN_BY_FIXED);
}

// ---- Reference: seven loops, no packing of activations ----

void efn_conv2d_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_conv_f32 *p = (const efn_conv_f32 *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const float *x = efn_in(site, p->x), *w = efn_in(site, p->w), *bias = efn_in(site, p->bias);
    float *y = efn_out(site, p->y);
    const uint32_t c = xt->dims[3], m = yt->dims[3], k = p->window.kh * p->window.kw * c;
    for (uint32_t index = 0; index < pixels(yt); index++)
        for (uint32_t j = 0; j < m; j++) {
            const float *column = w + (size_t)(j / 8) * k * 8 + j % 8; // [k], 8 apart
            float acc = 0;
            for (uint32_t ky = 0; ky < p->window.kh; ky++)
                for (uint32_t kx = 0; kx < p->window.kw; kx++) {
                    const int64_t at = efn_tap(&p->window, xt, yt, index, ky, kx);
                    for (uint32_t i = 0; i < c; i++, column += 8)
                        acc += (at < 0 ? 0.0f : x[at + i]) * *column;
                }
            y[(size_t)index * m + j] = efn_clamp(acc + bias[j], p->low, p->high);
        }
}

static void ref_i8(const efn_site *site, const efn_conv_i8 *p, efn_rounding rounding) {
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const int8_t *x = efn_in(site, p->x), *w = efn_in(site, p->w);
    const int32_t *bias = efn_in(site, p->bias);
    const efn_finish to = efn_conv_finish(site, p, rounding);
    int8_t *y = efn_out(site, p->y);
    const uint32_t c = xt->dims[3], m = yt->dims[3], taps = p->window.dilation_w == 1 ? p->window.kw : 1; // of a run
    const uint32_t k2 = p->window.kh * (p->window.kw / taps) * (uint32_t)efn_round_up(taps * c, 2);
    for (uint32_t index = 0; index < pixels(yt); index++)
        for (uint32_t j = 0; j < m; j++) {
            const int8_t *panel = w + (size_t)(j / 8) * k2 * 8 + j % 8 * 2; // [k2 / 2][8][2]
            uint32_t acc = (uint32_t)bias[j], k = 0;                        // unsigned: wraps
            for (uint32_t ky = 0; ky < p->window.kh; ky++)
                for (uint32_t kx = 0; kx < p->window.kw; kx++) {
                    const int64_t at = efn_tap(&p->window, xt, yt, index, ky, kx);
                    for (uint32_t i = 0; i < c; i++, k++)
                        acc += (uint32_t)((at < 0 ? p->x_zero : x[at + i]) * panel[(size_t)(k / 2) * 16 + k % 2]);
                    if ((kx + 1) % taps == 0)
                        k += k % 2;
                }
            y[(size_t)index * m + j] = efn_finish_one(&to, j, (int32_t)acc);
        }
}

void efn_conv2d_i8_ref(const efn_site *site, const uint32_t *words) {
    ref_i8(site, (const efn_conv_i8 *)words, EFN_BY_F32);
}

void efn_conv2d_q8_ref(const efn_site *site, const uint32_t *words) {
    ref_i8(site, (const efn_conv_i8 *)words, EFN_BY_FIXED);
}

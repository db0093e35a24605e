// dense: [rows][K] times [K][M]. One row streams the weights through a matrix-vector kernel, more rows are packed like
// pixels.
#include "../core/check.h"
#include "../core/gemm.h"
#include "../core/table.h"

static efn_status check_shapes(const efn_tensor *x, const efn_tensor *y) {
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->rank >= 1 && y->rank >= 1 && efn_row_count(x) == efn_row_count(y), EFN_BAD_SHAPE);
    EFN_REQUIRE((uint64_t)efn_last_dim(x) * efn_block_rows(efn_row_count(x)) <= 1u << 28, EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 0);
}

efn_status efn_dense_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_dense_f32 *p = (const efn_dense_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_TRY(check_shapes(x, y));
    const uint64_t m = efn_round_up(efn_last_dim(y), 8), k = efn_last_dim(x);
    EFN_TRY(efn_check_packed(plan, p->w, EFN_F32, m * k * 4));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_F32, m * 4));
    EFN_TRY(efn_check_clamp_f32(p->low, p->high));
    return efn_check_scratch(plan, p->scratch, efn_block_rows(efn_row_count(x)) * k * 4, x, y);
}

// i8 and q8, all but mult.
static efn_status check_i8(const efn_plan *plan, const efn_dense_i8 *p) {
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_TRY(check_shapes(x, y));
    const uint64_t m = efn_round_up(efn_last_dim(y), 8), k2 = efn_round_up(efn_last_dim(x), 2);
    EFN_TRY(efn_check_packed(plan, p->w, EFN_I8, m * k2));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_I32, m * 4));
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    const uint64_t bytes = efn_block_rows(efn_row_count(x)) * k2 * 2 + EFN_ROOM;
    return efn_check_scratch(plan, p->scratch, bytes, x, y);
}

efn_status efn_dense_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_dense_i8 *p = (const efn_dense_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_factors(plan, p->mult, efn_last_dim(&plan->tensors[p->y]));
}

efn_status efn_dense_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_dense_i8 *p = (const efn_dense_i8 *)words;
    EFN_TRY(check_i8(plan, p));
    return efn_check_f64(plan, p->mult, efn_last_dim(&plan->tensors[p->y]));
}

void efn_dense_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_dense_f32 *p = (const efn_dense_f32 *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const uint32_t m = efn_last_dim(yt);
    const efn_layer_f32 layer = {efn_in(site, p->w), efn_in(site, p->bias), efn_last_dim(xt), m, p->low, p->high, m};
    const float *x = efn_in(site, p->x); // [all][k]
    float *y = efn_out(site, p->y);      // [all][m]
    const uint32_t all = efn_row_count(xt), block = efn_block_rows(all);
    if (all == 1) {
        efn_gemv_f32(&layer, x, y);
        return;
    }
    float *const panels = (float *)(site->arena + p->scratch); // [block / 4][k][4]
    for (uint32_t first = 0; first < all; first += block) {
        const uint32_t rows = efn_min(block, all - first);
        for (uint32_t row = 0; row < rows; row += 4) {
            const float *four[4]; // past the end, the last row again
            for (uint32_t i = 0; i < 4; i++)
                four[i] = x + (size_t)(first + efn_min(row + i, rows - 1)) * layer.k;
            efn_pack_f32(four, panels + (size_t)row * layer.k, layer.k);
        }
        efn_gemm_panels_f32(&layer, panels, rows, y + (size_t)first * layer.m);
    }
}

static efn_finish finish_of(const efn_site *site, const efn_dense_i8 *p, efn_rounding rounding) {
    const uint32_t stride = (uint32_t)efn_round_up(efn_last_dim(efn_record(site, p->y)), 8);
    return (efn_finish){rounding, efn_in(site, p->mult), stride, p->y_zero, p->low, p->high};
}

static void run_i8(const efn_site *site, const efn_dense_i8 *p, efn_rounding rounding) {
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const uint32_t k = efn_last_dim(xt), all = efn_row_count(xt), block = efn_block_rows(all);
    const efn_layer_i8 layer = {
        .w = efn_in(site, p->w),
        .bias = efn_in(site, p->bias),
        .k2 = (uint32_t)efn_round_up(k, 2),
        .m = efn_last_dim(yt),
        .to = finish_of(site, p, rounding),
    };
    const int8_t *x = efn_in(site, p->x);                        // [all][k]
    int8_t *y = efn_out(site, p->y);                             // [all][m]
    int16_t *const wide = (int16_t *)(site->arena + p->scratch); // [block][k2]
    if (all == 1) {
        efn_widen_i8(x, wide, k);
        efn_gemv_i8(&layer, wide, y);
        return;
    }
    efn_operand seen = {.base = wide, .run = layer.k2};
    for (uint32_t row = 0; row < block; row++)
        seen.starts[row] = row * layer.k2;
    for (uint32_t first = 0; first < all; first += block) {
        seen.rows = efn_min(block, all - first);
        for (uint32_t row = 0; row < seen.rows; row++)
            efn_widen_i8(x + (size_t)(first + row) * k, wide + (size_t)row * layer.k2, k);
        efn_gemm_i8(&layer, &seen, y + (size_t)first * layer.m);
    }
}

void efn_dense_i8_simd(const efn_site *site, const uint32_t *words) {
    run_i8(site, (const efn_dense_i8 *)words, EFN_BY_F32);
}

void efn_dense_q8_simd(const efn_site *site, const uint32_t *words) {
    run_i8(site, (const efn_dense_i8 *)words, EFN_BY_F64);
}

void efn_dense_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_dense_f32 *p = (const efn_dense_f32 *)words;
    const efn_tensor *xt = efn_record(site, p->x);
    const float *x = efn_in(site, p->x), *w = efn_in(site, p->w), *bias = efn_in(site, p->bias);
    float *y = efn_out(site, p->y);
    const uint32_t k = efn_last_dim(xt), m = efn_last_dim(efn_record(site, p->y)), all = efn_row_count(xt);
    for (uint32_t row = 0; row < all; row++)
        for (uint32_t j = 0; j < m; j++) {
            const float *column = w + (size_t)(j / 8) * k * 8 + j % 8; // [k], 8 apart
            float acc = 0;
            for (uint32_t i = 0; i < k; i++)
                acc += x[(size_t)row * k + i] * column[(size_t)i * 8];
            y[(size_t)row * m + j] = efn_clamp(acc + bias[j], p->low, p->high);
        }
}

static void ref_i8(const efn_site *site, const efn_dense_i8 *p, efn_rounding rounding) {
    const efn_tensor *xt = efn_record(site, p->x);
    const int8_t *x = efn_in(site, p->x), *w = efn_in(site, p->w);
    const int32_t *bias = efn_in(site, p->bias);
    const efn_finish to = finish_of(site, p, rounding);
    int8_t *y = efn_out(site, p->y);
    const uint32_t k = efn_last_dim(xt), m = efn_last_dim(efn_record(site, p->y)), all = efn_row_count(xt);
    const uint32_t k2 = (uint32_t)efn_round_up(k, 2);
    for (uint32_t row = 0; row < all; row++)
        for (uint32_t j = 0; j < m; j++) {
            const int8_t *panel = w + (size_t)(j / 8) * k2 * 8 + j % 8 * 2; // [k2 / 2][8][2]
            uint32_t acc = (uint32_t)bias[j];                               // unsigned: wraps
            for (uint32_t i = 0; i < k; i++)
                acc += (uint32_t)(x[(size_t)row * k + i] * panel[(size_t)(i / 2) * 16 + i % 2]);
            y[(size_t)row * m + j] = efn_finish_one(&to, j, (int32_t)acc);
        }
}

void efn_dense_i8_ref(const efn_site *site, const uint32_t *words) {
    ref_i8(site, (const efn_dense_i8 *)words, EFN_BY_F32);
}

void efn_dense_q8_ref(const efn_site *site, const uint32_t *words) {
    ref_i8(site, (const efn_dense_i8 *)words, EFN_BY_F64);
}

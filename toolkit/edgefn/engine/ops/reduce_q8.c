// reduce_q8: sums of x [outer][n][inner] to y [outer][inner], in TFLite's fixed point; a mean has 1 / n in its factor.
// A sum of 2^23 elements fits in 32 bits.
#include "../core/check.h"
#include "../core/fixed.h"
#include "../core/table.h"

#define MOST (1u << 23)
#define BATCH 256 // rows of i8 that a sum of 16 bits holds

efn_status efn_reduce_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_reduce_q8 *p = (const efn_reduce_q8 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(p->n <= MOST && p->by.mult >= 0, EFN_BAD_PARAMETER);
    EFN_REQUIRE(-31 <= p->by.shift && p->by.shift <= 30, EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->x_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    return efn_check_reduced(x, y, p->n, p->inner);
}

EFN_SMALL static int8_t ended(const efn_reduce_q8 *p, int32_t sum) {
    sum -= (int32_t)p->n * p->x_zero;
    return efn_ended(efn_scaled(sum, p->by.mult, p->by.shift), p->y_zero, -128, 127);
}

EFN_SMALL static int32_t column(const int8_t *x, uint32_t n, uint32_t stride) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < n; i++, x += stride)
        sum += *x;
    return sum;
}

// x [n].
EFN_SMALL static int32_t row(const int8_t *x, uint32_t n) {
    v128_t sum = wasm_i32x4_const_splat(0);
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16)
        sum = wasm_i32x4_add(sum,
                             wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_extadd_pairwise_i8x16(wasm_v128_load(x + i))));
    return wasm_i32x4_extract_lane(sum, 0) + wasm_i32x4_extract_lane(sum, 1) + wasm_i32x4_extract_lane(sum, 2) +
           wasm_i32x4_extract_lane(sum, 3) + column(x + i, n - i, 1);
}

// x [n][inner], y [16] of it.
EFN_SMALL static void columns(const efn_reduce_q8 *p, const int8_t *x, int8_t *y) {
    int32_t sums[16] = {0};
    for (uint32_t left = p->n; left > 0;) {
        const uint32_t rows = efn_min(left, BATCH);
        v128_t low = wasm_i16x8_const_splat(0), high = low;
        for (uint32_t i = 0; i < rows; i++, x += p->inner) {
            const v128_t v = wasm_v128_load(x);
            low = wasm_i16x8_add(low, wasm_i16x8_extend_low_i8x16(v));
            high = wasm_i16x8_add(high, wasm_i16x8_extend_high_i8x16(v));
        }
        int16_t batch[16];
        wasm_v128_store(batch, low);
        wasm_v128_store(batch + 8, high);
        for (uint32_t i = 0; i < 16; i++)
            sums[i] += batch[i];
        left -= rows;
    }
    for (uint32_t i = 0; i < 16; i++)
        y[i] = ended(p, sums[i]);
}

// x [n][inner], y [inner]; the last block of sixteen overlaps the one before it.
EFN_SMALL static void plane(const efn_reduce_q8 *p, const int8_t *x, int8_t *y) {
    if (p->inner < 16) {
        for (uint32_t i = 0; i < p->inner; i++)
            y[i] = ended(p, p->inner == 1 ? row(x, p->n) : column(x + i, p->n, p->inner));
        return;
    }
    for (uint32_t at = 0; at < p->inner; at += 16) {
        const uint32_t i = efn_min(at, p->inner - 16);
        columns(p, x + i, y + i);
    }
}

void efn_reduce_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_reduce_q8 *p = (const efn_reduce_q8 *)words;
    const int8_t *x = efn_in(site, p->x);
    int8_t *y = efn_out(site, p->y);
    for (uint32_t i = 0; i < efn_elements(efn_record(site, p->y)); i += p->inner, x += (size_t)p->n * p->inner)
        plane(p, x, y + i);
}

void efn_reduce_q8_ref(const efn_site *site, const uint32_t *words) {
    const efn_reduce_q8 *p = (const efn_reduce_q8 *)words;
    const int8_t *x = efn_in(site, p->x);
    int8_t *y = efn_out(site, p->y);
    for (uint32_t i = 0; i < efn_elements(efn_record(site, p->y)); i += p->inner, x += (size_t)p->n * p->inner)
        for (uint32_t k = 0; k < p->inner; k++)
            y[i + k] = ended(p, column(x + k, p->n, p->inner));
}

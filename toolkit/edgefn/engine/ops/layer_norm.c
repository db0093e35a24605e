// layer_norm: rows of as many elements as gamma has, each taken to mean 0 and variance 1, then scaled and moved. Not
// centred, it is the form of the root mean square. May run in place.
//
// The mean is taken twice, the second time of what the first left over, which is what makes rows exact that lie far
// from 0. Sums run in sixteen parts, part i % 16 taking element i, in the reference too, so that both give the same
// bits.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

efn_status efn_layer_norm_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_layer_norm *p = (const efn_layer_norm *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    const efn_tensor *gamma = efn_readable(plan, p->gamma, EFN_F32), *beta = efn_readable(plan, p->beta, EFN_F32);
    EFN_REQUIRE(x && y && gamma && beta, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y) && efn_elements(gamma) == efn_elements(beta), EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_elements(x) % efn_elements(gamma) == 0, EFN_BAD_SHAPE);
    EFN_REQUIRE(p->epsilon >= 0 && p->epsilon < __builtin_inff() && p->centred <= 1, EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_apart(gamma, y, 0));
    EFN_TRY(efn_check_apart(beta, y, 0));
    return efn_check_apart(x, y, 1);
}

#define PARTS 16

static float total_of(const float parts[PARTS]) {
    float four[4];
    for (int i = 0; i < 4; i++)
        four[i] = (parts[i] + parts[4 + i]) + (parts[8 + i] + parts[12 + i]);
    return (four[0] + four[1]) + (four[2] + four[3]);
}

EFN_INLINE void store_parts(const v128_t sums[4], float parts[PARTS]) {
#pragma unroll
    for (int i = 0; i < 4; i++)
        wasm_v128_store(parts + 4 * i, sums[i]);
}

// What a row becomes: ((x - mean) - shift) * scale * gamma + beta.
typedef struct {
    float mean, shift, scale;
} moments;

// From the sums of x - mean and of their squares.
static moments moments_of(const efn_layer_norm *p, float mean, const float first[PARTS], const float second[PARTS],
                          uint32_t n) {
    const float shift = p->centred ? total_of(first) / (float)n : 0;
    const float square = total_of(second) / (float)n - shift * shift;
    const double variance = (double)(square < 0 ? 0 : square) + (double)p->epsilon;
    return (moments){mean, shift, (float)(1 / __builtin_sqrt(variance))};
}

EFN_INLINE float end_one(const moments *of, float x, float gamma, float beta) {
    return ((x - of->mean) - of->shift) * of->scale * gamma + beta;
}

static float mean_simd(const float *x, uint32_t n) {
    float parts[PARTS];
    v128_t sums[4] = {wasm_f32x4_const_splat(0), wasm_f32x4_const_splat(0), wasm_f32x4_const_splat(0),
                      wasm_f32x4_const_splat(0)};
    uint32_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
#pragma unroll
        for (uint32_t j = 0; j < 4; j++)
            sums[j] = wasm_f32x4_add(sums[j], wasm_v128_load(x + i + 4 * j));
    store_parts(sums, parts);
    for (; i < n; i++)
        parts[i % PARTS] += x[i];
    return total_of(parts) / (float)n;
}

static moments measure_simd(const efn_layer_norm *p, const float *x, uint32_t n) {
    const float mean = p->centred ? mean_simd(x, n) : 0;
    float first[PARTS], second[PARTS];
    v128_t sums[4] = {wasm_f32x4_const_splat(0), wasm_f32x4_const_splat(0), wasm_f32x4_const_splat(0),
                      wasm_f32x4_const_splat(0)};
    v128_t squares[4] = {sums[0], sums[0], sums[0], sums[0]};
    const v128_t middle = wasm_f32x4_splat(mean);
    uint32_t i = 0;
    for (; i + PARTS <= n; i += PARTS)
#pragma unroll
        for (uint32_t j = 0; j < 4; j++) {
            const v128_t d = wasm_f32x4_sub(wasm_v128_load(x + i + 4 * j), middle);
            sums[j] = wasm_f32x4_add(sums[j], d);
            squares[j] = wasm_f32x4_add(squares[j], wasm_f32x4_mul(d, d));
        }
    store_parts(sums, first);
    store_parts(squares, second);
    for (; i < n; i++) {
        const float d = x[i] - mean;
        first[i % PARTS] += d;
        second[i % PARTS] += d * d;
    }
    return moments_of(p, mean, first, second, n);
}

static void end_simd(const moments *of, const float *x, const float *gamma, const float *beta, float *y, uint32_t n) {
    const v128_t mean = wasm_f32x4_splat(of->mean), shift = wasm_f32x4_splat(of->shift);
    const v128_t scale = wasm_f32x4_splat(of->scale);
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        v128_t v = wasm_f32x4_sub(wasm_f32x4_sub(wasm_v128_load(x + i), mean), shift);
        v = wasm_f32x4_mul(wasm_f32x4_mul(v, scale), wasm_v128_load(gamma + i));
        wasm_v128_store(y + i, wasm_f32x4_add(v, wasm_v128_load(beta + i)));
    }
    for (; i < n; i++)
        y[i] = end_one(of, x[i], gamma[i], beta[i]);
}

void efn_layer_norm_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_layer_norm *p = (const efn_layer_norm *)words;
    const float *x = efn_in(site, p->x), *gamma = efn_in(site, p->gamma), *beta = efn_in(site, p->beta);
    float *y = efn_out(site, p->y);
    const uint32_t all = efn_elements(efn_record(site, p->y)), n = efn_elements(efn_record(site, p->gamma));
    for (uint32_t at = 0; at < all; at += n) {
        const moments of = measure_simd(p, x + at, n);
        end_simd(&of, x + at, gamma, beta, y + at, n);
    }
}

static moments measure_ref(const efn_layer_norm *p, const float *x, uint32_t n) {
    float parts[PARTS] = {0}, first[PARTS] = {0}, second[PARTS] = {0};
    for (uint32_t i = 0; i < n; i++)
        parts[i % PARTS] += x[i];
    const float mean = p->centred ? total_of(parts) / (float)n : 0;
    for (uint32_t i = 0; i < n; i++) {
        const float d = x[i] - mean;
        first[i % PARTS] += d;
        second[i % PARTS] += d * d;
    }
    return moments_of(p, mean, first, second, n);
}

void efn_layer_norm_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_layer_norm *p = (const efn_layer_norm *)words;
    const float *x = efn_in(site, p->x), *gamma = efn_in(site, p->gamma), *beta = efn_in(site, p->beta);
    float *y = efn_out(site, p->y);
    const uint32_t all = efn_elements(efn_record(site, p->y)), n = efn_elements(efn_record(site, p->gamma));
    for (uint32_t at = 0; at < all; at += n) {
        const moments of = measure_ref(p, x + at, n);
        for (uint32_t i = 0; i < n; i++)
            y[at + i] = end_one(&of, x[at + i], gamma[i], beta[i]);
    }
}

// softmax over the last dimension: e = exp(x - max), y = e / sum(e). May run in place.
//
// exp is Cephes expf (S. Moshier): x = n ln 2 + r, |r| <= ln 2 / 2, exp(r) = 1 + r + r^2 p(r) with p of degree 5. The
// sum runs in four lanes, then (0 + 1) + (2 + 3), in the reference too, so that both give the same bits. Never fused.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

#define LOG2_E 1.44269504088896341f
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define SMALLEST -87.0f // below it exp is 0 here: the true value is under 2e-38

static const float P[6] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                           4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};

efn_status efn_softmax_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y) && efn_last_dim(x) == efn_last_dim(y), EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 1);
}

// exp(x) for x <= 0 or NaN, one lane.
static float exp_one(float x) {
    if (x < SMALLEST)
        return 0;
    const float n = __builtin_rintf(x * LOG2_E);
    const float r = (x - n * LN2_HIGH) - n * LN2_LOW;
    float sum = P[0];
    for (int i = 1; i < 6; i++)
        sum = sum * r + P[i];
    sum = sum * (r * r) + r + 1.0f;
    if (!(n == n))
        return n;
    const uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
    float power;
    __builtin_memcpy(&power, &bits, 4);
    return sum * power;
}

EFN_INLINE v128_t exp_lanes(v128_t x) {
    const v128_t n = wasm_f32x4_nearest(wasm_f32x4_mul(x, wasm_f32x4_const_splat(LOG2_E)));
    const v128_t whole = wasm_f32x4_mul(n, wasm_f32x4_const_splat(LN2_HIGH));
    const v128_t r = wasm_f32x4_sub(wasm_f32x4_sub(x, whole), wasm_f32x4_mul(n, wasm_f32x4_const_splat(LN2_LOW)));
    v128_t sum = wasm_f32x4_splat(P[0]);
    for (int i = 1; i < 6; i++)
        sum = wasm_f32x4_add(wasm_f32x4_mul(sum, r), wasm_f32x4_splat(P[i]));
    sum = wasm_f32x4_add(wasm_f32x4_mul(sum, wasm_f32x4_mul(r, r)), r);
    sum = wasm_f32x4_add(sum, wasm_f32x4_const_splat(1.0f));
    const v128_t exponent = wasm_i32x4_add(wasm_i32x4_trunc_sat_f32x4(n), wasm_i32x4_const_splat(127));
    const v128_t y = wasm_f32x4_mul(sum, wasm_i32x4_shl(exponent, 23));
    return wasm_v128_andnot(y, wasm_f32x4_lt(x, wasm_f32x4_const_splat(SMALLEST)));
}

static float largest(const float *x, uint32_t n) {
    float most = x[0];
    for (uint32_t i = 1; i < n; i++)
        most = most < x[i] ? x[i] : most;
    return most;
}

// x, y [n].
static void row_simd(const float *x, float *y, uint32_t n) {
    const float most = largest(x, n);
    const v128_t top = wasm_f32x4_splat(most);
    v128_t sums = wasm_f32x4_const_splat(0);
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const v128_t e = exp_lanes(wasm_f32x4_sub(wasm_v128_load(x + i), top));
        wasm_v128_store(y + i, e);
        sums = wasm_f32x4_add(sums, e);
    }
    float lanes[4];
    wasm_v128_store(lanes, sums);
    for (; i < n; i++) {
        y[i] = exp_one(x[i] - most);
        lanes[i % 4] += y[i];
    }
    const float sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    for (i = 0; i + 4 <= n; i += 4)
        wasm_v128_store(y + i, wasm_f32x4_div(wasm_v128_load(y + i), wasm_f32x4_splat(sum)));
    for (; i < n; i++)
        y[i] = y[i] / sum;
}

// x, y [n].
static void row_ref(const float *x, float *y, uint32_t n) {
    const float most = largest(x, n);
    float lanes[4] = {0};
    for (uint32_t i = 0; i < n; i++) {
        y[i] = exp_one(x[i] - most);
        lanes[i % 4] += y[i];
    }
    const float sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    for (uint32_t i = 0; i < n; i++)
        y[i] = y[i] / sum;
}

void efn_softmax_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const float *x = efn_in(site, p->x);
    float *y = efn_out(site, p->y);
    const uint32_t all = efn_elements(efn_record(site, p->y)), n = efn_last_dim(efn_record(site, p->y));
    for (uint32_t at = 0; at < all; at += n)
        row_simd(x + at, y + at, n);
}

void efn_softmax_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const float *x = efn_in(site, p->x);
    float *y = efn_out(site, p->y);
    const uint32_t all = efn_elements(efn_record(site, p->y)), n = efn_last_dim(efn_record(site, p->y));
    for (uint32_t at = 0; at < all; at += n)
        row_ref(x + at, y + at, n);
}

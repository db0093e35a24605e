// softmax over the last dimension: e = exp(x - max), y = e / sum(e). May run in place.
//
// The sum runs in four lanes, then (0 + 1) + (2 + 3), in the reference too, so that both give the same bits.
#include "../core/check.h"
#include "../core/fixed.h"
#include "../core/mathematics.h"
#include "../core/table.h"

efn_status efn_softmax_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y) && efn_last_dim(x) == efn_last_dim(y), EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 1);
}

static float exp_one(float x) {
    return wasm_f32x4_extract_lane(efn_exp(wasm_f32x4_splat(x)), 0);
}

static float larger(float most, const float *x, uint32_t i, uint32_t n) {
    for (; i < n; i++)
        most = most < x[i] ? x[i] : most;
    return most;
}

// The order does not matter: NaN counts only as the first, and then alone.
static float largest(const float *x, uint32_t n) {
    v128_t most = wasm_f32x4_splat(x[0]);
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4)
        most = wasm_f32x4_pmax(most, wasm_v128_load(x + i));
    float lanes[4];
    wasm_v128_store(lanes, most);
    return larger(larger(lanes[0], lanes, 1, 4), x, i, n);
}

// x, y [n].
static void row_simd(const float *x, float *y, uint32_t n) {
    const float most = largest(x, n);
    const v128_t top = wasm_f32x4_splat(most);
    v128_t sums = wasm_f32x4_const_splat(0);
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const v128_t e = efn_exp(wasm_f32x4_sub(wasm_v128_load(x + i), top));
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
    const float most = larger(x[0], x, 1, n);
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

// ---- q8: gemmlowp's fixed point. exp comes from a table in the weights, by the distance from the largest ----

#define MOST_Q8 4095 // elements a row: their sum, of at most 2^19 each, is less than 2^31

efn_status efn_softmax_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_lookup *p = (const efn_lookup *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y) && efn_last_dim(x) == efn_last_dim(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_last_dim(x) <= MOST_Q8, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_packed(plan, p->table, EFN_I32, 256 * 4));
    const int32_t *table = (const int32_t *)(plan->weights + plan->tensors[p->table].offset);
    EFN_REQUIRE(table[0] == INT32_MAX, EFN_BAD_WEIGHTS);
    for (uint32_t i = 0; i < 256; i++)
        EFN_REQUIRE(table[i] >= 0, EFN_BAD_WEIGHTS);
    return efn_check_apart(x, y, 1);
}

static int32_t largest_q8(const int8_t *x, uint32_t n) {
    int32_t most = x[0];
    for (uint32_t i = 1; i < n; i++)
        most = most < x[i] ? x[i] : most;
    return most;
}

// 2^31 / (1 + t / 2^31) for t from 0: three steps of Newton's method, with two bits in front of the point.
static int32_t reciprocal(uint32_t t) {
    const int32_t half = (int32_t)((t + (1u << 31)) / 2);
    int32_t r = 1515870810 + efn_high(half, -1010580540); // 48/17 - 32/17 half
    for (int i = 0; i < 3; i++)
        r += efn_high(r, (1 << 29) - efn_high(half, r)) * 4;
    return r >= 1 << 30 ? INT32_MAX : r * 2;
}

// The probability of e is shifted(high(factor, e), shift) / 256.
typedef struct {
    int32_t factor;
    uint32_t shift; // 23 .. 34
} norm;

static norm norm_of(const int8_t *x, int32_t most, const int32_t *table, uint32_t n) {
    uint32_t sum = 0; // 2^19 .. 2^31 - 1, as the largest alone gives 2^19
    for (uint32_t i = 0; i < n; i++)
        sum += (uint32_t)efn_shifted(table[most - x[i]], 12);
    const uint32_t zeros = (uint32_t)__builtin_clz(sum);
    return (norm){reciprocal((sum << zeros) - (1u << 31)), 35 - zeros};
}

static void q8_from(const int8_t *x, int8_t *y, int32_t most, const int32_t *table, const norm *by, uint32_t i,
                    uint32_t n) {
    for (; i < n; i++)
        y[i] = efn_ended(efn_shifted(efn_high(by->factor, table[most - x[i]]), by->shift), -128, -128, 127);
}

// x, y [n]. Nothing is negative, so both roundings are a half more and a shift.
static void row_q8(const int8_t *x, int8_t *y, const int32_t *table, uint32_t n) {
    const int32_t most = largest_q8(x, n);
    const norm by = norm_of(x, most, table, n);
    const v128_t factor = wasm_i32x4_splat(by.factor), half = wasm_i64x2_const_splat(1 << 30);
    const v128_t more = wasm_i64x2_splat((int64_t)1 << (by.shift - 1));
    const efn_ending to = efn_ending_of(-128, -128, 127);
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const v128_t e =
            wasm_i32x4_make(table[most - x[i]], table[most - x[i + 1]], table[most - x[i + 2]], table[most - x[i + 3]]);
        v128_t low = wasm_i64x2_add(wasm_i64x2_extmul_low_i32x4(factor, e), half);
        v128_t high = wasm_i64x2_add(wasm_i64x2_extmul_high_i32x4(factor, e), half);
        low = wasm_u64x2_shr(wasm_i64x2_add(wasm_u64x2_shr(low, 31), more), by.shift);
        high = wasm_u64x2_shr(wasm_i64x2_add(wasm_u64x2_shr(high, 31), more), by.shift);
        const v128_t four = wasm_i32x4_shuffle(low, high, 0, 2, 4, 6);
        wasm_v128_store32_lane(y + i, efn_ended_lanes(four, four, &to), 0);
    }
    q8_from(x, y, most, table, &by, i, n);
}

void efn_softmax_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_lookup *p = (const efn_lookup *)words;
    const int8_t *x = efn_in(site, p->x);
    int8_t *y = efn_out(site, p->y);
    const uint32_t all = efn_elements(efn_record(site, p->y)), n = efn_last_dim(efn_record(site, p->y));
    for (uint32_t at = 0; at < all; at += n)
        row_q8(x + at, y + at, efn_in(site, p->table), n);
}

void efn_softmax_q8_ref(const efn_site *site, const uint32_t *words) {
    const efn_lookup *p = (const efn_lookup *)words;
    const int8_t *x = efn_in(site, p->x);
    int8_t *y = efn_out(site, p->y);
    const int32_t *table = efn_in(site, p->table);
    const uint32_t all = efn_elements(efn_record(site, p->y)), n = efn_last_dim(efn_record(site, p->y));
    for (uint32_t at = 0; at < all; at += n) {
        const int32_t most = largest_q8(x + at, n);
        const norm by = norm_of(x + at, most, table, n);
        q8_from(x + at, y + at, most, table, &by, 0, n);
    }
}

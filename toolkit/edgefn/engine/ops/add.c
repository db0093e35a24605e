// add: a + b, where b is as large as a, or a vector of the last dimension, or one element. May run in place on an
// operand as large as y.
#include "../core/check.h"
#include "../core/fixed.h"
#include "../core/table.h"

// b as it repeats: `rows` rows of `width` elements; step 0 when b is one element.
typedef struct {
    uint32_t rows, width, step;
} broadcast;

static broadcast broadcast_of(const efn_tensor *y, const efn_tensor *b) {
    const uint32_t n = efn_elements(y), k = efn_elements(b);
    return (broadcast){k == 1 ? 1 : n / k, k == 1 ? n : k, k == 1 ? 0 : 1};
}

static efn_status check_both(const efn_plan *plan, uint32_t a_index, uint32_t b_index, uint32_t y_index,
                             uint8_t dtype) {
    const efn_tensor *a = efn_readable(plan, a_index, dtype), *b = efn_readable(plan, b_index, dtype);
    const efn_tensor *y = efn_writable(plan, y_index, dtype);
    EFN_REQUIRE(a && b && y, EFN_BAD_OPERAND);
    const uint32_t n = efn_elements(b);
    EFN_REQUIRE(efn_elements(a) == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE(n == efn_elements(y) || n == efn_last_dim(y) || n == 1, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_apart(a, y, 1));
    return efn_check_apart(b, y, 1);
}

efn_status efn_add_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_add_f32 *p = (const efn_add_f32 *)words;
    EFN_TRY(efn_check_clamp_f32(p->low, p->high));
    return check_both(plan, p->a, p->b, p->y, EFN_F32);
}

efn_status efn_add_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_add_i8 *p = (const efn_add_i8 *)words;
    EFN_REQUIRE(efn_finite_positive(p->a_mult) && efn_finite_positive(p->b_mult), EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->a_zero));
    EFN_TRY(efn_check_zero(p->b_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    return check_both(plan, p->a, p->b, p->y, EFN_I8);
}

// ---- f32: a, y [width], b [width] or [1] ----

static void f32_from(const efn_add_f32 *p, const float *a, const float *b, float *y, uint32_t i, const broadcast *s) {
    for (; i < s->width; i++)
        y[i] = efn_clamp(a[i] + b[i * s->step], p->low, p->high);
}

static void row_f32(const efn_add_f32 *p, const float *a, const float *b, float *y, const broadcast *s) {
    const v128_t low = wasm_f32x4_splat(p->low), high = wasm_f32x4_splat(p->high), one = wasm_f32x4_splat(*b);
    uint32_t i = 0;
    for (; i + 4 <= s->width; i += 4) {
        const v128_t other = s->step ? wasm_v128_load(b + i) : one;
        wasm_v128_store(y + i, efn_clamp_lanes(wasm_f32x4_add(wasm_v128_load(a + i), other), low, high));
    }
    f32_from(p, a, b, y, i, s);
}

void efn_add_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_add_f32 *p = (const efn_add_f32 *)words;
    const float *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    float *y = efn_out(site, p->y);
    const broadcast s = broadcast_of(efn_record(site, p->y), efn_record(site, p->b));
    for (uint32_t row = 0; row < s.rows; row++, a += s.width, y += s.width)
        row_f32(p, a, b, y, &s);
}

void efn_add_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_add_f32 *p = (const efn_add_f32 *)words;
    const float *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    float *y = efn_out(site, p->y);
    const broadcast s = broadcast_of(efn_record(site, p->y), efn_record(site, p->b));
    for (uint32_t row = 0; row < s.rows; row++, a += s.width, y += s.width)
        f32_from(p, a, b, y, 0, &s);
}

// ---- i8: two products and one sum, each rounded to f32, in both flavours ----

static void i8_from(const efn_add_i8 *p, const int8_t *a, const int8_t *b, int8_t *y, uint32_t i, const broadcast *s) {
    for (; i < s->width; i++) {
        const float left = (float)(a[i] - p->a_zero) * p->a_mult;
        const float right = (float)(b[i * s->step] - p->b_zero) * p->b_mult;
        y[i] = efn_narrow(left + right, p->y_zero, p->low, p->high);
    }
}

static void row_i8(const efn_add_i8 *p, const int8_t *a, const int8_t *b, int8_t *y, const broadcast *s) {
    const v128_t a_zero = wasm_i16x8_splat((int16_t)p->a_zero), b_zero = wasm_i16x8_splat((int16_t)p->b_zero);
    const v128_t a_mult = wasm_f32x4_splat(p->a_mult), b_mult = wasm_f32x4_splat(p->b_mult);
    const v128_t one = wasm_i16x8_splat(*b);
    const efn_narrowing to = efn_narrowing_of(p->y_zero, p->low, p->high);
    uint32_t i = 0;
    for (; i + 8 <= s->width; i += 8) {
        const v128_t l = wasm_i16x8_sub(wasm_i16x8_load8x8(a + i), a_zero);
        const v128_t r = wasm_i16x8_sub(s->step ? wasm_i16x8_load8x8(b + i) : one, b_zero);
        const v128_t low =
            wasm_f32x4_add(wasm_f32x4_mul(efn_low_f32(l), a_mult), wasm_f32x4_mul(efn_low_f32(r), b_mult));
        const v128_t high =
            wasm_f32x4_add(wasm_f32x4_mul(efn_high_f32(l), a_mult), wasm_f32x4_mul(efn_high_f32(r), b_mult));
        wasm_v128_store64_lane(y + i, efn_to_i8(efn_narrow_lanes(low, &to), efn_narrow_lanes(high, &to)), 0);
    }
    i8_from(p, a, b, y, i, s);
}

void efn_add_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_add_i8 *p = (const efn_add_i8 *)words;
    const int8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    int8_t *y = efn_out(site, p->y);
    const broadcast s = broadcast_of(efn_record(site, p->y), efn_record(site, p->b));
    for (uint32_t row = 0; row < s.rows; row++, a += s.width, y += s.width)
        row_i8(p, a, b, y, &s);
}

void efn_add_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_add_i8 *p = (const efn_add_i8 *)words;
    const int8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    int8_t *y = efn_out(site, p->y);
    const broadcast s = broadcast_of(efn_record(site, p->y), efn_record(site, p->b));
    for (uint32_t row = 0; row < s.rows; row++, a += s.width, y += s.width)
        i8_from(p, a, b, y, 0, &s);
}

// ---- q8: TFLite's fixed point, with 20 bits behind the point. |a - a_zero| < 2^8, so nothing overflows ----

static efn_status check_factor(const efn_fixed *by) {
    EFN_REQUIRE(efn_multiplier_valid(by->mult) && -31 <= by->shift && by->shift <= 0, EFN_BAD_PARAMETER);
    return EFN_OK;
}

efn_status efn_add_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_add_q8 *p = (const efn_add_q8 *)words;
    EFN_TRY(check_factor(&p->a_by));
    EFN_TRY(check_factor(&p->b_by));
    EFN_TRY(check_factor(&p->y_by));
    EFN_TRY(efn_check_zero(p->a_zero));
    EFN_TRY(efn_check_zero(p->b_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    return check_both(plan, p->a, p->b, p->y, EFN_I8);
}

static int32_t addend(int32_t centred, const efn_fixed *by) {
    return efn_scaled(centred * (1 << 20), by->mult, by->shift);
}

static void q8_from(const efn_add_q8 *p, const int8_t *a, const int8_t *b, int8_t *y, uint32_t i, const broadcast *s) {
    for (; i < s->width; i++) {
        const int32_t sum = addend(a[i] - p->a_zero, &p->a_by) + addend(b[i * s->step] - p->b_zero, &p->b_by);
        y[i] = efn_ended(efn_scaled(sum, p->y_by.mult, p->y_by.shift), p->y_zero, p->low, p->high);
    }
}

// One multiplier and shift for all lanes. A multiplier is `upper * 2^11 + lower`: a centred value has 9 bits, so
// neither of its products needs more than 32.
typedef struct {
    v128_t mult, upper, lower; // i32x4
    v128_t half, sign;         // i32x4: half of 2^right, and all ones where there is something to round
    uint32_t right;
} factor_lanes;

static factor_lanes factor_of(const efn_fixed *by) {
    const uint32_t right = (uint32_t)-by->shift;
    return (factor_lanes){
        .mult = wasm_i32x4_splat(by->mult),
        .upper = wasm_i32x4_splat(by->mult >> 11),
        .lower = wasm_i32x4_splat(by->mult & 0x7FF),
        .half = wasm_i32x4_splat(right ? 1 << (right - 1) : 0),
        .sign = wasm_i32x4_splat(right ? -1 : 0),
        .right = right,
    };
}

// |v| < 2^30: no sum overflows.
EFN_INLINE v128_t shifted_lanes(v128_t v, const factor_lanes *by) {
    v = wasm_i32x4_add(v, wasm_v128_and(wasm_i32x4_shr(v, 31), by->sign));
    return wasm_i32x4_shr(wasm_i32x4_add(v, by->half), by->right);
}

EFN_INLINE v128_t scaled_lanes(v128_t v, const factor_lanes *by) {
    return shifted_lanes(efn_high_lanes(v, by->mult), by);
}

// efn_high(centred * 2^20, mult) is floor((centred * mult + 2^10) / 2^11).
EFN_INLINE v128_t addend_lanes(v128_t centred, const factor_lanes *by) {
    const v128_t rest = wasm_i32x4_add(wasm_i32x4_mul(centred, by->lower), wasm_i32x4_const_splat(1 << 10));
    return shifted_lanes(wasm_i32x4_add(wasm_i32x4_mul(centred, by->upper), wasm_i32x4_shr(rest, 11)), by);
}

static void row_q8(const efn_add_q8 *p, const int8_t *a, const int8_t *b, int8_t *y, const broadcast *s) {
    const v128_t a_zero = wasm_i16x8_splat((int16_t)p->a_zero), b_zero = wasm_i16x8_splat((int16_t)p->b_zero);
    const factor_lanes a_by = factor_of(&p->a_by), b_by = factor_of(&p->b_by), y_by = factor_of(&p->y_by);
    const v128_t one = wasm_i16x8_splat(*b);
    const efn_ending to = efn_ending_of(p->y_zero, p->low, p->high);
    uint32_t i = 0;
    for (; i + 8 <= s->width; i += 8) {
        const v128_t l = wasm_i16x8_sub(wasm_i16x8_load8x8(a + i), a_zero);
        const v128_t r = wasm_i16x8_sub(s->step ? wasm_i16x8_load8x8(b + i) : one, b_zero);
        const v128_t low = wasm_i32x4_add(addend_lanes(wasm_i32x4_extend_low_i16x8(l), &a_by),
                                          addend_lanes(wasm_i32x4_extend_low_i16x8(r), &b_by));
        const v128_t high = wasm_i32x4_add(addend_lanes(wasm_i32x4_extend_high_i16x8(l), &a_by),
                                           addend_lanes(wasm_i32x4_extend_high_i16x8(r), &b_by));
        wasm_v128_store64_lane(y + i, efn_ended_lanes(scaled_lanes(low, &y_by), scaled_lanes(high, &y_by), &to), 0);
    }
    q8_from(p, a, b, y, i, s);
}

void efn_add_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_add_q8 *p = (const efn_add_q8 *)words;
    const int8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    int8_t *y = efn_out(site, p->y);
    const broadcast s = broadcast_of(efn_record(site, p->y), efn_record(site, p->b));
    for (uint32_t row = 0; row < s.rows; row++, a += s.width, y += s.width)
        row_q8(p, a, b, y, &s);
}

void efn_add_q8_ref(const efn_site *site, const uint32_t *words) {
    const efn_add_q8 *p = (const efn_add_q8 *)words;
    const int8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    int8_t *y = efn_out(site, p->y);
    const broadcast s = broadcast_of(efn_record(site, p->y), efn_record(site, p->b));
    for (uint32_t row = 0; row < s.rows; row++, a += s.width, y += s.width)
        q8_from(p, a, b, y, 0, &s);
}

// add: a + b, where b is as large as a, or a vector of the last dimension, or one element. May run in place on an
// operand as large as y.
#include "../core/check.h"
#include "../core/lanes.h"
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

// For each row: ROW(p, a, b, y, s) with its a and y [width], b [width] or [1].
#define EACH_ROW(op, way, type, ROW)                                                                                   \
    void efn_add_##op##_##way(const efn_site *site, const uint32_t *words) {                                           \
        const efn_add_##op *p = (const efn_add_##op *)words;                                                           \
        const type *a = efn_in(site, p->a), *b = efn_in(site, p->b);                                                   \
        type *y = efn_out(site, p->y);                                                                                 \
        const broadcast s = broadcast_of(efn_record(site, p->y), efn_record(site, p->b));                              \
        for (uint32_t row = 0; row < s.rows; row++, a += s.width, y += s.width)                                        \
            ROW;                                                                                                       \
    }

// ---- f32 ----

static void f32_from(const efn_add_f32 *p, const float *a, const float *b, float *y, uint32_t i, const broadcast *s) {
    for (; i < s->width; i++)
        y[i] = efn_clamp(a[i] + b[i * s->step], p->low, p->high);
}

// Eight steps between two back edges, as hosts check a deadline on each.
static void row_f32(const efn_add_f32 *p, const float *a, const float *b, float *y, const broadcast *s) {
    const v128_t low = wasm_f32x4_splat(p->low), high = wasm_f32x4_splat(p->high), one = wasm_f32x4_splat(*b);
    const uint32_t whole = s->width & ~3u;
    uint32_t i = 0;
    while (i < whole) {
#define STEP                                                                                                           \
    {                                                                                                                  \
        const v128_t other = s->step ? wasm_v128_load(b + i) : one;                                                    \
        wasm_v128_store(y + i, efn_clamp_lanes(wasm_f32x4_add(wasm_v128_load(a + i), other), low, high));              \
        i += 4;                                                                                                        \
        if (i == whole)                                                                                                \
            break;                                                                                                     \
    }
        STEP STEP STEP STEP STEP STEP STEP STEP
#undef STEP
    }
    f32_from(p, a, b, y, i, s);
}

EACH_ROW(f32, simd, float, row_f32(p, a, b, y, &s))
EACH_ROW(f32, ref, float, f32_from(p, a, b, y, 0, &s))

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

EACH_ROW(i8, simd, int8_t, row_i8(p, a, b, y, &s))
EACH_ROW(i8, ref, int8_t, i8_from(p, a, b, y, 0, &s))

// ---- i8 as one linear form. Its factors have 24 bits, which are taken in two parts: an i16 and eight bits ----

#define FACTOR_LIMIT (1 << 23)

static int64_t size_of(int32_t v) {
    return v < 0 ? -(int64_t)v : v;
}

efn_status efn_add_linear_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_add_linear_i8 *p = (const efn_add_linear_i8 *)words;
    const int64_t a = size_of(p->a_factor), b = size_of(p->b_factor);
    EFN_REQUIRE(a < FACTOR_LIMIT && b < FACTOR_LIMIT && p->shift < 32, EFN_BAD_PARAMETER);
    EFN_REQUIRE(128 * (a + b) + size_of(p->offset) <= INT32_MAX, EFN_BAD_PARAMETER); // no sum overflows
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    return check_both(plan, p->a, p->b, p->y, EFN_I8);
}

static void linear_from(const efn_add_linear_i8 *p, const int8_t *a, const int8_t *b, int8_t *y, uint32_t i,
                        const broadcast *s) {
    for (; i < s->width; i++) {
        const int32_t sum = a[i] * p->a_factor + b[i * s->step] * p->b_factor + p->offset;
        const int32_t v = sum >> p->shift;
        y[i] = (int8_t)(v < p->low ? p->low : v > p->high ? p->high : v);
    }
}

typedef struct {
    v128_t upper, lower; // i16x8: parts of a_factor and b_factor, in turn
    v128_t offset;       // i32x4
    v128_t low, high;    // i8x16
    uint32_t shift;
} linear_lanes;

// a and b, two i16, as one i32.
static v128_t pair_of(int32_t a, int32_t b) {
    return wasm_i32x4_splat((int32_t)((uint32_t)b << 16 | (uint16_t)a));
}

static linear_lanes linear_of(const efn_add_linear_i8 *p) {
    return (linear_lanes){
        .upper = pair_of(p->a_factor >> 8, p->b_factor >> 8),
        .lower = pair_of(p->a_factor & 0xFF, p->b_factor & 0xFF),
        .offset = wasm_i32x4_splat(p->offset),
        .low = wasm_i8x16_splat((int8_t)p->low),
        .high = wasm_i8x16_splat((int8_t)p->high),
        .shift = p->shift,
    };
}

// Four pairs of i16 to i32x4.
EFN_INLINE v128_t linear_four(const linear_lanes *f, v128_t pairs) {
    const v128_t upper = wasm_i32x4_shl(wasm_i32x4_dot_i16x8(pairs, f->upper), 8);
    const v128_t lower = wasm_i32x4_add(wasm_i32x4_dot_i16x8(pairs, f->lower), f->offset);
    return wasm_i32x4_shr(wasm_i32x4_add(upper, lower), f->shift);
}

// i16x8 of the eight i8 at a and at b.
EFN_INLINE v128_t linear_eight(const linear_lanes *f, const int8_t *a, const int8_t *b) {
    const v128_t l = wasm_i16x8_load8x8(a), r = wasm_i16x8_load8x8(b);
    return wasm_i16x8_narrow_i32x4(linear_four(f, wasm_i16x8_shuffle(l, r, 0, 8, 1, 9, 2, 10, 3, 11)),
                                   linear_four(f, wasm_i16x8_shuffle(l, r, 4, 12, 5, 13, 6, 14, 7, 15)));
}

EFN_INLINE v128_t linear_bytes(const linear_lanes *f, v128_t first_i16x8, v128_t second_i16x8) {
    return wasm_i8x16_min(wasm_i8x16_max(wasm_i8x16_narrow_i16x8(first_i16x8, second_i16x8), f->low), f->high);
}

// Sixteen elements a step, four steps between two back edges.
static void row_linear(const efn_add_linear_i8 *p, const int8_t *a, const int8_t *b, int8_t *y, const broadcast *s) {
    const linear_lanes f = linear_of(p);
    int8_t same[16]; // b, when it is one element
    wasm_v128_store(same, wasm_i8x16_splat(*b));
    const uint32_t whole = s->width & ~15u;
    uint32_t i = 0;
    while (i < whole) {
#define STEP                                                                                                           \
    {                                                                                                                  \
        const int8_t *other = s->step ? b + i : same;                                                                  \
        const v128_t first = linear_eight(&f, a + i, other), second = linear_eight(&f, a + i + 8, other + 8);          \
        wasm_v128_store(y + i, linear_bytes(&f, first, second));                                                       \
        i += 16;                                                                                                       \
        if (i == whole)                                                                                                \
            break;                                                                                                     \
    }
        STEP STEP STEP STEP
#undef STEP
    }
    if (i + 8 <= s->width) {
        const v128_t last = linear_eight(&f, a + i, s->step ? b + i : same);
        wasm_v128_store64_lane(y + i, linear_bytes(&f, last, last), 0);
        i += 8;
    }
    linear_from(p, a, b, y, i, s);
}

EACH_ROW(linear_i8, simd, int8_t, row_linear(p, a, b, y, &s))
EACH_ROW(linear_i8, ref, int8_t, linear_from(p, a, b, y, 0, &s))

// reduce: x [outer][n][inner] to y [outer][inner], by one of the functions of plan.md.
//
// Everything is held in f64, so that a sum of many numbers is as good as its one rounding to f32. Four neighbours go
// together: columns where inner is more than 1, else every fourth number of a row.
#include "../core/check.h"
#include "../core/mathematics.h"
#include "../core/table.h"

enum { SUM, MEAN, MAX, MIN, PROD, L1, L2, SUM_SQUARE, LOG_SUM, LOG_SUM_EXP, FUNCTIONS };

efn_status efn_reduce_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_reduce *p = (const efn_reduce *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y && x->dtype == y->dtype, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->dtype == EFN_F32 || (x->dtype == EFN_I32 && p->function <= PROD), EFN_BAD_OPERAND);
    EFN_REQUIRE(p->function < FUNCTIONS, EFN_BAD_PARAMETER);
    return efn_check_reduced(x, y, p->n, p->inner);
}

// A reduction, and what it subtracts before it takes exponentials.
typedef struct {
    uint32_t function, integers;
    float shift;
} reduction;

typedef struct {
    v128_t low, high; // f64x2
} four;

static double start_of(const reduction *r) {
    return r->function == MAX ? -__builtin_inf() : r->function == MIN ? __builtin_inf() : r->function == PROD ? 1 : 0;
}

EFN_INLINE double lane(v128_t f64x2) {
    return wasm_f64x2_extract_lane(f64x2, 0);
}

static float exponential(float v) {
    return wasm_f32x4_extract_lane(efn_exp(wasm_f32x4_splat(v)), 0);
}

// Two parts of one reduction.
EFN_SMALL static double joined(const reduction *r, double a, double b) {
    switch (r->function) {
    case MAX:
        return lane(wasm_f64x2_max(wasm_f64x2_splat(a), wasm_f64x2_splat(b)));
    case MIN:
        return lane(wasm_f64x2_min(wasm_f64x2_splat(a), wasm_f64x2_splat(b)));
    case PROD:
        return a * b;
    default:
        return a + b;
    }
}

// `count` numbers, `stride` apart, and `sum` of what came before.
EFN_SMALL static double column(const reduction *r, double sum, const uint32_t *x, uint32_t count, size_t stride) {
    for (uint32_t i = 0; i < count; i++) {
        float f;
        __builtin_memcpy(&f, x + i * stride, 4);
        double v = r->integers ? (int32_t)x[i * stride] : (double)f;
        if (r->function == L1)
            v = __builtin_fabs(v);
        else if (r->function == L2 || r->function == SUM_SQUARE)
            v *= v;
        else if (r->function == LOG_SUM_EXP)
            v = exponential(f - r->shift);
        sum = joined(r, sum, v);
    }
    return sum;
}

EFN_INLINE four widened(const reduction *r, v128_t v) {
    const v128_t upper = wasm_i64x2_shuffle(v, v, 1, 1);
    if (r->integers)
        return (four){wasm_f64x2_convert_low_i32x4(v), wasm_f64x2_convert_low_i32x4(upper)};
    return (four){wasm_f64x2_promote_low_f32x4(v), wasm_f64x2_promote_low_f32x4(upper)};
}

#define LOOP(prepared, combine)                                                                                        \
    for (uint32_t i = 0; i < count; i++, x += stride) {                                                                \
        const v128_t f = wasm_v128_load(x);                                                                            \
        const four v = widened(r, prepared);                                                                           \
        sum.low = combine(sum.low, v.low), sum.high = combine(sum.high, v.high);                                       \
    }                                                                                                                  \
    return sum;

// A sum of |v|, of v * v, or of v.
EFN_INLINE v128_t plus(v128_t sum, v128_t v, v128_t kept, v128_t squares) {
    v = wasm_v128_and(v, kept);
    return wasm_f64x2_add(sum, wasm_f64x2_mul(v, wasm_v128_bitselect(v, wasm_f64x2_const_splat(1), squares)));
}

// `count` times four neighbours, `stride` numbers apart.
EFN_NOINLINE EFN_SMALL static four columns(const reduction *r, const uint32_t *x, uint32_t count, uint32_t stride) {
    four sum = {wasm_f64x2_splat(start_of(r)), wasm_f64x2_splat(start_of(r))};
    const v128_t kept = wasm_i64x2_splat(r->function == L1 ? INT64_MAX : -1);
    const v128_t squares = wasm_i64x2_splat(r->function == L2 || r->function == SUM_SQUARE ? -1 : 0);
#define PLUS(sum, v) plus(sum, v, kept, squares)
    switch (r->function) {
    case MAX:
        LOOP(f, wasm_f64x2_max)
    case MIN:
        LOOP(f, wasm_f64x2_min)
    case PROD:
        LOOP(f, wasm_f64x2_mul)
    case LOG_SUM_EXP:
        LOOP(efn_exp(wasm_f32x4_sub(f, wasm_f32x4_splat(r->shift))), wasm_f64x2_add)
    default:
        LOOP(f, PLUS)
    }
}

EFN_SMALL static void store(const reduction *r, uint32_t *y, double v, uint32_t n) {
    if (r->function == MEAN)
        v /= n;
    if (r->function == L2)
        v = __builtin_sqrt(v);
    if (r->integers) {
        wasm_v128_store32_lane(y, wasm_i32x4_trunc_sat_f64x2_zero(wasm_f64x2_splat(v)), 0);
        return;
    }
    v128_t f = wasm_f32x4_splat((float)v);
    if (r->function >= LOG_SUM)
        f = wasm_f32x4_add(efn_log(f), wasm_f32x4_splat(r->shift));
    wasm_v128_store32_lane(y, f, 0);
}

// Every fourth number of a row.
static double lane_of(const reduction *r, const uint32_t *x, uint32_t n, uint32_t first) {
    return column(r, start_of(r), x + first, first < n ? (n - first + 3) / 4 : 0, 4);
}

EFN_SMALL static double row_ref(const reduction *r, const uint32_t *x, uint32_t n) {
    return joined(r, joined(r, lane_of(r, x, n, 0), lane_of(r, x, n, 1)),
                  joined(r, lane_of(r, x, n, 2), lane_of(r, x, n, 3)));
}

// x [n].
EFN_SMALL static double row_simd(const reduction *r, const uint32_t *x, uint32_t n) {
    const four sum = columns(r, x, n / 4, 4);
    double lanes[4];
    wasm_v128_store(lanes, sum.low);
    wasm_v128_store(lanes + 2, sum.high);
    for (uint32_t i = n & ~3u; i < n; i++)
        lanes[i % 4] = column(r, lanes[i % 4], x + i, 1, 0);
    return joined(r, joined(r, lanes[0], lanes[1]), joined(r, lanes[2], lanes[3]));
}

// A column, or a row where that is all of x.
EFN_SMALL static double reduced(const reduction *r, const uint32_t *x, const efn_reduce *p, int simd) {
    if (p->inner > 1)
        return column(r, start_of(r), x, p->n, p->inner);
    return simd ? row_simd(r, x, p->n) : row_ref(r, x, p->n);
}

// The largest number, to be subtracted; 0 where that is infinite.
EFN_SMALL static float shift_of(const uint32_t *x, const efn_reduce *p, int simd) {
    const reduction most = {MAX, 0, 0};
    const float v = (float)reduced(&most, x, p, simd);
    return __builtin_fabsf(v) < __builtin_inff() ? v : 0;
}

// One result after the other.
EFN_SMALL static void one_by_one(reduction *r, const uint32_t *x, uint32_t *y, const efn_reduce *p, uint32_t first,
                                 int simd) {
    for (uint32_t j = first; j < p->inner; j++) {
        if (r->function == LOG_SUM_EXP)
            r->shift = shift_of(x + j, p, simd);
        store(r, y + j, reduced(r, x + j, p, simd), p->n);
    }
}

// x [n][inner], y [inner]; how many columns were done, four at a time.
EFN_SMALL static uint32_t four_by_four(const reduction *r, const uint32_t *x, uint32_t *y, const efn_reduce *p) {
    uint32_t j = 0;
    for (; r->function != LOG_SUM_EXP && j + 4 <= p->inner; j += 4) {
        const four sum = columns(r, x + j, p->n, p->inner);
        double lanes[4];
        wasm_v128_store(lanes, sum.low);
        wasm_v128_store(lanes + 2, sum.high);
        for (uint32_t k = 0; k < 4; k++)
            store(r, y + j + k, lanes[k], p->n);
    }
    return j;
}

EFN_SMALL static void reduce(const efn_site *site, const uint32_t *words, int simd) {
    const efn_reduce *p = (const efn_reduce *)words;
    const uint32_t *x = efn_in(site, p->x);
    uint32_t *y = efn_out(site, p->y);
    const efn_tensor *yt = efn_record(site, p->y);
    reduction r = {p->function, yt->dtype == EFN_I32, 0};
    for (uint32_t at = 0; at < efn_elements(yt); at += p->inner, x += (size_t)p->n * p->inner)
        one_by_one(&r, x, y + at, p, simd ? four_by_four(&r, x, y + at, p) : 0, simd);
}

void efn_reduce_simd(const efn_site *site, const uint32_t *words) {
    reduce(site, words, 1);
}

void efn_reduce_ref(const efn_site *site, const uint32_t *words) {
    reduce(site, words, 0);
}

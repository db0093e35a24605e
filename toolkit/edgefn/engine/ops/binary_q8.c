// binary_q8: one of the functions of plan.md of two i8 operands that broadcast to y, in TFLite's fixed point. May run
// in place on an operand as large as y.
#include "../core/broadcast.h"
#include "../core/fixed.h"
#include "../core/table.h"

enum { ADD, SUB, MUL, SQUARED_DIFFERENCE, PRELU, MAX, MIN, FUNCTIONS };

static int is_factor(const efn_fixed *by) {
    return efn_multiplier_valid(by->mult) && -31 <= by->shift && by->shift <= 30;
}

static efn_status check_operand(const efn_plan *plan, uint32_t index, const efn_tensor *y) {
    const efn_tensor *x = efn_readable(plan, index, EFN_I8);
    EFN_REQUIRE(x, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_broadcast(x, y));
    return efn_check_apart(x, y, 1);
}

efn_status efn_binary_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_binary_q8 *p = (const efn_binary_q8 *)words;
    const efn_tensor *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(y, EFN_BAD_OPERAND);
    EFN_REQUIRE(p->function < FUNCTIONS, EFN_BAD_PARAMETER);
    EFN_REQUIRE(is_factor(&p->a_by) && is_factor(&p->b_by) && is_factor(&p->y_by), EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->a_zero));
    EFN_TRY(efn_check_zero(p->b_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    EFN_TRY(check_operand(plan, p->a, y));
    return check_operand(plan, p->b, y);
}

// How far operands are moved to the left before they are scaled.
static uint32_t room_of(const efn_binary_q8 *p) {
    return p->function == PRELU ? 0 : p->function == SQUARED_DIFFERENCE ? 7 : 20;
}

// ---- One value; a and b are without their zero points, so that |a * b| < 2^16 ----

static int32_t scaled(int32_t v, const efn_fixed *by) {
    return efn_scaled(v, by->mult, by->shift);
}

EFN_SMALL static int32_t of(const efn_binary_q8 *p, int32_t a, int32_t b) {
    switch (p->function) {
    case MUL:
        return scaled(a * b, &p->y_by);
    case PRELU:
        return a < 0 ? scaled(a * b, &p->y_by) : scaled(a, &p->a_by);
    case MAX:
        return a > b ? a : b;
    case MIN:
        return a < b ? a : b;
    }
    const int32_t unit = 1 << room_of(p);
    const uint32_t l = (uint32_t)scaled(a * unit, &p->a_by), r = (uint32_t)scaled(b * unit, &p->b_by);
    uint32_t v = p->function == ADD ? l + r : l - r;
    if (p->function == SQUARED_DIFFERENCE)
        v *= v;
    return scaled((int32_t)v, &p->y_by);
}

EFN_SMALL EFN_NOINLINE static int8_t one(const efn_binary_q8 *p, const int8_t *a, const int8_t *b) {
    return efn_ended(of(p, *a - p->a_zero, *b - p->b_zero), p->y_zero, p->low, p->high);
}

// ---- Lanes ----

// One factor for all lanes.
typedef struct {
    v128_t mult;        // i32x4
    v128_t rest, limit; // i32x4: the bits that a shift to the right drops, and beyond which of them v is rounded up
    uint32_t left, right;
} factor_lanes;

EFN_SMALL static factor_lanes factor_of(const efn_fixed *by) {
    const uint32_t right = by->shift < 0 ? (uint32_t)-by->shift : 0, rest = (1u << right) - 1;
    return (factor_lanes){
        .mult = wasm_i32x4_splat(by->mult),
        .rest = wasm_i32x4_splat((int32_t)rest),
        .limit = wasm_i32x4_splat((int32_t)(rest >> 1)),
        .left = by->shift > 0 ? (uint32_t)by->shift : 0,
        .right = right,
    };
}

// No step overflows: the rounding is decided from what the shift drops.
EFN_INLINE v128_t scaled_lanes(v128_t v, const factor_lanes *by) {
    v = efn_high_lanes(wasm_i32x4_shl(v, by->left), by->mult);
    const v128_t limit = wasm_i32x4_sub(by->limit, wasm_i32x4_shr(v, 31));
    const v128_t up = wasm_i32x4_gt(wasm_v128_and(v, by->rest), limit);
    return wasm_i32x4_sub(wasm_i32x4_shr(v, by->right), up);
}

typedef struct {
    const efn_binary_q8 *p;
    factor_lanes a, b, y;
    v128_t a_zero, b_zero; // i16x8
    efn_ending to;
    uint32_t room;
} lanes;

EFN_SMALL static lanes lanes_of(const efn_binary_q8 *p) {
    return (lanes){
        .p = p,
        .a = factor_of(&p->a_by),
        .b = factor_of(&p->b_by),
        .y = factor_of(&p->y_by),
        .a_zero = wasm_i16x8_splat((int16_t)p->a_zero),
        .b_zero = wasm_i16x8_splat((int16_t)p->b_zero),
        .to = efn_ending_of(p->y_zero, p->low, p->high),
        .room = room_of(p),
    };
}

// i32x4 of i32x4, of any function but products.
EFN_INLINE v128_t four(const lanes *k, v128_t a, v128_t b) {
    const uint32_t function = k->p->function;
    if (function == MAX)
        return wasm_i32x4_max(a, b);
    if (function == MIN)
        return wasm_i32x4_min(a, b);
    const v128_t l = scaled_lanes(wasm_i32x4_shl(a, k->room), &k->a);
    v128_t v = wasm_i32x4_mul(a, b);
    if (function != PRELU) {
        const v128_t r = scaled_lanes(wasm_i32x4_shl(b, k->room), &k->b);
        v = function == ADD ? wasm_i32x4_add(l, r) : wasm_i32x4_sub(l, r);
        v = function == SQUARED_DIFFERENCE ? wasm_i32x4_mul(v, v) : v;
    }
    v = scaled_lanes(v, &k->y);
    return function == PRELU ? wasm_v128_bitselect(v, l, wasm_i32x4_shr(a, 31)) : v;
}

// Two i32x4 of two i16x8, of products or of any function.
EFN_INLINE void eight(const lanes *k, const int product, v128_t a, v128_t b, v128_t v[2]) {
    if (product) {
        v[0] = scaled_lanes(wasm_i32x4_extmul_low_i16x8(a, b), &k->y);
        v[1] = scaled_lanes(wasm_i32x4_extmul_high_i16x8(a, b), &k->y);
        return;
    }
    for (uint32_t h = 0; h < 2; h++) {
        v[h] = four(k, wasm_i32x4_extend_low_i16x8(a), wasm_i32x4_extend_low_i16x8(b));
        a = wasm_i64x2_shuffle(a, a, 1, 1), b = wasm_i64x2_shuffle(b, b, 1, 1);
    }
}

// A row of y, and where it begins in the operands; a_step and b_step are 0 or 1.
typedef struct {
    const int8_t *a, *b;
    int8_t *y;
    uint32_t a_step, b_step, n;
} line;

EFN_INLINE void row(const lanes *shared, const int product, const line *at) {
    const lanes k = *shared;
    const v128_t a_one = wasm_i16x8_splat(*at->a), b_one = wasm_i16x8_splat(*at->b);
    uint32_t i = 0;
    for (; i + 8 <= at->n; i += 8) {
        const v128_t l = at->a_step ? wasm_i16x8_load8x8(at->a + i) : a_one;
        const v128_t r = at->b_step ? wasm_i16x8_load8x8(at->b + i) : b_one;
        v128_t v[2];
        eight(&k, product, wasm_i16x8_sub(l, k.a_zero), wasm_i16x8_sub(r, k.b_zero), v);
        wasm_v128_store64_lane(at->y + i, efn_ended_lanes(v[0], v[1], &k.to), 0);
    }
    for (; i < at->n; i++)
        at->y[i] = one(k.p, at->a + i * at->a_step, at->b + i * at->b_step);
}

// Most are products.
EFN_NOINLINE static void product_row(const lanes *k, const line *at) {
    row(k, 1, at);
}

EFN_NOINLINE EFN_SMALL static void any_row(const lanes *k, const line *at) {
    row(k, 0, at);
}

EFN_SMALL void efn_binary_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_binary_q8 *p = (const efn_binary_q8 *)words;
    const efn_tensor *const operands[2] = {efn_record(site, p->a), efn_record(site, p->b)};
    const int8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    int8_t *y = efn_out(site, p->y);
    const lanes k = lanes_of(p);
    efn_rows r = efn_rows_of(efn_record(site, p->y), operands, 2);
    do {
        const line at = {a + r.at[0], b + r.at[1], y + r.y, r.steps[0][0], r.steps[1][0], r.dims[0]};
        if (p->function == MUL)
            product_row(&k, &at);
        else
            any_row(&k, &at);
    } while (efn_next_row(&r));
}

void efn_binary_q8_ref(const efn_site *site, const uint32_t *words) {
    const efn_binary_q8 *p = (const efn_binary_q8 *)words;
    const efn_tensor *at = efn_record(site, p->a), *bt = efn_record(site, p->b), *yt = efn_record(site, p->y);
    const int8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    int8_t *y = efn_out(site, p->y);
    for (uint32_t i = 0; i < efn_elements(yt); i++)
        y[i] = one(p, a + efn_place_of(at, yt, i), b + efn_place_of(bt, yt, i));
}

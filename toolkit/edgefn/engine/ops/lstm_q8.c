// lstm_q8: long short-term memory as TFLite's integer kernel computes it: i8 in and out, gates and c of 16 bits.
//
// Both products of a gate are rounded and saturated by themselves, so the inputs cannot go through a dense layer in
// front.
#include "../core/check.h"
#include "../core/gemm.h"
#include "../core/q15.h"
#include "../core/table.h"

enum { INPUT, FORGET, CELL, OUTPUT, GATES };

#define FACTORS 9 // of the gates' products with x, then with h, then of h itself

// What the shapes say, and the working memory.
typedef struct {
    uint32_t steps, batch, inputs, cells, lanes; // T, B, K, H, r8(H)
    int16_t *x, *h;                              // a row of each, widened: [r2(K)], [r2(H)]
    int16_t *gates;                              // [GATES][lanes]
} layout;

// Bytes of n i16, as a plan has them.
static uint64_t wide_bytes(uint64_t n) {
    return efn_round_up(n * 2, 16);
}

efn_status efn_lstm_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_lstm_q8 *p = (const efn_lstm_q8 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *h = efn_readable(plan, p->h, EFN_I8);
    const efn_tensor *c = efn_readable(plan, p->c, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(x && h && c && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->rank == 3, EFN_BAD_SHAPE);
    const uint64_t steps = x->dims[0], batch = x->dims[1], inputs = x->dims[2], cells = efn_last_dim(h);
    const uint64_t lanes = efn_round_up(cells, 8), all = batch * cells;
    EFN_REQUIRE(efn_elements(h) == all && efn_elements(c) == all * 2, EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_elements(y) == wide_bytes(all) + steps * all, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_packed(plan, p->w, EFN_I8, GATES * lanes * efn_round_up(inputs, 2)));
    EFN_TRY(efn_check_packed(plan, p->r, EFN_I8, GATES * lanes * efn_round_up(cells, 2)));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_I32, 2 * GATES * lanes * 4));
    EFN_TRY(efn_check_fixed(plan, p->mult, FACTORS));
    EFN_REQUIRE(p->cell_bits <= 6 && p->clip <= 32767, EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_apart(x, y, 0));
    EFN_TRY(efn_check_apart(h, y, 0));
    EFN_TRY(efn_check_apart(c, y, 0));
    const uint64_t bytes = wide_bytes(inputs) + wide_bytes(cells) + GATES * lanes * 2;
    EFN_TRY(efn_check_scratch(plan, p->scratch, bytes, x, y));
    return efn_check_scratch(plan, p->scratch, bytes, h, c);
}

static layout layout_of(const efn_site *site, const efn_lstm_q8 *p) {
    const efn_tensor *x = efn_record(site, p->x);
    const uint32_t cells = efn_last_dim(efn_record(site, p->h));
    uint8_t *const h = site->arena + p->scratch + wide_bytes(x->dims[2]);
    return (layout){
        .steps = x->dims[0],
        .batch = x->dims[1],
        .inputs = x->dims[2],
        .cells = cells,
        .lanes = (uint32_t)efn_round_up(cells, 8),
        .x = (int16_t *)(site->arena + p->scratch),
        .h = (int16_t *)h,
        .gates = (int16_t *)(h + wide_bytes(cells)),
    };
}

static EFN_NOINLINE void copy(void *to, const void *from, uint32_t n) {
    efn_copy(to, from, n);
}

// One of the FACTORS, for four lanes.
typedef struct {
    int32_t mult[4], left[4], right[4];
} factor;

static factor factor_of(const int32_t *mult, uint32_t i) {
    const int32_t m = mult[i], shift = mult[efn_round_up(FACTORS, 8) + i];
    const int32_t left = efn_left_factor(shift), right = efn_right_factor(shift);
    return (factor){{m, m, m, m}, {left, left, left, left}, {right, right, right, right}};
}

static EFN_NOINLINE v128_t scaled(v128_t v, const factor *by) {
    return efn_scaled_lanes(v, by->mult, by->left, by->right);
}

// Eight sums of a gate, scaled each by itself, the second added to the first: saturated each time.
static EFN_NOINLINE v128_t gate_of(const int32_t *of_x, const int32_t *of_h, const factor *by_x, const factor *by_h) {
    const v128_t first =
        wasm_i16x8_narrow_i32x4(scaled(wasm_v128_load(of_x), by_x), scaled(wasm_v128_load(of_x + 4), by_x));
    const v128_t low = wasm_i32x4_add(scaled(wasm_v128_load(of_h), by_h), wasm_i32x4_extend_low_i16x8(first));
    const v128_t high = wasm_i32x4_add(scaled(wasm_v128_load(of_h + 4), by_h), wasm_i32x4_extend_high_i16x8(first));
    return wasm_i16x8_narrow_i32x4(low, high);
}

// All gates of one step, from the rows in `at`.
static void gates_simd(const efn_site *site, const efn_lstm_q8 *p, const layout *at, const factor by[FACTORS]) {
    const int8_t *w = efn_in(site, p->w), *r = efn_in(site, p->r);
    const int32_t *bias = efn_in(site, p->bias);
    const uint32_t columns = GATES * at->lanes, k2 = (uint32_t)efn_round_up(at->inputs, 2);
    const uint32_t h2 = (uint32_t)efn_round_up(at->cells, 2);
    for (uint32_t first = 0; first < columns; first += 16) {
        int32_t of_x[16], of_h[16];
        efn_gemv_i32(w + (size_t)first * k2, bias + first, at->x, k2, of_x);
        efn_gemv_i32(r + (size_t)first * h2, bias + columns + first, at->h, h2, of_h);
#pragma nounroll
        for (uint32_t j = 0; j < 16; j += 8) {
            const uint32_t gate = (first + j) / at->lanes;
            wasm_v128_store(at->gates + first + j, gate_of(of_x + j, of_h + j, by + gate, by + GATES + gate));
        }
    }
}

// Products of 16 bits, divided by a power of two: halves go away from zero.
EFN_INLINE v128_t quotient(v128_t a, v128_t b, uint32_t shift) {
    const v128_t half = wasm_i32x4_splat(1 << (shift - 1));
    v128_t low = wasm_i32x4_extmul_low_i16x8(a, b), high = wasm_i32x4_extmul_high_i16x8(a, b);
    low = wasm_i32x4_add(wasm_i32x4_add(low, half), wasm_i32x4_shr(low, 31));
    high = wasm_i32x4_add(wasm_i32x4_add(high, half), wasm_i32x4_shr(high, 31));
    return wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(low, shift), wasm_i32x4_shr(high, shift));
}

// From the gates to c and h [cells].
static void update_simd(const efn_lstm_q8 *p, const layout *at, const factor *by, int16_t *c, int8_t *h) {
    const efn_ending to = efn_ending_of(p->y_zero, -128, 127);
    const v128_t clip = EFN_SPLAT16(p->clip);
    for (uint32_t j = 0; j < at->cells; j += 8) {
        const uint32_t n = efn_min(8, at->cells - j);
        const int16_t *gate = at->gates + j;
        int16_t some[8] = {0};
        copy(some, c + j, n * 2);
        const v128_t i = efn_sigmoid_q15_lanes(wasm_v128_load(gate + INPUT * at->lanes));
        const v128_t f = efn_sigmoid_q15_lanes(wasm_v128_load(gate + FORGET * at->lanes));
        const v128_t g = efn_tanh_q15_lanes(wasm_v128_load(gate + CELL * at->lanes), 3);
        const v128_t o = efn_sigmoid_q15_lanes(wasm_v128_load(gate + OUTPUT * at->lanes));
        v128_t cell = wasm_i16x8_add_sat(quotient(f, wasm_v128_load(some), 15), quotient(i, g, 15 + p->cell_bits));
        if (p->clip > 0)
            cell = wasm_i16x8_max(wasm_i16x8_min(cell, clip), wasm_i16x8_neg(clip));
        const v128_t t = efn_tanh_q15_lanes(cell, (int32_t)p->cell_bits);
        const v128_t low = scaled(wasm_i32x4_extmul_low_i16x8(o, t), by);
        const v128_t high = scaled(wasm_i32x4_extmul_high_i16x8(o, t), by);
        int8_t eight[8];
        wasm_v128_store64_lane(eight, efn_ended_lanes(low, high, &to), 0);
        wasm_v128_store(some, cell);
        copy(c + j, some, n * 2);
        copy(h + j, eight, n);
    }
}

// The same, one value at a time.
static void gates_ref(const efn_site *site, const efn_lstm_q8 *p, const layout *at) {
    const int32_t *bias = efn_in(site, p->bias), *mult = efn_in(site, p->mult);
    const int32_t *shift = mult + efn_round_up(FACTORS, 8);
    const int8_t *weights[2] = {efn_in(site, p->w), efn_in(site, p->r)};
    const int16_t *rows[2] = {at->x, at->h};
    const uint32_t sizes[2] = {at->inputs, at->cells}, columns = GATES * at->lanes;
    for (uint32_t j = 0; j < columns; j++) {
        const uint32_t gate = j / at->lanes;
        int32_t sum = 0;
        for (uint32_t side = 0; side < 2; side++) {
            const size_t k2 = (size_t)efn_round_up(sizes[side], 2);
            const int8_t *panel = weights[side] + j / 8 * k2 * 8 + j % 8 * 2; // [k2 / 2][8][2]
            uint32_t acc = (uint32_t)bias[side * columns + j];                // unsigned: wraps
            for (uint32_t i = 0; i < sizes[side]; i++)
                acc += (uint32_t)(rows[side][i] * panel[(size_t)(i / 2) * 16 + i % 2]);
            const uint32_t factor = side * GATES + gate;
            sum = efn_saturated(
                (int32_t)((uint32_t)efn_scaled((int32_t)acc, mult[factor], shift[factor]) + (uint32_t)sum));
        }
        at->gates[j] = (int16_t)sum;
    }
}

static void update_ref(const efn_lstm_q8 *p, const layout *at, const int32_t *mult, int16_t *c, int8_t *h) {
    const int32_t clip = (int32_t)p->clip, bits = (int32_t)p->cell_bits;
    for (uint32_t j = 0; j < at->cells; j++) {
        const int16_t *gate = at->gates + j;
        const int32_t i = efn_sigmoid_q15(gate[INPUT * at->lanes]), f = efn_sigmoid_q15(gate[FORGET * at->lanes]);
        const int32_t g = efn_tanh_q15(gate[CELL * at->lanes], 3), o = efn_sigmoid_q15(gate[OUTPUT * at->lanes]);
        int32_t cell = efn_saturated(efn_shifted(f * c[j], 15) + efn_shifted(i * g, 15 + p->cell_bits));
        if (clip > 0)
            cell = cell > clip ? clip : cell < -clip ? -clip : cell;
        c[j] = (int16_t)cell;
        const int32_t v =
            efn_scaled(o * efn_tanh_q15(cell, bits), mult[FACTORS - 1], mult[efn_round_up(FACTORS, 8) + FACTORS - 1]);
        h[j] = efn_ended(v, p->y_zero, -128, 127);
    }
}

static void run(const efn_site *site, const efn_lstm_q8 *p, efn_mode mode) {
    const layout at = layout_of(site, p);
    const int8_t *x = efn_in(site, p->x), *before = efn_in(site, p->h);
    const int32_t *mult = efn_in(site, p->mult);
    const uint32_t all = at.batch * at.cells;
    int16_t *const c = efn_out(site, p->y);    // [batch][cells]
    int8_t *h = (int8_t *)c + wide_bytes(all); // [steps][batch][cells]
    factor by[FACTORS];
#pragma nounroll
    for (uint32_t i = 0; i < FACTORS; i++)
        by[i] = factor_of(mult, i);
    copy(c, efn_in(site, p->c), all * 2);
    for (uint32_t t = 0; t < at.steps; t++, before = h, h += all)
        for (uint32_t b = 0; b < at.batch; b++, x += at.inputs) {
            int16_t *const cell = c + (size_t)b * at.cells;
            efn_widen_i8(x, at.x, at.inputs);
            efn_widen_i8(before + (size_t)b * at.cells, at.h, at.cells);
            if (mode == EFN_SIMD) {
                gates_simd(site, p, &at, by);
                update_simd(p, &at, by + FACTORS - 1, cell, h + (size_t)b * at.cells);
            } else {
                gates_ref(site, p, &at);
                update_ref(p, &at, mult, cell, h + (size_t)b * at.cells);
            }
        }
}

void efn_lstm_q8_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_lstm_q8 *)words, EFN_SIMD);
}

void efn_lstm_q8_ref(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_lstm_q8 *)words, EFN_REFERENCE);
}

// lstm: long short-term memory. The products of all inputs are a dense layer's, in front; what is left for each step is
// one row times the recurrent weights, and functions of four lanes of cells at a time.
//
// The functions are the same in the reference, which judges the products and the walk.
#include "../core/recurrent.h"

efn_status efn_lstm_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_lstm_f32 *p = (const efn_lstm_f32 *)words;
    EFN_TRY(efn_recurrent_check(plan, p->x, p->h, p->r, p->y, p->scratch, 4, 1));
    const efn_tensor *c = efn_readable(plan, p->c, EFN_F32), *h = &plan->tensors[p->h], *y = &plan->tensors[p->y];
    EFN_REQUIRE(c, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(c) == efn_elements(h), EFN_BAD_SHAPE);
    const uint64_t lanes = efn_round_up(efn_last_dim(h), 8);
    EFN_TRY(efn_check_packed(plan, p->p, EFN_F32, 3 * lanes * 4));
    EFN_REQUIRE(p->reverse <= 1, EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_clamp_f32(p->low, p->high));
    EFN_TRY(efn_check_apart(c, y, 0));
    return efn_check_scratch(plan, p->scratch, 4 * lanes * 4, c, y);
}

#define ADD wasm_f32x4_add
#define MUL wasm_f32x4_mul

// From the sums of the gates i, f, g, o [4][lanes] and peepholes [3][lanes] to c and h [cells].
static void update(const efn_lstm_f32 *p, float *gates, const float *peepholes, const efn_recurrence *s, float *c,
                   float *h) {
    const v128_t low = wasm_f32x4_splat(p->low), high = wasm_f32x4_splat(p->high);
    const uint32_t lanes = s->lanes;
    float *const i = gates, *const f = i + lanes, *const g = f + lanes, *const o = g + lanes;
    const float *const to_i = peepholes, *const to_f = to_i + lanes, *const to_o = to_f + lanes;
    for (uint32_t j = 0; j < s->cells; j += 4) {
        const v128_t old = efn_some(c + j, s->cells - j);
        wasm_v128_store(i + j, ADD(wasm_v128_load(i + j), MUL(wasm_v128_load(to_i + j), old)));
        wasm_v128_store(f + j, ADD(wasm_v128_load(f + j), MUL(wasm_v128_load(to_f + j), old)));
    }
    efn_gate(i, 2 * lanes);
    efn_squash(g, lanes);
    for (uint32_t j = 0; j < s->cells; j += 4) { // g becomes c
        const v128_t kept = MUL(wasm_v128_load(f + j), efn_some(c + j, s->cells - j));
        const v128_t new = ADD(kept, MUL(wasm_v128_load(i + j), wasm_v128_load(g + j)));
        const v128_t cell = efn_clamp_lanes(new, low, high);
        efn_put_some(c + j, cell, s->cells - j);
        wasm_v128_store(o + j, ADD(wasm_v128_load(o + j), MUL(wasm_v128_load(to_o + j), cell)));
        wasm_v128_store(g + j, cell);
    }
    efn_squash(g, lanes);
    efn_gate(o, lanes);
    for (uint32_t j = 0; j < s->cells; j += 4)
        efn_put_some(h + j, MUL(wasm_v128_load(o + j), wasm_v128_load(g + j)), s->cells - j);
}

static void run(const efn_site *site, const efn_lstm_f32 *p, efn_mode mode) {
    const efn_recurrence s = efn_recurrence_of(site, p->x, p->h);
    const float *r = efn_in(site, p->r), *peepholes = efn_in(site, p->p);
    float *const gates = (float *)(site->arena + p->scratch);            // [4][lanes]
    float *const c = efn_out(site, p->y);                                // [batch][cells]
    float *const all = c + efn_round_up((uint64_t)s.batch * s.cells, 4); // [steps][batch][cells]
    efn_copy(c, efn_in(site, p->c), s.batch * s.cells * 4);
    efn_walk at = efn_walk_of(&s, efn_in(site, p->x), 4, efn_in(site, p->h), all, p->reverse);
    while (efn_walk_on(&at)) {
        efn_recur(r, at.x, at.before, s.cells, 4 * s.lanes, gates, mode);
        update(p, gates, peepholes, &s, c + (size_t)at.sequence * s.cells, at.after);
    }
}

void efn_lstm_f32_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_lstm_f32 *)words, EFN_SIMD);
}

void efn_lstm_f32_ref(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_lstm_f32 *)words, EFN_REFERENCE);
}

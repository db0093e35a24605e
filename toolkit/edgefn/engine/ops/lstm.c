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
static void update(const efn_lstm_f32 *p, const float *gates, const float *peepholes, const efn_recurrence *s, float *c,
                   float *h) {
    const v128_t low = wasm_f32x4_splat(p->low), high = wasm_f32x4_splat(p->high);
    for (uint32_t j = 0; j < s->cells; j += 4) {
        const uint32_t n = s->cells - j;
        const float *gate = gates + j, *peephole = peepholes + j;
        const v128_t old = efn_some(c + j, n);
        const v128_t i = efn_gate(ADD(wasm_v128_load(gate), MUL(wasm_v128_load(peephole), old)));
        const v128_t f = efn_gate(ADD(wasm_v128_load(gate + s->lanes), MUL(wasm_v128_load(peephole + s->lanes), old)));
        const v128_t g = efn_squash(wasm_v128_load(gate + 2 * s->lanes));
        const v128_t cell = efn_clamp_lanes(ADD(MUL(f, old), MUL(i, g)), low, high);
        const v128_t o =
            efn_gate(ADD(wasm_v128_load(gate + 3 * s->lanes), MUL(wasm_v128_load(peephole + 2 * s->lanes), cell)));
        efn_put_some(c + j, cell, n);
        efn_put_some(h + j, MUL(o, efn_squash(cell)), n);
    }
}

static void run(const efn_site *site, const efn_lstm_f32 *p, efn_mode mode) {
    const efn_recurrence s = efn_recurrence_of(site, p->x, p->h);
    const float *x = efn_in(site, p->x), *r = efn_in(site, p->r), *peepholes = efn_in(site, p->p);
    float *const gates = (float *)(site->arena + p->scratch);            // [4][lanes]
    float *const c = efn_out(site, p->y);                                // [batch][cells]
    float *const all = c + efn_round_up((uint64_t)s.batch * s.cells, 4); // [steps][batch][cells]
    efn_copy(c, efn_in(site, p->c), s.batch * s.cells * 4);
    for (uint32_t i = 0; i < s.steps; i++) {
        const float *before = efn_before(&s, efn_in(site, p->h), all, i, p->reverse);
        const size_t first = (size_t)efn_time_of(&s, i, p->reverse) * s.batch;
        for (uint32_t b = 0; b < s.batch; b++) {
            efn_recur(r, x + (first + b) * 4 * s.lanes, before + (size_t)b * s.cells, s.cells, 4 * s.lanes, gates,
                      mode);
            update(p, gates, peepholes, &s, c + (size_t)b * s.cells, all + (first + b) * s.cells);
        }
    }
}

void efn_lstm_f32_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_lstm_f32 *)words, EFN_SIMD);
}

void efn_lstm_f32_ref(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_lstm_f32 *)words, EFN_REFERENCE);
}

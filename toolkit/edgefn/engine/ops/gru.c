// gru: gated recurrent unit. As in lstm, a dense layer in front has taken the products of all inputs.
#include "../core/recurrent.h"

efn_status efn_gru_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_gru_f32 *p = (const efn_gru_f32 *)words;
    EFN_TRY(efn_recurrent_check(plan, p->x, p->h, p->r, p->y, p->scratch, 3, 0));
    EFN_REQUIRE(p->linear <= 1 && p->reverse <= 1, EFN_BAD_PARAMETER);
    return efn_check_packed(plan, p->bias, EFN_F32, efn_round_up(efn_last_dim(&plan->tensors[p->h]), 8) * 4);
}

#define ADD wasm_f32x4_add
#define MUL wasm_f32x4_mul

// The reset gate before the product, r * h in its place.
static void reset(float *r, const float *h, uint32_t cells) {
    for (uint32_t j = 0; j < cells; j += 4)
        wasm_v128_store(r + j, MUL(wasm_v128_load(r + j), efn_some(h + j, cells - j)));
}

// From z, r and the product of n [3][lanes], what goes into n from x, and h before, to h [cells].
static void update(float *gates, const float *x, const float *before, const efn_recurrence *s, uint32_t linear,
                   float *h) {
    float *const z = gates, *const r = z + s->lanes, *const n = r + s->lanes;
    for (uint32_t j = 0; j < s->cells; j += 4) {
        const v128_t sum = wasm_v128_load(n + j), inner = linear ? MUL(wasm_v128_load(r + j), sum) : sum;
        wasm_v128_store(n + j, ADD(wasm_v128_load(x + j), inner));
    }
    efn_squash(n, s->lanes);
    for (uint32_t j = 0; j < s->cells; j += 4) {
        const v128_t kept = wasm_v128_load(z + j), fresh = wasm_f32x4_sub(wasm_f32x4_const_splat(1.0f), kept);
        const v128_t old = efn_some(before + j, s->cells - j);
        efn_put_some(h + j, ADD(MUL(fresh, wasm_v128_load(n + j)), MUL(kept, old)), s->cells - j);
    }
}

static void run(const efn_site *site, const efn_gru_f32 *p, efn_mode mode) {
    const efn_recurrence s = efn_recurrence_of(site, p->x, p->h);
    const float *r = efn_in(site, p->r), *bias = efn_in(site, p->bias);
    const float *r_n = r + (size_t)2 * s.lanes * s.cells;
    float *const gates = (float *)(site->arena + p->scratch); // [3][lanes]
    efn_walk at = efn_walk_of(&s, efn_in(site, p->x), 3, efn_in(site, p->h), efn_out(site, p->y), p->reverse);
    while (efn_walk_on(&at)) {
        efn_recur(r, at.x, at.before, s.cells, 2 * s.lanes, gates, mode);
        efn_gate(gates, 2 * s.lanes);
        if (!p->linear)
            reset(gates + s.lanes, at.before, s.cells);
        efn_recur(r_n, bias, p->linear ? at.before : gates + s.lanes, s.cells, s.lanes, gates + 2 * s.lanes, mode);
        update(gates, at.x + 2 * s.lanes, at.before, &s, p->linear, at.after);
    }
}

void efn_gru_f32_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_gru_f32 *)words, EFN_SIMD);
}

void efn_gru_f32_ref(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_gru_f32 *)words, EFN_REFERENCE);
}

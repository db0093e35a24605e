// rnn: one gate, a function of its sum. As in lstm, a dense layer in front has taken the products of all inputs.
#include "../core/recurrent.h"

#define TANH 0
#define RELU 1

efn_status efn_rnn_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_rnn_f32 *p = (const efn_rnn_f32 *)words;
    EFN_REQUIRE(p->function <= RELU && p->reverse <= 1, EFN_BAD_PARAMETER);
    return efn_recurrent_check(plan, p->x, p->h, p->r, p->y, p->scratch, 1, 0);
}

static void update(float *sums, float *h, const efn_recurrence *s, uint32_t function) {
    if (function == TANH)
        efn_squash(sums, s->lanes);
    for (uint32_t j = 0; j < s->cells; j += 4) {
        const v128_t v = wasm_v128_load(sums + j);
        efn_put_some(h + j, function == TANH ? v : wasm_f32x4_pmax(v, wasm_f32x4_const_splat(0)), s->cells - j);
    }
}

static void run(const efn_site *site, const efn_rnn_f32 *p, efn_mode mode) {
    const efn_recurrence s = efn_recurrence_of(site, p->x, p->h);
    const float *r = efn_in(site, p->r);
    float *const sums = (float *)(site->arena + p->scratch); // [lanes]
    efn_walk at = efn_walk_of(&s, efn_in(site, p->x), 1, efn_in(site, p->h), efn_out(site, p->y), p->reverse);
    while (efn_walk_on(&at)) {
        efn_recur(r, at.x, at.before, s.cells, s.lanes, sums, mode);
        update(sums, at.after, &s, p->function);
    }
}

void efn_rnn_f32_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_rnn_f32 *)words, EFN_SIMD);
}

void efn_rnn_f32_ref(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_rnn_f32 *)words, EFN_REFERENCE);
}

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
    const float *x = efn_in(site, p->x), *r = efn_in(site, p->r);
    float *const sums = (float *)(site->arena + p->scratch); // [lanes]
    float *const all = efn_out(site, p->y);                  // [steps][batch][cells]
    for (uint32_t i = 0; i < s.steps; i++) {
        const float *before = efn_before(&s, efn_in(site, p->h), all, i, p->reverse);
        const size_t first = (size_t)efn_time_of(&s, i, p->reverse) * s.batch;
        for (uint32_t b = 0; b < s.batch; b++) {
            efn_recur(r, x + (first + b) * s.lanes, before + (size_t)b * s.cells, s.cells, s.lanes, sums, mode);
            update(sums, all + (first + b) * s.cells, &s, p->function);
        }
    }
}

void efn_rnn_f32_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_rnn_f32 *)words, EFN_SIMD);
}

void efn_rnn_f32_ref(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_rnn_f32 *)words, EFN_REFERENCE);
}

// What lstm, gru and rnn share: T steps on B sequences of H cells. A gate has r8(H) lanes.
#ifndef EFN_RECURRENT_H
#define EFN_RECURRENT_H

#include "check.h"
#include "lanes.h"
#include "table.h"

typedef struct {
    uint32_t steps, batch, cells, lanes; // T, B, H, r8(H)
} efn_recurrence;

// x [T][B][gates * lanes], h [B][H], y T * B * H elements, behind r4(B * H) others when it has a head, r packed;
// scratch beside x, h and y.
efn_status efn_recurrent_check(const efn_plan *plan, uint32_t x, uint32_t h, uint32_t r, uint32_t y, uint32_t scratch,
                               uint32_t gates, int has_head);

EFN_INLINE efn_recurrence efn_recurrence_of(const efn_site *site, uint32_t x, uint32_t h) {
    const efn_tensor *t = efn_record(site, x);
    const uint32_t cells = efn_last_dim(efn_record(site, h));
    return (efn_recurrence){t->dims[0], t->dims[1], cells, (uint32_t)efn_round_up(cells, 8)};
}

// The way through all steps, in each from sequence to sequence, and what is found where it has come to.
typedef struct {
    const efn_recurrence *of;
    const float *inputs, *first;   // x [T][B][row], and h [B][H] before the first step
    float *states;                 // [T][B][H]: h after every step
    uint32_t row, reverse, passed; // of T * B
    uint32_t sequence;
    const float *x, *before; // [row], h [H] before this step
    float *after;            // [H]
} efn_walk;

// Before the first step; a row of x has so many gates.
EFN_INLINE efn_walk efn_walk_of(const efn_recurrence *of, const float *x, uint32_t gates, const float *h, float *states,
                                uint32_t reverse) {
    return (efn_walk){
        .of = of, .inputs = x, .first = h, .states = states, .row = gates * of->lanes, .reverse = reverse};
}

// Go on; 0 when there is no more.
EFN_SMALL int efn_walk_on(efn_walk *w);

// sums [m] = x [m] + w h, m a multiple of 8, h [k].
void efn_recur(const float *w, const float *x, const float *h, uint32_t k, uint32_t m, float *sums, efn_mode mode);

// sigmoid and tanh of gates x [n], n a multiple of 8, in place.
void efn_gate(float *x, uint32_t n);
void efn_squash(float *x, uint32_t n);

// Four floats, or the n that there are.
EFN_INLINE v128_t efn_some(const float *from, uint32_t n) {
    if (n >= 4)
        return wasm_v128_load(from);
    float four[4] = {0};
    efn_copy(four, from, n * 4);
    return wasm_v128_load(four);
}

EFN_INLINE void efn_put_some(float *to, v128_t v, uint32_t n) {
    if (n >= 4) {
        wasm_v128_store(to, v);
        return;
    }
    float four[4];
    wasm_v128_store(four, v);
    efn_copy(to, four, n * 4);
}

#endif

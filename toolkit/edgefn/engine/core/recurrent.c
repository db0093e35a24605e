#include "recurrent.h"
#include "gemm.h"
#include "mathematics.h"

efn_status efn_recurrent_check(const efn_plan *plan, uint32_t x_index, uint32_t h_index, uint32_t r, uint32_t y_index,
                               uint32_t scratch, uint32_t gates, int has_head) {
    const efn_tensor *x = efn_readable(plan, x_index, EFN_F32), *h = efn_readable(plan, h_index, EFN_F32);
    const efn_tensor *y = efn_writable(plan, y_index, EFN_F32);
    EFN_REQUIRE(x && h && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->rank == 3, EFN_BAD_SHAPE);
    const uint64_t steps = x->dims[0], batch = x->dims[1], cells = efn_last_dim(h), lanes = efn_round_up(cells, 8);
    EFN_REQUIRE(x->dims[2] == gates * lanes && efn_elements(h) == batch * cells, EFN_BAD_SHAPE);
    const uint64_t head = has_head ? efn_round_up(batch * cells, 4) : 0;
    EFN_REQUIRE(efn_elements(y) == head + steps * batch * cells, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_packed(plan, r, EFN_F32, gates * lanes * cells * 4));
    EFN_TRY(efn_check_apart(x, y, 0));
    EFN_TRY(efn_check_apart(h, y, 0));
    EFN_TRY(efn_check_scratch(plan, scratch, gates * lanes * 4, x, y));
    return efn_check_scratch(plan, scratch, gates * lanes * 4, h, y);
}

// Where [T][B] has sequence b in step number i of the walk.
static size_t place_of(const efn_walk *w, uint32_t i, uint32_t b) {
    return (size_t)(w->reverse ? w->of->steps - 1 - i : i) * w->of->batch + b;
}

int efn_walk_on(efn_walk *w) {
    const uint32_t i = w->passed / w->of->batch, b = w->passed % w->of->batch;
    const size_t cells = w->of->cells;
    if (i == w->of->steps)
        return 0;
    w->passed++;
    w->sequence = b;
    w->x = w->inputs + place_of(w, i, b) * w->row;
    w->before = i == 0 ? w->first + b * cells : w->states + place_of(w, i - 1, b) * cells;
    w->after = w->states + place_of(w, i, b) * cells;
    return 1;
}

void efn_recur(const float *w, const float *x, const float *h, uint32_t k, uint32_t m, float *sums, efn_mode mode) {
    const efn_layer_f32 layer = {
        .w = w, .bias = x, .k = k, .m = m, .stride = m, .low = -__builtin_inff(), .high = __builtin_inff()};
    if (mode == EFN_SIMD) {
        efn_gemv_f32(&layer, h, sums);
        return;
    }
    for (uint32_t j = 0; j < m; j++) {
        const float *column = w + (size_t)(j / 8) * k * 8 + j % 8; // [k], 8 apart
        float acc = 0;
        for (uint32_t i = 0; i < k; i++)
            acc += h[i] * column[(size_t)i * 8];
        sums[j] = acc + x[j];
    }
}

// Two at a time: each is a long chain of instructions that wait for each other.
#define BY_EIGHT(compute)                                                                                              \
    for (uint32_t i = 0; i < n; i += 8) {                                                                              \
        const v128_t left = compute(wasm_v128_load(x + i)), right = compute(wasm_v128_load(x + i + 4));                \
        wasm_v128_store(x + i, left);                                                                                  \
        wasm_v128_store(x + i + 4, right);                                                                             \
    }

void efn_gate(float *x, uint32_t n) {
    BY_EIGHT(efn_sigmoid)
}

void efn_squash(float *x, uint32_t n) {
    BY_EIGHT(efn_tanh)
}

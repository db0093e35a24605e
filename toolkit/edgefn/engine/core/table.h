// One row for each opcode: how it is checked and the two ways it is run.
#ifndef EFN_TABLE_H
#define EFN_TABLE_H

#include "../include/edgefn.h"
#include "memory.h"

#define EFN_OPCODES 80 // above every code
#define EFN_SKIP 49

// Where one run happens: an open plan and the caller's arena.
typedef struct {
    const efn_plan *plan;
    uint8_t *arena; // [plan->arena_bytes]
} efn_site;

typedef efn_status (*efn_check_fn)(const efn_plan *plan, const uint32_t *words, uint32_t count);
typedef void (*efn_run_fn)(const efn_site *site, const uint32_t *words);

typedef struct {
    uint32_t words; // parameter count; 0 when the check decides
    efn_check_fn check;
    efn_run_fn simd, reference;
} efn_op;

extern const efn_op efn_ops[EFN_OPCODES]; // by opcode; empty rows where there is none

// The row of `opcode`, or NULL when it is unknown. Compiled where nothing is known of the rows: edgefn.engine.linker
// empties those that a standalone module does not need.
static inline const efn_op *efn_op_of(uint32_t opcode) {
    return opcode < EFN_OPCODES && efn_ops[opcode].check ? &efn_ops[opcode] : (const efn_op *)0;
}

// The bytes of a tensor: read through efn_in, written through efn_out (arena tensors only).
static inline const void *efn_in(const efn_site *site, uint32_t index) {
    const efn_tensor *t = &site->plan->tensors[index];
    return (t->place == EFN_WEIGHTS ? site->plan->weights : site->arena) + t->offset;
}

static inline void *efn_out(const efn_site *site, uint32_t index) {
    return site->arena + site->plan->tensors[index].offset;
}

static inline const efn_tensor *efn_record(const efn_site *site, uint32_t index) {
    return &site->plan->tensors[index];
}

// Checks run once and references in tests: both are compiled for size.

#define EFN_DECLARE(name)                                                                                              \
    EFN_SMALL efn_status efn_##name##_check(const efn_plan *plan, const uint32_t *words, uint32_t count);              \
    void efn_##name##_simd(const efn_site *site, const uint32_t *words);                                               \
    EFN_SMALL void efn_##name##_ref(const efn_site *site, const uint32_t *words);

EFN_DECLARE(conv2d_f32)
EFN_DECLARE(conv2d_i8)
EFN_DECLARE(depthwise_f32)
EFN_DECLARE(depthwise_i8)
EFN_DECLARE(dense_f32)
EFN_DECLARE(dense_i8)
EFN_DECLARE(add_f32)
EFN_DECLARE(add_i8)
EFN_DECLARE(average_pool_f32)
EFN_DECLARE(average_pool_i8)
EFN_DECLARE(max_pool_f32)
EFN_DECLARE(max_pool_i8)
EFN_DECLARE(clamp_f32)
EFN_DECLARE(clamp_i8)
EFN_DECLARE(softmax_f32)
EFN_DECLARE(quantize_f32_i8)
EFN_DECLARE(dequantize_i8_f32)
EFN_DECLARE(requantize_i8)
EFN_DECLARE(flip_sign)
EFN_DECLARE(transpose)
EFN_DECLARE(concat)
EFN_DECLARE(copy)
EFN_DECLARE(conv2d_q8)
EFN_DECLARE(depthwise_q8)
EFN_DECLARE(dense_q8)
EFN_DECLARE(average_pool_q8)
EFN_DECLARE(softmax_q8)
EFN_DECLARE(lookup_i8)
EFN_DECLARE(unary_f32)
EFN_DECLARE(binary)
EFN_DECLARE(select)
EFN_DECLARE(cast)
EFN_DECLARE(strided)
EFN_DECLARE(pad)
EFN_DECLARE(gather)
EFN_DECLARE(reduce)
EFN_DECLARE(arg)
EFN_DECLARE(matmul_f32)
EFN_DECLARE(resample_f32)
EFN_DECLARE(bilinear_q8)
EFN_DECLARE(lstm_f32)
EFN_DECLARE(gru_f32)
EFN_DECLARE(lstm_q8)
EFN_DECLARE(tree_ensemble)
EFN_DECLARE(dynamic_range_f32)
EFN_DECLARE(dynamic_quantize_f32_i8)
EFN_DECLARE(dense_dynamic)
EFN_DECLARE(skip)
EFN_DECLARE(layer_norm_f32)
EFN_DECLARE(topk)
EFN_DECLARE(rnn_f32)
EFN_DECLARE(dense_i8_i32)
EFN_DECLARE(coupling_f32)
EFN_DECLARE(winograd_f32)
EFN_DECLARE(winograd_i8)
EFN_DECLARE(winograd_q8)
EFN_DECLARE(binary_q8)
EFN_DECLARE(reduce_q8)
EFN_DECLARE(l2_norm_q8)
EFN_DECLARE(add_linear_i8)
EFN_DECLARE(matmul_q8)

#endif

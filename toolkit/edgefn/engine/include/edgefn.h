// edgefn: executes a compiled model (a "plan", docs/spec/plan.md) in the caller's memory.
//
// Freestanding C11: no libc, no allocation, no global state. The caller owns the plan's bytes, which are read in place,
// and the arena, which holds every activation and all scratch memory. efn_open checks everything; after it, no op
// checks anything.
#ifndef EDGEFN_H
#define EDGEFN_H

#include <stddef.h>
#include <stdint.h>

#define EFN_MAX_RANK 6
#define EFN_ALIGNMENT 64 // of the plan's bytes and of the arena

typedef enum {
    EFN_OK = 0,
    EFN_TRUNCATED,   // fewer bytes than the header says, or no room for a header
    EFN_MISALIGNED,  // the plan or the arena is not 64-byte aligned
    EFN_BAD_MAGIC,   // not a plan
    EFN_BAD_VERSION, // a version this engine does not read
    EFN_BAD_HEADER,  // a limit exceeded or a reserved field not zero
    EFN_BAD_REGION,  // regions out of order, overlapping, misaligned or outside the file, or a gap that is not zero
    EFN_BAD_TENSOR,  // a tensor record; efn_plan.fault is its index
    EFN_BAD_IO,      // an input or output index
    EFN_BAD_OP,      // an unknown opcode or a wrong parameter count; for this and all below, efn_plan.fault is the op's
                     // index
    EFN_BAD_OPERAND, // a tensor index, dtype, rank or place
    EFN_BAD_SHAPE,   // shapes that do not fit together
    EFN_BAD_PARAMETER, // an integer or float parameter out of its range
    EFN_BAD_WEIGHTS,   // a packed tensor of the wrong size, or multipliers, shifts or a table out of range
    EFN_BAD_SCRATCH,   // scratch memory outside the arena
    EFN_BAD_OVERLAP,   // an output or scratch that overlaps another operand
    EFN_BAD_RANGE,     // efn_run: ops that are not there
    EFN_STATUS_COUNT
} efn_status;

typedef enum { EFN_F32 = 1, EFN_I8 = 2, EFN_U8 = 3, EFN_I32 = 4 } efn_dtype;
typedef enum { EFN_ARENA = 0, EFN_WEIGHTS = 1 } efn_place;
typedef enum { EFN_SIMD = 0, EFN_REFERENCE = 1 } efn_mode;

// A tensor record, as it lies in the file.
typedef struct {
    uint8_t dtype, rank, place, reserved0;
    uint32_t offset; // from the start of the arena or of the weights region
    uint32_t bytes;
    uint32_t dims[EFN_MAX_RANK]; // outermost first
    float scale;
    int32_t zero_point;
    uint32_t reserved1;
} efn_tensor;

// An open plan: pointers into the caller's bytes, all of them checked.
typedef struct {
    const efn_tensor *tensors; // [tensor_count]
    const uint32_t *ops;       // [ops_words]
    const uint32_t *io;        // [input_count + output_count], tensor indices, inputs first
    const uint8_t *weights;    // [weights_bytes]
    uint32_t tensor_count, ops_words, op_count, input_count, output_count, weights_bytes, arena_bytes;
    uint32_t state_bytes, state_offset; // what the arena begins with between runs, and its first content in weights
    uint32_t fault;                     // index of the tensor or op that efn_open checks, or refused
} efn_plan;

// Check `length` bytes at `bytes` (64-byte aligned) and fill `plan`. The bytes may be hostile. On failure `plan` must
// not be run.
efn_status efn_open(efn_plan *plan, const uint8_t *bytes, uint32_t length);

// Give the state at the start of `arena` its first content: before the first run, and to make the model forget.
efn_status efn_reset(const efn_plan *plan, uint8_t *arena);

// Run ops first .. first + count - 1 of an open plan. `arena` holds plan->arena_bytes, 64-byte aligned, inputs already
// in place.
efn_status efn_run(const efn_plan *plan, uint8_t *arena, uint32_t first, uint32_t count, efn_mode mode);

// A sentence fragment such as "a tensor record is not valid".
const char *efn_status_text(efn_status status);

// destination[i] = source[i] * scale + offset for i < count; the source is u8, or i8 when is_signed. Never fused.
void efn_affine(const uint8_t *source, float *destination, uint32_t count, float scale, float offset,
                int32_t is_signed);

// ---- Parameters, as they lie in the op stream. x, y, w, ... are tensor indices, scratch an arena offset. ----

typedef struct {
    uint32_t kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
} efn_window;

typedef struct {
    uint32_t x, w, bias, y;
    efn_window window;
    float low, high;
    uint32_t scratch;
} efn_conv_f32; // conv2d_f32 and depthwise_f32

typedef struct {
    uint32_t x, w, bias, mult, y;
    efn_window window;
    int32_t x_zero, y_zero, low, high;
    uint32_t scratch;
} efn_conv_i8; // conv2d and depthwise, i8 and q8

typedef struct {
    uint32_t x, w, bias, y;
    float low, high;
    uint32_t scratch;
} efn_dense_f32;

typedef struct {
    uint32_t x, w, bias, mult, y;
    int32_t x_zero, y_zero, low, high;
    uint32_t scratch;
} efn_dense_i8; // dense_i8 and dense_q8

typedef struct {
    uint32_t a, b, y;
    float low, high;
} efn_add_f32;

typedef struct {
    uint32_t a, b, y;
    float a_mult, b_mult;
    int32_t a_zero, b_zero, y_zero, low, high;
} efn_add_i8;

typedef struct {
    int32_t mult, shift;
} efn_fixed;

typedef struct {
    uint32_t a, b, y;
    int32_t a_factor, b_factor, offset;
    uint32_t shift;
    int32_t low, high;
} efn_add_linear_i8;

typedef struct {
    uint32_t x, y, kh, kw, stride_h, stride_w, pad_top, pad_left;
} efn_pool; // max_pool_f32 and max_pool_i8

typedef struct {
    efn_pool pool;
    uint32_t count_padding;
} efn_average_pool_f32;

typedef struct {
    efn_pool pool;
    uint32_t count_padding;
    int32_t x_zero;
    float mult;
    int32_t y_zero, low, high;
} efn_average_pool_i8;

typedef struct {
    efn_pool pool;
    int32_t low, high;
} efn_average_pool_q8;

typedef struct {
    uint32_t x, y;
    float low, high;
} efn_clamp_f32;

typedef struct {
    uint32_t x, y;
    int32_t low, high;
} efn_clamp_i8;

typedef struct {
    uint32_t x, y;
} efn_unary; // softmax_f32, flip_sign, copy, cast, dynamic_range_f32

typedef struct {
    uint32_t x, y;
    float scale; // quantize: the inverse scale
    int32_t zero;
} efn_affine_op; // quantize_f32_i8 and dequantize_i8_f32

typedef struct {
    uint32_t x, y;
    float mult;
    int32_t x_zero, y_zero;
} efn_requantize_i8;

typedef struct {
    uint32_t x, y, axes[EFN_MAX_RANK];
} efn_transpose;

typedef struct {
    uint32_t size, a, b, y; // how many matrices, and how far apart they lie
} efn_batch;

typedef struct {
    uint32_t first, row, column; // where a matrix begins, and how far apart its rows and columns lie
} efn_matrix;

typedef struct {
    uint32_t a, b, y, m, n, k;
    efn_batch batch[4]; // outermost first
    efn_matrix a_at, b_at;
    uint32_t y_row;
    float scale;
    uint32_t scratch;
} efn_matmul_f32;

typedef struct {
    uint32_t a, b, y, batch, m, n, k;
    uint32_t a_step, b_step, b_row, b_column; // of a batch; of a row and a column of b
    uint32_t rounding, factor[2];             // 0: multiplier and shift; 1: the halves of an f64
    int32_t a_zero, b_zero, y_zero, low, high;
    uint32_t scratch;
} efn_matmul_q8;

typedef struct {
    uint32_t x, range, y;
} efn_dynamic_quantize;

typedef struct {
    uint32_t x, gamma, beta, y;
    float epsilon;
    uint32_t centred; // 0 or 1
} efn_layer_norm;

typedef struct {
    uint32_t w, sums, zeros, extras, narrow, scratch;
} efn_weights_i8;

typedef struct {
    uint32_t column, step;
    int32_t amount; // that a weight is more than its packed i8
} efn_extra;

typedef struct {
    uint32_t x, zero, y;
    efn_weights_i8 weights;
} efn_dense_i8_i32;

typedef struct {
    uint32_t x, range, scales, bias, y;
    float low, high;
    efn_weights_i8 weights;
} efn_dense_dynamic;

typedef struct {
    uint32_t y, axis, n, x[]; // x[n]
} efn_concat;

typedef struct {
    uint32_t x, y, function; // as plan.md numbers them
    float alpha, beta;
} efn_unary_f32;

typedef struct {
    uint32_t x, roots, nodes, leaves, base, y, bits, aggregate, divisor, scratch;
} efn_tree_ensemble;

typedef struct {
    uint32_t cond, y, expected, count;
} efn_skip;

typedef struct {
    uint32_t x, h, c, r, p, y, reverse;
    float low, high;
    uint32_t scratch;
} efn_lstm_f32;

typedef struct {
    uint32_t x, h, c, w, r, bias, mult, y;
    uint32_t cell_bits, clip;
    int32_t y_zero;
    uint32_t scratch;
} efn_lstm_q8;

typedef struct {
    uint32_t x, h, r, bias, y, linear, reverse, scratch;
} efn_gru_f32;

typedef struct {
    uint32_t x, h, r, y, function, reverse, scratch;
} efn_rnn_f32;

typedef struct {
    uint32_t x, y, scratch;
} efn_coupling_f32;

typedef struct {
    uint32_t a, b, y, function; // as plan.md numbers them
} efn_binary;

typedef struct {
    uint32_t a, b, y, function; // as plan.md numbers them
    efn_fixed a_by, b_by, y_by;
    int32_t a_zero, b_zero, y_zero, low, high;
} efn_binary_q8;

typedef struct {
    uint32_t x, y, n, inner;
    efn_fixed by;
    int32_t x_zero, y_zero;
} efn_reduce_q8;

typedef struct {
    uint32_t x, y;
    int32_t x_zero;
} efn_l2_norm_q8;

typedef struct {
    uint32_t cond, a, b, y;
} efn_select;

typedef struct {
    uint32_t x, y, function, n, inner; // function as plan.md numbers them
} efn_reduce;

typedef struct {
    uint32_t x, y, smallest, last, n, inner; // the first two 0 or 1
} efn_arg;

typedef struct {
    uint32_t x, y, table;
} efn_lookup; // lookup_i8 and softmax_q8

// y [dims[0]] ... [dims[5]], and how far apart the elements of each dimension lie in x; both count elements.
typedef struct {
    uint32_t dims[EFN_MAX_RANK];
    int32_t strides[EFN_MAX_RANK];
} efn_view;

typedef struct {
    uint32_t x, y, offset;
    efn_view view;
} efn_strided;

typedef struct {
    uint32_t x, y, begin[EFN_MAX_RANK], value;
} efn_pad;

typedef struct {
    uint32_t x, indices, y, axis;
} efn_gather_op;

typedef struct {
    uint32_t x, index, weight, y, axis, taps;
} efn_resample_f32;

typedef struct {
    uint32_t x, rows, columns, y;
} efn_bilinear;

typedef struct {
    uint32_t x, y, smallest;
} efn_topk;

#endif

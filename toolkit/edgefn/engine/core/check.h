// What op checks share. Every function is safe on a plan whose header, regions and tensor records have been checked and
// nothing else.
#ifndef EFN_CHECK_H
#define EFN_CHECK_H

#include "../include/edgefn.h"
#include "memory.h"

#define EFN_MAX_ELEMENTS (1u << 30) // of one tensor, held by efn_open

// Leave the calling check with `status` unless `condition` holds.
#define EFN_REQUIRE(condition, status)                                                                                 \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return (status);                                                                                           \
    } while (0)

// Leave the calling check with the status of `call` unless it is EFN_OK.
#define EFN_TRY(call)                                                                                                  \
    do {                                                                                                               \
        efn_status efn_tried = (call);                                                                                 \
        if (efn_tried != EFN_OK)                                                                                       \
            return efn_tried;                                                                                          \
    } while (0)

uint32_t efn_item_size(uint8_t dtype);      // 0 for an unknown dtype
uint32_t efn_elements(const efn_tensor *t); // product of dims; 1 for rank 0
uint32_t efn_last_dim(const efn_tensor *t); // 1 for rank 0
int efn_finite_positive(float v);
uint32_t efn_row_count(const efn_tensor *t);  // elements of all dims but the last
uint32_t efn_following(const efn_plan *plan); // how many ops there are behind the one that is checked

// A tensor that an op reads whole: known index, `dtype` (0 for any), exactly the bytes of its dims. NULL when it is
// none.
const efn_tensor *efn_readable(const efn_plan *plan, uint32_t index, uint8_t dtype);
// The same for a tensor that an op writes: it lies in the arena.
const efn_tensor *efn_writable(const efn_plan *plan, uint32_t index, uint8_t dtype);

efn_status efn_check_packed(const efn_plan *plan, uint32_t index, uint8_t dtype, uint64_t bytes);
efn_status efn_check_clamp_f32(float low, float high);
efn_status efn_check_clamp_i8(int32_t low, int32_t high);
// `mult` of a layer of m outputs: f32 [3][r8(m)], i32 [2][r8(m)] and f64 [r8(m)], as plan.md has them.
efn_status efn_check_factors(const efn_plan *plan, uint32_t mult, uint64_t m);
efn_status efn_check_fixed(const efn_plan *plan, uint32_t mult, uint64_t m);
efn_status efn_check_f64(const efn_plan *plan, uint32_t mult, uint64_t m);
int efn_multiplier_valid(int32_t mult);
efn_status efn_check_zero(int32_t zero_point);
// Rank 4, same N, sizes in range, every window begins inside the padded input and covers at least one input element.
efn_status efn_check_window(const efn_window *window, const efn_tensor *x, const efn_tensor *y);
// The output `y` shares no byte with the operand `x`, or, when in_place is not 0, lies exactly on it.
efn_status efn_check_apart(const efn_tensor *x, const efn_tensor *y, int in_place);
// x is [outer][n][inner] and y [outer][inner], in as many dimensions as they like.
efn_status efn_check_reduced(const efn_tensor *x, const efn_tensor *y, uint32_t n, uint32_t inner);
// bytes at arena offset `scratch` lie inside the arena and share nothing with x or y.
efn_status efn_check_scratch(const efn_plan *plan, uint32_t scratch, uint64_t bytes, const efn_tensor *x,
                             const efn_tensor *y);

#endif

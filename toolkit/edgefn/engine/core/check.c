#include "check.h"

uint32_t efn_item_size(uint8_t dtype) {
    if (dtype == EFN_F32 || dtype == EFN_I32)
        return 4;
    return dtype == EFN_I8 || dtype == EFN_U8 ? 1 : 0;
}

uint32_t efn_elements(const efn_tensor *t) {
    uint32_t product = 1;
    for (uint32_t i = 0; i < t->rank; i++)
        product *= t->dims[i];
    return product;
}

uint32_t efn_row_count(const efn_tensor *t) {
    return efn_elements(t) / efn_last_dim(t);
}

uint32_t efn_following(const efn_plan *plan) {
    return plan->op_count - plan->fault - 1;
}

uint32_t efn_last_dim(const efn_tensor *t) {
    return t->rank == 0 ? 1 : t->dims[t->rank - 1];
}

int efn_finite_positive(float v) {
    return v > 0 && v < __builtin_inff();
}

const efn_tensor *efn_readable(const efn_plan *plan, uint32_t index, uint8_t dtype) {
    if (index >= plan->tensor_count)
        return NULL;
    const efn_tensor *t = &plan->tensors[index];
    if (dtype != 0 && t->dtype != dtype)
        return NULL;
    return t->bytes == (uint64_t)efn_elements(t) * efn_item_size(t->dtype) ? t : NULL;
}

const efn_tensor *efn_writable(const efn_plan *plan, uint32_t index, uint8_t dtype) {
    const efn_tensor *t = efn_readable(plan, index, dtype);
    return t && t->place == EFN_ARENA ? t : NULL;
}

efn_status efn_check_packed(const efn_plan *plan, uint32_t index, uint8_t dtype, uint64_t bytes) {
    EFN_REQUIRE(index < plan->tensor_count, EFN_BAD_OPERAND);
    const efn_tensor *t = &plan->tensors[index];
    EFN_REQUIRE(t->dtype == dtype && t->place == EFN_WEIGHTS, EFN_BAD_OPERAND);
    EFN_REQUIRE(t->bytes == bytes, EFN_BAD_WEIGHTS);
    return EFN_OK;
}

efn_status efn_check_clamp_f32(float low, float high) {
    return low <= high ? EFN_OK : EFN_BAD_PARAMETER; // also refuses NaN
}

efn_status efn_check_clamp_i8(int32_t low, int32_t high) {
    return -128 <= low && low <= high && high <= 127 ? EFN_OK : EFN_BAD_PARAMETER;
}

int efn_multiplier_valid(int32_t mult) {
    return mult == 0 || mult >= 1 << 30;
}

efn_status efn_check_fixed(const efn_plan *plan, uint32_t mult, uint64_t m) {
    const uint64_t padded = efn_round_up(m, 8);
    EFN_TRY(efn_check_packed(plan, mult, EFN_I32, padded * 8));
    const int32_t *mults = (const int32_t *)(plan->weights + plan->tensors[mult].offset), *shifts = mults + padded;
    for (uint64_t j = 0; j < padded; j++)
        EFN_REQUIRE(efn_multiplier_valid(mults[j]) && -31 <= shifts[j] && shifts[j] <= 30, EFN_BAD_WEIGHTS);
    return EFN_OK;
}

efn_status efn_check_factors(const efn_plan *plan, uint32_t mult, uint64_t m) {
    const uint64_t padded = efn_round_up(m, 8);
    EFN_TRY(efn_check_packed(plan, mult, EFN_F32, padded * 12));
    const float *factors = (const float *)(plan->weights + plan->tensors[mult].offset);
    const float *offsets = factors + padded, *centres = offsets + padded;
    for (uint64_t j = 0; j < padded; j++) { // also refuses NaN
        EFN_REQUIRE(__builtin_fabsf(factors[j]) < __builtin_inff(), EFN_BAD_WEIGHTS);
        EFN_REQUIRE(__builtin_fabsf(offsets[j]) <= 0x1p31f, EFN_BAD_WEIGHTS);
        EFN_REQUIRE(__builtin_fabsf(centres[j]) <= 255 && __builtin_rintf(centres[j]) == centres[j], EFN_BAD_WEIGHTS);
    }
    return EFN_OK;
}

efn_status efn_check_f64(const efn_plan *plan, uint32_t mult, uint64_t m) {
    const uint64_t padded = efn_round_up(m, 8);
    EFN_TRY(efn_check_packed(plan, mult, EFN_I32, padded * 8));
    const double *mults = (const double *)(plan->weights + plan->tensors[mult].offset);
    for (uint64_t j = 0; j < padded; j++)
        EFN_REQUIRE(mults[j] > 0 && mults[j] < __builtin_inf(), EFN_BAD_WEIGHTS);
    return EFN_OK;
}

efn_status efn_check_zero(int32_t zero_point) {
    return -128 <= zero_point && zero_point <= 127 ? EFN_OK : EFN_BAD_PARAMETER;
}

static int size_in_range(uint32_t n) {
    return 1 <= n && n <= 4096;
}

static efn_status check_axis(uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t pad, uint32_t input,
                             uint32_t output) {
    EFN_REQUIRE(size_in_range(kernel) && size_in_range(stride) && size_in_range(dilation), EFN_BAD_PARAMETER);
    uint64_t reach = (uint64_t)(kernel - 1) * dilation + 1;
    EFN_REQUIRE(pad <= 4096 && pad < reach, EFN_BAD_PARAMETER);
    EFN_REQUIRE((uint64_t)(output - 1) * stride < (uint64_t)input + pad, EFN_BAD_SHAPE);
    return EFN_OK;
}

efn_status efn_check_window(const efn_window *window, const efn_tensor *x, const efn_tensor *y) {
    EFN_REQUIRE(x->rank == 4 && y->rank == 4 && x->dims[0] == y->dims[0], EFN_BAD_SHAPE);
    EFN_TRY(check_axis(window->kh, window->stride_h, window->dilation_h, window->pad_top, x->dims[1], y->dims[1]));
    return check_axis(window->kw, window->stride_w, window->dilation_w, window->pad_left, x->dims[2], y->dims[2]);
}

static int overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes) {
    return a < b + b_bytes && b < a + a_bytes;
}

efn_status efn_check_apart(const efn_tensor *x, const efn_tensor *y, int in_place) {
    if (x->place != EFN_ARENA || !overlap(x->offset, x->bytes, y->offset, y->bytes))
        return EFN_OK;
    const int same = x->offset == y->offset && x->bytes == y->bytes && efn_elements(x) == efn_elements(y);
    return in_place && same ? EFN_OK : EFN_BAD_OVERLAP;
}

efn_status efn_check_reduced(const efn_tensor *x, const efn_tensor *y, uint32_t n, uint32_t inner) {
    const uint32_t all = efn_elements(y);
    EFN_REQUIRE(n > 0 && inner > 0 && all % inner == 0, EFN_BAD_PARAMETER);
    EFN_REQUIRE((uint64_t)all * n == efn_elements(x), EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 0);
}

static efn_status check_beside(uint32_t scratch, uint64_t bytes, const efn_tensor *t) {
    return t->place == EFN_ARENA && overlap(scratch, bytes, t->offset, t->bytes) ? EFN_BAD_OVERLAP : EFN_OK;
}

efn_status efn_check_scratch(const efn_plan *plan, uint32_t scratch, uint64_t bytes, const efn_tensor *x,
                             const efn_tensor *y) {
    EFN_REQUIRE(scratch % 16 == 0, EFN_BAD_SCRATCH);
    EFN_REQUIRE(bytes <= plan->arena_bytes && scratch <= plan->arena_bytes - bytes, EFN_BAD_SCRATCH);
    EFN_TRY(check_beside(scratch, bytes, x));
    return check_beside(scratch, bytes, y);
}

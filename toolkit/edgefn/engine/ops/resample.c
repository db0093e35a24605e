// resample: along one axis, every element of y is a weighted sum of a few of x, which two tables name.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

efn_status efn_resample_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_resample_f32 *p = (const efn_resample_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(p->axis < x->rank, EFN_BAD_PARAMETER);
    EFN_REQUIRE(x->rank == y->rank, EFN_BAD_SHAPE);
    for (uint32_t i = 0; i < x->rank; i++)
        EFN_REQUIRE(i == p->axis || x->dims[i] == y->dims[i], EFN_BAD_SHAPE);
    EFN_REQUIRE(1 <= p->taps && p->taps <= 4096, EFN_BAD_PARAMETER);
    const uint64_t entries = (uint64_t)y->dims[p->axis] * p->taps;
    EFN_TRY(efn_check_packed(plan, p->index, EFN_I32, entries * 4));
    EFN_TRY(efn_check_packed(plan, p->weight, EFN_F32, entries * 4));
    const uint32_t *index = (const uint32_t *)(plan->weights + plan->tensors[p->index].offset);
    for (uint64_t i = 0; i < entries; i++)
        EFN_REQUIRE(index[i] < x->dims[p->axis], EFN_BAD_WEIGHTS);
    return efn_check_apart(x, y, 0);
}

// x [outer][from][inner], y [outer][to][inner].
typedef struct {
    uint32_t outer, from, to, inner;
} shape;

static shape shape_of(const efn_site *site, const efn_resample_f32 *p) {
    const efn_tensor *x = efn_record(site, p->x);
    shape s = {1, x->dims[p->axis], efn_record(site, p->y)->dims[p->axis], 1};
    for (uint32_t i = 0; i < x->rank; i++) {
        s.outer *= i < p->axis ? x->dims[i] : 1;
        s.inner *= i > p->axis ? x->dims[i] : 1;
    }
    return s;
}

// y[inner] of the rows of x that `index` names, from element j on.
EFN_INLINE void row_from(const float *x, const uint32_t *index, const float *weight, uint32_t taps, float *y,
                         uint32_t inner, uint32_t j) {
    for (; j < inner; j++) {
        float sum = x[(size_t)index[0] * inner + j] * weight[0];
        for (uint32_t t = 1; t < taps; t++)
            sum += x[(size_t)index[t] * inner + j] * weight[t];
        y[j] = sum;
    }
}

EFN_INLINE void row(const float *x, const uint32_t *index, const float *weight, uint32_t taps, float *y,
                    uint32_t inner) {
    uint32_t j = 0;
    for (; j + 4 <= inner; j += 4) {
        v128_t sum = wasm_f32x4_mul(wasm_v128_load(x + (size_t)index[0] * inner + j), wasm_v128_load32_splat(weight));
        for (uint32_t t = 1; t < taps; t++)
            sum = efn_madd(wasm_v128_load(x + (size_t)index[t] * inner + j), wasm_v128_load32_splat(weight + t), sum);
        wasm_v128_store(y + j, sum);
    }
    row_from(x, index, weight, taps, y, inner, j);
}

void efn_resample_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_resample_f32 *p = (const efn_resample_f32 *)words;
    const shape s = shape_of(site, p);
    const uint32_t *index = efn_in(site, p->index); // [to][taps]
    const float *weight = efn_in(site, p->weight);  // [to][taps]
    const float *x = efn_in(site, p->x);
    float *y = efn_out(site, p->y);
    for (uint32_t a = 0; a < s.outer; a++, x += (size_t)s.from * s.inner)
        for (uint32_t i = 0; i < s.to; i++, y += s.inner) {
            const size_t at = (size_t)i * p->taps;
            if (p->taps == 2)
                row(x, index + at, weight + at, 2, y, s.inner);
            else
                row(x, index + at, weight + at, p->taps, y, s.inner);
        }
}

void efn_resample_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_resample_f32 *p = (const efn_resample_f32 *)words;
    const shape s = shape_of(site, p);
    const uint32_t *index = efn_in(site, p->index);
    const float *weight = efn_in(site, p->weight), *x = efn_in(site, p->x);
    float *y = efn_out(site, p->y);
    for (uint32_t a = 0; a < s.outer; a++, x += (size_t)s.from * s.inner)
        for (uint32_t i = 0; i < s.to; i++, y += s.inner)
            row_from(x, index + (size_t)i * p->taps, weight + (size_t)i * p->taps, p->taps, y, s.inner, 0);
}

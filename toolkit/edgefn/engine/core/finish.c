#include "finish.h"

void efn_find_factors(efn_factors *f, const efn_finish *to, const int32_t *bias, uint64_t k, uint32_t column) {
    f->is_near = 1;
    f->near = efn_nearing_of(to->y_zero, to->low, to->high);
    f->above = to->low >= to->y_zero;
    if (to->rounding == EFN_BY_F64) {
        const double *by = (const double *)to->mult + column;
        for (int j = 0; j < 8; j++)
            f->is_near &= by[j] < 1;
        return;
    }
    const int32_t *mult = (const int32_t *)to->mult + column, *shifts = mult + to->stride;
    for (int j = 0; j < 8; j++)
        f->is_near &= efn_is_near(mult[j], shifts[j], efn_reach(bias[column + (uint32_t)j], k));
    for (int j = 0; j < 8; j++)
        if (f->is_near)
            efn_near_factors(mult[j], shifts[j], &f->by[j], &f->half[j]);
        else
            f->left[j] = efn_left_factor(shifts[j]), f->right[j] = efn_right_factor(shifts[j]);
}

v128_t efn_finish_q8(const efn_finish *to, const efn_factors *f, uint32_t column, v128_t left, v128_t right) {
    const efn_ending end = efn_ending_of(to->y_zero, to->low, to->high);
    if (to->rounding == EFN_BY_F64) {
        const double *mult = (const double *)to->mult + column;
        if (f->is_near) {
            const v128_t eight = efn_near_eight_f64(left, right, mult, &f->near);
            return efn_near_ended(eight, eight, &f->near);
        }
        return efn_ended_lanes(efn_scaled_f64_lanes(left, mult), efn_scaled_f64_lanes(right, mult + 4), &end);
    }
    if (f->is_near) {
        const v128_t eight = efn_near_eight(left, right, f->by, f->half, &f->near, 0);
        return efn_near_ended(eight, eight, &f->near);
    }
    const int32_t *mult = (const int32_t *)to->mult + column;
    return efn_ended_lanes(efn_scaled_lanes(left, mult, f->left, f->right),
                           efn_scaled_lanes(right, mult + 4, f->left + 4, f->right + 4), &end);
}

// How eight columns end: as _i8 ops do; in one rounding and never below y_zero, or below it too; by f64; or in any way.
typedef enum { BY_F32, ABOVE, NEAR, NEAR_F64, ANY } ending;

// Two rows of sums to eight i8 each.
EFN_INLINE v128_t two(const efn_finish *to, const efn_factors *f, const efn_narrowing *narrowing, const ending how,
                      uint32_t column, const int32_t *sums) {
    v128_t part[4];
#pragma unroll
    for (int i = 0; i < 4; i++)
        part[i] = wasm_v128_load(sums + 4 * i);
    if (how == BY_F32) {
        const float *mult = (const float *)to->mult + column;
        return wasm_i8x16_narrow_i16x8(efn_requantize(part[0], part[1], mult, narrowing),
                                       efn_requantize(part[2], part[3], mult, narrowing));
    }
    if (how == ABOVE || how == NEAR)
        return efn_near_ended(efn_near_eight(part[0], part[1], f->by, f->half, &f->near, how == ABOVE),
                              efn_near_eight(part[2], part[3], f->by, f->half, &f->near, how == ABOVE), &f->near);
    if (how == NEAR_F64) {
        const double *mult = (const double *)to->mult + column;
        return efn_near_ended(efn_near_eight_f64(part[0], part[1], mult, &f->near),
                              efn_near_eight_f64(part[2], part[3], mult, &f->near), &f->near);
    }
    return wasm_i64x2_shuffle(efn_finish_q8(to, f, column, part[0], part[1]),
                              efn_finish_q8(to, f, column, part[2], part[3]), 0, 2);
}

EFN_INLINE void finish(const efn_finish *to, const efn_factors *f, const ending how, const efn_rows *of) {
    const efn_narrowing narrowing = efn_narrowing_of(to->y_zero, to->low, to->high);
    const uint32_t columns = efn_min(8, of->m - of->column);
    const int32_t *sums = of->sums, *const end = sums + (size_t)of->rows / 2 * 16; // of whole pairs of rows
    int8_t *y = of->y + of->column;
    for (; columns < 8 && sums < end; sums += 16, y += 2 * (size_t)of->m) {
        int8_t whole[16];
        wasm_v128_store(whole, two(to, f, &narrowing, how, of->column, sums));
        efn_copy(y, whole, columns);
        efn_copy(y + of->m, whole + 8, columns);
    }
    while (sums < end) {
#define RUNG(n)                                                                                                        \
    {                                                                                                                  \
        const v128_t pair = two(to, f, &narrowing, how, of->column, sums);                                             \
        wasm_v128_store64_lane(y, pair, 0);                                                                            \
        wasm_v128_store64_lane(y + of->m, pair, 1);                                                                    \
        sums += 16, y += 2 * (size_t)of->m;                                                                            \
        if (sums == end)                                                                                               \
            break;                                                                                                     \
    }
        RUNG(0) RUNG(1)
#undef RUNG
    }
    if (of->rows % 2) {
        int8_t whole[16];
        wasm_v128_store(whole, two(to, f, &narrowing, how, of->column, sums));
        efn_copy(y, whole, columns);
    }
}

#define FINISH(name, how)                                                                                              \
    static EFN_NOINLINE void name(const efn_finish *to, const efn_factors *f, const efn_rows *of) {                    \
        finish(to, f, how, of);                                                                                        \
    }

FINISH(finish_f32, BY_F32)
FINISH(finish_above, ABOVE)
FINISH(finish_near, NEAR)
FINISH(finish_near_f64, NEAR_F64)
FINISH(finish_any, ANY)

void efn_finish_rows(const efn_finish *to, const int32_t *bias, uint64_t k, const efn_rows *of) {
    if (to->rounding == EFN_BY_F32) {
        finish_f32(to, NULL, of);
        return;
    }
    efn_factors f;
    efn_find_factors(&f, to, bias, k, of->column);
    if (!f.is_near)
        finish_any(to, &f, of);
    else if (to->rounding == EFN_BY_F64)
        finish_near_f64(to, &f, of);
    else if (f.above)
        finish_above(to, &f, of);
    else
        finish_near(to, &f, of);
}

#include "finish.h"

void efn_find_factors(efn_factors *f, const efn_finish *to, const int32_t *bias, uint64_t k, uint32_t column) {
    f->is_near = 1;
    f->near = efn_nearing_of(to->y_zero, to->low, to->high);
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
        const v128_t eight = efn_near_eight(left, right, f->by, f->half, &f->near);
        return efn_near_ended(eight, eight, &f->near);
    }
    const int32_t *mult = (const int32_t *)to->mult + column;
    return efn_ended_lanes(efn_scaled_lanes(left, mult, f->left, f->right),
                           efn_scaled_lanes(right, mult + 4, f->left + 4, f->right + 4), &end);
}

// How eight columns end: by f32 in one of its ways, in one rounding by f64, or in any other way.
typedef enum { PLAIN, MIRRORED, WIDE, NEAR, NEAR_F64, ANY } ending;

// Two rows of sums to eight i8 each.
EFN_INLINE v128_t two(const efn_finish *to, const efn_columns *by, const ending how, uint32_t column,
                      const int32_t *sums) {
    const efn_factors *f = &by->factors;
    v128_t part[4];
#pragma unroll
    for (int i = 0; i < 4; i++)
        part[i] = wasm_v128_load(sums + 4 * i);
    if (how == PLAIN || how == MIRRORED || how == WIDE) {
        const efn_way way = how == PLAIN ? EFN_PLAIN : how == MIRRORED ? EFN_MIRRORED : EFN_WIDE;
        return efn_scale_ended(efn_scale_eight(part[0], part[1], &by->scaling, way),
                               efn_scale_eight(part[2], part[3], &by->scaling, way), &by->scaling);
    }
    if (how == NEAR)
        return efn_near_ended(efn_near_eight(part[0], part[1], f->by, f->half, &f->near),
                              efn_near_eight(part[2], part[3], f->by, f->half, &f->near), &f->near);
    if (how == NEAR_F64) {
        const double *mult = (const double *)to->mult + column;
        return efn_near_ended(efn_near_eight_f64(part[0], part[1], mult, &f->near),
                              efn_near_eight_f64(part[2], part[3], mult, &f->near), &f->near);
    }
    return wasm_i64x2_shuffle(efn_finish_q8(to, f, column, part[0], part[1]),
                              efn_finish_q8(to, f, column, part[2], part[3]), 0, 2);
}

EFN_INLINE void finish(const efn_finish *to, const efn_columns *by, const ending how, const efn_rows *of) {
    const uint32_t wide = efn_min(8, of->m - of->column);
    const int32_t *sums = of->sums, *const end = sums + (size_t)of->rows / 2 * 16; // of whole pairs of rows
    int8_t *y = of->y + of->column;
    for (; wide < 8 && sums < end; sums += 16, y += 2 * (size_t)of->m) {
        int8_t whole[16];
        wasm_v128_store(whole, two(to, by, how, of->column, sums));
        efn_copy(y, whole, wide);
        efn_copy(y + of->m, whole + 8, wide);
    }
    while (sums < end) {
#define RUNG(n)                                                                                                        \
    {                                                                                                                  \
        const v128_t pair = two(to, by, how, of->column, sums);                                                        \
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
        wasm_v128_store(whole, two(to, by, how, of->column, sums));
        efn_copy(y, whole, wide);
    }
}

#define FINISH(name, how)                                                                                              \
    static EFN_NOINLINE void name(const efn_finish *to, const efn_columns *by, const efn_rows *of) {                   \
        finish(to, by, how, of);                                                                                       \
    }

FINISH(finish_plain, PLAIN)
FINISH(finish_mirrored, MIRRORED)
FINISH(finish_wide, WIDE)
FINISH(finish_near, NEAR)
FINISH(finish_near_f64, NEAR_F64)
FINISH(finish_any, ANY)

void efn_finish_rows(const efn_finish *to, const int32_t *bias, uint64_t k, const efn_rows *of) {
    efn_columns by;
    efn_find_columns(&by, to, bias, k, of->column);
    if (to->rounding == EFN_BY_F32) {
        const efn_way way = efn_way_of(&by.scaling, bias + of->column, k);
        if (way == EFN_PLAIN)
            finish_plain(to, &by, of);
        else if (way == EFN_MIRRORED)
            finish_mirrored(to, &by, of);
        else
            finish_wide(to, &by, of);
    } else if (!by.factors.is_near)
        finish_any(to, &by, of);
    else if (to->rounding == EFN_BY_F64)
        finish_near_f64(to, &by, of);
    else
        finish_near(to, &by, of);
}

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

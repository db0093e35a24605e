#include "broadcast.h"

efn_status efn_check_broadcast(const efn_tensor *x, const efn_tensor *y) {
    EFN_REQUIRE(x->rank <= y->rank, EFN_BAD_SHAPE);
    const uint32_t *dims = y->dims + (y->rank - x->rank);
    for (uint32_t i = 0; i < x->rank; i++)
        EFN_REQUIRE(x->dims[i] == 1 || x->dims[i] == dims[i], EFN_BAD_SHAPE);
    return EFN_OK;
}

// Dimension i of x, counted from the last.
static uint32_t dim(const efn_tensor *x, uint32_t i) {
    return i < x->rank ? x->dims[x->rank - 1 - i] : 1;
}

// Whether all operands walk through the next dimension as if it went on with the last one.
static int goes_on(const efn_rows *r, const uint32_t *steps) {
    for (uint32_t k = 0; k < r->operands; k++)
        if (steps[k] != r->steps[k][r->rank - 1] * r->dims[r->rank - 1])
            return 0;
    return 1;
}

efn_rows efn_rows_of(const efn_tensor *y, const efn_tensor *const *operands, uint32_t count) {
    efn_rows r = {.operands = count};
    uint32_t run[EFN_MAX_OPERANDS] = {1, 1, 1};
    for (uint32_t i = 0; i < y->rank; i++) {
        uint32_t steps[EFN_MAX_OPERANDS];
        for (uint32_t k = 0; k < count; k++) {
            steps[k] = dim(operands[k], i) == 1 ? 0 : run[k];
            run[k] *= dim(operands[k], i);
        }
        if (dim(y, i) == 1)
            continue;
        if (r.rank > 0 && goes_on(&r, steps)) {
            r.dims[r.rank - 1] *= dim(y, i);
            continue;
        }
        for (uint32_t k = 0; k < count; k++)
            r.steps[k][r.rank] = steps[k];
        r.dims[r.rank++] = dim(y, i);
    }
    if (r.rank == 0)
        r.dims[r.rank++] = 1;
    return r;
}

// One more along dimension `first`.
static int next(efn_rows *r, uint32_t first) {
    for (uint32_t i = first; i < r->rank; i++) {
        const int done = ++r->index[i] == r->dims[i];
        for (uint32_t k = 0; k < r->operands; k++)
            r->at[k] += done ? 0u - r->steps[k][i] * (r->dims[i] - 1) : r->steps[k][i];
        if (!done)
            return 1;
        r->index[i] = 0;
    }
    return 0;
}

int efn_next_row(efn_rows *r) {
    r->y += r->dims[0];
    return next(r, 1);
}

int efn_next_plane(efn_rows *r) {
    r->y += r->dims[0] * r->dims[1];
    return next(r, 2);
}

uint32_t efn_place_of(const efn_tensor *x, const efn_tensor *y, uint32_t index) {
    uint32_t place = 0, run = 1;
    for (uint32_t i = 0; i < x->rank; i++) {
        if (dim(x, i) > 1)
            place += index % dim(y, i) * run;
        index /= dim(y, i);
        run *= dim(x, i);
    }
    return place;
}

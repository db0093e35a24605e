// numpy's broadcasting: operands of smaller shapes that repeat over the shape of y.
#ifndef EFN_BROADCAST_H
#define EFN_BROADCAST_H

#include "check.h"

#define EFN_MAX_OPERANDS 3

// The elements of y in rows along the last dimension. Dimensions that every operand walks through alike are joined.
typedef struct {
    uint32_t operands, rank;
    uint32_t dims[EFN_MAX_RANK];                    // from the innermost; dims[0] is the length of a row
    uint32_t steps[EFN_MAX_OPERANDS][EFN_MAX_RANK]; // in elements of the operand; 0 where it repeats
    uint32_t index[EFN_MAX_RANK];                   // of the row
    uint32_t at[EFN_MAX_OPERANDS];                  // where the row begins in each operand
    uint32_t y;                                     // and in y
} efn_rows;

// Each dimension of x, counted from the last, is 1 or that of y.
efn_status efn_check_broadcast(const efn_tensor *x, const efn_tensor *y);

// The first row.
efn_rows efn_rows_of(const efn_tensor *y, const efn_tensor *const *operands, uint32_t count);

// On to the next row, or to the next plane, which is all rows along dims[1]; 0 after the last.
int efn_next_row(efn_rows *rows);
int efn_next_plane(efn_rows *rows);

// Where element `index` of y finds its operand x.
uint32_t efn_place_of(const efn_tensor *x, const efn_tensor *y, uint32_t index);

#endif

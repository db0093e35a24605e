// Products of i8 matrices whose i32 sums are the result, or are worked on afterwards. Weights lie in panels of eight
// columns and four steps, [k4/4][8][4], which serves both ways to multiply: two i16 at a time, exact for every i8, and,
// where the host has it and all weights are 0 to 127, four i8 at a time.
#ifndef EFN_SUMS_I8_H
#define EFN_SUMS_I8_H

#include "memory.h"

typedef struct {
    const int8_t *w; // [r8(m)/8][k4/4][8][4]
    uint32_t k, k4, m;
    uint32_t narrow; // not 0: all weights are 0 to 127
} efn_sums_i8;

// Bytes of the panels of `rows` rows, a multiple of 4.
EFN_INLINE uint64_t efn_sums_bytes(uint64_t rows, uint64_t k4) {
    return rows * k4 * 2;
}

// y[rows][m] = x[rows][k] times w; `panels` holds efn_sums_bytes(r4(rows), k4). Also totals[rows], the sum of each row
// of x.
void efn_sums(const efn_sums_i8 *layer, const int8_t *x, uint32_t rows, void *panels, int32_t *y, int32_t *totals);

#endif

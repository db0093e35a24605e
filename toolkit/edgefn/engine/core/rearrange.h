// A tensor that is written in order from another that is read by strides: what transpose and strided are.
#ifndef EFN_REARRANGE_H
#define EFN_REARRANGE_H

#include "../include/edgefn.h"

// `item` is 1 or 4 bytes; x is where the first element lies.
void efn_rearrange_simd(const efn_view *view, const void *x, void *y, uint32_t item);
void efn_rearrange_ref(const efn_view *view, const void *x, void *y, uint32_t item);

#endif

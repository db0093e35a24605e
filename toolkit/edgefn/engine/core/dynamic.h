// The range that a dynamic quantization found: f32 [2], scale and zero point of u8.
#ifndef EFN_DYNAMIC_H
#define EFN_DYNAMIC_H

#include "check.h"

// An f32 tensor of two elements, or NULL.
EFN_INLINE const efn_tensor *efn_check_range(const efn_plan *plan, uint32_t index) {
    const efn_tensor *t = efn_readable(plan, index, EFN_F32);
    return t && efn_elements(t) == 2 ? t : NULL;
}

// The zero point of i8. Whatever wrote the range, the answer is one: outside 0 to 255 it counts as 0.
EFN_INLINE int32_t efn_dynamic_zero(const float range[2]) {
    return range[1] >= 0 && range[1] <= 255 ? (int32_t)range[1] - 128 : -128;
}

#endif

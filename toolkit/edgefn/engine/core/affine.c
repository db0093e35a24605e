#include "../include/edgefn.h"
#include "lanes.h"

EFN_INLINE v128_t scaled(v128_t f32x4, float scale, float offset) {
    return wasm_f32x4_add(wasm_f32x4_mul(f32x4, wasm_f32x4_splat(scale)), wasm_f32x4_splat(offset));
}

void efn_affine(const uint8_t *source, float *destination, uint32_t count, float scale, float offset,
                int32_t is_signed) {
    uint32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const v128_t wide = is_signed ? wasm_i16x8_load8x8(source + i) : wasm_u16x8_load8x8(source + i);
        wasm_v128_store(destination + i, scaled(efn_low_f32(wide), scale, offset));
        wasm_v128_store(destination + i + 4, scaled(efn_high_f32(wide), scale, offset));
    }
    for (; i < count; i++) {
        const int32_t value = is_signed ? (int8_t)source[i] : source[i];
        destination[i] = (float)value * scale + offset;
    }
}

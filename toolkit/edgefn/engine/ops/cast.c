// cast: numbers in another dtype. f32 is cut towards 0 and saturates; integers keep their low bits.
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

efn_status efn_cast_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 0);
}

// Four numbers of x, as integers unless y is f32 too.
EFN_INLINE v128_t load(const uint8_t *x, uint8_t from) {
    if (from == EFN_I8)
        return wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(x)));
    if (from == EFN_U8)
        return wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(wasm_v128_load32_zero(x)));
    return wasm_v128_load(x);
}

// f32 to integers within those of the dtype.
EFN_INLINE v128_t whole(v128_t v, uint8_t to) {
    v = wasm_i32x4_trunc_sat_f32x4(v);
    if (to == EFN_I32)
        return v;
    const int32_t low = to == EFN_I8 ? -128 : 0;
    return wasm_i32x4_min(wasm_i32x4_max(v, wasm_i32x4_splat(low)), wasm_i32x4_splat(low + 255));
}

EFN_INLINE void store(uint8_t *y, v128_t v, uint8_t to) {
    if (to == EFN_F32 || to == EFN_I32)
        wasm_v128_store(y, v);
    else
        wasm_v128_store32_lane(y, wasm_i8x16_shuffle(v, v, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), 0);
}

// x, y [n], n a multiple of 4.
EFN_NOINLINE static void convert(const uint8_t *x, uint8_t from, uint8_t *y, uint8_t to, uint32_t n) {
    const uint32_t x_step = 4 * efn_item_size(from), y_step = 4 * efn_item_size(to);
    for (uint32_t i = 0; i < n; i += 4, x += x_step, y += y_step) {
        v128_t v = load(x, from);
        if (from == EFN_F32 && to != EFN_F32)
            v = whole(v, to);
        if (from != EFN_F32 && to == EFN_F32)
            v = wasm_f32x4_convert_i32x4(v);
        store(y, v, to);
    }
}

// x, y [n], n less than 4.
static void convert_rest(const uint8_t *x, uint8_t from, uint8_t *y, uint8_t to, uint32_t n) {
    uint8_t source[16] = {0}, target[16];
    efn_copy(source, x, n * efn_item_size(from));
    convert(source, from, target, to, 4);
    efn_copy(y, target, n * efn_item_size(to));
}

void efn_cast_simd(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const uint32_t n = efn_elements(yt), four = n & ~3u;
    const uint8_t *x = efn_in(site, p->x);
    uint8_t *y = efn_out(site, p->y);
    convert(x, xt->dtype, y, yt->dtype, four);
    convert_rest(x + four * efn_item_size(xt->dtype), xt->dtype, y + four * efn_item_size(yt->dtype), yt->dtype,
                 n - four);
}

void efn_cast_ref(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const uint8_t *x = efn_in(site, p->x);
    uint8_t *y = efn_out(site, p->y);
    for (uint32_t i = 0; i < efn_elements(yt); i++)
        convert_rest(x + i * efn_item_size(xt->dtype), xt->dtype, y + i * efn_item_size(yt->dtype), yt->dtype, 1);
}

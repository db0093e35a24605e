// The 128-bit intrinsics of WebAssembly in plain C with vectors, so that the engine runs natively under sanitizers.
//
// It has the names of clang's header of the same name and the meaning of the specification, lane by lane; speed is no
// aim. Relaxed ones have the meaning of the deterministic profile. Loads and stores copy bytes, so that a sanitizer
// sees every one of them; what only computes is not instrumented.
#ifndef EFN_TESTS_WASM_SIMD128_H
#define EFN_TESTS_WASM_SIMD128_H

#include <stdint.h>

typedef int32_t v128_t __attribute__((vector_size(16), aligned(16)));

#define VEC(type, name) typedef type name##_lanes __attribute__((vector_size(16)))
VEC(int8_t, i8);
VEC(uint8_t, u8);
VEC(int16_t, i16);
VEC(uint16_t, u16);
VEC(int32_t, i32);
VEC(uint32_t, u32);
VEC(int64_t, i64);
VEC(uint64_t, u64);
VEC(float, f32);
VEC(double, f64);

#define COMPUTES static inline __attribute__((unused, no_sanitize("address"), no_sanitize("undefined")))
#define MOVES static inline __attribute__((unused))

// ---- What most of them are: `expression` of lane i of the operands a, b and c ----

#define ONE(name, from, to, n, expression)                                                                             \
    COMPUTES v128_t wasm_##name(v128_t va) {                                                                           \
        const from##_lanes a = (from##_lanes)va;                                                                       \
        to##_lanes y = {0};                                                                                            \
        for (int i = 0; i < (n); i++)                                                                                  \
            y[i] = (expression);                                                                                       \
        return (v128_t)y;                                                                                              \
    }
#define TWO(name, from, to, n, expression)                                                                             \
    COMPUTES v128_t wasm_##name(v128_t va, v128_t vb) {                                                                \
        const from##_lanes a = (from##_lanes)va, b = (from##_lanes)vb;                                                 \
        to##_lanes y = {0};                                                                                            \
        for (int i = 0; i < (n); i++)                                                                                  \
            y[i] = (expression);                                                                                       \
        return (v128_t)y;                                                                                              \
    }
#define THREE(name, from, to, n, expression)                                                                           \
    COMPUTES v128_t wasm_##name(v128_t va, v128_t vb, v128_t vc) {                                                     \
        const from##_lanes a = (from##_lanes)va, b = (from##_lanes)vb, c = (from##_lanes)vc;                           \
        to##_lanes y = {0};                                                                                            \
        for (int i = 0; i < (n); i++)                                                                                  \
            y[i] = (expression);                                                                                       \
        return (v128_t)y;                                                                                              \
    }
#define SHIFT(name, lanes, n, bits, operator)                                                                          \
    COMPUTES v128_t wasm_##name(v128_t va, uint32_t by) {                                                              \
        lanes##_lanes y = (lanes##_lanes)va;                                                                           \
        for (int i = 0; i < (n); i++)                                                                                  \
            y[i] = (__typeof__(y[0]))(y[i] operator(by % (bits)));                                                     \
        return (v128_t)y;                                                                                              \
    }
// Whether something holds of any or of every lane, and the sign bits as a number.
#define ANSWER(name, from, n, start, step)                                                                             \
    COMPUTES uint32_t wasm_##name(v128_t va) {                                                                         \
        const from##_lanes a = (from##_lanes)va;                                                                       \
        uint32_t y = (start);                                                                                          \
        for (uint32_t i = 0; i < (n); i++)                                                                             \
            y = (step);                                                                                                \
        return y;                                                                                                      \
    }

#define CLAMPED(v, low, high) ((v) < (low) ? (low) : (v) > (high) ? (high) : (v))
#define LESS(x, y) ((x) < (y) ? (x) : (y))
#define MORE(x, y) ((x) > (y) ? (x) : (y))

// ---- Loads and stores, wherever they lie ----

#define LOAD(name, type, bytes, result)                                                                                \
    MOVES v128_t wasm_##name(const void *from) {                                                                       \
        type at;                                                                                                       \
        __builtin_memcpy(&at, from, bytes);                                                                            \
        return (result);                                                                                               \
    }
#define EXTENDING_LOAD(name, narrow, wide, n)                                                                          \
    MOVES v128_t wasm_##name(const void *from) {                                                                       \
        narrow##_lanes at = {0};                                                                                       \
        __builtin_memcpy(&at, from, 8);                                                                                \
        wide##_lanes y = {0};                                                                                          \
        for (int i = 0; i < (n); i++)                                                                                  \
            y[i] = at[i];                                                                                              \
        return (v128_t)y;                                                                                              \
    }
#define LANE_MOVES(bits, lanes)                                                                                        \
    MOVES v128_t wasm_v128_load##bits##_lane(const void *from, v128_t v, int lane) {                                   \
        lanes##_lanes y = (lanes##_lanes)v;                                                                            \
        __typeof__(y[0]) at;                                                                                           \
        __builtin_memcpy(&at, from, sizeof at);                                                                        \
        y[lane] = at;                                                                                                  \
        return (v128_t)y;                                                                                              \
    }                                                                                                                  \
    MOVES void wasm_v128_store##bits##_lane(void *to, v128_t v, int lane) {                                            \
        const lanes##_lanes y = (lanes##_lanes)v;                                                                      \
        const __typeof__(y[0] + 0) wide = y[lane];                                                                     \
        uint##bits##_t at = (uint##bits##_t)wide;                                                                      \
        __builtin_memcpy(to, &at, sizeof at);                                                                          \
    }

#define SPLAT(name, lanes, type, n)                                                                                    \
    COMPUTES v128_t wasm_##name##_splat(type v) {                                                                      \
        lanes##_lanes y = {0};                                                                                         \
        for (int i = 0; i < (n); i++)                                                                                  \
            y[i] = v;                                                                                                  \
        return (v128_t)y;                                                                                              \
    }                                                                                                                  \
    COMPUTES v128_t wasm_##name##_const_splat(type v) {                                                                \
        return wasm_##name##_splat(v);                                                                                 \
    }                                                                                                                  \
    COMPUTES type wasm_##name##_extract_lane(v128_t v, int lane) {                                                     \
        return ((lanes##_lanes)v)[lane];                                                                               \
    }                                                                                                                  \
    COMPUTES v128_t wasm_##name##_replace_lane(v128_t v, int lane, type by) {                                          \
        lanes##_lanes y = (lanes##_lanes)v;                                                                            \
        y[lane] = by;                                                                                                  \
        return (v128_t)y;                                                                                              \
    }
SPLAT(i8x16, i8, int8_t, 16)
SPLAT(u8x16, u8, uint8_t, 16)
SPLAT(i16x8, i16, int16_t, 8)
SPLAT(u16x8, u16, uint16_t, 8)
SPLAT(i32x4, i32, int32_t, 4)
SPLAT(u32x4, u32, uint32_t, 4)
SPLAT(i64x2, i64, int64_t, 2)
SPLAT(u64x2, u64, uint64_t, 2)
SPLAT(f32x4, f32, float, 4)
SPLAT(f64x2, f64, double, 2)

LOAD(v128_load, v128_t, 16, at)
LOAD(v128_load8_splat, uint8_t, 1, wasm_u8x16_splat(at))
LOAD(v128_load16_splat, uint16_t, 2, wasm_u16x8_splat(at))
LOAD(v128_load32_splat, uint32_t, 4, wasm_u32x4_splat(at))
LOAD(v128_load64_splat, uint64_t, 8, wasm_u64x2_splat(at))
LOAD(v128_load32_zero, uint32_t, 4, ((v128_t)(u32_lanes){at, 0, 0, 0}))
LOAD(v128_load64_zero, uint64_t, 8, ((v128_t)(u64_lanes){at, 0}))
EXTENDING_LOAD(i16x8_load8x8, i8, i16, 8)
EXTENDING_LOAD(u16x8_load8x8, u8, u16, 8)
EXTENDING_LOAD(i32x4_load16x4, i16, i32, 4)
EXTENDING_LOAD(u32x4_load16x4, u16, u32, 4)
EXTENDING_LOAD(i64x2_load32x2, i32, i64, 2)
EXTENDING_LOAD(u64x2_load32x2, u32, u64, 2)
LANE_MOVES(8, u8)
LANE_MOVES(16, u16)
LANE_MOVES(32, u32)
LANE_MOVES(64, u64)

MOVES void wasm_v128_store(void *to, v128_t v) {
    __builtin_memcpy(to, &v, 16);
}

// ---- Lanes one by one ----

#define wasm_i8x16_make(...) ((v128_t)(i8_lanes){__VA_ARGS__})
#define wasm_u8x16_make(...) ((v128_t)(u8_lanes){__VA_ARGS__})
#define wasm_i16x8_make(...) ((v128_t)(i16_lanes){__VA_ARGS__})
#define wasm_u16x8_make(...) ((v128_t)(u16_lanes){__VA_ARGS__})
#define wasm_i32x4_make(...) ((v128_t)(i32_lanes){__VA_ARGS__})
#define wasm_u32x4_make(...) ((v128_t)(u32_lanes){__VA_ARGS__})
#define wasm_i64x2_make(...) ((v128_t)(i64_lanes){__VA_ARGS__})
#define wasm_u64x2_make(...) ((v128_t)(u64_lanes){__VA_ARGS__})
#define wasm_f32x4_make(...) ((v128_t)(f32_lanes){__VA_ARGS__})
#define wasm_f64x2_make(...) ((v128_t)(f64_lanes){__VA_ARGS__})
#define wasm_i8x16_const wasm_i8x16_make
#define wasm_u8x16_const wasm_u8x16_make
#define wasm_i16x8_const wasm_i16x8_make
#define wasm_u16x8_const wasm_u16x8_make
#define wasm_i32x4_const wasm_i32x4_make
#define wasm_u32x4_const wasm_u32x4_make
#define wasm_i64x2_const wasm_i64x2_make
#define wasm_u64x2_const wasm_u64x2_make
#define wasm_f32x4_const wasm_f32x4_make
#define wasm_f64x2_const wasm_f64x2_make

#define SHUFFLE(name, lanes, n)                                                                                        \
    COMPUTES v128_t shuffled_##name(v128_t va, v128_t vb, const uint8_t *order) {                                      \
        const lanes##_lanes from[2] = {(lanes##_lanes)va, (lanes##_lanes)vb};                                          \
        lanes##_lanes y = {0};                                                                                         \
        for (int i = 0; i < (n); i++)                                                                                  \
            y[i] = from[order[i] / (n)][order[i] % (n)];                                                               \
        return (v128_t)y;                                                                                              \
    }
SHUFFLE(i8x16, u8, 16)
SHUFFLE(i16x8, u16, 8)
SHUFFLE(i32x4, u32, 4)
SHUFFLE(i64x2, u64, 2)
#define wasm_i8x16_shuffle(a, b, ...) shuffled_i8x16(a, b, (const uint8_t[16]){__VA_ARGS__})
#define wasm_i16x8_shuffle(a, b, ...) shuffled_i16x8(a, b, (const uint8_t[8]){__VA_ARGS__})
#define wasm_i32x4_shuffle(a, b, ...) shuffled_i32x4(a, b, (const uint8_t[4]){__VA_ARGS__})
#define wasm_i64x2_shuffle(a, b, ...) shuffled_i64x2(a, b, (const uint8_t[2]){__VA_ARGS__})
TWO(i8x16_swizzle, u8, u8, 16, b[i] < 16 ? a[b[i]] : 0)

// ---- Bits ----

ONE(v128_not, u64, u64, 2, ~a[i])
TWO(v128_and, u64, u64, 2, a[i] & b[i])
TWO(v128_or, u64, u64, 2, a[i] | b[i])
TWO(v128_xor, u64, u64, 2, a[i] ^ b[i])
TWO(v128_andnot, u64, u64, 2, a[i] & ~b[i])
THREE(v128_bitselect, u64, u64, 2, (a[i] & c[i]) | (b[i] & ~c[i]))
ANSWER(v128_any_true, u64, 2, 0, y || a[i] != 0)

// ---- Integers: what every width has, by its signed and unsigned lanes ----

#define COMPARISONS(name, lanes, mask, n)                                                                              \
    TWO(name##_lt, lanes, mask, n, -(a[i] < b[i]))                                                                     \
    TWO(name##_gt, lanes, mask, n, -(a[i] > b[i]))                                                                     \
    TWO(name##_le, lanes, mask, n, -(a[i] <= b[i]))                                                                    \
    TWO(name##_ge, lanes, mask, n, -(a[i] >= b[i]))
#define INTEGERS(shape, whole, natural, n, bits)                                                                       \
    TWO(i##shape##_eq, whole, whole, n, -(a[i] == b[i]))                                                               \
    TWO(i##shape##_ne, whole, whole, n, -(a[i] != b[i]))                                                               \
    COMPARISONS(i##shape, whole, whole, n)                                                                             \
    TWO(i##shape##_add, natural, natural, n, a[i] + b[i])                                                              \
    TWO(i##shape##_sub, natural, natural, n, a[i] - b[i])                                                              \
    TWO(i##shape##_mul, natural, natural, n, (uint64_t)a[i] * b[i])                                                    \
    ONE(i##shape##_neg, natural, natural, n, 0 - a[i])                                                                 \
    ONE(i##shape##_abs, natural, natural, n, a[i] >> (bits - 1) ? 0 - a[i] : a[i])                                     \
    SHIFT(i##shape##_shl, natural, n, bits, <<)                                                                        \
    SHIFT(i##shape##_shr, whole, n, bits, >>)                                                                          \
    SHIFT(u##shape##_shr, natural, n, bits, >>)                                                                        \
    ANSWER(i##shape##_all_true, natural, n, 1, y &&a[i] != 0)                                                          \
    ANSWER(i##shape##_bitmask, natural, n, 0, y | (uint32_t)(a[i] >> (bits - 1)) << i)
INTEGERS(8x16, i8, u8, 16, 8)
INTEGERS(16x8, i16, u16, 8, 16)
INTEGERS(32x4, i32, u32, 4, 32)
INTEGERS(64x2, i64, u64, 2, 64)

#define UP_TO_32(shape, whole, natural, n)                                                                             \
    COMPARISONS(u##shape, natural, whole, n)                                                                           \
    TWO(i##shape##_min, whole, whole, n, LESS(a[i], b[i]))                                                             \
    TWO(i##shape##_max, whole, whole, n, MORE(a[i], b[i]))                                                             \
    TWO(u##shape##_min, natural, natural, n, LESS(a[i], b[i]))                                                         \
    TWO(u##shape##_max, natural, natural, n, MORE(a[i], b[i]))
UP_TO_32(8x16, i8, u8, 16)
UP_TO_32(16x8, i16, u16, 8)
UP_TO_32(32x4, i32, u32, 4)

TWO(i8x16_add_sat, i8, i8, 16, CLAMPED(a[i] + b[i], INT8_MIN, INT8_MAX))
TWO(u8x16_add_sat, u8, u8, 16, LESS(a[i] + b[i], UINT8_MAX))
TWO(i8x16_sub_sat, i8, i8, 16, CLAMPED(a[i] - b[i], INT8_MIN, INT8_MAX))
TWO(u8x16_sub_sat, u8, u8, 16, MORE(a[i] - b[i], 0))
TWO(u8x16_avgr, u8, u8, 16, (a[i] + b[i] + 1) / 2)
ONE(i8x16_popcnt, u8, u8, 16, __builtin_popcount(a[i]))
TWO(i16x8_add_sat, i16, i16, 8, CLAMPED(a[i] + b[i], INT16_MIN, INT16_MAX))
TWO(u16x8_add_sat, u16, u16, 8, LESS(a[i] + b[i], UINT16_MAX))
TWO(i16x8_sub_sat, i16, i16, 8, CLAMPED(a[i] - b[i], INT16_MIN, INT16_MAX))
TWO(u16x8_sub_sat, u16, u16, 8, MORE(a[i] - b[i], 0))
TWO(u16x8_avgr, u16, u16, 8, (a[i] + b[i] + 1) / 2)
TWO(i16x8_q15mulr_sat, i16, i16, 8, LESS((a[i] * b[i] + 0x4000) >> 15, INT16_MAX))
TWO(i32x4_dot_i16x8, i16, u32, 4, (uint32_t)(a[2 * i] * b[2 * i]) + (uint32_t)(a[2 * i + 1] * b[2 * i + 1]))

// ---- Between widths ----

#define WIDER(wide, narrow, w, v, n)                                                                                   \
    ONE(wide##_extend_low_##narrow, v, w, n, a[i])                                                                     \
    ONE(wide##_extend_high_##narrow, v, w, n, a[i + n])                                                                \
    TWO(wide##_extmul_low_##narrow, v, w, n, (__typeof__(y[0] + 0))a[i] * b[i])                                        \
    TWO(wide##_extmul_high_##narrow, v, w, n, (__typeof__(y[0] + 0))a[i + n] * b[i + n])
WIDER(i16x8, i8x16, i16, i8, 8)
WIDER(u16x8, u8x16, u16, u8, 8)
WIDER(i32x4, i16x8, i32, i16, 4)
WIDER(u32x4, u16x8, u32, u16, 4)
WIDER(i64x2, i32x4, i64, i32, 2)
WIDER(u64x2, u32x4, u64, u32, 2)
ONE(i16x8_extadd_pairwise_i8x16, i8, i16, 8, a[2 * i] + a[2 * i + 1])
ONE(u16x8_extadd_pairwise_u8x16, u8, u16, 8, a[2 * i] + a[2 * i + 1])
ONE(i32x4_extadd_pairwise_i16x8, i16, i32, 4, a[2 * i] + a[2 * i + 1])
ONE(u32x4_extadd_pairwise_u16x8, u16, u32, 4, (uint32_t)a[2 * i] + a[2 * i + 1])

#define NARROWER(name, from, to, n, low, high)                                                                         \
    TWO(name, from, to, n, i < n / 2 ? CLAMPED(a[i % (n / 2)], low, high) : CLAMPED(b[i % (n / 2)], low, high))
NARROWER(i8x16_narrow_i16x8, i16, i8, 16, INT8_MIN, INT8_MAX)
NARROWER(u8x16_narrow_i16x8, i16, u8, 16, 0, UINT8_MAX)
NARROWER(i16x8_narrow_i32x4, i32, i16, 8, INT16_MIN, INT16_MAX)
NARROWER(u16x8_narrow_i32x4, i32, u16, 8, 0, UINT16_MAX)

// ---- Floats ----

#define IS_NAN(v) ((v) != (v))
// As min and max of the specification: NaN if either is, and -0 is less than 0.
#define MIN_F(x, y) (IS_NAN(x) || IS_NAN(y) ? x + y : x < y || (x == y && __builtin_signbit(x)) ? x : y)
#define MAX_F(x, y) (IS_NAN(x) || IS_NAN(y) ? x + y : x > y || (x == y && !__builtin_signbit(x)) ? x : y)
#define FLOATS(shape, f, mask, n, suffix)                                                                              \
    TWO(shape##_eq, f, mask, n, -(a[i] == b[i]))                                                                       \
    TWO(shape##_ne, f, mask, n, -(a[i] != b[i]))                                                                       \
    COMPARISONS(shape, f, mask, n)                                                                                     \
    TWO(shape##_add, f, f, n, a[i] + b[i])                                                                             \
    TWO(shape##_sub, f, f, n, a[i] - b[i])                                                                             \
    TWO(shape##_mul, f, f, n, a[i] * b[i])                                                                             \
    TWO(shape##_div, f, f, n, a[i] / b[i])                                                                             \
    TWO(shape##_min, f, f, n, MIN_F(a[i], b[i]))                                                                       \
    TWO(shape##_max, f, f, n, MAX_F(a[i], b[i]))                                                                       \
    TWO(shape##_pmin, f, f, n, b[i] < a[i] ? b[i] : a[i])                                                              \
    TWO(shape##_pmax, f, f, n, a[i] < b[i] ? b[i] : a[i])                                                              \
    ONE(shape##_neg, f, f, n, -a[i])                                                                                   \
    ONE(shape##_abs, f, f, n, __builtin_fabs##suffix(a[i]))                                                            \
    ONE(shape##_sqrt, f, f, n, __builtin_sqrt##suffix(a[i]))                                                           \
    ONE(shape##_ceil, f, f, n, __builtin_ceil##suffix(a[i]))                                                           \
    ONE(shape##_floor, f, f, n, __builtin_floor##suffix(a[i]))                                                         \
    ONE(shape##_trunc, f, f, n, __builtin_trunc##suffix(a[i]))                                                         \
    ONE(shape##_nearest, f, f, n, __builtin_rint##suffix(a[i]))
FLOATS(f32x4, f32, i32, 4, f)
FLOATS(f64x2, f64, i64, 2, )

#define TRUNC_I32(v) (IS_NAN(v) ? 0 : (v) >= 2147483648.0 ? INT32_MAX : (v) <= -2147483649.0 ? INT32_MIN : (int32_t)(v))
#define TRUNC_U32(v) (!((v) > 0) ? 0 : (v) >= 4294967296.0 ? UINT32_MAX : (uint32_t)(v))
ONE(i32x4_trunc_sat_f32x4, f32, i32, 4, TRUNC_I32(a[i]))
ONE(u32x4_trunc_sat_f32x4, f32, u32, 4, TRUNC_U32(a[i]))
ONE(i32x4_trunc_sat_f64x2_zero, f64, i32, 2, TRUNC_I32(a[i]))
ONE(u32x4_trunc_sat_f64x2_zero, f64, u32, 2, TRUNC_U32(a[i]))
ONE(f32x4_convert_i32x4, i32, f32, 4, (float)a[i])
ONE(f32x4_convert_u32x4, u32, f32, 4, (float)a[i])
ONE(f64x2_convert_low_i32x4, i32, f64, 2, a[i])
ONE(f64x2_convert_low_u32x4, u32, f64, 2, a[i])
ONE(f32x4_demote_f64x2_zero, f64, f32, 2, (float)a[i])
ONE(f64x2_promote_low_f32x4, f32, f64, 2, a[i])

// ---- Relaxed, in the deterministic profile ----

THREE(f32x4_relaxed_madd, f32, f32, 4, __builtin_fmaf(a[i], b[i], c[i]))
THREE(f32x4_relaxed_nmadd, f32, f32, 4, __builtin_fmaf(-a[i], b[i], c[i]))
THREE(f64x2_relaxed_madd, f64, f64, 2, __builtin_fma(a[i], b[i], c[i]))
THREE(f64x2_relaxed_nmadd, f64, f64, 2, __builtin_fma(-a[i], b[i], c[i]))
TWO(i16x8_relaxed_dot_i8x16_i7x16, i8, i16, 8,
    CLAMPED(a[2 * i] * b[2 * i] + a[2 * i + 1] * b[2 * i + 1], INT16_MIN, INT16_MAX))

COMPUTES v128_t wasm_i32x4_relaxed_dot_i8x16_i7x16_add(v128_t a, v128_t b, v128_t c) {
    return wasm_i32x4_add(wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_relaxed_dot_i8x16_i7x16(a, b)), c);
}

#define wasm_i8x16_relaxed_swizzle wasm_i8x16_swizzle
#define wasm_i8x16_relaxed_laneselect wasm_v128_bitselect
#define wasm_i16x8_relaxed_laneselect wasm_v128_bitselect
#define wasm_i32x4_relaxed_laneselect wasm_v128_bitselect
#define wasm_i64x2_relaxed_laneselect wasm_v128_bitselect
#define wasm_f32x4_relaxed_min wasm_f32x4_min
#define wasm_f32x4_relaxed_max wasm_f32x4_max
#define wasm_f64x2_relaxed_min wasm_f64x2_min
#define wasm_f64x2_relaxed_max wasm_f64x2_max
#define wasm_i32x4_relaxed_trunc_f32x4 wasm_i32x4_trunc_sat_f32x4
#define wasm_u32x4_relaxed_trunc_f32x4 wasm_u32x4_trunc_sat_f32x4
#define wasm_i32x4_relaxed_trunc_f64x2_zero wasm_i32x4_trunc_sat_f64x2_zero
#define wasm_u32x4_relaxed_trunc_f64x2_zero wasm_u32x4_trunc_sat_f64x2_zero
#define wasm_i16x8_relaxed_q15mulr wasm_i16x8_q15mulr_sat

#endif

// Sizes and small copies. A variable-size __builtin_memcpy becomes a memory.copy call, which costs more than the rows
// we move.
#ifndef EFN_MEMORY_H
#define EFN_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#define EFN_INLINE static inline __attribute__((always_inline))
#define EFN_NOINLINE __attribute__((noinline))
#define EFN_SMALL __attribute__((minsize)) // no copies of a loop for what never changes in it

EFN_INLINE uint32_t efn_min(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

// A pointer in the four bytes that a plan's scratch memory has for it. All of wasm32's memory lies below 4 GiB; a host
// that runs the engine natively puts the plan and the arena there.
typedef uint32_t efn_address;

EFN_INLINE efn_address efn_address_of(const void *p) {
    return (efn_address)(uintptr_t)p;
}

EFN_INLINE const void *efn_pointer(efn_address at) {
    return (const void *)(uintptr_t)at;
}

// n rounded up to a multiple of `to`, a power of two.
EFN_INLINE uint64_t efn_round_up(uint64_t n, uint64_t to) {
    return (n + to - 1) & ~(to - 1);
}

enum { EFN_BLOCK = 96 };

// rows of one block of a matrix product: min(EFN_BLOCK, rows rounded up to 4).
EFN_INLINE uint32_t efn_block_rows(uint32_t rows) {
    return efn_min(EFN_BLOCK, (uint32_t)efn_round_up(rows, 4));
}

// Copy n bytes between places that do not overlap. Sizes from 16 up end with a store that overlaps the one before it.
EFN_INLINE void efn_copy(void *to, const void *from, uint32_t n) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (n >= 16) {
        uint32_t i = 0;
        for (; i + 16 <= n; i += 16)
            wasm_v128_store(t + i, wasm_v128_load(f + i));
        wasm_v128_store(t + n - 16, wasm_v128_load(f + n - 16));
        return;
    }
    if (n >= 8) {
        uint64_t head, tail;
        __builtin_memcpy(&head, f, 8);
        __builtin_memcpy(&tail, f + n - 8, 8);
        __builtin_memcpy(t, &head, 8);
        __builtin_memcpy(t + n - 8, &tail, 8);
        return;
    }
    if (n >= 4) {
        uint32_t head, tail;
        __builtin_memcpy(&head, f, 4);
        __builtin_memcpy(&tail, f + n - 4, 4);
        __builtin_memcpy(t, &head, 4);
        __builtin_memcpy(t + n - 4, &tail, 4);
        return;
    }
    if (n > 0) {
        t[n - 1] = f[n - 1];
        t[n >> 1] = f[n >> 1];
        t[0] = f[0];
    }
}

// Set n bytes to `value`.
EFN_INLINE void efn_fill(void *to, uint8_t value, uint32_t n) {
    uint8_t *t = to;
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16)
        wasm_v128_store(t + i, wasm_i8x16_splat((int8_t)value));
    for (; i + 4 <= n; i += 4)
        __builtin_memcpy(t + i, &(uint32_t){value * 0x01010101u}, 4);
    for (; i < n; i++)
        t[i] = value;
}

// Set n words to `value`.
EFN_INLINE void efn_fill_words(void *to, uint32_t value, uint32_t n) {
    uint32_t *t = to;
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4)
        wasm_v128_store(t + i, wasm_i32x4_splat((int32_t)value));
    for (; i < n; i++)
        t[i] = value;
}

#endif

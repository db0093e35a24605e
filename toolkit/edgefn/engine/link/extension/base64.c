#include "base64.h"
#include "../../core/memory.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t efn_base64_encoded(size_t n) {
    return (n + 2) / 3 * 4;
}

size_t efn_base64_decoded(const uint8_t *text, size_t n) {
    if (n == 0)
        return 0;
    return n / 4 * 3 - (text[n - 1] == '=') - (text[n - 1] == '=' && text[n - 2] == '=');
}

// ---- Encoding ----

static uint32_t word_of(const uint8_t *data, size_t n) {
    return (uint32_t)data[0] << 16 | (n > 1 ? (uint32_t)data[1] << 8 : 0) | (n > 2 ? data[2] : 0);
}

// Twelve bytes, in sixteen that may be read, to four groups of four values, a byte each.
static v128_t split(v128_t data) {
    const v128_t words = // the bytes of each three, the first one highest
        wasm_i8x16_shuffle(data, wasm_i8x16_const_splat(0), 2, 1, 0, 16, 5, 4, 3, 16, 8, 7, 6, 16, 11, 10, 9, 16);
    const v128_t first = wasm_v128_and(wasm_u32x4_shr(words, 18), wasm_i32x4_const_splat(0x3F));
    const v128_t second = wasm_v128_and(wasm_u32x4_shr(words, 4), wasm_i32x4_const_splat(0x3F00));
    const v128_t third = wasm_v128_and(wasm_i32x4_shl(words, 10), wasm_i32x4_const_splat(0x3F0000));
    const v128_t fourth = wasm_v128_and(wasm_i32x4_shl(words, 24), wasm_i32x4_const_splat(0x3F000000));
    return wasm_v128_or(wasm_v128_or(first, second), wasm_v128_or(third, fourth));
}

// `by` where a value is above `last`.
static v128_t beyond(v128_t values, int8_t last, int8_t by) {
    return wasm_v128_and(wasm_i8x16_gt(values, wasm_i8x16_splat(last)), wasm_i8x16_splat(by));
}

// Values to characters: each range of the alphabet begins a step away from where the one before it would go on.
static v128_t characters(v128_t values) {
    v128_t text = wasm_i8x16_add(values, wasm_i8x16_const_splat('A'));
    text = wasm_i8x16_add(text, beyond(values, 25, 'a' - 'Z' - 1));
    text = wasm_i8x16_add(text, beyond(values, 51, '0' - 'z' - 1));
    text = wasm_i8x16_add(text, beyond(values, 61, '+' - '9' - 1));
    return wasm_i8x16_add(text, beyond(values, 62, '/' - '+' - 1));
}

void efn_base64_encode(const uint8_t *data, size_t n, uint8_t *text) {
    for (; n >= 16; n -= 12, data += 12, text += 16)
        wasm_v128_store(text, characters(split(wasm_v128_load(data))));
    for (; n; data += 3, text += 4) {
        const size_t there = n < 3 ? n : 3;
        const uint32_t word = word_of(data, there);
        for (size_t i = 0; i < 4; i++)
            text[i] = i <= there ? (uint8_t)ALPHABET[word >> (18 - 6 * i) & 0x3F] : '=';
        n -= there;
    }
}

// ---- Decoding ----

// Characters of one range to `by` more, others to nothing; `known` notes them.
static v128_t range(v128_t text, uint8_t first, uint8_t last, int8_t by, v128_t *known) {
    const v128_t place = wasm_i8x16_sub(text, wasm_i8x16_splat((int8_t)first));
    const v128_t inside = wasm_u8x16_le(place, wasm_u8x16_splat((uint8_t)(last - first)));
    *known = wasm_v128_or(*known, inside);
    return wasm_v128_and(inside, wasm_i8x16_add(text, wasm_i8x16_splat(by)));
}

// Characters to values.
static v128_t values_of(v128_t text, v128_t *known) {
    v128_t values = range(text, 'A', 'Z', -'A', known);
    values = wasm_v128_or(values, range(text, 'a', 'z', 26 - 'a', known));
    values = wasm_v128_or(values, range(text, '0', '9', 52 - '0', known));
    values = wasm_v128_or(values, range(text, '+', '+', 62 - '+', known));
    return wasm_v128_or(values, range(text, '/', '/', 63 - '/', known));
}

// Four groups of four values to twelve bytes, the others zero.
static v128_t join(v128_t values) {
    const v128_t first = wasm_i32x4_shl(values, 18), second = wasm_i32x4_shl(values, 4);
    const v128_t third = wasm_u32x4_shr(values, 10), fourth = wasm_u32x4_shr(values, 24);
    const v128_t words = wasm_v128_or(wasm_v128_or(wasm_v128_and(first, wasm_i32x4_const_splat(0xFC0000)),
                                                   wasm_v128_and(second, wasm_i32x4_const_splat(0x03F000))),
                                      wasm_v128_or(wasm_v128_and(third, wasm_i32x4_const_splat(0x000FC0)), fourth));
    return wasm_i8x16_shuffle(words, wasm_i8x16_const_splat(0), 2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 16, 16, 16, 16);
}

static int value_of(uint8_t character) {
    for (int value = 0; value < 64; value++)
        if ((uint8_t)ALPHABET[value] == character)
            return value;
    return -1;
}

int efn_base64_decode(const uint8_t *text, size_t n, uint8_t *data) {
    const size_t bytes = efn_base64_decoded(text, n);
    const uint8_t *const end = data + bytes;
    v128_t all = wasm_i8x16_const_splat(-1);
    for (; end - data >= 16; text += 16, data += 12) {
        v128_t known = wasm_i8x16_const_splat(0);
        wasm_v128_store(data, join(values_of(wasm_v128_load(text), &known)));
        all = wasm_v128_and(all, known);
    }
    int fine = wasm_i8x16_all_true(all);
    for (; data < end; text += 4) {
        uint32_t word = 0;
        const size_t there = (size_t)(end - data) < 3 ? (size_t)(end - data) : 3;
        for (size_t i = 0; i <= there; i++) {
            const int value = value_of(text[i]);
            fine &= value >= 0;
            word |= (uint32_t)(value & 0x3F) << (18 - 6 * i);
        }
        for (size_t i = 0; i < there; i++)
            *data++ = (uint8_t)(word >> (16 - 8 * i));
    }
    return fine;
}

// bilinear: every pixel of y is four of x, weighed by tables in steps of 1/1024, exactly; TFLite's RESIZE_BILINEAR of
// integers.
#include "../core/check.h"
#include "../core/table.h"

#define ONE 1024
#define ROUNDING_BITS 20 // of a product of two weights

// What a row or column of y is between: `first` and `second` of x, `part` of the way.
typedef struct {
    int32_t first, second, part;
} between;

// A table of `count` entries for an axis of `length`.
static efn_status check_table(const efn_plan *plan, uint32_t index, uint32_t count, uint32_t length) {
    EFN_TRY(efn_check_packed(plan, index, EFN_I32, (uint64_t)count * sizeof(between)));
    const between *table = (const between *)(plan->weights + plan->tensors[index].offset);
    for (uint32_t i = 0; i < count; i++) {
        EFN_REQUIRE((uint32_t)table[i].first < length && (uint32_t)table[i].second < length, EFN_BAD_WEIGHTS);
        EFN_REQUIRE(0 <= table[i].part && table[i].part <= ONE, EFN_BAD_WEIGHTS);
    }
    return EFN_OK;
}

efn_status efn_bilinear_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_bilinear *p = (const efn_bilinear *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_I8), *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->rank == 4 && y->rank == 4 && x->dims[0] == y->dims[0] && x->dims[3] == y->dims[3], EFN_BAD_SHAPE);
    EFN_TRY(check_table(plan, p->rows, y->dims[1], x->dims[1]));
    EFN_TRY(check_table(plan, p->columns, y->dims[2], x->dims[2]));
    return efn_check_apart(x, y, 0);
}

// The four pixels of x around one of y, [c] each.
typedef struct {
    const int8_t *above_left, *above_right, *below_left, *below_right;
    int32_t down, across; // the parts
} corners;

// From channel i on. |sum| is at most 2^27.
static void channels_from(const corners *k, int8_t *y, uint32_t i, uint32_t c) {
    for (; i < c; i++) {
        const int32_t left = k->above_left[i] * (ONE - k->down) + k->below_left[i] * k->down;
        const int32_t right = k->above_right[i] * (ONE - k->down) + k->below_right[i] * k->down;
        const int32_t sum = left * (ONE - k->across) + right * k->across, half = 1 << (ROUNDING_BITS - 1);
        y[i] = (int8_t)((sum > 0 ? sum + half : sum - half) / (1 << ROUNDING_BITS));
    }
}

// Four sums, i32x4, of two pixels above each other; `pairs` are i16x8 of (above, below).
EFN_INLINE v128_t across(v128_t left, v128_t right, v128_t down, v128_t to_left, v128_t to_right) {
    const v128_t l = wasm_i32x4_dot_i16x8(left, down), r = wasm_i32x4_dot_i16x8(right, down);
    const v128_t sum = wasm_i32x4_add(wasm_i32x4_mul(l, to_left), wasm_i32x4_mul(r, to_right));
    const v128_t sign = wasm_i32x4_shr(sum, 31), size = wasm_i32x4_abs(sum);
    const v128_t whole =
        wasm_u32x4_shr(wasm_i32x4_add(size, wasm_i32x4_const_splat(1 << (ROUNDING_BITS - 1))), ROUNDING_BITS);
    return wasm_i32x4_sub(wasm_v128_xor(whole, sign), sign);
}

EFN_INLINE v128_t low_pairs(v128_t a, v128_t b) {
    return wasm_i16x8_shuffle(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

EFN_INLINE v128_t high_pairs(v128_t a, v128_t b) {
    return wasm_i16x8_shuffle(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

static void pixel(const corners *k, int8_t *y, uint32_t c) {
    const v128_t down = wasm_i32x4_splat((ONE - k->down) | k->down << 16);
    const v128_t to_left = wasm_i32x4_splat(ONE - k->across), to_right = wasm_i32x4_splat(k->across);
    uint32_t i = 0;
    for (; i + 8 <= c; i += 8) {
        const v128_t al = wasm_i16x8_load8x8(k->above_left + i), bl = wasm_i16x8_load8x8(k->below_left + i);
        const v128_t ar = wasm_i16x8_load8x8(k->above_right + i), br = wasm_i16x8_load8x8(k->below_right + i);
        const v128_t low = across(low_pairs(al, bl), low_pairs(ar, br), down, to_left, to_right);
        const v128_t high = across(high_pairs(al, bl), high_pairs(ar, br), down, to_left, to_right);
        const v128_t words = wasm_i16x8_narrow_i32x4(low, high);
        wasm_v128_store64_lane(y + i, wasm_i8x16_narrow_i16x8(words, words), 0);
    }
    channels_from(k, y, i, c);
}

static void from_start(const corners *k, int8_t *y, uint32_t c) {
    channels_from(k, y, 0, c);
}

EFN_INLINE void run(const efn_site *site, const efn_bilinear *p, void (*one)(const corners *, int8_t *, uint32_t)) {
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const between *rows = efn_in(site, p->rows), *columns = efn_in(site, p->columns);
    const int8_t *x = efn_in(site, p->x);
    int8_t *y = efn_out(site, p->y);
    const uint32_t c = xt->dims[3], line = xt->dims[2] * c;
    for (uint32_t n = 0; n < yt->dims[0]; n++, x += (size_t)line * xt->dims[1])
        for (uint32_t i = 0; i < yt->dims[1]; i++)
            for (uint32_t j = 0; j < yt->dims[2]; j++, y += c) {
                const int8_t *above = x + (size_t)rows[i].first * line, *below = x + (size_t)rows[i].second * line;
                const uint32_t left = (uint32_t)columns[j].first * c, right = (uint32_t)columns[j].second * c;
                const corners k = {above + left,  above + right, below + left,
                                   below + right, rows[i].part,  columns[j].part};
                one(&k, y, c);
            }
}

void efn_bilinear_q8_simd(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_bilinear *)words, pixel);
}

void efn_bilinear_q8_ref(const efn_site *site, const uint32_t *words) {
    run(site, (const efn_bilinear *)words, from_start);
}

// binary: one of the functions of plan.md of two operands that broadcast to y. May run in place on an operand as large
// as y.
#include "../core/broadcast.h"
#include "../core/lanes.h"
#include "../core/real.h"
#include "../core/table.h"

enum {
    ADD,
    SUB,
    MUL,
    DIV,
    MAX,
    MIN,
    MOD,
    FMOD,
    POW,
    PRELU,
    AND,
    OR,
    XOR,
    EQUAL,
    NOT_EQUAL,
    LESS,
    LESS_EQUAL,
    FUNCTIONS
};

static int takes(uint32_t function, uint8_t dtype) {
    if (function == POW || function == PRELU)
        return dtype == EFN_F32;
    if (AND <= function && function <= XOR)
        return dtype == EFN_U8 || dtype == EFN_I32;
    return dtype == EFN_F32 || dtype == EFN_I32;
}

efn_status efn_binary_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_binary *p = (const efn_binary *)words;
    const efn_tensor *a = efn_readable(plan, p->a, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(a && y, EFN_BAD_OPERAND);
    const efn_tensor *b = efn_readable(plan, p->b, a->dtype);
    EFN_REQUIRE(b, EFN_BAD_OPERAND);
    EFN_REQUIRE(p->function < FUNCTIONS, EFN_BAD_PARAMETER);
    EFN_REQUIRE(takes(p->function, a->dtype), EFN_BAD_OPERAND);
    EFN_REQUIRE(y->dtype == (p->function >= EQUAL ? EFN_U8 : a->dtype), EFN_BAD_OPERAND);
    EFN_TRY(efn_check_broadcast(a, y));
    EFN_TRY(efn_check_broadcast(b, y));
    EFN_TRY(efn_check_apart(a, y, 1));
    return efn_check_apart(b, y, 1);
}

// ---- One value, where there are no lanes for it ----

static float mod_f32(float a, float b) {
    const float rest = efn_fmod(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int32_t div_i32(int32_t a, int32_t b) {
    return b == 0 ? 0 : b == -1 ? (int32_t)(0u - (uint32_t)a) : a / b;
}

static int32_t fmod_i32(int32_t a, int32_t b) {
    return b == 0 || b == -1 ? 0 : a % b;
}

static int32_t mod_i32(int32_t a, int32_t b) {
    const int32_t rest = fmod_i32(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

// ---- Whole vectors of 16 bytes ----

// An operand: where its next vector is, how far to the one after it, 16 or, where one element repeats, 0; and how far
// from the end of a row to the next.
typedef struct {
    const uint8_t *at;
    uint32_t step;
    int32_t on;
} side;

// `rows` rows of n vectors.
#define LOOP(size, store)                                                                                              \
    for (uint32_t row = 0; row < rows; row++, a.at += a.on, b.at += b.on)                                              \
        _Pragma("clang loop unroll(disable)") for (uint32_t i = 0; i < n; i++) {                                       \
            const v128_t u = wasm_v128_load(a.at), v = wasm_v128_load(b.at);                                           \
            store;                                                                                                     \
            a.at += a.step, b.at += b.step, y += (size);                                                               \
        }                                                                                                              \
    return;

// y is of the operands' dtype.
#define SAME(number, value)                                                                                            \
    case number:                                                                                                       \
        LOOP(16, wasm_v128_store(y, value))

#define EACH(number, type, value)                                                                                      \
    case number:                                                                                                       \
        LOOP(16, const type *l = (const type *)a.at; const type *r = (const type *)b.at; type s[4];                    \
             for (int k = 0; k < 4; k++) s[k] = value(l[k], r[k]); wasm_v128_store(y, wasm_v128_load(s)); (void)u;     \
             (void)v)

// y is u8: masks of 32 bits become 0 or 1.
#define HOLDS(number, mask)                                                                                            \
    case number:                                                                                                       \
        LOOP(4, const v128_t bytes = wasm_i16x8_narrow_i32x4(mask, mask); wasm_v128_store32_lane(                      \
                 y, wasm_v128_and(wasm_i8x16_narrow_i16x8(bytes, bytes), wasm_i8x16_const_splat(1)), 0))

EFN_NOINLINE static void f32_vectors(uint32_t function, side a, side b, uint8_t *y, uint32_t n, uint32_t rows) {
    switch (function) {
        SAME(ADD, wasm_f32x4_add(u, v))
        SAME(SUB, wasm_f32x4_sub(u, v))
        SAME(MUL, wasm_f32x4_mul(u, v))
        SAME(DIV, wasm_f32x4_div(u, v))
        SAME(MAX, wasm_f32x4_max(u, v))
        SAME(MIN, wasm_f32x4_min(u, v))
        EACH(MOD, float, mod_f32)
        EACH(FMOD, float, efn_fmod)
        EACH(POW, float, efn_pow)
        SAME(PRELU, wasm_v128_bitselect(wasm_f32x4_mul(u, v), u, wasm_f32x4_lt(u, wasm_f32x4_const_splat(0))))
        HOLDS(EQUAL, wasm_f32x4_eq(u, v))
        HOLDS(NOT_EQUAL, wasm_f32x4_ne(u, v))
        HOLDS(LESS, wasm_f32x4_lt(u, v))
        HOLDS(LESS_EQUAL, wasm_f32x4_le(u, v))
    }
}

EFN_NOINLINE static void integer_vectors(uint32_t function, side a, side b, uint8_t *y, uint32_t n, uint32_t rows) {
    switch (function) {
        SAME(ADD, wasm_i32x4_add(u, v))
        SAME(SUB, wasm_i32x4_sub(u, v))
        SAME(MUL, wasm_i32x4_mul(u, v))
        EACH(DIV, int32_t, div_i32)
        SAME(MAX, wasm_i32x4_max(u, v))
        SAME(MIN, wasm_i32x4_min(u, v))
        EACH(MOD, int32_t, mod_i32)
        EACH(FMOD, int32_t, fmod_i32)
        SAME(AND, wasm_v128_and(u, v))
        SAME(OR, wasm_v128_or(u, v))
        SAME(XOR, wasm_v128_xor(u, v))
        HOLDS(EQUAL, wasm_i32x4_eq(u, v))
        HOLDS(NOT_EQUAL, wasm_i32x4_ne(u, v))
        HOLDS(LESS, wasm_i32x4_lt(u, v))
        HOLDS(LESS_EQUAL, wasm_i32x4_le(u, v))
    }
}

// ---- Rows ----

typedef struct {
    uint32_t function, floats;
    uint32_t item, y_item; // bytes
} kind;

static kind kind_of(const efn_site *site, const efn_binary *p) {
    const uint8_t dtype = efn_record(site, p->a)->dtype;
    return (kind){p->function, dtype == EFN_F32, efn_item_size(dtype), efn_item_size(efn_record(site, p->y)->dtype)};
}

static void vectors(const kind *k, side a, side b, uint8_t *y, uint32_t n, uint32_t rows) {
    if (k->floats)
        f32_vectors(k->function, a, b, y, n, rows);
    else
        integer_vectors(k->function, a, b, y, n, rows);
}

// The element at `at` sixteen or four times, if it repeats; else what lies there.
static side side_of(const kind *k, const uint8_t *at, uint32_t repeats, uint8_t *room) {
    if (!repeats)
        return (side){at, 16, 0};
    wasm_v128_store(room, k->item == 4 ? wasm_v128_load32_splat(at) : wasm_v128_load8_splat(at));
    return (side){room, 0, 0};
}

// n elements; a_step and b_step are 0 or 1.
static void row(const kind *k, const uint8_t *a, uint32_t a_step, const uint8_t *b, uint32_t b_step, uint8_t *y,
                uint32_t n) {
    uint8_t a_room[16], b_room[16], rest[3][16] = {{0}};
    const side l = side_of(k, a, !a_step, a_room), r = side_of(k, b, !b_step, b_room);
    const uint32_t lanes = 16 / k->item, whole = n / lanes, left = n % lanes;
    vectors(k, l, r, y, whole, 1);
    if (left == 0)
        return;
    efn_copy(rest[0], l.at + whole * l.step, l.step ? left * k->item : 16);
    efn_copy(rest[1], r.at + whole * r.step, r.step ? left * k->item : 16);
    vectors(k, (side){rest[0], 16, 0}, (side){rest[1], 16, 0}, rest[2], 1, 1);
    efn_copy(y + whole * lanes * k->y_item, rest[2], left * k->y_item);
}

// Whether rows are whole vectors, and none has an element of its own that repeats.
static int plane_at_once(const kind *k, const efn_rows *r) {
    return r->rank > 1 && r->dims[0] % (16 / k->item) == 0 && (r->steps[0][0] || !r->steps[0][1]) &&
           (r->steps[1][0] || !r->steps[1][1]);
}

// All rows along dims[1].
static void plane(const kind *k, const efn_rows *r, const uint8_t *a, const uint8_t *b, uint8_t *y) {
    uint8_t rooms[2][16];
    side sides[2];
    for (uint32_t i = 0; i < 2; i++) {
        sides[i] = side_of(k, (i ? b : a) + r->at[i] * k->item, !r->steps[i][0], rooms[i]);
        if (sides[i].step) // back to the beginning where rows repeat
            sides[i].on = ((int32_t)r->steps[i][1] - (int32_t)r->dims[0]) * (int32_t)k->item;
    }
    vectors(k, sides[0], sides[1], y + r->y * k->y_item, r->dims[0] * k->item / 16, r->dims[1]);
}

void efn_binary_simd(const efn_site *site, const uint32_t *words) {
    const efn_binary *p = (const efn_binary *)words;
    const efn_tensor *const operands[2] = {efn_record(site, p->a), efn_record(site, p->b)};
    const uint8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    uint8_t *y = efn_out(site, p->y);
    const kind k = kind_of(site, p);
    efn_rows r = efn_rows_of(efn_record(site, p->y), operands, 2);
    if (plane_at_once(&k, &r)) {
        do
            plane(&k, &r, a, b, y);
        while (efn_next_plane(&r));
        return;
    }
    do
        row(&k, a + r.at[0] * k.item, r.steps[0][0], b + r.at[1] * k.item, r.steps[1][0], y + r.y * k.y_item,
            r.dims[0]);
    while (efn_next_row(&r));
}

// Rows of one element, each found from its index.
void efn_binary_ref(const efn_site *site, const uint32_t *words) {
    const efn_binary *p = (const efn_binary *)words;
    const efn_tensor *at = efn_record(site, p->a), *bt = efn_record(site, p->b), *yt = efn_record(site, p->y);
    const uint8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    uint8_t *y = efn_out(site, p->y);
    const kind k = kind_of(site, p);
    for (uint32_t i = 0; i < efn_elements(yt); i++)
        row(&k, a + efn_place_of(at, yt, i) * k.item, 1, b + efn_place_of(bt, yt, i) * k.item, 1, y + i * k.y_item, 1);
}

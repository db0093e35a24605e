// select: a where cond is not 0, else b; all three broadcast to y. May run in place on a or b of the size of y.
#include "../core/broadcast.h"
#include "../core/table.h"

efn_status efn_select_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_select *p = (const efn_select *)words;
    const efn_tensor *cond = efn_readable(plan, p->cond, EFN_U8), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(cond && y, EFN_BAD_OPERAND);
    const efn_tensor *a = efn_readable(plan, p->a, y->dtype), *b = efn_readable(plan, p->b, y->dtype);
    EFN_REQUIRE(a && b, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_broadcast(cond, y));
    EFN_TRY(efn_check_broadcast(a, y));
    EFN_TRY(efn_check_broadcast(b, y));
    EFN_TRY(efn_check_apart(cond, y, 1));
    EFN_TRY(efn_check_apart(a, y, 1));
    return efn_check_apart(b, y, 1);
}

// Operands of a row, and how far to their next element: 0 or 1.
typedef struct {
    const uint8_t *cond, *a, *b;
    uint32_t steps[3];
} sides;

// Elements i to n - 1.
#define ROW(type)                                                                                                      \
    static void row_##type(const sides *s, type *y, uint32_t i, uint32_t n) {                                          \
        const type *a = (const type *)s->a, *b = (const type *)s->b;                                                   \
        for (; i < n; i++)                                                                                             \
            y[i] = s->cond[i * s->steps[0]] ? a[i * s->steps[1]] : b[i * s->steps[2]];                                 \
    }

ROW(uint8_t)
ROW(uint32_t)

EFN_INLINE v128_t four(const uint8_t *from, uint32_t i, uint32_t step) {
    return step ? wasm_v128_load((const uint32_t *)from + i) : wasm_v128_load32_splat(from);
}

static void lanes_uint32_t(const sides *s, uint32_t *y, uint32_t n) {
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const v128_t bytes = s->steps[0] ? wasm_v128_load32_zero(s->cond + i) : wasm_v128_load8_splat(s->cond);
        const v128_t wide = wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(bytes));
        const v128_t mask = wasm_i32x4_ne(wide, wasm_i32x4_const_splat(0));
        wasm_v128_store(y + i, wasm_v128_bitselect(four(s->a, i, s->steps[1]), four(s->b, i, s->steps[2]), mask));
    }
    row_uint32_t(s, y, i, n);
}

void efn_select_simd(const efn_site *site, const uint32_t *words) {
    const efn_select *p = (const efn_select *)words;
    const efn_tensor *const operands[3] = {efn_record(site, p->cond), efn_record(site, p->a), efn_record(site, p->b)};
    const uint8_t *cond = efn_in(site, p->cond), *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    uint8_t *y = efn_out(site, p->y);
    const uint32_t item = efn_item_size(efn_record(site, p->y)->dtype);
    efn_rows r = efn_rows_of(efn_record(site, p->y), operands, 3);
    do {
        const sides s = {
            cond + r.at[0], a + r.at[1] * item, b + r.at[2] * item, {r.steps[0][0], r.steps[1][0], r.steps[2][0]}};
        if (item == 4)
            lanes_uint32_t(&s, (uint32_t *)(y + r.y * item), r.dims[0]);
        else
            row_uint8_t(&s, y + r.y, 0, r.dims[0]);
    } while (efn_next_row(&r));
}

// One element at a time, found from its index.
void efn_select_ref(const efn_site *site, const uint32_t *words) {
    const efn_select *p = (const efn_select *)words;
    const efn_tensor *ct = efn_record(site, p->cond), *at = efn_record(site, p->a), *bt = efn_record(site, p->b);
    const efn_tensor *yt = efn_record(site, p->y);
    const uint8_t *cond = efn_in(site, p->cond), *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    uint8_t *y = efn_out(site, p->y);
    const uint32_t item = efn_item_size(yt->dtype);
    for (uint32_t i = 0; i < efn_elements(yt); i++) {
        const uint8_t *from =
            cond[efn_place_of(ct, yt, i)] ? a + efn_place_of(at, yt, i) * item : b + efn_place_of(bt, yt, i) * item;
        efn_copy(y + i * item, from, item);
    }
}

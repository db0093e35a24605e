// concat: y is the inputs one after another along `axis`. Each input contributes one run of bytes to every outer index.
#include "../core/check.h"
#include "../core/table.h"

// Bytes of one outer index: the dims from `axis` on.
static uint32_t run_bytes(const efn_tensor *t, uint32_t axis) {
    uint32_t bytes = efn_item_size(t->dtype);
    for (uint32_t i = axis; i < t->rank; i++)
        bytes *= t->dims[i];
    return bytes;
}

static int fits(const efn_tensor *x, const efn_tensor *y, uint32_t axis) {
    if (x->rank != y->rank)
        return 0;
    for (uint32_t i = 0; i < y->rank; i++)
        if (i != axis && x->dims[i] != y->dims[i])
            return 0;
    return 1;
}

efn_status efn_concat_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    const efn_concat *p = (const efn_concat *)words;
    EFN_REQUIRE(count >= 4 && 1 <= p->n && p->n <= 64 && count == 3 + p->n, EFN_BAD_OP);
    const efn_tensor *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(y, EFN_BAD_OPERAND);
    EFN_REQUIRE(p->axis < y->rank, EFN_BAD_PARAMETER);
    uint64_t length = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        const efn_tensor *x = efn_readable(plan, p->x[i], y->dtype);
        EFN_REQUIRE(x, EFN_BAD_OPERAND);
        EFN_REQUIRE(fits(x, y, p->axis), EFN_BAD_SHAPE);
        EFN_TRY(efn_check_apart(x, y, 0));
        length += x->dims[p->axis];
    }
    return length == y->dims[p->axis] ? EFN_OK : EFN_BAD_SHAPE;
}

void efn_concat_simd(const efn_site *site, const uint32_t *words) {
    const efn_concat *p = (const efn_concat *)words;
    const efn_tensor *yt = efn_record(site, p->y);
    const uint32_t step = run_bytes(yt, p->axis);
    uint8_t *column = efn_out(site, p->y); // where this input begins in the first outer index
    for (uint32_t i = 0; i < p->n; i++) {
        const uint8_t *x = efn_in(site, p->x[i]);
        const uint32_t run = run_bytes(efn_record(site, p->x[i]), p->axis);
        for (uint32_t at = 0; at < yt->bytes; at += step, x += run)
            efn_copy(column + at, x, run);
        column += run;
    }
}

void efn_concat_ref(const efn_site *site, const uint32_t *words) {
    const efn_concat *p = (const efn_concat *)words;
    const efn_tensor *yt = efn_record(site, p->y);
    uint8_t *y = efn_out(site, p->y);
    const uint32_t outer = yt->bytes / run_bytes(yt, p->axis);
    for (uint32_t o = 0; o < outer; o++)
        for (uint32_t i = 0; i < p->n; i++) {
            const uint32_t run = run_bytes(efn_record(site, p->x[i]), p->axis);
            const uint8_t *x = (const uint8_t *)efn_in(site, p->x[i]) + (size_t)o * run;
            for (uint32_t b = 0; b < run; b++)
                *y++ = x[b];
        }
}

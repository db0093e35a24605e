// pad: x inside y, a constant around it. Rows of x come in the order in which they lie in y, so that one pass over y
// fills what is between two of them.
#include "../core/check.h"
#include "../core/table.h"

efn_status efn_pad_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_pad *p = (const efn_pad *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && y && x->dtype == y->dtype, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->rank == y->rank, EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_item_size(x->dtype) == 4 || p->value <= 255, EFN_BAD_PARAMETER);
    for (uint32_t i = 0; i < EFN_MAX_RANK; i++) // beyond the rank all dims are zero
        EFN_REQUIRE((uint64_t)p->begin[i] + x->dims[i] <= y->dims[i], EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 0);
}

// x as rows: `outer` axes count them, and each lies in y as one run.
typedef struct {
    uint32_t outer, row;                              // row: elements
    uint32_t dims[EFN_MAX_RANK], steps[EFN_MAX_RANK]; // of every axis: how many in x, how far apart in y
    uint32_t first;                                   // where the first row begins in y
} layout;

static layout layout_of(const efn_pad *p, const efn_tensor *x, const efn_tensor *y) {
    layout l = {.outer = x->rank, .row = 1};
    while (l.outer > 0) {
        const uint32_t i = --l.outer;
        l.row *= x->dims[i];
        if (x->dims[i] != y->dims[i])
            break;
    }
    uint32_t step = 1;
    for (uint32_t i = x->rank; i-- > 0; step *= y->dims[i]) {
        l.dims[i] = x->dims[i];
        l.steps[i] = step;
        l.first += p->begin[i] * step;
    }
    return l;
}

// Step from one row to the next: its coordinates `at`, and where it begins in y. 0 after the last one.
static int next_row(const layout *l, uint32_t at[EFN_MAX_RANK], uint32_t *begin) {
    for (uint32_t i = l->outer; i-- > 0;) {
        if (++at[i] < l->dims[i]) {
            *begin += l->steps[i];
            return 1;
        }
        *begin -= (l->dims[i] - 1) * l->steps[i];
        at[i] = 0;
    }
    return 0;
}

#define PADDED(type, FILL)                                                                                             \
    static void padded_##type(const type *x, type *y, const layout *l, uint32_t elements, type value) {                \
        uint32_t at[EFN_MAX_RANK] = {0}, begin = l->first, done = 0;                                                   \
        do {                                                                                                           \
            FILL(y + done, value, begin - done);                                                                       \
            efn_copy(y + begin, x, l->row * (uint32_t)sizeof(type));                                                   \
            x += l->row;                                                                                               \
            done = begin + l->row;                                                                                     \
        } while (next_row(l, at, &begin));                                                                             \
        FILL(y + done, value, elements - done);                                                                        \
    }

PADDED(uint8_t, efn_fill)
PADDED(uint32_t, efn_fill_words)

void efn_pad_simd(const efn_site *site, const uint32_t *words) {
    const efn_pad *p = (const efn_pad *)words;
    const efn_tensor *yt = efn_record(site, p->y);
    const layout l = layout_of(p, efn_record(site, p->x), yt);
    if (efn_item_size(yt->dtype) == 1)
        padded_uint8_t(efn_in(site, p->x), efn_out(site, p->y), &l, efn_elements(yt), (uint8_t)p->value);
    else
        padded_uint32_t(efn_in(site, p->x), efn_out(site, p->y), &l, efn_elements(yt), p->value);
}

// One element of y at a time: its coordinates say whether x has it, and where.
void efn_pad_ref(const efn_site *site, const uint32_t *words) {
    const efn_pad *p = (const efn_pad *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const uint32_t item = efn_item_size(yt->dtype), all = efn_elements(yt);
    const uint8_t *x = efn_in(site, p->x), *value = (const uint8_t *)&p->value;
    uint8_t *y = efn_out(site, p->y);
    for (uint32_t index = 0; index < all; index++) {
        uint32_t rest = index, from = 0, step = 1;
        int inside = 1;
        for (uint32_t i = yt->rank; i-- > 0; rest /= yt->dims[i], step *= xt->dims[i]) {
            const uint32_t at = rest % yt->dims[i] - p->begin[i]; // wraps in front of x
            inside &= at < xt->dims[i];
            from += at * step;
        }
        for (uint32_t b = 0; b < item; b++)
            y[(size_t)index * item + b] = inside ? x[(size_t)from * item + b] : value[b];
    }
}

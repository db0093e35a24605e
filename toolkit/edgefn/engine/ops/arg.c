// arg: the index of the largest or the smallest, of x [outer][n][inner], as y [outer][inner].
#include "../core/check.h"
#include "../core/table.h"

efn_status efn_arg_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_arg *p = (const efn_arg *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, EFN_I32);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(p->smallest <= 1 && p->last <= 1, EFN_BAD_PARAMETER);
    return efn_check_reduced(x, y, p->n, p->inner);
}

// x [n] of numbers `stride` apart. NaN never wins, and never gives its place back.
#define INDEX(type)                                                                                                    \
    static int32_t index_##type(const type *x, uint32_t n, size_t stride, uint32_t smallest, uint32_t last) {          \
        type best = *x;                                                                                                \
        uint32_t found = 0;                                                                                            \
        for (uint32_t i = 1; i < n; i++) {                                                                             \
            const type v = x[i * stride];                                                                              \
            if (smallest ? v < best : v > best)                                                                        \
                found = i, best = v;                                                                                   \
            else if (last && v == best)                                                                                \
                found = i;                                                                                             \
        }                                                                                                              \
        return (int32_t)found;                                                                                         \
    }

INDEX(float)
INDEX(int32_t)
INDEX(int8_t)
INDEX(uint8_t)

void efn_arg_simd(const efn_site *site, const uint32_t *words) {
    const efn_arg *p = (const efn_arg *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const uint8_t *x = efn_in(site, p->x);
    int32_t *y = efn_out(site, p->y);
    const uint32_t item = efn_item_size(xt->dtype), all = efn_elements(yt);
    for (uint32_t at = 0; at < all; at += p->inner, x += (size_t)p->n * p->inner * item)
        for (uint32_t j = 0; j < p->inner; j++) {
            const void *from = x + (size_t)j * item;
            y[at + j] = xt->dtype == EFN_F32   ? index_float(from, p->n, p->inner, p->smallest, p->last)
                        : xt->dtype == EFN_I32 ? index_int32_t(from, p->n, p->inner, p->smallest, p->last)
                        : xt->dtype == EFN_I8  ? index_int8_t(from, p->n, p->inner, p->smallest, p->last)
                                               : index_uint8_t(from, p->n, p->inner, p->smallest, p->last);
        }
}

// There is nothing to gain by lanes that a search of a few dozen numbers would show.
void efn_arg_ref(const efn_site *site, const uint32_t *words) {
    efn_arg_simd(site, words);
}

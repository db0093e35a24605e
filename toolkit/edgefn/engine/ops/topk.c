// topk: where the k largest (or smallest) numbers of every row lie, the first of equal ones first.
//
// y is a heap of indices while a row is read, the worst of them on top; then it is sorted in its place.
#include "../core/check.h"
#include "../core/table.h"

efn_status efn_topk_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_topk *p = (const efn_topk *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *y = efn_writable(plan, p->y, EFN_I32);
    EFN_REQUIRE(x && y && (x->dtype == EFN_F32 || x->dtype == EFN_I32), EFN_BAD_OPERAND);
    EFN_REQUIRE(p->smallest <= 1, EFN_BAD_PARAMETER);
    const uint32_t n = efn_last_dim(x), k = efn_last_dim(y);
    EFN_REQUIRE(x->rank >= 1 && y->rank >= 1 && k <= n, EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_elements(x) / n == efn_elements(y) / k, EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 0);
}

// A row [n], and how its numbers compare.
typedef struct {
    const uint8_t *x;
    uint32_t floats, smallest;
} row;

// What is larger the better number i is; NaN is the worst.
EFN_INLINE int32_t rank_of(const row *r, int32_t i) {
    int32_t bits = ((const int32_t *)r->x)[i];
    if (r->floats) {
        const float v = ((const float *)r->x)[i] + 0.0f; // -0 is 0
        if (v != v)
            return INT32_MIN;
        __builtin_memcpy(&bits, &v, 4);
        bits ^= (int32_t)((uint32_t)(bits >> 31) >> 1);
    }
    return r->smallest ? ~bits : bits;
}

EFN_INLINE int is_better(const row *r, int32_t i, int32_t j) {
    const int32_t a = rank_of(r, i), b = rank_of(r, j);
    return a > b || (a == b && i < j);
}

// Let the index on top of heap [size] sink to where it belongs.
static void sink(const row *r, int32_t *heap, uint32_t size) {
    const int32_t top = heap[0];
    uint32_t at = 0;
    for (uint32_t child = 1; child < size; child = 2 * at + 1) {
        if (child + 1 < size && is_better(r, heap[child], heap[child + 1]))
            child++;
        if (is_better(r, heap[child], top))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = top;
}

// A heap grows by an index at its end, which rises to where it belongs.
static void rise(const row *r, int32_t *heap, uint32_t at) {
    const int32_t index = heap[at];
    for (; at > 0 && is_better(r, heap[(at - 1) / 2], index); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = index;
}

static void choose(const row *r, uint32_t n, int32_t *y, uint32_t k) {
    for (uint32_t i = 0; i < k; i++) {
        y[i] = (int32_t)i;
        rise(r, y, i);
    }
    for (uint32_t i = k; i < n; i++)
        if (is_better(r, (int32_t)i, y[0])) {
            y[0] = (int32_t)i;
            sink(r, y, k);
        }
    for (uint32_t last = k; last-- > 1;) { // the worst goes to the end
        const int32_t worst = y[0];
        y[0] = y[last];
        y[last] = worst;
        sink(r, y, last);
    }
}

void efn_topk_simd(const efn_site *site, const uint32_t *words) {
    const efn_topk *p = (const efn_topk *)words;
    const efn_tensor *xt = efn_record(site, p->x), *yt = efn_record(site, p->y);
    const uint32_t n = efn_last_dim(xt), k = efn_last_dim(yt), all = efn_elements(yt);
    row r = {efn_in(site, p->x), xt->dtype == EFN_F32, p->smallest};
    int32_t *y = efn_out(site, p->y);
    for (uint32_t i = 0; i < all; i += k, r.x += (size_t)n * 4)
        choose(&r, n, y + i, k);
}

// A heap has no lanes; tests/engine/test_reductions.py judges it by a sort.
void efn_topk_ref(const efn_site *site, const uint32_t *words) {
    efn_topk_simd(site, words);
}

// gather: rows of x, taken along one axis by run-time indices. y[a, i, c] = x[a, indices[i], c].
#include "../core/check.h"
#include "../core/table.h"

efn_status efn_gather_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_gather_op *p = (const efn_gather_op *)words;
    const efn_tensor *x = efn_readable(plan, p->x, 0), *indices = efn_readable(plan, p->indices, EFN_I32);
    const efn_tensor *y = efn_writable(plan, p->y, 0);
    EFN_REQUIRE(x && indices && y && x->dtype == y->dtype, EFN_BAD_OPERAND);
    EFN_REQUIRE(p->axis < x->rank, EFN_BAD_PARAMETER);
    EFN_REQUIRE(y->rank == x->rank - 1 + indices->rank, EFN_BAD_SHAPE);
    for (uint32_t i = 0; i < y->rank; i++) {
        const uint32_t behind = p->axis + indices->rank; // where the axes behind `axis` go on
        const uint32_t dim = i < p->axis  ? x->dims[i]
                             : i < behind ? indices->dims[i - p->axis]
                                          : x->dims[i - behind + p->axis + 1];
        EFN_REQUIRE(y->dims[i] == dim, EFN_BAD_SHAPE);
    }
    EFN_TRY(efn_check_apart(x, y, 0));
    return efn_check_apart(indices, y, 0);
}

// x [outer][length][run bytes], y [outer][count][run bytes].
typedef struct {
    uint32_t outer, length, run, count;
} shape;

static shape shape_of(const efn_site *site, const efn_gather_op *p) {
    const efn_tensor *x = efn_record(site, p->x);
    shape s = {1, x->dims[p->axis], efn_item_size(x->dtype), efn_elements(efn_record(site, p->indices))};
    for (uint32_t i = 0; i < x->rank; i++) {
        s.outer *= i < p->axis ? x->dims[i] : 1;
        s.run *= i > p->axis ? x->dims[i] : 1;
    }
    return s;
}

// The row that an index means: from the end when it is negative, and inside whatever it is.
EFN_INLINE uint32_t row_of(int32_t index, uint32_t length) {
    if (index < 0)
        index += (int32_t)length;
    return index < 0 ? 0 : efn_min((uint32_t)index, length - 1);
}

void efn_gather_simd(const efn_site *site, const uint32_t *words) {
    const efn_gather_op *p = (const efn_gather_op *)words;
    const shape s = shape_of(site, p);
    const int32_t *indices = efn_in(site, p->indices);
    const uint8_t *x = efn_in(site, p->x);
    uint8_t *y = efn_out(site, p->y);
    for (uint32_t a = 0; a < s.outer; a++, x += (size_t)s.length * s.run)
        for (uint32_t i = 0; i < s.count; i++, y += s.run)
            efn_copy(y, x + (size_t)row_of(indices[i], s.length) * s.run, s.run);
}

void efn_gather_ref(const efn_site *site, const uint32_t *words) {
    const efn_gather_op *p = (const efn_gather_op *)words;
    const shape s = shape_of(site, p);
    const int32_t *indices = efn_in(site, p->indices);
    const uint8_t *x = efn_in(site, p->x);
    uint8_t *y = efn_out(site, p->y);
    for (uint32_t a = 0; a < s.outer; a++)
        for (uint32_t i = 0; i < s.count; i++)
            for (uint32_t b = 0; b < s.run; b++)
                *y++ = x[((size_t)a * s.length + row_of(indices[i], s.length)) * s.run + b];
}

// dense_i8_i32 and dense_dynamic: i8 activations whose zero point is known at run time only, by constant weights. The
// sums are taken of the integers as they lie; afterwards the zero points of both sides are taken out of them.
//
// A few weights may be more than their packed i8: what is left of them, the extras, is added one by one.
//
// sum((x - x_zero) * (w - w_zero)) = sum(x * w) - x_zero * sum(w - w_zero) - w_zero * sum(x), all wrapping.
#include "../core/dynamic.h"
#include "../core/lanes.h"
#include "../core/sums_i8.h"
#include "../core/table.h"

// Scratch: panels, x_zero * sum(w - w_zero) [r8(m)], and the sum of each row of x [block].
static uint64_t scratch_bytes(const efn_tensor *x, const efn_tensor *y) {
    const uint64_t rows = efn_block_rows(efn_row_count(x)), k4 = efn_round_up(efn_last_dim(x), 4);
    return efn_sums_bytes(rows, k4) + (rows + efn_round_up(efn_last_dim(y), 8)) * 4;
}

static efn_status check_extras(const efn_plan *plan, uint32_t index, uint32_t m, uint32_t k) {
    const efn_tensor *t = efn_readable(plan, index, EFN_I32);
    EFN_REQUIRE(t && t->place == EFN_WEIGHTS && t->rank == 2 && t->dims[1] == 3, EFN_BAD_OPERAND);
    const efn_extra *extras = (const efn_extra *)(plan->weights + t->offset);
    for (uint32_t i = 0; i < t->dims[0]; i++)
        EFN_REQUIRE(extras[i].column < m && extras[i].step < k, EFN_BAD_WEIGHTS);
    return EFN_OK;
}

static efn_status check(const efn_plan *plan, const efn_weights_i8 *w, uint32_t at_x, const efn_tensor *y) {
    const efn_tensor *x = efn_readable(plan, at_x, EFN_I8);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_REQUIRE(x->rank >= 1 && y->rank >= 1 && efn_row_count(x) == efn_row_count(y), EFN_BAD_SHAPE);
    EFN_REQUIRE((uint64_t)efn_last_dim(x) * efn_block_rows(efn_row_count(x)) <= 1u << 28, EFN_BAD_SHAPE);
    const uint64_t m = efn_round_up(efn_last_dim(y), 8), k4 = efn_round_up(efn_last_dim(x), 4);
    EFN_TRY(efn_check_packed(plan, w->w, EFN_I8, m * k4));
    EFN_TRY(efn_check_packed(plan, w->sums, EFN_I32, m * 4));
    EFN_TRY(efn_check_packed(plan, w->zeros, EFN_I32, m * 4));
    EFN_TRY(check_extras(plan, w->extras, efn_last_dim(y), efn_last_dim(x)));
    EFN_REQUIRE(w->narrow <= 1, EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_apart(x, y, 0));
    return efn_check_scratch(plan, w->scratch, scratch_bytes(x, y), x, y);
}

// Where a run reads: x [rows][k], and the weights.
typedef struct {
    efn_sums_i8 layer;
    const int8_t *x;
    const int32_t *sums, *zeros; // [r8(m)]
    const efn_extra *extras;     // [extra]
    uint32_t extra, rows;
    int32_t x_zero;
} product;

static product product_of(const efn_site *site, const efn_weights_i8 *w, uint32_t x, uint32_t y, int32_t x_zero) {
    const uint32_t k = efn_last_dim(efn_record(site, x)), m = efn_last_dim(efn_record(site, y));
    return (product){
        {efn_in(site, w->w), k, (uint32_t)efn_round_up(k, 4), m, w->narrow},
        efn_in(site, x),
        efn_in(site, w->sums),
        efn_in(site, w->zeros),
        efn_in(site, w->extras),
        efn_record(site, w->extras)->dims[0],
        efn_row_count(efn_record(site, x)),
        x_zero,
    };
}

// What ends a row: y[m], i32 sums, to what the op gives. Sums are of x and w as they lie, `more` [r8(m)] and w_zero *
// total are to be taken away.
typedef struct {
    const int32_t *more, *zeros;
    const float *scales, *bias; // NULL: the sums are wanted
    float x_scale, low, high;
    uint32_t m;
} ending;

EFN_INLINE float end_one(const ending *to, uint32_t j, int32_t sum) {
    return efn_clamp((float)sum * (to->x_scale * to->scales[j]) + to->bias[j], to->low, to->high);
}

static void end_row(const ending *to, int32_t total, int32_t *y) {
    const v128_t all = wasm_i32x4_splat(total), scale = wasm_f32x4_splat(to->x_scale);
    const v128_t low = wasm_f32x4_splat(to->low), high = wasm_f32x4_splat(to->high);
    uint32_t j = 0;
    for (; j + 4 <= to->m; j += 4) {
        v128_t v = wasm_i32x4_sub(wasm_v128_load(y + j), wasm_v128_load(to->more + j));
        v = wasm_i32x4_sub(v, wasm_i32x4_mul(all, wasm_v128_load(to->zeros + j)));
        if (to->scales) {
            const v128_t by = wasm_f32x4_mul(scale, wasm_v128_load(to->scales + j));
            v = wasm_f32x4_add(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(v), by), wasm_v128_load(to->bias + j));
            v = efn_clamp_lanes(v, low, high);
        }
        wasm_v128_store(y + j, v);
    }
    for (; j < to->m; j++) {
        const int32_t sum =
            (int32_t)((uint32_t)y[j] - (uint32_t)to->more[j] - (uint32_t)total * (uint32_t)to->zeros[j]);
        if (to->scales)
            ((float *)y)[j] = end_one(to, j, sum);
        else
            y[j] = sum;
    }
}

// y[rows][m] of x[rows][k].
static void add_extras(const product *of, const int8_t *x, uint32_t rows, int32_t *y) {
    for (uint32_t i = 0; i < of->extra; i++) {
        const efn_extra e = of->extras[i];
        for (uint32_t row = 0; row < rows; row++) {
            int32_t *const sum = &y[(size_t)row * of->layer.m + e.column];
            *sum = (int32_t)((uint32_t)*sum + (uint32_t)x[(size_t)row * of->layer.k + e.step] * (uint32_t)e.amount);
        }
    }
}

static void run(const product *of, ending to, uint8_t *scratch, int32_t *y) {
    const uint32_t block = efn_block_rows(of->rows), m = of->layer.m, wide = (uint32_t)efn_round_up(m, 8);
    int32_t *const more = (int32_t *)(scratch + efn_sums_bytes(block, of->layer.k4)), *const totals = more + wide;
    for (uint32_t j = 0; j < wide; j += 4)
        wasm_v128_store(more + j, wasm_i32x4_mul(wasm_v128_load(of->sums + j), wasm_i32x4_splat(of->x_zero)));
    to.more = more, to.zeros = of->zeros, to.m = m;
    for (uint32_t first = 0; first < of->rows; first += block) {
        const uint32_t rows = efn_min(block, of->rows - first);
        const int8_t *x = of->x + (size_t)first * of->layer.k;
        efn_sums(&of->layer, x, rows, scratch, y + (size_t)first * m, totals);
        add_extras(of, x, rows, y + (size_t)first * m);
        for (uint32_t row = 0; row < rows; row++)
            end_row(&to, totals[row], y + (size_t)(first + row) * m);
    }
}

// One sum, of row `row` and column j.
static int32_t sum_of(const product *of, uint32_t row, uint32_t j) {
    const int8_t *x = of->x + (size_t)row * of->layer.k;
    const int8_t *w = of->layer.w + (size_t)(j / 8) * of->layer.k4 * 8 + j % 8 * 4; // [k4/4][8][4]
    uint32_t sum = 0, total = 0;                                                    // unsigned: wraps
    for (uint32_t i = 0; i < of->layer.k; i++) {
        sum += (uint32_t)(x[i] * w[(size_t)(i / 4) * 32 + i % 4]);
        total += (uint32_t)x[i];
    }
    for (uint32_t i = 0; i < of->extra; i++)
        if (of->extras[i].column == j)
            sum += (uint32_t)x[of->extras[i].step] * (uint32_t)of->extras[i].amount;
    return (int32_t)(sum - (uint32_t)of->x_zero * (uint32_t)of->sums[j] - total * (uint32_t)of->zeros[j]);
}

efn_status efn_dense_i8_i32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_dense_i8_i32 *p = (const efn_dense_i8_i32 *)words;
    const efn_tensor *y = efn_writable(plan, p->y, EFN_I32), *zero = efn_readable(plan, p->zero, EFN_I8);
    EFN_REQUIRE(zero && efn_elements(zero) == 1, EFN_BAD_OPERAND);
    EFN_TRY(check(plan, &p->weights, p->x, y));
    EFN_TRY(efn_check_apart(zero, y, 0));
    return efn_check_scratch(plan, p->weights.scratch, scratch_bytes(&plan->tensors[p->x], y), zero, y);
}

static product product_i32(const efn_site *site, const efn_dense_i8_i32 *p) {
    return product_of(site, &p->weights, p->x, p->y, *(const int8_t *)efn_in(site, p->zero));
}

void efn_dense_i8_i32_simd(const efn_site *site, const uint32_t *words) {
    const efn_dense_i8_i32 *p = (const efn_dense_i8_i32 *)words;
    const product of = product_i32(site, p);
    run(&of, (ending){0}, site->arena + p->weights.scratch, efn_out(site, p->y));
}

void efn_dense_i8_i32_ref(const efn_site *site, const uint32_t *words) {
    const efn_dense_i8_i32 *p = (const efn_dense_i8_i32 *)words;
    const product of = product_i32(site, p);
    int32_t *y = efn_out(site, p->y);
    for (uint32_t row = 0; row < of.rows; row++)
        for (uint32_t j = 0; j < of.layer.m; j++)
            *y++ = sum_of(&of, row, j);
}

efn_status efn_dense_dynamic_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_dense_dynamic *p = (const efn_dense_dynamic *)words;
    const efn_tensor *y = efn_writable(plan, p->y, EFN_F32), *range = efn_check_range(plan, p->range);
    EFN_REQUIRE(range, EFN_BAD_OPERAND);
    EFN_TRY(check(plan, &p->weights, p->x, y));
    const uint64_t m = efn_round_up(efn_last_dim(y), 8);
    EFN_TRY(efn_check_packed(plan, p->scales, EFN_F32, m * 4));
    EFN_TRY(efn_check_packed(plan, p->bias, EFN_F32, m * 4));
    EFN_TRY(efn_check_clamp_f32(p->low, p->high));
    EFN_TRY(efn_check_apart(range, y, 0));
    return efn_check_scratch(plan, p->weights.scratch, scratch_bytes(&plan->tensors[p->x], y), range, y);
}

static product product_dynamic(const efn_site *site, const efn_dense_dynamic *p) {
    return product_of(site, &p->weights, p->x, p->y, efn_dynamic_zero(efn_in(site, p->range)));
}

static ending ending_of(const efn_site *site, const efn_dense_dynamic *p) {
    const float *range = efn_in(site, p->range);
    return (ending){.scales = efn_in(site, p->scales),
                    .bias = efn_in(site, p->bias),
                    .x_scale = range[0],
                    .low = p->low,
                    .high = p->high};
}

void efn_dense_dynamic_simd(const efn_site *site, const uint32_t *words) {
    const efn_dense_dynamic *p = (const efn_dense_dynamic *)words;
    const product of = product_dynamic(site, p);
    run(&of, ending_of(site, p), site->arena + p->weights.scratch, efn_out(site, p->y));
}

void efn_dense_dynamic_ref(const efn_site *site, const uint32_t *words) {
    const efn_dense_dynamic *p = (const efn_dense_dynamic *)words;
    const product of = product_dynamic(site, p);
    const ending to = ending_of(site, p);
    float *y = efn_out(site, p->y);
    for (uint32_t row = 0; row < of.rows; row++)
        for (uint32_t j = 0; j < of.layer.m; j++)
            *y++ = end_one(&to, j, sum_of(&of, row, j));
}

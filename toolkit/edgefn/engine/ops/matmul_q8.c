// matmul_q8: batches of i8 matrices, both sides computed at run time, in TFLite's arithmetic. The right side is packed
// as the weights of a dense layer are, and goes through the same tiles.
#include "../core/check.h"
#include "../core/fixed.h"
#include "../core/sums_i8.h"
#include "../core/table.h"

#define MOST (1u << 30) // of a size or a stride
#define PANEL (1u << 28)

// What a run works with: b packed [r8(n)/8][k4/4][8][4], then what to take away from each column's sums [r8(n)]; panels
// of a block of a's rows, its sums [block][n] and the total of each row [block].
static uint64_t scratch_bytes(const efn_matmul_q8 *p) {
    const uint64_t wide = efn_round_up(p->n, 8), k4 = efn_round_up(p->k, 4), block = efn_block_rows(p->m);
    return wide * k4 + wide * 4 + efn_sums_bytes(block, k4) + block * (p->n + 1ull) * 4;
}

static efn_status check_factor(const efn_matmul_q8 *p) {
    if (p->rounding == 0) {
        const int32_t mult = (int32_t)p->factor[0], shift = (int32_t)p->factor[1];
        return efn_multiplier_valid(mult) && -31 <= shift && shift <= 30 ? EFN_OK : EFN_BAD_PARAMETER;
    }
    double by;
    __builtin_memcpy(&by, p->factor, 8);
    return p->rounding == 1 && by > 0 && by < __builtin_inf() ? EFN_OK : EFN_BAD_PARAMETER;
}

efn_status efn_matmul_q8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_matmul_q8 *p = (const efn_matmul_q8 *)words;
    const efn_tensor *a = efn_readable(plan, p->a, EFN_I8), *b = efn_readable(plan, p->b, EFN_I8);
    const efn_tensor *y = efn_writable(plan, p->y, EFN_I8);
    EFN_REQUIRE(a && b && y, EFN_BAD_OPERAND);
    const uint32_t sizes[4] = {p->batch, p->m, p->n, p->k};
    for (int i = 0; i < 4; i++)
        EFN_REQUIRE(1 <= sizes[i] && sizes[i] <= MOST, EFN_BAD_PARAMETER);
    EFN_REQUIRE(p->a_step <= MOST && p->b_step <= MOST && p->b_row <= MOST && p->b_column <= MOST, EFN_BAD_PARAMETER);
    const uint64_t batches = p->batch - 1;
    const uint64_t last_b = batches * p->b_step + (uint64_t)(p->k - 1) * p->b_row + (uint64_t)(p->n - 1) * p->b_column;
    EFN_REQUIRE(batches * p->a_step + (uint64_t)p->m * p->k <= efn_elements(a), EFN_BAD_SHAPE);
    EFN_REQUIRE(last_b < efn_elements(b), EFN_BAD_SHAPE);
    const uint64_t matrix = (uint64_t)p->m * p->n; // at most 2^60
    EFN_REQUIRE(matrix <= MOST && matrix * p->batch == efn_elements(y), EFN_BAD_SHAPE);
    EFN_REQUIRE((uint64_t)p->k * efn_block_rows(p->m) <= PANEL, EFN_BAD_SHAPE);
    EFN_TRY(check_factor(p));
    EFN_TRY(efn_check_zero(p->a_zero));
    EFN_TRY(efn_check_zero(p->b_zero));
    EFN_TRY(efn_check_zero(p->y_zero));
    EFN_TRY(efn_check_clamp_i8(p->low, p->high));
    EFN_TRY(efn_check_apart(a, y, 0));
    EFN_TRY(efn_check_apart(b, y, 0));
    EFN_TRY(efn_check_scratch(plan, p->scratch, scratch_bytes(p), a, y));
    return efn_check_scratch(plan, p->scratch, scratch_bytes(p), b, y);
}

// What the sums of a block become.
typedef struct {
    const int32_t *more; // [r8(n)]: to be taken away from each column's sums
    int32_t mult[4], left[4], right[4];
    double by[4];
    uint32_t rounding, n;
    int32_t b_zero, y_zero, low, high;
} ending;

static ending ending_of(const efn_matmul_q8 *p, const int32_t *more) {
    ending to = {more, {0}, {0}, {0}, {0}, p->rounding, p->n, p->b_zero, p->y_zero, p->low, p->high};
    double by;
    __builtin_memcpy(&by, p->factor, 8);
    for (int i = 0; i < 4; i++) {
        to.mult[i] = (int32_t)p->factor[0];
        to.left[i] = p->rounding == 0 ? efn_left_factor((int32_t)p->factor[1]) : 0;
        to.right[i] = p->rounding == 0 ? efn_right_factor((int32_t)p->factor[1]) : 0;
        to.by[i] = by;
    }
    return to;
}

static int8_t end_one(const efn_matmul_q8 *p, int32_t sum) {
    double by;
    __builtin_memcpy(&by, p->factor, 8);
    const int32_t v =
        p->rounding == 0 ? efn_scaled(sum, (int32_t)p->factor[0], (int32_t)p->factor[1]) : efn_scaled_f64(sum, by);
    return efn_ended(v, p->y_zero, p->low, p->high);
}

static v128_t four(const ending *to, const int32_t *sums, uint32_t j, v128_t less) {
    const v128_t v = wasm_i32x4_sub(wasm_i32x4_sub(wasm_v128_load(sums + j), wasm_v128_load(to->more + j)), less);
    return to->rounding == 0 ? efn_scaled_lanes(v, to->mult, to->left, to->right) : efn_scaled_f64_lanes(v, to->by);
}

// y[n] of sums[n] of a row of a, the total of which is `total`.
static void end_row(const efn_matmul_q8 *p, const ending *to, const int32_t *sums, int32_t total, int8_t *y) {
    const int32_t less = (int32_t)((uint32_t)to->b_zero * (uint32_t)total);
    const efn_ending bounds = efn_ending_of(to->y_zero, to->low, to->high);
    uint32_t j = 0;
    for (; j + 8 <= to->n; j += 8) {
        const v128_t all = wasm_i32x4_splat(less);
        const v128_t v = efn_ended_lanes(four(to, sums, j, all), four(to, sums, j + 4, all), &bounds);
        wasm_v128_store64_lane(y + j, v, 0);
    }
    for (; j < to->n; j++)
        y[j] = end_one(p, (int32_t)((uint32_t)sums[j] - (uint32_t)to->more[j] - (uint32_t)less));
}

// Eight columns from b on, of which `columns` are there, to w [k4/4][8][4].
static void pack_eight(const efn_matmul_q8 *p, const int8_t *b, uint32_t columns, int8_t *w) {
    uint32_t i = 0;
    if (p->b_column == 1 && columns == 8)
        for (; i + 4 <= p->k; i += 4, w += 32) {
            const int8_t *row = b + (size_t)i * p->b_row;
            const v128_t zero = wasm_i8x16_const_splat(0);
            const v128_t r0 = wasm_v128_load64_lane(row, zero, 0), r1 = wasm_v128_load64_lane(row + p->b_row, zero, 0);
            const v128_t r2 = wasm_v128_load64_lane(row + 2 * (size_t)p->b_row, zero, 0);
            const v128_t r3 = wasm_v128_load64_lane(row + 3 * (size_t)p->b_row, zero, 0);
            const v128_t first = wasm_i8x16_shuffle(r0, r1, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            const v128_t second = wasm_i8x16_shuffle(r2, r3, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            wasm_v128_store(w, wasm_i16x8_shuffle(first, second, 0, 8, 1, 9, 2, 10, 3, 11));
            wasm_v128_store(w + 16, wasm_i16x8_shuffle(first, second, 4, 12, 5, 13, 6, 14, 7, 15));
        }
    for (; i < p->k; i += 4, w += 32)
        for (uint32_t j = 0; j < 8; j++)
            for (uint32_t l = 0; l < 4; l++)
                w[j * 4 + l] =
                    j < columns && i + l < p->k ? b[(size_t)(i + l) * p->b_row + (size_t)j * p->b_column] : (int8_t)0;
}

// What the zero points add to the sums of each of eight columns of w [k4/4][8][4].
static void add_up(const efn_matmul_q8 *p, const int8_t *w, uint32_t k4, int32_t *more) {
    for (uint32_t j = 0; j < 8; j++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < k4; i += 4)
            for (uint32_t l = 0; l < 4; l++)
                sum += (uint32_t)w[(size_t)i * 8 + j * 4 + l];
        more[j] = (int32_t)((uint32_t)p->a_zero * (sum - p->k * (uint32_t)p->b_zero));
    }
}

static void one_simd(const efn_matmul_q8 *p, uint8_t *scratch, const int8_t *a, const int8_t *b, int8_t *y) {
    const uint32_t block = efn_block_rows(p->m), k4 = (uint32_t)efn_round_up(p->k, 4);
    const size_t wide = (size_t)efn_round_up(p->n, 8);
    int8_t *const w = (int8_t *)scratch;
    int32_t *const more = (int32_t *)(scratch + wide * k4);
    uint8_t *const panels = (uint8_t *)(more + wide);
    int32_t *const sums = (int32_t *)(panels + efn_sums_bytes(block, k4)), *const totals = sums + (size_t)block * p->n;
    for (uint32_t j = 0; j < p->n; j += 8) {
        pack_eight(p, b + (size_t)j * p->b_column, efn_min(8, p->n - j), w + (size_t)j * k4);
        add_up(p, w + (size_t)j * k4, k4, more + j);
    }
    const efn_sums_i8 layer = {w, p->k, k4, p->n, 0};
    const ending to = ending_of(p, more);
    for (uint32_t first = 0; first < p->m; first += block) {
        const uint32_t rows = efn_min(block, p->m - first);
        efn_sums(&layer, a + (size_t)first * p->k, rows, panels, sums, totals);
        for (uint32_t row = 0; row < rows; row++)
            end_row(p, &to, sums + (size_t)row * p->n, totals[row], y + (size_t)(first + row) * p->n);
    }
}

void efn_matmul_q8_simd(const efn_site *site, const uint32_t *words) {
    const efn_matmul_q8 *p = (const efn_matmul_q8 *)words;
    const int8_t *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    int8_t *y = efn_out(site, p->y);
    for (uint32_t t = 0; t < p->batch; t++)
        one_simd(p, site->arena + p->scratch, a + (size_t)t * p->a_step, b + (size_t)t * p->b_step,
                 y + (size_t)t * p->m * p->n);
}

void efn_matmul_q8_ref(const efn_site *site, const uint32_t *words) {
    const efn_matmul_q8 *p = (const efn_matmul_q8 *)words;
    int8_t *y = efn_out(site, p->y);
    for (uint32_t t = 0; t < p->batch; t++)
        for (uint32_t i = 0; i < p->m; i++)
            for (uint32_t j = 0; j < p->n; j++) {
                const int8_t *a = (const int8_t *)efn_in(site, p->a) + (size_t)t * p->a_step + (size_t)i * p->k;
                const int8_t *b = (const int8_t *)efn_in(site, p->b) + (size_t)t * p->b_step + (size_t)j * p->b_column;
                uint32_t sum = 0; // unsigned: wraps
                for (uint32_t l = 0; l < p->k; l++)
                    sum += (uint32_t)((a[l] - p->a_zero) * (b[(size_t)l * p->b_row] - p->b_zero));
                *y++ = end_one(p, (int32_t)sum);
            }
}

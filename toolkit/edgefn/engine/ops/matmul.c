// matmul: batches of matrices, both sides computed at run time, each read by its own strides, so that transposed and
// interleaved ones (the heads of an attention) need no copy. Both are packed into panels and go through the same tiles
// as a dense layer.
#include "../core/check.h"
#include "../core/gemm.h"
#include "../core/table.h"

#define MOST (1u << 30) // of a size or a stride, so that sums of their products stay below 2^63

// Scratch: panels of b [r8(n)/8][k][8], panels of a [rows/4][k][4], and a bias of zeros [r8(n)].
static uint64_t scratch_bytes(const efn_matmul_f32 *p) {
    const uint64_t n = efn_round_up(p->n, 8);
    return (n * ((uint64_t)p->k + 1) + (uint64_t)efn_block_rows(p->m) * p->k) * 4;
}

// A matrix of rows by columns in every batch lies inside t; `step` is 0 for a and 1 for b.
static efn_status check_inside(const efn_matmul_f32 *p, const efn_tensor *t, const efn_matrix *at, uint64_t rows,
                               uint64_t columns, int step) {
    EFN_REQUIRE(at->first <= MOST && at->row <= MOST && at->column <= MOST, EFN_BAD_PARAMETER);
    uint64_t last = at->first + (rows - 1) * at->row + (columns - 1) * at->column;
#pragma nounroll
    for (int i = 0; i < 4; i++) {
        const uint32_t apart = step == 0 ? p->batch[i].a : p->batch[i].b;
        EFN_REQUIRE(apart <= MOST, EFN_BAD_PARAMETER);
        last += (uint64_t)(p->batch[i].size - 1) * apart;
    }
    return last < efn_elements(t) ? EFN_OK : EFN_BAD_SHAPE;
}

// Every element of y belongs to one matrix: from the innermost, each axis steps over all that the ones before it fill.
static efn_status check_filled(const efn_matmul_f32 *p, const efn_tensor *y) {
    const uint32_t sizes[5] = {p->batch[0].size, p->batch[1].size, p->batch[2].size, p->batch[3].size, p->m};
    const uint32_t steps[5] = {p->batch[0].y, p->batch[1].y, p->batch[2].y, p->batch[3].y, p->y_row};
    uint64_t filled = p->n;
    uint32_t left = 0; // axes of more than one element that have not been stepped over, as bits
    for (uint32_t i = 0; i < 5; i++)
        left |= (uint32_t)(sizes[i] > 1) << i;
#pragma nounroll
    for (uint32_t round = 0; round < 5; round++)
#pragma nounroll
        for (uint32_t i = 0; i < 5; i++)
            if (left >> i & 1 && steps[i] == filled && filled * sizes[i] <= MOST) {
                filled *= sizes[i];
                left &= ~(1u << i);
            }
    return left == 0 && filled == efn_elements(y) ? EFN_OK : EFN_BAD_SHAPE;
}

efn_status efn_matmul_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_matmul_f32 *p = (const efn_matmul_f32 *)words;
    const efn_tensor *a = efn_readable(plan, p->a, EFN_F32), *b = efn_readable(plan, p->b, EFN_F32);
    const efn_tensor *y = efn_writable(plan, p->y, EFN_F32);
    EFN_REQUIRE(a && b && y, EFN_BAD_OPERAND);
    uint32_t sizes[7] = {p->m, p->n, p->k};
    for (int i = 0; i < 4; i++)
        sizes[3 + i] = p->batch[i].size;
    for (int i = 0; i < 7; i++)
        EFN_REQUIRE(1 <= sizes[i] && sizes[i] <= MOST, EFN_BAD_PARAMETER);
    EFN_REQUIRE(efn_finite_positive(p->scale), EFN_BAD_PARAMETER);
    EFN_TRY(check_inside(p, a, &p->a_at, p->m, p->k, 0));
    EFN_TRY(check_inside(p, b, &p->b_at, p->k, p->n, 1));
    EFN_TRY(check_filled(p, y));
    EFN_TRY(efn_check_apart(a, y, 0));
    EFN_TRY(efn_check_apart(b, y, 0));
    EFN_TRY(efn_check_scratch(plan, p->scratch, scratch_bytes(p), a, y));
    return efn_check_scratch(plan, p->scratch, scratch_bytes(p), b, y);
}

// Where the matrices of one batch begin.
typedef struct {
    const float *a, *b;
    float *y;
} place;

static uint32_t batches_of(const efn_matmul_f32 *p) {
    return p->batch[0].size * p->batch[1].size * p->batch[2].size * p->batch[3].size;
}

static EFN_NOINLINE place place_of(const efn_site *site, const efn_matmul_f32 *p, uint32_t number) {
    const float *a = efn_in(site, p->a), *b = efn_in(site, p->b);
    place at = {a + p->a_at.first, b + p->b_at.first, efn_out(site, p->y)};
#pragma nounroll
    for (uint32_t i = 4; i-- > 0; number /= p->batch[i].size) {
        const uint32_t by = number % p->batch[i].size;
        at.a += (size_t)p->batch[i].a * by;
        at.b += (size_t)p->batch[i].b * by;
        at.y += (size_t)p->batch[i].y * by;
    }
    return at;
}

// Lines of a matrix that become the lanes of a panel: `apart` from one to the next, `along` from step to step.
typedef struct {
    uint32_t apart, along, k;
} lines;

// to [k][lanes] from `count` lines, the last repeated in the lanes that are left.
EFN_INLINE void pack(const lines *of, const float *from, uint32_t count, float *to, const uint32_t lanes) {
    const uint32_t k = of->k;
    uint32_t i = 0;
    if (of->along == 1) {
        for (; i + 4 <= k; i += 4)
#pragma unroll
            for (uint32_t lane = 0; lane < lanes; lane += 4) {
                v128_t r[4];
#pragma unroll
                for (uint32_t j = 0; j < 4; j++)
                    r[j] = wasm_v128_load(from + (size_t)efn_min(lane + j, count - 1) * of->apart + i);
                efn_transpose_lanes(r);
#pragma unroll
                for (uint32_t j = 0; j < 4; j++)
                    wasm_v128_store(to + (size_t)(i + j) * lanes + lane, r[j]);
            }
    } else if (of->apart == 1 && count == lanes) {
        for (; i < k; i++)
#pragma unroll
            for (uint32_t lane = 0; lane < lanes; lane += 4)
                wasm_v128_store(to + (size_t)i * lanes + lane, wasm_v128_load(from + (size_t)i * of->along + lane));
    }
    for (; i < k; i++)
        for (uint32_t lane = 0; lane < lanes; lane++)
            to[(size_t)i * lanes + lane] = from[(size_t)efn_min(lane, count - 1) * of->apart + (size_t)i * of->along];
}

static EFN_NOINLINE void pack_four(const lines *of, const float *from, uint32_t count, float *to) {
    pack(of, from, count, to, 4);
}

static EFN_NOINLINE void pack_eight(const lines *of, const float *from, uint32_t count, float *to) {
    pack(of, from, count, to, 8);
}

// y [rows][n], its rows `stride` apart.
static void multiply(float *y, uint32_t rows, uint32_t n, uint32_t stride, float scale) {
    const v128_t by = wasm_f32x4_splat(scale);
    for (uint32_t row = 0; row < rows; row++, y += stride) {
        uint32_t j = 0;
        for (; j + 4 <= n; j += 4)
            wasm_v128_store(y + j, wasm_f32x4_mul(wasm_v128_load(y + j), by));
        for (; j < n; j++)
            y[j] *= scale;
    }
}

static void one_simd(const efn_site *site, const efn_matmul_f32 *p, place at) {
    const uint32_t m = p->m, n = p->n, k = p->k, block = efn_block_rows(m), wide = (uint32_t)efn_round_up(n, 8);
    float *const w = (float *)(site->arena + p->scratch); // [wide / 8][k][8]
    float *const panels = w + (size_t)wide * k;           // [block / 4][k][4]
    float *const zeros = panels + (size_t)block * k;      // [wide]
    const efn_layer_f32 layer = {w, zeros, k, n, -__builtin_inff(), __builtin_inff(), p->y_row};
    const lines rows = {p->a_at.row, p->a_at.column, k}, columns = {p->b_at.column, p->b_at.row, k};
    efn_fill(zeros, 0, wide * 4);
    for (uint32_t column = 0; column < n; column += 8)
        pack_eight(&columns, at.b + (size_t)column * p->b_at.column, efn_min(8, n - column), w + (size_t)column * k);
    for (uint32_t first = 0; first < m; first += block) {
        const uint32_t some = efn_min(block, m - first);
        for (uint32_t row = 0; row < some; row += 4)
            pack_four(&rows, at.a + (size_t)(first + row) * p->a_at.row, efn_min(4, some - row),
                      panels + (size_t)row * k);
        efn_gemm_panels_f32(&layer, panels, some, at.y + (size_t)first * p->y_row);
    }
    if (p->scale != 1)
        multiply(at.y, m, n, p->y_row, p->scale);
}

void efn_matmul_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_matmul_f32 *p = (const efn_matmul_f32 *)words;
    const uint32_t batches = batches_of(p);
    for (uint32_t number = 0; number < batches; number++)
        one_simd(site, p, place_of(site, p, number));
}

static void one_ref(const efn_matmul_f32 *p, place at) {
    for (uint32_t i = 0; i < p->m; i++)
        for (uint32_t j = 0; j < p->n; j++) {
            const float *a = at.a + (size_t)i * p->a_at.row, *b = at.b + (size_t)j * p->b_at.column;
            float acc = 0;
            for (uint32_t l = 0; l < p->k; l++, a += p->a_at.column, b += p->b_at.row)
                acc += *a * *b;
            at.y[(size_t)i * p->y_row + j] = acc * p->scale;
        }
}

void efn_matmul_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_matmul_f32 *p = (const efn_matmul_f32 *)words;
    const uint32_t batches = batches_of(p);
    for (uint32_t number = 0; number < batches; number++)
        one_ref(p, place_of(site, p, number));
}

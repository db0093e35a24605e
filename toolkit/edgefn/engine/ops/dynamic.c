// dynamic_range and dynamic_quantize: ONNX's DynamicQuantizeLinear. The range of a tensor, 0 included, becomes a scale
// and a zero point; with them the tensor becomes i8, 128 below ONNX's u8.
#include "../core/dynamic.h"
#include "../core/check.h"
#include "../core/lanes.h"
#include "../core/table.h"

efn_status efn_dynamic_range_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_unary *p = (const efn_unary *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_check_range(plan, p->y);
    EFN_REQUIRE(x && y && y->place == EFN_ARENA, EFN_BAD_OPERAND);
    return efn_check_apart(x, y, 0);
}

#define LANES 4 // vectors at a time, so that none waits for the one before it

// Least and most of x and 0; NaN counts for nothing.
typedef struct {
    float least, most;
} extent;

static extent extent_from(extent e, const float *x, uint32_t i, uint32_t n) {
    for (; i < n; i++) {
        e.least = x[i] < e.least ? x[i] : e.least;
        e.most = e.most < x[i] ? x[i] : e.most;
    }
    return e;
}

static void store_range(extent e, float *range) {
    const float scale = e.least == e.most ? 1 : (e.most - e.least) / 255;
    const float zero = -(e.least / scale);
    range[0] = scale;
    range[1] = __builtin_rintf(zero >= 0 ? zero < 255 ? zero : 255 : 0);
}

void efn_dynamic_range_f32_simd(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const float *x = efn_in(site, p->x); // [n]
    const uint32_t n = efn_elements(efn_record(site, p->x));
    v128_t least[LANES], most[LANES];
#pragma unroll
    for (uint32_t j = 0; j < LANES; j++)
        least[j] = most[j] = wasm_f32x4_const_splat(0);
    uint32_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
#pragma unroll
        for (uint32_t j = 0; j < LANES; j++) {
            const v128_t v = wasm_v128_load(x + i + 4 * j);
            least[j] = wasm_f32x4_pmin(least[j], v);
            most[j] = wasm_f32x4_pmax(most[j], v);
        }
    float lanes[8 * LANES];
#pragma unroll
    for (uint32_t j = 0; j < LANES; j++) {
        wasm_v128_store(lanes + 8 * j, least[j]);
        wasm_v128_store(lanes + 8 * j + 4, most[j]);
    }
    store_range(extent_from(extent_from((extent){0, 0}, lanes, 0, 8 * LANES), x, i, n), efn_out(site, p->y));
}

void efn_dynamic_range_f32_ref(const efn_site *site, const uint32_t *words) {
    const efn_unary *p = (const efn_unary *)words;
    const uint32_t n = efn_elements(efn_record(site, p->x));
    store_range(extent_from((extent){0, 0}, efn_in(site, p->x), 0, n), efn_out(site, p->y));
}

efn_status efn_dynamic_quantize_f32_i8_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_dynamic_quantize *p = (const efn_dynamic_quantize *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_I8);
    const efn_tensor *range = efn_check_range(plan, p->range);
    EFN_REQUIRE(x && y && range, EFN_BAD_OPERAND);
    EFN_REQUIRE(efn_elements(x) == efn_elements(y), EFN_BAD_SHAPE);
    EFN_TRY(efn_check_apart(range, y, 0));
    return efn_check_apart(x, y, 0);
}

static void quantize_from(const float *range, const float *x, int8_t *y, uint32_t i, uint32_t n) {
    const int32_t zero = efn_dynamic_zero(range);
    for (; i < n; i++)
        y[i] = efn_narrow(x[i] / range[0], zero, -128, 127);
}

void efn_dynamic_quantize_f32_i8_simd(const efn_site *site, const uint32_t *words) {
    const efn_dynamic_quantize *p = (const efn_dynamic_quantize *)words;
    const float *x = efn_in(site, p->x), *range = efn_in(site, p->range); // [n], [2]
    int8_t *y = efn_out(site, p->y);                                      // [n]
    const uint32_t n = efn_elements(efn_record(site, p->y));
    const v128_t scale = wasm_f32x4_splat(range[0]);
    const efn_narrowing to = efn_narrowing_of(efn_dynamic_zero(range), -128, 127);
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        const v128_t low = efn_narrow_lanes(wasm_f32x4_div(wasm_v128_load(x + i), scale), &to);
        const v128_t high = efn_narrow_lanes(wasm_f32x4_div(wasm_v128_load(x + i + 4), scale), &to);
        wasm_v128_store64_lane(y + i, efn_to_i8(low, high), 0);
    }
    quantize_from(range, x, y, i, n);
}

void efn_dynamic_quantize_f32_i8_ref(const efn_site *site, const uint32_t *words) {
    const efn_dynamic_quantize *p = (const efn_dynamic_quantize *)words;
    quantize_from(efn_in(site, p->range), efn_in(site, p->x), efn_out(site, p->y), 0,
                  efn_elements(efn_record(site, p->y)));
}

// What depthwise convolutions of all types share: shapes and weights.
#ifndef EFN_DEPTHWISE_H
#define EFN_DEPTHWISE_H

#include "../core/check.h"
#include "../core/lines.h"

// All but scratch; w of [kh * kw][r8(C)] items.
EFN_INLINE efn_status efn_check_depthwise(const efn_plan *plan, const efn_window *window, const efn_tensor *x,
                                          const efn_tensor *y, uint32_t w, uint8_t dtype) {
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_window(window, x, y));
    EFN_REQUIRE(x->dims[3] == y->dims[3], EFN_BAD_SHAPE);
    EFN_TRY(efn_check_apart(x, y, 0));
    const uint64_t item = efn_item_size(dtype), taps = (uint64_t)window->kh * window->kw;
    EFN_REQUIRE(efn_line_pixels(window, y) * y->dims[3] * item <= 1u << 28, EFN_BAD_SHAPE);
    return efn_check_packed(plan, w, dtype, taps * efn_round_up(x->dims[3], 8) * item);
}

// Scratch: w for small windows, [blocks][kh * kw] vectors, then the input.
EFN_INLINE uint64_t efn_depthwise_bytes(const efn_window *window, const efn_tensor *y, uint64_t lanes) {
    const uint64_t weights = (uint64_t)window->kh * window->kw * efn_blocks(y->dims[3], lanes) * 16;
    return weights + efn_lines_bytes(window, y, lanes);
}

// Windows of which everything but the number of rows is constant in the code: dense, with no more rows than taps in
// one.
typedef struct {
    uint32_t kw, step; // 3 or 5, 1 or 2; any other window has 0
} efn_small;

EFN_INLINE efn_small efn_small_of(const efn_window *window) {
    const int wide = window->kw == 3 || window->kw == 5;
    const int small = wide && window->kh <= window->kw && window->dilation_w == 1 && window->stride_w <= 2;
    return small ? (efn_small){window->kw, window->stride_w} : (efn_small){0, 0};
}

#endif

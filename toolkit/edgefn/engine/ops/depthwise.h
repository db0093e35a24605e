// What depthwise convolutions of all types share: shapes and working memory, how to step in a line, where a tap lies.
#ifndef EFN_DEPTHWISE_H
#define EFN_DEPTHWISE_H

#include "../core/check.h"
#include "../core/lines.h"

// Shapes, w of [kh * kw][r8(C)] items, and scratch: `more` bytes a channel, then lines.
EFN_INLINE efn_status efn_check_depthwise(const efn_plan *plan, const efn_window *window, const efn_tensor *x,
                                          const efn_tensor *y, uint32_t w, uint8_t dtype, uint32_t scratch,
                                          uint32_t more) {
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_window(window, x, y));
    EFN_REQUIRE(x->dims[3] == y->dims[3], EFN_BAD_SHAPE);
    EFN_TRY(efn_check_apart(x, y, 0));
    const uint64_t item = efn_item_size(dtype), taps = (uint64_t)window->kh * window->kw;
    EFN_REQUIRE(efn_line_pixels(window, y) * y->dims[3] * item <= 1u << 28, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_packed(plan, w, dtype, taps * efn_round_up(x->dims[3], 8) * item));
    return efn_check_scratch(plan, scratch, efn_round_up(y->dims[3], 8) * more + efn_lines_bytes(window, y, item), x,
                             y);
}

// How to step in a line, in elements: from pixel to pixel of y, and from tap to tap.
typedef struct {
    uint32_t kh, kw, step, hop, wide; // wide: pixels of a row of y
} efn_grid;

EFN_INLINE efn_grid efn_grid_of(const efn_window *window, const efn_tensor *y) {
    const uint32_t c = y->dims[3];
    return (efn_grid){window->kh, window->kw, window->stride_w * c, window->dilation_w * c, y->dims[2]};
}

#endif

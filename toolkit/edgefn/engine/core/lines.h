// The input rows that a row of output pixels sees, as lines that are padded left and right as the windows want it, so
// that every pixel of the row is computed alike.
#ifndef EFN_LINES_H
#define EFN_LINES_H

#include "image.h"
#include "table.h"

typedef struct {
    efn_image image;
    uint32_t line;      // bytes of one
    efn_address *lines; // [kh], what the current row of y sees
    int32_t *held;      // [kh], the input row that buffer i holds; -1 for none
    uint8_t *buffers;   // [kh + 1][line], the last one outside the input
} efn_lines;

// Pixels that the windows of one row of y cover.
EFN_INLINE uint64_t efn_line_pixels(const efn_window *window, const efn_tensor *y) {
    return (uint64_t)(y->dims[2] - 1) * window->stride_w + (uint64_t)(window->kw - 1) * window->dilation_w + 1;
}

// A line for each kernel row and one outside the input, [pixels][C]; for each, its address and the input row it holds.
EFN_INLINE uint64_t efn_lines_bytes(const efn_window *window, const efn_tensor *y, uint64_t item) {
    const uint64_t line = efn_line_pixels(window, y) * y->dims[3] * item;
    return 8ull * window->kh + (window->kh + 1ull) * line;
}

// Lines in `scratch`, of efn_lines_bytes; efn_forget comes before the first look.
efn_lines efn_lines_of(const efn_site *site, const efn_window *window, uint32_t x, uint32_t y, uint8_t *scratch,
                       uint32_t item, uint8_t outside);
// Hold no input row any more: before each image.
void efn_forget(const efn_lines *v);
// Set the lines that row oy of image n sees.
void efn_look(const efn_lines *v, uint32_t n, uint32_t oy);

#endif

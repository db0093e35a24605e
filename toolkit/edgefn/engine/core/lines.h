// The input rows that a row of output pixels of a depthwise convolution sees, padded left and right and copied into
// blocks of as many channels as a vector holds (i8 widened to i16), so that what a window reads lies ready at constant
// places. The last block of an odd C overlaps the one before it.
#ifndef EFN_LINES_H
#define EFN_LINES_H

#include "image.h"
#include "table.h"

#define EFN_LANES_F32 4
#define EFN_LANES_I8 8

typedef struct {
    efn_image image;
    uint32_t c, lanes, blocks;
    uint32_t pixels;    // of a line, with what is outside on both sides
    v128_t *buffers;    // [kh + 1] lines, each [blocks][pixels], the last one outside the input
    efn_address *lines; // [kh], what the current row of y sees
    int32_t *held;      // [kh], the input row that buffer i holds; -1 for none
} efn_lines;

// Pixels that the windows of one row of y cover.
EFN_INLINE uint64_t efn_line_pixels(const efn_window *window, const efn_tensor *y) {
    return (uint64_t)(y->dims[2] - 1) * window->stride_w + (uint64_t)(window->kw - 1) * window->dilation_w + 1;
}

EFN_INLINE uint64_t efn_blocks(uint64_t c, uint64_t lanes) {
    return (c + lanes - 1) / lanes;
}

// Where the channels of a block lie in a pixel.
EFN_INLINE uint32_t efn_block_begin(uint32_t c, const uint32_t lanes, uint32_t block) {
    return c < lanes ? 0 : efn_min(lanes * block, c - lanes);
}

// A line for each kernel row and one outside the input; for each, its address and the input row it holds.
EFN_INLINE uint64_t efn_lines_bytes(const efn_window *window, const efn_tensor *y, uint64_t lanes) {
    const uint64_t line = efn_line_pixels(window, y) * efn_blocks(y->dims[3], lanes) * 16;
    return 8ull * window->kh + (window->kh + 1ull) * line;
}

// Lines in `scratch`, of efn_lines_bytes and aligned to 16; efn_forget comes before the first look.
efn_lines efn_lines_of(const efn_site *site, const efn_window *window, uint32_t x, uint32_t y, uint8_t *scratch,
                       uint32_t lanes, uint8_t outside);
// Hold no input row any more: before each image.
void efn_forget(const efn_lines *v);
// Set the lines that row oy of image n sees.
void efn_look(const efn_lines *v, uint32_t n, uint32_t oy);

#endif

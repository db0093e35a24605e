// The input rows that a row of output pixels of a depthwise convolution sees, widened to i16 and copied into blocks of
// eight channels, padded left and right, so that what a window reads lies ready at constant places. The last block of
// an odd C overlaps the one before it.
#ifndef EFN_BLOCKS_H
#define EFN_BLOCKS_H

#include "lines.h"

#define EFN_LANES 8

typedef struct {
    efn_image image;
    uint32_t c, blocks;
    uint32_t pixels;    // of a line, with what is outside on both sides
    efn_address *lines; // [kh], i16 [blocks][pixels][8], what the current row of y sees
    int32_t *held;      // [kh], the input row that buffer i holds; -1 for none
    int16_t *buffers;   // [kh + 1] lines, the last one outside the input
} efn_blocks;

// Where the channels of a block lie in a pixel.
EFN_INLINE uint32_t efn_block_begin(uint32_t c, uint32_t block) {
    return c < EFN_LANES ? 0 : efn_min(EFN_LANES * block, c - EFN_LANES);
}

// Of lines, held and buffers.
EFN_INLINE uint64_t efn_blocks_bytes(const efn_window *window, const efn_tensor *y) {
    const uint64_t line = efn_line_pixels(window, y) * efn_round_up(y->dims[3], EFN_LANES) * 2;
    return 8ull * window->kh + (window->kh + 1ull) * line;
}

// Of an op's input, in `scratch`; efn_blocks_forget comes before the first look.
efn_blocks efn_blocks_of(const efn_site *site, const efn_conv_i8 *p, uint8_t *scratch);
// Hold no input row any more: before each image.
void efn_blocks_forget(const efn_blocks *v);
// Set the lines that row oy of image n sees.
void efn_blocks_look(const efn_blocks *v, uint32_t n, uint32_t oy);

#endif

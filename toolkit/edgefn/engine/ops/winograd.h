// winograd: a convolution with a window of 3x3 that moves by one pixel, by F(2x2, 3x3) of Winograd ("Arithmetic
// complexity of computations", 1980) as Lavin and Gray have it ("Fast algorithms for convolutional neural networks",
// 2015): a tile of 2x2 output pixels takes 16 products of transformed input and weights for each channel, not 36.
//
// A block of tiles is transformed into panels for each of the 16 points. The panels are multiplied by the weights of
// eight columns, and the 16 sums of a tile are transformed into its four pixels.
#ifndef EFN_WINOGRAD_H
#define EFN_WINOGRAD_H

#include "../core/check.h"
#include "../core/table.h"

enum { EFN_POINTS = 16, EFN_TILES = 24, EFN_TILE_CHANNELS = 2048 };

// The input of tiles, row by row, image by image.
typedef struct {
    const uint8_t *x; // [n][h][w][pixel bytes]
    uint32_t h, w, pixel, pad_top, pad_left;
    uint32_t high, wide; // tiles
    uint8_t outside;     // the byte that is outside the input
} efn_mosaic;

// Where a tile lies.
typedef struct {
    uint32_t n, y, x;
} efn_tile;

EFN_INLINE uint64_t efn_tiles(const efn_tensor *y) {
    return (uint64_t)y->dims[0] * ((y->dims[1] + 1) / 2) * ((y->dims[2] + 1) / 2);
}

// Tiles of a block, a multiple of four.
EFN_INLINE uint32_t efn_block_tiles(const efn_tensor *y) {
    return efn_tiles(y) < EFN_TILES ? (uint32_t)efn_round_up(efn_tiles(y), 4) : EFN_TILES;
}

// Shapes, and w [r8(M) / 8][16][C][8] of items `wide` bytes long. Scratch: panels [16][block][C] of such items, sums
// [16][block][8] of four bytes, and the input of four tiles at an edge.
EFN_INLINE efn_status efn_check_winograd(const efn_plan *plan, const efn_window *window, const efn_tensor *x,
                                         const efn_tensor *y, uint32_t w, uint32_t scratch, uint32_t item,
                                         uint32_t wide) {
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    EFN_TRY(efn_check_window(window, x, y));
    EFN_REQUIRE(window->kh == 3 && window->kw == 3 && window->stride_h == 1 && window->stride_w == 1 &&
                    window->dilation_h == 1 && window->dilation_w == 1,
                EFN_BAD_PARAMETER);
    const uint64_t c = x->dims[3], m = efn_round_up(y->dims[3], 8), block = efn_block_tiles(y);
    EFN_REQUIRE(c % 8 == 0 && c <= EFN_TILE_CHANNELS, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_packed(plan, w, x->dtype, m * EFN_POINTS * c * wide));
    EFN_TRY(efn_check_apart(x, y, 0));
    return efn_check_scratch(plan, scratch, EFN_POINTS * (block * (c * wide + 32) + 4 * c * item), x, y);
}

EFN_INLINE efn_mosaic efn_mosaic_of(const efn_site *site, const efn_window *window, uint32_t x, uint32_t y,
                                    uint32_t item, uint8_t outside) {
    const efn_tensor *in = efn_record(site, x), *out = efn_record(site, y);
    return (efn_mosaic){
        .x = efn_in(site, x),
        .h = in->dims[1],
        .w = in->dims[2],
        .pixel = in->dims[3] * item,
        .pad_top = window->pad_top,
        .pad_left = window->pad_left,
        .high = (out->dims[1] + 1) / 2,
        .wide = (out->dims[2] + 1) / 2,
        .outside = outside,
    };
}

EFN_INLINE efn_tile efn_tile_of(const efn_mosaic *m, uint32_t index) {
    return (efn_tile){index / m->wide / m->high, index / m->wide % m->high, index % m->wide};
}

// The 4x4 pixels that a tile reads: where they begin, and *line bytes from one row to the next. They are put together
// in `patch` where some lie outside the input.
EFN_INLINE const void *efn_tile_input(const efn_mosaic *m, efn_tile at, uint8_t *patch, uint32_t *line) {
    const int32_t iy = (int32_t)(2 * at.y) - (int32_t)m->pad_top, ix = (int32_t)(2 * at.x) - (int32_t)m->pad_left;
    const int32_t h = (int32_t)m->h, w = (int32_t)m->w;
    const uint8_t *const image = m->x + (size_t)at.n * m->h * m->w * m->pixel;
    if (iy >= 0 && ix >= 0 && iy + 4 <= h && ix + 4 <= w) {
        *line = m->w * m->pixel;
        return image + ((size_t)(uint32_t)iy * m->w + (uint32_t)ix) * m->pixel;
    }
    *line = 4 * m->pixel;
    uint8_t *to = patch;
    for (int32_t y = iy; y < iy + 4; y++)
        for (int32_t x = ix; x < ix + 4; x++, to += m->pixel) {
            if (y >= 0 && x >= 0 && y < h && x < w)
                efn_copy(to, image + ((size_t)(uint32_t)y * m->w + (uint32_t)x) * m->pixel, m->pixel);
            else
                efn_fill(to, m->outside, m->pixel);
        }
    return patch;
}

// The same of tiles `first` to `first` + 3 of `all`, past the end of the last one again; patches [4][4][4][pixel].
EFN_INLINE void efn_four_inputs(const efn_mosaic *m, uint32_t first, uint32_t all, uint8_t *patches,
                                const void *from[4], uint32_t line[4]) {
    for (uint32_t t = 0; t < 4; t++, patches += (size_t)16 * m->pixel)
        from[t] = efn_tile_input(m, efn_tile_of(m, efn_min(first + t, all - 1)), patches, &line[t]);
}

// The first channel of pixel `i` of a tile in y; -1 where that is outside.
EFN_INLINE int64_t efn_tile_output(const efn_tensor *y, efn_tile at, uint32_t i) {
    const uint32_t oy = 2 * at.y + i / 2, ox = 2 * at.x + i % 2;
    if (oy >= y->dims[1] || ox >= y->dims[2])
        return -1;
    return (((int64_t)at.n * y->dims[1] + oy) * y->dims[2] + ox) * y->dims[3];
}

#endif

// What a block of output pixels sees of an image: i8 widened to i16, f32 as it is. The rows of the matrix product lie
// in it, one window over the other, so that nothing is gathered. It is the image itself where that needs no padding and
// vectors stay inside it.
#ifndef EFN_FIELD_H
#define EFN_FIELD_H

#include "gemm.h"
#include "image.h"

// In elements, i16 or f32. A window's run is what lies side by side of it: a kernel row, or one tap when it is dilated.
typedef struct {
    uint32_t size, channels; // bytes of an element; elements of a pixel
    uint32_t rows, columns;  // output pixels of a block, EFN_BLOCK at most
    uint32_t lines;          // input rows of a block: of those that windows one row high skip, none
    uint32_t apart;          // lines from one row of pixels to the next
    uint32_t runs;           // of a window
    uint64_t run, pitch;     // of a run and from line to line; i16: rounded up to 2
    int in_place;
} efn_layout;

typedef struct {
    efn_image image;
    efn_layout layout;
    uint32_t n, oy, ox; // the pixel with which the next block begins
    uint8_t *lines;     // [lines][pitch], with EFN_ROOM in front and behind
    efn_operand seen;   // the block's rows
} efn_field;

// Of an image of f32 or i8.
efn_layout efn_layout_of(const efn_image *image, uint32_t channels);

// Of scratch: where the runs of a window lie, and the lines.
EFN_INLINE uint64_t efn_field_bytes(const efn_layout *layout) {
    return 4ull * layout->runs + (layout->in_place ? 0 : layout->lines * layout->pitch * layout->size + 2 * EFN_ROOM);
}

// `scratch` of efn_field_bytes.
void efn_field_open(efn_field *field, const efn_image *image, uint32_t channels, uint8_t *scratch);
// Whether there is one pixel, which sees one run after the other.
int efn_is_row(const efn_field *field);
// Bring in what the next block sees; 0 behind the last one.
int efn_see(efn_field *field);

#endif

// What a block of output pixels sees of an i8 image, widened to i16 and padded. The rows of the matrix product lie in
// it as they are, one window over the other, so that nothing is gathered.
#ifndef EFN_FIELD_H
#define EFN_FIELD_H

#include "gather.h"
#include "gemm.h"

// In elements of i16. A window's run is what lies side by side of it: a kernel row, or one tap when it is dilated.
typedef struct {
    uint32_t rows, columns; // output pixels of a block, EFN_BLOCK at most
    uint32_t lines;         // input rows of a block: of those that windows one row high skip, none
    uint32_t apart;         // lines from one row of pixels to the next
    uint32_t runs;          // of a window
    uint64_t run, pitch;    // of a run and from line to line, rounded up to 2
} efn_layout;

typedef struct {
    efn_image image;
    efn_layout layout;
    int16_t *wide;      // [lines][pitch], with EFN_ROOM in front and behind
    efn_wide_rows seen; // the block's rows
} efn_field;

efn_layout efn_layout_of(const efn_image *image);

// Of scratch: where the runs of a window lie, and the lines.
EFN_INLINE uint64_t efn_field_bytes(const efn_layout *layout) {
    return 4ull * layout->runs + 2 * (layout->lines * layout->pitch + 2 * EFN_ROOM);
}

void efn_field_open(efn_field *field, const efn_image *image, uint8_t *scratch);
// Bring in what the block sees that begins with pixel (oy, ox) of image n.
void efn_see(efn_field *field, uint32_t n, uint32_t oy, uint32_t ox);

#endif

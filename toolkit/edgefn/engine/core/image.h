// An image and the windows that move over it.
#ifndef EFN_IMAGE_H
#define EFN_IMAGE_H

#include "../include/edgefn.h"
#include "memory.h"

typedef struct {
    const uint8_t *x; // [n][h][w][pixel bytes]
    efn_window window;
    uint32_t n, h, w, out_h, out_w;
    uint32_t pixel;  // bytes of one input pixel: C * item size
    uint8_t outside; // the byte that fills taps outside the input
} efn_image;

EFN_INLINE efn_image efn_image_of(const void *x, const efn_tensor *in, const efn_tensor *out, const efn_window *window,
                                  uint32_t item, uint8_t outside) {
    return (efn_image){
        .x = x,
        .window = *window,
        .n = in->dims[0],
        .h = in->dims[1],
        .w = in->dims[2],
        .out_h = out->dims[1],
        .out_w = out->dims[2],
        .pixel = in->dims[3] * item,
        .outside = outside,
    };
}

// The same with all pixels in one row, where a convolution only combines channels.
EFN_INLINE efn_image efn_flattened(efn_image image) {
    const efn_window *window = &image.window; // its pads are zero where it is one pixel: each is less than the kernel
    if (window->kh == 1 && window->kw == 1 && window->stride_h == 1 && window->stride_w == 1 &&
        image.out_h == image.h && image.out_w == image.w) {
        image.w = image.out_w = image.n * image.h * image.w;
        image.n = image.h = image.out_h = 1;
    }
    return image;
}

// The offset, in elements, of the first channel that tap (ky, kx) of output pixel `index` reads; -1 outside the input.
EFN_INLINE int64_t efn_tap(const efn_window *window, const efn_tensor *x, const efn_tensor *y, uint32_t index,
                           uint32_t ky, uint32_t kx) {
    const uint32_t ox = index % y->dims[2], oy = index / y->dims[2] % y->dims[1];
    const uint32_t n = index / y->dims[2] / y->dims[1];
    const int64_t iy = (int64_t)oy * window->stride_h + (int64_t)ky * window->dilation_h - window->pad_top;
    const int64_t ix = (int64_t)ox * window->stride_w + (int64_t)kx * window->dilation_w - window->pad_left;
    if (iy < 0 || iy >= x->dims[1] || ix < 0 || ix >= x->dims[2])
        return -1;
    return (((int64_t)n * x->dims[1] + iy) * x->dims[2] + ix) * x->dims[3];
}

#endif

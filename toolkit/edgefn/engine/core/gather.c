#include "gather.h"

// One kernel row: kw taps from input row `line` ([w] pixels), the first at column ix. Returns the end of what it wrote.
static uint8_t *gather_line(const efn_image *image, const uint8_t *line, int32_t ix, uint8_t *to) {
    const uint32_t pixel = image->pixel, kw = image->window.kw;
    const int32_t dilation = (int32_t)image->window.dilation_w, width = (int32_t)image->w;
    if (dilation == 1 && ix >= 0 && ix + (int32_t)kw <= width) {
        efn_copy(to, line + (uint32_t)ix * pixel, kw * pixel);
        return to + (size_t)kw * pixel;
    }
    for (uint32_t kx = 0; kx < kw; kx++, ix += dilation, to += pixel) {
        if (ix >= 0 && ix < width)
            efn_copy(to, line + (uint32_t)ix * pixel, pixel);
        else
            efn_fill(to, image->outside, pixel);
    }
    return to;
}

const uint8_t *efn_gather(const efn_image *image, uint32_t index, uint8_t *row) {
    const efn_window *window = &image->window;
    const uint32_t area = image->out_h * image->out_w;
    const uint32_t n = index / area, oy = index % area / image->out_w, ox = index % image->out_w;
    const uint8_t *plane = image->x + (size_t)n * image->h * image->w * image->pixel;
    if (efn_is_pointwise(window))
        return plane + (size_t)(oy * window->stride_h * image->w + ox * window->stride_w) * image->pixel;
    const int32_t ix = (int32_t)(ox * window->stride_w) - (int32_t)window->pad_left;
    int32_t iy = (int32_t)(oy * window->stride_h) - (int32_t)window->pad_top;
    uint8_t *to = row;
    for (uint32_t ky = 0; ky < window->kh; ky++, iy += (int32_t)window->dilation_h) {
        if (iy >= 0 && iy < (int32_t)image->h) {
            to = gather_line(image, plane + (size_t)(uint32_t)iy * image->w * image->pixel, ix, to);
        } else {
            efn_fill(to, image->outside, window->kw * image->pixel);
            to += (size_t)window->kw * image->pixel;
        }
    }
    return row;
}

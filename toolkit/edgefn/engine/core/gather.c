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

// Gather short lines by a vector each, which writes where the next lines go and reads where the input's next row is; by
// copies at the end of the row, behind which is what others have written.
static void gather_short(const efn_image *image, const uint8_t *from, uint8_t *to) {
    const efn_window *window = &image->window;
    const uint32_t line = window->kw * image->pixel, down = window->dilation_h * image->w * image->pixel;
    uint32_t left = window->kh * line;
    for (; left >= 16 && left > line; left -= line, from += down, to += line)
        wasm_v128_store(to, wasm_v128_load(from));
    for (; left; left -= line, from += down, to += line)
        efn_copy(to, from, line);
}

// Whether gather_short can be used for the window at (iy, ix): it lies inside the input, above its last row.
static int is_short(const efn_image *image, int32_t iy, int32_t ix) {
    const efn_window *window = &image->window;
    const int32_t below = iy + (int32_t)((window->kh - 1) * window->dilation_h), right = ix + (int32_t)window->kw;
    return window->kw * image->pixel <= 16 && image->w * image->pixel >= 16 && window->dilation_w == 1 && iy >= 0 &&
           ix >= 0 && below + 1 < (int32_t)image->h && right <= (int32_t)image->w;
}

// The row of the next pixel.
static const uint8_t *gather(const efn_walk *walk, uint8_t *row) {
    const efn_image *image = &walk->image;
    const efn_window *window = &image->window;
    const uint8_t *plane = image->x + (size_t)walk->n * image->h * image->w * image->pixel;
    if (efn_is_pointwise(window))
        return plane + (size_t)(walk->oy * window->stride_h * image->w + walk->ox * window->stride_w) * image->pixel;
    const int32_t ix = (int32_t)(walk->ox * window->stride_w) - (int32_t)window->pad_left;
    int32_t iy = (int32_t)(walk->oy * window->stride_h) - (int32_t)window->pad_top;
    if (is_short(image, iy, ix)) {
        gather_short(image, plane + ((size_t)(uint32_t)iy * image->w + (uint32_t)ix) * image->pixel, row);
        return row;
    }
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

static void advance(efn_walk *walk) {
    walk->left--;
    if (++walk->ox < walk->image.out_w)
        return;
    walk->ox = 0;
    if (++walk->oy < walk->image.out_h)
        return;
    walk->oy = 0;
    walk->n++;
}

void efn_next_rows(efn_walk *walk, uint8_t *room, uint32_t stride, const void *rows[4]) {
    if (walk->next) {
        for (uint32_t i = 0; i < 4; i++)
            rows[i] = walk->next + (size_t)efn_min(i, walk->left - 1) * walk->image.pixel;
        const uint32_t taken = efn_min(4, walk->left);
        walk->next += (size_t)taken * walk->image.pixel;
        walk->left -= taken;
        return;
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (walk->left == 0) {
            rows[i] = rows[i - 1];
            continue;
        }
        rows[i] = gather(walk, room + (size_t)i * stride);
        advance(walk);
    }
}

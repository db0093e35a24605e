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

static void gather_long(const efn_image *image, const uint8_t *from, uint8_t *to) {
    const efn_window *window = &image->window;
    const uint32_t line = window->kw * image->pixel, down = window->dilation_h * image->w * image->pixel;
    for (uint32_t ky = 0; ky < window->kh; ky++, from += down, to += line)
        efn_copy(to, from, line);
}

// Where the window of the next pixel begins.
static int32_t top(const efn_walk *walk) {
    return (int32_t)(walk->oy * walk->image.window.stride_h) - (int32_t)walk->image.window.pad_top;
}

static int32_t left(const efn_walk *walk) {
    return (int32_t)(walk->ox * walk->image.window.stride_w) - (int32_t)walk->image.window.pad_left;
}

static const uint8_t *plane_of(const efn_walk *walk) {
    const efn_image *image = &walk->image;
    return image->x + (size_t)walk->n * image->h * image->w * image->pixel;
}

// The row of the next pixel.
static const uint8_t *gather(const efn_walk *walk, uint8_t *row) {
    const efn_image *image = &walk->image;
    const efn_window *window = &image->window;
    const uint8_t *plane = plane_of(walk);
    if (efn_is_pointwise(window))
        return plane + (size_t)(walk->oy * window->stride_h * image->w + walk->ox * window->stride_w) * image->pixel;
    int32_t iy = top(walk);
    uint8_t *to = row;
    for (uint32_t ky = 0; ky < window->kh; ky++, iy += (int32_t)window->dilation_h) {
        if (iy >= 0 && iy < (int32_t)image->h) {
            to = gather_line(image, plane + (size_t)(uint32_t)iy * image->w * image->pixel, left(walk), to);
        } else {
            efn_fill(to, image->outside, window->kw * image->pixel);
            to += (size_t)window->kw * image->pixel;
        }
    }
    return row;
}

// Gather the next four pixels if they lie in one row of the output and their windows are dense and inside the input:
// then everything is the same for all of them.
static int gather_four(efn_walk *walk, uint8_t *room, uint32_t stride, const void *rows[4]) {
    const efn_image *image = &walk->image;
    const efn_window *window = &image->window;
    const int32_t iy = top(walk), ix = left(walk);
    const int32_t below = iy + (int32_t)((window->kh - 1) * window->dilation_h);
    const int32_t right = ix + (int32_t)(3 * window->stride_w + window->kw);
    if (walk->left < 4 || walk->ox + 4 > image->out_w || window->dilation_w != 1 || iy < 0 || ix < 0 ||
        below >= (int32_t)image->h || right > (int32_t)image->w)
        return 0;
    const uint8_t *from = plane_of(walk) + ((size_t)(uint32_t)iy * image->w + (uint32_t)ix) * image->pixel;
    // A vector's worth from the last line that is read so lies inside the row below it.
    const int is_short =
        window->kw * image->pixel <= 16 && image->w * image->pixel >= 16 && below + 1 < (int32_t)image->h;
    for (uint32_t i = 0; i < 4; i++, from += window->stride_w * image->pixel, room += stride) {
        if (is_short)
            gather_short(image, from, room);
        else
            gather_long(image, from, room);
        rows[i] = room;
    }
    return 1;
}

// Go on by pixels that lie in one row of the output.
static void advance(efn_walk *walk, uint32_t by) {
    walk->left -= by;
    walk->ox += by;
    if (walk->ox < walk->image.out_w)
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
    if (!efn_is_pointwise(&walk->image.window) && gather_four(walk, room, stride, rows)) {
        advance(walk, 4);
        return;
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (walk->left == 0) {
            rows[i] = rows[i - 1];
            continue;
        }
        rows[i] = gather(walk, room + (size_t)i * stride);
        advance(walk, 1);
    }
}

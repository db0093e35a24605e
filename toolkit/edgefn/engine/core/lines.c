#include "lines.h"

efn_lines efn_lines_of(const efn_site *site, const efn_window *window, uint32_t x, uint32_t y, uint8_t *scratch,
                       uint32_t item, uint8_t outside) {
    const efn_tensor *yt = efn_record(site, y);
    efn_lines v = {.image = efn_image_of(efn_in(site, x), efn_record(site, x), yt, window, item, outside)};
    v.line = (uint32_t)efn_line_pixels(window, yt) * v.image.pixel;
    v.lines = (efn_address *)scratch;
    v.held = (int32_t *)(v.lines + window->kh);
    v.buffers = (uint8_t *)(v.held + window->kh);
    efn_fill(v.buffers + (size_t)window->kh * v.line, outside, v.line);
    return v;
}

// Copy input row `from` ([w] pixels) into a buffer, with what is outside on both sides.
static void pad_line(const efn_lines *v, const uint8_t *from, uint8_t *to) {
    const uint32_t left = v->image.window.pad_left * v->image.pixel, there = v->image.w * v->image.pixel;
    const uint32_t front = efn_min(left, v->line), whole = efn_min(there, v->line - front);
    efn_fill(to, v->image.outside, front);
    efn_copy(to + front, from, whole);
    efn_fill(to + front + whole, v->image.outside, v->line - front - whole);
}

// Set the lines that row oy of image n sees. A row that needs no padding is read in the input; the others stay in their
// buffers from one row of y to the next, as long as neighbours have different buffers.
void efn_look(const efn_lines *v, uint32_t n, uint32_t oy) {
    const efn_image *image = &v->image;
    const efn_window *window = &image->window;
    const int in_place = window->pad_left == 0 && v->line <= image->w * image->pixel;
    int32_t iy = (int32_t)(oy * window->stride_h) - (int32_t)window->pad_top;
    for (uint32_t ky = 0; ky < window->kh; ky++, iy += (int32_t)window->dilation_h) {
        const int inside = iy >= 0 && iy < (int32_t)image->h;
        const uint32_t slot = window->dilation_h == 1 && inside ? (uint32_t)iy % window->kh : ky;
        const uint8_t *const from =
            image->x + ((size_t)n * image->h + (uint32_t)(inside ? iy : 0)) * image->w * image->pixel;
        uint8_t *const buffer = v->buffers + (size_t)(inside ? slot : window->kh) * v->line;
        v->lines[ky] = efn_address_of(inside && in_place ? from : buffer);
        if (!inside || in_place || (v->held[slot] == iy && window->dilation_h == 1))
            continue;
        pad_line(v, from, buffer);
        v->held[slot] = iy;
    }
}

void efn_forget(const efn_lines *v) {
    for (uint32_t ky = 0; ky < v->image.window.kh; ky++)
        v->held[ky] = -1;
}

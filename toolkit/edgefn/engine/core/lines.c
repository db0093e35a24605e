#include "lines.h"

// `n` pixels of a block outside the input. Returns what lies behind them.
static v128_t *fill(const efn_lines *v, v128_t *to, uint32_t n) {
    const v128_t outside =
        v->lanes == EFN_LANES_I8 ? wasm_i16x8_splat((int8_t)v->image.outside) : wasm_i32x4_const_splat(0);
    for (; n; n--)
        *to++ = outside;
    return to;
}

EFN_INLINE v128_t ready(const uint8_t *from, const int wide) {
    return wide ? wasm_i16x8_load8x8(from) : wasm_v128_load(from);
}

// `n` pixels of a block from the input. Returns what lies behind them.
EFN_INLINE v128_t *copy(v128_t *to, const uint8_t *from, uint32_t n, uint32_t pixel, const int wide) {
    const uint32_t block = wide ? 8 : 16; // bytes in the input
    for (; pixel < block && n; n--, from += pixel) {
        uint8_t whole[16] = {0};
        efn_copy(whole, from, pixel);
        *to++ = ready(whole, wide);
    }
    for (; n >= 4; n -= 4, from += 4 * (size_t)pixel, to += 4) {
#pragma unroll
        for (uint32_t p = 0; p < 4; p++)
            to[p] = ready(from + p * pixel, wide);
    }
    for (; n; n--, from += pixel)
        *to++ = ready(from, wide);
    return to;
}

// Input row `from`, [w][c], to a buffer.
static void copy_line(const efn_lines *v, const uint8_t *from, v128_t *to) {
    const efn_image *image = &v->image;
    const uint32_t front = efn_min(image->window.pad_left, v->pixels), there = efn_min(image->w, v->pixels - front);
    const uint32_t item = image->pixel / v->c;
    for (uint32_t block = 0; block < v->blocks; block++) {
        const uint8_t *const first = from + (size_t)efn_block_begin(v->c, v->lanes, block) * item;
        to = fill(v, to, front);
        to = item == 1 ? copy(to, first, there, image->pixel, 1) : copy(to, first, there, image->pixel, 0);
        to = fill(v, to, v->pixels - front - there);
    }
}

efn_lines efn_lines_of(const efn_site *site, const efn_window *window, uint32_t x, uint32_t y, uint8_t *scratch,
                       uint32_t lanes, uint8_t outside) {
    const efn_tensor *xt = efn_record(site, x), *yt = efn_record(site, y);
    efn_lines v = {
        .image = efn_image_of(efn_in(site, x), xt, yt, window, lanes == EFN_LANES_I8 ? 1 : 4, outside),
        .c = yt->dims[3],
        .lanes = lanes,
        .blocks = (uint32_t)efn_blocks(yt->dims[3], lanes),
        .pixels = (uint32_t)efn_line_pixels(window, yt),
        .buffers = (v128_t *)scratch,
    };
    v.lines = (efn_address *)(v.buffers + (window->kh + (size_t)1) * v.blocks * v.pixels);
    v.held = (int32_t *)(v.lines + window->kh);
    fill(&v, v.buffers + (size_t)window->kh * v.blocks * v.pixels, v.blocks * v.pixels);
    return v;
}

void efn_forget(const efn_lines *v) {
    for (uint32_t ky = 0; ky < v->image.window.kh; ky++)
        v->held[ky] = -1;
}

// Lines stay in their buffers from one row of y to the next, as long as neighbours have different buffers.
void efn_look(const efn_lines *v, uint32_t n, uint32_t oy) {
    const efn_image *image = &v->image;
    const efn_window *window = &image->window;
    const uint8_t *const plane = image->x + (size_t)n * image->h * image->w * image->pixel;
    int32_t iy = (int32_t)(oy * window->stride_h) - (int32_t)window->pad_top;
    for (uint32_t ky = 0; ky < window->kh; ky++, iy += (int32_t)window->dilation_h) {
        const int inside = iy >= 0 && iy < (int32_t)image->h;
        const uint32_t slot = !inside ? window->kh : window->dilation_h == 1 ? (uint32_t)iy % window->kh : ky;
        v128_t *const buffer = v->buffers + (size_t)slot * v->blocks * v->pixels;
        v->lines[ky] = efn_address_of(buffer);
        if (!inside || v->held[slot] == iy)
            continue;
        copy_line(v, plane + (size_t)(uint32_t)iy * image->w * image->pixel, buffer);
        v->held[slot] = iy;
    }
}

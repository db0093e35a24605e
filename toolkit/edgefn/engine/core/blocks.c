#include "blocks.h"

// `n` pixels of a block outside the input. Returns what lies behind them.
static int16_t *fill(const efn_blocks *v, int16_t *to, uint32_t n) {
    const v128_t outside = wasm_i16x8_splat((int8_t)v->image.outside);
    for (; n; n--, to += EFN_LANES)
        wasm_v128_store(to, outside);
    return to;
}

static void widen(int16_t *to, const int8_t *from) {
    wasm_v128_store(to, wasm_i16x8_load8x8(from));
}

// `n` pixels of a block from the input. Returns what lies behind them.
static int16_t *widen_pixels(int16_t *to, const int8_t *from, uint32_t n, uint32_t c) {
    for (; c < EFN_LANES && n; n--, from += c, to += EFN_LANES) {
        int8_t eight[EFN_LANES] = {0};
        efn_copy(eight, from, c);
        widen(to, eight);
    }
    for (; n >= 4; n -= 4, from += 4 * (size_t)c, to += 4 * EFN_LANES) {
#pragma unroll
        for (uint32_t p = 0; p < 4; p++)
            widen(to + p * EFN_LANES, from + p * c);
    }
    for (; n; n--, from += c, to += EFN_LANES)
        widen(to, from);
    return to;
}

// Input row `from`, [w][c], to a buffer.
static void copy_line(const efn_blocks *v, const int8_t *from, int16_t *to) {
    const efn_image *image = &v->image;
    const uint32_t front = efn_min(image->window.pad_left, v->pixels), there = efn_min(image->w, v->pixels - front);
    for (uint32_t block = 0; block < v->blocks; block++) {
        to = fill(v, to, front);
        to = widen_pixels(to, from + efn_block_begin(v->c, block), there, v->c);
        to = fill(v, to, v->pixels - front - there);
    }
}

efn_blocks efn_blocks_of(const efn_site *site, const efn_conv_i8 *p, uint8_t *scratch) {
    const efn_tensor *x = efn_record(site, p->x), *y = efn_record(site, p->y);
    const uint32_t kh = p->window.kh, pixels = (uint32_t)efn_line_pixels(&p->window, y);
    const uint32_t blocks = (uint32_t)efn_round_up(y->dims[3], EFN_LANES) / EFN_LANES;
    efn_blocks v = {
        .image = efn_image_of(efn_in(site, p->x), x, y, &p->window, 1, (uint8_t)p->x_zero),
        .c = y->dims[3],
        .blocks = blocks,
        .pixels = pixels,
        .lines = (efn_address *)scratch,
    };
    v.held = (int32_t *)(v.lines + kh);
    v.buffers = (int16_t *)(v.held + kh);
    fill(&v, v.buffers + (size_t)kh * blocks * pixels * EFN_LANES, blocks * pixels);
    return v;
}

void efn_blocks_forget(const efn_blocks *v) {
    for (uint32_t ky = 0; ky < v->image.window.kh; ky++)
        v->held[ky] = -1;
}

// Lines stay in their buffers from one row of y to the next, as long as neighbours have different buffers.
void efn_blocks_look(const efn_blocks *v, uint32_t n, uint32_t oy) {
    const efn_image *image = &v->image;
    const efn_window *window = &image->window;
    const int8_t *const plane = (const int8_t *)image->x + (size_t)n * image->h * image->w * v->c;
    int32_t iy = (int32_t)(oy * window->stride_h) - (int32_t)window->pad_top;
    for (uint32_t ky = 0; ky < window->kh; ky++, iy += (int32_t)window->dilation_h) {
        const int inside = iy >= 0 && iy < (int32_t)image->h;
        const uint32_t slot = !inside ? window->kh : window->dilation_h == 1 ? (uint32_t)iy % window->kh : ky;
        int16_t *const buffer = v->buffers + (size_t)slot * v->blocks * v->pixels * EFN_LANES;
        v->lines[ky] = efn_address_of(buffer);
        if (!inside || v->held[slot] == iy)
            continue;
        copy_line(v, plane + (size_t)(uint32_t)iy * image->w * v->c, buffer);
        v->held[slot] = iy;
    }
}

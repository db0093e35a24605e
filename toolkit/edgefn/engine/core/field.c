#include "field.h"

efn_layout efn_layout_of(const efn_image *image) {
    const efn_window *window = &image->window;
    const uint32_t columns = efn_min(EFN_BLOCK, image->out_w), rows = efn_min(EFN_BLOCK / columns, image->out_h);
    const uint32_t apart = window->kh == 1 ? 1 : window->stride_h;
    const uint32_t taps = window->dilation_w == 1 ? window->kw : 1;
    const uint64_t pixels = (uint64_t)(columns - 1) * window->stride_w + (window->kw - 1) * window->dilation_w + 1;
    return (efn_layout){
        .rows = rows,
        .columns = columns,
        .lines = (rows - 1) * apart + (window->kh - 1) * window->dilation_h + 1,
        .apart = apart,
        .runs = window->kh * (window->kw / taps),
        .run = efn_round_up((uint64_t)taps * image->pixel, 2),
        .pitch = efn_round_up(pixels * image->pixel, 2),
    };
}

// From the end of each run of a window to the beginning of the next one.
static void find_jumps(const efn_image *image, const efn_layout *layout, int32_t *jumps) {
    const efn_window *window = &image->window;
    const uint32_t run = (uint32_t)layout->run, others = layout->runs / window->kh - 1; // of a kernel row
    const uint32_t across = window->dilation_w * image->pixel, down = window->dilation_h * (uint32_t)layout->pitch;
    for (uint32_t ky = 0; ky < window->kh; ky++) {
        for (uint32_t i = 0; i < others; i++)
            *jumps++ = (int32_t)(across - run);
        *jumps++ = (int32_t)(down - others * across - run);
    }
}

void efn_field_open(efn_field *field, const efn_image *image, uint8_t *scratch) {
    const efn_layout layout = efn_layout_of(image);
    int32_t *const jumps = (int32_t *)scratch;
    field->image = *image;
    field->layout = layout;
    field->wide = (int16_t *)(jumps + layout.runs) + EFN_ROOM;
    field->seen.run = (uint32_t)layout.run;
    field->seen.jumps = jumps;
    find_jumps(image, &layout, jumps);
    uint32_t i = 0;
    for (uint32_t row = 0; row < layout.rows; row++)
        for (uint32_t column = 0; column < layout.columns; column++)
            field->seen.starts[i++] = field->wide + (size_t)row * layout.apart * layout.pitch +
                                      (size_t)column * image->window.stride_w * image->pixel;
    for (; i % 4; i++)
        field->seen.starts[i] = field->wide;
}

// By whole vectors: what comes behind is written later.
static void fill(int16_t *to, int16_t value, uint32_t n) {
    for (uint32_t i = 0; i < n; i += 8)
        wasm_v128_store(to + i, wasm_i16x8_splat(value));
}

// Widen `pixels` pixels of input row `from` from column ix on, with what is outside on both sides.
static void widen_line(const efn_image *image, const int8_t *from, int32_t ix, uint32_t pixels, int16_t *to) {
    const int16_t outside = (int8_t)image->outside;
    const uint32_t first = ix < 0 ? 0 : efn_min((uint32_t)ix, image->w);
    const uint32_t front = ix < 0 ? efn_min((uint32_t)-ix, pixels) : 0;
    const uint32_t there = efn_min(pixels - front, image->w - first);
    fill(to, outside, front * image->pixel);
    efn_widen_i8(from + (size_t)first * image->pixel, to + (size_t)front * image->pixel, there * image->pixel);
    to += (size_t)(front + there) * image->pixel;
    fill(to, outside, (pixels - front - there) * image->pixel);
}

void efn_see(efn_field *field, uint32_t n, uint32_t oy, uint32_t ox) {
    const efn_image *image = &field->image;
    const efn_window *window = &image->window;
    const efn_layout *layout = &field->layout;
    const uint32_t rows = efn_min(layout->rows, image->out_h - oy),
                   columns = efn_min(layout->columns, image->out_w - ox);
    const uint32_t lines = layout->lines - (layout->rows - rows) * layout->apart;
    const uint32_t pixels = (columns - 1) * window->stride_w + (window->kw - 1) * window->dilation_w + 1;
    const int32_t ix = (int32_t)(ox * window->stride_w) - (int32_t)window->pad_left;
    const int32_t down = (int32_t)(window->stride_h / layout->apart); // input rows from line to line
    int32_t iy = (int32_t)(oy * window->stride_h) - (int32_t)window->pad_top;
    int16_t *to = field->wide;
    for (uint32_t line = 0; line < lines; line++, iy += down, to += layout->pitch) {
        if (iy < 0 || iy >= (int32_t)image->h) {
            fill(to, (int8_t)image->outside, pixels * image->pixel);
            continue;
        }
        const uint8_t *const from = image->x + ((size_t)n * image->h + (uint32_t)iy) * image->w * image->pixel;
        widen_line(image, (const int8_t *)from, ix, pixels, to);
    }
    field->seen.rows = rows * columns;
}

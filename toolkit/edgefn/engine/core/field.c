#include "field.h"

// Whether windows from the first to the last of `out` lie inside `in` pixels.
static int fits(uint32_t in, uint32_t out, uint32_t stride, uint32_t reach, uint32_t pad) {
    return pad == 0 && (uint64_t)(out - 1) * stride + reach <= in;
}

static int is_one(const efn_image *image) {
    return image->n * image->out_h * image->out_w == 1;
}

efn_layout efn_layout_of(const efn_image *image, uint32_t channels) {
    const efn_window *window = &image->window;
    const uint32_t tall = (window->kh - 1) * window->dilation_h + 1, wide = (window->kw - 1) * window->dilation_w + 1;
    const uint32_t taps = window->dilation_w == 1 ? window->kw : 1;
    efn_layout v = {.channels = channels, .columns = efn_min(EFN_BLOCK, image->out_w)};
    v.rows = efn_min(EFN_BLOCK / v.columns, image->out_h);
    v.runs = window->kh * (window->kw / taps);
    v.run = (uint64_t)taps * channels;
    const int is_f32 = image->pixel > channels;
    v.in_place = is_f32 && v.run % 4 == 0 && (window->kh == 1 || !is_one(image)) &&
                 fits(image->h, image->out_h, window->stride_h, tall, window->pad_top) &&
                 fits(image->w, image->out_w, window->stride_w, wide, window->pad_left);
    v.apart = window->kh == 1 && !v.in_place ? 1 : window->stride_h;
    v.lines = (v.rows - 1) * v.apart + tall;
    v.pitch = (v.in_place ? image->w : (uint64_t)(v.columns - 1) * window->stride_w + wide) * channels;
    v.size = is_f32 ? 4 : 2;
    if (!is_f32)
        v.run = efn_round_up(v.run, 2), v.pitch = efn_round_up(v.pitch, 2);
    return v;
}

// From the end of each run of a window to the beginning of the next one.
static void find_jumps(const efn_window *window, const efn_layout *layout, int32_t *jumps) {
    const uint32_t run = (uint32_t)layout->run, others = layout->runs / window->kh - 1; // of a kernel row
    const uint32_t across = window->dilation_w * layout->channels, down = window->dilation_h * (uint32_t)layout->pitch;
    for (uint32_t ky = 0; ky < window->kh; ky++) {
        for (uint32_t i = 0; i < others; i++)
            *jumps++ = (int32_t)(across - run);
        *jumps++ = (int32_t)(down - others * across - run);
    }
}

void efn_field_open(efn_field *field, const efn_image *image, uint32_t channels, uint8_t *scratch) {
    const efn_layout layout = efn_layout_of(image, channels);
    int32_t *const jumps = (int32_t *)scratch;
    field->image = *image;
    field->layout = layout;
    field->n = field->oy = field->ox = 0;
    field->lines = (uint8_t *)(jumps + layout.runs) + EFN_ROOM;
    field->seen.rows = 0; // no starts are found yet
    field->seen.run = (uint32_t)layout.run;
    field->seen.jumps = jumps;
    find_jumps(&image->window, &layout, jumps);
}

int efn_is_row(const efn_field *field) {
    int32_t apart = 0;
    for (uint32_t i = 0; i + 1 < field->layout.runs; i++)
        apart |= field->seen.jumps[i];
    return is_one(&field->image) && !apart;
}

// Set n elements to what is outside; by whole vectors: what comes behind is written later.
static void fill(const efn_field *field, uint8_t *to, uint32_t n) {
    for (uint32_t i = 0; i < n * field->layout.size; i += 16)
        wasm_v128_store(to + i, wasm_i16x8_splat((int8_t)field->image.outside)); // f32: zero
}

static void take(const efn_field *field, const uint8_t *from, uint8_t *to, uint32_t n) {
    if (field->layout.size == 4)
        efn_copy(to, from, n * 4);
    else
        efn_widen_i8((const int8_t *)from, (int16_t *)to, n);
}

// One line: `pixels` pixels of input row `from` from column ix on, with what is outside on both sides.
static void take_line(const efn_field *field, const uint8_t *from, int32_t ix, uint32_t pixels, uint8_t *to) {
    const efn_image *image = &field->image;
    const uint32_t channels = field->layout.channels, step = channels * field->layout.size;
    const uint32_t first = ix < 0 ? 0 : efn_min((uint32_t)ix, image->w);
    const uint32_t front = ix < 0 ? efn_min((uint32_t)-ix, pixels) : 0;
    const uint32_t there = efn_min(pixels - front, image->w - first);
    fill(field, to, front * channels);
    take(field, from + (size_t)first * image->pixel, to + (size_t)front * step, there * channels);
    fill(field, to + (size_t)(front + there) * step, (pixels - front - there) * channels);
}

static const uint8_t *row_of(const efn_image *image, uint32_t n, uint32_t iy) {
    return image->x + ((size_t)n * image->h + iy) * image->w * image->pixel;
}

// Bring in the lines of a block.
static void take_lines(const efn_field *field, uint32_t rows, uint32_t columns) {
    const efn_image *image = &field->image;
    const efn_window *window = &image->window;
    const efn_layout *layout = &field->layout;
    const uint32_t lines = layout->lines - (layout->rows - rows) * layout->apart;
    const uint32_t pixels = (columns - 1) * window->stride_w + (window->kw - 1) * window->dilation_w + 1;
    const int32_t ix = (int32_t)(field->ox * window->stride_w) - (int32_t)window->pad_left;
    const int32_t down = (int32_t)(window->stride_h / layout->apart); // input rows from line to line
    int32_t iy = (int32_t)(field->oy * window->stride_h) - (int32_t)window->pad_top;
    uint8_t *to = field->lines;
    for (uint32_t line = 0; line < lines; line++, iy += down, to += layout->pitch * layout->size)
        if (iy < 0 || iy >= (int32_t)image->h)
            fill(field, to, pixels * layout->channels);
        else
            take_line(field, row_of(image, field->n, (uint32_t)iy), ix, pixels, to);
}

// Where the rows of a block begin; past its end, the last one again.
static void find_starts(efn_field *field, uint32_t rows, uint32_t columns) {
    const efn_layout *layout = &field->layout;
    const uint32_t down = layout->apart * (uint32_t)layout->pitch;
    const uint32_t across = field->image.window.stride_w * layout->channels;
    uint32_t *const starts = field->seen.starts, i = 0;
    for (uint32_t row = 0; row < rows; row++)
        for (uint32_t column = 0; column < columns; column++)
            starts[i++] = row * down + column * across;
    for (; i % 4; i++)
        starts[i] = starts[i - 1];
    field->seen.rows = rows * columns;
}

int efn_see(efn_field *field) {
    const efn_image *image = &field->image;
    const efn_window *window = &image->window;
    const efn_layout *layout = &field->layout;
    if (field->n == image->n)
        return 0;
    const uint32_t rows = efn_min(layout->rows, image->out_h - field->oy);
    const uint32_t columns = efn_min(layout->columns, image->out_w - field->ox);
    if (field->seen.rows != rows * columns)
        find_starts(field, rows, columns);
    if (layout->in_place) {
        field->seen.base =
            row_of(image, field->n, field->oy * window->stride_h) + (size_t)field->ox * window->stride_w * image->pixel;
    } else {
        field->seen.base = field->lines;
        take_lines(field, rows, columns);
    }
    field->ox += columns;
    if (field->ox == image->out_w)
        field->ox = 0, field->oy += rows;
    if (field->oy == image->out_h)
        field->oy = 0, field->n++;
    return 1;
}

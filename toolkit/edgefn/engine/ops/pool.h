// What the two pools share: which part of the input each output pixel covers.
#ifndef EFN_POOL_H
#define EFN_POOL_H

#include "../core/check.h"
#include "../core/table.h"

// The covered rows and columns, begin inclusive, end exclusive; at least one input element each, held by the check.
typedef struct {
    uint32_t top, bottom, left, right;
} efn_cover;

EFN_INLINE void efn_cover_axis(uint32_t at, uint32_t kernel, uint32_t stride, uint32_t pad, uint32_t size,
                               uint32_t *begin, uint32_t *end) {
    const int32_t first = (int32_t)(at * stride) - (int32_t)pad;
    *begin = (uint32_t)(first < 0 ? 0 : first);
    *end = efn_min((uint32_t)(first + (int32_t)kernel), size);
}

EFN_INLINE efn_cover efn_cover_of(const efn_pool *p, const efn_tensor *x, uint32_t oy, uint32_t ox) {
    efn_cover cover;
    efn_cover_axis(oy, p->kh, p->stride_h, p->pad_top, x->dims[1], &cover.top, &cover.bottom);
    efn_cover_axis(ox, p->kw, p->stride_w, p->pad_left, x->dims[2], &cover.left, &cover.right);
    return cover;
}

EFN_INLINE uint32_t efn_cover_count(const efn_cover *cover) {
    return (cover->bottom - cover->top) * (cover->right - cover->left);
}

static inline efn_status efn_check_pool(const efn_plan *plan, const efn_pool *p, uint8_t dtype) {
    const efn_tensor *x = efn_readable(plan, p->x, dtype), *y = efn_writable(plan, p->y, dtype);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    const efn_window window = {p->kh, p->kw, p->stride_h, p->stride_w, 1, 1, p->pad_top, p->pad_left};
    EFN_TRY(efn_check_window(&window, x, y));
    EFN_REQUIRE(x->dims[3] == y->dims[3], EFN_BAD_SHAPE);
    return efn_check_apart(x, y, 0);
}

// For every output pixel: POINT(p, x, line, cover, c, y) with x at its image [h][w][c], `line` = w * c, y [c].
#define EFN_EACH_PIXEL(type, POINT)                                                                                    \
    const efn_tensor *xt = efn_record(site, pool->x), *yt = efn_record(site, pool->y);                                 \
    const type *x = efn_in(site, pool->x);                                                                             \
    type *y = efn_out(site, pool->y);                                                                                  \
    const uint32_t c = xt->dims[3], line = xt->dims[2] * c;                                                            \
    for (uint32_t n = 0; n < yt->dims[0]; n++, x += (size_t)line * xt->dims[1])                                        \
        for (uint32_t oy = 0; oy < yt->dims[1]; oy++)                                                                  \
            for (uint32_t ox = 0; ox < yt->dims[2]; ox++, y += c) {                                                    \
                const efn_cover cover = efn_cover_of(pool, xt, oy, ox);                                                \
                POINT(p, x, line, &cover, c, y);                                                                       \
            }

// For every element of the cover at channel i: BODY sees `at`, a pointer to it. Four elements between two back edges,
// as hosts check a deadline on each.
#define EFN_EACH_TAP(type, BODY)                                                                                       \
    for (uint32_t row = cover->top; row < cover->bottom; row++) {                                                      \
        const type *at = x + (size_t)row * line + cover->left * c + i;                                                 \
        const type *const behind = at + (size_t)(cover->right - cover->left) * c;                                      \
        for (;;) {                                                                                                     \
            EFN_TAP(BODY) EFN_TAP(BODY) EFN_TAP(BODY) EFN_TAP(BODY)                                                    \
        }                                                                                                              \
    }
#define EFN_TAP(BODY)                                                                                                  \
    BODY;                                                                                                              \
    at += c;                                                                                                           \
    if (at == behind)                                                                                                  \
        break;

#endif

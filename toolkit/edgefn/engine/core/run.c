#include "check.h"
#include "table.h"

efn_status efn_reset(const efn_plan *plan, uint8_t *arena) {
    EFN_REQUIRE((uintptr_t)arena % EFN_ALIGNMENT == 0, EFN_MISALIGNED);
    efn_copy(arena, plan->weights + plan->state_offset, plan->state_bytes);
    return EFN_OK;
}

efn_status efn_run(const efn_plan *plan, uint8_t *arena, uint32_t first, uint32_t count, efn_mode mode) {
    EFN_REQUIRE(first <= plan->op_count && count <= plan->op_count - first, EFN_BAD_RANGE);
    EFN_REQUIRE((uintptr_t)arena % EFN_ALIGNMENT == 0, EFN_MISALIGNED);
    const efn_site site = {plan, arena};
    const uint32_t *words = plan->ops;
    uint32_t left_out = 0;
    for (uint32_t i = 0; i < first + count; i++, words += 1 + (*words >> 16)) {
        if (i < first)
            continue;
        if (left_out > 0) {
            left_out--;
            continue;
        }
        const efn_op *op = efn_op_of(*words & 0xFFFF);
        (mode == EFN_REFERENCE ? op->reference : op->simd)(&site, words + 1);
        if ((*words & 0xFFFF) == EFN_SKIP)
            left_out = *(const uint32_t *)efn_out(&site, ((const efn_skip *)(words + 1))->y);
    }
    return EFN_OK;
}

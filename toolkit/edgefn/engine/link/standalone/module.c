// The engine as a core Wasm module: no imports, one plan, memory laid out by the host from efn_heap() on.
#include "../../core/table.h"
#include "../../include/edgefn.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

#define PAGE 65536u

extern uint8_t __heap_base;

static efn_plan plan;
static int32_t is_open;
static uint32_t plan_end; // address after the plan

static uint32_t aligned(uint32_t address) {
    return (address + EFN_ALIGNMENT - 1) & ~(uint32_t)(EFN_ALIGNMENT - 1);
}

static uint64_t memory_bytes(void) {
    return (uint64_t)__builtin_wasm_memory_size(0) * PAGE;
}

uint32_t efn_heap(void);
uint32_t efn_status_at(uint32_t status);
uint32_t efn_ops_at(void);
uint32_t efn_ops_bytes(void);
int32_t efn_open_at(uint32_t address, uint32_t length);
int32_t efn_start(void);
uint32_t efn_arena(void);
uint32_t efn_arena_bytes(void);
uint32_t efn_fault(void);
int32_t efn_reset_at(uint32_t arena);
int32_t efn_run_at(uint32_t arena, uint32_t first, uint32_t count, int32_t mode);
void efn_affine_at(uint32_t source, uint32_t destination, uint32_t count, float scale, float offset, int32_t is_signed);

// The first 64-byte aligned address that the module does not use itself.
uint32_t EXPORT(efn_heap)(void) {
    return aligned((uint32_t)(uintptr_t)&__heap_base);
}

// Address of the NUL-terminated text of a status.
uint32_t EXPORT(efn_status_at)(uint32_t status) {
    return (uint32_t)(uintptr_t)efn_status_text((efn_status)status);
}

// Address and size of the table of ops, for edgefn.engine.linker, which keeps those that a plan uses.
uint32_t EXPORT(efn_ops_at)(void) {
    return (uint32_t)(uintptr_t)efn_ops;
}

uint32_t EXPORT(efn_ops_bytes)(void) {
    return sizeof efn_ops;
}

// Open the `length` bytes at `address` as the plan of this module.
int32_t EXPORT(efn_open_at)(uint32_t address, uint32_t length) {
    is_open = 0;
    if (address < efn_heap() || (uint64_t)address + length > memory_bytes())
        return EFN_TRUNCATED;
    const efn_status status = efn_open(&plan, (const uint8_t *)(uintptr_t)address, length);
    is_open = status == EFN_OK;
    plan_end = address + length;
    return (int32_t)status;
}

// Open the plan that lies at efn_heap() (edgefn.engine.module puts it there), grow the memory to hold the arena behind
// it, and reset it.
int32_t EXPORT(efn_start)(void) {
    const uint32_t at = efn_heap();
    if ((uint64_t)at + 12 > memory_bytes())
        return EFN_TRUNCATED;
    const int32_t status = efn_open_at(at, ((const uint32_t *)(uintptr_t)at)[2]);
    if (status != EFN_OK)
        return status;
    const uint64_t need = (uint64_t)efn_arena() + plan.arena_bytes, have = memory_bytes();
    if (need > have && __builtin_wasm_memory_grow(0, (uint32_t)((need - have + PAGE - 1) / PAGE)) == (size_t)-1)
        is_open = 0;
    return is_open ? efn_reset_at(efn_arena()) : EFN_TRUNCATED;
}

// The first aligned address behind the open plan.
uint32_t EXPORT(efn_arena)(void) {
    return aligned(plan_end);
}

uint32_t EXPORT(efn_arena_bytes)(void) {
    return plan.arena_bytes;
}

// Index of the tensor or op that efn_open_at refused.
uint32_t EXPORT(efn_fault)(void) {
    return plan.fault;
}

// Whether an arena at that address lies behind the plan, inside the memory.
static int has_room(uint32_t arena) {
    return is_open && arena >= plan_end && (uint64_t)arena + plan.arena_bytes <= memory_bytes();
}

// Give what the plan keeps between runs its first content.
int32_t EXPORT(efn_reset_at)(uint32_t arena) {
    return has_room(arena) ? (int32_t)efn_reset(&plan, (uint8_t *)(uintptr_t)arena) : EFN_BAD_RANGE;
}

// Run ops first .. first + count - 1; mode 0 is SIMD, 1 the reference.
int32_t EXPORT(efn_run_at)(uint32_t arena, uint32_t first, uint32_t count, int32_t mode) {
    if (!has_room(arena))
        return EFN_BAD_RANGE;
    return (int32_t)efn_run(&plan, (uint8_t *)(uintptr_t)arena, first, count, mode == 1 ? EFN_REFERENCE : EFN_SIMD);
}

// destination[i] = source[i] * scale + offset, from u8 or i8 to f32.
void EXPORT(efn_affine_at)(uint32_t source, uint32_t destination, uint32_t count, float scale, float offset,
                           int32_t is_signed) {
    efn_affine((const uint8_t *)(uintptr_t)source, (float *)(uintptr_t)destination, count, scale, offset, is_signed);
}

// All that is free is taken, zeroed, and given back. First the C heap, in blocks of falling size; while those are held,
// CPython's small-object allocator can only hand out what its own arenas have free. A block that reaches beyond the
// memory's end at the start is new, and zero already: then nothing old of that size is left.
#include "scrub.h"
#include "../../core/memory.h"
#include "python.h"

#define PAGE 65536u
#define LARGEST 65536u      // also bounds by how much the memory may grow here
#define SMALLEST_RAW 64u    // what is free between smaller blocks is not worth the walk
#define SMALLEST_OBJECT 16u // pymalloc's size classes: 16, 32, ... 512
#define LARGEST_OBJECT 512u

typedef struct block {
    struct block *next;
} block;

typedef struct {
    void *(*take)(size_t bytes);
    void (*give)(void *pointer);
} heap;

static const uint8_t *memory_end(void) {
    return (const uint8_t *)(uintptr_t)(__builtin_wasm_memory_size(0) * PAGE);
}

// Take and zero every free block of `bytes` that lies before `end`; they are put in front of `held`.
static block *take_all(const heap *from, size_t bytes, const uint8_t *end, block *held) {
    for (;;) {
        block *taken = from->take(bytes);
        if (!taken)
            return held;
        if ((const uint8_t *)taken + bytes > end) {
            from->give(taken);
            return held;
        }
        efn_fill(taken, 0, (uint32_t)bytes);
        taken->next = held;
        held = taken;
    }
}

static void give_all(const heap *to, block *held) {
    while (held) {
        block *next = held->next;
        held->next = 0;
        to->give(held);
        held = next;
    }
}

void efn_scrub(void) {
    const heap raw = {PyMem_RawMalloc, PyMem_RawFree}, objects = {PyObject_Malloc, PyObject_Free};
    const uint8_t *const end = memory_end();
    block *blocks = 0, *small = 0;
    for (size_t bytes = LARGEST; bytes >= SMALLEST_RAW; bytes /= 2)
        blocks = take_all(&raw, bytes, end, blocks);
    for (size_t bytes = SMALLEST_OBJECT; bytes <= LARGEST_OBJECT; bytes += 16)
        small = take_all(&objects, bytes, end, small);
    give_all(&objects, small);
    give_all(&raw, blocks);
}

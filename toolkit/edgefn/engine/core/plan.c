// Opening a plan. Nothing in the bytes is trusted: regions, then tensor records, then inputs and outputs, then every
// op.
#include "check.h"
#include "table.h"

#define MAX_FILE_BYTES (256u << 20)
#define MAX_META_BYTES (1u << 20)
#define MAX_ARENA_BYTES (1u << 30)
#define MAX_COUNT 65536u // tensors, ops
#define MAX_IO 64u

typedef struct {
    uint8_t magic[4];
    uint16_t major, minor;
    uint32_t file_bytes, crc32;
    uint32_t tensors_offset, tensor_count;
    uint32_t ops_offset, ops_words, op_count;
    uint32_t io_offset, input_count, output_count;
    uint32_t weights_offset, weights_bytes;
    uint32_t meta_offset, meta_bytes;
    uint32_t arena_bytes;
    uint32_t state_bytes, state_offset;
    uint32_t reserved[5];
} file_header;

_Static_assert(sizeof(file_header) == 96, "the header of plan.md");
_Static_assert(sizeof(efn_tensor) == 48, "the tensor record of plan.md");

static int all_zero(const uint8_t *bytes, uint64_t begin, uint64_t end) {
    uint8_t seen = 0;
    for (uint64_t i = begin; i < end; i++)
        seen |= bytes[i];
    return seen == 0;
}

static efn_status check_header(const file_header *h, uint32_t length) {
    EFN_REQUIRE(h->magic[0] == 'E' && h->magic[1] == 'F' && h->magic[2] == 'N' && h->magic[3] == 'P', EFN_BAD_MAGIC);
    EFN_REQUIRE(h->major == 3 && h->minor == 0, EFN_BAD_VERSION);
    EFN_REQUIRE(h->file_bytes <= length, EFN_TRUNCATED);
    EFN_REQUIRE(h->file_bytes == length && length <= MAX_FILE_BYTES, EFN_BAD_HEADER);
    EFN_REQUIRE(1 <= h->tensor_count && h->tensor_count <= MAX_COUNT && h->op_count <= MAX_COUNT, EFN_BAD_HEADER);
    EFN_REQUIRE(1 <= h->input_count && h->input_count <= MAX_IO, EFN_BAD_HEADER);
    EFN_REQUIRE(1 <= h->output_count && h->output_count <= MAX_IO, EFN_BAD_HEADER);
    EFN_REQUIRE(h->meta_bytes <= MAX_META_BYTES && h->arena_bytes <= MAX_ARENA_BYTES, EFN_BAD_HEADER);
    EFN_REQUIRE(all_zero((const uint8_t *)h->reserved, 0, sizeof h->reserved), EFN_BAD_HEADER);
    return EFN_OK;
}

// State begins both the arena and, somewhere, a stretch of the weights that is as long.
static efn_status check_state(const file_header *h) {
    EFN_REQUIRE(h->state_bytes % 16 == 0 && h->state_offset % 16 == 0, EFN_BAD_HEADER);
    EFN_REQUIRE(h->state_bytes <= h->arena_bytes, EFN_BAD_HEADER);
    EFN_REQUIRE((uint64_t)h->state_offset + h->state_bytes <= h->weights_bytes, EFN_BAD_HEADER);
    return EFN_OK;
}

// Step over one region: it begins at or after *end, and the gap before it is zero.
static efn_status check_region(const uint8_t *file, uint32_t file_bytes, uint64_t *end, uint32_t offset, uint64_t bytes,
                               uint32_t alignment) {
    EFN_REQUIRE(offset % alignment == 0 && offset >= *end && offset + bytes <= file_bytes, EFN_BAD_REGION);
    EFN_REQUIRE(all_zero(file, *end, offset), EFN_BAD_REGION);
    *end = offset + bytes;
    return EFN_OK;
}

static efn_status check_regions(const file_header *h) {
    const uint8_t *file = (const uint8_t *)h;
    const uint32_t all = h->file_bytes;
    uint64_t end = sizeof *h;
    EFN_TRY(check_region(file, all, &end, h->tensors_offset, (uint64_t)h->tensor_count * sizeof(efn_tensor), 16));
    EFN_TRY(check_region(file, all, &end, h->ops_offset, (uint64_t)h->ops_words * 4, 4));
    EFN_TRY(check_region(file, all, &end, h->io_offset, ((uint64_t)h->input_count + h->output_count) * 4, 4));
    EFN_TRY(check_region(file, all, &end, h->meta_offset, h->meta_bytes, 1));
    EFN_TRY(check_region(file, all, &end, h->weights_offset, h->weights_bytes, 64));
    return all_zero(file, end, all) ? EFN_OK : EFN_BAD_REGION;
}

static int dims_valid(const efn_tensor *t) {
    uint64_t product = 1;
    for (uint32_t i = 0; i < EFN_MAX_RANK; i++) {
        if (i >= t->rank) {
            if (t->dims[i] != 0)
                return 0;
            continue;
        }
        product *= t->dims[i]; // at most 2^30 * 2^32
        if (product == 0 || product > EFN_MAX_ELEMENTS)
            return 0;
    }
    return 1;
}

static int tensor_valid(const efn_plan *plan, const efn_tensor *t) {
    if (efn_item_size(t->dtype) == 0 || t->rank > EFN_MAX_RANK || t->place > EFN_WEIGHTS)
        return 0;
    if (t->reserved0 != 0 || t->reserved1 != 0 || !dims_valid(t))
        return 0;
    if (!(t->scale == 0 || efn_finite_positive(t->scale)) || t->zero_point < -128 || t->zero_point > 255)
        return 0;
    const uint64_t region = t->place == EFN_WEIGHTS ? plan->weights_bytes : plan->arena_bytes;
    if (t->offset % 16 != 0 || (uint64_t)t->offset + t->bytes > region)
        return 0;
    return t->place == EFN_WEIGHTS || t->bytes == (uint64_t)efn_elements(t) * efn_item_size(t->dtype);
}

static efn_status check_tensors(efn_plan *plan) {
    for (uint32_t i = 0; i < plan->tensor_count; i++) {
        plan->fault = i;
        EFN_REQUIRE(tensor_valid(plan, &plan->tensors[i]), EFN_BAD_TENSOR);
    }
    return EFN_OK;
}

static efn_status check_io(const efn_plan *plan) {
    for (uint32_t i = 0; i < plan->input_count + plan->output_count; i++)
        EFN_REQUIRE(efn_writable(plan, plan->io[i], 0), EFN_BAD_IO);
    return EFN_OK;
}

static efn_status check_ops(efn_plan *plan) {
    const uint32_t *words = plan->ops;
    uint32_t left = plan->ops_words;
    for (uint32_t i = 0; i < plan->op_count; i++) {
        plan->fault = i;
        EFN_REQUIRE(left > 0 && *words >> 16 < left, EFN_BAD_OP);
        const uint32_t count = *words >> 16;
        const efn_op *op = efn_op_of(*words & 0xFFFF);
        EFN_REQUIRE(op && (op->words == 0 || op->words == count), EFN_BAD_OP);
        EFN_TRY(op->check(plan, words + 1, count));
        words += 1 + count;
        left -= 1 + count;
    }
    return left == 0 ? EFN_OK : EFN_BAD_OP;
}

efn_status efn_open(efn_plan *plan, const uint8_t *bytes, uint32_t length) {
    *plan = (efn_plan){0};
    EFN_REQUIRE((uintptr_t)bytes % EFN_ALIGNMENT == 0, EFN_MISALIGNED);
    EFN_REQUIRE(length >= sizeof(file_header), EFN_TRUNCATED);
    const file_header *h = (const file_header *)bytes;
    EFN_TRY(check_header(h, length));
    EFN_TRY(check_regions(h));
    EFN_TRY(check_state(h));
    *plan = (efn_plan){
        .tensors = (const efn_tensor *)(bytes + h->tensors_offset),
        .ops = (const uint32_t *)(bytes + h->ops_offset),
        .io = (const uint32_t *)(bytes + h->io_offset),
        .weights = bytes + h->weights_offset,
        .tensor_count = h->tensor_count,
        .ops_words = h->ops_words,
        .op_count = h->op_count,
        .input_count = h->input_count,
        .output_count = h->output_count,
        .weights_bytes = h->weights_bytes,
        .arena_bytes = h->arena_bytes,
        .state_bytes = h->state_bytes,
        .state_offset = h->state_offset,
    };
    EFN_TRY(check_tensors(plan));
    EFN_TRY(check_io(plan));
    return check_ops(plan);
}

// One string, indexed by walking: a table of pointers would need relocations in the extension.
const char *efn_status_text(efn_status status) {
    const char *text = "the plan is valid\0"
                       "the plan is truncated\0"
                       "the plan or the arena is not 64-byte aligned\0"
                       "this is not a plan (bad magic)\0"
                       "this engine reads plans of version 3.0 only\0"
                       "a header field is out of range\0"
                       "a region is misplaced, or a gap between regions is not zero\0"
                       "a tensor record is not valid\0"
                       "an input or output is not a tensor in the arena\0"
                       "an opcode or its parameter count is unknown\0"
                       "an operand has a wrong index, dtype, rank or place\0"
                       "the shapes of an op do not fit together\0"
                       "a parameter of an op is out of range\0"
                       "a packed tensor has the wrong size or a value out of range\0"
                       "the scratch memory of an op is outside the arena\0"
                       "an output or scratch memory overlaps another operand\0"
                       "there are fewer ops than asked for\0";
    if ((uint32_t)status >= EFN_STATUS_COUNT)
        return "unknown status";
    for (uint32_t i = 0; i < (uint32_t)status; i++) {
        while (*text)
            text++;
        text++;
    }
    return text;
}

// Opens and runs plans that may be hostile, natively, under AddressSanitizer and UndefinedBehaviorSanitizer.
//
// Reads from standard input: for each plan, its length as a u32 and its bytes. Each plan and its arena lie by
// themselves in poisoned memory: a byte in front of them or behind them is out of bounds. The plan's pages cannot be
// written. For each plan it prints
//     INDEX STATUS OUTCOME DIGEST MICROSECONDS
// where STATUS is what efn_open said, OUTCOME one of refused, ran, large (opened; its arena is larger than is run
// here), long (opened; running it was cut short) and differs (SIMD and reference gave different outputs), DIGEST is of
// the outputs, and the time is what efn_open took. The argument is how many bytes each arena is too small: there is a
// test that too few are noticed. A plan that crashes, or takes too long to open, ends the program; then the last line
// of standard error names it.
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "include/edgefn.h"

#define MOST_PLAN (16u << 20)
#define MOST_ARENA (16u << 20)
#define GUARD 4096u
#define OPEN_SECONDS 2
#define RUN_MILLISECONDS 250
#define NO_LOW_MEMORY 77
#define TOO_SLOW 3
#define BROKEN 4 // the corpus, or an open plan that does not run

static volatile unsigned index_now;
static volatile int running;
static sigjmp_buf cut_short;

const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "detect_leaks=0";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void) {
    return "print_stacktrace=1";
}

static void name_plan(void) {
    fflush(stdout);
    fprintf(stderr, "\nplan %u\n", index_now);
}

static _Noreturn void give_up(int status) {
    name_plan();
    _Exit(status);
}

static void on_timer(int signal_number) {
    (void)signal_number;
    if (running)
        siglongjmp(cut_short, 1);
    fprintf(stderr, "efn_open takes more than %d s", OPEN_SECONDS);
    give_up(TOO_SLOW);
}

static void set_timer(long milliseconds) { // of this process's time; 0 stops it
    const struct itimerval timer = {.it_value = {milliseconds / 1000, milliseconds % 1000 * 1000}};
    setitimer(ITIMER_PROF, &timer, NULL);
}

// ---- Memory below 4 GiB, where scratch memory can hold addresses, poisoned but for what is handed out ----

static uint8_t *low_memory(size_t size, uintptr_t hint) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
#ifdef MAP_32BIT
    flags |= MAP_32BIT;
#endif
    void *const at = mmap((void *)hint, size + 2 * GUARD, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (at == MAP_FAILED || (uintptr_t)at + size + 2 * GUARD > UINT32_MAX) {
        fprintf(stderr, "there is no memory below 4 GiB\n");
        exit(NO_LOW_MEMORY);
    }
    __asan_poison_memory_region(at, size + 2 * GUARD);
    return (uint8_t *)at + GUARD;
}

// ---- What lies in the arena before a run; it may be too small, and that is for the ops to meet ----

#define UNCHECKED __attribute__((no_sanitize("address")))

static uint32_t noise_state;

static uint32_t noise(void) {
    noise_state = noise_state * 1664525 + 1013904223;
    return noise_state >> 8 ^ noise_state << 24;
}

static uint32_t any_float(void) {
    static const uint32_t special[] = {0,          0x80000000, 0x7FC00000, 0x7F800000, 0xFF800000, 1,
                                       0x7F7FFFFF, 0xFF7FFFFF, 0x3F000000, 0xBFC00000, 0x4F000000, 0xCF000001};
    const uint32_t random = noise();
    if (random % 32 == 0)
        return special[random / 32 % (sizeof special / sizeof special[0])];
    const float v = ((float)(random >> 8) / (1 << 23) - 1) * 8;
    uint32_t bits;
    memcpy(&bits, &v, 4);
    return bits;
}

// Floats everywhere, then every input of integers: of any kind, or small ones.
static UNCHECKED void fill(const efn_plan *plan, uint8_t *arena) {
    noise_state = plan->arena_bytes;
    uint32_t bits = 0;
    for (uint32_t at = 0; at < plan->arena_bytes; at++, bits >>= 8) {
        if (at % 4 == 0)
            bits = any_float();
        arena[at] = (uint8_t)bits;
    }
    for (uint32_t i = 0; i < plan->input_count; i++) {
        const efn_tensor *t = &plan->tensors[plan->io[i]];
        for (uint32_t at = 0; at < t->bytes && t->dtype != EFN_F32; at++)
            arena[t->offset + at] = (uint8_t)(noise() >> 5 & (noise() % 4 ? 255 : 3));
    }
}

// ---- What the outputs hold; every NaN is the same ----

static int is_nan(uint32_t float_bits) {
    return (float_bits & 0x7FFFFFFF) > 0x7F800000;
}

static UNCHECKED uint64_t digest_of(const efn_plan *plan, const uint8_t *arena) {
    uint64_t digest = 0xCBF29CE484222325;
    for (uint32_t i = 0; i < plan->output_count; i++) {
        const efn_tensor *t = &plan->tensors[plan->io[plan->input_count + i]];
        const uint8_t *from = arena + t->offset;
        for (uint32_t at = 0; at < t->bytes; at++) {
            uint8_t byte = from[at];
            if (t->dtype == EFN_F32 && is_nan(*(const uint32_t *)(from + at / 4 * 4)))
                byte = 0xFF;
            digest = (digest ^ byte) * 0x100000001B3;
        }
    }
    return digest;
}

// relaxed-simd may fuse what it computes in f32.
static int may_differ(const efn_plan *plan) {
#ifdef __wasm_relaxed_simd__
    for (uint32_t i = 0; i < plan->tensor_count; i++)
        if (plan->tensors[i].dtype == EFN_F32)
            return 1;
#endif
    (void)plan;
    return 0;
}

static const char *run(const efn_plan *plan, uint8_t *arena, uint64_t *digest) {
    if (sigsetjmp(cut_short, 1) != 0) {
        running = 0;
        return "long";
    }
    uint64_t digests[2];
    for (int mode = EFN_SIMD; mode <= EFN_REFERENCE; mode++) {
        fill(plan, arena);
        running = 1;
        set_timer(RUN_MILLISECONDS);
        efn_status status = efn_reset(plan, arena);
        if (status == EFN_OK)
            status = efn_run(plan, arena, 0, plan->op_count, (efn_mode)mode);
        set_timer(0);
        running = 0;
        if (status != EFN_OK)
            give_up(BROKEN);
        digests[mode] = digest_of(plan, arena);
    }
    *digest = digests[EFN_SIMD];
    return digests[EFN_SIMD] == digests[EFN_REFERENCE] || may_differ(plan) ? "ran" : "differs";
}

static double microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void meet(uint8_t *bytes, uint32_t length, uint8_t *arena, uint32_t missing) {
    efn_plan plan;
    uint64_t digest = 0;
    const char *outcome = "refused";
    set_timer(OPEN_SECONDS * 1000);
    const double started = microseconds();
    const efn_status status = efn_open(&plan, bytes, length);
    const double took = microseconds() - started;
    set_timer(0);
    if (status == EFN_OK && plan.arena_bytes > MOST_ARENA) {
        outcome = "large";
    } else if (status == EFN_OK) {
        __asan_unpoison_memory_region(arena, plan.arena_bytes > missing ? plan.arena_bytes - missing : 0);
        outcome = run(&plan, arena, &digest);
        __asan_poison_memory_region(arena, plan.arena_bytes);
    }
    printf("%u %d %s %016llx %.0f\n", index_now, (int)status, outcome, (unsigned long long)digest, took);
}

int main(int count, char **arguments) {
    const uint32_t missing = count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 0;
    setvbuf(stdout, NULL, _IOLBF, 1 << 12); // so that no line is lost, however this ends
    __sanitizer_set_death_callback(name_plan);
    struct sigaction action = {.sa_handler = on_timer};
    sigaction(SIGPROF, &action, NULL);
    uint8_t *const bytes = low_memory(MOST_PLAN, 0x10000000), *const arena = low_memory(MOST_ARENA, 0x20000000);
    uint32_t length;
    for (index_now = 0; fread(&length, 4, 1, stdin) == 1; index_now++) {
        if (length > MOST_PLAN)
            give_up(BROKEN);
        mprotect(bytes, MOST_PLAN, PROT_READ | PROT_WRITE);
        __asan_unpoison_memory_region(bytes, length);
        if (fread(bytes, 1, length, stdin) != length)
            give_up(BROKEN);
        mprotect(bytes, MOST_PLAN, PROT_READ);
        meet(bytes, length, arena, missing);
        __asan_poison_memory_region(bytes, length);
    }
    return 0;
}

// coupling_f32: probabilities of classes from those of pairs of classes, as libsvm couples them.
//
// T.-F. Wu, C.-J. Lin, R. C. Weng: Probability estimates for multi-class classification by pairwise coupling, 2004,
// algorithm 2. It stops early, so that the order of every sum decides what comes out: the reference is the same code.
#include "../core/check.h"
#include "../core/table.h"

#define MOST 256u // classes

efn_status efn_coupling_f32_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_coupling_f32 *p = (const efn_coupling_f32 *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    EFN_REQUIRE(x && y, EFN_BAD_OPERAND);
    const uint32_t pairs = efn_last_dim(x), c = efn_last_dim(y);
    EFN_REQUIRE(2 <= c && c <= MOST && pairs == c * (c - 1) / 2, EFN_BAD_SHAPE);
    EFN_REQUIRE(efn_elements(x) / pairs == efn_elements(y) / c, EFN_BAD_SHAPE);
    EFN_TRY(efn_check_apart(x, y, 0));
    return efn_check_scratch(plan, p->scratch, ((uint64_t)c * c + 2 * c) * 8, x, y);
}

typedef struct {
    uint32_t c;
    double *matrix; // Q [c][c]
    double *slope;  // Q p [c]
    double *p;      // [c]
} coupling;

// x [c * (c - 1) / 2].
static void begin(const coupling *k, const float *x) {
    for (uint32_t i = 0; i < k->c; i++) {
        k->p[i] = 1.0 / k->c;
        k->matrix[i * k->c + i] = 0;
    }
    for (uint32_t i = 0; i < k->c; i++)
        for (uint32_t j = i + 1; j < k->c; j++) {
            const double over = *x++, under = 1 - over; // of i against j, and of j against i
            k->matrix[i * k->c + j] = k->matrix[j * k->c + i] = -under * over;
            k->matrix[i * k->c + i] += under * under;
            k->matrix[j * k->c + j] += over * over;
        }
}

// Q p into slope; its product with p.
static double sum_up(const coupling *k) {
    double sum = 0;
    for (uint32_t i = 0; i < k->c; i++) {
        k->slope[i] = 0;
        for (uint32_t j = 0; j < k->c; j++)
            k->slope[i] += k->matrix[i * k->c + j] * k->p[j];
        sum += k->p[i] * k->slope[i];
    }
    return sum;
}

static int is_settled(const coupling *k, double sum) {
    for (uint32_t i = 0; i < k->c; i++)
        if (!(__builtin_fabs(k->slope[i] - sum) < 0.005 / k->c))
            return 0;
    return 1;
}

static void step(const coupling *k, double sum) {
    for (uint32_t i = 0; i < k->c; i++) {
        const double *row = k->matrix + i * k->c, own = row[i];
        const double d = (sum - k->slope[i]) / own;
        k->p[i] += d;
        sum = (sum + d * (d * own + 2 * k->slope[i])) / (1 + d) / (1 + d);
        for (uint32_t j = 0; j < k->c; j++) {
            k->slope[j] = (k->slope[j] + d * row[j]) / (1 + d);
            k->p[j] /= 1 + d;
        }
    }
}

static EFN_NOINLINE void run(const efn_site *site, const uint32_t *words) {
    const efn_coupling_f32 *p = (const efn_coupling_f32 *)words;
    const float *x = efn_in(site, p->x); // [rows][pairs]
    float *y = efn_out(site, p->y);      // [rows][c]
    const uint32_t c = efn_last_dim(efn_record(site, p->y)), rows = efn_elements(efn_record(site, p->y)) / c;
    double *const matrix = (double *)(site->arena + p->scratch);
    const coupling k = {c, matrix, matrix + c * c, matrix + c * c + c};
    for (uint32_t row = 0; row < rows; row++, x += c * (c - 1) / 2, y += c) {
        begin(&k, x);
        for (uint32_t left = c > 100 ? c : 100; left > 0; left--) {
            const double sum = sum_up(&k);
            if (is_settled(&k, sum))
                break;
            step(&k, sum);
        }
        for (uint32_t i = 0; i < c; i++)
            y[i] = (float)k.p[i];
    }
}

void efn_coupling_f32_simd(const efn_site *site, const uint32_t *words) {
    run(site, words);
}

void efn_coupling_f32_ref(const efn_site *site, const uint32_t *words) {
    run(site, words);
}

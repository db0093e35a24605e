// tree_ensemble: decision trees in one table, walked from their roots; the weights of the leaves make up y.
//
// Both children of a node lie side by side behind it, so a walk is additions only, and it ends. One walk waits for
// memory at every step: four trees are walked at once. Sums are f64, in the order of the trees, in the reference too.
#include "../core/check.h"
#include "../core/table.h"

#define LAST 0x80000000u // the entry that ends a leaf

typedef enum { SUM, LEAST, GREATEST, AGGREGATES } aggregate;

typedef struct {
    float threshold; // of a leaf: its first entry, as an integer
    uint32_t word;   // step, feature, whether NaN goes left; 0 in a leaf
} node;

typedef struct {
    uint32_t target;
    float weight;
} entry;

static uint32_t feature_of(uint32_t word, uint32_t bits) {
    return (word & ((1u << bits) - 1)) >> 1;
}

static uint32_t first_entry(const node *leaf) {
    uint32_t first;
    __builtin_memcpy(&first, &leaf->threshold, 4);
    return first;
}

static efn_status check_nodes(const node *nodes, uint64_t count, uint32_t bits, uint32_t features, uint64_t entries) {
    for (uint64_t i = 0; i < count; i++) {
        const uint32_t word = nodes[i].word;
        if (word == 0)
            EFN_REQUIRE(first_entry(nodes + i) < entries, EFN_BAD_WEIGHTS);
        else
            EFN_REQUIRE(word >> bits > 0 && i + (word >> bits) + 1 < count && feature_of(word, bits) < features,
                        EFN_BAD_WEIGHTS);
    }
    return EFN_OK;
}

static efn_status check_leaves(const entry *leaves, uint64_t count, uint32_t targets) {
    for (uint64_t i = 0; i < count; i++)
        EFN_REQUIRE((leaves[i].target & ~LAST) < targets, EFN_BAD_WEIGHTS);
    return leaves[count - 1].target & LAST ? EFN_OK : EFN_BAD_WEIGHTS;
}

// A table in the weights that an op reads whole, `width` words an element; NULL when it is none.
static const efn_tensor *table(const efn_plan *plan, uint32_t index, uint32_t width) {
    const efn_tensor *t = efn_readable(plan, index, EFN_I32);
    return t && t->place == EFN_WEIGHTS && t->bytes % (4 * width) == 0 ? t : NULL;
}

efn_status efn_tree_ensemble_check(const efn_plan *plan, const uint32_t *words, uint32_t count) {
    (void)count;
    const efn_tree_ensemble *p = (const efn_tree_ensemble *)words;
    const efn_tensor *x = efn_readable(plan, p->x, EFN_F32), *y = efn_writable(plan, p->y, EFN_F32);
    const efn_tensor *roots = table(plan, p->roots, 1), *nodes = table(plan, p->nodes, 2);
    const efn_tensor *leaves = table(plan, p->leaves, 2);
    EFN_REQUIRE(x && y && roots && nodes && leaves, EFN_BAD_OPERAND);
    const uint32_t features = efn_last_dim(x), targets = efn_last_dim(y), all = nodes->bytes / 8;
    EFN_REQUIRE(efn_elements(x) / features == efn_elements(y) / targets, EFN_BAD_SHAPE);
    EFN_REQUIRE(1 <= p->bits && p->bits <= 31 && p->aggregate < AGGREGATES && p->divisor > 0, EFN_BAD_PARAMETER);
    EFN_TRY(efn_check_packed(plan, p->base, EFN_I32, (uint64_t)targets * 8));
    const uint32_t *root = (const uint32_t *)(plan->weights + roots->offset);
    for (uint32_t i = 0; i < roots->bytes / 4; i++)
        EFN_REQUIRE(root[i] < all, EFN_BAD_WEIGHTS);
    EFN_TRY(check_leaves((const entry *)(plan->weights + leaves->offset), leaves->bytes / 8, targets));
    EFN_TRY(check_nodes((const node *)(plan->weights + nodes->offset), all, p->bits, features, leaves->bytes / 8));
    EFN_TRY(efn_check_apart(x, y, 0));
    return efn_check_scratch(plan, p->scratch, (uint64_t)targets * 8, x, y);
}

typedef struct {
    const uint32_t *roots; // [trees]
    const node *nodes;
    const entry *leaves;
    const double *base; // [targets]
    double *sums;       // [targets]
    uint32_t trees, features, targets, rows, bits, divisor;
    aggregate aggregate;
} forest;

static EFN_NOINLINE forest forest_of(const efn_site *site, const efn_tree_ensemble *p) {
    const efn_tensor *x = efn_record(site, p->x), *y = efn_record(site, p->y);
    return (forest){
        .roots = efn_in(site, p->roots),
        .nodes = efn_in(site, p->nodes),
        .leaves = efn_in(site, p->leaves),
        .base = efn_in(site, p->base),
        .sums = (double *)(site->arena + p->scratch),
        .trees = efn_record(site, p->roots)->bytes / 4,
        .features = efn_last_dim(x),
        .targets = efn_last_dim(y),
        .rows = efn_elements(y) / efn_last_dim(y),
        .bits = p->bits,
        .divisor = p->divisor,
        .aggregate = (aggregate)p->aggregate,
    };
}

// One step down from a node; a leaf stays where it is.
EFN_INLINE const node *below(const node *n, const float *x, uint32_t bits) {
    const float value = x[feature_of(n->word, bits)];
    const uint32_t left = (value <= n->threshold) | ((value != value) & n->word);
    return n->word ? n + (n->word >> bits) + !(left & 1) : n;
}

static EFN_NOINLINE const node *leaf_below(const node *n, const float *x, uint32_t bits) {
    while (n->word)
        n = below(n, x, bits);
    return n;
}

// Nothing yet: NaN, which no weight is better than, unless weights are added up.
static EFN_NOINLINE void begin(const forest *f) {
    for (uint32_t i = 0; i < f->targets; i++)
        f->sums[i] = f->aggregate == SUM ? 0 : __builtin_nan("");
}

static EFN_NOINLINE void collect(const forest *f, const node *leaf) {
    const entry *e = f->leaves + first_entry(leaf) - 1;
    do {
        e++;
        double *sum = f->sums + (e->target & ~LAST);
        const double weight = e->weight;
        if (f->aggregate == SUM)
            *sum += weight;
        else if (f->aggregate == LEAST ? !(*sum <= weight) : !(*sum >= weight))
            *sum = weight;
    } while (!(e->target & LAST));
}

// y [targets].
static EFN_NOINLINE void end(const forest *f, float *y) {
    for (uint32_t i = 0; i < f->targets; i++) {
        const double sum = f->sums[i], found = f->aggregate == SUM || sum == sum ? sum : 0;
        y[i] = (float)(found / f->divisor + f->base[i]);
    }
}

// x [features].
static void row_simd(const forest *f, const float *x) {
    const uint32_t bits = f->bits;
    uint32_t i = 0;
    for (; i + 4 <= f->trees; i += 4) {
        const uint32_t *root = f->roots + i;
        const node *a = f->nodes + root[0], *b = f->nodes + root[1], *c = f->nodes + root[2], *d = f->nodes + root[3];
        while (a->word | b->word | c->word | d->word) {
            a = below(a, x, bits);
            b = below(b, x, bits);
            c = below(c, x, bits);
            d = below(d, x, bits);
        }
        collect(f, a);
        collect(f, b);
        collect(f, c);
        collect(f, d);
    }
    for (; i < f->trees; i++)
        collect(f, leaf_below(f->nodes + f->roots[i], x, bits));
}

void efn_tree_ensemble_simd(const efn_site *site, const uint32_t *words) {
    const efn_tree_ensemble *p = (const efn_tree_ensemble *)words;
    const forest f = forest_of(site, p);
    const float *x = efn_in(site, p->x); // [rows][features]
    float *y = efn_out(site, p->y);      // [rows][targets]
    for (uint32_t row = 0; row < f.rows; row++) {
        begin(&f);
        row_simd(&f, x + (size_t)row * f.features);
        end(&f, y + (size_t)row * f.targets);
    }
}

void efn_tree_ensemble_ref(const efn_site *site, const uint32_t *words) {
    const efn_tree_ensemble *p = (const efn_tree_ensemble *)words;
    const forest f = forest_of(site, p);
    const float *x = efn_in(site, p->x);
    float *y = efn_out(site, p->y);
    for (uint32_t row = 0; row < f.rows; row++) {
        begin(&f);
        for (uint32_t i = 0; i < f.trees; i++)
            collect(&f, leaf_below(f.nodes + f.roots[i], x + (size_t)row * f.features, f.bits));
        end(&f, y + (size_t)row * f.targets);
    }
}

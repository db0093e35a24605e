#include "real.h"
#include "memory.h"

#define LN2 0.69314718055994530942
#define HALF_PI 1.57079632679489661923
#define SMALL 1e-5f // below it the odd functions here are x, within 2e-11 of it

static uint32_t bits_of(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

static double from_bits(uint64_t bits) {
    double v;
    __builtin_memcpy(&v, &bits, 8);
    return v;
}

// p(v) of the coefficients c, the highest first.
static double polynomial(double v, const double *c, int count) {
    double sum = c[0];
    for (int i = 1; i < count; i++)
        sum = sum * v + c[i];
    return sum;
}

// ---- Exponential and logarithm: Taylor series after the reduction, to about 1e-11 ----

// |x| up to 700.
static double exponential(double x) {
    static const double C[10] = {1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120,
                                 1.0 / 24,     1.0 / 6,     0.5,        1,         1};
    const double n = __builtin_rint(x / LN2);
    return polynomial(x - n * LN2, C, 10) * from_bits((uint64_t)((int64_t)n + 1023) << 52);
}

// x > 0 and finite. log(m) = 2 artanh(s) of s = (m - 1) / (m + 1), m between sqrt(1/2) and sqrt(2).
static double logarithm(double x) {
    static const double C[7] = {2.0 / 13, 2.0 / 11, 2.0 / 9, 2.0 / 7, 2.0 / 5, 2.0 / 3, 2};
    uint64_t bits;
    __builtin_memcpy(&bits, &x, 8);
    const uint64_t offset = bits - 0x3FE6A09E667F3BCDull; // sqrt(1/2)
    const double m = from_bits((offset & 0xFFFFFFFFFFFFFull) + 0x3FE6A09E667F3BCDull);
    const double s = (m - 1) / (m + 1);
    return s * polynomial(s * s, C, 7) + (double)((int64_t)offset >> 52) * LN2;
}

// ---- Circular functions ----

// An angle as `quadrant` right angles and a `rest` between -pi/4 and pi/4.
typedef struct {
    uint32_t quadrant;
    double rest;
} angle;

// x >= 2^20: exact to some 70 bits behind the point, as 2/pi is a table of bits (Payne and Hanek). x is m * 2^k, and
// the bits of 2/pi that m multiplies into whole turns are left out.
static angle reduce_large(uint32_t bits) {
    static const uint32_t TWO_BY_PI[8] = {0,          0xA2F9836E, 0x4E441529, 0xFC2757D1,
                                          0xF534DDC0, 0xDB629599, 0x3C439041, 0xFE5163AB};
    const uint64_t m = (bits & 0x7FFFFF) | 0x800000;
    const uint32_t k = (bits >> 23) - 150 + 30, shift = k % 32; // two bits in front of the point, 32 zeros in the table
    const uint32_t *word = TWO_BY_PI + k / 32;
    uint64_t part[3];
    for (int i = 0; i < 3; i++)
        part[i] = (((uint64_t)word[i] << 32 | word[i + 1]) << shift) >> 32;
    const uint64_t turns = m * (part[0] << 32 | part[1]) + (m * part[2] >> 32); // in 2^-64 of a turn
    const uint64_t quadrant = (turns + (1ull << 61)) >> 62;
    return (angle){(uint32_t)quadrant, (double)(int64_t)(turns - (quadrant << 62)) * (HALF_PI / 4611686018427387904.0)};
}

// x >= 0 and finite.
static angle reduce(float x) {
    if (x >= 1048576.0f)
        return reduce_large(bits_of(x));
    const double n = __builtin_rint(x / HALF_PI);
    // pi/2 in 33 bits, whose products with n are exact, and the rest of it.
    return (angle){(uint32_t)n, (x - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11};
}

static double sine(double r) {
    static const double C[6] = {-1.0 / 39916800, 1.0 / 362880, -1.0 / 5040, 1.0 / 120, -1.0 / 6, 1};
    return r * polynomial(r * r, C, 6);
}

static double cosine(double r) {
    static const double C[7] = {1.0 / 479001600, -1.0 / 3628800, 1.0 / 40320, -1.0 / 720, 1.0 / 24, -0.5, 1};
    return polynomial(r * r, C, 7);
}

// The sine of a + quadrant right angles.
static double sine_of(angle a, uint32_t quadrant) {
    const uint32_t q = a.quadrant + quadrant;
    const double v = q & 1 ? cosine(a.rest) : sine(a.rest);
    return q & 2 ? -v : v;
}

static int infinite_or_nan(float x) {
    return !(__builtin_fabsf(x) < __builtin_inff());
}

float efn_sin(float x) {
    if (infinite_or_nan(x))
        return x - x;
    const double v = sine_of(reduce(__builtin_fabsf(x)), 0);
    return (float)(x < 0 ? -v : v);
}

float efn_cos(float x) {
    return infinite_or_nan(x) ? x - x : (float)sine_of(reduce(__builtin_fabsf(x)), 1);
}

float efn_tan(float x) {
    if (infinite_or_nan(x))
        return x - x;
    const angle a = reduce(__builtin_fabsf(x));
    const double v = sine_of(a, 0) / sine_of(a, 1);
    return (float)(x < 0 ? -v : v);
}

// |x| up to tan(pi/8).
static double small_arc_tangent(double x) {
    static const double C[11] = {1.0 / 21, -1.0 / 19, 1.0 / 17, -1.0 / 15, 1.0 / 13, -1.0 / 11,
                                 1.0 / 9,  -1.0 / 7,  1.0 / 5,  -1.0 / 3,  1};
    return x * polynomial(x * x, C, 11);
}

static double arc_tangent(double x) {
    const double size = __builtin_fabs(x), inner = size > 1 ? 1 / size : size;
    double v = inner > 0.41421356237309505 ? HALF_PI / 2 + small_arc_tangent((inner - 1) / (inner + 1))
                                           : small_arc_tangent(inner);
    v = size > 1 ? HALF_PI - v : v;
    return x < 0 ? -v : v;
}

float efn_atan(float x) {
    return (float)arc_tangent(x);
}

float efn_asin(float x) {
    return (float)arc_tangent(x / __builtin_sqrt((1.0 - x) * (1.0 + x)));
}

float efn_acos(float x) {
    return (float)(2 * arc_tangent(__builtin_sqrt((1.0 - x) / (1.0 + x))));
}

// ---- Hyperbolic functions ----

// exp(|x|), as much as f32 can hold and some more.
static double growth(float x) {
    const double size = __builtin_fabs((double)x);
    return x == x ? exponential(size < 200 ? size : 200) : (double)x;
}

float efn_sinh(float x) {
    if (__builtin_fabsf(x) < SMALL)
        return x;
    const double e = growth(x), v = (e - 1 / e) / 2;
    return (float)(x < 0 ? -v : v);
}

float efn_cosh(float x) {
    const double e = growth(x);
    return (float)((e + 1 / e) / 2);
}

float efn_asinh(float x) {
    const double size = __builtin_fabs((double)x);
    if (!(size >= SMALL && size < __builtin_inf()))
        return x;
    const double v = logarithm(size + __builtin_sqrt(size * size + 1));
    return (float)(x < 0 ? -v : v);
}

float efn_acosh(float x) {
    if (!(x >= 1 && x < __builtin_inff()))
        return x < 1 ? __builtin_nanf("") : x;
    return (float)logarithm(x + __builtin_sqrt((x - 1.0) * (x + 1.0)));
}

float efn_atanh(float x) {
    const float size = __builtin_fabsf(x);
    if (size < SMALL)
        return x;
    if (!(size < 1))
        return size == 1 ? x * __builtin_inff() : __builtin_nanf("");
    return (float)(logarithm((1.0 + x) / (1.0 - x)) / 2);
}

// ---- Of two numbers ----

static int is_odd(float y) {
    return __builtin_fabsf(y) < 16777216.0f && y == __builtin_truncf(y) && ((int32_t)y & 1);
}

// x^y of x >= 0.
static double power(float x, float y) {
    const int grows = (x > 1) == (y > 0);
    if (x == 1)
        return 1;
    if (x == 0 || x == __builtin_inff() || __builtin_fabsf(y) == __builtin_inff())
        return grows ? __builtin_inf() : 0;
    const double e = y * logarithm(x);
    return exponential(e < -700 ? -700 : e > 700 ? 700 : e);
}

float efn_pow(float x, float y) {
    if (y == 0 || x == 1)
        return 1;
    if (x != x || y != y)
        return x + y;
    const double v = power(__builtin_fabsf(x), y);
    if (!__builtin_signbit(x))
        return (float)v;
    if (is_odd(y))
        return (float)-v;
    const int fails = x < 0 && x > -__builtin_inff() && y != __builtin_truncf(y);
    return fails && __builtin_fabsf(y) < __builtin_inff() ? __builtin_nanf("") : (float)v;
}

float efn_fmod(float x, float y) {
    const double by = __builtin_fabs((double)y);
    double rest = __builtin_fabs((double)x);
    if (!(rest < __builtin_inf()) || !(by > 0))
        return __builtin_nanf("");
    while (rest >= by) {
        // The upper 24 bits of the quotient, rounded down: times y they have 48 bits, so that nothing is rounded.
        uint64_t bits;
        const double quotient = rest / by * 0.99999999999999;
        __builtin_memcpy(&bits, &quotient, 8);
        const double part = __builtin_trunc(from_bits(bits & ~0x1FFFFFFFull));
        rest -= by * (part < 1 ? 1 : part);
    }
    return (float)(x < 0 ? -rest : rest);
}

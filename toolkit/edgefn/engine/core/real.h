// Functions of reals that models rarely have, one at a time, computed in f64 and rounded to f32 once. NaN stays NaN.
#ifndef EFN_REAL_H
#define EFN_REAL_H

float efn_sin(float x);
float efn_cos(float x);
float efn_tan(float x);
float efn_asin(float x);
float efn_acos(float x);
float efn_atan(float x);
float efn_sinh(float x);
float efn_cosh(float x);
float efn_asinh(float x);
float efn_acosh(float x);
float efn_atanh(float x);

float efn_pow(float x, float y);  // as pow of C
float efn_fmod(float x, float y); // exact

#endif

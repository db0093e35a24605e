#include "table.h"

#define EFN_ROW(name, parameters) {sizeof(parameters) / 4, efn_##name##_check, efn_##name##_simd, efn_##name##_ref}

const efn_op efn_ops[EFN_OPCODES] = {
    [1] = EFN_ROW(conv2d_f32, efn_conv_f32),
    [2] = EFN_ROW(conv2d_i8, efn_conv_i8),
    [3] = EFN_ROW(depthwise_f32, efn_conv_f32),
    [4] = EFN_ROW(depthwise_i8, efn_conv_i8),
    [5] = EFN_ROW(dense_f32, efn_dense_f32),
    [6] = EFN_ROW(dense_i8, efn_dense_i8),
    [7] = EFN_ROW(add_f32, efn_add_f32),
    [8] = EFN_ROW(add_i8, efn_add_i8),
    [9] = EFN_ROW(average_pool_f32, efn_average_pool_f32),
    [10] = EFN_ROW(average_pool_i8, efn_average_pool_i8),
    [11] = EFN_ROW(max_pool_f32, efn_pool),
    [12] = EFN_ROW(max_pool_i8, efn_pool),
    [13] = EFN_ROW(clamp_f32, efn_clamp_f32),
    [14] = EFN_ROW(clamp_i8, efn_clamp_i8),
    [15] = EFN_ROW(softmax_f32, efn_unary),
    [16] = EFN_ROW(quantize_f32_i8, efn_affine_op),
    [17] = EFN_ROW(dequantize_i8_f32, efn_affine_op),
    [18] = EFN_ROW(requantize_i8, efn_requantize_i8),
    [19] = EFN_ROW(flip_sign, efn_unary),
    [20] = EFN_ROW(transpose, efn_transpose),
    [21] = {0, efn_concat_check, efn_concat_simd, efn_concat_ref},
    [22] = EFN_ROW(copy, efn_unary),
    [23] = EFN_ROW(conv2d_q8, efn_conv_i8),
    [24] = EFN_ROW(depthwise_q8, efn_conv_i8),
    [25] = EFN_ROW(dense_q8, efn_dense_i8),
    [26] = EFN_ROW(add_q8, efn_add_q8),
    [27] = EFN_ROW(average_pool_q8, efn_average_pool_q8),
    [28] = EFN_ROW(softmax_q8, efn_softmax_q8),
};

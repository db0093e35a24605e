"""The ONNX ops that are supported, and what each is restricted to."""

from collections.abc import Callable

from edgefn.graph.importers.onnx import (
    activation,
    arithmetic,
    conversion,
    convolution,
    dynamic,
    elementwise,
    encoding,
    features,
    gathering,
    labels,
    linear,
    matrix,
    movement,
    normalization,
    padding,
    pooling,
    product,
    quantization,
    recurrent,
    reduction,
    resizing,
    slicing,
    svm,
    trees,
)
from edgefn.graph.importers.onnx.folding import FOLDED, OF_SHAPES
from edgefn.graph.importers.onnx.scope import Call
from edgefn.graph.importers.source import SupportedOp

__all__ = ["HANDLERS", "supported_ops"]


_IMAGES = "images and sequences (rank 3 and 4)"
_POOL = f"{_IMAGES}; no dilations"
_AXES = "constant axes"
_CONSTANT = "of constants only"
_RECURRENT = "constant weights; default activations; sequences of one length; no clip"
_INTEGERS = "computed in 32 bits"
_ZERO_POINT = "one zero point on the left, one or one a column on the right"
_MODEL = "rank 2; one score: post_transform NONE, LOGISTIC of two classes, PROBIT"
_STRINGS = "strings of the model's own, which are an output"

type Handler = Callable[[Call], str | tuple[str, ...]]

# By the op's name, with its domain in front unless that is ONNX's own: what imports it, and its restrictions.
HANDLERS: dict[str, tuple[Handler, str]] = {
    **{name: (activation.unary(name), "") for name in activation.UNARIES},
    "Abs": (activation.abs_, ""),
    "Add": (arithmetic.add, ""),
    "And": (arithmetic.logic("and"), ""),
    "ArgMax": (reduction.arg(smallest=False), ""),
    "ArgMin": (reduction.arg(smallest=True), ""),
    "AveragePool": (pooling.average_pool, _POOL),
    "BatchNormalization": (matrix.batch_normalization, "inference; constant parameters"),
    "BitwiseAnd": (arithmetic.bitwise("and"), _INTEGERS),
    "BitwiseNot": (arithmetic.bitwise("xor"), _INTEGERS),
    "BitwiseOr": (arithmetic.bitwise("or"), _INTEGERS),
    "BitwiseXor": (arithmetic.bitwise("xor"), _INTEGERS),
    "Cast": (conversion.cast, ""),
    "CastLike": (conversion.cast_like, ""),
    "Celu": (activation.celu, ""),
    "Clip": (activation.clip, ""),
    "Concat": (movement.concat, "up to 64 inputs"),
    "Conv": (convolution.conv, f"{_IMAGES}; constant weights"),
    "ConvTranspose": (convolution.conv_transpose, f"{_IMAGES}; constant weights"),
    "CumSum": (reduction.cum_sum, "f32; constant axis, up to 2,048 long"),
    "DepthToSpace": (resizing.depth_to_space, ""),
    "DequantizeLinear": (quantization.dequantize_linear, "i8 and u8 per tensor; per channel for constants; i32 biases"),
    "Div": (arithmetic.div, ""),
    "Dropout": (elementwise.identity, "inference"),
    "DynamicQuantizeLinear": (dynamic.dynamic_quantize_linear, ""),
    "Elu": (activation.elu, ""),
    "Equal": (arithmetic.compare("equal"), ""),
    "Expand": (slicing.expand, "constant shape"),
    "Flatten": (movement.flatten, ""),
    "GRU": (recurrent.gru, _RECURRENT),
    "Gather": (gathering.gather, ""),
    "GatherElements": (gathering.gather_elements, "constant indices"),
    "GatherND": (gathering.gather_nd, "constant indices, or indices of the first dimension"),
    "Gelu": (activation.gelu, ""),
    "Gemm": (product.gemm, "alpha positive where B is computed at run time"),
    "GlobalAveragePool": (pooling.global_average_pool, _IMAGES),
    "GlobalLpPool": (reduction.global_lp_pool, "p 1 or 2"),
    "GlobalMaxPool": (pooling.global_max_pool, _IMAGES),
    "Greater": (arithmetic.compare("less", swapped=True), ""),
    "GreaterOrEqual": (arithmetic.compare("less_equal", swapped=True), ""),
    "GroupNormalization": (normalization.group_normalization, ""),
    "HardSwish": (activation.hard_swish, ""),
    "Hardmax": (normalization.hardmax, ""),
    "Identity": (elementwise.identity, ""),
    "InstanceNormalization": (normalization.instance_normalization, ""),
    "IsInf": (conversion.is_inf, ""),
    "IsNaN": (conversion.is_nan, ""),
    "LSTM": (recurrent.lstm, f"{_RECURRENT}; peepholes; no input_forget"),
    "Less": (arithmetic.compare("less"), ""),
    "LessOrEqual": (arithmetic.compare("less_equal"), ""),
    "LogSoftmax": (normalization.log_softmax, ""),
    "LpNormalization": (normalization.lp_normalization, ""),
    "MatMul": (product.matmul, ""),
    "MatMulInteger": (dynamic.matmul_integer, f"constant right side of rank 2; {_ZERO_POINT}"),
    "Max": (arithmetic.extreme("max"), ""),
    "MaxPool": (pooling.max_pool, f"{_POOL}; no indices"),
    "Mean": (arithmetic.mean, ""),
    "MeanVarianceNormalization": (normalization.mean_variance_normalization, ""),
    "Min": (arithmetic.extreme("min"), ""),
    "Mod": (arithmetic.mod, ""),
    "Mul": (arithmetic.mul, ""),
    "Neg": (activation.neg, ""),
    "Not": (arithmetic.logic("xor"), ""),
    "Or": (arithmetic.logic("or"), ""),
    "PRelu": (arithmetic.prelu, ""),
    "Pad": (padding.pad, "constant pads and value"),
    "Pow": (arithmetic.pow_, ""),
    "QuantizeLinear": (quantization.quantize_linear, "i8 and u8, per tensor; per channel for constants"),
    "RMSNormalization": (normalization.rms_normalization, ""),
    "RNN": (recurrent.rnn, f"{_RECURRENT}, or Relu"),
    "ReduceL1": (reduction.reduce("l1"), _AXES),
    "ReduceL2": (reduction.reduce("l2"), _AXES),
    "ReduceLogSum": (reduction.reduce("log_sum"), _AXES),
    "ReduceLogSumExp": (reduction.reduce("log_sum_exp"), _AXES),
    "ReduceMax": (reduction.reduce("max"), _AXES),
    "ReduceMean": (reduction.reduce("mean"), _AXES),
    "ReduceMin": (reduction.reduce("min"), _AXES),
    "ReduceProd": (reduction.reduce("prod"), _AXES),
    "ReduceSum": (reduction.reduce("sum"), _AXES),
    "ReduceSumSquare": (reduction.reduce("sum_square"), _AXES),
    "Relu": (activation.relu, ""),
    "Reshape": (movement.reshape, "constant shape"),
    "Resize": (resizing.resize, "constant scales or sizes; no tf_crop_and_resize"),
    "Scatter": (gathering.scatter_elements, "constant indices"),
    "ScatterElements": (gathering.scatter_elements, "constant indices; no reduction"),
    "ScatterND": (gathering.scatter_nd, "constant indices; no reduction"),
    "Selu": (activation.selu, ""),
    "Sign": (activation.sign, ""),
    "Slice": (slicing.slice_, "constant starts, ends, axes and steps"),
    "Softmax": (elementwise.softmax, ""),
    "SpaceToDepth": (resizing.space_to_depth, ""),
    "Split": (slicing.split, "constant sizes"),
    "Squeeze": (movement.squeeze, "constant axes"),
    "Sub": (arithmetic.sub, ""),
    "Sum": (arithmetic.sum_, ""),
    "Tile": (slicing.tile, "constant repeats"),
    "Transpose": (movement.transpose, ""),
    "Unsqueeze": (movement.unsqueeze, "constant axes"),
    "Upsample": (resizing.upsample, "constant scales"),
    "Where": (arithmetic.where, ""),
    "Xor": (arithmetic.logic("xor"), ""),
    "ai.onnx.ml.ArrayFeatureExtractor": (features.array_feature_extractor, ""),
    "ai.onnx.ml.Binarizer": (features.binarizer, ""),
    "ai.onnx.ml.FeatureVectorizer": (features.feature_vectorizer, "rank 2; all columns of each input"),
    "ai.onnx.ml.Imputer": (features.imputer, ""),
    "ai.onnx.ml.LabelEncoder": (encoding.label_encoder, f"no NaN as a key; {_STRINGS}"),
    "ai.onnx.ml.LinearClassifier": (linear.linear_classifier, f"{_MODEL}; two classes or more"),
    "ai.onnx.ml.LinearRegressor": (linear.linear_regressor, _MODEL),
    "ai.onnx.ml.Normalizer": (features.normalizer, "rank 2"),
    "ai.onnx.ml.OneHotEncoder": (features.one_hot_encoder, "categories of integers; others give zeros"),
    "ai.onnx.ml.SVMClassifier": (svm.svm_classifier, f"{_MODEL}; each class with support vectors"),
    "ai.onnx.ml.SVMRegressor": (svm.svm_regressor, _MODEL),
    "ai.onnx.ml.Scaler": (features.scaler, ""),
    "ai.onnx.ml.TreeEnsemble": (trees.tree_ensemble, _MODEL),
    "ai.onnx.ml.TreeEnsembleClassifier": (trees.tree_ensemble_classifier, f"{_MODEL}; two classes or more"),
    "ai.onnx.ml.TreeEnsembleRegressor": (trees.tree_ensemble_regressor, _MODEL),
    "ai.onnx.ml.ZipMap": (labels.zip_map, "as an output, which is then the scores, with labels"),
    "com.microsoft.DynamicQuantizeMatMul": (dynamic.dynamic_quantize_matmul, "constant right side of rank 2"),
    "com.microsoft.FusedMatMul": (product.fused_matmul, "positive alpha; no transBatchA, transBatchB"),
    "com.microsoft.Gelu": (activation.gelu, ""),
    "com.microsoft.MatMulIntegerToFloat": (
        dynamic.matmul_integer_to_float,
        f"constant right side of rank 2; {_ZERO_POINT}",
    ),
}


def supported_ops() -> tuple[SupportedOp, ...]:
    """Every supported ONNX op, by name."""
    folded = dict.fromkeys(FOLDED, _CONSTANT) | dict.fromkeys(OF_SHAPES, "") | {"Constant": "numbers and tensors"}
    table = folded | {name: restrictions for name, (_, restrictions) in HANDLERS.items()}
    return tuple(SupportedOp(name, table[name]) for name in sorted(table))

"""The ops, one module each: what a node does, how it becomes a step, and its codes in a plan with check and oracle."""

from collections.abc import Callable
from typing import Any

from edgefn.graph.draft import Lowering, Step
from edgefn.graph.ir import Node, Op
from edgefn.graph.ops import (
    add,
    arg,
    average_pool,
    batch_norm,
    bilinear,
    binary,
    binary_q8,
    cast,
    clamp,
    concat,
    conv2d,
    coupling,
    dense,
    dense_dynamic,
    depthwise,
    dequantize,
    dynamic,
    flip_sign,
    gather,
    gru,
    l2_norm_q8,
    layer_norm,
    lookup,
    lstm,
    lstm_q8,
    matmul,
    matmul_q8,
    max_pool,
    pad,
    quantize,
    reduce,
    reduce_q8,
    repeat,
    requantize,
    resample,
    reshape,
    rnn,
    select,
    skip,
    slicing,
    softmax,
    strided,
    tile,
    topk,
    transpose,
    tree_ensemble,
    unary,
    winograd,
)
from edgefn.graph.ops.add import Add
from edgefn.graph.ops.arg import Arg
from edgefn.graph.ops.average_pool import AveragePool
from edgefn.graph.ops.batch_norm import BatchNorm
from edgefn.graph.ops.bilinear import Bilinear
from edgefn.graph.ops.binary import Binary
from edgefn.graph.ops.binary_q8 import BinaryQ8
from edgefn.graph.ops.cast import Cast
from edgefn.graph.ops.clamp import Clamp
from edgefn.graph.ops.concat import Concat
from edgefn.graph.ops.conv2d import Conv2d
from edgefn.graph.ops.coupling import Coupling
from edgefn.graph.ops.dense import Dense
from edgefn.graph.ops.dense_dynamic import DenseDynamic, DenseInteger
from edgefn.graph.ops.depthwise import Depthwise
from edgefn.graph.ops.dequantize import Dequantize
from edgefn.graph.ops.dynamic import DynamicQuantize, DynamicRange
from edgefn.graph.ops.flip_sign import FlipSign
from edgefn.graph.ops.gather import Gather
from edgefn.graph.ops.gru import Gru
from edgefn.graph.ops.l2_norm_q8 import L2NormQ8
from edgefn.graph.ops.layer_norm import LayerNorm
from edgefn.graph.ops.lookup import Lookup
from edgefn.graph.ops.lstm import Lstm
from edgefn.graph.ops.lstm_q8 import LstmQ8
from edgefn.graph.ops.matmul import MatMul, Strides
from edgefn.graph.ops.matmul_q8 import MatMulQ8
from edgefn.graph.ops.matrix import Weighted, ends_of
from edgefn.graph.ops.max_pool import MaxPool
from edgefn.graph.ops.pad import Pad
from edgefn.graph.ops.quantize import Quantize
from edgefn.graph.ops.reduce import Reduce
from edgefn.graph.ops.reduce_q8 import ReduceQ8
from edgefn.graph.ops.repeat import Repeat
from edgefn.graph.ops.requantize import Requantize
from edgefn.graph.ops.resample import Resample
from edgefn.graph.ops.reshape import Reshape
from edgefn.graph.ops.rnn import Rnn
from edgefn.graph.ops.select import Select
from edgefn.graph.ops.slicing import Slice
from edgefn.graph.ops.softmax import Softmax
from edgefn.graph.ops.tile import Tile
from edgefn.graph.ops.topk import TopK
from edgefn.graph.ops.transpose import Transpose
from edgefn.graph.ops.tree_ensemble import TreeEnsemble
from edgefn.graph.ops.unary import Unary

__all__ = [
    "BY_CODE",
    "BY_NAME",
    "LOWERINGS",
    "Add",
    "Arg",
    "AveragePool",
    "BatchNorm",
    "Bilinear",
    "Binary",
    "BinaryQ8",
    "Cast",
    "Clamp",
    "Concat",
    "Conv2d",
    "Coupling",
    "Dense",
    "DenseDynamic",
    "DenseInteger",
    "Depthwise",
    "Dequantize",
    "DynamicQuantize",
    "DynamicRange",
    "FlipSign",
    "Gather",
    "Gru",
    "L2NormQ8",
    "LayerNorm",
    "Lookup",
    "Lstm",
    "LstmQ8",
    "MatMul",
    "MatMulQ8",
    "MaxPool",
    "Pad",
    "Quantize",
    "Reduce",
    "ReduceQ8",
    "Repeat",
    "Requantize",
    "Resample",
    "Reshape",
    "Rnn",
    "Select",
    "Slice",
    "Softmax",
    "Strides",
    "Tile",
    "TopK",
    "Transpose",
    "TreeEnsemble",
    "Unary",
    "Weighted",
    "ends_of",
]

_CODES = (
    add.CODES,
    arg.CODES,
    average_pool.CODES,
    bilinear.CODES,
    binary.CODES,
    binary_q8.CODES,
    cast.CODES,
    clamp.CODES,
    concat.CODES,
    conv2d.CODES,
    coupling.CODES,
    dense.CODES,
    dense_dynamic.CODES,
    depthwise.CODES,
    dequantize.CODES,
    dynamic.CODES,
    flip_sign.CODES,
    gather.CODES,
    gru.CODES,
    l2_norm_q8.CODES,
    layer_norm.CODES,
    lookup.CODES,
    lstm.CODES,
    lstm_q8.CODES,
    matmul.CODES,
    matmul_q8.CODES,
    max_pool.CODES,
    pad.CODES,
    quantize.CODES,
    reduce.CODES,
    reduce_q8.CODES,
    requantize.CODES,
    resample.CODES,
    reshape.CODES,
    rnn.CODES,
    select.CODES,
    skip.CODES,
    softmax.CODES,
    strided.CODES,
    topk.CODES,
    transpose.CODES,
    tree_ensemble.CODES,
    unary.CODES,
    winograd.CODES,
)
BY_CODE = {op.code: op for codes in _CODES for op in codes}
BY_NAME = {op.name: op for op in BY_CODE.values()}

# None where a node needs no step of its own.
LOWERINGS: dict[type[Op], Callable[[Lowering, Node, Any], Step | None]] = {
    Add: add.lower,
    Arg: arg.lower,
    AveragePool: average_pool.lower,
    BatchNorm: batch_norm.lower,
    Bilinear: bilinear.lower,
    Binary: binary.lower,
    BinaryQ8: binary_q8.lower,
    Cast: cast.lower,
    Clamp: clamp.lower,
    Concat: concat.lower,
    Conv2d: conv2d.lower,
    Coupling: coupling.lower,
    Dense: dense.lower,
    DenseDynamic: dense_dynamic.lower_dynamic,
    DenseInteger: dense_dynamic.lower_integer,
    Depthwise: depthwise.lower,
    Dequantize: dequantize.lower,
    DynamicQuantize: dynamic.lower_quantize,
    DynamicRange: dynamic.lower_range,
    FlipSign: flip_sign.lower,
    Gather: gather.lower,
    Gru: gru.lower,
    L2NormQ8: l2_norm_q8.lower,
    LayerNorm: layer_norm.lower,
    Lookup: lookup.lower,
    Lstm: lstm.lower,
    LstmQ8: lstm_q8.lower,
    MatMul: matmul.lower,
    MatMulQ8: matmul_q8.lower,
    MaxPool: max_pool.lower,
    Pad: pad.lower,
    Quantize: quantize.lower,
    Reduce: reduce.lower,
    ReduceQ8: reduce_q8.lower,
    Repeat: repeat.lower,
    Requantize: requantize.lower,
    Resample: resample.lower,
    Reshape: reshape.lower,
    Rnn: rnn.lower,
    Select: select.lower,
    Slice: slicing.lower,
    Softmax: softmax.lower,
    Tile: tile.lower,
    TopK: topk.lower,
    Transpose: transpose.lower,
    TreeEnsemble: tree_ensemble.lower,
    Unary: unary.lower,
}

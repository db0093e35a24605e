"""Parts of int8 networks, as MobileNetV3 and EfficientNet have them: the bytes of LiteRT's reference kernels."""

import hashlib

import numpy as np

from edgefn.graph.plan import read_plan

from .operators import Given, computed


def squeezed(writer):
    """Squeeze-and-excite with a hard swish before it and a sum behind it, in int8."""
    rng = np.random.default_rng(20)

    def tensor(name, shape, scale, point=0, kind="INT8", constant=None):
        return writer.tensor(name, shape, kind, constant, Quantization=writer.quantization([scale], [point]))

    def weights(name, m, k):
        return (
            tensor(f"{name}.w", (m, 1, 1, k), 0.01, constant=rng.integers(-127, 128, (m, 1, 1, k), np.int8)),
            tensor(f"{name}.b", (m,), 0.0005, 0, "INT32", rng.integers(-900, 900, m).astype(np.int32)),
        )

    x, h = tensor("x", (1, 9, 7, 24), 0.05, 3), tensor("h", (1, 9, 7, 24), 0.04, -119)
    s, r, e, g = (
        tensor(n, (1, 1, 1, c), *q)
        for n, c, q in (
            ("s", 24, (0.03, -125)),
            ("r", 6, (0.02, -128)),
            ("e", 24, (0.03, 5)),
            ("g", 24, (1 / 256, -128)),
        )
    )
    p, y = tensor("p", (1, 9, 7, 24), 0.035, -120), tensor("y", (1, 9, 7, 24), 0.07, -20)
    axes = writer.tensor("axes", (2,), "INT32", np.array([1, 2], np.int32))
    down, up = weights("down", 6, 24), weights("up", 24, 6)
    writer.op("HARD_SWISH", [x], [h])
    writer.op("MEAN", [h, axes], [s], "ReducerOptions", {"KeepDims": True})
    writer.op("CONV_2D", [s, *down], [r], "Conv2DOptions", {"StrideW": 1, "StrideH": 1, "FusedActivationFunction": 1})
    writer.op("CONV_2D", [r, *up], [e], "Conv2DOptions", {"StrideW": 1, "StrideH": 1})
    writer.op("LOGISTIC", [e], [g])
    writer.op("MUL", [h, g], [p], "MulOptions")
    writer.op("ADD", [p, x], [y], "AddOptions")
    writer.subgraph([x], [y])
    return writer


# The beginning of the digest of what LiteRT 2.3 gives (BUILTIN_REF).
def test_squeeze_and_excite_is_as_the_reference_kernels_have_it(writer, compiled_tflite):
    x = np.random.default_rng(21).integers(-128, 128, (1, 9, 7, 24), np.int8)
    plan = compiled_tflite(squeezed(writer)).plan
    (found,) = computed(plan, [Given(x)])
    assert hashlib.sha256(found.tobytes()).hexdigest().startswith("3a055a558a139189")
    codes = [op.code.name for op in read_plan(plan).ops]
    assert codes == ["lookup_i8", "reduce_q8", "conv2d_i8", "conv2d_i8", "lookup_i8", "binary_q8", "binary_q8"]

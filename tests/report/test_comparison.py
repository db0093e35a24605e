from dataclasses import replace

from edgefn.bench.compare import Comparison, LayerDifference, OutputDifference
from edgefn.bench.difference import Difference
from edgefn.report.comparison import comparison

NEAR, FAR = Difference(0.01, 0.005, 0.002, 0.99999, 0), Difference(2.0, 1.0, 0.5, None, 3)
FOUND = Comparison(
    "a",
    "b",
    ("simd128", "relaxed-simd"),
    2,
    0.2,
    (OutputDifference("scores", (1, 10), FAR, 0.5), OutputDifference("boxes", (1, 8, 4), NEAR, None)),
    (
        LayerDifference("stem", 0, 1, "conv2d_f32", "conv2d_i8", (1, 8), NEAR, parts=False),
        LayerDifference("head", 3, 5, "add_f32", "add_f32", (1, 8), FAR, parts=True),
        LayerDifference("tail", 4, 6, "add_f32", "add_f32", (1, 8), FAR, parts=True),
    ),
    (1, 4),
)


def test_outputs_come_first_then_layers_with_the_first_that_parts():
    assert comparison(FOUND).splitlines() == [
        "A: a (simd128), B: b (relaxed-simd); 2 cases",
        "  output  shape   largest   RMSE  relative    cosine  same highest",
        "  scores  1x10   2, 3 odd      1       0.5                  50.0 %",
        "  boxes   1x8x4      0.01  0.005     0.002  0.999990",
        "  A  B  layer  ops                    shape   largest   RMSE  relative    cosine",
        "  0  1  stem   conv2d_f32, conv2d_i8  1x8        0.01  0.005     0.002  0.999990",
        "  3  5  head   add_f32                1x8    2, 3 odd      1       0.5            <- parts here",
        "  4  6  tail   add_f32                1x8    2, 3 odd      1       0.5",
        "  ops without a counterpart: 1 of a, 4 of b",
        "  they part at head (ops 3 and 5), the first above a relative difference of 0.2",
    ]


def test_models_without_common_layers_say_so():
    assert "only the outputs" in comparison(replace(FOUND, layers=()))


def test_models_that_stay_together_say_so():
    together = replace(FOUND, layers=FOUND.layers[:1], unmatched=(0, 0))
    assert comparison(together).splitlines()[-1] == "  no layer parts: none is above a relative difference of 0.2"

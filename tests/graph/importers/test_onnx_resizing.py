"""Resize, Upsample and blocks of pixels, compared with ONNX's reference evaluator and with the engine."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.plan import read_plan
from edgefn.graph.reference import evaluate

COORDINATES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]


def resize(m, shape, *, scales=None, sizes=None, **attributes):
    x = m.input("x", shape)
    factors = m.constant(np.array(scales, np.float32)) if scales else ""
    more = [m.constant(np.array(sizes, np.int64))] if sizes else []
    m.output(m.node("Resize", x, "", factors, *more, **attributes))


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("nearest", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("scales", [(1, 1, 2, 3), (1, 1, 0.5, 1.75)])
def test_the_nearest_elements_match_onnx(model, check, coordinates, nearest, scales):
    m = model()
    resize(m, (1, 2, 6, 4), scales=scales, coordinate_transformation_mode=coordinates, nearest_mode=nearest)
    check(m)


@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("scales", [(1, 1, 2, 2), (1, 1, 0.6, 1.3)])
def test_weighed_elements_match_onnx(model, check, coordinates, mode, scales):
    m = model()
    resize(m, (1, 3, 5, 6), scales=scales, mode=mode, coordinate_transformation_mode=coordinates)
    assert set(check(m).ops) <= {"gather", "resample_f32"}


@pytest.mark.parametrize("dtype", ["u8", "i8"])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_averages_of_integers_are_cut_to_integers(model, compiled, engine_outputs, dtype, mode):
    m, reals = model(), model()
    for one, kind in ((m, dtype), (reals, "f32")):
        factors = one.constant(np.array((1, 1, 2, 2), np.float32))
        one.output(one.node("Resize", one.input("x", (1, 2, 5, 6), kind), "", factors, mode=mode), kind)
    x = np.random.default_rng(0).integers(0, 255, (1, 2, 5, 6), np.uint8, endpoint=True)
    x = x.view(np.int8) if dtype == "i8" else x
    (real,) = ReferenceEvaluator(reals.proto()).run(None, {"x": x.astype(np.float32)})
    ends = np.iinfo(x.dtype)
    for (found,) in engine_outputs(compiled(m).plan, [x]):
        wanted = np.clip(real, ends.min, ends.max).astype(x.dtype)
        assert found.dtype == x.dtype
        assert np.abs(found.astype(int) - wanted).max() <= 1  # an average just below an integer, in f32
        assert (found == wanted).mean() > 0.99


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("more", [{"antialias": 1}, {"exclude_outside": 1}, {"antialias": 1, "exclude_outside": 1}])
def test_wide_kernels_and_ends_that_do_not_count_match_onnx(model, check, mode, more):
    m = model()
    resize(m, (1, 1, 9, 8), scales=(1, 1, 0.4, 0.7), mode=mode, **more)
    check(m)


def test_a_cubic_of_another_parameter_matches_onnx(model, check):
    m = model()
    resize(m, (1, 1, 5, 6), scales=(1, 1, 2, 2), mode="cubic", cubic_coeff_a=-0.5)
    check(m)


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
def test_sizes_of_some_axes_match_onnx(model, check, policy):
    m = model()
    resize(m, (1, 2, 4, 6), sizes=(7, 8), mode="linear", axes=[2, 3], keep_aspect_ratio_policy=policy)
    check(m)


def test_whole_factors_of_nearest_elements_repeat_them(model, check):
    """What up-sampling in feature pyramids is: one op that copies rows of channels."""
    m = model()
    x = m.node("Conv", m.input("x", (1, 3, 8, 8)), m.random(4, 3, 3, 3))
    x = m.node("Resize", x, "", m.constant(np.array([1, 1, 2, 2], np.float32)), mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")  # fmt: skip
    m.output(m.node("Conv", x, m.random(2, 4, 3, 3)))
    assert check(m).ops == ["transpose", "conv2d_f32", "strided", "conv2d_f32", "transpose"]


def test_integers_are_resized_by_their_nearest_elements(model, check):
    m = model()
    x = m.input("x", (1, 2, 5, 6), "u8")
    m.output(m.node("Resize", x, "", m.constant(np.array([1, 1, 0.6, 1.5], np.float32))), "u8")
    assert check(m).ops == ["gather", "gather"]


@pytest.mark.parametrize("opset", [7, 9])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample_matches_a_resize_of_its_kind(model, compiled, opset, mode):
    old, new, scales = model(opset=opset), model(), [1.0, 1.0, 2.0, 1.5]
    x = old.input("x", (1, 2, 4, 6))
    more = {"scales": scales} if opset == 7 else {}
    inputs = [] if opset == 7 else [old.constant(np.array(scales, np.float32))]
    old.output(old.node("Upsample", x, *inputs, mode=mode, **more))
    resize(new, (1, 2, 4, 6), scales=scales, mode=mode, coordinate_transformation_mode="asymmetric",
           nearest_mode="floor")  # fmt: skip
    x = np.random.default_rng(1).normal(0, 1, (1, 2, 4, 6)).astype(np.float32)
    found, wanted = (evaluate(read_plan(compiled(m).plan), [x])[0] for m in (old, new))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("attributes", "error", "said"),
    [
        ({"scales": (1, 1, 2, 2), "coordinate_transformation_mode": "tf_crop_and_resize"}, UnsupportedError, "tf_crop"),
        ({"scales": (1, 1, 2, -2)}, ModelError, "scales"),
        ({"scales": (1, 1, 2, 2), "mode": "sharp"}, ModelError, "mode 'sharp'"),
        ({"sizes": (1, 1, 2, 0)}, ModelError, "sizes"),
        ({"scales": (1, 1, 1e-5, 1), "antialias": 1, "mode": "linear"}, ModelError, "empty"),
        ({"scales": (1, 1, 1e6, 1e6)}, ModelError, "too large"),
    ],
)
def test_other_resizes_are_refused(model, compiled, attributes, error, said):
    m = model()
    resize(m, (1, 2, 4, 6), **attributes)
    with pytest.raises(error, match=said):
        compiled(m)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_matches_onnx(model, check, mode):
    m = model()
    m.output(m.node("DepthToSpace", m.input("x", (2, 12, 3, 4)), blocksize=2, mode=mode))
    check(m)


def test_space_to_depth_matches_onnx(model, check):
    m = model()
    m.output(m.node("SpaceToDepth", m.input("x", (2, 3, 4, 6)), blocksize=2))
    check(m)

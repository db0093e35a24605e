"""STFT, compared with ONNX's reference evaluator and with numpy's transform."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError

F = np.float32


def stft(m, shape, *, step=5, length=None, window=None, **attributes):
    names = [m.input("x", shape), m.constant(np.array(step))]
    names.append("" if window is None else m.constant(window.astype(F)))
    names += [] if length is None else [m.constant(np.array(length))]
    m.output(m.node("STFT", *names, **attributes))


@pytest.mark.parametrize("onesided", [0, 1])
@pytest.mark.parametrize("length", [16, 15])
def test_frames_under_a_window_are_transformed(model, compiled, engine_outputs, onesided, length):
    m, window = model(), np.hanning(length)
    stft(m, (2, 60, 1), length=length, window=window, onesided=onesided)
    x = np.random.default_rng(0).normal(size=(2, 60, 1)).astype(F)
    frames = np.stack([x[:, t : t + length, 0] for t in range(0, 60 - length + 1, 5)], axis=1) * window.astype(F)
    wanted = (np.fft.rfft if onesided else np.fft.fft)(frames.astype(np.float64))
    for (found,) in engine_outputs(compiled(m).plan, [x]):
        np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], wanted, atol=2e-6 * np.abs(wanted).max())


def test_a_signal_without_a_window_matches_onnx(model, check):
    m = model()
    stft(m, (1, 40, 1), length=8)
    check(m)


def test_complex_signals_are_refused(model, compiled):
    m = model()
    stft(m, (1, 40, 2), length=8, onesided=0)
    with pytest.raises(UnsupportedError, match="complex"):
        compiled(m)


@pytest.mark.parametrize(
    "changes", [{"length": 50}, {"length": 0}, {"step": 0}, {"length": 8, "window": np.ones(7)}, {}]
)
def test_frames_that_do_not_fit_are_malformed(model, compiled, changes):
    m = model()
    stft(m, (1, 40, 1), **changes)
    with pytest.raises(ModelError, match="frames of"):
        compiled(m)

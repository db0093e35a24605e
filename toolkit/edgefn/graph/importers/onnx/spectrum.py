"""STFT: a convolution by cosines and sines, under a window."""

import numpy as np

from edgefn.graph.importers.onnx.convolution import conv
from edgefn.graph.importers.onnx.scope import Call

__all__ = ["stft"]


def stft(call: Call) -> str:
    """Frames of a real signal `[B, L]` or `[B, L, 1]` to `[B, frames, bins, 2]`: real and imaginary parts."""
    x, step = call.real(0), call.whole(1)
    if len(x.shape) == 3 and x.shape[2] == 2:
        call.refuse("a signal of complex numbers")
    if len(x.shape) not in {2, 3} or x.size != x.shape[0] * x.shape[1]:
        call.malformed(f"a signal of shape {x.shape}")
    window = call.constant(2).astype(np.float64) if call.has(2) else None
    length = call.whole(3) if call.has(3) else len(window) if window is not None and window.ndim else 0
    if not 1 <= length <= x.shape[1] or step < 1 or (window is not None and window.shape != (length,)):
        shown = None if window is None else window.shape
        call.malformed(f"frames of {length}, {step} apart, under a window of {shown}, of a signal {x.shape}")
    bins = length // 2 + 1 if call.attribute("onesided", 1) else length
    call.bounded((2 * bins, length))
    weights = _waves(bins, length) * (1.0 if window is None else window)
    signal = call.reshape(x.name, (x.shape[0], 1, x.shape[1]))
    kernel = call.scope.constant(f"{call.label}.waves", weights.astype(np.float32).reshape(2 * bins, 1, length))
    y = conv(call.inner("Conv", signal, kernel, strides=(step,)))
    frames = call.scope.tensor(y).shape[2]
    return call.transpose(call.reshape(y, (x.shape[0], bins, 2, frames)), (0, 3, 1, 2))


def _waves(bins: int, length: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """`[2 bins, length]`: of each frequency the cosine, then the sine that falls. Angles are below a full turn."""
    turns = np.outer(np.arange(bins), np.arange(length)) % length
    angles = turns * (2 * np.pi / length)
    return np.stack([np.cos(angles), -np.sin(angles)], axis=1).reshape(2 * bins, length)

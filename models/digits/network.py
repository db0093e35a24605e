"""A small convolutional network in numpy: layers with forward and backward, and Adam.

Images are NHWC inside; weights are kept as ONNX wants them: OIHW for a convolution, C1HW for a depthwise one, OI for
the dense one.
"""

from typing import Protocol

import numpy as np
from models.digits.data import Floats, Labels
from numpy.lib.stride_tricks import sliding_window_view

__all__ = [
    "Adam",
    "AveragePool",
    "Conv",
    "Dense",
    "Depthwise",
    "Flatten",
    "Layer",
    "MaxPool",
    "Network",
    "Relu",
    "softmax",
]


class Layer(Protocol):
    """`backward` takes the gradient of the output, keeps those of `weights`, and returns that of the input."""

    weights: list[Floats]
    gradients: list[Floats]

    def forward(self, x: Floats) -> Floats: ...
    def backward(self, dy: Floats) -> Floats: ...
    def macs(self, x: tuple[int, ...]) -> int: ...


class _Plain:
    """A layer without weights."""

    def __init__(self) -> None:
        self.weights: list[Floats] = []
        self.gradients: list[Floats] = []

    def macs(self, _x: tuple[int, ...]) -> int:
        return 0


class Conv:
    """A k x k convolution of stride 1 that keeps the size of the image; `k` is odd."""

    def __init__(self, inputs: int, outputs: int, k: int, rng: np.random.Generator) -> None:
        self.k = k
        self.weights = [_he((outputs, inputs, k, k), inputs * k * k, rng), np.zeros(outputs, np.float32)]
        self.gradients: list[Floats] = []

    def forward(self, x: Floats) -> Floats:
        w, bias = self.weights
        self.columns = _windows(x, self.k).reshape(-1, w[0].size)
        return (self.columns @ w.reshape(len(w), -1).T + bias).reshape(*x.shape[:3], len(w))

    def backward(self, dy: Floats) -> Floats:
        w, _ = self.weights
        rows = dy.reshape(-1, len(w))
        self.gradients = [(rows.T @ self.columns).reshape(w.shape), rows.sum(0)]
        mirrored = w[:, :, ::-1, ::-1].transpose(0, 2, 3, 1).reshape(-1, w.shape[1])
        dx: Floats = _windows(dy, self.k).reshape(-1, len(mirrored)) @ mirrored
        return dx.reshape(*dy.shape[:3], w.shape[1])

    def macs(self, x: tuple[int, ...]) -> int:
        return x[1] * x[2] * self.weights[0].size


class Depthwise:
    """A 3 x 3 convolution of every channel by itself."""

    def __init__(self, channels: int, rng: np.random.Generator) -> None:
        self.weights = [_he((channels, 1, 3, 3), 9, rng), np.zeros(channels, np.float32)]
        self.gradients: list[Floats] = []

    def forward(self, x: Floats) -> Floats:
        self.windows = _windows(x, 3)
        w, bias = self.weights
        return _each_channel(self.windows, w) + bias

    def backward(self, dy: Floats) -> Floats:
        w, _ = self.weights
        dw: Floats = np.einsum("nhwc,nhwcij->cij", dy, self.windows, optimize=True)
        self.gradients = [dw[:, None], dy.sum((0, 1, 2))]
        return _each_channel(_windows(dy, 3), w[:, :, ::-1, ::-1])

    def macs(self, x: tuple[int, ...]) -> int:
        return x[1] * x[2] * self.weights[0].size


class Dense:
    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        self.weights = [_he((outputs, inputs), inputs, rng), np.zeros(outputs, np.float32)]
        self.gradients: list[Floats] = []

    def forward(self, x: Floats) -> Floats:
        self.x = x
        y: Floats = x @ self.weights[0].T + self.weights[1]
        return y

    def backward(self, dy: Floats) -> Floats:
        self.gradients = [dy.T @ self.x, dy.sum(0)]
        return dy @ self.weights[0]

    def macs(self, _x: tuple[int, ...]) -> int:
        return self.weights[0].size


class Relu(_Plain):
    def forward(self, x: Floats) -> Floats:
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy: Floats) -> Floats:
        return dy * self.mask


class MaxPool(_Plain):
    """The largest of every 2 x 2 pixels; equal ones share the gradient."""

    def forward(self, x: Floats) -> Floats:
        n, h, w, c = x.shape
        blocks = x.reshape(n, h // 2, 2, w // 2, 2, c)
        y: Floats = blocks.max((2, 4))
        largest = blocks == y[:, :, None, :, None]
        self.share = (largest / largest.sum((2, 4), keepdims=True)).astype(np.float32)
        return y

    def backward(self, dy: Floats) -> Floats:
        n, h, w, c = dy.shape
        dx: Floats = self.share * dy[:, :, None, :, None]
        return dx.reshape(n, h * 2, w * 2, c)


class AveragePool(_Plain):
    """The mean of every 2 x 2 pixels."""

    def forward(self, x: Floats) -> Floats:
        n, h, w, c = x.shape
        y: Floats = x.reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))
        return y

    def backward(self, dy: Floats) -> Floats:
        return (dy / np.float32(4)).repeat(2, 1).repeat(2, 2)


class Flatten(_Plain):
    """One row an image, channel by channel as in NCHW."""

    def forward(self, x: Floats) -> Floats:
        self.shape = x.shape
        return x.transpose(0, 3, 1, 2).reshape(len(x), -1)

    def backward(self, dy: Floats) -> Floats:
        n, h, w, c = self.shape
        return dy.reshape(n, c, h, w).transpose(0, 2, 3, 1)


class Network:
    """Layers in a row."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers

    def forward(self, images: Floats) -> Floats:
        """Logits `[N, 10]` of images `[N, 8, 8]`."""
        return self.activations(images)[-1]

    def activations(self, images: Floats) -> list[Floats]:
        """The input and what every layer makes of it."""
        values = [images[..., None]]
        for layer in self.layers:
            values.append(layer.forward(values[-1]))
        return values

    def learn(self, images: Floats, labels: Labels) -> float:
        """The mean cross-entropy of a batch; leaves its gradients in the layers."""
        p = softmax(self.forward(images))
        truth = np.eye(p.shape[1], dtype=np.float32)[labels]
        gradient = (p - truth) / np.float32(len(labels))
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return float(-np.log(np.maximum((p * truth).sum(1), 1e-9)).mean())

    def macs(self) -> int:
        """Multiplications of one image."""
        values = self.activations(np.zeros((1, 8, 8), np.float32))
        return sum(layer.macs(x.shape) for layer, x in zip(self.layers, values[:-1], strict=True))


class Adam:
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    def __init__(self, layers: list[Layer], decay: float) -> None:
        self.layers, self.decay, self.step_count = layers, decay, 0
        self.moments = [[(np.zeros_like(w), np.zeros_like(w)) for w in layer.weights] for layer in layers]

    def step(self, rate: float) -> None:
        self.step_count += 1
        first, second = 1 - 0.9**self.step_count, 1 - 0.999**self.step_count
        for layer, moments in zip(self.layers, self.moments, strict=True):
            for w, g, (m, v) in zip(layer.weights, layer.gradients, moments, strict=True):
                m[...] += np.float32(0.1) * (g - m)
                v[...] += np.float32(0.001) * (g * g - v)
                change = (m / first) / (np.sqrt(v / second) + 1e-8) + (self.decay * w if w.ndim > 1 else 0)
                w[...] -= (rate * change).astype(np.float32)


def softmax(logits: Floats) -> Floats:
    e: Floats = np.exp(logits - logits.max(1, keepdims=True))
    p: Floats = e / e.sum(1, keepdims=True)
    return p


def _he(shape: tuple[int, ...], fan_in: int, rng: np.random.Generator) -> Floats:
    w: Floats = (rng.standard_normal(shape) * (2 / fan_in) ** 0.5).astype(np.float32)
    return w


def _windows(x: Floats, k: int) -> Floats:
    """`[N, H, W, C, k, k]`: what each output pixel sees, zeros outside the image."""
    p = k // 2
    return sliding_window_view(np.pad(x, ((0, 0), (p, p), (p, p), (0, 0))), (k, k), axis=(1, 2))


def _each_channel(windows: Floats, w: Floats) -> Floats:
    y: Floats = np.einsum("nhwcij,cij->nhwc", windows, w[:, 0], optimize=True)
    return y

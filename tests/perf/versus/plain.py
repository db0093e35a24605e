"""A convnet in plain Python, as a careful programmer without numpy would write it: lists and sums of products."""

import json
from math import exp
from pathlib import Path

LAYERS = json.loads((Path(__file__).parent / "layers.json").read_text())


def run(pixels):
    """Scores for an 8x8 image; activations are lists of channels, each a list of rows."""
    x = [[pixels[8 * y : 8 * y + 8] for y in range(8)]]
    for layer in LAYERS:
        x = globals()[layer["op"]](x, layer)
    return x


def conv(x, layer):
    pad, stride, groups = layer["pad"], layer["stride"], layer["group"]
    width = len(x[0][0]) + 2 * pad
    blank = [0.0] * width
    padded = [[blank] * pad + [[0.0] * pad + row + [0.0] * pad for row in channel] + [blank] * pad for channel in x]
    kernel = len(layer["weight"][0][0])
    rows = range(0, len(padded[0]) - kernel + 1, stride)
    columns = range(0, width - kernel + 1, stride)
    each = len(layer["weight"]) // groups
    inputs = len(x) // groups
    out = []
    for m, (filters, bias) in enumerate(zip(layer["weight"], layer["bias"])):
        first = m // each * inputs
        taps = [(padded[first + c], dy, filters[c][dy]) for c in range(inputs) for dy in range(kernel)]
        out.append(
            [
                [
                    bias
                    + sum(w * v for channel, dy, line in taps for w, v in zip(line, channel[y + dy][c : c + kernel]))
                    for c in columns
                ]
                for y in rows
            ]
        )
    return out


def relu(x, layer):
    return [[[v if v > 0 else 0.0 for v in row] for row in channel] for channel in x]


def maxpool(x, layer):
    return pool(x, layer, max)


def pool(x, layer, reduce):
    k, s = layer["kernel"], layer["stride"]
    h, w = (len(x[0]) - k) // s + 1, (len(x[0][0]) - k) // s + 1
    return [
        [
            [reduce([v for row in c[y * s : y * s + k] for v in row[z * s : z * s + k]]) for z in range(w)]
            for y in range(h)
        ]
        for c in x
    ]


def meanpool(x, layer):
    return pool(x, layer, lambda values: sum(values) / len(values))


def flatten(x, layer):
    return [v for channel in x for row in channel for v in row] if x and isinstance(x[0], list) else x


def dense(x, layer):
    return [bias + sum(w * v for w, v in zip(weights, x)) for weights, bias in zip(layer["weight"], layer["bias"])]


def softmax(x, layer):
    top = max(x)
    powers = [exp(v - top) for v in x]
    total = sum(powers)
    return [p / total for p in powers]

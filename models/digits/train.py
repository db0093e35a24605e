"""Make the digits models: train, quantize, judge with onnx's reference evaluator, write the card.

    python -m models.digits.train

Takes about a minute on one core. The same numpy on the same kind of processor gives the same bytes; elsewhere the last
bits of the weights may differ.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import sklearn
from models.digits.data import FULL, HELD_OUT, SPLIT_SEED, Split, load_split, shifted
from models.digits.export import float_model, quantized_model
from models.digits.network import Adam, AveragePool, Conv, Dense, Depthwise, Flatten, MaxPool, Network, Relu
from numpy.typing import NDArray
from onnx import version_converter
from onnx.reference import ReferenceEvaluator
from threadpoolctl import threadpool_limits

FOLDER = Path(__file__).parent
SEED, EPOCHS, BATCH, RATE, DECAY = 1, 60, 32, 4e-3, 1e-2
SHIFT = 0.5  # pixels
JUDGED_OPSET = (
    19  # onnx's evaluator knows QuantizeLinear from here on; for what the models use, 17 and 19 mean the same
)
FLOOR = 0.975  # of the int8 model on the held-out images


def build(rng: np.random.Generator) -> Network:
    return Network(
        [
            *(Conv(1, 16, 3, rng), Relu()),
            *(Depthwise(16, rng), Relu()),
            *(Conv(16, 32, 1, rng), Relu(), MaxPool()),
            *(Conv(32, 32, 3, rng), Relu(), AveragePool()),
            *(Flatten(), Dense(4 * 32, 10, rng)),
        ]
    )


def train(split: Split) -> Network:
    """Train for a fixed number of epochs, the rate falling along a cosine; the held-out images are not looked at."""
    rng = np.random.default_rng(SEED)
    network = build(rng)
    adam = Adam(network.layers, DECAY)
    batches = len(split.images) // BATCH
    for epoch in range(EPOCHS):
        order = rng.permutation(len(split.images))[: batches * BATCH].reshape(batches, BATCH)
        losses = []
        for number, chosen in enumerate(order):
            losses.append(network.learn(shifted(split.images[chosen], rng, SHIFT), split.labels[chosen]))
            done = (epoch * batches + number) / (EPOCHS * batches)
            adam.step(RATE * (1 + np.cos(np.pi * done)) / 2)
        print(f"epoch {epoch + 1:2}/{EPOCHS}  loss {np.mean(losses):.4f}")
    return network


def accuracy(model: onnx.ModelProto, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """The share of images that the reference evaluator labels right."""
    evaluator = ReferenceEvaluator(version_converter.convert_version(model, JUDGED_OPSET))
    inputs = (images / FULL).astype(np.float32).reshape(-1, 1, 1, 8, 8)
    said = [int(np.argmax(evaluator.run(None, {"image": x})[0])) for x in inputs]
    return float(np.mean(np.array(said) == labels))


def main() -> None:
    split = load_split()
    with threadpool_limits(1):  # the order of sums, and so the bytes, must not depend on the number of cores
        network = train(split)
        models = {"digits-f32.onnx": float_model(network), "digits-int8.onnx": quantized_model(network, split.images)}
    scores = {name: accuracy(model, split.held_images, split.held_labels) for name, model in models.items()}
    if scores["digits-int8.onnx"] < FLOOR:
        raise SystemExit(
            f"int8 accuracy {scores['digits-int8.onnx']:.4f} is below {FLOOR}: nothing written; change SEED or EPOCHS"
        )
    for name, model in models.items():
        (FOLDER / name).write_bytes(model.SerializeToString(deterministic=True))
    np.savez_compressed(FOLDER / "heldout.npz", images=split.held_images, labels=split.held_labels.astype(np.uint8))
    card = _card(split, network, scores)
    (FOLDER / "card.toml").write_text(card)
    print(card)


def _card(split: Split, network: Network, scores: dict[str, float]) -> str:
    trained, held = len(split.labels), len(split.held_labels)
    parameters = sum(w.size for layer in network.layers for w in layer.weights)
    tables: dict[str, dict[str, object]] = {
        "": {
            "name": "digits",
            "task": "label a handwritten digit, 8 x 8 pixels, with 0 to 9",
            "source": "trained from scratch by models/digits/train.py",
            "licence": "Apache-2.0",
            "command": "python -m models.digits.train",
            "made_with": f"numpy {np.__version__}, scikit-learn {sklearn.__version__}, onnx {onnx.__version__}",
            "macs": network.macs(),
            "parameters": parameters,
        },
        "input": {
            "name": "image",
            "dtype": "float32",
            "shape": [1, 1, 8, 8],
            "meaning": "ink, 0 (none) to 1 (full): value of the scan / 16",
        },
        "output": {
            "name": "scores",
            "dtype": "float32",
            "shape": [1, 10],
            "meaning": "probability of each digit (softmax)",
        },
        "data": {
            "name": "Optical Recognition of Handwritten Digits (UCI): the 1,797 images of scikit-learn's load_digits",
            "source": "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
            "authors": "E. Alpaydin and C. Kaynak, 1998",
            "licence": "CC-BY-4.0 (UCI); bundled by scikit-learn (BSD-3-Clause)",
            "split": f"stratified, {HELD_OUT:.0%} held out, seed {SPLIT_SEED}: "
            f"{trained} to train and calibrate, {held} to judge",
            "caveat": "one set of writers: the held-out images are new, their writers were seen in training; "
            "expect less of a new hand, and of images that are not framed as the scans are",
        },
        "training": {
            "seed": SEED,
            "epochs": EPOCHS,
            "batch": BATCH,
            "rate": RATE,
            "decay": DECAY,
            "shift_pixels": SHIFT,
        },
        "metrics": {
            "method": f"onnx.reference.ReferenceEvaluator on the {held} images of heldout.npz",
            "float_accuracy": round(scores["digits-f32.onnx"], 4),
            "int8_accuracy": round(scores["digits-int8.onnx"], 4),
        },
    }
    text = "# Written by models/digits/train.py.\n" + "\n".join(_table(name, values) for name, values in tables.items())
    names = [*scores, "heldout.npz"]
    return text + "".join(f"\n[[files]]\n{_file(name)}" for name in names)


def _file(name: str) -> str:
    content = (FOLDER / name).read_bytes()
    return _table("", {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})


def _table(name: str, values: dict[str, object]) -> str:
    heading = f"[{name}]\n" if name else ""
    return heading + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())


if __name__ == "__main__":
    main()

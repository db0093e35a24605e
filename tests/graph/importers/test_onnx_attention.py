"""Attention, embeddings and Gelus as com.microsoft fuses them; ONNX's own are in test_conformance.py."""

import numpy as np
import pytest

from edgefn.errors import ModelError, UnsupportedError

F = np.float32
B, S, HEADS, D = 2, 5, 3, 4
WIDTH = HEADS * D
MS = {"domain": "com.microsoft"}


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def attended(q, k, v, added=0.0, scale=D**-0.5):
    """Attention to `[B, S, heads * D]`."""
    q, k, v = (x.reshape(B, -1, HEADS, D).transpose(0, 2, 1, 3).astype(np.float64) for x in (q, k, v))
    return (softmax(q @ k.swapaxes(2, 3) * scale + added) @ v).transpose(0, 2, 1, 3).reshape(B, -1, WIDTH)


MASKS = {
    "none": None,
    "ends": np.array([3, 5], np.int32),
    "keys": np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
    "pairs": np.tril(np.ones((B, S, S), np.int32)),
}


def added_by(mask):
    match mask.ndim:
        case 1:
            return np.where(np.arange(S) < mask[:, None], 0, -10000)[:, None, None]
        case 2:
            return np.where(mask, 0, -10000)[:, None, None]
    return np.where(mask, 0, -10000)[:, None]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("one_way", [0, 1])
def test_attention_computes_its_own_queries_keys_and_values(model, hold, mask, one_way):
    m = model()
    x, w, bias = m.normal(B, S, 8), m.normal(8, 3 * WIDTH), m.normal(3 * WIDTH)
    names, inputs = [m.input("x", x.shape), m.constant(w), m.constant(bias)], [x]
    added = np.zeros((1, 1, S, S))
    if MASKS[mask] is not None:
        names.append(m.input("mask", MASKS[mask].shape, "i32"))
        inputs.append(MASKS[mask])
        added = added + added_by(MASKS[mask])
    if one_way:
        added = added + np.triu(np.full((S, S), -1e30), 1)
    m.output(m.node("Attention", *names, num_heads=HEADS, unidirectional=one_way, **MS))
    ops = hold(m, inputs, attended(*np.split(x @ w + bias, 3, axis=2), added))
    assert {"transpose", "strided"}.isdisjoint(ops)
    assert ops.count("matmul_f32") == 2


@pytest.mark.parametrize("biased", [False, True])
def test_attention_to_other_keys_takes_a_bias_and_a_mask(model, hold, biased):
    m = model()
    q, k, v, extra = m.normal(B, S, WIDTH), m.normal(B, 7, WIDTH), m.normal(B, 7, WIDTH), m.normal(1, HEADS, S, 7)
    keys = np.ones((B, 7), np.int32)
    keys[0, 5:] = 0
    bias = m.normal(3 * WIDTH)
    names = [m.input(n, x.shape) for n, x in (("q", q), ("k", k), ("v", v))]
    names += [m.constant(bias) if biased else "", m.input("keys", keys.shape, "i32"), m.input("extra", extra.shape)]
    m.output(m.node("MultiHeadAttention", *names, num_heads=HEADS, scale=0.3, **MS))
    parts = [x + b for x, b in zip((q, k, v), np.split(bias, 3))] if biased else [q, k, v]
    added = np.where(keys, 0, -10000)[:, None, None] + extra
    hold(m, [q, k, v, keys, extra], attended(*parts, added, 0.3))


def test_quantized_attention_multiplies_integers(model, compiled, engine_outputs):
    m = model()
    x, bias = m.normal(B, S, 8), m.normal(3 * WIDTH)
    w, by = m.rng.integers(-127, 128, (8, 3 * WIDTH)).astype(np.int8), np.array([0.01], F)
    m.node("DynamicQuantizeLinear", m.input("x", x.shape), outputs=3)
    y, scale, zero = m.nodes[-1].output
    keys = MASKS["keys"]
    names = [y, m.constant(w), m.constant(bias), scale, m.constant(by), m.input("keys", keys.shape, "i32"), zero]
    m.output(m.node("QAttention", *names, num_heads=HEADS, **MS))
    result = compiled(m)
    assert [op.op for op in result.summary.ops].count("dense_dynamic") == 1
    real = x @ (w * by) + bias
    for (found,) in engine_outputs(result.plan, [x, keys]):
        np.testing.assert_allclose(found, attended(*np.split(real, 3, axis=2), added_by(keys)), atol=0.05)


def test_a_past_is_refused(model, compiled):
    m = model()
    names = [m.input("x", (B, S, 8)), m.random(8, 3 * WIDTH), "", "", m.input("past", (2, B, HEADS, 3, D))]
    m.output(m.node("Attention", *names, num_heads=HEADS, **MS))
    with pytest.raises(UnsupportedError, match="a past"):
        compiled(m)


@pytest.mark.parametrize("op", ["BiasGelu", "FastGelu"])
def test_a_gelu_of_a_sum(model, hold, op):
    m = model()
    x, bias = m.normal(3, 8), m.normal(8)
    m.output(m.node(op, m.input("x", x.shape), m.constant(bias), **MS))
    v = (x + bias).astype(np.float64)
    inner = np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v**3))
    if op == "BiasGelu":
        from math import erf

        inner = np.vectorize(erf)(v / np.sqrt(2))
    hold(m, [x], v / 2 * (1 + inner))


@pytest.mark.parametrize("segments", [False, True])
def test_embeddings_are_summed_and_normalized(model, hold, segments):
    m = model()
    words, places, kinds = m.normal(11, 8), m.normal(6, 8), m.normal(2, 8)
    ids = m.rng.integers(0, 11, (B, S)).astype(np.int32)
    kind = m.rng.integers(0, 2, (B, S)).astype(np.int32)
    mask = np.array([[1, 1, 0, 0, 0], [1, 1, 1, 1, 1]], np.int32)
    names = [m.input("ids", ids.shape, "i32"), m.input("kind", kind.shape, "i32") if segments else ""]
    names += [m.constant(words), m.constant(places), m.constant(kinds) if segments else ""]
    names += [m.constant(np.ones(8, F)), m.constant(np.zeros(8, F)), m.input("mask", mask.shape, "i32")]
    m.output(m.node("EmbedLayerNormalization", *names, outputs=3, epsilon=1e-6, **MS))
    m.output(m.nodes[-1].output[1], "i32")
    m.output(m.nodes[-1].output[2])
    total = words[ids] + places[:S] + (kinds[kind] if segments else 0)
    d = total - total.mean(-1, keepdims=True)
    wanted = d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-6)
    hold(m, [ids, *([kind] if segments else []), mask], wanted, mask.sum(1), total)


@pytest.mark.parametrize("segments", [False, True])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_embeddings_in_integers_are_summed_and_normalized(model, hold, segments, dtype):
    m = model()
    ids = m.rng.integers(0, 11, (B, S)).astype(np.int32)
    kind = m.rng.integers(0, 2, (B, S)).astype(np.int32)
    shapes = [(11, 8), (6, 8), (2, 8), (8,), (8,)]  # words, places, kinds, gamma, beta
    integers = [m.rng.integers(30, 120, shape, dtype) for shape in shapes]
    scales, zero = [F(0.01 * i) for i in range(2, 7)], dtype(70)
    words, places, kinds, gamma, beta = ((q.astype(F) - F(70)) * s for q, s in zip(integers, scales, strict=True))
    columns = [[m.constant(v) for v in column] for column in (integers, scales, [zero] * 5)]
    if not segments:
        for column in columns:
            column[2] = ""
    names = [m.input("ids", ids.shape, "i32"), m.input("kind", kind.shape, "i32") if segments else ""]
    names += [*columns[0], "", *columns[1], *columns[2]]  # no mask
    m.output(m.node("QEmbedLayerNormalization", *names, outputs=2, epsilon=1e-6, **MS))
    m.output(m.nodes[-1].output[1], "i32")
    total = words[ids] + places[:S] + (kinds[kind] if segments else 0)
    d = total - total.mean(-1, keepdims=True)
    wanted = d / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-6) * gamma + beta
    hold(m, [ids, *([kind] if segments else [])], wanted, np.zeros(B))


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("single", [False, True])
def test_rotary_embeddings_turn_pairs_by_their_position(model, hold, interleaved, single):
    m = model()
    x = m.normal(B, HEADS, S, D)
    angles = m.rng.uniform(0, 6, (9, D // 2))
    positions = np.array([2]) if single else m.rng.integers(0, 9, (B, S))
    names = [m.input("x", x.shape), m.constant(positions), m.constant(np.cos(angles).astype(F))]
    m.output(m.node("RotaryEmbedding", *names, m.constant(np.sin(angles).astype(F)), interleaved=interleaved, **MS))
    turned = angles[np.arange(2, 2 + S)[None] if single else positions][:, None]  # [B, 1, S, D / 2]
    pairs = x.reshape(B, HEADS, S, D // 2, 2) if interleaved else x.reshape(B, HEADS, S, 2, D // 2).swapaxes(3, 4)
    z = (pairs[..., 0] + 1j * pairs[..., 1]) * np.exp(1j * turned)
    y = np.stack([z.real, z.imag], -1)
    hold(m, [x], (y if interleaved else y.swapaxes(3, 4)).reshape(x.shape))


def test_positions_that_are_no_integers_of_32_bits_are_malformed(model, compiled):
    m = model()
    names = [m.input("x", (B, HEADS, S, D)), m.input("positions", (B, S), "u8"), *[m.random(9, D // 2) for _ in "cs"]]
    m.output(m.node("RotaryEmbedding", *names, **MS))
    with pytest.raises(ModelError, match="positions of u8"):
        compiled(m)

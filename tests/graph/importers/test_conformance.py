"""The ONNX project's own tests of its operators, generated from the installed onnx package, for every op we claim.

A case has to agree, or to be refused for a reason that stands here. Cases with an op that we do not claim have to be
refused with its name.
"""

import re
import warnings
from dataclasses import dataclass, field

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgefn.engine.library import FLAVOURS
from edgefn.engine.standalone import Runner
from edgefn.errors import ModelError, UnsupportedError
from edgefn.graph.importers.bounds import MAX_RANK
from edgefn.graph.importers.onnx.file import DTYPES, OPSETS
from edgefn.graph.importers.onnx.folding import FOLDED
from edgefn.graph.importers.onnx.registry import HANDLERS, supported_ops
from edgefn.graph.plan import read_plan

CLAIMED = {op.name for op in supported_ops()}
RUNTIME = {"f32": np.float32, "i8": np.int8, "u8": np.uint8, "i32": np.int32}
HALF_RTOL = 2e-3  # f16 is computed in f32: the expected values are rounded, ours are not

# What the names of refused cases look like, and why they are.
RESTRICTIONS: dict[str, str] = {
    "^test_(averagepool|convtranspose|lppool|maxpool)_3d": "images and sequences only",
    "^test_batchnorm_.*training_mode": "training",
    "^test_dropout_.*mask|^test_maxpool_with_argmax": "a second output",
    "^test_einsum_batch_diagonal": "diagonals",
    "^test_resize_tf_crop_and_resize": "regions that are cut out",
    "^test_scatter(nd|_elements)_(add|max|min|mul|multiply|with_(dup|red))": "reductions while scattering",
    "^test_dynamicquantizelinear.*_expanded": "quantization with a scale that is computed",
    "^test_(loop11|range_.*_expanded)$": "a number of steps that only a run knows",
    "^test_scan_sum$": "batches",
    "^test_training_": "training",
    "_blocked": "blocked quantization",
    "^test_rotary_embedding(_3d_input|(_no_position_ids)?(_interleaved)?)_expanded$": "empty tensors inside",
    "^test_qlinearmatmul_.*_float16": "scales of float16",
    "^test_(de)?quantizelinear_axis$": "activations quantized per channel",
}
# Claimed ops that the onnx package has no case of, or none that is not excused; tests of their own hold them.
WITHOUT_CASES = {
    *("CastLike", "Not", "ai.onnx.ml.LabelEncoder"),  # empty tensors, opset 1, strings
    *("ConcatFromSequence", "SplitToSequence"),  # sequences as inputs or outputs
    *(f"Sequence{op}" for op in ("At", "Construct", "Empty", "Erase", "Insert", "Length")),
    *("GlobalLpPool", "SimplifiedLayerNormalization"),
    *(f"ai.onnx.ml.{op}" for op in ("FeatureVectorizer", "Imputer", "LinearClassifier", "LinearRegressor")),
    *(f"ai.onnx.ml.{op}" for op in ("Normalizer", "OneHotEncoder", "SVMClassifier", "SVMRegressor", "Scaler")),
    *(f"ai.onnx.ml.{op}" for op in ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "ZipMap")),
    *(op for op in CLAIMED if op.startswith("com.microsoft.")),
}


@dataclass
class Outcome:
    """What became of the cases of one op: names that agree, and why others were refused or are wrong."""

    agree: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


class Cases(dict[str, list]):
    def __repr__(self) -> str:
        return f"cases of {len(self)} ops"  # in the report of a failure, what they hold would take minutes


@pytest.fixture(scope="module")
def cases():
    """Every case by the op that it tests; a case that spells out the function of an op is one of this op."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collected = collect_testcases(None)
    ops = {c.name: _qualified(c.model.graph.node[0]) for c in collected if "_expanded" not in c.name}
    found = Cases()
    for case in collected:
        found.setdefault(ops.get(case.name.partition("_expanded")[0], ""), []).append(case)
    return found


@pytest.fixture(scope="module")
def known():
    """Outcomes by op, as far as they are known by now."""
    return {}


@pytest.fixture
def outcome_of(cases, known, compiled):
    def run(op: str) -> Outcome:
        if op not in known:
            outcome = known[op] = Outcome()
            for case in cases.get(op, []):
                if _ops(case.model.graph) <= CLAIMED and _excuse(case) is None:
                    _try(case, compiled, outcome)
        return known[op]

    return run


def test_what_has_no_cases_is_known(cases):
    held = {op for op in CLAIMED & cases.keys() if any(_excuse(case) is None for case in cases[op])}
    assert CLAIMED - held == WITHOUT_CASES


@pytest.mark.parametrize("op", sorted(CLAIMED - WITHOUT_CASES))
def test_the_cases_of_an_op_agree_or_are_refused_for_a_known_reason(op, outcome_of):
    outcome = outcome_of(op)
    assert outcome.agree or outcome.refused
    assert outcome.wrong == {}
    assert not {name: why for name, why in outcome.refused.items() if _restriction(name) is None}
    assert [name for name in outcome.agree if _restriction(name) is not None] == []


@pytest.mark.parametrize("op", sorted(FOLDED.keys() - WITHOUT_CASES))
def test_the_cases_of_an_op_agree_when_all_its_inputs_are_constant(op, cases, compiled):
    for case in cases.get(op, []):
        if len(case.model.graph.node) == 1 and _excuse(case) is None and _restriction(case.name) is None:
            plan = compiled(_all_constant(case)).plan
            _compare(case, plan, [np.zeros(1, np.float32)], "simd128")


def test_what_is_not_claimed_is_refused_with_its_name(cases, compiled):
    for case in (c for some in cases.values() for c in some):
        unknown = _ops(case.model.graph) - CLAIMED
        if not unknown and _excuse(case) is None:
            continue
        with pytest.raises(ModelError) as caught:
            compiled(case.model)
        if len(case.model.graph.node) == 1 and unknown and _excuse(case) is None:
            assert caught.value.code == "EFN-M010", case.name
            assert any(name in caught.value.message for name in unknown), case.name


def test_every_restriction_is_one(outcome_of, capsys):
    """Prints how many cases agree."""
    outcomes = [outcome_of(op) for op in sorted(CLAIMED)]
    refused = {name for outcome in outcomes for name in outcome.refused}
    assert [pattern for pattern in RESTRICTIONS if not any(re.search(pattern, name) for name in refused)] == []
    with capsys.disabled():
        agree = sum(len(outcome.agree) for outcome in outcomes)
        print(f"\nconformance: {agree} cases of {len(CLAIMED)} ops agree, {len(refused)} are refused")


def _qualified(node) -> str:
    return f"{node.domain}.{node.op_type}" if node.domain else node.op_type


def _ops(graph) -> set[str]:
    """All ops of a graph, those of its branches too."""
    inner = [a.g for n in graph.node for a in n.attribute if a.type == onnx.AttributeProto.GRAPH]
    return {_qualified(n) for n in graph.node}.union(*map(_ops, inner))


def _excuse(case) -> str | None:
    """What no op of ours takes."""
    versions = [o.version for o in case.model.opset_import if o.domain == ""]
    if versions and not OPSETS[0] <= versions[0] <= OPSETS[1]:
        return "opset"
    for port in (*case.model.graph.input, *case.model.graph.output):
        if port.type.WhichOneof("value") != "tensor_type":
            return "sequences, optionals"
        if port.type.tensor_type.elem_type not in DTYPES:
            return "types of numbers"
    values = [_array(v) for side in case.data_sets[0] for v in side]
    if any(v.size == 0 or v.ndim > MAX_RANK for v in values):
        return "empty tensors, ranks"
    return None


def _array(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def _restriction(name: str) -> str | None:
    return next((why for pattern, why in RESTRICTIONS.items() if re.search(pattern, name)), None)


def _try(case, compiled, outcome: Outcome) -> None:
    try:
        plan, given = _compiled(case, compiled)
    except ModelError as error:
        outcome.refused[case.name] = f"{error.code} {error.message}"
        return
    for flavour in FLAVOURS:
        try:
            _compare(case, plan, given, flavour)
        except AssertionError as difference:
            outcome.wrong[case.name] = f"{flavour}: {difference}"
            return
    outcome.agree.append(case.name)


def _compiled(case, compiled) -> tuple[bytes, list[np.ndarray]]:
    """The plan, and inputs for it. The cases feed everything.

    What has to be known at compile time, such as a shape, is made constant where it must be: all inputs but the first,
    or all, where an op is supported on constants only.
    """
    inputs = list(map(_array, case.data_sets[0][0]))
    try:
        return compiled(case.model).plan, inputs
    except UnsupportedError:
        if len(inputs) > 1 and case.model.graph.node[0].op_type in HANDLERS:
            return compiled(_with_constants(case.model, inputs, first=1)).plan, inputs[:1]
        if _ops(case.model.graph) & set(HANDLERS):
            raise
    return compiled(_all_constant(case)).plan, [np.zeros(1, np.float32)]


def _all_constant(case):
    """The model on constants, with an input that it does not read."""
    fixed = _with_constants(case.model, list(map(_array, case.data_sets[0][0])), first=0)
    fixed.graph.input.append(onnx.helper.make_tensor_value_info("unused", onnx.TensorProto.FLOAT, [1]))
    return fixed


def _with_constants(model, inputs, first: int):
    fixed = onnx.ModelProto.FromString(model.SerializeToString())
    names = [i.name for i in fixed.graph.input]
    del fixed.graph.input[first:]
    for name, value in zip(names[first:], inputs[first:], strict=True):
        fixed.graph.initializer.append(numpy_helper.from_array(value, name))
    return fixed


def _compare(case, plan: bytes, inputs, flavour: str) -> None:
    parsed, outputs = read_plan(plan), case.data_sets[0][1]
    fed = [np.asarray(x, RUNTIME[parsed.tensors[i].dtype]) for x, i in zip(inputs, parsed.inputs, strict=True)]
    with Runner(plan, flavour) as runner:
        found = runner.run([np.ascontiguousarray(x).tobytes() for x in fed])
    for raw, index, wanted in zip(found, parsed.outputs, map(_array, outputs), strict=True):
        t = parsed.tensors[index]
        y = np.frombuffer(raw, RUNTIME[t.dtype]).reshape(t.dims)
        assert y.shape == wanted.shape
        rtol = HALF_RTOL if wanted.dtype == np.float16 else case.rtol
        np.testing.assert_allclose(y, wanted.astype(y.dtype), rtol=rtol, atol=case.atol)

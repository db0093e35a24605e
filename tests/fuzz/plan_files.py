"""Mutations of plans: of their records, ops, ports and weights, put together again as a plan; and of their bytes."""

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from edgefn.graph.ops import BY_CODE
from edgefn.graph.records import DTYPES, ITEM_BYTES
from tests.engine.plan_builder import PlanBuilder

from .raw import battered, near_or_borderline

__all__ = ["is_one_result", "mutated", "sealed"]

RECORD = struct.Struct("<BBBBII6IIiI")  # the scale as bits
ITEMS = {code: ITEM_BYTES[name] for name, code in DTYPES.items()}
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-40, 3e38, -3e38, float("inf"), float("-inf"), float("nan"))
ARENA, MOST_ARENA = 0, 1 << 24


def mutated(rng: Random, seeds: Sequence[bytes]) -> bytes:
    """Another plan for one of the seeds; its checksum is right, as an attacker would have it."""
    plan = rng.choice(seeds)
    if rng.random() < 0.3:
        data = bytearray(battered(rng, plan, seeds))
        if rng.random() < 0.8:
            data[8:12] = struct.pack("<I", len(data))
        return sealed(data)
    draft = _Draft.of(plan)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(_WAYS)(rng, draft)
    if rng.random() < 0.1:
        draft.graft(_Draft.of(rng.choice(seeds)))
    return draft.plan()


def sealed(plan: bytes | bytearray) -> bytes:
    """With a right checksum."""
    data = bytearray(plan)
    if len(data) >= 16:
        data[12:16] = struct.pack("<I", zlib.crc32(data[16:]))
    return bytes(data)


def is_one_result(plan: bytes) -> bool:
    """Whether a plan that can be read gives what its only op computes, and nothing else.

    What several ops compute may lie where a later one has its scratch memory, which SIMD and reference use differently.
    """
    draft = _Draft.of(plan)
    if len(draft.ops) != 1:
        return False
    (words,) = draft.ops
    parameters = BY_CODE[words[0] & 0xFFFF].parameters
    written = {
        index for index, p in zip(words[1:], parameters, strict=False) if p.kind == "tensor" and p.name.startswith("y")
    }
    return set(draft.outputs) <= written


def floats_as_bits(value: float) -> int:
    return struct.unpack("<I", struct.pack("<f", value))[0]


@dataclass(slots=True)
class _Record:
    dtype: int
    rank: int
    place: int
    offset: int
    size: int
    dims: list[int]
    scale: int
    zero_point: int

    @classmethod
    def of(cls, data: bytes) -> "_Record":
        dtype, rank, place, _, offset, size, *rest = RECORD.unpack(data)
        return cls(dtype, rank, place, offset, size, rest[:6], *rest[6:8])

    def data(self) -> bytes:
        u8, u32 = (v % 256 for v in (self.dtype, self.rank, self.place)), (v % 2**32 for v in self.dims)
        return RECORD.pack(*u8, 0, self.offset % 2**32, self.size % 2**32, *u32, self.scale, self.zero_point, 0)

    def fit(self) -> None:
        """Make the size of an arena tensor what its dims say."""
        size = ITEMS.get(self.dtype, 1)
        for d in self.dims[: self.rank]:
            size *= d
        if self.place == ARENA:
            self.size = size


@dataclass(slots=True)
class _Draft:
    """A plan in pieces that need not fit together."""

    records: list[_Record]
    ops: list[list[int]]  # words, the first being the header
    inputs: list[int]
    outputs: list[int]
    weights: bytearray
    meta: bytes
    arena: int
    state: list[int]  # its size, and where its first content lies in the weights

    @classmethod
    def of(cls, plan: bytes) -> "_Draft":
        """Of a valid plan."""
        tensors, count, ops, words, op_count, io, inputs, outputs, weights, size, meta, meta_size, arena, *state = (
            struct.unpack_from("<15I", plan, 16)
        )
        records = [_Record.of(plan[tensors + 48 * i : tensors + 48 * (i + 1)]) for i in range(count)]
        stream = struct.unpack_from(f"<{words}I", plan, ops)
        cut, at = [], 0
        for _ in range(op_count):
            cut.append(list(stream[at : at + 1 + (stream[at] >> 16)]))
            at += len(cut[-1])
        ports = struct.unpack_from(f"<{inputs + outputs}I", plan, io)
        data, text = bytearray(plan[weights : weights + size]), plan[meta : meta + meta_size]
        return cls(records, cut, list(ports[:inputs]), list(ports[inputs:]), data, text, arena, state)

    def plan(self) -> bytes:
        ops = [((words[0] & 0xFFFF) | (len(words) - 1) << 16, *words[1:]) for words in self.ops]
        builder = PlanBuilder([r.data() for r in self.records], ops, bytes(self.weights), self.arena % 2**32)
        plan = bytearray(builder.build(self.inputs, self.outputs, self.meta))
        struct.pack_into("<II", plan, 68, *(v % 2**32 for v in self.state))
        return sealed(plan)

    def hold(self, record: _Record) -> None:
        """Make the arena large enough for a tensor, within reason."""
        end = record.offset + record.size
        if record.place == ARENA and self.arena < end <= MOST_ARENA:
            self.arena = -(-end // 64) * 64

    def graft(self, other: "_Draft") -> None:
        """Run the ops of another plan after these, on its own tensors in the same arena."""
        first, base = len(self.records), -(-len(self.weights) // 64) * 64
        self.weights = self.weights.ljust(base, b"\0") + other.weights
        for record in other.records:
            record.offset += 0 if record.place == ARENA else base
        self.records += other.records
        for words in other.ops:
            code = BY_CODE.get(words[0] & 0xFFFF)
            kinds = [p.kind for p in code.parameters] if code else []
            further = ["tensor"] * (len(words) - 1 - len(kinds))
            moved = [w + first * (k == "tensor") for w, k in zip(words[1:], [*kinds, *further], strict=False)]
            self.ops.append([words[0], *(w % 2**32 for w in moved)])
        self.arena = max(self.arena, other.arena)


def _resize(rng: Random, draft: _Draft) -> None:
    record = rng.choice(draft.records)
    if record.rank and record.rank <= 6:
        axis = rng.randrange(record.rank)
        small = (1, 2, 3, record.dims[axis] + 1, max(record.dims[axis] - 1, 0), record.dims[axis] * 2)
        record.dims[axis] = rng.choice(small) if rng.random() < 0.8 else near_or_borderline(rng, record.dims[axis])
    record.fit()
    draft.hold(record)


def _resize_alike(rng: Random, draft: _Draft) -> None:
    """One size to another wherever it stands: so that shapes go on fitting."""
    sizes = sorted({d for r in draft.records for d in r.dims if d})
    if not sizes:
        return
    old = rng.choice(sizes)
    new = rng.choice((1, 2, old + 1, max(old - 1, 1), old * 2, rng.randint(1, 40)))
    for record in draft.records:
        record.dims = [new if d == old else d for d in record.dims]
        record.fit()
        draft.hold(record)


def _reshape(rng: Random, draft: _Draft) -> None:
    record = rng.choice(draft.records)
    used = record.dims[: record.rank]
    match rng.randrange(3):
        case 0:
            rng.shuffle(used)
        case 1:
            used = [1, *used][:6]
        case _:
            used = [used[0] * used[1], *used[2:]] if len(used) > 1 else [1] * rng.randint(0, 6)
    record.rank, record.dims = len(used), [*used, *[0] * (6 - len(used))]
    record.fit()


def _retype(rng: Random, draft: _Draft) -> None:
    record = rng.choice(draft.records)
    record.dtype = rng.choice((*DTYPES.values(), 0, 5))
    record.fit()
    draft.hold(record)


def _move(rng: Random, draft: _Draft) -> None:
    """Onto another tensor, beside where it was, or elsewhere."""
    record, other = rng.choice(draft.records), rng.choice(draft.records)
    ends = (other.offset, other.offset + other.size, record.offset + 16, record.offset - 16, draft.arena - record.size)
    record.offset = rng.choice(ends) // 16 * 16 if rng.random() < 0.9 else near_or_borderline(rng, record.offset)
    if rng.random() < 0.1:
        record.place = rng.choice((0, 1, 2))
    draft.hold(record)


def _claim(rng: Random, draft: _Draft) -> None:
    """A size, quantization or port that the file cannot back."""
    record = rng.choice(draft.records)
    match rng.randrange(4):
        case 0:
            record.size = near_or_borderline(rng, record.size)
        case 1:
            record.scale = floats_as_bits(rng.choice(FLOATS))
        case 2:
            record.zero_point = rng.choice((-129, -128, 127, 128, 255, 256, 2**31 - 1))
        case _:
            ports = rng.choice((draft.inputs, draft.outputs))
            ports[rng.randrange(len(ports))] = rng.choice((rng.randrange(len(draft.records)), len(draft.records)))


def _remember(rng: Random, draft: _Draft) -> None:
    """A state: of another size, or of content from elsewhere."""
    at = rng.randrange(2)
    sizes = (0, 16, 64, draft.state[at] + 16, draft.arena // 16 * 16, len(draft.weights) // 16 * 16)
    draft.state[at] = rng.choice(sizes) if rng.random() < 0.8 else near_or_borderline(rng, draft.state[at])


def _parameter(rng: Random, draft: _Draft) -> None:
    words = rng.choice(draft.ops) if draft.ops else [0]
    if len(words) < 2:
        return
    at = rng.randrange(1, len(words))
    match rng.randrange(6):
        case 0:
            words[at] = rng.randrange(len(draft.records))
        case 1:
            words[at] = floats_as_bits(rng.choice(FLOATS))
        case 2:
            words[at] = rng.randrange(6)
        case 3:
            words[at] = rng.randrange(draft.arena // 16 + 1) * 16
        case _:
            words[at] = near_or_borderline(rng, words[at])


def _recode(rng: Random, draft: _Draft) -> None:
    """Another op with the same parameters: mostly one that has as many."""
    words = rng.choice(draft.ops) if draft.ops else [0]
    alike = [code for code, op in BY_CODE.items() if len(op.parameters) == len(words) - 1]
    words[0] = rng.choice(alike) if alike and rng.random() < 0.8 else rng.randrange(80)


def _reorder(rng: Random, draft: _Draft) -> None:
    if not draft.ops:
        return
    at, words = rng.randrange(len(draft.ops)), rng.choice(draft.ops)
    match rng.randrange(4):
        case 0:
            draft.ops.insert(at, list(words))
        case 1:
            del draft.ops[at]
        case 2:
            rng.shuffle(draft.ops)
        case _:
            words.append(rng.randrange(8)) if rng.random() < 0.5 else words.pop()
    draft.ops = [words for words in draft.ops if words]


def _arena(rng: Random, draft: _Draft) -> None:
    sizes = (draft.arena * 2, draft.arena + 4096, max(draft.arena - 16, 0), max(draft.arena - 64, 0), draft.arena + 1)
    draft.arena = rng.choice(sizes) if rng.random() < 0.8 else near_or_borderline(rng, draft.arena)


def _weigh(rng: Random, draft: _Draft) -> None:
    """Values that weights, biases, multipliers, shifts and tables do not have; or a region of another size."""
    if not draft.weights:
        return
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(draft.weights) // 4 or 1) * 4
        value = floats_as_bits(rng.choice(FLOATS)) if rng.random() < 0.3 else near_or_borderline(rng, rng.randrange(64))
        draft.weights[at : at + 4] = struct.pack("<I", value)
    if rng.random() < 0.1:
        del draft.weights[rng.randrange(len(draft.weights)) :]


_WAYS: tuple[Callable[[Random, _Draft], None], ...] = (
    *(_resize, _resize_alike, _resize_alike, _reshape, _retype, _move, _claim),
    *(_parameter, _parameter, _parameter, _recode, _reorder, _arena, _weigh, _remember),
)

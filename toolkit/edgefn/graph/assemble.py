"""Draft to plan: tensors get their places, ops their numbers."""

from typing import Any

from edgefn.errors import ModelError
from edgefn.graph.draft import Draft, Packed, Step
from edgefn.graph.header import MAX_ARENA_BYTES
from edgefn.graph.ir import Graph
from edgefn.graph.lifetimes import carry_states, lifetimes, nbytes, write_in_place
from edgefn.graph.memory import Buffer, place
from edgefn.graph.ops import BY_NAME
from edgefn.graph.records import ALIGNMENT, Plan, PlanOp, PlanTensor

__all__ = ["assemble"]

WEIGHT_ALIGNMENT = 64


def assemble(graph: Graph, draft: Draft, meta: dict[str, Any]) -> Plan:
    """Return the plan of a draft. Raises ModelError EFN-M008 when the arena would be too large."""
    builder = _Builder(graph, draft)
    inputs = tuple(builder.index(p.tensor) for p in graph.inputs)
    outputs = tuple(builder.index(p.tensor) for p in graph.outputs)
    ops = tuple(builder.op(i, step) for i, step in enumerate(draft.steps))
    return Plan(
        tensors=tuple(builder.tensors),
        ops=ops,
        inputs=inputs,
        outputs=outputs,
        weights=bytes(builder.weights),
        arena_bytes=builder.arena_bytes,
        state_bytes=builder.state_bytes,
        state_offset=builder.state_offset,
        meta=meta,
    )


class _Builder:
    def __init__(self, graph: Graph, draft: Draft) -> None:
        self.graph = graph
        self.draft = draft
        self.tensors: list[PlanTensor] = []
        self.weights = bytearray()
        self._indices: dict[str, int] = {}
        self._packed: dict[tuple[object, ...], int] = {}
        self._data: dict[bytes, int] = {}
        self._offsets: dict[str, int] = {}
        self.state_bytes, self.state_offset = self._keep()
        self._place()

    def _keep(self) -> tuple[int, int]:
        """Place the states at the start of the arena; their size together, and where their first values lie."""
        _bound(sum(state.initial.nbytes for state in self.graph.states))
        image = bytearray()
        for state in self.graph.states:
            self._offsets[state.read] = len(image)
            image += state.initial.tobytes()
            image += bytes(-len(image) % ALIGNMENT)
        return (len(image), self._bytes(bytes(image))) if image else (0, 0)

    def _place(self) -> None:
        """Offsets of all other buffers: a tensor's by its root, an op's scratch by its number."""
        carry_states(self.graph, self.draft)
        write_in_place(self.graph, self.draft)
        lives = lifetimes(self.graph, self.draft)
        for name in self._offsets:
            lives.pop(name)
        buffers = [Buffer(nbytes(self.graph, name), *life) for name, life in lives.items()]
        scratch = {i: s.scratch for i, s in enumerate(self.draft.steps) if s.scratch}
        buffers += [Buffer(size, i, i) for i, size in scratch.items()]
        offsets, size = place(buffers)
        offsets, self.arena_bytes = [self.state_bytes + at for at in offsets], self.state_bytes + size
        _bound(self.arena_bytes)
        self._offsets |= zip(lives, offsets, strict=False)
        self._scratch = dict(zip(scratch, offsets[len(lives) :], strict=True))

    def index(self, what: str | Packed) -> int:
        """Return number of the record of a tensor or constant, made when it is first asked for."""
        if isinstance(what, Packed):
            return self._constant(what)
        if what not in self._indices:
            t = self.graph.tensors[what]
            scale, zero = t.quantization.scalar if t.quantization else (0.0, 0)
            root, begin = self.draft.place(what)
            offset = self._offsets[root] + begin
            self._indices[what] = self._record(
                PlanTensor(t.dtype, t.shape, "arena", offset, nbytes(self.graph, what), scale, zero)
            )
        return self._indices[what]

    def _constant(self, packed: Packed) -> int:
        q = packed.quantization
        scale, zero = q.scalar if q and q.per_tensor else (0.0, 0)
        key = (packed.dtype, packed.dims, packed.data, scale, zero)
        if key not in self._packed:
            offset, size = self._bytes(packed.data), len(packed.data)
            self._packed[key] = self._record(
                PlanTensor(packed.dtype, packed.dims, "weights", offset, size, scale, zero)
            )
        return self._packed[key]

    def _bytes(self, data: bytes) -> int:
        if data not in self._data:
            self.weights += bytes(-len(self.weights) % WEIGHT_ALIGNMENT)
            self._data[data] = len(self.weights)
            self.weights += data
        return self._data[data]

    def _record(self, tensor: PlanTensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def op(self, number: int, step: Step) -> PlanOp:
        code = BY_NAME[step.code]
        values: list[int | float] = []
        for p in code.parameters:
            value: Any = self._scratch[number] if p.kind.name == "scratch" else step.values[p.name]
            values.append(self.index(value) if p.kind.name == "tensor" else value)
        return PlanOp(code, tuple(values), tuple(self.index(r) for r in step.rest))


def _bound(arena_bytes: int) -> None:
    if arena_bytes > MAX_ARENA_BYTES:
        message = f"the model needs {arena_bytes:,} bytes of memory to run, at most {MAX_ARENA_BYTES:,} can be had"
        raise ModelError("EFN-M008", message, hint="give it a smaller input or fewer channels")

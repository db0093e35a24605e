"""TFLite files by hand, written by the generated code of the PyPI package tflite: its slots and enums judge ours."""

from pathlib import Path

import flatbuffers
import numpy as np
import pytest
import tflite

from edgefn.graph.importers.tflite.file import TfliteModel, read_file

from .fuzz.seeds import keep

__all__ = ["TfliteWriter", "writer"]

BUILTIN = {name: code for name, code in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}
OPTIONS = {name: code for name, code in vars(tflite.BuiltinOptions).items() if not name.startswith("_")}


class TfliteWriter:
    """A TFLite file under construction.

    `w.tensor("x", (1, 4)); w.op("RELU", [0], [1]); w.data()`. Whatever is given by name goes into the table as it is,
    so that tests can write nonsense.
    """

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder()
        self.codes: list[int] = []
        self.buffers = [self.table("Buffer")]
        self.tensors: list[int] = []
        self.ops: list[int] = []
        self.subgraphs: list[int] = []

    def table(self, kind: str, **fields) -> int:
        """Write a table of the schema and return its place; fields are named as the generated code names them."""
        written = {name: self._written(value) for name, value in fields.items()}
        getattr(tflite, f"{kind}Start")(self.builder)
        for name, value in written.items():
            getattr(tflite, f"{kind}Add{name}")(self.builder, value)
        return getattr(tflite, f"{kind}End")(self.builder)

    def _written(self, value):
        match value:
            case str():
                return self.builder.CreateString(value)
            case bytes():
                return self.builder.CreateByteVector(value)
            case np.ndarray():
                return self.builder.CreateNumpyVector(value)
            case list():
                return self._offsets(value)
        return value

    def _offsets(self, places: list[int]) -> int:
        self.builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self.builder.PrependUOffsetTRelative(place)
        return self.builder.EndVector()

    def buffer(self, data: bytes) -> int:
        self.buffers.append(self.table("Buffer", Data=data))
        return len(self.buffers) - 1

    def tensor(self, name: str = "t", shape=(), kind: str = "FLOAT32", constant=None, **fields) -> int:
        if constant is not None:
            fields["Buffer"] = self.buffer(np.asarray(constant).tobytes())
        dims = np.array(shape, np.int32)
        code = getattr(tflite.TensorType, kind)
        self.tensors.append(self.table("Tensor", **{"Name": name, "Shape": dims, "Type": code, **fields}))
        return len(self.tensors) - 1

    def quantization(self, scales, points, axis: int = 0, **fields) -> int:
        arrays = {"Scale": np.array(scales, np.float32), "ZeroPoint": np.array(points, np.int64)}
        return self.table("QuantizationParameters", **arrays, QuantizedDimension=axis, **fields)

    def code(self, **fields) -> int:
        self.codes.append(self.table("OperatorCode", **fields))
        return len(self.codes) - 1

    def op(self, name: str, inputs=(), outputs=(), options: str = "", fields=None, **more) -> None:
        """Write an operator; `options` is the kind of its table, `fields` what that table holds."""
        code = BUILTIN.get(name)
        kind = {"CustomCode": name, "BuiltinCode": BUILTIN["CUSTOM"]} if code is None else {"BuiltinCode": code}
        ports = {"Inputs": np.array(inputs, np.int32), "Outputs": np.array(outputs, np.int32)}
        chosen = {}
        if options:
            chosen = {"BuiltinOptionsType": OPTIONS[options], "BuiltinOptions": self.table(options, **(fields or {}))}
        self.ops.append(self.table("Operator", **{"OpcodeIndex": self.code(**kind), **ports, **chosen, **more}))

    def subgraph(self, inputs=(), outputs=(), name: str = "main") -> None:
        """End a subgraph; what is written next goes into another."""
        ports = {"Inputs": np.array(inputs, np.int32), "Outputs": np.array(outputs, np.int32)}
        self.subgraphs.append(self.table("SubGraph", Name=name, Tensors=self.tensors, Operators=self.ops, **ports))
        self.tensors, self.ops = [], []

    def data(self, **fields) -> bytes:
        if self.tensors or self.ops:
            self.subgraph()
        parts = {"OperatorCodes": self.codes, "Subgraphs": self.subgraphs, "Buffers": self.buffers}
        root = self.table("Model", **{"Version": 3, "Description": "by hand", **parts, **fields})
        self.builder.Finish(root, file_identifier=b"TFL3")
        data = bytes(self.builder.Output())
        keep("tflite", data)
        return data

    def read(self, **fields) -> TfliteModel:
        return read_file(self.data(**fields), Path("m.tflite"))


@pytest.fixture
def writer() -> TfliteWriter:
    return TfliteWriter()

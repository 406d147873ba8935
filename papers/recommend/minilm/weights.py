"""Reading of the model's weights from an ONNX file.

Only what that takes of the format is read: a file is a ``ModelProto`` whose field 7 is a
``GraphProto`` whose fields 5 are ``TensorProto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto),
in the wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

GRAPH: Final = 7
INITIALIZER: Final = 5
DIMENSION, DATA_TYPE, NAME, RAW_DATA = 1, 2, 8, 9
DATA_TYPES: Final[Mapping[int, np.dtype[Any]]] = {
    1: np.dtype("<f4"),
    3: np.dtype(np.int8),
    7: np.dtype("<i8"),
    9: np.dtype(np.bool_),
}
VARINT, EIGHT_BYTES, LENGTH_DELIMITED, FOUR_BYTES = 0, 1, 2, 5
"""Types of a field on the wire."""


class _Field(NamedTuple):
    """One field of a message.

    Attributes:
        number: What it is.
        value: A number, or where its bytes begin.
        end: Where they end.
    """

    number: int
    value: int
    end: int


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of an ONNX file by name; they stay in the file, mapped into memory."""
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return dict(
        _tensor(data, tensor)
        for graph in _fields(data, 0, len(data))
        if graph.number == GRAPH
        for tensor in _fields(data, graph.value, graph.end)
        if tensor.number == INITIALIZER
    )


def _tensor(data: mmap.mmap, message: _Field) -> tuple[str, NDArray[Any]]:
    """Return the name and the values of a tensor."""
    fields = list(_fields(data, message.value, message.end))
    shape = [field.value for field in fields if field.number == DIMENSION]
    by_number = {field.number: field for field in fields}
    name, raw = by_number[NAME], by_number[RAW_DATA]
    data_type = DATA_TYPES[by_number[DATA_TYPE].value]
    count = (raw.end - raw.value) // data_type.itemsize
    values = np.frombuffer(data, data_type, count, raw.value)
    return data[name.value : name.end].decode(), values.reshape(shape)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[_Field]:
    """Yield the fields of the message between two offsets."""
    at = start
    while at < end:
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value, at = _varint(data, at)
            yield _Field(number, value, at)
        elif wire_type == LENGTH_DELIMITED:
            length, at = _varint(data, at)
            yield _Field(number, at, at + length)
            at += length
        else:
            at += 8 if wire_type == EIGHT_BYTES else 4


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """Return the number at an offset, seven bits a byte, and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7

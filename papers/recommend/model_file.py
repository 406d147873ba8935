"""Text models in files that all processes of a machine map into their memory.

A file holds the arrays of a model as they lie in memory, behind the pickle of everything else.
Who opens it reads the pickle; the arrays are mapped, so that processes share one copy. Files are
written aside and renamed, and signed, as who can write a pickle can run code. Free of Django.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import mmap
import os
import pickle
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import scipy

from papers.recommend.text_model import Text, TextModel, Vectors

log = logging.getLogger(__name__)

HEADER: Final = struct.Struct("<QQ32s")
"""Length of the pickle, number of arrays, signature."""
ALIGNMENT: Final = 64
"""Arrays begin at multiples of so many bytes."""
SUFFIX: Final = ".model"
KEPT_FILES: Final = 3
"""Files that are kept, as previews and workers may need models of different papers."""


def open_or_make(
    folder: Path,
    secret: str,
    papers: Sequence[Text],
    candidate_count: int,
    vectors: Mapping[str, Vectors],
    make: Callable[[], TextModel],
) -> TextModel:
    """Return the model of some papers from its file; make the model and the file if there is none.

    Only one process makes a file at a time, the others wait for it. Where no file can be written,
    the model is made for this process.

    Args:
        folder: The folder of the files.
        secret: The key of the signature.
        papers: The papers, the candidates first.
        candidate_count: How many of them are candidates.
        vectors: Their sentence vectors by id.
        make: Returns their model.
    """
    path = folder / (_key(papers, candidate_count, vectors) + SUFFIX)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder / "lock"):
            if path.exists():
                try:
                    model = _read(path, secret, papers)
                    path.touch()
                    return model
                except ValueError as error:
                    log.warning("The file of the text model is made again: %s", error)
            _write(path, secret, make())
            _delete_unused(folder)
            return _read(path, secret, papers)
    except OSError as error:
        log.warning("The text model is made for this process only: %s", error)
        return make()


def _write(path: Path, secret: str, model: TextModel) -> None:
    """Write a model aside and rename the file."""
    buffers: list[pickle.PickleBuffer] = []
    pickled = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    arrays = [buffer.raw() for buffer in buffers]
    sizes = struct.pack(f"<{len(arrays)}Q", *(array.nbytes for array in arrays))
    partial = path.with_suffix(f".{os.getpid()}")
    try:
        with partial.open("wb") as file:
            signature = _signature(secret, sizes + pickled)
            file.write(HEADER.pack(len(pickled), len(arrays), signature) + sizes + pickled)
            for array in arrays:
                file.write(bytes(-file.tell() % ALIGNMENT))
                file.write(array)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _read(path: Path, secret: str, papers: Sequence[Text]) -> TextModel:
    """Map a file and return its model.

    Raises:
        ValueError: The file is damaged or was signed with another key.
    """
    with path.open("rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if len(mapped) < HEADER.size:
        raise ValueError(f"{path.name} is cut off")
    length, count, signature = HEADER.unpack_from(mapped)
    behind = HEADER.size + 8 * count + length
    signed = bytes(mapped[HEADER.size : behind])
    if not hmac.compare_digest(signature, _signature(secret, signed)):
        raise ValueError(f"{path.name} was not written with this key, or is damaged")
    arrays = []
    for size in struct.unpack_from(f"<{count}Q", signed):
        behind += -behind % ALIGNMENT
        arrays.append(mapped[behind : behind + size])
        behind += size
    if behind != len(mapped):
        raise ValueError(f"{path.name} is cut off")
    pickled = signed[8 * count :]
    model: TextModel = pickle.loads(pickled, buffers=arrays)  # noqa: S301 - signed, see above
    model.use(papers)
    return model


def _delete_unused(folder: Path) -> None:
    """Delete all but the ``KEPT_FILES`` that were used last."""
    files = sorted(folder.glob("*" + SUFFIX), key=lambda path: path.stat().st_mtime)
    for path in files[:-KEPT_FILES]:
        path.unlink(missing_ok=True)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Wait until no other process of this machine is inside."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _signature(secret: str, content: bytes) -> bytes:
    return hmac.digest(secret.encode(), content, "sha256")


def _key(papers: Sequence[Text], candidate_count: int, vectors: Mapping[str, Vectors]) -> str:
    """Return a hash of the texts and vectors, their order and the code that makes the model."""
    found = hashlib.sha256(f"{_code()} {candidate_count}".encode())
    for paper in papers:
        found.update(f"\0{paper.id}\0{paper.title}\0{paper.abstract}".encode())
        if paper.id in vectors:
            found.update(vectors[paper.id].tobytes())
    return found.hexdigest()[:32]


@cache
def _code() -> str:
    """Return a hash of the code of this package and the versions of what it uses."""
    found = hashlib.sha256(f"{sys.version} {np.__version__} {scipy.__version__}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()

"""The forward pass of the model: pieces of texts in, one vector a text out.

Six layers of self-attention (Vaswani et al., "Attention Is All You Need", NeurIPS 2017) as in BERT
(Devlin et al., 2019). The pieces of several texts are multiplied with the weights together, one
behind the other and without padding; attention is computed for each text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from papers.recommend.term_weights import Scores

LAYERS: Final = 6
HEADS: Final = 12
MATRICES: Final = 6
"""Matrices of a layer: query, key, value, what their attention is mapped by, and two wide ones."""
EPSILON: Final = np.float32(1e-12)
"""Added to the variance of a row before it is divided by it."""


class _Linear(NamedTuple):
    """A linear map: a packed matrix (inputs x outputs), and of each output its scale and bias."""

    packed: NDArray[np.int8]
    scale: Scores
    bias: Scores

    def __call__(self, states: Scores) -> Scores:
        """Return the outputs for each row; the matrix is unpacked for that long."""
        product = states @ self.packed.astype(np.float32)
        product *= self.scale
        product += self.bias
        return np.asarray(product, np.float32)


class _Norm(NamedTuple):
    """Scale and bias of a normalized row."""

    scale: Scores
    bias: Scores

    def __call__(self, states: Scores) -> Scores:
        """Give rows mean 0 and variance 1, then scale and shift them, in place.

        Source: Ba et al., "Layer Normalization", 2016.
        """
        states -= states.mean(axis=-1, keepdims=True)
        variance = np.einsum("ij,ij->i", states, states)[:, np.newaxis] / states.shape[1]
        states /= np.sqrt(variance + EPSILON)
        states *= self.scale
        states += self.bias
        return states


class _Layer(NamedTuple):
    """One layer: attention, then a wide hidden layer, each added to what came in."""

    query: _Linear
    key: _Linear
    value: _Linear
    output: _Linear
    output_norm: _Norm
    wide: _Linear
    narrow: _Linear
    narrow_norm: _Norm

    def __call__(self, states: Scores, texts: Sequence[slice]) -> Scores:
        """Return the states that follow those of some texts' pieces."""
        parts = self.query(states), self.key(states), self.value(states)
        states = self.output_norm(states + self.output(_attention(*parts, texts)))
        return self.narrow_norm(states + self.narrow(_gelu(self.wide(states))))


class MiniLM:
    """The model; its weights stay packed in the file, which all processes of a machine share."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Take the weights.

        Args:
            tensors: Those of the file by name: int8 matrices as ``<name>_q`` with the scale of
                each column (or row, of a table) as ``<name>_scale``, and floats.
        """
        prefix = "inner.embeddings."
        self._pieces = tensors[f"{prefix}word_embeddings.weight_q"]
        self._scales = tensors[f"{prefix}word_embeddings.weight_scale"].copy()
        positions = f"{prefix}position_embeddings.weight"
        self._positions = tensors[f"{positions}_q"] * tensors[f"{positions}_scale"]
        self._positions += tensors[f"{prefix}token_type_embeddings.weight"][0]
        self._norm = _norm(tensors, f"{prefix}LayerNorm")
        names = [name[:-2] for name in tensors if name.endswith("_q") and prefix not in name]
        parts = [names[layer * MATRICES : (layer + 1) * MATRICES] for layer in range(LAYERS)]
        self._layers = [_layer(tensors, number, part) for number, part in enumerate(parts)]

    def vectors(self, texts: Sequence[Sequence[int]]) -> Scores:
        """Return the mean vector of each text's pieces, texts x 384, of length one.

        Args:
            texts: The pieces of each text, at least one.
        """
        lengths = np.array([len(text) for text in texts])
        ends = np.cumsum(lengths)
        spans = [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]
        pieces = np.concatenate(texts)
        places = np.concatenate([np.arange(length) for length in lengths])
        states = self._pieces[pieces] * self._scales[pieces] + self._positions[places]
        states = self._norm(states)
        for layer in self._layers:
            states = layer(states, spans)
        means = np.stack([states[span].mean(axis=0) for span in spans])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def _layer(tensors: Mapping[str, NDArray[Any]], number: int, names: Sequence[str]) -> _Layer:
    """Return a layer by its number and the names of its matrices, in the file's order."""
    prefix = f"inner.encoder.layer.{number}."
    biases = (
        *(f"attention.self.{part}" for part in ("query", "key", "value")),
        *("attention.output.dense", "intermediate.dense", "output.dense"),
    )
    query, key, value, output, wide, narrow = (
        _Linear(
            tensors[f"{name}_q"],
            tensors[f"{name}_scale"].copy(),
            tensors[f"{prefix}{bias}.bias"].copy(),
        )
        for name, bias in zip(names, biases, strict=True)
    )
    return _Layer(
        *(query, key, value, output),
        _norm(tensors, f"{prefix}attention.output.LayerNorm"),
        *(wide, narrow),
        _norm(tensors, f"{prefix}output.LayerNorm"),
    )


def _norm(tensors: Mapping[str, NDArray[Any]], name: str) -> _Norm:
    return _Norm(tensors[f"{name}.weight"].copy(), tensors[f"{name}.bias"].copy())


def _attention(query: Scores, key: Scores, value: Scores, texts: Sequence[slice]) -> Scores:
    """Return each piece's mean of the values of its text, weighted by softmax of query times key.

    Args:
        query: Pieces x dimensions, as are ``key`` and ``value``.
        key: See there.
        value: See there.
        texts: The rows of each text.
    """
    attended = np.empty_like(value)
    for text in texts:
        weights = _heads(query[text]) @ _heads(key[text]).transpose(0, 2, 1)
        weights /= np.float32(np.sqrt(query.shape[1] / HEADS))
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        mean = weights @ _heads(value[text])
        mean /= weights.sum(axis=-1, keepdims=True)
        attended[text] = mean.transpose(1, 0, 2).reshape(-1, value.shape[1])
    return attended


def _heads(states: Scores) -> Scores:
    """Return pieces x dimensions as heads x pieces x dimensions of a head."""
    return np.ascontiguousarray(states.reshape(len(states), HEADS, -1).transpose(1, 0, 2))


def _gelu(states: Scores) -> Scores:
    """Apply the Gaussian error linear unit, in place.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016, the form with tanh: a third
    of the time of the error function, and the vectors differ in the fourth decimal.
    """
    inner = states * states
    inner *= np.float32(0.044715)
    inner += 1
    inner *= states
    inner *= np.float32(np.sqrt(2 / np.pi))
    np.tanh(inner, out=inner)
    inner += 1
    inner *= np.float32(0.5)
    states *= inner
    return states

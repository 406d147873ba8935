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
"""Matrices of a layer, in the file's order: query, key, value, their output, the wide ones."""
EPSILON: Final = np.float32(1e-12)
"""Added to the variance of a row before it is divided by it."""


class _Layer(NamedTuple):
    """Weights of a layer, each a matrix (inputs x outputs) and what is added to its product."""

    attention: tuple[Scores, Scores]
    output: tuple[Scores, Scores]
    output_norm: tuple[Scores, Scores]
    wide: tuple[Scores, Scores]
    narrow: tuple[Scores, Scores]
    narrow_norm: tuple[Scores, Scores]


class MiniLM:
    """The model with its weights as 32-bit floats; the vectors of pieces stay packed."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Unpack the weights.

        Args:
            tensors: Those of the file by name: int8 matrices as ``<name>_q`` with the scale of
                each column as ``<name>_scale``, and floats.
        """
        embeddings = "inner.embeddings."
        self._pieces = tensors[f"{embeddings}word_embeddings.weight_q"]
        self._scales = tensors[f"{embeddings}word_embeddings.weight_scale"].copy()
        positions = _unpacked(tensors, f"{embeddings}position_embeddings.weight")
        self._positions = positions + tensors[f"{embeddings}token_type_embeddings.weight"][0]
        self._norm = _norm(tensors, f"{embeddings}LayerNorm")
        names = [name[:-2] for name in tensors if name.endswith("_q") and embeddings not in name]
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
        states = _normalized(states, self._norm)
        for layer in self._layers:
            attended = _attention(_linear(states, layer.attention), spans)
            states = _normalized(states + _linear(attended, layer.output), layer.output_norm)
            wide = _gelu(_linear(states, layer.wide))
            states = _normalized(states + _linear(wide, layer.narrow), layer.narrow_norm)
        means = np.stack([states[span].mean(axis=0) for span in spans])
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def _layer(tensors: Mapping[str, NDArray[Any]], number: int, names: Sequence[str]) -> _Layer:
    """Return the weights of a layer; query, key and value in one matrix, the query scaled."""
    prefix = f"inner.encoder.layer.{number}."
    query, key, value, output, wide, narrow = (_unpacked(tensors, name) for name in names)
    parts = ("query", "key", "value")
    biases = [tensors[f"{prefix}attention.self.{part}.bias"] for part in parts]
    attention = np.hstack([query, key, value])
    bias = np.concatenate(biases)
    width = query.shape[1]
    scale = np.float32(1 / np.sqrt(width / HEADS))
    attention[:, :width] *= scale
    bias[:width] *= scale
    return _Layer(
        attention=(attention, bias),
        output=(output, tensors[f"{prefix}attention.output.dense.bias"].copy()),
        output_norm=_norm(tensors, f"{prefix}attention.output.LayerNorm"),
        wide=(wide, tensors[f"{prefix}intermediate.dense.bias"].copy()),
        narrow=(narrow, tensors[f"{prefix}output.dense.bias"].copy()),
        narrow_norm=_norm(tensors, f"{prefix}output.LayerNorm"),
    )


def _unpacked(tensors: Mapping[str, NDArray[Any]], name: str) -> Scores:
    return np.asarray(tensors[f"{name}_q"] * tensors[f"{name}_scale"], np.float32)


def _norm(tensors: Mapping[str, NDArray[Any]], name: str) -> tuple[Scores, Scores]:
    return tensors[f"{name}.weight"].copy(), tensors[f"{name}.bias"].copy()


def _linear(states: Scores, weights: tuple[Scores, Scores]) -> Scores:
    product = states @ weights[0]
    product += weights[1]
    return product


def _attention(states: Scores, spans: Sequence[slice]) -> Scores:
    """Return each piece's mean of the values of its text, weighted by softmax of query times key.

    Args:
        states: Pieces x (query, key and value of each head).
        spans: The rows of each text.
    """
    width = states.shape[1] // 3
    attended = np.empty((len(states), width), np.float32)
    for span in spans:
        # 3 x heads x pieces x dimensions of a head
        parts = states[span].reshape(-1, 3, HEADS, width // HEADS).transpose(1, 2, 0, 3)
        query, key, value = np.ascontiguousarray(parts)
        weights = query @ key.transpose(0, 2, 1)
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        mean = weights @ value
        mean /= weights.sum(axis=-1, keepdims=True)
        attended[span] = mean.transpose(1, 0, 2).reshape(-1, width)
    return attended


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


def _normalized(states: Scores, norm: tuple[Scores, Scores]) -> Scores:
    """Return rows of mean 0 and variance 1, then scaled and shifted (Ba et al., 2016)."""
    states -= states.mean(axis=-1, keepdims=True)
    variance = np.einsum("ij,ij->i", states, states)[:, np.newaxis] / states.shape[1]
    states /= np.sqrt(variance + EPSILON)
    states *= norm[0]
    states += norm[1]
    return states

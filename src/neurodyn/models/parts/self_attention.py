"""Attention of bins to one another, with a hand-written adjoint: heads are read from and written to one joint array, so that nothing is copied to be permuted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

_softmax_adjoint = torch.ops.aten._softmax_backward_data


def self_attention(joined: Tensor, bias: Tensor, heads: int, keep: Tensor | None) -> Tensor:
    """softmax(Q Kᵀ / √size + bias) V of every head, `(trial, time, width)`.

    Args:
        joined: queries, keys and values side by side `(trial, time, 3 * width)`, each with its heads side by side.
        bias: added to the scores `(1 or trial, query, key)`; −∞ forbids. It gets no gradient.
        heads: number of heads.
        keep: dropout mask of the weights `(head, trial, query, key)`; None for no dropout.
    """
    return _SelfAttention.apply(joined, bias, heads, keep)  # type: ignore[no-any-return, no-untyped-call]


def _each_head(joined: Tensor, heads: int, parts: int) -> Iterator[tuple[Tensor, ...]]:
    """Views `(trial, time, size)` of the parts of each head."""
    trials, bins, width = joined.shape
    split = joined.view(trials, bins, parts, heads, width // parts // heads)
    for head in range(heads):
        yield split[:, :, :, head].unbind(2)


class _SelfAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, joined: Tensor, bias: Tensor, heads: int, keep: Tensor | None) -> Tensor:
        joined = joined.contiguous()
        trials, bins, width = joined.shape
        weights = joined.new_empty(heads, trials, bins, bins)
        mixed = joined.new_empty(trials, bins, width // 3)
        scale = (width // 3 // heads) ** -0.5
        for head, ((query, key, value), (into,)) in enumerate(
            zip(_each_head(joined, heads, 3), _each_head(mixed, heads, 1))
        ):
            scores = torch.baddbmm(bias, query, key.transpose(1, 2), alpha=scale)
            torch.softmax(scores, -1, out=weights[head])
            used = weights[head] if keep is None else weights[head] * keep[head]
            into.copy_(torch.bmm(used, value))
        ctx.save_for_backward(joined, weights, keep)
        ctx.scale = scale
        return mixed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        joined, weights, keep = ctx.saved_tensors
        heads = len(weights)
        of_joined = torch.empty_like(joined)
        views = zip(
            _each_head(joined, heads, 3), _each_head(of_joined, heads, 3), _each_head(grad.contiguous(), heads, 1)
        )
        for head, ((query, key, value), (of_query, of_key, of_value), (given,)) in enumerate(views):
            used = weights[head] if keep is None else weights[head] * keep[head]
            of_value.copy_(torch.bmm(used.transpose(1, 2), given))
            of_weights = torch.bmm(given, value.transpose(1, 2))
            if keep is not None:
                of_weights *= keep[head]
            of_scores = _softmax_adjoint(of_weights, weights[head], -1, weights.dtype).mul_(ctx.scale)
            of_query.copy_(torch.bmm(of_scores, key))
            of_key.copy_(torch.bmm(of_scores.transpose(1, 2), query))
        return of_joined, None, None, None

"""Attention to a few bins around each one."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.models.parts.transformer import dropped


class LocalAttention(nn.Module):
    """Multi-head attention of every bin to itself, `back` bins before and `ahead` bins after it; the cost is linear in the number of bins.

    Args:
        width: of the tokens. Heads are ⌈width / heads⌉ wide, so that any width will do.
        heads: number of heads.
        back, ahead: bins that are seen on either side.
        dropout: of the attention weights.
    """

    def __init__(self, width: int, heads: int, back: int, ahead: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.back, self.ahead = heads, back, ahead
        inner = math.ceil(width / heads) * heads
        self.query = nn.Linear(width, inner)
        self.key_value = nn.Linear(width, 2 * inner)
        self.out = nn.Linear(inner, width)
        self.dropout = dropout

    def forward(self, own: Tensor, others: Tensor) -> Tensor:
        """What each bin takes from itself and from those around it.

        Args:
            own: tokens `(..., time, width)`: a bin's queries, and the key and value of the bin itself.
            others: tokens of the same shape that stand for the bins around it; they may know more than `own`.
        """
        time, steps = own.shape[-2], range(-self.back, self.ahead + 1)
        query = self.query(own).unflatten(-1, (self.heads, -1))
        query = query / math.sqrt(query.shape[-1])
        around = self.key_value(others)
        itself = around if own is others else self.key_value(own)
        pairs = [(itself if step == 0 else _shifted(around, step)).chunk(2, -1) for step in steps]
        keys, values = zip(*((k.unflatten(-1, (self.heads, -1)), v.unflatten(-1, (self.heads, -1))) for k, v in pairs))
        scores = torch.stack([(query * key).sum(-1) for key in keys])
        at = torch.arange(time, device=own.device) + torch.tensor(list(steps), device=own.device)[:, None]
        outside = ((at < 0) | (at >= time)).view(len(steps), *[1] * (own.ndim - 2), time, 1)
        weights = dropped(scores.masked_fill(outside, -torch.inf).softmax(0), self.dropout, self.training)
        taken = torch.stack([weight[..., None] * value for weight, value in zip(weights, values)]).sum(0)
        return self.out(taken.flatten(-2))  # type: ignore[no-any-return]


class LocalLayer(nn.Module):
    """One pre-norm layer of a transformer with local attention: u ← u + drop(attention(LN u)), u ← u + drop(W₂ drop(ReLU(W₁ LN u))).

    Args:
        width, heads, back, ahead, dropout: as for `LocalAttention`; the dropout is that of both branches and of the hidden units too.
        feedforward: hidden units of the feed-forward map.
    """

    def __init__(self, width: int, heads: int, back: int, ahead: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.attention = LocalAttention(width, heads, back, ahead, dropout)
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feedforward_in, self.feedforward_out = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        self.dropout = dropout

    def forward(self, own: Tensor, others: Tensor) -> Tensor:
        """Tokens `(..., time, width)` after the layer; arguments as for `LocalAttention`."""
        normed = self.attention_norm(own)
        around = normed if own is others else self.attention_norm(others)
        tokens = own + self._dropped(self.attention(normed, around))
        inner = self._dropped(self.feedforward_in(self.feedforward_norm(tokens)).relu())
        return tokens + self._dropped(self.feedforward_out(inner))

    def _dropped(self, values: Tensor) -> Tensor:
        return dropped(values, self.dropout, self.training)


def _shifted(tokens: Tensor, step: int) -> Tensor:
    """At every bin t the token of bin t + step, zero outside."""
    if abs(step) >= tokens.shape[-2]:
        return torch.zeros_like(tokens)
    if step < 0:
        return F.pad(tokens[..., :step, :], (0, 0, -step, 0))
    return F.pad(tokens[..., step:, :], (0, 0, 0, step))

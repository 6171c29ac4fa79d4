"""A transformer's encoder over time, with a window of context and cheap dropout."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.models.parts.masks import keep_mask
from neurodyn.models.parts.self_attention import self_attention


def context_mask(bins: int, forward: int, backward: int) -> Tensor:
    """Which bins a bin may attend to: bool `(query, key)`, true for i − backward ≤ j ≤ i + forward.

    Args:
        bins: number of bins.
        forward: bins ahead; negative for all, 0 for none.
        backward: bins back; 0 or less for all.

    >>> context_mask(20, 4, 8).sum(1).tolist()
    [5, 6, 7, 8, 9, 10, 11, 12, 13, 13, 13, 13, 13, 13, 13, 13, 12, 11, 10, 9]
    """
    ahead = torch.arange(bins) - torch.arange(bins)[:, None]
    allowed = torch.ones(bins, bins, dtype=torch.bool)
    if forward >= 0:
        allowed &= ahead <= forward
    if backward > 0:
        allowed &= ahead >= -backward
    return allowed


def dropped(x: Tensor, rate: float, training: bool) -> Tensor:
    """Dropout with cheap masks."""
    return x * keep_mask(x.shape, rate, device=x.device, dtype=x.dtype) if training and rate > 0 else x


class TransformerLayer(nn.Module):
    """Self-attention over time and a feed-forward map, each with a residual.

    Pre-norm: u ← u + drop(attention(LN u)), u ← u + drop(W₂ drop(ReLU(W₁ LN u))). Post-norm: each residual sum is normalised.

    Args:
        width: of the tokens; a multiple of `heads`.
        heads: attention heads.
        feedforward: hidden units of the feed-forward map.
        dropout: of both branches' outputs, of the hidden units and of the attention weights.
        pre_norm: where the layer norms stand.
    """

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float, *, pre_norm: bool) -> None:
        super().__init__()
        self.heads, self.dropout, self.pre_norm = heads, dropout, pre_norm
        self.attention_norm, self.feedforward_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value, self.attention_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.feedforward_in, self.feedforward_out = nn.Linear(width, feedforward), nn.Linear(feedforward, width)
        nn.init.xavier_uniform_(self.query_key_value.weight)
        nn.init.zeros_(self.query_key_value.bias)
        nn.init.zeros_(self.attention_out.bias)

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """Tokens `(trial, time, width)` to the same shape.

        Args:
            tokens: one a bin.
            bias: added to the attention's scores: 0 where a query may look, −∞ where not; `(1 or trial, query, key)`.
        """
        if self.pre_norm:
            tokens = self._added(self._attended(self.attention_norm(tokens), bias), tokens)
            return self._added(self._mapped(self.feedforward_norm(tokens)), tokens)
        tokens = self.attention_norm(self._added(self._attended(tokens, bias), tokens))
        return self.feedforward_norm(self._added(self._mapped(tokens), tokens))  # type: ignore[no-any-return]

    def _attended(self, x: Tensor, bias: Tensor) -> Tensor:
        """`(trial * time, width)`."""
        trials, bins, _ = x.shape
        keep = None
        if self.training and self.dropout > 0:
            keep = keep_mask((self.heads, trials, bins, bins), self.dropout, device=x.device, dtype=x.dtype)
        mixed = self_attention(self.query_key_value(x), bias, self.heads, keep)
        return self._dropped(self.attention_out(mixed.flatten(0, 1)))

    def _mapped(self, x: Tensor) -> Tensor:
        """`(trial * time, width)`."""
        hidden = F.relu(
            self._dropped(self.feedforward_in(x.flatten(0, 1)))
        )  # a mask is not negative: before ReLU as after
        return self._dropped(self.feedforward_out(hidden))

    # Both change what they are given in place: flat products that no gradient needs. In place of a view it would cost a copy.

    def _dropped(self, product: Tensor) -> Tensor:
        if not self.training or self.dropout == 0:
            return product
        return product.mul_(keep_mask(product.shape, self.dropout, device=product.device, dtype=product.dtype))

    def _added(self, branch: Tensor, tokens: Tensor) -> Tensor:
        return branch.add_(tokens.flatten(0, 1)).view(tokens.shape)

    @torch.no_grad()
    def scale_for_depth(self, layers: int, *, values: bool) -> None:
        """Scales weights by 0.67 · layers^(−1/4) so that deep stacks train stably ("fixup").

        Args:
            layers: of the whole stack.
            values: the value projection too, as T-Fixup (Huang et al. 2020) has it; NDT's release leaves it as it is.
        """
        scale = 0.67 * layers**-0.25
        for part in (self.feedforward_in, self.feedforward_out, self.attention_out):
            part.weight.mul_(scale)
        if values:
            self.query_key_value.weight[-self.attention_out.in_features :].mul_(scale * 2**0.5)


class ScaleNorm(nn.Module):
    """g · x / ‖x‖ with a trained g, from √width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(width**0.5))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=-1, eps=1e-5) * self.gain


def sinusoids(bins: int, width: int) -> Tensor:
    """Positions as sines and cosines `(bins, width)`: position t + 1, wavelengths from 2π to 2π · 10000; for an even width."""
    position = torch.arange(1, bins + 1)[:, None]
    rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(10000.0)) / width))
    out = torch.empty(bins, width)
    out[:, 0::2], out[:, 1::2] = torch.sin(position * rates), torch.cos(position * rates)
    return out

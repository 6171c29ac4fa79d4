"""The blocks that PNBA's published network is made of: normalisation by groups, residual blocks and attention, over an axis of slots and time or over video.

Residual blocks see both neighbours in time and attention every bin, so nothing is causal. Dropout is 0 as published. Source: the released code of arXiv:2505.04331.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from neurodyn.models.parts.published_pnba.config import MOST_GROUPS


def group_norm(channels: int, groups: int = MOST_GROUPS) -> nn.GroupNorm:
    """GN: at most `groups` groups, so that with no more channels than that every channel is normalised by itself."""
    return nn.GroupNorm(min(groups, channels), channels, eps=1e-6)


class Res(nn.Module):
    """GN, swish, 3 × 3 convolution, twice, added to the input (through a 1 × 1 convolution where channels change): `(trial, channel, slot, time)`."""

    def __init__(self, channels_in: int, channels_out: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm_in = group_norm(channels_in)
        self.convolution_in = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.norm_out = group_norm(channels_out)
        self.dropout = nn.Dropout(dropout)
        self.convolution_out = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.shortcut = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.convolution_in(F.silu(self.norm_in(x)))
        hidden = self.convolution_out(self.dropout(F.silu(self.norm_out(hidden))))
        return self.shortcut(x) + hidden  # type: ignore[no-any-return]


class Res3(nn.Module):
    """The same over video `(trial, channel, time, height, width)`, with kernels of `temporal_kernel` × 3 × 3."""

    def __init__(self, channels_in: int, channels_out: int, temporal_kernel: int = 5, dropout: float = 0.0) -> None:
        super().__init__()
        kernel, padding = (temporal_kernel, 3, 3), (temporal_kernel // 2, 1, 1)
        self.norm_in = group_norm(channels_in)
        self.convolution_in = nn.Conv3d(channels_in, channels_out, kernel, padding=padding)
        self.norm_out = group_norm(channels_out)
        self.dropout = nn.Dropout(dropout)
        self.convolution_out = nn.Conv3d(channels_out, channels_out, kernel, padding=padding)
        self.shortcut = nn.Identity() if channels_in == channels_out else nn.Conv3d(channels_in, channels_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.convolution_in(F.silu(self.norm_in(x)))
        hidden = self.convolution_out(self.dropout(F.silu(self.norm_out(hidden))))
        return self.shortcut(x) + hidden  # type: ignore[no-any-return]


class _Attention(nn.Module):
    """One head over all positions, tokens layer-normalised first: softmax(Q Kᵀ / √channels) V, then a linear map.

    The scores are never held as one matrix: 300 frames of 256 slots would need 23.6 GB for it.
    """

    def __init__(self, channels: int, *, bias: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.query_key_value = nn.Linear(channels, 3 * channels, bias=False)
        self.out = nn.Linear(channels, channels, bias=bias)

    def attended(self, x: Tensor) -> Tensor:
        """`(trial, channel, ...)` to the same shape."""
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        query, key, value = self.query_key_value(tokens).unsqueeze(1).chunk(3, -1)
        mixed = F.scaled_dot_product_attention(query, key, value).squeeze(1)
        return self.out(mixed).transpose(1, 2).view(x.shape)  # type: ignore[no-any-return]


class Attn(_Attention):
    """Attention of all slots and bins to one another, added to the input: `(trial, channel, slot, time)`."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.attended(x)


class Attn3(_Attention):
    """Attention of all positions and frames of a video `(trial, channel, time, height, width)`. It **replaces** its input, as released: there is no residual connection."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.attended(x)

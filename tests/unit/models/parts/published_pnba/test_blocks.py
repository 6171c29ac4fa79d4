"""The published blocks: what they add, replace and normalise, and attention against its formula."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neurodyn.models.parts.published_pnba.blocks import Attn, Attn3, Res, Res3, group_norm


def explicit(block: Attn | Attn3, x: Tensor) -> Tensor:
    """softmax(Q Kᵀ / √channels) V with its score matrix, before any residual connection."""
    channels = x.shape[1]
    tokens = F.layer_norm(x.flatten(2).mT, (channels,), block.norm.weight, block.norm.bias)
    query, key, value = (tokens @ block.query_key_value.weight.t()).split(channels, 2)
    scores = query @ key.mT / channels**0.5
    mixed = scores.softmax(-1) @ value @ block.out.weight.t()
    if block.out.bias is not None:
        mixed = mixed + block.out.bias
    return mixed.mT.reshape(x.shape)


def randomised(module: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module.double()


@pytest.mark.parametrize("kind, shape", [(Attn, (2, 6, 4, 5)), (Attn3, (2, 6, 3, 2, 4))])
def test_attention_is_the_explicit_formula_and_only_the_neural_one_is_added(
    kind: type[Attn | Attn3], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    block = randomised(kind(6))
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    expected = explicit(block, x) + (x if kind is Attn else 0)
    torch.testing.assert_close(block(x), expected)
    leaves, direction = [x, *block.parameters()], torch.randn(shape, dtype=torch.float64)
    found, theirs = (torch.autograd.grad((value * direction).sum(), leaves) for value in (block(x), expected))
    torch.testing.assert_close(found, theirs)


def test_only_the_video_attention_has_a_bias() -> None:
    names = [{name for name, _ in kind(4).named_parameters()} for kind in (Attn, Attn3)]
    assert names[1] - names[0] == {"out.bias"}


def test_groups_are_channels_up_to_32() -> None:
    assert [group_norm(width).num_groups for width in (8, 32, 128)] == [8, 32, 32]
    assert group_norm(64, 8).num_groups == 8 and group_norm(8).eps == 1e-6


@pytest.mark.parametrize(
    "block, counted, shape",
    [(Res(8, 8), 1200, (1, 8, 4, 3)), (Res(8, 16), 3680, (1, 8, 1, 2)), (Res3(8, 8), 5808, (1, 8, 2, 4, 4))],
)
def test_residual_blocks_count_and_change_nothing_when_the_last_convolution_is_silent(
    block: Res | Res3, counted: int, shape: tuple[int, ...]
) -> None:
    assert sum(parameter.numel() for parameter in block.parameters()) == counted
    nn.init.zeros_(block.convolution_out.weight)
    nn.init.zeros_(block.convolution_out.bias)
    x = torch.randn(shape)
    torch.testing.assert_close(block(x), block.shortcut(x))


def test_residual_block_reaches_two_bins_each_way_but_for_its_normalisation() -> None:
    block = Res(2, 2)
    block.norm_in, block.norm_out = nn.Identity(), nn.Identity()
    x = torch.randn(1, 2, 7, 9, requires_grad=True)
    block(x)[0, 0, 3, 4].backward()
    reached = (x.grad != 0).any(1)[0].nonzero()
    assert reached.min(0).values.tolist() == [1, 2] and reached.max(0).values.tolist() == [5, 6]

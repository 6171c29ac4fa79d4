"""Attention to the bins around: equal to masked attention, and blind beyond its reach."""

import pytest
import torch

from neurodyn.models.parts.local_attention import LocalAttention, LocalLayer


@pytest.mark.parametrize(("back", "ahead"), [(1, 0), (3, 2), (0, 0), (20, 20)])
def test_it_is_softmax_attention_with_a_band(back: int, ahead: int) -> None:
    torch.manual_seed(0)
    width, heads, time = 7, 2, 9
    attention = LocalAttention(width, heads, back, ahead, 0.0)
    tokens = torch.randn(2, 3, time, width)
    query, (key, value) = attention.query(tokens), attention.key_value(tokens).chunk(2, -1)
    q, k, v = (x.unflatten(-1, (heads, -1)).transpose(-2, -3) for x in (query, key, value))
    step = torch.arange(time) - torch.arange(time)[:, None]
    band = (step >= -back) & (step <= ahead)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=band)
    expected = attention.out(expected.transpose(-2, -3).flatten(-2))
    torch.testing.assert_close(attention(tokens, tokens), expected, rtol=1e-5, atol=1e-5)


def test_a_layer_reaches_no_farther_and_takes_the_bin_itself_from_its_own_tokens() -> None:
    torch.manual_seed(0)
    layer = LocalLayer(6, 2, 1, 0, 8, 0.0)
    own, others = torch.randn(2, 10, 6).unbind()
    before = layer(own, others)
    moved = others.clone()
    moved[4, 0] += 1  # of one feature: the layer norm takes a common shift away
    changed = (layer(own, moved) != before).any(1)
    assert changed.nonzero().flatten().tolist() == [5]
    torch.testing.assert_close(layer(own, own), layer(own, own.clone()))

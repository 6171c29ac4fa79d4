"""The decoder's hand-written adjoint against automatic differentiation of the same equations."""

import itertools

import pytest
import torch
from torch import Tensor

from neurodyn.models.parts.decoder_loop import Controller, Decoded, decode_loop
from neurodyn.models.parts.gru import clipped_gru_step

T, B, C, G, U, F = 5, 3, 4, 6, 2, 5


def random(*shape: int) -> Tensor:
    return (0.5 * torch.randn(shape, dtype=torch.float64)).requires_grad_()


def plain(
    first: Tensor,
    driven: Tensor,
    wg: Tensor,
    to_factors: Tensor,
    c: Controller | None,
    mask: Tensor | None,
    clip: float,
) -> Decoded:
    masks = torch.ones(T + 1, 1, 1, dtype=first.dtype) if mask is None else mask
    g, f = first, (first * masks[0]) @ to_factors
    state = None if c is None else c.first
    seen = []
    for t in range(T):
        drive = driven.expand(B, -1) if driven.ndim == 1 else driven[t]
        post = u = None
        if c is not None:
            dropped = f if c.factor_mask is None else f * c.factor_mask[t]
            state = clipped_gru_step(c.encoded[t] + dropped @ c.from_factors, state, c.recurrent, clip)
            post = state @ c.to_inputs + c.inputs_bias
            u = post[:, :U] if c.noise is None else post[:, :U] + torch.exp(post[:, U:] / 2) * c.noise[t]
            drive = drive + u @ c.to_generator
        g = clipped_gru_step(drive, g, wg, clip)
        f = (g * masks[t + 1]) @ to_factors
        seen.append((f, g, post, u, state))
    return Decoded(*(None if v[0] is None else torch.stack(v) for v in zip(*seen)))


@pytest.mark.parametrize(
    ("with_controller", "with_masks", "constant_drive", "clip"),
    list(itertools.product((True, False), (True, False), (True, False), (5.0, 0.5))),
)
def test_states_and_gradients(with_controller: bool, with_masks: bool, constant_drive: bool, clip: float) -> None:
    torch.manual_seed(0)
    leaves = [random(B, G), random(3 * G) if constant_drive else random(T, B, 3 * G), random(G, 3 * G), random(G, F)]
    controller = None
    if with_controller:
        given = [
            random(T, B, 3 * C),
            random(B, C),
            random(F, 3 * C),
            random(C, 3 * C),
            random(C, 2 * U),
            random(2 * U),
            random(U, 3 * G),
        ]
        noise = torch.randn(T, B, U, dtype=torch.float64) if with_masks else None
        dropout = 2.0 * (torch.rand(T, B, F) > 0.5).double() if with_masks else None
        controller = Controller(*given, noise, dropout)
        leaves += given
    mask = 2.0 * (torch.rand(T + 1, B, G) > 0.5).double() if with_masks else None
    fast = decode_loop(*leaves[:4], T, controller=controller, generator_mask=mask, clip=clip)
    slow = plain(*leaves[:4], controller, mask, clip)
    totals = []
    for made in (fast, slow):
        torch.manual_seed(5)
        values = [
            v for v in (made.factors, made.generator, made.posterior, made.inputs, made.controller) if v is not None
        ]
        totals.append(torch.stack([(v * torch.randn(v.shape, dtype=v.dtype)).sum() for v in values]).sum())
    assert torch.allclose(fast.factors, slow.factors, atol=1e-12)
    for a, e in zip(torch.autograd.grad(totals[0], leaves), torch.autograd.grad(totals[1], leaves)):
        assert torch.allclose(a, e, atol=1e-10)


@pytest.mark.parametrize(
    ("with_controller", "with_mask", "dtype"),
    list(itertools.product((True, False), (True, False), (torch.float64, torch.float32))),
)
def test_without_a_map_factors_are_the_states_as_with_an_identity(
    with_controller: bool, with_mask: bool, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    sizes = [(B, G), (3 * G,), (G, 3 * G)]
    if with_controller:
        sizes += [(T, B, 3 * C), (B, C), (G, 3 * C), (C, 3 * C), (C, 2 * U), (2 * U,), (U, 3 * G)]
    leaves = [(0.5 * torch.randn(size, dtype=dtype)).requires_grad_() for size in sizes]
    noise, kept = torch.randn(T, B, U, dtype=dtype), 2 * (torch.rand(T, B, G) > 0.5).to(dtype)
    controller = Controller(*leaves[3:], noise, kept) if with_controller else None
    mask = 2 * (torch.rand(T + 1, B, G) > 0.5).to(dtype) if with_mask else None
    weights = [torch.randn(T, B, G, dtype=dtype) for _ in range(2)]

    def run(to_factors: Tensor | None) -> list[Tensor]:
        made = decode_loop(*leaves[:3], to_factors, T, controller=controller, generator_mask=mask)
        shown = [value for value in vars(made).values() if value is not None]
        total = (made.factors * weights[0]).sum() + (made.generator * weights[1]).sum()
        return [*shown, *torch.autograd.grad(total, leaves)]

    for found, known in zip(run(None), run(torch.eye(G, dtype=dtype)), strict=True):
        assert torch.equal(found, known)

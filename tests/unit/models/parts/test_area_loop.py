"""The loop over all areas against the same equations in plain operations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neurodyn.models.parts.area_loop import AreaLoop
from neurodyn.models.parts.gru import clipped_gru_step

AREAS, TRIALS, G, F, M, U, C, STEPS, DELAYS = 3, 4, 5, 3, 4, 2, 6, 7, 3


def _drawn(*shape: int) -> Tensor:
    return (torch.randn(*shape, dtype=torch.float64) * 0.5).requires_grad_()


def _plain(
    first: Tensor, bias: Tensor, wx: Tensor, wg: Tensor, wf: Tensor, wm: Tensor | None, delays: Tensor | None, encoded: Tensor | None,
    first_c: Tensor, wcf: Tensor, wc: Tensor, wu: Tensor, bu: Tensor, noise: Tensor | None, factor_mask: Tensor | None, generator_mask: Tensor | None,
    clip: float, steps: int,
) -> list[Tensor]:  # fmt: skip
    def factors(state: Tensor, t: int) -> Tensor:
        return torch.bmm(state if generator_mask is None else state * generator_mask[:, t], wf)

    def messages(now: Tensor) -> Tensor | None:
        return None if wm is None else torch.matmul(now.transpose(0, 1).flatten(1), wm)

    g, c = first, first_c
    f = factors(g, 0)
    past = [messages(f)] * DELAYS
    found: list[list[Tensor]] = [[] for _ in range(5)]
    for t in range(steps):
        parts = []
        if delays is not None:
            parts.append(sum(w * p for w, p in zip(delays, past)))
        if encoded is not None:
            seen = f if factor_mask is None else f * factor_mask[:, t]
            c = clipped_gru_step(torch.baddbmm(encoded[:, t], seen, wcf), c, wc, clip)
            post = torch.baddbmm(bu, c, wu)
            mean, log_variance = post.chunk(2, 2)
            parts.append(mean if noise is None else mean + torch.exp(log_variance / 2) * noise[:, t])
            found[3].append(post)
            found[4].append(c)
        x = torch.cat(parts, 2) if parts else g[..., :0]
        g = clipped_gru_step(torch.baddbmm(bias, x, wx), g, wg, clip)
        f = factors(g, t + 1)
        past = [messages(f), *past[:-1]]
        for kept, value in zip(found, (f, g, x)):
            kept.append(value)
    return [torch.stack(each, 1) for each in found if each]


@pytest.mark.parametrize("clip", [5.0, 0.3])
@pytest.mark.parametrize(
    ("messages", "private", "sampled"), [(True, True, True), (True, True, False), (True, False, False), (False, True, True), (False, False, False)]
)  # fmt: skip
def test_values_and_gradients_equal_the_plain_form(clip: float, messages: bool, private: bool, sampled: bool) -> None:
    torch.manual_seed(0)
    width = M * messages + U * private
    made: list[Any] = [_drawn(AREAS, TRIALS, G), _drawn(AREAS, 1, 3 * G), _drawn(AREAS, width, 3 * G)]
    made += [_drawn(AREAS, G, 3 * G), _drawn(AREAS, G, F)]
    made += [_drawn(AREAS, AREAS * F, M), _drawn(DELAYS, AREAS, 1, M)] if messages else [None] * 2
    if private:
        made += [_drawn(AREAS, STEPS, TRIALS, 3 * C), _drawn(AREAS, TRIALS, C), _drawn(AREAS, F, 3 * C)]
        made += [_drawn(AREAS, C, 3 * C), _drawn(AREAS, C, 2 * U), _drawn(AREAS, 1, 2 * U)]
    else:
        made += [None] * 6
    shapes = (AREAS, STEPS, TRIALS, U), (AREAS, STEPS, TRIALS, F), (AREAS, STEPS + 1, TRIALS, G)
    rest: list[Any] = [torch.rand(*shape, dtype=torch.float64) if sampled else None for shape in shapes]
    loop = [v for v in AreaLoop.apply(*made, *rest, clip, STEPS) if v is not None]
    plain = _plain(*made, *rest, clip, STEPS)
    weights = [torch.randn_like(v) for v in plain]
    trained = [v for v in made if v is not None and v.numel()]
    mine, theirs = (
        torch.autograd.grad(sum((w * v).sum() for w, v in zip(weights, found)), trained) for found in (loop, plain)
    )
    assert len(loop) == len(plain)
    for a, b in (*zip(loop, plain), *zip(mine, theirs)):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)

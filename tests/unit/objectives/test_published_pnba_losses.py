"""PNBA's published loss against its formula, entry by entry."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from neurodyn.models.parts.gaussians import Gaussian, expected_distance, product
from neurodyn.models.parts.published_pnba.network import Reconstructions
from neurodyn.objectives._matching import matching_losses
from neurodyn.objectives._published_pnba import poisson_losses, published_pnba_losses

TRIALS, BINS, UNITS = 3, 4, 6


def case() -> tuple[Reconstructions, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64)

    x, y = (Gaussian(drawn(TRIALS, 2, 3, BINS), drawn(TRIALS, 2, 3, BINS)) for _ in range(2))
    rates, videos = [drawn(TRIALS, BINS, UNITS) for _ in range(2)], [drawn(TRIALS, BINS, 2, 5) for _ in range(2)]
    return (
        Reconstructions(x, y, product([x, y]), *rates, *videos),
        drawn(TRIALS, BINS, UNITS),
        drawn(TRIALS, BINS, 2, 5),
    )


def matching(found: Reconstructions) -> Tensor:
    return matching_losses(expected_distance(found.video, found.neural), 1.0, 0.0).sum()


def test_poisson_term_of_the_worked_example_is_least_where_the_rate_is_the_activity() -> None:
    assert poisson_losses(torch.tensor(1.2), torch.tensor(0.5)).item() == pytest.approx(1.3317766, abs=1e-6)
    rates = torch.arange(1, 400, dtype=torch.float64) / 100
    losses = poisson_losses(torch.tensor(1.2, dtype=torch.float64), rates)
    assert rates[losses.argmin()].item() == pytest.approx(1.2)
    assert poisson_losses(torch.zeros(1), torch.zeros(1)).isfinite().all()


def test_terms_are_the_sums_of_the_formula_over_trials() -> None:
    found, activity, video = case()
    terms = published_pnba_losses(found, activity, video, matching(found))
    q, x, y = (Normal(part.mean, (part.log_variance / 2).exp()) for part in (found.fused, found.neural, found.video))
    expected = {
        "rates_of_fused": torch.nn.functional.poisson_nll_loss(found.rates_of_fused, activity, False, reduction="sum", eps=1e-8),
        "rates_of_video": torch.nn.functional.poisson_nll_loss(found.rates_of_video, activity, False, reduction="sum", eps=1e-8),
        "video_of_fused": (video - found.video_of_fused).square().sum(),
        "video_of_neural": (video - found.video_of_neural).square().sum(),
        "kl_fused": (kl_divergence(q, x) + kl_divergence(q, y)).sum(),
        "kl_neural_video": kl_divergence(x, y).sum(),
        "kl_video_neural": kl_divergence(y, x).sum(),
        "matching": matching(found),
    }  # fmt: skip
    torch.testing.assert_close(terms, {name: term / TRIALS for name, term in expected.items()}, rtol=1e-6, atol=1e-6)


def test_padded_bins_have_no_effect() -> None:
    found, activity, video = case()
    counted = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=torch.bool)
    zero = torch.zeros((), dtype=torch.float64)
    terms = published_pnba_losses(found, activity, video, zero, counted)
    expected = dict.fromkeys(terms, 0.0)
    for trial, bins in enumerate(counted.sum(1).tolist()):
        here = slice(trial, trial + 1)
        gaussians = [Gaussian(*(value[here, ..., :bins] for value in part)) for part in found[:3]]
        one = Reconstructions(*gaussians, *(part[here, :bins] for part in found[3:]))
        for name, term in published_pnba_losses(one, activity[here, :bins], video[here, :bins], zero).items():
            expected[name] += term.item() / TRIALS
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected)
    changed = activity.masked_fill(~counted[..., None], 7.0)
    torch.testing.assert_close(published_pnba_losses(found, changed, video, zero, counted), terms)


def test_micro_batches_add_up() -> None:
    found, activity, video = case()
    whole = published_pnba_losses(found, activity, video, matching(found))
    total = dict.fromkeys(whole, 0.0)
    for rows in (slice(0, 2), slice(2, 3)):
        gaussians = [Gaussian(*(value[rows] for value in part)) for part in found[:3]]
        share = Reconstructions(*gaussians, *(part[rows] for part in found[3:]))
        pairs = matching_losses(expected_distance(share.video, found.neural), 1.0, 0.0, first=rows.start).sum()
        for name, term in published_pnba_losses(share, activity[rows], video[rows], pairs, trials=TRIALS).items():
            total[name] += term.item()
    assert total == pytest.approx({name: term.item() for name, term in whole.items()})

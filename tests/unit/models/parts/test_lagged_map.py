"""The linear map of few-shot calibration, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurodyn.models.modalities.base import LOG_VARIANCE
from neurodyn.models.parts.lagged_map import PENALTY, LaggedMap

UNITS, LAGS, LATENTS, BINS = 6, 5, 3, 12


def data(trials: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Activity, zero outside the mask, latents and mask."""
    draw = np.random.default_rng(seed)
    mask = np.arange(BINS) < draw.integers(BINS // 2, BINS + 1, trials)[:, None]
    activity = draw.normal(size=(trials, BINS, UNITS)) * mask[..., None]
    latents = (
        np.tanh(activity @ draw.normal(size=(UNITS, LATENTS))) + 5 + 0.3 * draw.normal(size=(trials, BINS, LATENTS))
    )
    return torch.from_numpy(activity).float(), torch.from_numpy(latents).float(), torch.from_numpy(mask)


def windows(activity: torch.Tensor) -> np.ndarray:
    """Each bin with two before and two after it, zeros beyond the ends, bin by bin."""
    wide = np.pad(activity.double().numpy(), ((0, 0), (2, 2), (0, 0)))
    return np.concatenate([wide[:, lag : lag + BINS] for lag in range(LAGS)], 2)


@pytest.mark.parametrize("trials", [2, 40])
def test_it_is_the_ridge_regression_with_a_free_intercept(trials: int) -> None:
    """Fewer rows than columns and more: both give the same closed form."""
    activity, latents, mask = data(trials)
    x, y = windows(activity)[mask.numpy()], latents[mask].double().numpy()
    assert (len(x) < x.shape[1]) == (trials == 2)
    centred, penalty = x - x.mean(0), PENALTY * len(x)
    gram = centred.T @ centred
    weight = np.linalg.solve(gram + penalty * np.eye(len(gram)), centred.T @ (y - y.mean(0)))
    residual = y - y.mean(0) - centred @ weight
    hat = np.trace(centred @ np.linalg.solve(gram + penalty * np.eye(len(gram)), centred.T))
    variance = (residual**2).sum(0) / max(len(x) - hat - 1, 1)

    fitted = LaggedMap(UNITS, LAGS, LATENTS)
    fitted.fit(activity, latents, mask)
    np.testing.assert_allclose(fitted.weight.numpy(), weight, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fitted.bias.numpy(), y.mean(0) - x.mean(0) @ weight, rtol=1e-5)
    np.testing.assert_allclose(fitted.log_variance.numpy(), np.log(variance).clip(*LOG_VARIANCE), rtol=1e-4)

    found = fitted(activity)
    expected = windows(activity) @ weight + y.mean(0) - x.mean(0) @ weight
    np.testing.assert_allclose(found.mean.numpy(), expected, rtol=1e-4, atol=1e-5)
    assert found.log_variance.shape == found.mean.shape == latents.shape


def test_bins_outside_the_mask_are_not_fitted() -> None:
    activity, latents, mask = data(9)
    first, second = LaggedMap(UNITS, LAGS, LATENTS), LaggedMap(UNITS, LAGS, LATENTS)
    first.fit(activity, latents, mask)
    second.fit(activity, latents.masked_fill(~mask[..., None], 1e6), mask)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values()))


def test_one_bin_gives_its_own_latent() -> None:
    activity, latents, _ = data(1)
    mask = torch.zeros(1, BINS, dtype=torch.bool)
    mask[0, 4] = True
    fitted = LaggedMap(UNITS, LAGS, LATENTS)
    fitted.fit(activity, latents, mask)
    torch.testing.assert_close(fitted(activity).mean[0, 4], latents[0, 4])
    assert torch.isfinite(fitted.log_variance).all()

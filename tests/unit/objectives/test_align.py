"""PNBA's objective: its terms by hand, what its weights mean, and what has no effect on it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from aligned_subjects import BINS, CHANNELS, TRIALS, built, subject, with_values
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.models.parts.gaussians import Gaussian, expected_distance, kl, kl_of_product, kl_standard
from neurodyn.models.pnba import PNBA
from neurodyn.objectives._matching import matching_losses
from neurodyn.objectives.align import Align, AlignConfig
from neurodyn.objectives.base import Losses, Step
from neurodyn.objectives.elbo import ELBO, ELBOConfig
from neurodyn.objectives.poisson import Poisson, PoissonConfig

LATENTS = 8


def losses(model: PNBA, batch: Batch, **weights: float) -> Losses:
    with torch.no_grad():
        output = model(batch.observed, batch.privileged if model.uses_privileged else None)
        return Align(AlignConfig(**weights), model)(output, batch, Step())


def posteriors(model: PNBA, batch: Batch) -> dict[str, Gaussian]:
    with torch.no_grad():
        hidden = model(batch.observed, batch.privileged).hidden
    return {n: Gaussian(hidden[f"{n}_mean"], hidden[f"{n}_log_variance"]) for n in ("neural", "behaviour", "joint")}


def test_every_term_by_hand() -> None:
    trials = subject(ragged=True)
    model, batch = built(trials), Batch.of(trials)
    found = losses(model, batch).terms
    with torch.no_grad():
        hidden = model(batch.observed, batch.privileged).hidden
    inside, entries = batch.mask[..., None], batch.mask.sum() * LATENTS
    x, y, q = (posteriors(model, batch)[n] for n in ("neural", "behaviour", "joint"))
    expected = {"kl_prior": (kl_standard(q) * inside).sum() / entries}
    for source in ("joint", "behaviour"):
        log_rates = hidden[f"neural_from_{source}"][..., 0]
        nll = log_rates.exp() - batch.targets["counts"] * log_rates
        expected[f"neural_from_{source}"] = (nll * inside).sum() / (batch.mask.sum() * trials.units)
    for source in ("joint", "neural"):
        error = (hidden[f"behaviour_from_{source}"] - hidden["behaviour"]).square() / 2
        expected[f"behaviour_from_{source}"] = (error * inside).sum() / (batch.mask.sum() * (CHANNELS + 1))
    expected["kl_behaviour"] = ((kl_of_product(x, y) + kl(x, y) + kl(y, x)) * inside).sum() / entries
    distance = expected_distance(y, x, inside, inside) / (batch.mask.sum() / TRIALS * LATENTS)
    expected["matching_behaviour"] = matching_losses(distance, 1.0, 0.0).mean()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)


def test_the_total_is_the_weighted_sum_of_the_terms() -> None:
    trials = subject(video=True)
    model, batch = built(trials, beside=("behaviour", "video")), Batch.of(trials)
    weights = {"neural_scale": 1.5, "beside_scale": 0.7, "kl_scale": 0.3, "match_scale": 0.9, "prior_scale": 0.2}
    found = losses(model, batch, **weights)
    starts = {"neural_from": 1.5, "behaviour_from": 0.7, "video_from": 0.7, "kl_prior": 0.2, "matching": 0.9}
    total = torch.zeros(())
    for name, value in found.terms.items():
        weight = next((w for start, w in starts.items() if name.startswith(start)), 0.3)
        total += weight * value
    torch.testing.assert_close(found.total, total)
    assert {"kl_behaviour", "kl_video", "matching_behaviour", "matching_video", "neural_from_video"} <= set(found.terms)


def test_alike_posteriors_cost_the_floor_and_equal_latents_a_bit_a_pair() -> None:
    """0.193147 nats a latent and bin that no training can remove; ln 2 a pair where all latents are the same."""
    trials = subject()
    model, batch = built(trials), Batch.of(trials)
    with torch.no_grad():
        output = model(batch.observed, batch.privileged)
    same = torch.zeros_like(output.hidden["neural_mean"])
    hidden = dict(output.hidden)
    for name in ("neural", "behaviour"):
        hidden |= {f"{name}_mean": same, f"{name}_log_variance": same - 60}
    found = Align(AlignConfig(), model)(dataclasses.replace(output, hidden=hidden), batch, Step())
    assert found.terms["kl_behaviour"].item() == pytest.approx(0.193147, abs=1e-5)
    assert found.terms["matching_behaviour"].item() == pytest.approx(math.log(2), abs=1e-5)


def test_terms_mean_the_same_for_any_number_of_trials_units_and_bins() -> None:
    """Twice the trials, the same twice: every mean stays but that over pairs, where strangers of equal latents come in."""
    trials = subject()
    model = built(trials)
    once, twice = losses(model, Batch.of(trials)), losses(model, Batch.of(trials, np.tile(np.arange(TRIALS), 2)))
    for name, value in once.terms.items():
        if not name.startswith("matching"):
            torch.testing.assert_close(twice.terms[name], value, rtol=1e-5, atol=1e-6)


def test_the_scale_of_the_matching_loss_stays_positive_and_is_trained() -> None:
    trials = subject()
    model, batch = built(trials), Batch.of(trials)
    objective = Align(AlignConfig(), model)
    raw, shift = objective.trained["raw_scale"], objective.trained["shift"]
    assert torch.nn.functional.softplus(raw).item() == pytest.approx(1) and shift.item() == 0
    with torch.no_grad():
        raw.fill_(-30.0)
    objective(model(batch.observed, batch.privileged), batch, Step()).total.backward()
    assert raw.grad is not None and shift.grad.abs() > 0
    names = {id(p) for p in model.parameters()}
    assert id(raw) not in names, "they are kept beside the model's weights"


def test_trials_of_one_stimulus_at_overlapping_bins_are_no_strangers() -> None:
    """Neither pairs of repeats nor windows of one stimulus that share a bin count as negatives; a trial stays its own match."""
    trials = subject()
    stimuli = ["a", "a", "b", None, None, "a", *(f"s{k}" for k in range(TRIALS - 6))]
    trials = dataclasses.replace(trials, table=trials.table.assign(stimulus=stimuli))
    model, rows = built(trials), np.arange(TRIALS)
    starts = np.array([0, 3, 0, 0, 0, 5, *[0] * (TRIALS - 6)])
    batch = Batch.of(trials, rows, starts=starts, length=5)
    together = np.zeros((TRIALS, TRIALS), bool)
    for i, j in ((0, 1), (1, 5)):  # bins 0 to 4, 3 to 7 and 5 to 9; what is not known is like nothing
        together[i, j] = together[j, i] = True
    with torch.no_grad():
        hidden = model(batch.observed, batch.privileged).hidden
    x, y = (Gaussian(hidden[f"{n}_mean"], hidden[f"{n}_log_variance"]) for n in ("neural", "behaviour"))
    compared = matching_losses(expected_distance(y, x) / (5 * LATENTS), 1.0, 0.0, torch.from_numpy(together))
    assert int((compared == 0).sum()) == 4
    torch.testing.assert_close(losses(model, batch).terms["matching_behaviour"], compared.mean(), rtol=1e-4, atol=1e-6)


def test_missing_behaviour_counts_in_no_mean() -> None:
    """Trials without behaviour add nothing to its terms: those of the other trials alone come out."""
    whole = subject()
    trials = whole
    for name in ("hand", "speed"):
        values = whole.signals[name].values.copy()
        values[::3] = np.nan
        trials = with_values(trials, name, values)
    model, some = built(whole), np.flatnonzero(np.arange(TRIALS) % 3)
    all_trials, others = losses(model, Batch.of(trials)).terms, losses(model, Batch.of(whole, some)).terms
    for name in ("behaviour_from_joint", "behaviour_from_neural", "matching_behaviour"):
        torch.testing.assert_close(all_trials[name], others[name], rtol=1e-5, atol=1e-6)
    shares = len(some) / TRIALS  # per latent and bin of all trials, as the prior's
    for name in ("kl_behaviour", "neural_from_behaviour"):
        torch.testing.assert_close(all_trials[name], others[name] * shares, rtol=1e-4, atol=1e-6)


def test_a_variational_autoencoder_of_the_activity() -> None:
    trials = subject()
    model, batch = built(trials, beside=("none",)), Batch.of(trials)
    found = losses(model, batch, neural_scale=1.0, kl_scale=0.5)
    assert set(found.terms) == {"neural_from_neural", "kl_prior"}
    output = model(batch.observed)
    torch.testing.assert_close(found.terms["kl_prior"], output.kl["neural"].detach().sum() / (TRIALS * BINS * LATENTS))
    torch.testing.assert_close(found.total, found.terms["neural_from_neural"] + 0.5 * found.terms["kl_prior"])


def test_weights_of_zero_leave_a_term_out_of_the_gradient() -> None:
    trials = subject()
    model, batch = built(trials), Batch.of(trials)
    objective = Align(AlignConfig(neural_scale=0.0, beside_scale=0.0, kl_scale=0.0, prior_scale=0.0), model)
    objective(model(batch.observed, batch.privileged), batch, Step()).total.backward()
    idle = all(p.grad is None or not p.grad.any() for p in model.decoder.parameters())
    assert idle and any(p.grad is not None and p.grad.any() for p in model.encoder.parameters())


@pytest.mark.parametrize("name", list(AlignConfig.__dataclass_fields__))
def test_weights_below_zero_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=rf"objective\.{name}"):
        AlignConfig(**{name: -0.1})


def test_other_models_and_other_objectives_are_refused() -> None:
    from neurodyn.data.spec import DataSpec
    from neurodyn.models.lfads import LFADS, LFADSConfig

    trials = subject()
    batch = Batch.of(trials)
    other = LFADS(LFADSConfig(), DataSpec.of(trials))
    with pytest.raises(InvalidInput, match="a model that aligns modalities"):
        Align(AlignConfig(), other)(other(batch.observed), batch, Step())
    model = built(trials)
    output = model(batch.observed, batch.privileged)
    for objective in (Poisson(PoissonConfig(), model), ELBO(ELBOConfig(), model)):
        with pytest.raises(InvalidInput, match="no target"):
            objective(output, batch, Step())

"""The published modes, as small as their layers allow: they train, infer, and compare trials as they say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import neurodyn as nd
from aligned_subjects import BINS, FRAME, TINY, TRIALS, built, subject
from neurodyn.config import from_dict
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.models.parts.gaussians import Gaussian, expected_distance
from neurodyn.models.parts.published_pnba.config import PublishedPNBAConfig
from neurodyn.models.parts.published_pnba.network import by_slot
from neurodyn.models.pnba import PNBA
from neurodyn.objectives._matching import matching_losses
from neurodyn.objectives.align import Align, AlignConfig
from neurodyn.objectives.base import Step


def published(mode: str = "paper", beside: str = "video", **more: object) -> PNBA:
    trials = subject(video=True, **more)
    return built(trials, mode=mode, beside=(beside,), published=TINY)


@pytest.mark.parametrize("mode", ["release", "paper"])
@pytest.mark.parametrize("beside", ["video", "behaviour"])
def test_it_trains_and_infers(mode: str, beside: str) -> None:
    trials = subject(video=True, trials=24)
    fitted = nd.fit(
        "pnba",
        trials,
        mode=mode,
        beside=(beside,),
        published=TINY,
        train={"steps": 4, "batch_size": 8, "learning_rate": 1e-4},
        progress=False,
    )
    totals = [row["train/total"] for row in fitted.fitted_.history]
    assert np.isfinite(totals).all()
    found = fitted.transform(trials)
    size = TINY["channels"] * 4
    assert found.latents.shape == (24, BINS, size) and fitted.model_.size == size
    assert (found.rates > 0).all() and found.rates.shape == trials.counts.shape
    predicted = found.extra["predicted_video" if beside == "video" else "predicted_hand"]
    assert predicted.shape[:2] == (24, BINS) and np.isfinite(predicted).all()


@pytest.mark.parametrize("beside", ["video", "behaviour"])
def test_latents_do_not_depend_on_what_is_beside(beside: str) -> None:
    model, trials = published(beside=beside), subject(video=True)
    batch, other = Batch.of(trials), Batch.of(trials.select(np.arange(TRIALS)[::-1]))
    swapped = dataclasses.replace(batch.observed, signals={**other.observed.signals, "counts": batch.observed.neural})
    told = (batch.privileged, other.privileged) if model.uses_privileged else (None, None)
    with torch.no_grad():
        mine, theirs = model(batch.observed, told[0]), model(swapped, told[1])
    assert torch.equal(mine.latents, theirs.latents)
    assert not torch.equal(mine.hidden["joint_mean"], theirs.hidden["joint_mean"])


@pytest.mark.parametrize(("mode", "pairs"), [("paper", TRIALS**2), ("release", 2 * (TRIALS // 2) ** 2)])
def test_trials_are_compared_within_replicas_or_over_the_whole_batch(mode: str, pairs: int) -> None:
    model = published(mode)
    batch = Batch.of(subject(video=True))
    with torch.no_grad():
        output = model(batch.observed)
        terms = Align(AlignConfig(), model)(output, batch, Step()).terms
    x, y = (Gaussian(output.hidden[f"{n}_mean"], output.hidden[f"{n}_log_variance"]) for n in ("neural", "video"))
    losses = matching_losses(expected_distance(y, x), 1.0, 0.0)
    replica = torch.arange(TRIALS) // (TRIALS if mode == "paper" else TRIALS // 2)
    compared = replica[:, None] == replica
    assert int(compared.sum()) == pairs
    torch.testing.assert_close(terms["matching"], (losses * compared).sum() / TRIALS, rtol=1e-4, atol=1e-4)


def test_the_published_sums_whatever_the_weights_say() -> None:
    model = published()
    batch = Batch.of(subject(video=True))
    with torch.no_grad():
        output = model(batch.observed)
        plain, weighted = (
            Align(AlignConfig(neural_scale=w, match_scale=w), model)(output, batch, Step()) for w in (1.0, 7.0)
        )
    assert torch.equal(plain.total, weighted.total)
    torch.testing.assert_close(plain.total, torch.stack(list(plain.terms.values())).sum())
    squared = (output.hidden["video_from_joint"] - batch.observed.signals["video"]).square().sum() / TRIALS
    torch.testing.assert_close(plain.terms["video_of_fused"], squared)


def test_any_subject_is_encoded_without_weights_of_its_own() -> None:
    model = published()
    new = subject("new", units=31, seed=5, video=True)
    grown = model.zero_shot([new])
    assert model.subject_free and list(grown.state_dict()) == list(model.state_dict())
    assert grown.infer(new).latents.shape == (TRIALS, BINS, model.size)


def test_latents_are_slot_by_slot() -> None:
    """As the release flattens them: latent channel times slots plus slot."""
    model, trials = published(), subject(video=True)
    batch = Batch.of(trials)
    with torch.no_grad():
        mean = model(batch.observed).latents
        direct = model.published.encode_neural(batch.observed.neural.transpose(1, 2)).mean
    torch.testing.assert_close(by_slot(mean, 4), direct)


def test_scaled_responses_below_zero_are_cut() -> None:
    trials = subject(video=True, fluorescence=True, behaviour=False)
    model = built(trials, mode="paper", published=TINY)
    batch = Batch.of(trials)
    assert batch.observed.neural.min() < 0
    output = model(batch.observed)
    loss = Align(AlignConfig(), model)(output, batch, Step())
    assert torch.isfinite(loss.total)


def test_published_modes_take_one_modality() -> None:
    with pytest.raises(InvalidInput, match="one modality"):
        built(subject(video=True), mode="release", beside=("behaviour", "video"), published=TINY)
    with pytest.raises(InvalidInput, match="in each bin"):
        trials = subject(behaviour=False, stimulus={"video": np.zeros((TRIALS, BINS, 16, 16))})
        model = built(trials, mode="paper", published=TINY)
        model(Batch.of(trials).observed)


def test_tiny_sizes_are_the_published_layers() -> None:
    assert from_dict(PublishedPNBAConfig, TINY, "model.published").frame == FRAME

"""Subjects that took no part in training: known by their activity alone, or by a few trials with behaviour."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aligned_subjects import BINS, FRONT_ENDS, TINY, built, front_end, padded, subject, with_values, without
from neurodyn.data.batch import Batch
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.parts.lagged_map import LaggedMap
from neurodyn.models.pnba import PNBA

KNOWN = [subject("a", seed=1), subject("b", units=14, seed=2)]
NEW = [subject("new", units=11, seed=3, trials=30), subject("other", units=7, seed=4, trials=16)]
PUBLISHED = {"mode": "paper", "published": TINY}


def same(first: PNBA, second: PNBA, sessions: list[Trials]) -> bool:
    """Whether all weights of the first are the second's, bit for bit, and both say the same of its subjects."""
    mine, theirs = first.state_dict(), second.state_dict()
    weights = all(torch.equal(value, theirs[name]) for name, value in mine.items())
    said = [(first.infer(t).arrays(), second.infer(t).arrays()) for t in sessions]
    return weights and all(np.array_equal(a[n], b[n]) for a, b in said for n in a)


@pytest.mark.parametrize("name", ["index_convolution", "unit_set", "published"])
def test_zero_shot_changes_nothing_that_was_known(name: str) -> None:
    model = built(KNOWN, **(PUBLISHED if name == "published" else {"front_end": front_end(name)}))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grown = model.zero_shot(NEW)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items()), "the model itself stays"
    assert same(model, grown, KNOWN) and not grown.training
    assert [s.name for s in grown.spec.sessions] == ["a", "b", "new", "other"]
    for trials in NEW:
        found = grown.infer(trials)
        assert found.latents.shape == (len(trials), BINS, grown.size) and found.rates.shape == trials.counts.shape
        assert np.isfinite(found.latents).all() and (found.rates >= 0).all()


def test_zero_shot_needs_and_uses_no_behaviour() -> None:
    model = built(KNOWN)
    told = model.zero_shot(NEW).infer(NEW[0])
    blind = model.zero_shot([without(t, "hand", "speed") for t in NEW]).infer(without(NEW[0], "hand", "speed"))
    assert np.array_equal(told.latents, blind.latents) and np.array_equal(told.rates, blind.rates)
    assert np.array_equal(told.extra["predicted_hand"], blind.extra["predicted_hand"])


def test_a_subject_known_twice_is_the_same() -> None:
    """Zero-shot on a training subject under another name gives what the model says of it."""
    model = built(KNOWN, front_end=front_end("unit_set"))
    twin = subject("twin", seed=1)
    np.testing.assert_allclose(
        model.zero_shot([twin]).infer(twin).latents, model.infer(KNOWN[0]).latents, rtol=1e-5, atol=1e-6
    )


def test_a_subject_may_not_be_met_twice_under_one_name() -> None:
    with pytest.raises(InvalidInput, match="a different name"):
        built(KNOWN).zero_shot([subject("a", seed=9)])


@pytest.mark.parametrize("front", FRONT_ENDS)
def test_calibration_changes_nothing_that_was_known(front: str) -> None:
    model = built(KNOWN, front_end=front_end(front))
    few = [t.select(range(6)) for t in NEW]
    calibrated = model.calibrate(few)
    assert same(model, calibrated, KNOWN) and calibrated.config.calibrated == ("new", "other")
    for trials in NEW:
        found = calibrated.infer(trials, privileged=True)
        assert found.latents.shape == found.extra["behaviour_latents"].shape == (len(trials), BINS, 8)


def test_calibrated_latents_are_those_of_behaviour_on_other_trials_too() -> None:
    trials = subject("new", units=60, trials=60, seed=3)
    calibrated = built(KNOWN, front_end="unit_read_in").calibrate([trials.select(range(20))])
    found = calibrated.infer(trials.select(range(20, 60)), privileged=True)
    mine, theirs = (z - z.mean((0, 1)) for z in (found.latents, found.extra["behaviour_latents"]))
    assert (mine * theirs).sum() / np.sqrt(np.square(mine).sum() * np.square(theirs).sum()) > 0.4


def test_calibration_is_the_regression_of_the_fused_latents_of_what_is_beside() -> None:
    trials = subject("new", units=6, seed=7, trials=8, video=True)
    known = [subject("a", video=True), subject("b", video=True, seed=1)]
    for beside in (("behaviour",), ("video",), ("behaviour", "video")):
        model = built(known, beside=beside)
        model.calibrate([trials]).infer(trials)
    model = built(known, beside=("behaviour",))
    blind = without(trials, "hand", "speed")
    with pytest.raises(InvalidInput, match="none with behaviour or stimulus"):
        model.calibrate([blind])


def test_trials_without_behaviour_are_left_out_of_calibration() -> None:
    """They still say how large the units' activity is; the regression is over the others."""
    trials = NEW[0].select(range(10))
    for name in ("hand", "speed"):
        values = trials.signals[name].values.copy()
        values[::2] = np.nan
        trials = with_values(trials, name, values)
    calibrated = built(KNOWN).calibrate([trials])
    batch = Batch.of(trials, session=2)
    with torch.no_grad():
        target = calibrated(batch.observed, batch.privileged).hidden["behaviour_mean"]
    expected = LaggedMap(11, calibrated.config.lags, 8)
    expected.fit(calibrated._standard(batch.observed)[1::2], target[1::2], batch.mask[1::2])
    torch.testing.assert_close(dict(calibrated.calibration["2"].named_buffers()), dict(expected.named_buffers()))


def test_a_calibrated_subject_is_decoded_too() -> None:
    """Its behaviour and its rates come from its latents by the frozen decoders, where the front end has one for it."""
    calibrated = built(KNOWN).calibrate(NEW)
    found = calibrated.infer(NEW[0])
    assert found.extra["predicted_hand"].shape == NEW[0].signals["hand"].values.shape
    assert found.rates.shape == NEW[0].counts.shape and np.isfinite(found.rates).all()


def test_padding_does_not_change_a_calibrated_subject() -> None:
    calibrated = built(KNOWN).calibrate([NEW[0]])
    mine, theirs = calibrated.infer(NEW[0]), calibrated.infer(padded(NEW[0], 3, 4))
    np.testing.assert_allclose(theirs.latents[:, 3:-4], mine.latents, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_calibrated_is_refused() -> None:
    with pytest.raises(InvalidInput, match="second modality"):
        built(KNOWN, beside=("none",)).calibrate(NEW)
    with pytest.raises(InvalidInput, match="paper"):
        built(KNOWN, **PUBLISHED).calibrate(NEW)

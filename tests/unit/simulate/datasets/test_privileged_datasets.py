"""Simulated data of the distillation experiments (blend.md section 7.3: E4 to E7)."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

import neurodyn as nd
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput


@pytest.fixture(scope="module")
def reach():
    return nd.load("privileged_reach", seed=3)


def test_reach_has_the_sizes_of_the_experiment(reach):
    assert [len(reach.part(name)) for name in ("train", "valid", "test")] == [96, 64, 600]
    assert (reach.bins, reach.units, reach.heldout.tolist()) == (30, 30, list(range(20, 30)))
    assert reach.counts.dtype.kind == "u"


def test_log_rates_are_linear_in_the_behaviour(reach):
    velocity = reach.signals["velocity"].values
    tuning = np.array(reach.provenance["readout"]["tuning"])
    np.testing.assert_allclose(np.log(reach.truth["rates"]), -2.2 + velocity @ tuning, atol=1e-12)
    np.testing.assert_array_equal(reach.truth["latents"], velocity)
    assert abs(reach.counts.sum() - reach.truth["rates"].sum()) < 4 * np.sqrt(reach.truth["rates"].sum())


def test_tuning_is_normal():
    entries = np.ravel([nd.load("privileged_reach", seed=s, test=1).provenance["readout"]["tuning"] for s in range(30)])
    assert entries.mean() == pytest.approx(0, abs=0.1)
    assert entries.std() == pytest.approx(1.6 / np.sqrt(2), rel=0.05)


def test_reaches_are_bells_of_random_direction_speed_and_onset(reach):
    velocity = reach.signals["velocity"].values
    speed = np.linalg.norm(velocity, axis=2)
    peak = speed.argmax(1)
    assert set(peak) == set(range(10, 18))
    assert np.bincount(peak).max() < 760 / 8 * 1.4
    highest = speed.max(1)
    assert 0.6 <= highest.min() < 0.61 and 1.39 < highest.max() <= 1.4
    rows = np.arange(len(speed))
    np.testing.assert_allclose(speed[rows, peak + 3] / highest, np.exp(-0.5 * (3 / 3.5) ** 2))
    angle = np.arctan2(velocity[rows, peak, 1], velocity[rows, peak, 0])
    np.testing.assert_allclose([np.cos(angle).mean(), np.sin(angle).mean()], 0, atol=0.1)
    np.testing.assert_allclose(
        velocity / highest[:, None, None],
        speed[..., None] / highest[:, None, None] * np.stack([np.cos(angle), np.sin(angle)], 1)[:, None],
        atol=1e-12,
    )


def test_other_sizes_leave_the_trials_as_they_are(reach):
    other = nd.load("privileged_reach", seed=3, train=40, valid=9, without_heldout=5)
    np.testing.assert_array_equal(other.test.counts, reach.test.counts)
    np.testing.assert_array_equal(other.valid.counts, reach.valid.counts[:9])
    np.testing.assert_array_equal(other.train.counts[:40], reach.train.counts[:40])


def test_trials_without_heldout_units_hold_none_of_their_spikes():
    trials = nd.load("privileged_reach", without_heldout=50, test=20)
    assert len(trials.train) == 96 + 50
    extra = trials.select(slice(-50, None))
    assert set(extra.table.split) == {"train"}
    assert extra.counts[:, :, :20].sum() > 0 == extra.counts[:, :, 20:].sum()
    batch = Batch.of(extra)
    weight = batch.weight("counts").expand_as(batch.targets["counts"])
    assert bool(weight[:, :, :20].all()) and not bool(weight[:, :, 20:].any())
    assert bool(Batch.of(trials.select(slice(0, 96))).weight("counts").all())
    assert np.isfinite(extra.signals["velocity"].values).all()


def test_independent_behaviour_says_nothing_of_the_units(reach):
    other = nd.load("privileged_reach", seed=3, behaviour="independent")
    np.testing.assert_array_equal(other.counts, reach.counts)
    mine, theirs = other.signals["velocity"].values, reach.signals["velocity"].values
    assert abs(np.corrcoef(mine.sum(1)[:, 0], theirs.sum(1)[:, 0])[0, 1]) < 0.12
    assert np.linalg.norm(mine, axis=2).max() == pytest.approx(1.4, abs=0.01)


def test_missing_behaviour_is_nested_and_spares_the_test_trials():
    missing = {}
    for share in (0.5, 0.9, 1.0):
        trials = nd.load("privileged_reach", missing_behaviour=share)
        gone = np.isnan(trials.signals["velocity"].values)
        assert (gone.all((1, 2)) == gone.any((1, 2))).all()
        missing[share] = gone.all((1, 2))
        for split in ("train", "valid"):
            rows = trials.table.split == split
            assert missing[share][rows].sum() == round(share * rows.sum())
        assert not missing[share][trials.table.split == "test"].any()
        assert np.isfinite(trials.truth["latents"]).all()
    assert (missing[0.9] >= missing[0.5]).all() and (missing[1.0] >= missing[0.9]).all()


def test_decoded_velocity_applies(reach):
    fitted = nd.fit("smoothing", reach, progress=False)
    scores = {s.name: s for s in nd.evaluate(fitted, baselines=False, metrics=["velocity_r2", "co_bps"])}
    assert 0 < scores["velocity_r2"].value < scores["velocity_r2"].ceiling
    assert scores["velocity_r2"].ceiling > 0.999


@pytest.fixture(scope="module")
def chaotic():
    return nd.load("chaotic_rnn")


def test_chaotic_defaults_are_the_published_set(chaotic):
    assert chaotic.counts.shape == (1300, 100, 50)
    assert len(chaotic.heldout) == chaotic.forward == 0
    assert chaotic.table.condition.nunique() == 130
    parts = chaotic.table.groupby("condition").split.value_counts().unstack()
    assert parts.test.between(1, 3).all() and parts.valid.between(1, 1).all()
    assert len(chaotic.test) / 1300 == pytest.approx(0.2, abs=0.002)


def test_behaviour_is_two_smoothed_projections_of_the_state(chaotic):
    behaviour = chaotic.signals["behaviour"]
    assert (behaviour.role, behaviour.shape) == ("behaviour", (2,))
    smoothed = gaussian_filter1d(chaotic.truth["states"], 5, axis=1).reshape(-1, 50)
    found, _, rank, _ = np.linalg.lstsq(smoothed, behaviour.values.reshape(-1, 2))
    assert rank == 50
    np.testing.assert_allclose(smoothed @ found, behaviour.values.reshape(-1, 2), atol=1e-8)
    assert np.linalg.norm(found, axis=0) == pytest.approx(1, abs=0.35)


def test_a_share_of_the_trials_keeps_all_test_trials(chaotic):
    some = nd.load("chaotic_rnn", share=0.1)
    assert (len(some.train), len(some.valid)) == (91, 13)
    np.testing.assert_array_equal(some.test.counts, chaotic.test.counts)
    assert not set(map(bytes, some.train.counts)) & set(map(bytes, some.test.counts))


def test_chaotic_options():
    trials = nd.load("chaotic_rnn", conditions=12, repeats=10, bins=20, forward=5, heldout=0.2, behaviour=0)
    assert trials.counts.shape == (120, 25, 50)
    assert trials.heldout.tolist() == list(range(40, 50))
    assert not trials.of_role("behaviour")


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("privileged_reach", {"train": 0}, "train"),
        ("privileged_reach", {"behaviour": "none"}, "behaviour"),
        ("privileged_reach", {"missing_behaviour": 1.5}, "missing_behaviour"),
        ("chaotic_rnn", {"share": 0.0}, "share"),
        ("chaotic_rnn", {"split": [1, 0, 1]}, "split"),
        ("chaotic_rnn", {"conditions": 2, "repeats": 1}, "split"),
    ],
)
def test_bad_options_name_the_field(name, options, field):
    with pytest.raises(InvalidInput, match=field):
        nd.load(name, **options)

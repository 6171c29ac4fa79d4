"""Task-trained networks as recorded populations (two_area.md section 3.4)."""

from pathlib import Path

import numpy as np
import pytest

import neurodyn
from neurodyn.data import store
from neurodyn.errors import InvalidInput
from neurodyn.populations import record

TASK = {"duration_s": 0.6, "pulse_rate_hz": 5.0}
UNITS = 16


def network(**given):
    trials = neurodyn.load("flip_flop", trials=24, valid=8, test=8, task=TASK)
    train = {"epochs": 1, "batch_size": 8}
    return neurodyn.fit("task_rnn", trials, units=UNITS, train=train, progress=False, **given)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "network"
    network(out=folder)
    return folder


def test_rates_are_the_exponential_of_standardised_units(run):
    found = record(run, trials=20, units=10, heldout=3, seed=4)
    activity = found.truth["latents"]
    assert activity.shape == (20, 60, UNITS)
    neurons = np.array(found.provenance["neurons"])
    assert len(set(neurons)) == 13  # a permutation repeats no unit
    expected = np.exp((activity[..., neurons] - activity.mean()) / (2.0 * activity.std()))
    np.testing.assert_allclose(found.truth["rates"], expected, rtol=1e-6)
    log_rates = np.log(found.truth["rates"])
    assert np.log(expected).std() == pytest.approx(log_rates.std())
    assert found.heldout.tolist() == [10, 11, 12]
    error = np.sqrt(expected.sum())
    assert abs(found.counts.sum() - expected.sum()) < 4 * error


def test_the_first_of_the_trials_train_and_nothing_but_spikes_and_stimulus_is_there(run):
    found = record(run, trials=20)
    assert (len(found.train), len(found.valid), len(found.test)) == (16, 2, 2)
    assert found.table.split.tolist() == ["train"] * 16 + ["valid"] * 2 + ["test"] * 2
    assert {s.role for s in found.signals.values()} == {"neural", "stimulus"}
    np.testing.assert_array_equal(found.truth["inputs"], found.signals["stimulus"].values)
    assert found.units == 60


def test_more_neurons_than_units_take_further_permutations(run):
    neurons = record(run, trials=10, units=2 * UNITS + 5, heldout=0).provenance["neurons"]
    assert sorted(neurons[:UNITS]) == sorted(neurons[UNITS : 2 * UNITS]) == list(range(UNITS))
    assert neurons[:UNITS] != neurons[UNITS : 2 * UNITS]
    assert len(set(neurons[2 * UNITS :])) == 5


def test_the_same_seed_gives_the_same_to_the_bit(run):
    first, again, other = (record(run, trials=12, seed=s) for s in (3, 3, 5))
    np.testing.assert_array_equal(first.counts, again.counts)
    for name, values in first.truth.items():
        np.testing.assert_array_equal(values, again.truth[name])
    assert first.provenance == again.provenance
    assert not np.array_equal(first.truth["inputs"], other.truth["inputs"])
    assert first.provenance["neurons"] != other.provenance["neurons"]


def test_trials_are_fresh(run):
    trained = neurodyn.load("flip_flop", trials=24, valid=8, test=8, task=TASK).signals["stimulus"].values
    seen = {each.tobytes() for each in trained}
    assert not any(each.tobytes() in seen for each in record(run, trials=12).signals["stimulus"].values)


def test_repeats_share_the_truth_and_the_split_but_no_spikes(run):
    found = record(run, trials=10, repeats=3)
    assert found.table.latent_trial.tolist() == list(np.repeat(np.arange(10), 3))
    assert found.table.repeat.tolist() == [0, 1, 2] * 10
    assert (found.table.groupby("latent_trial").split.nunique() == 1).all()
    np.testing.assert_array_equal(found.truth["rates"][3], found.truth["rates"][5])
    assert not np.array_equal(found.counts[3], found.counts[5])


def test_options_change_what_they_say(run):
    quiet = record(run, trials=10, offset=-2.0, scaling=4.0)
    plain = record(run, trials=10)
    np.testing.assert_allclose(np.log(quiet.truth["rates"]), np.log(plain.truth["rates"]) / 2 - 2, atol=1e-9)
    bursting = record(run, trials=10, repeats=20, sampler={"name": "negative_binomial", "fano": 3.0})
    residual = (bursting.counts - bursting.truth["rates"]).var() / bursting.truth["rates"].mean()
    assert residual == pytest.approx(3, rel=0.05)
    assert record(run, trials=10, sampler="normal").neural_name == "fluorescence"


def test_provenance_names_the_run_its_weights_and_the_options(run):
    said = record(run, trials=10, seed=2).provenance["recorded"]
    assert Path(said["run"]) == run
    assert said["task"]["source"] == "flip_flop"
    assert said["options"]["seed"] == 2
    assert len(said["weights_sha256"]) == 64
    other = record(network(seed=1), trials=10).provenance["recorded"]
    assert other["run"] is None
    assert other["weights_sha256"] != said["weights_sha256"]


def test_a_file_of_it_can_be_loaded_and_fitted(run, tmp_path):
    path = store.save(record(run, trials=16, units=8, heldout=2), tmp_path / "recorded.h5")
    trials = neurodyn.load(path)
    assert trials.provenance["recorded"]["options"]["units"] == 8
    np.testing.assert_array_equal(trials.counts, record(run, trials=16, units=8, heldout=2).counts)
    fitted = neurodyn.fit("mean_rate", trials, progress=False)
    assert np.isfinite(fitted.score(trials.test))


def test_trials_of_its_own_may_be_given(run):
    given = neurodyn.load("flip_flop", trials=5, valid=3, test=4, task=TASK)
    found = record(run, on=given)
    assert len(found) == 12
    np.testing.assert_array_equal(found.signals["stimulus"].values, given.signals["stimulus"].values)
    assert found.provenance["recorded"]["task"] is None


@pytest.mark.parametrize(
    ("options", "field"),
    [({"units": 0}, "units"), ({"scaling": 0.0}, "scaling"), ({"unit": 3}, "units"), ({"trials": 2}, "split")],
)
def test_bad_options(run, options, field):
    with pytest.raises(InvalidInput, match=field):
        record(run, **options)


def test_what_was_not_trained_on_a_task_is_refused():
    fitted = neurodyn.fit("mean_rate", neurodyn.load("lorenz", trials=14), progress=False)
    with pytest.raises(InvalidInput, match="trained on a task"):
        record(fitted)
    with pytest.raises(InvalidInput, match="fit"):
        record(neurodyn.Estimator("task_rnn"))

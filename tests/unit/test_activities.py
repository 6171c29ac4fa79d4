"""What is compared, by name."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

import neurodyn as nd
import synthetic_reaches
from neurodyn.activities import activities_of, gather
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.similarity.activity import Activity
from task_runs import reach_run

RATES = np.random.default_rng(0).standard_normal((8, 6, 4))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_array_of_a_file_with_what_the_file_says_of_it(folder):
    inputs, mask = np.ones((8, 6, 2)), np.ones((8, 6), bool)
    mask[0, 5] = False
    np.savez("a.npz", rates=RATES, inputs=inputs, mask=mask, conditions=np.arange(8), bin_s=0.01, start_s=-0.02)
    (found,) = activities_of("a.npz")
    np.testing.assert_array_equal(found.values, RATES)
    assert (found.name, found.bin_s, found.start_s) == ("a", 0.01, -0.02)
    assert found.conditions == tuple("01234567")
    assert found.inputs is not None and found.inputs.shape == (8, 6, 2)
    assert found.mask is not None and not found.mask[0, 5]
    (given,) = activities_of("a.npz:rates:bin_s=0.02:start_s=0.1", name="mine")
    assert (given.name, given.bin_s, given.start_s) == ("mine", 0.02, 0.1)


def test_arrays_of_every_format_and_axes_of_either_order(folder):
    savemat("b.mat", {"neurons": RATES.transpose(2, 1, 0), "other": RATES})
    (found,) = activities_of("b.mat:neurons:order=unit_time_condition")
    np.testing.assert_array_equal(found.values, RATES)
    assert found.name == "b:neurons"
    with h5py.File("c.h5", "w") as file:
        file["group/rates"] = RATES[:, 0]
    (samples,) = activities_of("c.h5:group/rates")
    assert samples.values.shape == (8, 1, 4)
    with pytest.raises(InvalidInput, match=r"b\.mat:KEY"):
        activities_of("b.mat")
    with pytest.raises(UnknownName, match="neurons"):
        activities_of("b.mat:neuron")


def test_what_a_file_masks_may_be_unknown(folder):
    mask, holed = np.ones((8, 6), bool), RATES.copy()
    mask[0, 5], holed[0, 5] = False, np.nan
    np.savez("a.npz", rates=holed, mask=mask)
    (found,) = activities_of("a.npz")
    assert np.isfinite(found.samples).all() and len(found.samples) == 47


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("a.npz:rates:order=[", InvalidInput, "YAML"),
        ("a.npz:rates:orders=x", InvalidInput, "order"),
        ("a.npz:rates:order=x", InvalidInput, "array.order"),
        ("a.npz:rates:other", InvalidInput, "several names"),
        ("a.npz:nan", InvalidInput, "not finite"),
        ("a.npz:conditions", InvalidInput, "shape"),
        ("away.npz:rates", MissingData, "away.npz"),
        ("hatsopoulos", UnknownName, "hatsopoulos2007"),
        ("hatsopoulos2007:rates", InvalidInput, "OPTION=VALUE"),
        ("hatsopoulos2007:windows=1", InvalidInput, "window_s"),
        ("reach:trials=8", InvalidInput, "no neural signal"),
    ],
)
def test_bad_names_say_what_is_wrong(folder, text, error, said):
    holed = np.where(RATES > 2, np.nan, RATES)
    np.savez("a.npz", rates=RATES, nan=holed, conditions=np.arange(8))
    synthetic_reaches.write(folder / "data")
    with pytest.raises(error, match=said):
        activities_of(text)


def test_data_sets_and_trials_are_averaged(folder):
    synthetic_reaches.write(folder / "data")
    (found,) = activities_of("hatsopoulos2007:window_s=[-0.1, 0.4]")
    assert found.values.shape == (8, 51, 5) and found.start_s == pytest.approx(-0.1)
    assert found.name == "hatsopoulos2007:window_s=[-0.1, 0.4]"
    counts = np.random.default_rng(0).poisson(2.0, (6, 4, 3))
    trials = Trials.from_arrays(counts, bin_s=0.05, conditions=[0, 1, 0, 1, 0, 1], name="made")
    several = activities_of([trials, trials], "day")
    assert [each.name for each in several] == ["day session", "day session"]
    assert several[0].repeats is not None


def test_runs_come_with_what_they_were_before_training(folder):
    run = reach_run(folder / "runs/eprop")
    reach_run(folder / "runs/bptt", rule="bptt")
    found = gather(["runs/eprop", "runs/bptt", RATES], untrained=True)
    assert [each.name for each in found.activities] == ["eprop", "bptt", "activity"]
    assert found.activities[0].bin_s == 0.01 and found.activities[0].start_s < 0
    assert found.activities[0].units == 12
    assert set(found.untrained) == {"eprop", "bptt"}
    assert found.place(None) == 0 and found.place("bptt") == found.place("runs/bptt") == 1
    with pytest.raises(UnknownName, match="eprop"):
        found.place("eprob")
    estimator = nd.Estimator.load(run.path)
    named = gather({"mine": estimator, "array": RATES}, untrained=False)
    np.testing.assert_array_equal(named.activities[0].values, found.activities[0].values)
    assert [each.name for each in named.activities] == ["mine", "array"] and not named.untrained
    with pytest.raises(InvalidInput, match="folder alone"):
        activities_of("runs/eprop:seed=1")


def test_names_are_the_last_parts_of_paths_that_tell_them_apart(folder):
    for place in ("a/seed0", "b/seed0"):
        reach_run(folder / place, epochs=1)
    found = gather(["a/seed0", "b/seed0"])
    assert [each.name for each in found.activities] == ["a/seed0", "b/seed0"]
    twice = gather([Activity(RATES, name="x"), Activity(RATES, name="x")])
    assert [each.name for each in twice.activities] == ["x (1)", "x (2)"]
    with pytest.raises(InvalidInput, match="at least two"):
        gather([RATES])


def test_a_run_without_a_folder_and_one_of_a_recording_are_refused(folder):
    counts = np.random.default_rng(0).poisson(2.0, (12, 10, 5))
    splits = ["train"] * 6 + ["valid"] * 3 + ["test"] * 3
    trials = Trials.from_arrays(counts, bin_s=0.05, split=splits)
    with pytest.raises(InvalidInput, match="without a run's folder"):
        gather([nd.fit("mean_rate", trials, progress=False), RATES])
    np.savez("counts.npz", counts=counts)
    nd.fit("mean_rate", trials, out=folder / "mean", progress=False)
    with pytest.raises(InvalidInput, match="trained on a task"):
        activities_of(str(folder / "mean"))

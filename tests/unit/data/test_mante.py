"""Units of the context-dependent decision, one file each."""

import warnings
from collections import defaultdict

import numpy as np
import pytest

import neurodyn as nd
import synthetic_mante
from neurodyn.data.mante import conditions, read_unit
from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.tasks.context_decision import ContextDecision

BIN_S = 0.015


def by_hand(made: dict) -> tuple[np.ndarray, list[tuple]]:
    """The averages as section 2.2 words them, trial by trial: (condition, bin) of mean spikes a millisecond, and the tuples."""
    known = made["task_variable"]
    groups = defaultdict(list)
    for trial in range(len(known["correct"])):
        key = tuple(float(known[v][trial]) for v in ("targ_dir", "stim_dir", "stim_col2dir", "context"))
        groups[key].append(trial)
    rows, kept = [], []
    for key in sorted(groups):
        if all(known["correct"][groups[key]]):
            mean = made["response"][groups[key]].astype(float).mean(0)
            rows.append([mean[15 * i : 15 * (i + 1)].mean() for i in range(50)])
            kept.append(key)
    return np.array(rows), kept


def test_averages_are_those_of_the_definition(tmp_path):
    made = synthetic_mante.unit(0)
    found = read_unit(synthetic_mante.write(tmp_path, "a", made), BIN_S)
    expected, kept = by_hand(made)
    assert found.rates_hz.shape == (288, 50)
    np.testing.assert_allclose(found.averages(), 1000 * expected, rtol=1e-9)
    np.testing.assert_allclose(found.levels, kept)
    assert found.trials.tolist() == [3] * 72
    np.testing.assert_allclose(found.time_s, 0.1 + 0.015 * np.arange(50), atol=1e-9)


def test_conditions_come_in_the_order_of_the_task_and_of_the_files(tmp_path):
    table = conditions()
    task = ContextDecision().conditions().table
    np.testing.assert_allclose(table["motion_coherence"], task["motion_coherence"])
    np.testing.assert_allclose(table["colour_coherence"], task["colour_coherence"])
    assert table["context"].tolist() == task["context"].tolist()
    assert ((table["choice"] + 1) // 2).tolist() == task["correct_choice"].tolist()
    kept = by_hand(synthetic_mante.unit(0))[1]
    np.testing.assert_allclose(table[["choice", "motion_coherence", "colour_coherence"]], [k[:3] for k in kept])


def test_halves_part_each_conditions_trials(tmp_path):
    made = synthetic_mante.unit(1, repeats=5)
    unit = read_unit(synthetic_mante.write(tmp_path, "a", made), BIN_S)
    first = unit.first_half(0)
    number = np.bincount(unit.condition[first & (unit.condition >= 0)], minlength=72)
    assert number.tolist() == [2] * 72
    halves = unit.averages(first), unit.averages(~first)
    np.testing.assert_allclose((2 * halves[0] + 3 * halves[1]) / 5, unit.averages(), atol=1e-9)
    assert not np.array_equal(unit.first_half(1), first)


def test_the_data_set_keeps_units_with_all_conditions(tmp_path):
    for place in range(3):
        synthetic_mante.write(tmp_path / "PFC data/PFC data 1", f"u{place}", synthetic_mante.unit(place))
    lacking = synthetic_mante.unit(7)
    known = lacking["task_variable"]
    gone = (known["stim_dir"] == 0.5) & (known["context"] == 1)
    lacking["response"] = lacking["response"][~gone]
    lacking["task_variable"] = {name: values[~gone] for name, values in known.items()}
    synthetic_mante.write(tmp_path / "PFC data/PFC data 1", "u3", lacking)
    (tmp_path / "PFC data/PFC data 1/._u0.mat").write_bytes(b"beside")
    trials = nd.load("mante2013", folder=str(tmp_path))
    assert trials.neural.values.shape == (72, 50, 3)
    np.testing.assert_allclose(trials.neural.values[..., 1], 1000 * by_hand(synthetic_mante.unit(1))[0], rtol=1e-9)
    assert trials.unit_table["file"].tolist() == ["u0", "u1", "u2"]
    assert trials.unit_table["fewest_trials"].tolist() == [3, 3, 3]
    assert trials.unit_table["same_order"].all()
    assert trials.provenance["left_out"] == {"another number of conditions than 72": 1}
    assert (trials.neural.kind, trials.neural.units, trials.bin_s) == ("rates", "spikes/s", BIN_S)
    assert trials.table["from_event_s"].tolist() == [0.1] * 72


def test_other_coherences_are_matched_by_rank_with_a_warning_or_left_out(tmp_path):
    synthetic_mante.write(tmp_path, "a", synthetic_mante.unit(0))
    synthetic_mante.write(tmp_path, "b", synthetic_mante.unit(1, sizes=(0.05, 0.15, 0.36)))
    with pytest.warns(UserWarning, match=r"1 of 2 units were shown coherences up to 0.14"):
        kept = nd.load("mante2013", folder=str(tmp_path))
    assert kept.unit_table["same_order"].all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        left = nd.load("mante2013", folder=str(tmp_path), level_tolerance=0.01)
    assert left.unit_table["file"].tolist() == ["a"]
    assert left.provenance["left_out"] == {"coherences of other sizes": 1}


def test_conditions_in_another_order_are_noticed(tmp_path):
    made = synthetic_mante.unit(0)
    known = made["task_variable"]
    # the strongest colours are shown with motion the other way round: 72 conditions still, but not those
    known["targ_dir"] = np.where(known["stim_dir"] == 0.5, -known["targ_dir"], known["targ_dir"])
    synthetic_mante.write(tmp_path, "a", made)
    with pytest.warns(UserWarning, match="another order"):
        nd.load("mante2013", folder=str(tmp_path))
    with pytest.raises(InvalidInput, match="1 with conditions in another order"):
        nd.load("mante2013", folder=str(tmp_path), level_tolerance=1.0)


def test_two_halves_of_the_data_set(tmp_path):
    for place in range(2):
        synthetic_mante.write(tmp_path, f"u{place}", synthetic_mante.unit(place, repeats=4))
    synthetic_mante.write(tmp_path, "single", synthetic_mante.unit(5, repeats=1))
    first, second, whole = (
        nd.load("mante2013", folder=str(tmp_path), half=half) for half in ("first", "second", "all")
    )
    assert first.units == second.units == 2 and whole.units == 3
    assert first.provenance["left_out"] == {"a condition of a single trial": 1}
    mean = (first.neural.values + second.neural.values) / 2
    np.testing.assert_allclose(mean, whole.neural.values[..., 1:], atol=1e-9)  # "single" is first by name


def test_stored_averages(tmp_path):
    values = np.random.default_rng(0).random((4, 50, 72))
    np.savez(tmp_path / "stored.npz", activity=values)
    trials = nd.load("mante2013", averages=str(tmp_path / "stored.npz"))
    np.testing.assert_array_equal(trials.neural.values[5, 7], values[:, 7, 5])
    with pytest.raises(InvalidInput, match="half"):
        nd.load("mante2013", averages=str(tmp_path / "stored.npz"), half="first")
    np.savez(tmp_path / "other.npz", activity=values[..., :71])
    with pytest.raises(InvalidInput, match="72"):
        nd.load("mante2013", averages=str(tmp_path / "other.npz"))
    np.savez(tmp_path / "several.npz", a=values, b=values)
    with pytest.raises(InvalidInput, match="2 arrays"):
        nd.load("mante2013", averages=str(tmp_path / "several.npz"))


def test_no_files_say_where_they_come_from(tmp_path, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / "user"))
    with pytest.raises(MissingData, match="Mante's page"):
        nd.load("mante2013")
    synthetic_mante.write(tmp_path / "mante2013", "a", synthetic_mante.unit(0))
    assert nd.load("mante2013").units == 1


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda made: made.pop("response"), UnknownName, "response"),
        (lambda made: made["task_variable"].pop("context"), UnknownName, "context"),
        (lambda made: made.update(response=made["response"][:-1]), InvalidInput, "response of a.mat"),
        (lambda made: made.update(time=made["time"] ** 2), InvalidInput, "evenly"),
        (lambda made: made["task_variable"].update(correct="yes"), InvalidInput, "correct of a.mat"),
        (
            lambda made: made["task_variable"].update(context=made["task_variable"]["context"][1:]),
            InvalidInput,
            "context",
        ),
    ],
)
def test_a_bad_field_is_named(tmp_path, change, error, said):
    made = synthetic_mante.unit(0)
    change(made)
    with pytest.raises(error, match=said):
        read_unit(synthetic_mante.write(tmp_path, "a", made), BIN_S)


def test_damaged_files_and_bins_that_do_not_fit(tmp_path):
    path = synthetic_mante.write(tmp_path, "a", synthetic_mante.unit(0))
    for bin_s in (0.0005, 1.0):
        with pytest.raises(InvalidInput, match="bin_s"):
            read_unit(path, bin_s)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InvalidInput, match="truncated"):
        read_unit(path, BIN_S)
    path.write_bytes(b"")
    with pytest.raises(InvalidInput, match="truncated"):
        read_unit(path, BIN_S)

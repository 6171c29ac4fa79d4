"""Sessions of dandiset 000688 from files of its layout: cut, split, held out; and files that lack something."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from neurodyn.cli import main
from neurodyn.data.datasets.monkey_000688 import SELECTED, Monkey000688
from neurodyn.data.motor.scores import principal_scores
from neurodyn.errors import InvalidInput, MissingData
from synthetic_motor_nwb import DELAY_S, REACTION_S, Motor, made, write

warnings.filterwarnings("ignore", module="pynwb")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    sessions = {
        "C_20160914": made(0),
        "M_20140303": made(1, "M", "20140303"),
        "J_20160405": made(2, "J", "20160405", areas=("M1",) * 6),
    }
    random = {"C_20131009": made(3, task="RT", day="20131009", trials=60)}
    for motor in (*sessions.values(), *random.values()):
        write(motor, folder / "000688")
    return folder, {**sessions, **random}


@pytest.fixture
def place(files, monkeypatch):
    monkeypatch.setenv("NEURODYN_DATA", str(files[0]))
    return files[0]


def loaded(**options):
    return Monkey000688.with_options(**options).load()


def test_counts_are_spikes_in_30_ms_bins_counted_from_the_trials_start(files, place):
    motor = files[1]["C_20160914"]
    trials = loaded(sessions=("C_20160914",), area="both", min_rate_hz=0.0)
    good = np.flatnonzero(motor.trials["result"] == "R")
    assert trials.bins == 15 and trials.mask.all() and np.array_equal(trials.table["trial_id"], good)
    for row in (0, 7, len(trials) - 1):
        start = motor.trials["start_time"][good[row]]
        first = round((trials.table["start_s"][row] - start) / 0.03)
        # Bins of 10 ms from the trial's start, three of them merged
        fine = np.stack([np.histogram(s, start + np.arange(3 * (first + 15) + 1) * 0.01)[0] for s in motor.spikes], 1)
        assert np.array_equal(trials.counts[row], fine.reshape(-1, 3, len(motor.spikes)).sum(1)[first:])


def test_movement_onset_targets_and_the_hand(files, place):
    motor = files[1]["C_20160914"]
    trials = loaded(sessions=("C_20160914",))
    of = trials.table["trial_id"].to_numpy()
    late = trials.table["onset_s"] - motor.trials["start_time"][of] - DELAY_S - REACTION_S
    assert late.between(-0.03, 0.15).all() and (trials.table["onset_bin"] == 1).all()
    np.testing.assert_array_equal(trials.conditions, np.rint(motor.trials["target_dir"][of] / (np.pi / 4)) + 3)
    position, velocity = (trials.signals[name].values for name in ("position", "velocity"))
    np.testing.assert_array_equal(position[:, 1], 0)
    np.testing.assert_allclose(np.diff(position, axis=1) / 0.03, (velocity[:, 1:] + velocity[:, :-1]) / 2, atol=1.5)
    along = np.arctan2(position[:, -1, 1], position[:, -1, 0])
    np.testing.assert_allclose(np.cos(along - motor.trials["target_dir"][of]), 1, atol=1e-3)
    assert set(trials.table["monkey"]) == {"C"} and set(trials.table["day"]) == {"20160914"}


def test_preparation_lies_before_and_whole_trials_hold_both(place):
    one = {"sessions": ("C_20160914",), "min_rate_hz": 0.0}
    execution, preparation, whole = (loaded(window=w, **one) for w in ("execution", "preparation", "trial"))
    assert preparation.bins == 15 and (preparation.table["onset_bin"] == 13).all()
    assert np.array_equal(preparation.counts[:, -3:], execution.counts[:, :3])
    assert np.array_equal(preparation.table["onset_s"], whole.table["onset_s"])
    onset = whole.table["onset_bin"].to_numpy()
    rows = np.arange(len(whole))[:, None]
    assert np.array_equal(whole.counts[rows, onset[:, None] + np.arange(-1, 14)], execution.counts)
    scores, _, kept = principal_scores(whole, "execution", 3)
    assert scores.shape == (len(whole), 15, 3) and len(kept) == len(whole)


def test_areas_and_rates_choose_units(files, place):
    by_area = {area: loaded(sessions=("C_20160914",), area=area, min_rate_hz=0.0) for area in ("M1", "PMd", "both")}
    assert [by_area[area].units for area in ("M1", "PMd", "both")] == [5, 3, 8]
    assert by_area["PMd"].unit_table["area"].tolist() == ["PMd"] * 3
    assert np.array_equal(by_area["both"].counts[..., 5:], by_area["PMd"].counts)
    assert [t.session for t in loaded(area="PMd")] == ["C_20160914", "M_20140303"]  # J has none
    whole = loaded(sessions=("C_20160914",), min_rate_hz=0.0, window="trial")
    rates = whole.counts.sum((0, 1)) / (whole.mask.sum() * 0.03)
    chosen = loaded(sessions=("C_20160914",), min_rate_hz=float(np.median(rates)))
    assert chosen.neural.names == tuple(str(unit) for unit in np.flatnonzero(rates >= np.median(rates)))
    with pytest.raises(InvalidInput, match="min_rate_hz"):
        loaded(sessions=("C_20160914",), min_rate_hz=1e4)
    with pytest.raises(InvalidInput, match="area"):
        loaded(sessions=("J_20160405",), area="PMd")


def test_a_monkey_is_held_out_whole(place):
    sessions = {t.session: t for t in loaded(heldout_monkey="M")}
    assert list(sessions) == ["C_20160914", "M_20140303", "J_20160405"]
    held = sessions.pop("M_20140303")
    assert held.table["split"].tolist() == ["calibration"] * 18 + ["test"] * 18
    assert len(set(held.conditions[:8])) == 8
    assert all(set(t.table["split"]) == {"train", "valid", "test"} for t in sessions.values())
    by_name = loaded(heldout_sessions=("J_20160405",), calibration=0.25, heldout=0.4)
    assert (by_name[2].table["split"] == "calibration").sum() == 9 and len(by_name[2].heldout) == 2
    with pytest.raises(InvalidInput, match="left to train on"):
        loaded(monkeys=("C",), heldout_monkey="C")
    with pytest.raises(InvalidInput, match="C_20990101"):
        loaded(heldout_sessions=("C_20990101",))


def test_reaches_to_random_targets_are_trials(files, place):
    motor = files[1]["C_20131009"]
    trials = loaded(task="random_target")
    assert trials.bins == 12 and (trials.table["onset_bin"] == 0).all()
    assert trials.table["condition"].value_counts().min() >= 6 and trials.table["reach"].nunique() == 4
    row = trials.table.iloc[3]
    go = motor.trials["go_cue_time_array"][row["trial_id"], row["reach"]]
    assert 0 < row["onset_s"] - go - REACTION_S + 0.03 < 0.2
    assert set(motor.trials["result"][trials.table["trial_id"]]) == {"R"}


def test_artefacts_are_flagged_or_dropped(tmp_path):
    motor = made(4)
    where = np.searchsorted(np.arange(len(motor.position)) * 0.01, motor.trials["start_time"][3] + 0.2)
    motor.position[where : where + 3] = 30.0
    write(motor, tmp_path)
    flagged = loaded(folder=str(tmp_path))
    assert flagged.table["trial_id"][flagged.table["artefact"].to_numpy(bool)].tolist() == [3]
    dropped = loaded(folder=str(tmp_path), artefacts="drop")
    assert len(dropped) == len(flagged) - 1 and 3 not in set(dropped.table["trial_id"])


def without(name: str):
    def change(motor: Motor) -> None:
        del motor.trials[name]

    return change


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (without("go_cue_time"), "without go_cue_time"),
        (without("target_dir"), "without target_dir"),
        (without("result"), "without result"),
        (lambda m: m.trials.update(result=np.array(["F"] * 12, dtype=object)), "none rewarded"),
        (lambda m: m.trials.update(epoch=np.array(["AD"] * 12, dtype=object)), "none rewarded"),
        (lambda m: m.trials.update(target_dir=np.degrees(m.trials["target_dir"]) + 1), "radians"),
        (lambda m: setattr(m, "electrodes", False), "none with electrodes"),
        (lambda m: setattr(m, "spikes", []), "none with spike_times"),
        (lambda m: setattr(m, "areas", ("S1",) * 8), "M1 or PMd"),
        (lambda m: setattr(m, "series", ("position", "acceleration")), "cursor_vel"),
        (lambda m: setattr(m, "position", np.zeros_like(m.position)), "none with a whole execution window"),
    ],
)
def test_a_file_that_lacks_something_is_refused_by_name(tmp_path, change, match):
    motor = made(5, trials=12)
    change(motor)
    write(motor, tmp_path)
    with pytest.raises(InvalidInput, match=match):
        loaded(folder=str(tmp_path))


def test_a_file_of_the_other_task_is_named(tmp_path):
    motor = made(6, task="RT", trials=8)
    motor.task = "CO"
    write(motor, tmp_path)
    with pytest.raises(InvalidInput, match=r"data\.task=random_target"):
        loaded(folder=str(tmp_path))


def test_without_files_it_says_what_to_fetch(place, tmp_path, monkeypatch):
    with pytest.raises(MissingData, match="C_20160919"):
        loaded(sessions=("C_20160914", "C_20160919"))
    write(made(7, day="20131003", trials=12), tmp_path)
    with pytest.raises(MissingData, match=r"but of C_20131003"):
        loaded(folder=str(tmp_path))
    assert loaded(folder=str(tmp_path), sessions=("C_20131003",)).session == "C_20131003"
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "none"))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda _: str(tmp_path / "none"))
    with pytest.raises(MissingData, match=r"dandiset/000688/.*neurodyn data get monkey_000688"):
        loaded()
    with pytest.raises(MissingData):
        Monkey000688.with_options().check_present()


def test_what_has_been_fetched_is_not_fetched_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    for pattern in Monkey000688.archived.patterns:
        path = tmp_path / "000688" / pattern.replace("*", "_behavior+ecephys")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    main(["data", "get", "monkey_000688", "--json"])
    assert len(json.loads(capsys.readouterr().out)["files"]) == 20
    main(["data", "list", "--json"])
    listed = {row["name"]: row["where"] for row in json.loads(capsys.readouterr().out)["datasets"]}
    assert listed["monkey_000688"] == "present"


def test_what_is_fetched_are_the_published_sessions_but_those_of_t():
    patterns = Monkey000688.archived.patterns
    assert len(patterns) == len([name for name in SELECTED if name[0] != "T"]) == 20
    assert "sub-C/sub-C_ses-CO-20160914*.nwb" in patterns


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"monkeys": ()}, "data.monkeys"),
        ({"monkeys": ("C", "C")}, "none twice"),
        ({"task": "random_target", "window": "preparation"}, "no delay"),
        ({"heldout_monkey": "T"}, "one of data.monkeys"),
        ({"sessions": ("20160914",)}, "MONKEY_DATE"),
        ({"min_rate_hz": -1.0}, "min_rate_hz"),
        ({"calibration": 1.0}, "calibration"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, match):
    with pytest.raises(InvalidInput, match=match):
        Monkey000688.with_options(**options)

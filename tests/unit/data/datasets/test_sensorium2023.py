"""The data set: mice of a folder as lazy trials, split by tier and by mouse, paired by what they were shown."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.cli import main
from neurodyn.data.batch import Batch
from neurodyn.data.datasets.sensorium2023 import Sensorium2023, Sensorium2023Config
from neurodyn.data.sensorium.mapping import shared_videos
from neurodyn.data.sensorium.synthetic import SyntheticMouse, write_synthetic
from neurodyn.data.stimulus_overlap import stimulus_overlap
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData
from neurodyn.training.batches import Batches

PAIRS = (
    (SyntheticMouse("29228-2-10", 12, 45), SyntheticMouse("29755-2-8", 15, 48, released=False)),
    (SyntheticMouse("101-2-10", 9, 45), SyntheticMouse("102-2-8", 8, 50)),
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODYN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sensorium") / "sensorium2023"
    write_synthetic(folder, PAIRS, train=5, oracle=2, tests=1, repeats=2, frames=40)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(written, tmp_path / "mice"))


def load(folder: Path, **options: Any) -> dict[str, Trials]:
    return {t.session.split("-")[0]: t for t in nd.load("sensorium2023", folder=str(folder), **options)}


def file_of(folder: Path, mouse: str, what: str, trial: int) -> Path:
    return next(folder.glob(f"dynamic{mouse}-*")) / "data" / what / f"{trial}.npy"


def spoil(file: Path, values: np.ndarray) -> None:
    file.unlink()
    np.save(file, values)


def test_a_folder_becomes_trials_of_each_mouse(written: Path) -> None:
    mice = load(written)
    assert list(mice) == ["101", "102", "29228", "29755"]
    trials = mice["101"]
    assert trials.session == "101-2-10" and len(trials) == 5 + 4 and trials.bins == 40 and trials.bin_s == 1 / 30
    assert trials.signals["responses"].kind == "fluorescence" and trials.units == 9 and len(trials.heldin) == 9
    assert trials.signals["video"].kind == "video" and trials.signals["video"].shape == (32, 64)
    assert list(trials.of_role("behaviour")) == ["pupil", "running"]
    assert list(trials.unit_table) == ["x_um", "y_um", "z_um", "unit_id"] and len(trials.unit_table) == 9
    assert trials.mask.all() and trials.table["bins"].tolist() == [40] * 9
    batch = Batch.of(trials, np.array([3, 0]), starts=np.array([24, 7]), length=16)
    for name, start, values in (
        ("behavior", 24, batch.privileged["running"]),
        ("responses", 24, batch.observed.neural),
    ):
        stored = np.load(file_of(written, "101", name, trials.table["trial"][3]))[:, start : start + 16]
        if name == "behavior":
            np.testing.assert_array_equal(values[0, :, 0], stored[1])
        else:
            train = [np.load(file_of(written, "101", name, k))[:, :40] for k in trials.train.table["trial"]]
            std = np.concatenate(train, 1).astype(float).std(1)
            np.testing.assert_allclose(values[0], np.maximum(stored, 0).T / std, rtol=1e-5)
    video = batch.observed.signals["video"]
    assert 0 <= video.min() < video.max() <= 1


def test_held_out_mice_have_no_training_trials(written: Path) -> None:
    mice = load(written)
    splits = {name: trials.table.groupby("tier")["split"].unique().str[0].to_dict() for name, trials in mice.items()}
    assert splits["101"] == splits["102"] == {"train": "train", "oracle": "valid"}
    assert splits["29228"] == splits["29755"] == {"train": "test", "oracle": "calibration"}
    found = stimulus_overlap([mice["101"], mice["102"]], [mice["29228"], mice["29755"]])
    assert found["trials_seen"].tolist() == [0, 0]
    leaky = load(written, heldout=("29755",))
    found = stimulus_overlap([leaky["29228"]], [leaky["29755"].test])
    assert found[["trials", "trials_seen"]].to_numpy().tolist() == [[5, 4]], "its partner saw four of its five videos"


def test_held_out_mice_need_not_be_read(written: Path) -> None:
    mice = load(written, mice=("101", "102-2-8"))
    assert list(mice) == ["101", "102"] and all("train" in set(t.table["split"]) for t in mice.values())


def test_planted_pairs_are_recovered_at_other_indices(written: Path) -> None:
    mice = load(written)
    lines = (written / "mapping/dynamic29228_dynamic29755_CrossIndividuals.txt").read_text().split()
    planted = [[int(name.split("_")[1]) for name in line.split(",")] for line in lines]
    found = shared_videos(mice["29228"].table, mice["29755"].table)
    assert found.tolist() == planted and len(planted) == 4 and (found[:, 0] != found[:, 1]).any()
    assert not len(shared_videos(mice["101"].table, mice["29755"].table))


def test_mapping_files_are_compared_with_the_videos(folder: Path) -> None:
    mapping = str(folder / "mapping")
    compared = Sensorium2023.with_options(folder=str(folder), mapping=mapping).compare_mapping()
    assert len(compared) == 2 + 4 and (compared["agree"] == compared["listed"]).all()
    by_videos, by_files = (load(folder, mapping=mapping, stimuli=stimuli) for stimuli in ("videos", "mapping"))
    for one, two in (("29228", "29755"), ("101", "102")):
        pairs = [shared_videos(mice[one].table, mice[two].table).tolist() for mice in (by_videos, by_files)]
        assert pairs[0] == pairs[1]
    file = folder / "mapping/dynamic29228_dynamic29755_CrossIndividuals.txt"
    first, second, *rest = file.read_text().split()
    (one, two), (three, four) = first.split(","), second.split(",")
    file.write_text("\n".join([f"{one},{four}", f"{three},{two}", *rest]))
    with pytest.raises(InvalidInput, match="2 of 4 lines that do not agree with the videos"):
        load(folder, mapping=mapping)
    crossed = load(folder, mapping=mapping, stimuli="mapping")
    assert [int(one.split("_")[1]), int(four.split("_")[1])] in shared_videos(
        crossed["29228"].table, crossed["29755"].table
    ).tolist()
    file.write_text(f"{one},dynamic29755_999\n")
    with pytest.raises(InvalidInput, match="mouse 29755 does not have in tier train, the first 999"):
        load(folder, mapping=mapping)
    with pytest.raises(InvalidInput, match="folder of the mapping files"):
        Sensorium2023.with_options(folder=str(folder)).compare_mapping()


def test_mice_without_a_pair_are_named(written: Path) -> None:
    with pytest.raises(InvalidInput, match=r"29228-2-10, 102-2-8, without a partner"):
        load(written, mice=("29228", "102"), heldout=("29228", "102"))
    alone = load(written, mice=("29228",), heldout=("29228",), require_pairs=False)
    assert set(alone["29228"].table["split"]) == {"test", "calibration"}


def test_withheld_responses_are_left_out_and_counted(written: Path) -> None:
    with pytest.warns(UserWarning, match=r"29755-2-8, tier live_test_main: 2 trials left out, responses withheld"):
        mice = load(written, heldout_calibration_tiers=("oracle", "live_test_main"))
    assert mice["29755"].provenance["left_out"] == [
        {"tier": "live_test_main", "why": "responses withheld", "trials": 2}
    ]
    assert (mice["29228"].table["tier"] == "live_test_main").sum() == 2
    with pytest.raises(InvalidInput, match="29755-2-8, no usable trial in live_test_main"):
        load(written, heldout_test_tiers=(), heldout_calibration_tiers=("live_test_main",), require_pairs=False)


def test_trials_that_cannot_be_used_are_refused_or_left_out(folder: Path) -> None:
    trial = int(load(folder)["101"].train.table["trial"][1])
    file = file_of(folder, "101", "responses", trial)
    spoil(file, np.load(file)[:, :30])
    with pytest.raises(InvalidInput, match=rf"1 of 5 trials that cannot be used; trial {trial}: .*\(9, 30\)"):
        load(folder)
    with pytest.warns(UserWarning, match="101-2-10, tier train: 1 trials left out, cannot be used"):
        mice = load(folder, bad_trials="exclude")
    assert trial not in mice["101"].table["trial"].tolist() and len(mice["101"]) == 8


def test_shorter_trials_are_masked_and_no_nan_reaches_a_batch(folder: Path) -> None:
    trial = int(load(folder)["101"].train.table["trial"][1])
    file = file_of(folder, "101", "responses", trial)
    values = np.load(file)
    values[4, 25:] = np.nan
    spoil(file, values)
    trials = load(folder)["101"]
    assert trials.mask[1].sum() == 25 and trials.mask.sum() == 25 + 8 * 40
    batch = Batch.of(trials)
    assert batch.observed.neural.isfinite().all() and batch.observed.signals["video"].isfinite().all()
    assert batch.targets["responses"][1, 25:].abs().sum() == 0
    window = Batch.of(trials, np.array([1]), starts=np.array([20]), length=16)
    assert window.mask[0].tolist() == [True] * 5 + [False] * 11 and window.observed.neural.isfinite().all()


def test_behaviour_files_are_looked_at_before_training(folder: Path) -> None:
    file = file_of(folder, "101", "behavior", int(load(folder)["101"].table["trial"][0]))
    spoil(file, np.load(file)[:, :10])
    with pytest.raises(InvalidInput, match=r"\(2, 10\)"):
        load(folder)
    file.unlink()
    with pytest.raises(MissingData, match=file.name):
        load(folder)
    assert list(load(folder, behaviour=("pupil_center",))["101"].of_role("behaviour")) == ["pupil_center"]
    assert not load(folder, behaviour=())["101"].of_role("behaviour")


def test_statistics_may_be_the_published_ones(folder: Path) -> None:
    official, own = load(folder, statistics="official")["101"], load(folder)["101"]
    meta = next(folder.glob("dynamic101-*")) / "meta/statistics/responses/all/std.npy"
    std = np.load(meta)[:, :40].astype(float)
    scale = 1 / np.maximum(std, 0.01 * std.mean())
    stored = np.load(file_of(folder, "101", "responses", int(official.table["trial"][2])))[:, :40]
    np.testing.assert_allclose(official.signals["responses"].values[2], (np.maximum(stored, 0) * scale).T, rtol=1e-5)
    assert not np.allclose(official.signals["responses"].values[2], own.signals["responses"].values[2])
    spoil(meta, np.load(meta)[:, :39])
    with pytest.raises(InvalidInput, match="39 frames"):
        load(folder, statistics="official")


def test_a_quick_look_takes_some_units_and_trials(written: Path) -> None:
    trials, whole = load(written, units=4, trials=2, frame=None)["29228"], load(written)["29228"]
    assert len(trials) == 4 and trials.units == len(trials.unit_table) == 4
    assert trials.signals["video"].shape == (36, 64)
    rows = trials.unit_table["unit_id"].to_numpy() - 1
    assert rows[0] == 0 and rows[-1] == 11
    np.testing.assert_allclose(
        trials.signals["responses"].values[0], np.asarray(whole.signals["responses"].values[0])[:, rows], rtol=1e-6
    )
    with pytest.raises(InvalidInput, match=r"1\.\.8"):
        load(written, units=9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"heldout": ("1",)}, "data.heldout.*101-2-10"),
        ({"mice": ("7",)}, "data.mice.*'7'"),
        ({"train_tiers": ("train", "oracle")}, "'oracle' twice"),
        ({"heldout_test_tiers": (), "heldout_calibration_tiers": ()}, "one tier at least"),
        ({"train_tiers": ("live",)}, "data.train_tiers"),
        ({"stimuli": "mapping"}, "data.mapping"),
        ({"units": 0}, "data.units"),
        ({"trials": 0}, "data.trials"),
        ({"frame": (0, 64)}, "data.frame"),
    ],
)
def test_options_that_make_no_sense_are_refused(written: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        load(written, **options)


def test_windows_and_trials_go_through_training_batches(written: Path) -> None:
    sessions = [trials.train for trials in load(written, heldout=()).values()]
    windows = Batches(sessions, 4, 0, in_turn=True, window_bins=16)
    batches = [windows.at(0, index)[0] for index in range(windows.steps)]
    assert {batch.observed.session for batch in batches} == {0, 1, 2, 3}
    assert all(batch.observed.neural.shape[1] == 16 and batch.mask.all() for batch in batches)
    again = windows.at(0, 2)[0]
    assert (again.observed.neural == batches[2].observed.neural).all()


def test_absent_data_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], written: Path
) -> None:
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path))
    with pytest.raises(MissingData, match=r"pollytur.*CC BY-NC-ND"):
        nd.load("sensorium2023")
    for command in (["data", "get", "sensorium2023"], ["data", "info", "sensorium2023"]):
        assert main(command) == 2
        assert "contacted" in " ".join(capsys.readouterr().err.split())

    def where() -> str:
        assert not main(["data", "list", "--json"])
        listed = json.loads(capsys.readouterr().out)["datasets"]
        return str(next(row["where"] for row in listed if row["name"] == "sensorium2023"))

    assert where().startswith("absent")
    monkeypatch.setenv("NEURODYN_DATA", str(written.parent))
    assert where() == "present"
    assert [trials.session for trials in nd.load("sensorium2023")] == ["101-2-10", "102-2-8", "29228-2-10", "29755-2-8"]


def test_two_recordings_of_one_animal_cannot_be_told_apart_by_mapping_files(tmp_path: Path) -> None:
    pair = (SyntheticMouse("5-1-1", 5, 45), SyntheticMouse("5-2-1", 5, 45))
    mapping = write_synthetic(tmp_path / "mice", [pair], train=3, oracle=1, tests=1, repeats=2, frames=40)
    both = load(tmp_path / "mice", heldout=("5-1-1",), mice=("5-1-1", "5-2-1"))
    assert both
    with pytest.raises(InvalidInput, match="two recordings of 5"):
        load(tmp_path / "mice", heldout=("5-1-1",), mapping=str(mapping))


def test_the_defaults_are_the_published_held_out_pair() -> None:
    assert Sensorium2023Config().heldout == ("29228", "29755")

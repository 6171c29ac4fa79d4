"""From a recording to a scored submission by commands alone, and every mistake on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import synthetic_nwb
from neurodyn.cli import main
from neurodyn.submission import layout
from neurodyn.submission.layout import ARRAYS, FORWARD, read
from neurodyn.submission.targets import LOG

QUICK = ("--model.widths", "2", "--model.strengths", "1", "--model.folds", "2")
GROUP = "mc_maze_small_20"


def fit(model: str, file: Path, out: str, *options: str, bin_s: str = "0.02", phase: str = "val") -> None:
    small = QUICK if model == "smoothing" else ("--model.generator", "8", "--model.factors", "4", "--train.epochs", "2")
    data = ("--data.benchmark", "mc_maze_small", "--data.bin-s", bin_s, "--data.phase", phase)
    assert main(["fit", model, str(file), *data, *small, *options, "--out", out, "--json"]) == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with the recording, and runs on both phases and bin widths."""
    path, before = tmp_path_factory.mktemp("submit"), Path.cwd()
    patched = pytest.MonkeyPatch()
    patched.setenv("NEURODYN_CACHE", str(path / "cache"))
    patched.setenv("NEURODYN_DATA", str(path / "none"))
    patched.setenv("COLUMNS", "200")
    os.chdir(path)
    train, _ = synthetic_nwb.write_dataset(path / "recording", "mc_maze_small")
    fit("smoothing", train, "runs/smoothing")
    fit("lfads", train, "runs/lfads", "--seed", "3")
    fit("smoothing", train, "runs/fine", bin_s="0.005")
    fit("smoothing", train, "runs/test", phase="test")
    yield path
    os.chdir(before)
    patched.undo()


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """What a command prints on stdout with --json."""
    capsys.readouterr()
    assert main(["submit", *arguments, "--json"]) == code
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command complains of."""
    capsys.readouterr()
    assert main(["submit", *arguments]) == 2
    return capsys.readouterr().err


def test_fit_submit_check_score(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "runs/lfads", "-o", "lfads.h5", "--samples", "2")
    assert found["out"] == "lfads.h5" and found["phase"] == "val"
    assert found["groups"][GROUP]["members"] == [{"run": "runs/lfads", "model": "lfads", "seed": 3}]
    assert found["groups"][GROUP]["arrays"] == {
        "train_rates_heldin": [24, 35, 8],
        "train_rates_heldout": [24, 35, 3],
        "eval_rates_heldin": [8, 35, 8],
        "eval_rates_heldout": [8, 35, 3],
        "eval_rates_heldin_forward": [8, 10, 8],
        "eval_rates_heldout_forward": [8, 10, 3],
    }
    assert [finding["where"] for finding in found["findings"]] == ["scaling sets"]
    checked = answer(capsys, "--check", "lfads.h5")
    assert checked["passed"] and checked["compared_with_data"] == [GROUP] and checked["groups"] == found["groups"]
    scored = answer(capsys, "--score", "lfads.h5")
    assert json.loads(Path("lfads.scores.json").read_text()) == scored
    [(split, values)] = scored["results"][0].items()
    assert split == "mc_maze_scaling_20_split"
    assert list(values) == ["[100] co-bps", "[100] vel R2", "[100] psth R2", "[100] fp-bps"]
    for score in scored["scores"]:
        assert values[f"[100] {score['context']['official']}"] == score["value"]
        assert score["interval"][0] <= score["interval"][1] and "mean_rate" in score["baselines"]


@pytest.mark.slow
def test_evaluate_and_score_agree(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "runs/smoothing", "-o", "smoothing.h5")
    scored = {score["name"]: score["value"] for score in answer(capsys, "--score", "smoothing.h5")["scores"]}
    assert main(["evaluate", "runs/smoothing", "--json"]) == 0
    evaluated = {score["name"]: score["value"] for score in json.loads(capsys.readouterr().out)["scores"]}
    for name in ("co_bps", "fp_bps", "psth_r2"):
        assert scored[name] == pytest.approx(evaluated[name], rel=1e-6)


def test_what_people_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "runs/smoothing", "runs/fine", "-o", "both.h5"]) == 0
    written = capsys.readouterr().err
    for told in ("mc_maze_small", GROUP, "8, 140, 3", "runs/fine (smoothing, seed 0)", "submit --score both.h5"):
        assert told in written
    assert main(["submit", "--check", "both.h5"]) == 0 and "both.h5, phase val: passed" in capsys.readouterr().err
    assert main(["submit", "--score", "both.h5"]) == 0
    shown = capsys.readouterr().err
    assert "mean_rate" in shown and "velocity_r2" in shown and "both.scores.json" in shown


def test_two_bin_widths_and_an_ensemble_in_one_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "runs/smoothing", "runs/lfads", "runs/fine", "-o", "all.h5", "--samples", "0")
    assert {name: len(group["members"]) for name, group in found["groups"].items()} == {"mc_maze_small": 1, GROUP: 2}
    for run in ("smoothing", "lfads"):
        answer(capsys, f"runs/{run}", "-o", f"one_{run}.h5", "--samples", "0")
    each = [read(f"one_{run}.h5").groups[GROUP]["eval_rates_heldout"] for run in ("smoothing", "lfads")]
    mean = read("all.h5").groups[GROUP]["eval_rates_heldout"]
    np.testing.assert_allclose(mean, (each[0] + each[1]) / 2, rtol=1e-6)
    splits = [split for entry in answer(capsys, "--score", "all.h5")["results"] for split in entry]
    assert splits == ["mc_maze_scaling_split", "mc_maze_scaling_20_split"]


def test_forward_rates_are_optional(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "runs/smoothing", "-o", "short.h5", "--no-forward")
    assert set(found["groups"][GROUP]["arrays"]) == set(ARRAYS) - set(FORWARD)
    assert not any("fp-bps" in name for name in answer(capsys, "--score", "short.h5")["results"][0].popitem()[1])


def changed(path: str, change: Any) -> str:
    """A copy of the submission with its arrays changed by `change(key, rates)`."""
    before = read("smoothing_ok.h5")
    arrays = {key: change(key, rates) for key, rates in before.groups[GROUP].items()}
    layout.write(path, layout.Submission({GROUP: arrays}, before.phase, before.members))
    return path


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda key, rates: rates / 0.02, "spikes per second"),
        (lambda key, rates: np.log(rates), "log rates"),
        (lambda key, rates: np.repeat(rates, 4, axis=1), "5 ms bins, which belong in the group mc_maze_small"),
        (lambda key, rates: np.where(rates == rates.max(), np.nan, rates), "nan at trial"),
        (lambda key, rates: rates[:-1], "expected (24, 35, 8)"),
    ],
)
def test_a_submission_that_cannot_be_right_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Any, told: str
) -> None:
    answer(capsys, "runs/smoothing", "-o", "smoothing_ok.h5", "--overwrite")
    path = changed("wrong.h5", change)
    assert told in refused(capsys, "--check", path).splitlines()[-1]
    found = answer(capsys, "--check", path, code=2)
    assert not found["passed"] and found["findings"][0]["level"] == "error"


def test_scores_of_rates_that_cannot_be_right_say_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "runs/smoothing", "-o", "smoothing_ok.h5", "--overwrite")
    assert answer(capsys, "--score", "smoothing_ok.h5")["notes"] == []
    path = changed("hz.h5", lambda key, rates: rates / 0.02)
    assert any("spikes per second" in note for note in answer(capsys, "--score", path)["notes"])


def test_a_submission_is_not_replaced_unasked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(capsys, "runs/smoothing", "-o", "once.h5")
    before = Path("once.h5").read_bytes()
    assert "--overwrite" in refused(capsys, "runs/smoothing", "-o", "once.h5", "--no-forward")
    assert Path("once.h5").read_bytes() == before


def test_phase_test_is_scored_with_the_organisers_targets_only(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["evaluate", "runs/test"]) == 0
    shown = capsys.readouterr().err
    assert "phase test, whose targets are withheld" in shown and "neurodyn submit runs/test -o submission.h5" in shown
    assert main(["evaluate", "runs/test", "--metrics", "few_shot_co_bps"]) == 2
    assert "neurodyn submit runs/test -o submission.h5" in capsys.readouterr().err
    found = answer(capsys, "runs/test", "-o", "test.h5")
    assert found["phase"] == "test" and found["groups"][GROUP]["arrays"]["train_rates_heldin"] == [32, 35, 8]
    assert "Give --targets eval_data_test.h5" in refused(capsys, "--score", "test.h5")
    rates = read("test.h5").groups[GROUP]
    rng = np.random.default_rng(0)
    with h5py.File("eval_data_test.h5", "w") as file:
        for key in ("heldout", "heldin_forward", "heldout_forward"):
            file[f"{GROUP}/eval_spikes_{key}"] = rng.poisson(rates[f"eval_rates_{key}"]).astype(float)
        file[f"{GROUP}/train_behavior"] = rng.normal(size=(32, 35, 2))
        file[f"{GROUP}/eval_behavior"] = rng.normal(size=(8, 35, 2))
    scored = answer(capsys, "--score", "test.h5", "--targets", "eval_data_test.h5")
    names = [score["context"]["official"] for score in scored["scores"]]
    assert names == ["co-bps", "vel R2", "fp-bps"]
    assert all(
        "mean_rate" in score["baselines"] for score in scored["scores"]
    )  # counts of the recording's training trials
    assert "Never select, stop or tune" in scored["notes"][0] and "not the targets the organisers" in scored["notes"][1]
    assert scored["targets"]["published"] is False
    assert main(["submit", "--score", "test.h5", "--targets", "eval_data_test.h5"]) == 0
    assert "not blind" in capsys.readouterr().err
    used = [json.loads(line) for line in Path(LOG).read_text().splitlines()]
    assert [use["submission"] for use in used] == ["test.h5", "test.h5"]
    assert used[0]["sha256"] == scored["targets"]["sha256"]
    layout.write("more.h5", layout.Submission({GROUP: rates, "mc_rtt_20": rates}, "test"))
    notes = answer(capsys, "--score", "more.h5", "--targets", "eval_data_test.h5")["notes"]
    assert "holds no targets for it: mc_rtt_20" in notes[-1]
    answer(capsys, "runs/smoothing", "-o", "val.h5")
    assert "phase val" in refused(capsys, "--score", "val.h5", "--targets", "eval_data_test.h5")


def test_a_file_of_another_tool_is_told_its_phase(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(capsys, "runs/smoothing", "-o", "smoothing_ok.h5", "--overwrite")
    with h5py.File("foreign.h5", "w") as file:
        for key, rates in read("smoothing_ok.h5").groups[GROUP].items():
            file[f"{GROUP}/{key}"] = rates.astype(np.float64)
    found = answer(capsys, "--check", "foreign.h5")  # it names no run, and the recording lies in no data folder
    assert found["phase"] == "test" and found["compared_with_data"] == []
    monkeypatch.setenv("NEURODYN_DATA", str(folder / "recording"))
    assert "This looks like phase val" in refused(capsys, "--check", "foreign.h5")
    assert answer(capsys, "--check", "foreign.h5", "--phase", "val")["passed"]
    assert len(answer(capsys, "--score", "foreign.h5")["scores"]) == 4
    monkeypatch.setenv("NEURODYN_DATA", str(folder / "none"))
    assert "data get mc_maze_small" in refused(capsys, "--score", "foreign.h5")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "either RUN ... -o FILE"),
        (["runs/smoothing", "--check", "x.h5"], "either RUN ... -o FILE"),
        (["runs/smoothing"], "Add -o submission.h5"),
        (["runs/smoothing", "-o", "nowhere/x.h5"], "a folder that does not exist"),
        (["runs/none", "-o", "x.h5"], "config.yaml"),
        (["runs/smoothing", "runs/smoothing", "-o", "x.h5"], "twice"),
        (["runs/smoothing", "runs/test", "-o", "x.h5"], "one phase in one file"),
        (["--check", "none.h5"], "none.h5: there is no such file"),
        (["--score", "none.h5"], "none.h5: there is no such file"),
        (["--check", "x.h5", "--targets", "t.h5"], "--targets: got given without --score FILE"),
        (["--score", "x.h5", "--no-forward"], "--no-forward: got given without RUN"),
        (["runs/smoothing", "-o", "x.h5", "--phase", "val"], "only with --check or --score"),
        (["runs/smoothing", "-o", "x.h5", "--forwards"], "--no-forward"),
    ],
)
def test_wrong_arguments_say_what_is_right(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], told: str
) -> None:
    assert told in refused(capsys, *arguments)
    assert not Path("x.h5").exists()


@pytest.mark.slow
def test_withheld_activity_in_the_recording_leaves_the_submission_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The leak guard: other spikes of held-out neurons in evaluated windows, and of all neurons in the bins after them."""
    recorded = synthetic_nwb.make("mc_maze_small")
    before = read_arrays(folder, capsys, recorded, "as_recorded")
    train = recorded[0]
    align, evaluated = train.trials["move_onset_time"], train.trials["split"] == "val"
    rng = np.random.default_rng(0)
    seen = [(align[~evaluated] - 0.25, align[~evaluated] + 0.65), (align[evaluated] - 0.25, align[evaluated] + 0.45)]
    for unit, (times, heldout) in enumerate(zip(train.spike_times, train.heldout)):
        start, stop = (-0.25, 0.65) if heldout else (0.451, 0.65)
        added = (align[evaluated][:, None] + rng.uniform(start, stop, (int(evaluated.sum()), 40))).ravel()
        for first, last in seen[:1] if heldout else seen:  # what may be seen stays as it is
            added = added[~((added[:, None] >= first - 0.02) & (added[:, None] <= last + 0.02)).any(1)]
        assert len(added) > 50
        train.spike_times[unit] = np.sort(np.concatenate([times, added]))
    after = read_arrays(folder, capsys, recorded, "changed")
    for key in ARRAYS:
        np.testing.assert_array_equal(before[0][key], after[0][key])
    assert all(before[1][name] != after[1][name] for name in ("co_bps", "fp_bps", "psth_r2"))


def read_arrays(
    folder: Path, capsys: pytest.CaptureFixture[str], recorded: Any, name: str
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """What is submitted, and scored, of a model fitted to a recording."""
    files = [synthetic_nwb.write(each, folder / name / f"sub-Jenkins_ses-small_desc-{part}_ecephys.nwb") for each, part in zip(recorded, ("train", "test"))]  # fmt: skip
    fit("lfads", files[0], f"runs/{name}")
    answer(capsys, f"runs/{name}", "-o", f"{name}.h5", "--samples", "2")
    scores = answer(capsys, "--score", f"{name}.h5")["scores"]
    return dict(read(f"{name}.h5").groups[GROUP]), {score["name"]: score["value"] for score in scores}


@pytest.mark.parametrize(("phase", "then"), [("val", "evaluate runs/next_val"), ("test", "submit runs/next_test -o")])
def test_fit_says_what_can_be_done_next(
    folder: Path, capsys: pytest.CaptureFixture[str], phase: str, then: str
) -> None:
    file = next((folder / "recording").rglob("*desc-train*.nwb"))
    data = ("--data.benchmark", "mc_maze_small", "--data.bin-s", "0.02", "--data.phase", phase)
    assert main(["fit", "mean_rate", str(file), *data, "--out", f"runs/next_{phase}"]) == 0
    assert f"Next: neurodyn {then}" in capsys.readouterr().err


def test_a_run_is_not_applied_to_another_bin_width(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = next((folder / "recording").rglob("*desc-train*.nwb"))
    assert main(["transform", "runs/smoothing", str(file), "--data.bin-s", "0.005", "-o", "other.h5"]) == 2
    assert "--data.bin-s 0.02" in capsys.readouterr().err
    assert not Path("other.h5").exists()


def test_a_check_of_the_benchmarks_data_names_its_bin_widths(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = next((folder / "recording").rglob("*desc-train*.nwb"))
    assert main(["data", "check", str(file), "--benchmark", "mc_maze_small"]) == 0
    shown = capsys.readouterr().err
    assert "5 and 20 ms" in shown and "advised bin width" not in shown

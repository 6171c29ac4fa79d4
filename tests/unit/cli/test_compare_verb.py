"""`neurodyn compare`."""

import json

import numpy as np
import pytest

import neurodyn as nd
import synthetic_reaches
from neurodyn.cli import main
from neurodyn.data.trials import Trials
from neurodyn.similarity.activity import Activity
from task_runs import reach_run

RSA = ["--measures", "rsa", "--draws", "10"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run, a recording and arrays."""
    path = tmp_path_factory.mktemp("compare")
    generator = np.random.default_rng(0)
    synthetic_reaches.write(path / "data")
    reach_run(path / "runs/eprop", epochs=1)
    smooth = generator.standard_normal((8, 150, 4)).cumsum(1)
    np.savez(path / "a.npz", rates=smooth, bin_s=0.01, start_s=-0.9)
    np.savez(path / "b.npz", rates=smooth[:, :121], few=smooth[:7, :121], short=smooth[:, :100])
    np.savez(path / "bad.npz", constant=np.ones((8, 121, 3)), nan=np.full((8, 121, 3), np.nan))
    return path


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("NEURODYN_DATA", str(folder / "data"))


def test_json_holds_scores_with_baselines_and_all_pairs(capsys):
    given = ["hatsopoulos2007", "a.npz", "b.npz:rates"]
    assert main(["compare", *given, *RSA, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["compared"] == ["hatsopoulos2007", "a", "b:rates"] and found["reference"] == "hatsopoulos2007"
    assert [score["context"]["y"] for score in found["scores"]] == ["a", "b:rates"]
    for score in found["scores"]:
        assert {"cross_condition_average", "condition_shuffled", "time_shuffled"} <= set(score["baselines"])
        assert score["interval"][0] < score["interval"][1] and score["ceiling"] is None
    values = np.array(found["measures"]["rsa"]["values"])
    assert values.shape == (3, 3) and values[0, 1] == pytest.approx(values[1, 0])


def test_the_table_says_it_in_words(capsys):
    assert main(["compare", "hatsopoulos2007", "a.npz", "b.npz:rates", *RSA]) == 0
    said = " ".join(capsys.readouterr().err.split())
    for words in ("Similarity to hatsopoulos2007, 968 samples", "condition averages", "nothing is fitted", "all pairs"):
        assert words in said


def test_lags_are_in_the_table_and_said_to_be_missing_where_there_is_one(capsys):
    assert main(["compare", "hatsopoulos2007", "a.npz", *RSA, "--lags", "-0.05", "0.05"]) == 0
    assert "-0.05 to +0.05" in capsys.readouterr().err
    assert main(["compare", "a.npz", "a.npz", *RSA, "--lags", "-0.05", "0.05"]) == 0
    assert "At no other lag" in " ".join(capsys.readouterr().err.split())


def test_a_network_beside_its_untrained_self_in_a_window_over_lags(capsys):
    arguments = ["hatsopoulos2007", "runs/eprop", *RSA, "--window-s", "-0.1", "0.2", "--lags", "-0.1", "0.1"]
    assert main(["compare", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["compared"] == ["hatsopoulos2007", "eprop"] and found["settings"]["bins"] == 31
    assert "untrained" in found["scores"][0]["baselines"]
    lags = found["lags"]["rsa"]["lag_s"]
    assert lags[0] == pytest.approx(-0.1) and lags[-1] == pytest.approx(0.1) and len(lags) == 21
    place = int(np.argmin(np.abs(lags)))
    assert found["lags"]["rsa"]["values"]["eprop"][place] == pytest.approx(found["measures"]["rsa"]["values"][0][1])
    assert main(["compare", *arguments, "--json", "--trained-only"]) == 0
    assert "untrained" not in json.loads(capsys.readouterr().out)["scores"][0]["baselines"]


def test_the_reference_may_be_any_by_its_name_or_as_given(capsys):
    for name in ("b:rates", "b.npz:rates"):
        assert main(["compare", "hatsopoulos2007", "b.npz:rates", *RSA, "--reference", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["reference"] == "b:rates"


def test_scale_and_mean_are_taken_to_both(capsys):
    shown = {}
    for name, flags in {"raw": [], "soft": ["--scale", "soft"], "tuned": ["--without-mean"]}.items():
        assert main(["compare", "hatsopoulos2007", "a.npz", *RSA, *flags, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        shown[name] = found["scores"][0]["value"]
    assert len(set(shown.values())) == 3
    assert found["settings"]["without_mean"] and "cross_condition_average" not in found["scores"][0]["baselines"]


def test_files_are_written_whole(folder, capsys):
    assert main(["compare", "hatsopoulos2007", "a.npz", "b.npz:rates", *RSA, "--out", "out/deep"]) == 0
    kept = json.loads((folder / "out/deep/comparison.json").read_text())
    assert kept["compared"] == ["hatsopoulos2007", "a", "b:rates"]
    assert "rsa" in (folder / "out/deep/comparison.html").read_text()
    assert "comparison.html" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hatsopoulos2007", "a.npz", "--measures", "rsb"], "'rsa'"),
        (["hatsopoulos2007", "a.npz", "--measures", "rsa:ovr=x"], "over"),
        (["hatsopoulos2007", "a.npz", "--measures", ","], "at least one"),
        (["hatsopoulos2007", *RSA], "at least two"),
        (["hatsopoulos2007", "b.npz:few", *RSA], "7 conditions; expected 8, as hatsopoulos2007 has"),
        (["hatsopoulos2007", "b.npz:short", *RSA], "100 time points; expected 121"),
        (["hatsopoulos2007", "bad.npz:nan", *RSA], "condition 0, bin 0"),
        (["hatsopoulos2007", "bad.npz:constant", *RSA], "do not vary"),
        (["hatsopoulos2007", "a.npz", "--reference", "b", *RSA], "activity"),
        (["b.npz:rates", "a.npz", "--window-s", "-0.1", "0.1", *RSA], "has no clock"),
        (["hatsopoulos2007", "b.npz:rates", "--lags", "-0.1", "0.1", *RSA], "without a clock"),
        (["hatsopoulos2007", "a.npz", "--window-s", "-2", "0", *RSA], "window_s"),
        (["hatsopoulos2007", "a.npz", "--scales", "raw", *RSA], "--scale"),
        (["hatsopoulos2007", "a.npz", "--measures", "stochastic_shape"], "single trials"),
        (["hatsopoulos2007", "a.npz", "--seed", "-1", *RSA], "seed"),
    ],
)
def test_wrong_input_is_a_plain_message(arguments, said, capsys, folder):
    assert main(["compare", *arguments, "--out", "refused"]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert said in error and "Traceback" not in error
    assert not (folder / "refused").exists()


def test_single_trials_give_a_noise_ceiling(capsys):
    generator = np.random.default_rng(2)
    counts = generator.poisson(4 + 3 * np.sin(np.arange(20))[:, None] + np.arange(3), (40, 20, 3))
    recorded = Trials.from_arrays(counts, bin_s=0.05, conditions=np.arange(40) % 4, name="recorded")
    found = nd.compare([recorded, generator.standard_normal((4, 20, 3))], ["rsa"], draws=0)
    assert found.scores[0].ceiling is not None and found.scores[0].ceiling > found.scores[0].value


def test_python_takes_arrays_activities_and_names():
    generator = np.random.default_rng(1)
    values = generator.standard_normal((8, 121, 4))
    found = nd.compare({"recorded": "hatsopoulos2007", "mine": values}, ["rsa"], draws=0)
    assert found.names == ("recorded", "mine") and found.reference == "recorded"
    assert np.isnan(found.scores[0].interval).all()
    twin = nd.compare([Activity(values, name="x"), values], [{"name": "rsa"}], draws=0)
    assert twin.scores[0].value == pytest.approx(1)

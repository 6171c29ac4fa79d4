import dataclasses
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import neurodyn as nd
from neurodyn import api
from neurodyn.data import store
from neurodyn.data.splits import split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData, UnknownName
from neurodyn.training.run import Run

OPTIONS = {"batch_size": 16, "epochs": 4}


def session(seed: int = 0) -> Trials:
    """Units that share a rate that differs between trials, with its truth."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, 0.5, (60, 1, 1)) * np.linspace(0.3, 1.5, 8) * np.ones((1, 12, 1))
    trials = Trials.from_arrays(
        rng.poisson(rates), bin_s=0.02, heldin=range(6), forward=2, truth={"rates": rates}, name="shared gain"
    )
    return split_trials(trials, seed=1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store.save(session(), tmp_path_factory.mktemp("data") / "session.h5")


@pytest.fixture(scope="module")
def run(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    nd.fit("smoothing", nd.load(file), out=out, progress=False)
    return out


def test_load_by_name_takes_options_and_says_where_from() -> None:
    trials = nd.load("two_area", trials=24)
    assert len(trials) == 24
    assert trials.provenance["source"] == "two_area" and trials.provenance["options"] == {"trials": 24}


def test_load_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="two_area"):
        nd.load("two_areas")
    with pytest.raises(InvalidInput, match="'trials'"):
        nd.load("two_area", trial=3)
    with pytest.raises(MissingData, match=r"absent\.nwb"):
        nd.load(tmp_path / "absent.nwb")


def test_scores_come_with_baselines_ceiling_and_context(run: Path) -> None:
    scores = {score.name: score for score in nd.evaluate(run)}
    co_bps = scores["co_bps"]
    assert set(co_bps.baselines) == {"mean_rate", "glm", "shuffled"}
    assert co_bps.baselines["mean_rate"] == pytest.approx(0, abs=0.1)
    assert co_bps.value > co_bps.baselines["shuffled"]
    assert co_bps.ceiling is not None and co_bps.ceiling > co_bps.value
    assert co_bps.n == 9 and co_bps.interval[0] < co_bps.value < co_bps.interval[1]
    assert co_bps.context["model"] == "smoothing" and co_bps.context["data"] == "shared gain"


def test_evaluating_a_run_writes_its_scores_and_outputs(run: Path) -> None:
    scores = nd.evaluate(run, baselines=False)
    kept = json.loads((run / "scores.json").read_text())
    assert [s["name"] for s in kept["scores"]] == [s.name for s in scores]
    again = Run.open(run).scores()
    assert [s.as_mapping() for s in again] == [s.as_mapping() for s in scores]
    with h5py.File(run / "outputs.h5") as file:
        assert file["test/rates"].shape == (9, 12, 8)


def test_trained_models_are_compared_with_themselves_untrained() -> None:
    trials = session()
    fitted = nd.fit("lfads", trials, progress=False, train={**OPTIONS, "epochs": 1}, generator=8)
    scores = {s.name: s for s in nd.evaluate(fitted, samples=2)}
    assert set(scores["co_bps"].baselines) == {"mean_rate", "smoothing", "glm", "untrained", "shuffled"}
    assert scores["co_bps"].context["posterior_samples"] == 2


def test_changed_data_are_not_evaluated(run: Path, file: Path, tmp_path: Path) -> None:
    other = split_trials(store.load(file), seed=7)
    with pytest.raises(InvalidInput, match="differ from those of the run"):
        nd.evaluate(run, other)
    whole = store.load(file)
    given, reloaded = nd.evaluate(run, whole, baselines=False), nd.evaluate(run, baselines=False)
    assert [s.value for s in given] == [s.value for s in reloaded]


def test_test_trials_that_were_trained_on_are_refused() -> None:
    trials = session()
    fitted = nd.fit("mean_rate", trials, progress=False)
    with pytest.raises(InvalidInput, match="training trial"):
        nd.evaluate(fitted, dataclasses.replace(trials.train, table=trials.train.table.drop(columns="split")))


def test_data_from_memory_have_to_be_given_again(tmp_path: Path) -> None:
    trials = session()
    nd.fit("mean_rate", trials, out=tmp_path / "run", progress=False)
    with pytest.raises(InvalidInput, match="from memory"):
        nd.evaluate(tmp_path / "run")
    assert nd.evaluate(tmp_path / "run", trials, baselines=False)


def test_without_test_trials_it_says_so() -> None:
    counts = session().counts
    fitted = nd.fit("mean_rate", counts, bin_s=0.02, progress=False)
    with pytest.raises(InvalidInput, match="test split"):
        nd.evaluate(fitted)


def test_report_names_models_apart(run: Path, tmp_path: Path) -> None:
    page = nd.report([run, nd.fit("mean_rate", session(), progress=False)], tmp_path / "page.html")
    text = page.read_text()
    assert "smoothing" in text and "mean_rate" in text
    first, second = (nd.Estimator.load(run) for _ in range(2))
    assert api._names([first, second]) == ["smoothing, seed 0 (1)", "smoothing, seed 0 (2)"]


def test_test_trials_that_hold_out_other_units_are_refused() -> None:
    fitted = nd.fit("mean_rate", session(), progress=False)
    other = dataclasses.replace(session(seed=3).test, heldin=np.arange(2, 8))
    with pytest.raises(InvalidInput, match="held-in units"):
        nd.evaluate(fitted, other)

"""Cell types from embeddings: the classifiers, the statistics beside them, and a whole analysis of a tiny model."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neurodyn.analysis.activity_statistics import LAGS, activity_statistics
from neurodyn.analysis.cell_types import CLASSIFIERS, _score, classify_cell_types, embedded_anew, embeddings_of
from neurodyn.cli import main
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.estimator import Estimator
from neurodyn.simulate.datasets.cell_types import CellTypes

TINY = {"embedding": 3, "feedforward": 4}
QUICK = {"epochs": 1, "batch_size": 4}
SIZES = {"units": 30, "windows": 6, "bins": 12}


@pytest.fixture(scope="module")
def sessions() -> list[Trials]:
    return CellTypes.with_options(sessions=3, **SIZES).load()


@pytest.fixture(scope="module")
def fitted(sessions: list[Trials]) -> Estimator:
    return Estimator("neuprint", train=QUICK, progress=False, **TINY).fit(sessions[:2])


def _blobs(neurons: int, apart: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, neurons)
    return rng.normal(size=(neurons, 4)) + apart * np.eye(4)[kind], np.array(["a", "b", "c"])[kind]


@pytest.mark.parametrize("classifier", list(CLASSIFIERS))
def test_a_classifier_tells_what_can_be_told_and_nothing_else(classifier: str) -> None:
    a, y = _blobs(120, 6.0, 0)
    b, z = _blobs(80, 6.0, 1)
    noise = (np.random.default_rng(2).normal(size=a.shape), np.random.default_rng(3).normal(size=b.shape))
    score = _score("kind", classifier, {"embeddings": (a, b), "noise": noise}, y, z, {}, 0, 500)
    assert score.value > 0.97 and score.interval[0] <= score.value <= score.interval[1] and score.n == 80
    assert score.baselines["noise"] < 0.55 and score.baselines["shuffled_labels"] < 0.6
    most = max(np.unique(y), key=lambda name: (y == name).sum())
    assert score.baselines["majority"] == pytest.approx((z == most).mean())
    difference, low, high = score.difference["noise"]
    assert difference == pytest.approx(score.value - score.baselines["noise"]) and 0.2 < low < difference < high


def test_activity_statistics_are_what_they_are_called() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 60, 3))
    values[..., 1] = np.sin(np.arange(60) * np.pi)[None] + np.tile([1.0, -1.0], 30)  # alternates
    values[..., 2] = 2 + 3 * values[..., 2]
    running = values[..., :1] + 0.1 * rng.normal(size=(40, 60, 1))
    running[0] = np.nan
    trials = Trials.from_arrays(fluorescence=values, bin_s=0.25, behaviour={"running": running})
    found = activity_statistics(trials, behaviour=True)
    assert found.shape == (3, 4 + len(LAGS) + 2) and activity_statistics(trials).shape == (3, 4 + len(LAGS) + 1)
    np.testing.assert_allclose(found[2, :2], [2, 3], atol=0.2)
    np.testing.assert_allclose(found[0, 2:4], [0, 3], atol=0.3)
    np.testing.assert_allclose(found[1, 4:6], [-1, 1], atol=0.01)
    assert found[0, -1] > 0.98 and abs(found[2, -1]) < 0.1


def test_embeddings_are_found_anew_with_the_rest_frozen(sessions: list[Trials], fitted: Estimator) -> None:
    found = embedded_anew(fitted, [sessions[0], sessions[2]], train=QUICK)
    assert [each.shape for each in found] == [(30, 3), (30, 3)]
    assert not np.allclose(found[0], embeddings_of(fitted.model_, 0))
    assert len(fitted.model_.spec.sessions) == 2


def test_an_analysis_holds_every_label_classifier_and_baseline(sessions: list[Trials], fitted: Estimator) -> None:
    scores = classify_cell_types(
        fitted, sessions[:2], sessions[2:], classifiers=["knn", "linear"], train=QUICK, draws=50
    )
    assert [s.name for s in scores] == ["class_knn", "class_linear", "subclass_knn", "subclass_linear"]
    inhibitory = int((sessions[2].unit_table["class"] == "inhibitory").sum())
    assert [s.n for s in scores] == [30, 30, inhibitory, inhibitory]
    for score in scores:
        assert set(score.baselines) == {
            "majority", "shuffled_labels", "untrained", "activity_statistics", "behaviour_statistics"
        }  # fmt: skip
        assert 0 <= score.value <= 1 and score.context["held_out"] == ["session_2"]
        json.dumps(score.as_mapping(), allow_nan=False)


def test_neurons_without_a_label_are_left_out(sessions: list[Trials], fitted: Estimator) -> None:
    table = sessions[2].unit_table.copy()
    table.loc[:9, "class"] = None
    some = dataclasses.replace(sessions[2], unit_table=table)
    score, *_ = classify_cell_types(fitted, sessions[:2], [some], labels=["class"], classifiers=["knn"], train=QUICK)
    assert score.n == 20


def test_what_cannot_be_analysed_is_refused(sessions: list[Trials], fitted: Estimator) -> None:
    def refused(error: type[Exception], match: str, held_out: list[Trials], **more: object) -> None:
        with pytest.raises(error, match=match):
            classify_cell_types(fitted, sessions[:2], held_out, **{"classifiers": ["knn"], "train": QUICK, **more})  # type: ignore[arg-type]

    refused(InvalidInput, "session_1, which was trained on", [sessions[1]])
    refused(UnknownName, "forest", sessions[2:], classifiers=["forest"])
    refused(UnknownName, "layer", sessions[2:], labels=["layer"])
    bare = dataclasses.replace(sessions[2], unit_table=pd.DataFrame())
    refused(UnknownName, "class", [bare])
    strange = dataclasses.replace(sessions[2], unit_table=sessions[2].unit_table.assign(**{"class": "glia"}))
    refused(InvalidInput, "glia", [strange], labels=["class"])
    with pytest.raises(InvalidInput, match="embeds every neuron"):
        embeddings_of(Estimator("mean_rate", progress=False).fit(_counts()).model_, 0)


def _counts() -> Trials:
    return Trials.from_arrays(np.random.default_rng(0).poisson(1.0, (10, 5, 3)), bin_s=0.1)


def test_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    data = ["--data.sessions", "2", "--data.units", "30", "--data.windows", "8", "--data.bins", "12"]
    train = ["--train.epochs", "1", "--train.batch-size", "4"]
    small = ["--model.embedding", "3", "--model.feedforward", "4"]
    assert main(["fit", "neuprint", "cell_types", *data, *small, *train, "--out", "run"]) == 0
    assert main(["analyse", "run", "--cell-types"]) == 2
    assert "neurodyn adapt" in capsys.readouterr().err
    assert main(["analyse", "run"]) == 2 and main(["analyse", "run", "--cell-types", "--fixed-points"]) == 2
    assert main(["adapt", "run", "cell_types", *data, "--data.first", "2", *train, "--out", "joined"]) == 0
    capsys.readouterr()
    assert main(["analyse", "joined", "--cell-types", "--epochs", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [s["name"] for s in found["scores"]][::3] == ["class_knn", "subclass_knn"]
    assert found["scores"][0]["context"]["held_out"] == ["session_2", "session_3"]
    assert json.loads((tmp_path / "joined/analysis/cell_types.json").read_text()) == found

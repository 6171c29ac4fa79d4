"""The models scores stand beside are fitted once for a run, and anew when anything that decides them has changed."""

from pathlib import Path

import numpy as np
import pytest

import neurodyn as nd
from neurodyn import baselines
from neurodyn.data import store
from neurodyn.data.splits import split_trials
from neurodyn.data.trials import Trials
from neurodyn.estimator import Estimator


def session(seed: int) -> Trials:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, 0.5, (50, 1, 1)) * np.linspace(0.3, 1.5, 8) * np.ones((1, 12, 1))
    return split_trials(Trials.from_arrays(rng.poisson(rates), bin_s=0.02, heldin=range(6), forward=2), seed=1)


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models fitted, as they are."""
    names: list[str] = []
    fit = Estimator.fit

    def counted(self: Estimator, *given: object, **options: object) -> Estimator:
        names.append(str(self.model))
        return fit(self, *given, **options)

    monkeypatch.setattr(Estimator, "fit", counted)
    return names


@pytest.fixture
def run(tmp_path: Path) -> Path:
    data = store.save(session(0), tmp_path / "session.h5")
    nd.fit("smoothing", nd.load(data), out=tmp_path / "run", progress=False)
    return tmp_path / "run"


def test_a_second_evaluation_fits_nothing_and_says_the_same(run: Path, fitted: list[str]) -> None:
    first = nd.evaluate(run)
    assert fitted == ["mean_rate", "glm"]
    again = nd.evaluate(run)
    assert fitted == ["mean_rate", "glm"]
    assert [s.as_mapping() for s in again] == [s.as_mapping() for s in first]
    nd.report(run, run / "report.html")
    assert fitted == ["mean_rate", "glm"]


@pytest.mark.parametrize("change", ["data", "version", "damage"])
def test_what_no_longer_fits_is_fitted_again(
    change: str, tmp_path: Path, fitted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def splits(trials: Trials) -> dict[str, Trials]:
        return {"train": trials.train, "valid": trials.valid, "test": trials.test}

    baselines.baseline_evaluations("glm", splits(session(0)), {}, tmp_path)
    assert fitted == ["mean_rate", "smoothing"]
    if change == "version":
        now = baselines.environment()
        monkeypatch.setattr(baselines, "environment", lambda: {**now, "versions": {**now["versions"], "neurodyn": "0"}})
    if change == "damage":
        (tmp_path / "session" / "smoothing" / "best.safetensors").unlink()
    baselines.baseline_evaluations("glm", splits(session(int(change == "data"))), {}, tmp_path)
    assert fitted == ["mean_rate", "smoothing"] + (["smoothing"] if change == "damage" else ["mean_rate", "smoothing"])


def test_a_folder_that_cannot_be_written_costs_no_score(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    trials = session(0)
    found = baselines.baseline_evaluations(
        "glm", {"train": trials.train, "valid": trials.valid, "test": trials.test}, {}, tmp_path / "file"
    )
    assert set(found) == {"mean_rate", "smoothing"}

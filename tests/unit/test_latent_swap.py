"""Rates decoded from the latents of other trials: models whose answer is known, and where the score is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

import neurodyn as nd
from neurodyn import baselines
from neurodyn.baselines import evaluation_of
from neurodyn.cli import main
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Evaluation
from neurodyn.metrics.co_bps import CoBPS
from neurodyn.metrics.latent_use import LatentUse
from neurodyn.models.base import Model, Output
from neurodyn.models.mean_rate import MeanRate
from neurodyn.training.run import Run


class Gain(Model):
    """The log of a trial's mean count is its latent, and is every unit's log rate: `used` of it as latent, the rest past the latents."""

    Config: ClassVar = MeanRate.Config
    used: float = 1.0

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        counts = (
            (observed.neural * observed.mask[..., None]).sum((1, 2)) / observed.mask.sum(1) / observed.neural.shape[2]
        )
        gain = counts.clamp_min(0.02).log()[:, None, None].expand(-1, observed.bins, 1)
        if self.samples_posterior:
            gain = gain + torch.randn_like(gain)
        hidden = {"past": (1 - self.used) * gain}
        return Output(self.rates_from(gain, Output(hidden=hidden), observed), latents=gain, hidden=hidden)

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        log_rates = self.used * latents + output.hidden["past"]
        return {observed.neural_name or "": log_rates.expand(-1, -1, self.spec.only.units)[..., None]}


class Decorated(Gain):
    """Nothing of it as latent."""

    used = 0.0


class Constant(Gain):
    """Latents that are the same in all trials."""

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        latents = torch.full((observed.trials, observed.bins, 1), -0.5)
        return Output(
            self.rates_from(latents, Output(hidden={"past": torch.zeros(1)}), observed),
            latents=latents,
            hidden={"past": torch.zeros(1)},
        )


class Unmapped(Gain):
    """A model that offers no map from its latents to rates."""

    rates_from = Model.rates_from

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        latents = torch.zeros(observed.trials, observed.bins, 1)
        return Output({observed.neural_name or "": latents.expand(-1, -1, self.spec.only.units)[..., None]}, latents)


def gains(trials: int = 60) -> Trials:
    rng = np.random.default_rng(0)
    rates = rng.gamma(1.5, 0.6, (trials, 1, 1)) * np.ones((1, 10, 9))
    mask = np.ones((trials, 10), bool)
    mask[::5, 7:] = False
    return Trials.from_arrays(rng.poisson(rates), bin_s=0.02, heldin=[0, 1, 3, 4, 6, 8], forward=2, mask=mask)


def evaluated(kind: type[Model], trials: Trials, samples: int = 0) -> Evaluation:
    model = kind(kind.Config(), DataSpec.of(trials)).eval()
    return evaluation_of(model, {"test": trials}, samples, swap=True)


def test_latents_that_are_not_used_score_exactly_zero() -> None:
    found = LatentUse().measure(evaluated(Decorated, gains()))
    assert found.context["own_latents"] > 0.2 and found.value == 0


def test_latents_that_carry_all_lose_more_than_the_score() -> None:
    found = LatentUse().measure(evaluated(Gain, gains()))
    assert found.context["own_latents"] > 0.2 and found.context["other_latents"] < 0
    assert found.value == pytest.approx(found.context["own_latents"] - found.context["other_latents"])
    assert found.context["share"] > 1


def test_latents_that_all_trials_share_score_exactly_zero() -> None:
    assert LatentUse().measure(evaluated(Constant, gains())).value == 0


def test_own_latents_score_as_co_bps_over_bins_inside_both() -> None:
    trials = gains().select(slice(1, 5))  # of equal length
    evaluation = evaluated(Gain, trials)
    assert LatentUse().measure(evaluation).context["own_latents"] == pytest.approx(CoBPS().measure(evaluation).value)


def test_it_is_of_posterior_means_whatever_the_samples_and_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    once = evaluated(Gain, gains()).latent_swap
    monkeypatch.setattr(baselines, "trials_at_a_time", lambda trials: 7)
    again = evaluated(Gain, gains(), samples=3).latent_swap
    assert once is not None and again is not None
    for name in ("partner", "own", "other"):
        np.testing.assert_allclose(getattr(once, name), getattr(again, name), rtol=1e-6)
    assert (once.partner != np.arange(60)).all()


def test_inference_stays_as_it_was() -> None:
    swapped, plain = (
        evaluated(Gain, gains()),
        evaluation_of(Gain(Gain.Config(), DataSpec.of(gains())), {"test": gains()}),
    )
    assert plain.latent_swap is None
    mine, theirs = (e.inferred["test"].arrays() for e in (swapped, plain))
    assert mine.keys() == theirs.keys() and all(np.array_equal(mine[n], theirs[n]) for n in mine)


def test_models_without_a_map_and_single_trials_are_left_out() -> None:
    assert evaluated(Unmapped, gains()).latent_swap is None
    assert evaluated(MeanRate, gains()).latent_swap is None
    assert evaluated(Gain, gains().select([0])).latent_swap is None


def test_latents_of_another_shape_are_refused() -> None:
    trials = gains()
    model = Gain(Gain.Config(), DataSpec.of(trials))
    for shape in ((59, 10, 1), (60, 9, 1), (60, 10, 2)):
        with pytest.raises(InvalidInput, match="latents"):
            model.infer(trials, latents=np.zeros(shape, np.float32))
    with pytest.raises(InvalidInput, match="rates_from"):
        Unmapped(Gain.Config(), DataSpec.of(trials)).infer(trials, latents=np.zeros((60, 10, 1), np.float32))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt next to nothing, in a run's folder."""
    out = tmp_path_factory.mktemp("runs") / "run"
    trials = nd.load("privileged_reach", train=20, valid=8, test=10, heldin=6, heldout=3)
    options: dict[str, Any] = {"width": 4, "layers": 1, "feedforward": 4, "train": {"epochs": 1}, "progress": False}
    nd.fit("ndt", trials, out=out, **options)
    return out


def test_it_stands_beside_the_scores(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(run)]) == 0
    assert "Co-bps with the latents of other trials: " in " ".join(capsys.readouterr().err.split())
    scores = {s.name: s for s in Run.open(run).scores()}
    assert set(scores["latent_use"].baselines) == {"untrained"} and scores["latent_use"].ceiling is None
    with h5py.File(run / "outputs.h5") as file:
        assert set(file["test"]) == {"rates", "latents"}
    assert "Co-bps with the latents of other trials: " in nd.report(run, tmp_path / "page.html").read_text()


def test_other_measures_do_not_wait_for_it(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run), "--metrics", "latent_use", "--json"]) == 0
    assert [s["name"] for s in json.loads(capsys.readouterr().out)["scores"]] == ["latent_use"]
    monkeypatch.setattr(baselines, "_latent_swap", None)
    assert [s.name for s in nd.evaluate(run, metrics=["co_bps"])] == ["co_bps"]

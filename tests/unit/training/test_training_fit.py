import dataclasses
import importlib.util
import json
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_training import CONFIG, Noisy, NoisyConfig, some_trials, train

from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.closed_form import ClosedForm
from neurodyn.models.mean_rate import MeanRate, MeanRateConfig
from neurodyn.objectives.base import Losses, Step
from neurodyn.objectives.poisson import Poisson, PoissonConfig
from neurodyn.training.config import TrainConfig
from neurodyn.training.fit import fit
from neurodyn.training.run import Run
from neurodyn.training.selection import Validation

FEW = dataclasses.replace(CONFIG, epochs=4)


def test_training_learns_and_keeps_the_best_weights() -> None:
    config = TrainConfig(epochs=40, batch_size=16, learning_rate=0.02, warmup_epochs=0)
    model, fitted = train(None, config=config)
    scores = [row["valid/score"] for row in fitted.history]
    assert fitted.best_score == max(scores) and scores[fitted.best_epoch] == max(scores)
    assert fitted.best_score > scores[0] + 0.1
    assert not model.training
    validation = Validation([some_trials().select(range(45, 60))], "unseen_bps", torch.device("cpu"))
    assert validation(model, Poisson(PoissonConfig(), model), Step())[1] == pytest.approx(fitted.best_score)


def test_rows_hold_every_term_of_training_and_validation(tmp_path: Path) -> None:
    _, fitted = train(Run.create(tmp_path / "run"), config=FEW)
    rows = Run(tmp_path / "run").history()
    assert rows == list(fitted.history)
    assert [row["step"] for row in rows] == [3, 6, 9, 12]
    names = {"epoch", "step", "cpu_s", "learning_rate", "valid/score"}
    terms = {f"{part}/{term}" for part in ("train", "valid") for term in ("total", "counts_nll")}
    assert all(set(row) == names | terms for row in rows)
    assert np.all(np.diff([row["cpu_s"] for row in rows]) >= 0)


def test_average_of_the_weights_is_what_is_kept(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    model, fitted = train(run, config=dataclasses.replace(FEW, average_decay=0.9))
    state = run.checkpoint()
    live = {k.removeprefix("model."): v for k, v in state["state_dict"].items()}
    assert fitted.best_epoch == 3, "the last epoch is the best here, so that its average is what is kept"
    for (name, kept), average in zip(model.named_parameters(), state["neurodyn"]["average"]):
        assert torch.equal(kept, average)
        assert not torch.equal(kept, live[name])


def test_patience_counts_from_the_best_epoch_after_burn_in() -> None:
    config = TrainConfig(epochs=200, batch_size=16, learning_rate=0.1, patience=3, burn_in_epochs=5)
    _, fitted = train(None, config=config)
    assert fitted.stopped == "patience"
    assert fitted.best_epoch >= 5
    assert fitted.epochs == fitted.best_epoch + 1 + 3


def test_stops_after_the_cpu_seconds_given() -> None:
    _, fitted = train(None, config=TrainConfig(epochs=100_000, batch_size=16, patience=100_000, max_cpu_s=0.3))
    assert fitted.stopped == "max_cpu_s"
    assert 0.3 <= fitted.cpu_s < 3


def test_without_an_epoch_that_counts_the_last_weights_are_kept(tmp_path: Path) -> None:
    model, fitted = train(Run.create(tmp_path / "run"), config=dataclasses.replace(FEW, burn_in_epochs=50))
    assert fitted.best_epoch is None and fitted.epochs == 4
    assert all(torch.isfinite(p).all() for p in model.parameters())
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_weights_are_kept_every_so_many_epochs(tmp_path: Path) -> None:
    train(Run.create(tmp_path / "run"), config=dataclasses.replace(FEW, checkpoint_every=2))
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == ["step_00000006.safetensors", "step_00000012.safetensors"]


class Failing(Poisson):
    """Not finite in the steps given."""

    steps: tuple[int, ...] = ()

    def __call__(self, output: Any, batch: Any, step: Step) -> Losses:
        losses = super().__call__(output, batch, step)
        if step.step in self.steps:
            bad = losses.total * float("nan")
            return Losses(bad, {**losses.terms, "kl": bad.detach()})
        return losses


@pytest.mark.parametrize(("steps", "raises"), [((4,), False), ((4, 6), False), ((4, 5), True)])
def test_two_bad_steps_in_a_row_are_an_error(steps: tuple[int, ...], raises: bool) -> None:
    trials = some_trials()
    model = Noisy(NoisyConfig(), DataSpec.of(trials))
    objective = Failing(PoissonConfig(), model)
    objective.steps = steps
    parts = [trials.select(range(45))], [trials.select(range(45, 60))]
    if raises:
        with pytest.raises(InvalidInput, match=r"kl = nan in epoch 1, step 5"):
            fit(model, *parts, objective, BPTT(), FEW)
    else:
        fit(model, *parts, objective, BPTT(), FEW)
        assert all(torch.isfinite(p).all() for p in model.parameters())


def test_closed_form_models_write_the_same_folder(tmp_path: Path) -> None:
    trials = some_trials()
    model = MeanRate(MeanRateConfig(), DataSpec.of(trials))
    parts = [trials.select(range(45))], [trials.select(range(45, 60))]
    fitted = fit(model, *parts, Poisson(PoissonConfig(), model), ClosedForm(), run=Run.create(tmp_path / "run"))
    assert fitted.stopped == "solved" and np.isfinite(fitted.best_score)
    assert (tmp_path / "run" / "best.safetensors").exists()
    assert Run(tmp_path / "run").history() == list(fitted.history)


def test_a_batch_larger_than_the_training_trials_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"train\.batch_size: got 46; expected at most 45"):
        train(None, config=TrainConfig(batch_size=46))


def test_gpu_is_refused_where_there_is_none() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InvalidInput, match="cuda"):
        train(None, config=TrainConfig(device="cuda"))


def test_tensorboard_is_written_or_its_absence_explained(tmp_path: Path) -> None:
    config = dataclasses.replace(FEW, tensorboard=True)
    if importlib.util.find_spec("tensorboard") or importlib.util.find_spec("tensorboardX"):
        train(Run.create(tmp_path / "run"), config=config)
        assert list((tmp_path / "run" / "tensorboard").glob("events*"))
    else:
        with pytest.raises(InvalidInput, match=r"neurodyn\[track\]"):
            train(Run.create(tmp_path / "run"), config=config)


def test_leaves_the_process_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    """Random generator, threads, warnings, output."""
    torch.manual_seed(11)
    Noisy(NoisyConfig(), DataSpec.of(some_trials()))
    expected, threads = torch.get_rng_state(), torch.get_num_threads()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        train(None, config=FEW)
    assert torch.equal(torch.get_rng_state(), expected)
    assert torch.get_num_threads() == threads
    assert not [w for w in warned if "lightning" in str(w.filename) or "rainer" in str(w.message)]
    assert capfd.readouterr() == ("", "")


def test_trains_outside_the_main_thread() -> None:
    found = []
    thread = threading.Thread(target=lambda: found.append(train(None, config=FEW)[1].epochs))
    thread.start()
    thread.join()
    assert found == [4]


@pytest.mark.slow
def test_one_step_costs_little_more_than_the_bare_loop() -> None:
    """Lightning's share of a step of a trivial model, in a process of its own: type checks would be most of it here."""
    script = Path(__file__).parents[3] / "benchmarks" / "training_overhead.py"
    done = subprocess.run([sys.executable, script, "--rounds", "3"], capture_output=True, check=True)
    assert json.loads(done.stdout)["added_ms"] < 1


def test_last_keeps_the_last_weights_and_says_so(tmp_path) -> None:
    config = dataclasses.replace(CONFIG, select="last", epochs=6, average_decay=0.0)
    run = Run.create(tmp_path / "run")
    model, fitted = train(run, config=config)
    assert fitted.best_epoch == 5 and fitted.best_score == fitted.history[-1]["valid/score"]
    checkpoint = torch.load(run.path / "last.ckpt", weights_only=False)["state_dict"]
    for name, value in model.state_dict().items():
        assert torch.equal(value, checkpoint[f"model.{name}"])


def test_masked_loss_draws_masks_anew_every_epoch_and_the_same_when_run_again() -> None:
    config = dataclasses.replace(CONFIG, select="masked_loss", learning_rate=1e-12, epochs=3, average_decay=0.0)
    scores = [[row["valid/score"] for row in train(None, config=config)[1].history] for _ in range(2)]
    assert scores[0] == scores[1] and len({round(score, 6) for score in scores[0]}) == 3


def test_adam_adds_a_rising_weight_decay_to_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    step = torch.optim.Adam.step

    def recorded(self: torch.optim.Adam, *arguments: Any, **options: Any) -> Any:
        assert not isinstance(self, torch.optim.AdamW)
        seen.extend(group["weight_decay"] for group in self.param_groups)
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", recorded)
    decaying = dict(optimizer="adam", weight_decay=0.4, weight_decay_increase_epochs=4, gradient_clip=float("inf"))
    train(None, config=dataclasses.replace(FEW, epochs=6, average_decay=0.0, **decaying))  # type: ignore[arg-type]
    assert seen == pytest.approx([0.0] * 3 + [0.1] * 3 + [0.2] * 3 + [0.3] * 3 + [0.4] * 6)

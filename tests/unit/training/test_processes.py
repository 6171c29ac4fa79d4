"""Training in two processes: one run folder, the same weights everywhere, and an end together whatever happens."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import sys
import time
from functools import partial
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import TWO, Noisy, NoisyConfig, some_trials, train

from neurodyn.data.spec import DataSpec
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.closed_form import ClosedForm
from neurodyn.objectives.base import Losses, Step
from neurodyn.objectives.poisson import Poisson, PoissonConfig
from neurodyn.training.batches import Batches
from neurodyn.training.config import TrainConfig
from neurodyn.training.fit import fit
from neurodyn.training.keys import seed_step
from neurodyn.training.launch import in_processes
from neurodyn.training.processes import check_processes, of_all, place
from neurodyn.training.run import Run

FEW = dataclasses.replace(TWO, epochs=4)
CPU = torch.device("cpu")


def rows(folder: Path) -> list[dict[str, Any]]:
    return [{k: v for k, v in row.items() if k != "cpu_s"} for row in Run(folder).history()]


def assert_same(one: Path, other: Path) -> None:
    best = load_file(one / "best.safetensors"), load_file(other / "best.safetensors")
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[1])
    last = Run(one).checkpoint()["state_dict"], Run(other).checkpoint()["state_dict"]
    assert all(torch.equal(last[0][name], last[1][name]) for name in last[1])
    assert rows(one) == rows(other)


# -- what comes of it ---------------------------------------------------------------------------------------------------


def test_two_processes_leave_one_run_and_their_weights_in_the_model(tmp_path: Path) -> None:
    model, fitted = train(Run.create(tmp_path / "run"), config=TWO)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "best.safetensors",
        "last.ckpt",
        "metrics.csv",
        "metrics.jsonl",
    ]
    assert [row["epoch"] for row in fitted.history] == list(range(TWO.epochs)) and fitted.stopped == "epochs"
    kept = load_file(tmp_path / "run" / "best.safetensors")
    assert not model.training and all(torch.equal(kept[name], value) for name, value in model.state_dict().items())
    alone = train(None, config=dataclasses.replace(TWO, processes=1))[1]
    for name in ("train/total", "valid/total"):  # other noise, the same problem
        assert fitted.history[-1][name] == pytest.approx(alone.history[-1][name], rel=0.05)
    assert not multiprocessing.active_children()


def test_two_resume_to_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    for until in (4, 9, None):
        _, fitted = train(Run.create(tmp_path / "paused", resume=True), resume=True, until=until, config=TWO)
    assert fitted.epochs == TWO.epochs
    train(Run.create(tmp_path / "whole"), config=TWO)
    assert_same(tmp_path / "paused", tmp_path / "whole")


def weights_of_each(folder: Path) -> tuple[list[list[bool]], list[Any]]:
    """What each process ends with, as if `torchrun` had started them."""
    run = Run.create(folder) if place().rank == 0 else Run(folder)
    model, fitted = train(run, config=TWO)
    everyone = of_all({name: value.clone() for name, value in model.state_dict().items()})
    same = [[torch.equal(first[name], each[name]) for name in first] for first in everyone[:1] for each in everyone[1:]]
    return same, of_all((fitted.best_score, fitted.best_epoch, fitted.stopped, len(fitted.history)))


def test_processes_that_others_started_end_alike(tmp_path: Path) -> None:
    same, ends = in_processes(partial(weights_of_each, tmp_path / "theirs"), 2, 1)
    assert len(same) == 1 and all(same[0])
    assert ends[0] == ends[1]
    train(Run.create(tmp_path / "ours"), config=TWO)
    assert_same(tmp_path / "theirs", tmp_path / "ours")


def test_a_run_of_one_process_goes_on_in_two(tmp_path: Path) -> None:
    data = some_trials()
    few = {"epochs": 2, "batch_size": 16}
    made = partial(Estimator, Noisy, objective="poisson", out=tmp_path / "run", progress=False)
    made(train=few).fit(data)
    fitted = made(train={**few, "epochs": 4, "processes": 2, "parts": 2}, resume=True).fit(data)
    assert fitted.fitted_.epochs == 4 and fitted.run_ is not None
    assert fitted.run_.config["train"]["processes"] == 2


def test_each_process_draws_noise_of_its_own_and_the_first_that_of_a_single_one() -> None:
    def drawn(*place: int) -> torch.Tensor:
        with torch.random.fork_rng():
            seed_step(3, 5, 7, *place)
            return torch.randn(4)

    assert torch.equal(drawn(), drawn(0))
    assert not torch.equal(drawn(), drawn(1)) and not torch.equal(drawn(1), drawn(2))


class FailsInTheSecond(Poisson):
    """Not finite in the steps given, in the second process alone."""

    def __init__(self, steps: tuple[int, ...], model: Any) -> None:
        super().__init__(PoissonConfig(), model)
        self.steps = steps

    def __call__(self, output: Any, batch: Any, step: Step) -> Losses:
        losses = super().__call__(output, batch, step)
        if place().rank == 1 and step.step in self.steps and self.model.training:
            return Losses(losses.total * float("nan"), losses.terms)
        return losses


@pytest.mark.parametrize(("steps", "raises"), [((4, 6), False), ((4, 5), True)])
def test_a_loss_that_is_not_finite_in_one_process_is_refused_by_all(steps: tuple[int, ...], raises: bool) -> None:
    trials = some_trials()
    model = Noisy(NoisyConfig(), DataSpec.of(trials))
    asked = (model, [trials.select(range(45))], [trials.select(range(45, 60))], FailsInTheSecond(steps, model), BPTT())
    if raises:
        with pytest.raises(InvalidInput, match=r"total = nan in epoch 1, step 5"):
            fit(*asked, FEW)
    else:
        assert fit(*asked, FEW).epochs == 4
        assert all(torch.isfinite(p).all() for p in model.parameters())


# -- signals and deaths -------------------------------------------------------------------------------------------------


def trains(folder: Path) -> None:
    """Two processes of a third one, slowly enough to be caught; what they say goes into a file."""
    os.dup2(os.open(f"{folder}.said", os.O_WRONLY | os.O_CREAT), 2)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    train(Run.create(folder), pause_s=0.1, config=TWO)


def started(folder: Path) -> ForkProcess:
    """Such a training that has written a checkpoint."""
    process = multiprocessing.get_context("fork").Process(target=trains, args=(folder,))
    process.start()
    deadline = time.monotonic() + 60
    while len(Run(folder).history()) < 3 or not (folder / "last.ckpt").exists():
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(0.01)
    return process


def ended(process: ForkProcess, folder: Path) -> tuple[int | None, str]:
    """Its exit code, and what it said."""
    process.join(60)
    return process.exitcode, Path(f"{folder}.said").read_text()


def children_of(process: ForkProcess) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143)])
def test_interrupted_processes_save_together_and_resume(number: signal.Signals, code: int, tmp_path: Path) -> None:
    process = started(tmp_path / "stopped")
    os.kill(process.pid or 0, number)
    found, said = ended(process, tmp_path / "stopped")
    assert found == code and ("KeyboardInterrupt" in said) == (number == signal.SIGINT)
    assert said.count("--resume") == 1 and said.lower().count("stopping after this epoch") == 1
    run = Run(tmp_path / "stopped")
    assert run.checkpoint()["neurodyn"]["epoch"] == len(run.history()) < TWO.epochs
    train(Run.create(run.path, resume=True), resume=True, config=TWO)
    train(Run.create(tmp_path / "whole"), config=TWO)
    assert_same(run.path, tmp_path / "whole")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
@pytest.mark.parametrize("whom", ["the one that was called", "one of the two"])
def test_no_process_outlives_the_others(whom: str, tmp_path: Path) -> None:
    process = started(tmp_path / "killed")
    both = children_of(process)
    assert len(both) == 2
    os.kill((process.pid or 0) if whom == "the one that was called" else both[1], signal.SIGKILL)
    code, said = ended(process, tmp_path / "killed")
    if whom == "one of the two":
        assert code == 1 and "process 1 of 2, which ended with code -9" in said
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in both):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert Run(tmp_path / "killed").checkpoint() is not None


def raising(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [InvalidInput("field", 3, "another"), ZeroDivisionError("of 1 / 0")])
def test_an_error_of_a_process_is_raised_where_it_was_called(error: Exception) -> None:
    with pytest.raises(type(error), match=r"field: got 3|of 1 / 0") as found:
        in_processes(partial(raising, error), 2, 1)
    assert isinstance(error, InvalidInput) or "raise error" in "".join(found.value.__notes__)


def ranks(scale: int) -> list[int]:
    return [scale * place().rank, scale * place().of, torch.get_num_threads()]


@pytest.mark.slow
def test_processes_that_start_afresh_are_sent_what_to_do() -> None:
    assert in_processes(partial(ranks, 3), 2, 2) == [0, 6, 1]
    with pytest.raises(InvalidInput, match=r"lambda.*torchrun --nproc-per-node 2"):
        in_processes(lambda: 1, 2, 2)


@pytest.mark.slow
def test_fresh_processes_learn_what_forks_learn(tmp_path: Path) -> None:
    for threads in (1, 2):
        train(Run.create(tmp_path / str(threads)), config=dataclasses.replace(FEW, threads=threads))
    ours, theirs = (load_file(tmp_path / str(threads) / "best.safetensors") for threads in (1, 2))
    assert all(torch.allclose(ours[name].float(), theirs[name].float(), atol=1e-5) for name in theirs)


# -- what is refused ----------------------------------------------------------------------------------------------------


def test_more_processes_than_a_batch_has_trials_are_refused() -> None:
    sessions = [some_trials(20, session="long"), some_trials(7, session="short")]
    assert len(Batches(sessions, 8, 0, share=(0, 3)).at(0, 0)[1].mask) in (1, 2)
    with pytest.raises(InvalidInput, match=r"got 4; expected at most 3, the trials of session 'short'"):
        Batches(sessions, 8, 0, share=(0, 4))
    with pytest.raises(InvalidInput, match="at most 3, the trials of session 'short'"):
        Estimator("gru_seq", train={"processes": 4, "batch_size": 8}, progress=False).fit(sessions)


def test_what_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    three = TrainConfig(processes=3)
    with pytest.raises(InvalidInput, match=r"processes: got 3; expected 1 for a rule that solves"):
        check_processes(three, ClosedForm(), CPU)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InvalidInput, match=r"at most 2, the GPUs .* train.device=cpu"):
        check_processes(three, BPTT(), torch.device("cuda"))
    check_processes(three, BPTT(), CPU)
    monkeypatch.setattr(torch.distributed, "is_available", lambda: False)
    with pytest.raises(InvalidInput, match=r"without torch.distributed.*train.parts"):
        check_processes(three, BPTT(), CPU)


def test_processes_that_torchrun_started_must_be_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    assert dataclasses.astuple(place()) == (1, 4, 0, 2)
    check_processes(TrainConfig(processes=4), BPTT(), CPU)
    check_processes(TrainConfig(), ClosedForm(), CPU)
    for wanted in (1, 2):
        with pytest.raises(InvalidInput, match="expected 4, the processes that torchrun has started"):
            check_processes(TrainConfig(processes=wanted), BPTT(), CPU)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InvalidInput, match="got 2; expected at most 1, the GPUs"):
        check_processes(TrainConfig(processes=4), BPTT(), torch.device("cuda"))

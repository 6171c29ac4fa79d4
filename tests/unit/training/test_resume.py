"""A run that was killed or interrupted ends with the weights of one that was not."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import CONFIG, train

from neurodyn.training.interrupt import StopNow, interruptible
from neurodyn.training.run import Run


def _start(folder: Path, epochs_before: int) -> subprocess.Popen[bytes]:
    """A training in another process that has written a checkpoint and finished a few epochs."""
    script = Path(__file__).with_name("tiny_training.py")
    process = subprocess.Popen([sys.executable, str(script), str(folder)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(Run(folder).history()) < epochs_before or not (folder / "last.ckpt").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


def _assert_same(resumed: Path, whole: Path) -> None:
    best = load_file(resumed / "best.safetensors"), load_file(whole / "best.safetensors")
    assert best[0].keys() == best[1].keys()
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])
    ours, theirs = Run(resumed).checkpoint(), Run(whole).checkpoint()
    assert all(torch.equal(ours["state_dict"][k], theirs["state_dict"][k]) for k in theirs["state_dict"])
    assert all(torch.equal(a, b) for a, b in zip(ours["neurodyn"]["average"], theirs["neurodyn"]["average"]))
    assert ours["neurodyn"]["plateau"] == theirs["neurodyn"]["plateau"]
    rows = [[{k: v for k, v in row.items() if k != "cpu_s"} for row in Run(f).history()] for f in (resumed, whole)]
    assert rows[0] == rows[1]


def test_killed_run_resumes_to_the_same_weights(tmp_path: Path) -> None:
    process = _start(tmp_path / "killed", 6)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = Run(tmp_path / "killed").checkpoint()["neurodyn"]["epoch"]
    assert 0 < done < CONFIG.epochs
    _, fitted = train(Run.create(tmp_path / "killed", resume=True), resume=True)
    assert fitted.epochs == CONFIG.epochs
    assert [row["epoch"] for row in fitted.history] == list(range(CONFIG.epochs))
    train(Run.create(tmp_path / "whole"))
    _assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_interrupted_run_saves_says_how_to_go_on_and_resumes(number: signal.Signals, code: int, tmp_path: Path) -> None:
    process = _start(tmp_path / "stopped", 3)
    os.kill(process.pid, number)
    said = process.communicate(timeout=60)[1].decode()
    assert process.returncode == code
    assert ("KeyboardInterrupt" in said) == (number == signal.SIGINT)
    assert ("Traceback" in said) == (number == signal.SIGINT)
    assert said.count("--resume") == 1 and str(tmp_path / "stopped") in said
    run = Run(tmp_path / "stopped")
    assert run.checkpoint()["neurodyn"]["epoch"] == len(run.history()) < CONFIG.epochs
    assert not list(run.path.glob("*.part"))
    train(Run.create(run.path, resume=True), resume=True)
    train(Run.create(tmp_path / "whole"))
    _assert_same(run.path, tmp_path / "whole")


def test_a_handler_that_the_process_has_for_sigterm_stays() -> None:
    def own(number: int, frame: object) -> None: ...

    before = signal.signal(signal.SIGTERM, own)
    try:
        with interruptible():
            assert signal.getsignal(signal.SIGTERM) is own
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with interruptible() as interrupt:
            for _ in range(2):  # as `timeout` sends it; a second one says nothing new
                os.kill(os.getpid(), signal.SIGTERM)
            assert interrupt.pressed and interrupt.terminated
            with pytest.raises(StopNow):
                os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


def test_paused_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    for until in (5, 5, 17):  # what is done already is not done again
        _, fitted = train(Run.create(tmp_path / "paused", resume=True), resume=True, until=until)
        assert fitted.stopped == "paused" and fitted.epochs == until == len(fitted.history)
    _, fitted = train(Run.create(tmp_path / "paused", resume=True), resume=True)
    assert fitted.stopped == "epochs"
    train(Run.create(tmp_path / "whole"))
    _assert_same(tmp_path / "paused", tmp_path / "whole")


def test_run_takes_over_another_and_trains_with_settings_of_its_own(tmp_path: Path) -> None:
    changed = dataclasses.replace(CONFIG, learning_rate=0.02, weight_decay=0.25, schedule="constant")
    theirs, mine = Run.create(tmp_path / "theirs"), Run.create(tmp_path / "mine")
    train(theirs, until=6)
    train(mine, seed=9, until=2)
    mine.take_over(theirs, {"train": dataclasses.asdict(changed), "data": {}, "spec": {}})
    assert mine.config["train"]["learning_rate"] == 0.02 and mine.history() == theirs.history()
    train(Run(mine.path), seed=9, resume=True, until=7, config=changed)
    (group,) = mine.checkpoint()["optimizer_states"][0]["param_groups"]
    assert group["lr"] == mine.history()[6]["learning_rate"] == 0.02 and group["weight_decay"] == 0.25
    step = mine.checkpoint()["optimizer_states"][0]["state"][0]["step"]
    assert float(step) == 7 * theirs.checkpoint()["optimizer_states"][0]["state"][0]["step"] / 6


def test_finished_run_resumes_to_itself(tmp_path: Path) -> None:
    model, first = train(Run.create(tmp_path / "run"))
    again, second = train(Run.create(tmp_path / "run", resume=True), resume=True)
    assert second.stopped == first.stopped == "epochs"
    assert second.best_score == first.best_score
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values()))


def test_another_seed_gives_other_weights() -> None:
    one, _ = train(None)
    same, _ = train(None)
    other, _ = train(None, seed=4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters()))
    assert not all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters()))


@pytest.mark.parametrize("again", [False, True])
def test_used_folder_is_refused_without_resume(tmp_path: Path, again: bool) -> None:
    (tmp_path / "something.txt").write_text("kept")
    with pytest.raises(ValueError, match="resume"):
        Run.create(tmp_path, resume=again)
    assert (tmp_path / "something.txt").read_text() == "kept"

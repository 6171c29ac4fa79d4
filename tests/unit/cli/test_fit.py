"""`neurodyn fit`: names first, then flags; recipes; a folder that is used; Ctrl-C and a full disk."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from neurodyn.cli import main
from neurodyn.training.run import Run

TINY = ["--data.trials", "30", "--train.threads", "1"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., str]:
    """Runs a command that must end with code 2 and a plain message, and leave nothing behind; returns the message."""

    def run(*arguments: str) -> str:
        before = sorted(tmp_path.rglob("*"))
        assert main(list(arguments)) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and "Traceback" not in captured.err
        assert sorted(tmp_path.rglob("*")) == before
        return captured.err

    return run


def test_a_run_is_written_where_it_says_and_can_be_resumed(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "lfads", "two_area", *TINY, "--train.epochs", "2", "--seed", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == "runs/two_area/lfads/seed3" and found["epochs"] == 2
    config = Run.open(found["run"]).config
    assert config["seed"] == 3 and config["data"]["options"] == {"trials": 30}

    assert main(["fit", "lfads", "two_area", *TINY, "--train.epochs", "2", "--seed", "3"]) == 2
    assert "--resume" in capsys.readouterr().err
    again = ["fit", "lfads", "two_area", *TINY, "--train.epochs", "3", "--seed", "3", "--resume", "--json"]
    assert main(again) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 3


def test_a_recipe_says_the_same_and_flags_replace_it(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = {
        "model": "lfads",
        "data": {"source": "two_area", "options": {"trials": 30}},
        "train": {"epochs": 9},
        "seed": 5,
    }
    (elsewhere / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["fit", "recipe.yaml", "--train.epochs", "1", "--out", "one", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 1
    config = Run.open("one").config
    assert config["seed"] == 5 and config["train"]["epochs"] == 1 and config["data"]["options"]["trials"] == 30
    assert main(["fit", "one/config.yaml", "--out", "two", "--json"]) == 0  # a run's config is a recipe
    first, second = (Path(name, "best.safetensors").read_bytes() for name in ("one", "two"))
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["lfadz", "two_area"], ["'lfadz'", "'lfads'"]),
        (["lfads", "two_aera"], ["'two_aera'", "'two_area'"]),
        (["lfads", "absent.h5"], ["absent.h5"]),
        (["lfads", "two_area", "--model.generatr", "5"], ["--model.generatr", "--model.generator"]),
        (["lfads", "two_area", "--data.trial", "5"], ["--data.trial", "--data.trials"]),
        (["lfads", "two_area", "--train.epochs", "0"], ["train.epochs", "at least 1"]),
        (["lfads", "two_area", "--rule", "bpt"], ["'bpt'", "'bptt'"]),
        (["lfads", "two_area", "--objective", "elbow"], ["'elbow'", "'elbo'"]),
        (["lfads", "two_area", *TINY, "--train.batch-size", "1000"], ["batch_size", "1000"]),
        (["lfads"], ["DATA"]),
        (["absent.yaml"], ["absent.yaml"]),
    ],
)
def test_bad_input_is_named(refused: Callable[..., str], arguments: list[str], named: list[str]) -> None:
    message = refused("fit", *arguments)
    for word in named:
        assert word in message


@pytest.mark.parametrize(
    ("recipe", "named"),
    [
        ("model: [", "YAML"),
        ("model: lfads", "`data`"),
        ("{model: lfads, data: two_area, epochs: 5}", "recipe.epochs"),
        ("{model: lfads, data: two_area, train: {epoch: 5}}", "train.epoch"),
        ("{model: lfads, data: {name: two_area}}", "recipe.data"),
    ],
)
def test_a_bad_recipe_is_named(elsewhere: Path, refused: Callable[..., str], recipe: str, named: str) -> None:
    (elsewhere / "recipe.yaml").write_text(recipe)
    assert named in refused("fit", "recipe.yaml")


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + b"\0" * 40])
def test_a_damaged_file_is_named(elsewhere: Path, refused: Callable[..., str], content: bytes) -> None:
    (elsewhere / "session.h5").write_bytes(content)
    assert "session.h5" in refused("fit", "lfads", "session.h5")


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """As if the disk were full: the system refuses to write a file longer than this."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_ends_with_a_message_and_no_half_written_weights(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with files_at_most(20_000):
        assert main(["fit", "lfads", "two_area", *TINY, "--train.epochs", "2", "--out", "run"]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error and ("disk" in error or "space" in error or "File too large" in error)
    assert not list(elsewhere.rglob("*.part")) and not list(elsewhere.rglob("*.safetensors"))


def test_ctrl_c_ends_with_130_and_the_command_that_goes_on(elsewhere: Path) -> None:
    arguments = ["fit", "lfads", "two_area", *TINY, "--out", "run", "--train.patience", "100000"]
    command = [sys.executable, "-m", "neurodyn", *arguments, "--train.epochs", "100000"]
    with subprocess.Popen(command, cwd=elsewhere, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (elsewhere / "run" / "last.ckpt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "--resume" in error and "Traceback" not in error
    done = len(Run.open("run").history())
    assert main([*arguments, "--train.epochs", str(done + 2), "--resume"]) == 0
    assert [row["epoch"] for row in Run.open("run").history()] == list(range(done + 2))

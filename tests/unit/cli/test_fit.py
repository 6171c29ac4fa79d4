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

import numpy as np
import pytest
import yaml

from neurodyn.cli import main
from neurodyn.data.store import save
from neurodyn.data.trials import Trials
from neurodyn.estimator import Estimator
from neurodyn.observations.zero_inflated_gamma import ZeroInflatedGammaConfig
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
        (["lfads", "two_area", "--train.epochs", "0"], ["neurodyn: error: train.epochs: got 0", "at least 1"]),
        (
            ["lfads", "two_area", "--model.generator", "low_rank", "--model.generator.rank", "900"],
            ["neurodyn: error: model.generator.rank: got 900", "at most 64", "Lower model.generator.rank"],
        ),
        (
            ["lfads", "two_area", "--model.generator=low_rank", "--model.generator.step=3"],
            ["neurodyn: error: model.generator.step: got 3.0; expected above 0 and at most 1"],
        ),
        (["lfads", "two_area", "--model.generator", "-3"], ["neurodyn: error: model.generator.size: got -3"]),
        (["lfads", "two_area", "--model.observation", "gama"], ["'gama'", "'gamma'"]),
        (["lfads", "two_area", "--model.observation.loc", "1"], ["--model.observation.loc", "--model.observation?"]),
        (
            ["lfads", "two_area", "--model.observation", "zero_inflated_gamma", "--model.observation.loc", "-1"],
            ["neurodyn: error: model.observation.loc: got -1.0; expected at least 0"],
        ),
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


def test_a_likelihood_is_named_with_its_options(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = (1 + np.random.default_rng(0).gamma(2.0, 0.5, (30, 12, 6))) * (np.arange(6) % 2)
    save(Trials.from_arrays(bin_s=0.03, fluorescence=values), "session.h5")
    short = ["--train.epochs", "1", "--train.threads", "1", "--model.generator", "8", "--json"]
    named = ["--model.observation", "zero_inflated_gamma"]
    options = ["--model.observation.loc", "0.01", "--model.observation.scale-init", "3"]
    assert main(["fit", "lfads", "session.h5", *short, *named, *options, "--out", "one"]) == 0
    expected = {
        "name": "zero_inflated_gamma",
        "loc": 0.01,
        "scale_init": 3.0,
        "scale_prior": 20.0,
        "scale_penalty": 0.0,
    }
    assert Run.open("one").config["model_config"]["observation"] == expected
    likelihood = Estimator.load("one").model_.observation("fluorescence")
    assert likelihood.config == ZeroInflatedGammaConfig(loc=0.01, scale_init=3.0)
    # a run's config is a recipe: its likelihood stays, an option of it is changed, another is named, the default comes back
    again = ["fit", "one/config.yaml", "--train.epochs", "1", "--json", "--out"]
    assert main([*again, "two", "--model.observation.loc", "0.02"]) == 0
    assert Run.open("two").config["model_config"]["observation"] == {**expected, "loc": 0.02}
    assert main([*again, "three", "--model.observation", "gaussian_shared"]) == 0
    assert Run.open("three").config["model_config"]["observation"] == "gaussian_shared"
    assert main([*again, "four", "--model.observation", "None"]) == 0
    assert Run.open("four").config["model_config"]["observation"] is None
    capsys.readouterr()
    assert main(["fit", "lfads", "session.h5", *named, "--help"]) == 0
    assert "--model.observation.scale-penalty" in capsys.readouterr().out
    assert main(["config", "lfads"]) == 0
    assert "# or bernoulli, categorical, gamma," in capsys.readouterr().out


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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_its_code_and_says_how_to_go_on(elsewhere: Path, number: signal.Signals, code: int) -> None:
    arguments = ["fit", "lfads", "two_area", *TINY, "--out", "run", "--train.patience", "100000"]
    command = [sys.executable, "-m", "neurodyn", *arguments, "--train.epochs", "100000"]
    with subprocess.Popen(command, cwd=elsewhere, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (elsewhere / "run" / "last.ckpt").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        _, error = process.communicate(timeout=60)
    assert process.returncode == code, error
    assert "--resume" in error and "--out run" in error and "Traceback" not in error
    done = len(Run.open("run").history())
    assert main([*arguments, "--train.epochs", str(done + 2), "--resume"]) == 0
    assert [row["epoch"] for row in Run.open("run").history()] == list(range(done + 2))

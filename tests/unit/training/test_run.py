import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch

from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Score
from neurodyn.training.plan import Plan
from neurodyn.training.run import Run

SPEC = DataSpec.of(Trials.from_arrays(torch.ones(3, 4, 2, dtype=torch.int).numpy(), bin_s=0.02))


def _config(**train: object) -> dict[str, object]:
    plan = Plan.of("mean_rate", train=train)
    return {**plan.as_mapping(), "data": {"source": None, "options": {"parts": (1, 2)}}, "spec": SPEC.as_mapping()}


def test_config_and_environment_are_read_back(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "new" / "run")
    run.begin(_config(epochs=7))
    again = Run.open(run.path)
    assert again.plan == Plan.of("mean_rate", train={"epochs": 7}) and again.spec == SPEC
    assert again.config["data"]["options"] == {"parts": [1, 2]}
    assert again.environment["versions"]["torch"] == torch.__version__


def test_resuming_wants_the_same_settings(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    run.begin(_config(epochs=7))
    Run.create(run.path, resume=True).begin(_config(epochs=9, threads=2))
    assert run.plan.train.epochs == 9
    with pytest.raises(InvalidInput, match="Resume with the same settings") as error:
        Run.create(run.path, resume=True).begin(_config(learning_rate=1.0))
    assert error.value.field == "train"
    assert run.plan.train.learning_rate != 1.0


def test_a_line_cut_short_by_a_kill_is_left_out_and_rewound(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    for epoch in range(4):
        run.append({"epoch": epoch, "valid/score": math.nan if epoch == 1 else 0.5})
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 4, "val')
    assert [row["epoch"] for row in run.history()] == [0, 1, 2, 3]
    assert run.history()[1]["valid/score"] is None
    run.rewind(3)
    run.append({"epoch": 3})
    assert [row["epoch"] for row in run.history()] == [0, 1, 2, 3]


def test_scores_are_read_back_and_their_file_names_the_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    assert run.scores() == []
    score = Score(
        "co_bps", "bits", 0.1, (math.nan, 0.2), 9, "higher", {"mean_rate": 0.0}, None, {"mean_rate": (0.1, 0.0, 0.2)}
    )
    run.write_scores([score])
    other = dataclasses.replace(score, name="another")
    run.write_scores([other], keep=True)
    assert [each.name for each in run.scores()] == [score.name, "another"]
    run.write_scores([score])
    (again,) = run.scores()
    assert again.as_mapping() == score.as_mapping() and math.isnan(again.interval[0])
    assert json.loads((run.path / "scores.json").read_text())["run"] == str(run.path)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    run.begin(_config())
    with pytest.raises(InvalidInput, match="holds no best"):
        run.model()
    run.write_weights({"something.else": torch.zeros(2)})
    with pytest.raises(InvalidInput, match="the weights of mean_rate"):
        run.model()
    (run.path / "best.safetensors").write_bytes(b"cut short")
    with pytest.raises(InvalidInput, match="the weights of mean_rate"):
        run.model()


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    run.write_weights({"a": torch.zeros(2)})
    before = (run.path / "best.safetensors").read_bytes()

    def save(path: str) -> None:
        Path(path).write_text("half of it")
        raise OSError(28, "No space left on device")

    with pytest.raises(InvalidInput, match="room on the disk"):
        run.write_checkpoint(save)
    assert {path.name for path in run.path.iterdir()} == {"best.safetensors"}
    assert (run.path / "best.safetensors").read_bytes() == before


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="not empty"):
        Run.create(tmp_path / "file")
    with pytest.raises(InvalidInput, match=r"config\.yaml"):
        Run.open(tmp_path / "file")


@pytest.mark.parametrize("text", ["", "- 1", "a: [1", "model: lfads"])
def test_a_damaged_config_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=r"config\.yaml"):
        _ = Run.open(tmp_path).plan


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    run.write_checkpoint(lambda path: torch.save({"epoch": 3}, path))
    assert run.checkpoint() == {"epoch": 3}
    whole = (run.path / "last.ckpt").read_bytes()
    for left in (0, len(whole) // 2):
        (run.path / "last.ckpt").write_bytes(whole[:left])
        with pytest.raises(InvalidInput, match="truncated or damaged"):
            run.checkpoint()


def test_what_a_killed_process_left_unfinished_is_no_run(tmp_path: Path) -> None:
    (tmp_path / ".config.yaml.4711.part").write_text("mod")
    assert Run.create(tmp_path).path == tmp_path


def test_a_folder_in_which_nothing_was_trained_is_given_back(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    run.begin(_config())
    (run.path / "tensorboard").mkdir()
    run.discard_unless_trained()
    assert not run.path.exists()
    run = Run.create(tmp_path / "run")
    run.begin(_config())
    run.write_weights({"w": torch.ones(1)})
    run.discard_unless_trained()
    assert (run.path / "config.yaml").exists()

"""A run's folder of plain files: what was trained on what, how it went, its weights and its scores."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import platform
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from neurodyn.data.inference import Inference
from neurodyn.data.spec import DataSpec
from neurodyn.data.writing import hdf5_written_whole, written_whole
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Score
from neurodyn.models.base import Model
from neurodyn.models.parts.kernels import kernels
from neurodyn.training.plan import Plan

LAYOUT = 1
"""Version of the folder's layout, written into `config.yaml`."""
_MAY_CHANGE = (
    "epochs",
    "patience",
    "max_cpu_s",
    "checkpoint_every",
    "threads",
    "device",
    "parts",
    "processes",
    "tensorboard",
)
"""Fields of `TrainConfig` that a resumed run may change."""
_PART = re.compile(r"\..+\.\d+\.part$")


class Run:
    """One training run on disk. Weights are safetensors: no pickle is needed to load a model."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def create(path: str | Path, *, resume: bool = False) -> Run:
        """A new folder; with `resume` also one that a run has begun in.

        Raises:
            InvalidInput: the folder holds something and `resume` is false, or it is a file, or cannot be made.
        """
        folder = Path(path)
        try:
            # A file that a killed process had not finished (`.name.123.part`) is no run.
            used = folder.exists() and (not folder.is_dir() or any(not _PART.match(p.name) for p in folder.iterdir()))
            begun = any((folder / name).exists() for name in ("config.yaml", "metrics.jsonl"))
            if used and not (resume and begun):
                fix = "Continue it with --resume (resume=True), or give another --out (out=)."
                raise InvalidInput("out", f"{folder}, which is not empty", "a new or empty folder", fix)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput("out", f"{folder}: {error.strerror}", "a folder that can be written") from error
        return Run(folder)

    @staticmethod
    def open(path: str | Path) -> Run:
        """A folder that a run has been written to.

        Raises:
            InvalidInput: it holds no `config.yaml`.
        """
        if not (Path(path) / "config.yaml").is_file():
            raise InvalidInput("run", str(path), "a run's folder (one that holds config.yaml)")
        return Run(Path(path))

    # -- what was asked for -----------------------------------------------------------------------------------------

    @property
    def config(self) -> dict[str, Any]:
        """`model`, `model_config`, `objective`, `objective_config`, `rule`, `train`, `seed`, `data`, `spec`.

        Raises:
            InvalidInput: `config.yaml` is damaged.
        """
        path = self.path / "config.yaml"
        try:
            found = yaml.safe_load(path.read_text())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            what = " ".join(str(error).split())
            raise InvalidInput(str(path), f"a file that is not YAML ({what})", "a run's config") from error
        if not isinstance(found, dict) or not {"data", "spec"} <= set(found):
            raise InvalidInput(str(path), "no `data` and `spec`", "a config that a run has written")
        return found

    @property
    def plan(self) -> Plan:
        """What was asked for, apart from the data."""
        return Plan.from_mapping(self.config)

    @property
    def spec(self) -> DataSpec:
        """Sizes of the data."""
        return DataSpec.from_mapping(self.config["spec"])

    def begin(self, config: Mapping[str, Any]) -> None:
        """Writes `config.yaml` and `environment.json`, or checks that a run to be resumed was begun with the same.

        Raises:
            InvalidInput: the folder's config says otherwise (how long and where to train may change).
        """
        config = json.loads(json.dumps({"layout": LAYOUT, **config}, default=_plain))
        if (self.path / "config.yaml").exists():
            before = self.config
            for name in {*config, *before}:
                if _comparable(name, before.get(name)) != _comparable(name, config.get(name)):
                    raise InvalidInput(
                        name,
                        config.get(name),
                        f"{before.get(name)}, as {self.path} was begun with",
                        "Resume with the same settings, or start anew in another folder.",
                    )
        with written_whole(self.path / "config.yaml") as beside:
            beside.write_text(yaml.safe_dump(config, sort_keys=False, default_flow_style=None))
        with written_whole(self.path / "environment.json") as beside:
            beside.write_text(json.dumps(environment(), indent=2))

    def take_over(self, other: Run, config: Mapping[str, Any]) -> None:
        """Goes on from where another run stands, with a config of its own: its checkpoint, best weights and learning curves replace this run's.

        The config is written last: a run that says it took over has done so.
        """
        for name in ("last.ckpt", "best.safetensors", "metrics.jsonl", "metrics.csv"):
            with written_whole(self.path / name) as beside:
                shutil.copyfile(other.path / name, beside)
        (self.path / "config.yaml").unlink(missing_ok=True)
        self.begin(config)

    def discard_unless_trained(self) -> None:
        """Takes back a folder in which training could not start, so that the next attempt finds it unused."""
        if any((self.path / name).exists() for name in ("last.ckpt", "best.safetensors", "checkpoints")):
            return
        for name in ("config.yaml", "environment.json", "metrics.jsonl"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "tensorboard", ignore_errors=True)
        with contextlib.suppress(OSError):  # something else lies in it
            self.path.rmdir()

    @property
    def environment(self) -> dict[str, Any]:
        """Versions and machine; empty where the file is missing."""
        path = self.path / "environment.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    # -- how it went ------------------------------------------------------------------------------------------------

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds one line to `metrics.jsonl`; numbers that are not finite become null."""
        finite = {k: None if isinstance(v, float) and not abs(v) < float("inf") else v for k, v in row.items()}
        try:
            with (self.path / "metrics.jsonl").open("a") as file:
                file.write(json.dumps(finite) + "\n")
        except OSError as error:
            raise InvalidInput("out", f"{self.path}: {error.strerror}", "a folder that can be written") from error

    def write_table(self) -> None:
        """Writes `metrics.csv`, the rows of `metrics.jsonl` as a table."""
        import pandas as pd

        with written_whole(self.path / "metrics.csv") as beside:
            pd.DataFrame(self.history()).to_csv(beside, index=False)

    def history(self) -> list[dict[str, Any]]:
        """The rows of `metrics.jsonl`, one an epoch; a last line cut short by a kill is left out."""
        rows: list[dict[str, Any]] = []
        path = self.path / "metrics.jsonl"
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return rows

    def rewind(self, epoch: int) -> None:
        """Drops the rows from `epoch` on, which a resumed run writes again."""
        with written_whole(self.path / "metrics.jsonl") as beside:
            beside.write_text("".join(json.dumps(row) + "\n" for row in self.history() if row["epoch"] < epoch))

    def scores(self) -> list[Score]:
        """The scores of the last evaluation; none before it."""
        path = self.path / "scores.json"
        if not path.exists():
            return []
        return [_score(values) for values in json.loads(path.read_text())["scores"]]

    def write_scores(self, scores: Sequence[Score], *, keep: bool = False) -> None:
        """Writes `scores.json`; with `keep`, those of other measures and sessions that were written before stay."""
        new = {(score.name, score.context.get("session")) for score in scores}
        before = [s for s in self.scores() if (s.name, s.context.get("session")) not in new] if keep else []
        with written_whole(self.path / "scores.json") as beside:
            found = {"run": str(self.path), "scores": [score.as_mapping() for score in (*before, *scores)]}
            beside.write_text(json.dumps(found, indent=2))

    def write_outputs(self, inferred: Mapping[str, Inference]) -> None:
        """Writes `outputs.h5`: a group a split, a data set an array."""
        with hdf5_written_whole(self.path / "outputs.h5") as file:
            for split, inference in inferred.items():
                group = file.create_group(split)
                group.attrs["bin_s"] = inference.bin_s
                for name, values in inference.arrays().items():
                    group.create_dataset(name, data=values)

    # -- weights ----------------------------------------------------------------------------------------------------

    def write_weights(self, state: Mapping[str, Tensor], file: str = "best.safetensors") -> None:
        """Writes a state dict as safetensors."""
        from safetensors.torch import save

        path = self.path / file
        path.parent.mkdir(exist_ok=True)
        with written_whole(path) as beside:
            beside.write_bytes(save({name: t.detach().cpu().clone().contiguous() for name, t in state.items()}))

    def keep(self, step: int, model: nn.Module, **beside: nn.Module | None) -> None:
        """Writes the weights as they are after so many steps, `checkpoints/step_<steps>.safetensors`, and what is kept beside the model: `beside_<steps>.safetensors`, by `<what>.<name>`."""
        self.write_weights(model.state_dict(), f"checkpoints/step_{step:08d}.safetensors")
        states = {what: module.state_dict() for what, module in beside.items() if module is not None}
        if any(states.values()):
            named = {f"{what}.{name}": tensor for what, state in states.items() for name, tensor in state.items()}
            self.write_weights(named, f"checkpoints/beside_{step:08d}.safetensors")

    def kept_steps(self) -> list[int]:
        """Steps after which weights were kept, in order."""
        return sorted(int(path.stem.removeprefix("step_")) for path in self.path.glob("checkpoints/step_*.safetensors"))

    def kept(self, step: int) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        """The weights that were kept after so many steps, and what was kept beside them: of the `objective` and of the `rule`.

        Raises:
            InvalidInput: none were kept then.
        """
        from safetensors.torch import load_file

        path = self.path / f"checkpoints/step_{step:08d}.safetensors"
        if not path.is_file():
            fix = "Ask for them: --train.checkpoint_steps, --train.checkpoint_every."
            raise InvalidInput("step", step, f"one of those that {self.path} kept: {self.kept_steps()}", fix)
        beside: dict[str, dict[str, Tensor]] = {"objective": {}, "rule": {}}
        aside = path.with_name(f"beside_{step:08d}.safetensors")
        for name, tensor in (load_file(aside) if aside.is_file() else {}).items():
            what, _, rest = name.partition(".")
            beside[what][rest] = tensor
        return load_file(path), beside

    def write_checkpoint(self, save: Callable[[str], None]) -> None:
        """Has `save` write `last.ckpt`, which only a resumed training reads."""
        with written_whole(self.path / "last.ckpt") as beside:
            save(str(beside))

    def checkpoint(self) -> dict[str, Any] | None:
        """What `last.ckpt` holds, on the CPU; None before the first.

        Raises:
            InvalidInput: the file is damaged.
        """
        path = self.path / "last.ckpt"
        if not path.exists():
            return None
        try:
            return dict(torch.load(path, map_location="cpu", weights_only=True))
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            fix = "Copy it again, or start anew in another folder; best.safetensors can still be evaluated."
            raise InvalidInput(str(path), "a truncated or damaged file", "a whole checkpoint", fix) from error

    def model(self, file: str = "best.safetensors") -> Model:
        """The model with its best weights, on the CPU, in evaluation mode.

        Raises:
            InvalidInput: training has not got as far as writing weights, or they are of another model.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        model = self.plan.build_model(self.spec)
        path = self.path / file
        if not path.exists():
            raise InvalidInput(
                "run", f"{self.path}, which holds no {file}", "a run with weights", "Resume its training."
            )
        try:
            model.load_state_dict(load_file(path))
        except (SafetensorError, RuntimeError) as error:
            raise InvalidInput("run", f"{path}: {error}", f"the weights of {self.plan.model}") from error
        return model.eval()


def environment() -> dict[str, Any]:
    """Versions of what decides the numbers, and the kind of machine."""
    versions = {}
    for package in ("neurodyn", "torch", "pytorch-lightning", "numpy", "scipy", "scikit-learn", "h5py"):
        with contextlib.suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "kernels": kernels(torch.device("cpu"), torch.float32) is not None,
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": versions,
    }


def _comparable(name: str, value: Any) -> Any:
    if name == "train" and isinstance(value, Mapping):
        return {k: v for k, v in value.items() if k not in _MAY_CHANGE}
    return value


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _score(values: Mapping[str, Any]) -> Score:
    def number(value: float | None) -> float:
        return float("nan") if value is None else value

    return Score(
        **{
            **values,
            "value": number(values["value"]),
            "interval": tuple(map(number, values["interval"])),
            "baselines": {name: number(value) for name, value in values["baselines"].items()},
            "difference": {name: tuple(map(number, three)) for name, three in values["difference"].items()},
        }
    )

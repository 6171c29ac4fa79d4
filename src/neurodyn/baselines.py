"""The simpler models every score stands beside: fitted to the same training trials, once for a run."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from neurodyn.data.inference import Inference, trials_at_a_time
from neurodyn.data.trials import Trials
from neurodyn.errors import NeurodynError
from neurodyn.estimator import Estimator
from neurodyn.metrics._task_outputs import task_baselines
from neurodyn.metrics.base import Evaluation, LatentSwap, Split, other_trials
from neurodyn.models.base import Model
from neurodyn.training.partition import fingerprint
from neurodyn.training.plan import Plan
from neurodyn.training.run import environment

BASELINES = ("mean_rate", "smoothing", "glm")
"""Models that every model of spikes is compared with."""


def baseline_evaluations(
    model: str,
    splits: Mapping[Split, Trials],
    known: dict[tuple[str, str, str], Evaluation],
    folder: Path | None = None,
) -> dict[str, Evaluation]:
    """What each baseline says of the trials; none for activity that is not spikes. Of a task without activity: what it takes no network to answer.

    Args:
        model: name of the model they stand beside; it is not its own baseline.
        splits: train, valid and test trials of one session.
        known: what earlier calls found, by baseline and data; added to in place.
        folder: where fitted baselines lie, so that they are fitted once; None keeps none.
    """
    train = splits["train"]
    data = (fingerprint([train]), fingerprint([splits["test"]]))
    if train.neural_name is None:
        return _of_task(splits, data, known)
    if train.neural.kind != "spikes":
        return {}
    found = {}
    for name in BASELINES:
        if name == model:
            continue
        if (name, *data) not in known:
            kept = None if folder is None else folder / train.session / name
            known[name, *data] = evaluation_of(_fitted(name, splits, kept), splits)
        found[name] = known[name, *data]
    return found


def _of_task(
    splits: Mapping[Split, Trials], data: tuple[str, str], known: dict[tuple[str, str, str], Evaluation]
) -> dict[str, Evaluation]:
    """The answers that `task_baselines` makes, which are fitted fast enough to be kept nowhere."""
    found = {name: each for (name, *of), each in known.items() if tuple(of) == data}
    if not found:
        found = task_baselines(splits)
        known.update({(name, *data): each for name, each in found.items()})
    return found


def evaluation_of(
    model: Model, splits: Mapping[Split, Trials], samples: int = 0, privileged: bool = False, swap: bool = False
) -> Evaluation:
    """What a fitted model infers of the trials of every split; of a task without activity only of the test trials, which are all that is compared.

    Args:
        model: the model.
        splits: train, valid and test trials of one session.
        samples: posterior samples averaged.
        privileged: give a teacher the behaviour of the trials too.
        swap: also decode the test trials' rates from the latents of other test trials.
    """
    inferred: dict[Split, Inference] = {
        split: model.infer(trials, samples=samples, batch_size=trials_at_a_time(trials), privileged=privileged)
        for split, trials in splits.items()
        if split == "test" or trials.neural_name is not None
    }
    if not swap:
        return Evaluation(splits, inferred)
    means = None if samples else inferred["test"]
    return Evaluation(splits, inferred, _latent_swap(model, splits["test"], means, privileged))


def _latent_swap(model: Model, test: Trials, means: Inference | None, privileged: bool) -> LatentSwap | None:
    """The test trials' rates with their own and with other trials' latents; None for a single trial or a model that decodes no latents.

    Args:
        means: what the model infers of the test trials at posterior means; None if that is still to be done.
    """
    if not model.decodes_latents or len(test) < 2:
        return None
    infer = functools.partial(model.infer, test, batch_size=trials_at_a_time(test), privileged=privileged)
    own = infer() if means is None else means
    if own.rates is None or own.latents is None:
        return None
    partner = other_trials(len(test))
    other = infer(latents=own.latents[partner]).rates
    assert other is not None
    return LatentSwap(partner, own.rates, other)


def _fitted(name: str, splits: Mapping[Split, Trials], folder: Path | None) -> Model:
    """A baseline fitted to the training trials, or the one in the folder if it was fitted to the same by the same versions."""
    train, valid = [splits["train"]], [splits["valid"]]
    if folder is not None and (folder / "config.yaml").is_file():
        with contextlib.suppress(NeurodynError, OSError):
            kept = Estimator.load(folder)
            made_by = kept.run_.environment.get("versions") if kept.run_ is not None else None
            if (
                kept.plan_ == Plan.of(name)
                and kept.data_["train"] == fingerprint(train)
                and kept.data_["valid"] == fingerprint(valid)
                and made_by == environment()["versions"]
            ):
                return kept.model_
    fitted = Estimator(name, progress=False).fit(train, valid=valid)
    if folder is not None:
        with contextlib.suppress(NeurodynError, OSError):  # a folder that cannot be written costs time, not the score
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as beside:
                fitted.save(Path(beside) / name)
                shutil.rmtree(folder, ignore_errors=True)
                os.replace(Path(beside) / name, folder)
    return fitted.model_

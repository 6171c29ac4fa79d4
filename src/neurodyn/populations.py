"""Task-trained networks as recorded populations: some of their units spike, and all of their activity is the truth."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

import neurodyn
from neurodyn import registry
from neurodyn.config import Part, check_choices, check_range, from_dict, resolve_parts, to_dict
from neurodyn.data.signal import Signal
from neurodyn.data.splits import check_shares, fractions_of, hold_out_units, split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.estimator import Estimator
from neurodyn.loading import load
from neurodyn.models.base import Model
from neurodyn.random_streams import PerTrialStreams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.samplers.base import sampler_of

_FRESH = 0x5EC0DE
"""Sets the trials that a network is recorded in apart from those it was trained on, whatever the seeds."""


@dataclass(frozen=True)
class RecordConfig:
    """How a network is recorded. The defaults are those of the Computation-through-Dynamics Benchmark."""

    units: int = 50
    """Neurons that a model may see."""
    heldout: int = 10
    """Neurons held out beside them: the last ones."""
    trials: int = 1000
    """Trials of the task, drawn afresh."""
    repeats: int = 1
    """How often each trial is recorded, with spikes drawn anew: rows after each other, `repeat` in the table."""
    seed: int = 0
    """Seed of trials, neurons and spikes."""
    scaling: float = 2.0
    """Standardised activity is divided by this before the exponential."""
    offset: float = 0.0
    """Added before the exponential: the log of the expected count per bin at mean activity. 0 is the benchmark's, about one spike a bin."""
    sampler: Annotated[Any, Part("samplers")] = "poisson"
    """Noise around the expected counts."""
    split: tuple[float, float, float] = (8.0, 1.0, 1.0)
    """Shares of train, valid and test, in the order of the trials; repeats of a trial stay together."""

    def __post_init__(self) -> None:
        resolve_parts(self, "record")
        check_choices(self, "record")
        for name in ("units", "trials", "repeats"):
            check_range(f"record.{name}", getattr(self, name), 1)
        for name in ("heldout", "seed"):
            check_range(f"record.{name}", getattr(self, name), 0)
        check_range("record.scaling", self.scaling, 0, open_low=True)
        check_range("record.offset", self.offset, -20, 20)
        check_shares("record.split", self.split)


def record(network: str | Path | Estimator, on: Trials | None = None, **options: Any) -> Trials:
    """Spikes of a task-trained network's units, with its activity as truth.

    Each neuron reads one unit, by random permutations of the units (with more neurons than units, further permutations); a unit's activity x gives
    λ = exp((x − m)/(s · scaling) + offset) counts per bin, with mean m and s.d. s over all units, trials and bins (the
    unit subsampling of the Computation-through-Dynamics Benchmark, Versteeg et al. 2025).

    Args:
        network: folder of a run, or a fitted estimator.
        on: trials of the task, as they are; by default fresh ones of the data set that it was trained on.
        options: fields of `RecordConfig`.

    Returns:
        Trials with truth `rates`, `latents` (activity of all units), `inputs` (what drives the network), and the signal `stimulus`; no behaviour, no target.

    Raises:
        InvalidInput: a network that was not trained on a task; a task whose trials cannot be drawn afresh.
    """
    config = from_dict(RecordConfig, options, "record")
    estimator = network if isinstance(network, Estimator) else Estimator.load(network)
    model = _network(estimator)
    given = _fresh(estimator, config) if on is None else on
    if on is not None:
        config = dataclasses.replace(config, trials=len(given))
    activity, drive = _activity(model, given)
    neurons = _neurons(activity.shape[-1], config)
    known = activity[given.mask]
    mean, sd = float(known.mean()), float(known.std())
    if sd == 0:
        raise InvalidInput("network", "activity that does not vary", "a network that answers its task")
    rates = np.exp((activity[..., neurons] - mean) / (sd * config.scaling) + config.offset)
    rows = np.repeat(np.arange(len(given)), config.repeats)
    sampler = sampler_of(config.sampler)
    values = sampler.sample(rates[rows], PerTrialStreams(len(rows), config.seed))
    values = np.where(given.mask[rows][..., None], values, 0)
    stimulus = {
        name: np.asarray(s.values)[rows] for name, s in given.signals.items() if s.role in ("stimulus", "input")
    }
    labelled = split_trials(dataclasses.replace(given, draw=None), fractions_of(config.split), by="block").table
    table = labelled.assign(latent_trial=np.arange(len(given))).iloc[rows].reset_index(drop=True)
    found = Trials.from_arrays(
        values if sampler.whole else None,
        fluorescence=None if sampler.whole else values,
        bin_s=given.bin_s,
        mask=given.mask[rows],
        stimulus=stimulus,
        table=table.assign(repeat=np.tile(np.arange(config.repeats), len(given))),
        truth={"rates": rates[rows], "latents": activity[rows], "inputs": drive[rows]},
        name=f"recorded_{given.name}",
        provenance=_origin(estimator, model, config, on is None)
        | {"neurons": neurons.tolist(), "mean": mean, "sd": sd},
    )
    found = _named(found, given)
    return found if config.heldout == 0 else hold_out_units(found, heldout=_last(config))


def _network(estimator: Estimator) -> Model:
    """The network, if it was trained on a task.

    Raises:
        InvalidInput: it was not.
    """
    model: Model | None = getattr(estimator, "model_", None)
    if model is None:
        raise InvalidInput(
            "network", "an estimator that has not been fitted", "a fitted one", "Call fit(trials) first."
        )
    spec = model.spec.only if len(model.spec.sessions) == 1 else None
    roles = set() if spec is None else {signal.role for signal in spec.signals.values()}
    if "target" not in roles or "neural" in roles:
        got = f"a {registry.name_of(type(model))} that was fitted to {'activity' if 'neural' in roles else 'data'}"
        raise InvalidInput("network", got, "a network trained on a task", "neurodyn fit task_rnn flip_flop makes one.")
    return model


def _fresh(estimator: Estimator, config: RecordConfig) -> Trials:
    """Trials of the task that no training has seen.

    Raises:
        InvalidInput: they cannot be drawn.
    """
    data: Mapping[str, Any] = estimator.data_ or {}
    source = data.get("source")
    whole = None if source is None else load(source, **data.get("options", {}))
    if not isinstance(whole, Trials) or whole.draw is None:
        fix = "Give on=..., for instance other ones of the same task."
        raise InvalidInput("trials", "a task that is not drawn at random", "a task by name", fix)
    seed = int(np.random.SeedSequence((config.seed, _FRESH)).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return whole.draw(config.trials, seed, 0)


def _activity(model: Model, trials: Trials) -> tuple[Float[Array, "trial time unit"], Float[Array, "trial time input"]]:
    """Activity of all units and what drives them, without noise."""
    found = model.infer(trials)
    if found.latents is None:
        raise InvalidInput("network", registry.name_of(type(model)), "a network that shows its units' activity")
    drive = found.extra.get("drive")
    if drive is None:
        stimuli = [s.values for s in trials.signals.values() if s.role in ("stimulus", "input")]
        drive = np.concatenate([np.asarray(each) for each in stimuli], -1)
    return found.latents.astype(float), np.asarray(drive, float)


def _neurons(units: int, config: RecordConfig) -> Array:
    """The unit that each neuron reads."""
    generator, number = np.random.default_rng((config.seed, _FRESH)), config.units + config.heldout
    return np.concatenate([generator.permutation(units) for _ in range(-(-number // units))])[:number]


def _last(config: RecordConfig) -> Array:
    return np.arange(config.units, config.units + config.heldout)


def _named(found: Trials, given: Trials) -> Trials:
    """The stimulus with the names of its channels and its own mask."""
    signals: dict[str, Signal] = {}
    for name, signal in found.signals.items():
        before = given.signals.get(name)
        signals[name] = signal if before is None else dataclasses.replace(signal, names=before.names)
    return dataclasses.replace(found, signals=signals)


def _origin(estimator: Estimator, model: Model, config: RecordConfig, fresh: bool) -> dict[str, Any]:
    """Everything that is needed to record the same again."""
    weights = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        weights.update(name.encode())
        weights.update(np.ascontiguousarray(value.detach().cpu().numpy()).tobytes())
    data = estimator.data_ or {}
    return {
        "recorded": {
            "run": None if estimator.run_ is None else str(estimator.run_.path.resolve()),
            "weights_sha256": weights.hexdigest(),
            "model": registry.name_of(type(model)),
            "task": {"source": data.get("source"), "options": dict(data.get("options", {}))} if fresh else None,
            "options": to_dict(config),
            "versions": {"neurodyn": neurodyn.__version__, "numpy": np.__version__},
        }
    }

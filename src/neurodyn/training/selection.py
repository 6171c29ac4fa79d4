"""The validation score that stops training and picks the best weights, and the loss terms beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from neurodyn.data.batch import Batch
from neurodyn.data.transforms.base import Stage, Transform
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model
from neurodyn.objectives.base import Objective, Step
from neurodyn.observations.categorical import Categorical
from neurodyn.observations.poisson import Poisson
from neurodyn.training.batches import Rows
from neurodyn.training.keys import Stream, key

ENTRIES_AT_A_TIME = 2**24
"""Values of the population in a validation batch, at most."""


def unseen(batch: Batch) -> Tensor:
    """Weight of the population's entries that the encoder could not see, `(trial, time, unit)`; of all where it saw all.

    Held-out units in the observed bins and every unit in the forward bins, inside the mask.
    """
    name = batch.observed.neural_name
    assert name is not None
    target = batch.targets[name]
    hidden = torch.ones_like(target[0], dtype=torch.bool)
    seen = batch.observed.neural
    hidden[: seen.shape[1], : seen.shape[2]] = False
    if not hidden.any():
        hidden[:] = True
    return hidden * batch.weight(name)


class Validation:
    """Scores a model on the validation trials, with posterior means; a teacher is given their behaviour, as it will be when it teaches.

    `unseen_bps` is pooled over sessions: (Σ null NLL − Σ NLL) / (spikes · ln 2), where the null predicts each unit's mean over the
    entries that count. For activity that is not spikes, spikes under another likelihood than Poisson, and models of signals alone, it is the
    negative mean NLL.

    Args:
        sessions: validation trials of each session.
        select: as in `TrainConfig`.
        device: where the tensors live.
        batch_size: trials at a time.
        places: index of each session in the model's spec; by default their order.
        seed: of the masks of `masked_loss`.
    """

    def __init__(
        self,
        sessions: Sequence[Trials],
        select: str,
        device: torch.device,
        batch_size: int = 256,
        places: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        indices = range(len(sessions)) if places is None else places
        self._rows = [Rows(trials, session, device) for session, trials in zip(indices, sessions)]
        self._select, self._size, self._seed = select, batch_size, seed
        self._masks: Sequence[Transform] | None = None
        self._null: tuple[float, float] | None = None

    @torch.no_grad()
    def __call__(self, model: Model, objective: Objective, step: Step) -> tuple[dict[str, float], float]:
        """The mean of every loss term (and `total`) over the validation trials, and the score (higher is better)."""
        was_training = model.training
        model.eval()
        sums: dict[str, Tensor] = {}
        nll = torch.zeros(2, dtype=torch.float64)
        spikes = True
        trials = sum(len(rows) for rows in self._rows)
        try:
            for rows in self._rows:
                for number, batch in enumerate(rows.in_order(self._at_a_time(rows.trials))):
                    if self._select == "masked_loss":
                        batch = self._masked(model, batch, step.epoch, number)
                    output = model(batch.observed, batch.privileged if model.uses_privileged else None)
                    losses = objective(output, batch, step)
                    for name, value in {"total": losses.total, **losses.terms}.items():
                        sums[name] = sums.get(name, torch.zeros(())) + value.cpu() * (batch.observed.trials / trials)
                    nll += self._nll(model, batch, output.predictions)
                    spikes &= _predicts_poisson_spikes(model, batch, output.predictions)
        finally:
            model.train(was_training)
        terms = {name: float(value) for name, value in sums.items()}
        return terms, -terms["total"] if self._select in ("loss", "masked_loss") else self._score(model, nll, spikes)

    def _at_a_time(self, trials: Trials) -> int:
        """Trials that are looked at together: fewer of large populations, so that memory stays bounded."""
        return max(1, min(self._size, ENTRIES_AT_A_TIME // (trials.bins * max(trials.units, 1))))

    def _masked(self, model: Model, batch: Batch, epoch: int, number: int) -> Batch:
        """The batch with what the model's own transforms hide of it, without the spans that come with later epochs."""
        if self._masks is None:
            self._masks = [transform for transform in model.transforms() if transform.stage == Stage.HIDDEN]
        generator = torch.Generator(batch.mask.device)
        generator.manual_seed(key(self._seed, Stream.VALIDATION, epoch, batch.observed.session, number))
        for transform in self._masks:
            batch = transform(batch, generator)
        return batch

    def _score(self, model: Model, nll: Tensor, spikes_predicted: bool) -> float:
        total, weight = float(nll[0]), float(nll[1])
        if not spikes_predicted:
            return -total / max(weight, 1e-12)
        if self._null is None:
            self._null = self._of_means(model)
        null, spikes = self._null
        return (null - total) / (max(spikes, 1.0) * math.log(2))

    def _nll(self, model: Model, batch: Batch, predictions: Mapping[str, Tensor]) -> Tensor:
        population = batch.observed.neural_name
        names = [population] if population is not None and population in predictions else list(predictions)
        found = torch.zeros(2, dtype=torch.float64)
        for name in names:
            observation = model.observation(name, batch.observed.session)
            loss = observation.negative_log_likelihood(predictions[name], batch.targets[name])
            weight = unseen(batch) if name == population else batch.weight(name).expand_as(loss)
            several = loss.shape[-1] if isinstance(observation, Categorical) else 1  # channels of one variable
            found += torch.stack([_dot(loss, weight), weight.sum(dtype=torch.float64) / several]).cpu()
        return found

    def _of_means(self, model: Model) -> tuple[float, float]:
        """NLL of each unit's mean, and spikes, over the entries that count."""
        null = spikes = 0.0
        for rows in self._rows:
            count = weights = torch.zeros((), dtype=torch.float64)
            for batch in rows.in_order(self._at_a_time(rows.trials)):
                target, weight = self._population(batch)
                count = count + (target * weight).sum((0, 1), dtype=torch.float64)
                weights = weights + weight.sum((0, 1), dtype=torch.float64)
            mean = (count / weights.clamp_min(1)).float()
            for batch in rows.in_order(self._at_a_time(rows.trials)):
                target, weight = self._population(batch)
                observation = model.observation(batch.observed.neural_name or "", batch.observed.session)
                parameters = observation.from_mean(mean.expand_as(target))
                null += float(_dot(observation.negative_log_likelihood(parameters, target), weight))
            spikes += float(count.sum())
        return null, spikes

    @staticmethod
    def _population(batch: Batch) -> tuple[Tensor, Tensor]:
        return batch.targets[batch.observed.neural_name or ""], unseen(batch)


def _predicts_poisson_spikes(model: Model, batch: Batch, predictions: Mapping[str, Tensor]) -> bool:
    session, name = batch.observed.session, batch.observed.neural_name
    if name is None or name not in predictions or model.spec.sessions[session].signals[name].kind != "spikes":
        return False
    return isinstance(model.observation(name, session), Poisson)


def _dot(values: Tensor, weight: Tensor) -> Tensor:
    """Σ weight · value over the entries with weight, so that what is masked may hold anything."""
    return torch.where(weight > 0, values * weight, torch.zeros_like(values)).sum(dtype=torch.float64)

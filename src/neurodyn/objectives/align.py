"""PNBA's objective: each modality decoded from the other and from both, posteriors brought together, pairs told from strangers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_range
from neurodyn.data.batch import Batch
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.gaussians import Gaussian, kl, kl_of_product, kl_standard
from neurodyn.models.parts.published_pnba.network import PublishedPNBA, Reconstructions, by_slot
from neurodyn.objectives._matching import apart, matching_part
from neurodyn.objectives._published_pnba import published_pnba_losses
from neurodyn.objectives.base import Losses, Objective, Step, Whole, recorded

_NEURAL, _JOINT = "neural", "joint"


@dataclass(frozen=True)
class AlignConfig:
    """Weights of the terms. Each term is a mean over entries, so that they mean the same for any number of units, bins and pixels."""

    neural_scale: float = 2.5
    """Of the mean negative log likelihood of the activity, a unit and bin."""
    beside_scale: float = 2.0
    """Of the mean squared error of the second modality, halved, a standardised channel (or pixel) and bin."""
    kl_scale: float = 1.0
    """Of the KLs between the posteriors, a latent and bin."""
    match_scale: float = 0.2
    """Of the mean matching loss, a pair of trials."""
    prior_scale: float = 1e-3
    """Of the KL of the fused posterior from N(0, I), a latent and bin: it sets the scale of the latents."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            check_range(f"objective.{name}", getattr(self, name), 0)


class Align(Objective):
    """Weighted sum of reconstructions, KLs, a matching loss and a weak prior, for models whose `hidden` is PNBA's.

    The matching loss is a binary cross-entropy on −a d/D + b for all pairs of trials, d the expected squared distance of their latents and a = softplus(α) above 0. Trials
    of one stimulus at overlapping bins are no strangers: they are left out. Where a batch is seen in parts (micro-batches, processes), each part is still
    compared with the whole.
    """

    Config: ClassVar = AlignConfig
    gives_shares: ClassVar[bool] = True
    compares_trials: ClassVar[bool] = True
    config: AlignConfig

    def __init__(self, config: AlignConfig, model: Model) -> None:
        super().__init__(config, model)
        self.published: PublishedPNBA | None = getattr(model, "published", None)
        if self.published is None:
            raw_scale = torch.tensor(math.log(math.expm1(1.0)))
            self.trained = nn.ParameterDict(
                {"raw_scale": nn.Parameter(raw_scale), "shift": nn.Parameter(torch.zeros(()))}
            )

    def shared(self, output: Output, batch: Batch) -> Mapping[str, Tensor]:
        hidden = output.hidden
        if f"{_NEURAL}_mean" not in hidden:
            fix = "Use --objective poisson or elbo."
            raise InvalidInput("objective", "align", "a model that aligns modalities, such as pnba", fix)
        bins = batch.mask.sum(1)
        found = {
            "bins": bins,
            "counted": batch.mask,
            _NEURAL: recorded(batch, batch.observed.neural_name or "").expand_as(self._target(batch)),
        }
        found[_NEURAL] = found[_NEURAL].flatten(1).sum(1)
        if batch.shown is not None:
            found["shown"] = batch.shown
        for name in self._posteriors(output):
            found |= {f"{name}_{part}": hidden[f"{name}_{part}"].detach() for part in ("mean", "log_variance")}
        for name in self._beside(output):
            known = hidden[f"{name}_known"].expand_as(hidden[name])
            found[name] = known.flatten(1).sum(1).to(bins.dtype)
        return found

    def __call__(self, output: Output, batch: Batch, step: Step) -> Losses:
        whole = step.whole or Whole(self.shared(output, batch), {}, 0, len(batch.mask))
        if self.published is not None:
            return self._as_published(self.published, output, batch, whole)
        c, hidden, shared = self.config, output.hidden, whole.shared
        beside = self._beside(output)
        neural = _gaussian(hidden, _NEURAL)
        counted = batch.mask.unsqueeze(2)
        entries = shared["bins"].sum().clamp_min(1) * neural.mean.shape[2]
        terms: dict[str, Tensor] = {}

        def latent_mean(values: Tensor, rows: Tensor | None = None) -> Tensor:
            inside = counted if rows is None else counted & rows[:, None, None]
            return (values * inside).sum() / entries

        name = batch.observed.neural_name or ""
        weight = batch.weight(name)
        sources = [source for source in (_JOINT, *beside) if f"neural_from_{source}" in hidden]
        decoded = [hidden[f"neural_from_{source}"] for source in sources]
        if not beside:
            sources, decoded = [_NEURAL], [output.predictions[name]]
        observation, total = self.observation(name, batch), shared[_NEURAL].sum().clamp_min(1)
        for source, parameters in zip(sources, decoded):
            rows = _present(hidden, source)
            loss = observation.negative_log_likelihood(parameters, self._target(batch)) * weight
            terms[f"neural_from_{source}"] = (loss if rows is None else loss * rows[:, None, None]).sum() / total
        parts = [c.neural_scale * term for term in terms.values()]
        for other in beside:
            known, count = hidden[f"{other}_known"], shared[other].sum().clamp_min(1)
            for source in (_JOINT, _NEURAL):
                error = (hidden[f"{other}_from_{source}"] - hidden[other]).square() * known
                terms[f"{other}_from_{source}"] = 0.5 * error.sum() / count
                parts.append(c.beside_scale * terms[f"{other}_from_{source}"])
        for other in beside:
            posterior, rows = _gaussian(hidden, other), _present(hidden, other)
            divergence = kl_of_product(neural, posterior) + kl(neural, posterior) + kl(posterior, neural)
            terms[f"kl_{other}"] = latent_mean(divergence, rows)
            terms[f"matching_{other}"] = self._matching(other, neural, posterior, rows, counted, whole)
            parts += [c.kl_scale * terms[f"kl_{other}"], c.match_scale * terms[f"matching_{other}"]]
        fused = _gaussian(hidden, _JOINT) if beside else neural
        terms["kl_prior"] = latent_mean(kl_standard(fused))
        parts.append((c.prior_scale if beside else c.kl_scale) * terms["kl_prior"])
        return Losses(torch.stack(parts).sum(), {name: value.detach() for name, value in terms.items()})

    def _matching(
        self, name: str, neural: Gaussian, other: Gaussian, rows: Tensor | None, counted: Tensor, whole: Whole
    ) -> Tensor:
        """The mean matching loss over all pairs of trials with both modalities; a part's share of it."""
        assert self.trained is not None
        shared = whole.shared
        everyone = shared[name] > 0
        own = everyone[whole.start : whole.start + len(neural.mean)]
        own_x, own_y = (Gaussian(g.mean[own], g.log_variance[own]) for g in (neural, other))
        all_x, all_y = (
            Gaussian(shared[f"{n}_mean"][everyone], shared[f"{n}_log_variance"][everyone]) for n in (_NEURAL, name)
        )
        bins = shared["bins"][everyone]
        inside = None
        if bool((bins < counted.shape[1]).any()):
            inside = shared["counted"][everyone].unsqueeze(2)
        size = bins.sum().clamp_min(1) / max(len(bins), 1) * neural.mean.shape[2]
        scale = F.softplus(self.trained["raw_scale"]) / size  # type: ignore[index]
        start = int(everyone[: whole.start].sum())
        same = None
        if "shown" in shared:  # one stimulus at overlapping bins is no stranger
            stimulus, first = shared["shown"][everyone].unbind(1)
            same = (stimulus[:, None] == stimulus) & ((first[:, None] - first).abs() < counted.shape[1])
        shift: Tensor = self.trained["shift"]  # type: ignore[index]
        found = matching_part(own_x, own_y, all_x, all_y, start, scale, shift, same=same, counted=inside)
        return found / max(len(bins), 1) ** 2

    def _as_published(self, network: PublishedPNBA, output: Output, batch: Batch, whole: Whole) -> Losses:
        """The published sums, whatever the config says."""
        hidden, shared, slots = output.hidden, whole.shared, network.config.slots
        (other,) = self._beside(output)
        neural, posterior, fused = (
            Gaussian(*(by_slot(part, slots) for part in _gaussian(hidden, name))) for name in (_NEURAL, other, _JOINT)
        )
        everyone = [Gaussian(shared[f"{n}_mean"], shared[f"{n}_log_variance"]) for n in (_NEURAL, other)]
        mine = [_gaussian(hidden, n) for n in (_NEURAL, other)]
        release = self.model.config.mode == "release"
        same = apart(whole.trials, network.config.replicas, batch.mask.device) if release else None
        inside = None if bool(shared["counted"].all()) else shared["counted"].unsqueeze(2)
        matching = matching_part(
            mine[0],
            mine[1],
            everyone[0],
            everyone[1],
            whole.start,
            network.scale,
            network.shift,
            same=same,
            counted=inside,
        )
        found = Reconstructions(
            neural,
            posterior,
            fused,
            hidden[f"neural_from_{_JOINT}"].squeeze(-1).exp(),
            hidden[f"neural_from_{other}"].squeeze(-1).exp(),
            hidden[f"{other}_from_{_JOINT}"],
            hidden[f"{other}_from_{_NEURAL}"],
        )
        activity = self._target(batch).clamp_min(0)
        terms = published_pnba_losses(found, activity, hidden[other], matching, batch.mask, whole.trials)
        total = torch.stack(list(terms.values())).sum()
        return Losses(total, {name: value.detach() for name, value in terms.items()})

    @staticmethod
    def _target(batch: Batch) -> Tensor:
        return batch.targets[batch.observed.neural_name or ""]

    @staticmethod
    def _beside(output: Output) -> list[str]:
        """Names of the modalities beside the activity that the batch has."""
        ending = "_known"
        return [name[: -len(ending)] for name in output.hidden if name.endswith(ending)]

    def _posteriors(self, output: Output) -> list[str]:
        return [_NEURAL, *self._beside(output)]


def _gaussian(hidden: Mapping[str, Tensor], name: str) -> Gaussian:
    return Gaussian(hidden[f"{name}_mean"], hidden[f"{name}_log_variance"])


def _present(hidden: Mapping[str, Tensor], name: str) -> Tensor | None:
    """Trials with a second modality `(trial,)`; None for sources that every trial has."""
    known = hidden.get(f"{name}_known")
    return None if known is None else known.flatten(1).any(1)

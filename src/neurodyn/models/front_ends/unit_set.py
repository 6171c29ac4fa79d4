"""Front end (c): the population is a set of units, each known by its features. Their order and number say nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn.config import check_range
from neurodyn.data.spec import SessionSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.front_ends.base import FrontEnd
from neurodyn.models.parts.activity_sample import activity_sample

STATISTICS = ("rate", "dispersion", "autocorrelation")
"""What the activity itself says of a unit."""


@dataclass(frozen=True)
class UnitSetConfig:
    """What is known of a unit, and how wide its embedding is."""

    statistics: tuple[str, ...] = STATISTICS
    """Statistics of a unit's activity: `rate` (log mean), `dispersion` (log variance over mean), `autocorrelation` (of neighbouring bins)."""
    columns: tuple[str, ...] = ()
    """Columns of the units' table that say what a unit is, in the same scale for every subject: its position `x_um`, `y_um`, `z_um`, say."""
    harmonics: int = 4
    """Sines and cosines of each column, over the range it has in training; for tuning that varies along a map."""
    features: int = 64
    """Features of the population: weighted means over its units."""
    hidden: int = 64
    """Width of the network from what is known of a unit to its weights."""

    def __post_init__(self) -> None:
        for name in self.statistics:
            if name not in STATISTICS:
                raise UnknownName("statistic of a unit", name, STATISTICS)
        if not self.statistics and not self.columns:
            raise InvalidInput("model.front_end", "no statistics and no columns", "something to know a unit by")
        for name in ("features", "hidden"):
            check_range(f"model.front_end.{name}", getattr(self, name), 1)
        check_range("model.front_end.harmonics", self.harmonics, 0)


class UnitSet(FrontEnd):
    """Weights come from a unit's features: h = mean over units of e(features) · activity, and back by d(features) · h.

    Exactly the same for any order of the units, and for units that are doubled. It carries over to subjects it never saw as far as the features tell what a unit is tuned to;
    where they do not, no method can know the frame of another subject's latents.
    """

    Config: ClassVar = UnitSetConfig
    config: UnitSetConfig

    low: Tensor
    high: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(self, config: UnitSetConfig, parameters: int) -> None:
        super().__init__(config, parameters)
        known = len(config.statistics) + len(config.columns) * (1 + 2 * config.harmonics)

        def network(outputs: int) -> nn.Sequential:
            layers = [nn.Linear(known, config.hidden), nn.SiLU(), nn.Linear(config.hidden, config.hidden), nn.SiLU()]
            return nn.Sequential(*layers, nn.Linear(config.hidden, outputs))

        self.to_features = network(config.features)
        self.to_unit = network((config.features + 1) * parameters)
        for name, value in (("low", torch.inf), ("high", -torch.inf)):
            self.register_buffer(name, torch.full((len(config.columns),), value))
        self.register_buffer("shift", torch.zeros(len(config.statistics)))
        self.register_buffer("scale", torch.ones(len(config.statistics)))
        self.units = nn.ParameterList()
        """What is known of each subject's units, `(unit, column)`, held-in units first; never trained."""
        self._heldin: list[int] = []
        self._trained: list[bool] = []

    @property
    def width(self) -> int:
        return self.config.features

    def add(self, session: SessionSpec) -> None:
        wide = len(self.config.statistics) + len(self.config.columns)
        self.units.append(nn.Parameter(torch.zeros(session.units, wide), requires_grad=False))
        self._heldin.append(session.heldin)

    @torch.no_grad()
    def fit(self, session: int, trials: Trials) -> None:
        """Takes statistics of the units' activity and the columns of their table. Columns are scaled by the range they have in the subjects seen while `learn_scales` is on.

        Raises:
            InvalidInput: a column that the units' table lacks, or holds no number for some unit.
        """
        statistics = _statistics(trials) if self.config.statistics else {}
        found = [statistics[name] for name in self.config.statistics]
        for name in self.config.columns:
            if name not in trials.unit_table:
                known = ", ".join(map(str, trials.unit_table.columns)) or "no column"
                fix = "Give the data a unit_table, or leave the column out (model.front_end.columns)."
                raise InvalidInput(f"unit_table of session {trials.session!r}", known, f"a column {name!r}", fix)
            column = trials.unit_table[name].to_numpy(float)
            if not np.isfinite(column).all():
                unit = int(np.flatnonzero(~np.isfinite(column))[0])
                raise InvalidInput(
                    f"unit_table[{name!r}] of session {trials.session!r}",
                    f"nothing for unit {unit}",
                    "a number for every unit",
                )
            found.append(column)
        values = np.stack(found, 1)[trials.unit_order]
        self.units[session].copy_(torch.from_numpy(values))

    @torch.no_grad()
    def scale_by(self, sessions: int) -> None:
        """Takes the range of columns and the scale of statistics over the first so many subjects: those trained on."""
        values = torch.cat(list(self.units)[:sessions])
        count = len(self.config.statistics)
        self.shift.copy_(values[:, :count].mean(0))
        self.scale.copy_(1 / values[:, :count].std(0).clamp_min(1e-3))
        self.low.copy_(values[:, count:].amin(0))
        self.high.copy_(values[:, count:].amax(0))

    def embedding(self, session: int) -> Tensor:
        """What the networks see of each unit, `(unit, feature)`, held-in units first."""
        values, count = self.units[session], len(self.config.statistics)
        statistics = (values[:, :count] - self.shift) * self.scale
        place = (values[:, count:] - self.low) / (self.high - self.low).clamp_min(1e-9)
        harmonics = torch.arange(1, self.config.harmonics + 1, device=values.device) * 2 * math.pi
        angles = (place[..., None] * harmonics).flatten(1)
        return torch.cat([statistics.clamp(-4, 4), 2 * place - 1, angles.sin(), angles.cos()], 1)

    def encode(self, activity: Tensor, known: Tensor | None, session: int) -> Tensor:
        weights = self.to_features(self.embedding(session)[: self._heldin[session]])
        summed: Tensor = activity @ weights
        if known is None:
            return summed / len(weights)
        return summed / known.sum(2, keepdim=True).clamp_min(1)

    def decode(self, features: Tensor, session: int) -> Tensor:
        weights = self.to_unit(self.embedding(session)).unflatten(1, (self.parameters_per_unit, -1))
        slopes = weights[..., :-1].flatten(0, 1) / math.sqrt(self.width)
        found: Tensor = features @ slopes.t() + weights[..., -1].flatten()
        return found.reshape(*found.shape[:2], -1, self.parameters_per_unit)


def _statistics(trials: Trials) -> dict[str, np.ndarray]:
    """Of every unit in recorded order, over the bins with data."""
    values, known = activity_sample(trials)
    count = known.sum((0, 1)).clip(1)
    mean = values.sum((0, 1), dtype=np.float64) / count
    centred = np.where(known, values - mean.astype(np.float32), 0)
    variance = np.square(centred).sum((0, 1), dtype=np.float64) / count
    pairs = (known[:, 1:] & known[:, :-1]).sum((0, 1)).clip(1)
    lagged = (centred[:, 1:] * centred[:, :-1]).sum((0, 1)) / pairs
    level = np.abs(mean).clip(1e-3)
    return {
        "rate": np.log(level),
        "dispersion": np.log(variance.clip(1e-6) / level),
        "autocorrelation": lagged / variance.clip(1e-6),
    }

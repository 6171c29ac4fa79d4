"""Stitching: maps that bring the units of several sessions onto the same channels, by principal-component regression."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from neurodyn.models.parts.trial_averages import SharedRows, TrialAverages, compared

PENALTY = 1.0
"""Ridge from a session's averages to the shared components, and back."""
LEAST_VARIANCE = 1e-8
"""Components with less of the first one's variance are rounding."""


@dataclass(frozen=True, eq=False)
class UnitMap:
    """How a session's channels enter the shared ones, y = x W + b, and how units are read out of them to first order."""

    weight: Float[Tensor, "channel width"]
    bias: Float[Tensor, " width"]
    aligned: int
    """Leading shared channels that mean the same in every session; the rest are the session's own principal components."""
    readout: Float[Tensor, "aligned unit"]
    """Mean activity of each unit per step along an aligned channel."""
    origin: Float[Tensor, " unit"]
    """Mean activity of each unit where all aligned channels are zero."""

    def scaled(self, factor: float) -> UnitMap:
        """With shared channels multiplied by a factor."""
        return UnitMap(self.weight * factor, self.bias * factor, self.aligned, self.readout / factor, self.origin)


def principal_component_regression(
    sessions: Mapping[int, tuple[TrialAverages, TrialAverages]],
    width: int,
    names: Sequence[str],
    *,
    standard: bool = True,
) -> dict[int, UnitMap]:
    """A map for each session, such that averages they share land on the same place.

    The averages of all sessions' channels are put side by side, `(condition × bin, Σ channels)`, and centred; their principal components are the
    shared channels. Each session is regressed onto them (ridge 1, no intercept), and its units onto its place among them. Where averages span
    fewer components than there are channels, the rest are each session's own principal components of single trials, away from the others.
    Without shared conditions the averages over trials and the coefficients of activity on shared series stand in for them, with a warning.
    Source: the multi-session form of Pandarinath et al. 2018, doi:10.1038/s41592-018-0109-9.

    Args:
        sessions: by index, the averages of what its read-in sees and those of the activity of all its units.
        width: number of shared channels.
        names: of the sessions, for the warning.
        standard: scale all channels together to a mean variance of 1.
    """
    seen = [each for each, _ in sessions.values()]
    shared = SharedRows.of(seen)
    shared.warn(f"sessions {', '.join(names)} share no condition")
    if not shared:
        maps = [_own(*session, width) for session in sessions.values()]
    else:
        rows, origins = compared(shared, [*seen, *(units for _, units in sessions.values())])
        number = len(sessions)
        stacked = torch.cat(rows[:number], 1)
        values, vectors = torch.linalg.eigh(stacked.T @ stacked)
        values, vectors = values.flip(0)[:width], vectors.flip(1)[:, :width]
        scores = stacked @ vectors[:, values > LEAST_VARIANCE * values[0].clamp_min(1e-30)]
        zero = scores.new_zeros(scores.shape[1])
        maps = [
            _onto((scores, zero), placed, of_units, each.covariance, width)
            for placed, of_units, each in zip(zip(rows, origins), zip(rows[number:], origins[number:]), seen)
        ]
    variance = torch.stack([_variance(each, m) for each, m in zip(seen, maps)]).mean()
    scale = float(variance.clamp_min(1e-12)) ** -0.5 if standard else 1.0
    return dict(zip(sessions, (m.scaled(scale) for m in maps)))


def regressed_onto(
    shared: TrialAverages | None, session: tuple[TrialAverages, TrialAverages], width: int, name: str
) -> UnitMap:
    """The map that brings one more session onto channels whose averages are known; with the warning of the function above.

    Args:
        shared: averages of the shared channels; None where they are not known.
        session: as above, of the session alone.
        width: number of shared channels.
        name: of the session, for the warning.
    """
    rows = SharedRows((), 0, ()) if shared is None else SharedRows.of([session[0], shared])
    rows.warn(f"session {name} shares no condition with those it joins")
    if shared is None or not rows:
        return _own(*session, width)
    seen, of_units, target = zip(*compared(rows, [*session, shared]))
    return _onto(target, seen, of_units, session[0].covariance, width)


def _onto(
    target: tuple[Tensor, Tensor],
    seen: tuple[Tensor, Tensor],
    units: tuple[Tensor, Tensor],
    covariance: Tensor,
    width: int,
) -> UnitMap:
    """Ridge from a session to the target, each centred rows and their origin; filled up to the width with the session's own components."""
    (scores, offset), (rows, origin), (activity, level) = target, seen, units
    weight = _ridge(rows, scores)
    aligned = weight.shape[1]
    readout = _ridge(scores, activity)
    weight = torch.cat([weight, _further(covariance, weight, width - aligned)], 1)
    bias = torch.cat([offset, offset.new_zeros(width - aligned)]) - origin @ weight
    return UnitMap(weight, bias, aligned, readout, level - offset @ readout)


def _own(session: TrialAverages, units: TrialAverages, width: int) -> UnitMap:
    """A session's own principal components, aligned with nothing."""
    weight = _further(session.covariance, session.mean.new_zeros(session.width, 0), width)
    return UnitMap(weight, -session.mean @ weight, 0, session.mean.new_zeros(0, units.width), units.mean)


def _ridge(x: Tensor, y: Tensor) -> Tensor:
    """(XᵀX + 1)⁻¹ XᵀY."""
    weight: Tensor = torch.linalg.solve(x.T @ x + PENALTY * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    return weight


def _further(covariance: Tensor, weight: Tensor, number: int) -> Tensor:
    """The leading components away from those that a map uses, in its scale; zeros past the number of channels."""
    found = covariance.new_zeros(len(covariance), number)
    if not number:
        return found
    used = torch.linalg.qr(weight)[0]
    away = torch.eye(len(covariance), dtype=covariance.dtype) - used @ used.T
    vectors = torch.linalg.eigh(away @ covariance @ away)[1].flip(1)
    there = min(number, len(covariance) - min(weight.shape[1], len(covariance)))
    scale = weight.norm(dim=0).mean() if weight.shape[1] else 1.0
    found[:, :there] = vectors[:, :there] * scale
    return found


def _variance(session: TrialAverages, unit_map: UnitMap) -> Tensor:
    """Mean variance of the shared channels in smoothed single trials."""
    variances: Tensor = ((session.covariance @ unit_map.weight) * unit_map.weight).sum(0)
    return variances.mean()


class SharedAverages(nn.Module):
    """The averages of the shared encoders' input over the training trials, kept with the weights: one more session is aligned by them alone.

    Buffers of sizes that only the data know; weights written without them load too, and leave them empty.
    """

    labels: Tensor
    """Names of conditions and series, as the bytes of a JSON text."""
    conditions: Tensor
    """`(condition, time, channel)`"""
    time: Tensor
    """`(time, channel)`; empty for windows of a continuous recording."""
    series: Tensor
    """`(series, channel)`"""
    mean: Tensor
    """`(channel,)`"""
    _BUFFERS = ("labels", "conditions", "time", "series", "mean")

    def __init__(self) -> None:
        super().__init__()
        for name in self._BUFFERS:
            self.register_buffer(name, torch.zeros(0, dtype=torch.uint8 if name == "labels" else torch.float32))

    def keep(self, sessions: Sequence[TrialAverages]) -> None:
        """Takes each average's mean over the sessions that have it, over the bins that all have."""
        bins = min(
            (len(v) for s in sessions for v in (*s.conditions.values(), *([] if s.time is None else [s.time]))),
            default=0,
        )
        conditions = _merged([{label: v[:bins] for label, v in s.conditions.items()} for s in sessions])
        times = _merged([{} if s.time is None else {"": s.time[:bins]} for s in sessions])
        wide = {name: len(values) for s in sessions for name, values in s.series.items()}
        series = _merged([{n: v for n, v in s.series.items() if len(v) == wide[n]} for s in sessions])
        nothing = torch.zeros(0, 0, sessions[0].width)
        self.conditions = torch.stack(list(conditions.values())).float() if conditions else nothing
        self.time = times[""].float() if times else nothing.flatten(0, 1)
        self.series = torch.cat(list(series.values())).float() if series else nothing.flatten(0, 1)
        self.mean = torch.stack([s.mean for s in sessions]).mean(0).float()
        text = json.dumps({"conditions": list(conditions), "series": {n: len(v) for n, v in series.items()}})
        self.labels = torch.tensor(list(text.encode()), dtype=torch.uint8)

    def averages(self) -> TrialAverages | None:
        """What was kept; None for weights written before anything was."""
        if not len(self.labels):
            return None
        names: Mapping[str, Any] = json.loads(bytes(self.labels.tolist()).decode())
        split = torch.split(self.series.double(), list(names["series"].values()))
        return TrialAverages(
            dict(zip(names["conditions"], self.conditions.double())),
            self.time.double() if len(self.time) else None,
            dict(zip(names["series"], split)),
            self.mean.double(),
        )

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *rest: Any) -> None:
        for name in self._BUFFERS:
            if (given := state_dict.get(prefix + name)) is not None:
                own = getattr(self, name)
                setattr(self, name, torch.empty(given.shape, dtype=own.dtype, device=own.device))
        if prefix + "labels" in state_dict:
            super()._load_from_state_dict(state_dict, prefix, *rest)


def _merged(sessions: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """By name, the mean over the sessions that have it."""
    names = dict.fromkeys(name for each in sessions for name in each)
    return {name: torch.stack([each[name] for each in sessions if name in each]).nanmean(0) for name in names}

"""Behaviour as a teacher's privileged input: standardised, missing-aware, never needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, UnknownName


@dataclass(frozen=True)
class BehaviourConfig:
    """Whether behaviour enters the model while it is trained, which makes it a teacher, and how."""

    fusion: Literal["none", "add", "concatenate"] = "none"
    """`none`: the model sees no behaviour. `add`: a learned map of it is added to the model's tokens, whose width stays the same. `concatenate`: its channels stand beside the neural ones."""
    dropout: float = 0.2
    """Share of the trials of a batch whose behaviour is hidden in training, so that the teacher stands its absence."""
    signals: tuple[str, ...] = ()
    """Signals of role `behaviour` that it is given; by default all."""
    hidden: int = 0
    """Units of a hidden layer in the map; 0 makes it linear. Only for `add`."""

    def __post_init__(self) -> None:
        check_choices(self, "model.behaviour")
        check_range("model.behaviour.dropout", self.dropout, 0, 1)
        check_range("model.behaviour.hidden", self.hidden, 0)
        if self.hidden and self.fusion != "add":
            raise InvalidInput(
                "model.behaviour.hidden", self.hidden, "nothing without fusion=add", "Set it to 0, or fusion to add."
            )


class BehaviourEncoder(nn.Module):
    """Behaviour in physical units to tokens, one a bin.

    Channels are z-scored by the training trials; a sample that is missing (NaN, outside the recording, a session without this signal) is 0, and a
    flag beside every channel says so. Labels of a trial stand in each of its bins. Sessions share the map, so their signals are in the same units.

    Args:
        config: what is encoded, and how.
        spec: sizes of the data.
        width: of the tokens, for `add`; with `concatenate` it is the number of channels.

    Raises:
        InvalidInput: no behaviour in any session; a signal with other channels or on another clock than the population.
        UnknownName: a signal that no session has.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, config: BehaviourConfig, spec: DataSpec, width: int) -> None:
        super().__init__()
        self.config = config
        self.channels = _channels(config, spec)
        """Channels of every signal, by name."""
        count = sum(self.channels.values())
        self.width = width if config.fusion == "add" else count
        """Of the tokens."""
        self.register_buffer("shift", torch.zeros(count))
        self.register_buffer("scale", torch.ones(count))
        self.map: nn.Module | None = None
        if config.fusion == "add":
            layers = [nn.Linear(2 * count, config.hidden), nn.GELU()] if config.hidden else []
            self.map = nn.Sequential(*layers, nn.Linear(config.hidden or 2 * count, width))

    @staticmethod
    def of(config: BehaviourConfig, spec: DataSpec, width: int) -> BehaviourEncoder | None:
        """None for a model that sees no behaviour."""
        return None if config.fusion == "none" else BehaviourEncoder(config, spec, width)

    @torch.no_grad()
    def fit(self, sessions: Sequence[Trials]) -> None:
        """Takes mean and standard deviation of every channel over the training trials.

        Raises:
            InvalidInput: a channel without a single sample.
        """
        shift, scale = [], []
        for name, count in self.channels.items():
            found = [
                np.asarray(t.signals[name].values[:], float).reshape(-1, count) for t in sessions if name in t.signals
            ]
            values = np.concatenate(found) if found else np.full((1, count), np.nan)
            values = np.where(np.isfinite(values), values, np.nan)
            known = np.isfinite(values).any(0)
            if not known.all():
                channel = int(np.flatnonzero(~known)[0])
                raise InvalidInput(
                    name,
                    f"no sample of channel {channel} in any training trial",
                    "samples in some of them",
                    "Leave the signal out (model.behaviour.signals), or give other trials.",
                )
            shift.append(np.nanmean(values, 0))
            deviation = np.nanstd(values, 0)
            scale.append(1 / np.where(deviation > 0, deviation, 1.0))
        self.shift.copy_(torch.from_numpy(np.concatenate(shift)))
        self.scale.copy_(torch.from_numpy(np.concatenate(scale)))

    def forward(self, privileged: Mapping[str, Tensor] | None, observed: Observed) -> Tensor:
        """Tokens `(trial, bins, width)` of the behaviour of a batch; None stands for behaviour that is missing altogether."""
        values = self.samples(privileged, observed)
        known = values.isfinite()
        if self.training and self.config.dropout > 0:
            known &= torch.rand(len(values), 1, 1, device=values.device) >= self.config.dropout
        standard = ((values - self.shift) * self.scale).masked_fill(~known, 0.0)
        if self.map is None:
            return standard
        return self.map(torch.cat([standard, known.to(standard.dtype)], 2))  # type: ignore[no-any-return]

    def published(self, privileged: Mapping[str, Tensor] | None, observed: Observed) -> Tensor:
        """Behaviour as BLEND's release feeds it, `(trial, bins, channel)`: cut to whole numbers, in physical units, zero over forward bins outside training.

        Missing samples are 0 here; the release turns them into −9.2e18.
        """
        values = self.samples(privileged, observed).nan_to_num(0.0, 0.0, 0.0).trunc()
        if not self.training:
            values[:, observed.mask.shape[1] :] = 0
        return values

    def samples(self, privileged: Mapping[str, Tensor] | None, observed: Observed) -> Tensor:
        """Every channel on the population's clock, `(trial, bins, channel)`, NaN where it is missing."""
        trials, bins = observed.trials, observed.bins
        found = []
        for name, count in self.channels.items():
            values = observed.mask.new_full((trials, bins, count), 0, dtype=torch.float32).fill_(torch.nan)
            given = None if privileged is None else privileged.get(name)
            if given is not None and given.ndim == 3:
                values[:, : given.shape[1]] = given
            elif given is not None:
                values[:] = given.reshape(trials, 1, count)
            found.append(values)
        return torch.cat(found, 2)


def _channels(config: BehaviourConfig, spec: DataSpec) -> dict[str, int]:
    """Channels of every signal that is encoded."""
    found: dict[str, int] = {}
    for session in spec.sessions:
        for name, signal in session.signals.items():
            if signal.role != "behaviour" or signal.kind == "video" or (config.signals and name not in config.signals):
                continue
            if signal.kind == "series" and signal.bins not in (session.bins, session.observed_bins):
                raise InvalidInput(
                    f"behaviour {name!r}",
                    f"{signal.bins} bins of {signal.bin_s:g} s",
                    f"{session.bins} bins, as the population has, or its {session.observed_bins} observed ones",
                    "Bring it onto the population's clock (bin_ms), or leave it out (model.behaviour.signals).",
                )
            count = int(np.prod(signal.shape, dtype=int))
            if found.setdefault(name, count) != count:
                raise InvalidInput(
                    f"behaviour {name!r}",
                    f"{count} channels in session {session.name!r}",
                    f"{found[name]}, as elsewhere",
                )
    known: dict[str, Any] = {
        n: s for session in spec.sessions for n, s in session.signals.items() if s.role == "behaviour"
    }
    for name in config.signals:
        if name not in found:
            raise UnknownName("behaviour signal", name, tuple(known))
    if not found:
        raise InvalidInput(
            "model.behaviour.fusion", config.fusion, "none for data without behaviour", "Give trials with behaviour."
        )
    return found

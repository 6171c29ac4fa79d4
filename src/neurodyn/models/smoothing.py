"""Gaussian smoothing of each unit's own counts, and a Poisson readout to the units that are held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.kernel_smoothing import smoothed_rates, window_sizes, windowed
from neurodyn.models.parts.mode_settings import check_mode_settings
from neurodyn.models.parts.published_readout import RATE_CEILING, RATE_FLOOR, fit_poisson_readout
from neurodyn.models.parts.spike_counts import mean_counts, recorded, require_spikes, thinned
from neurodyn.regression.poisson import PENALTIES, Fit, Rows, fit_validated, penalties_near

_LOG_OFFSET = 1e-4  # what the published readout adds to smoothed counts before the logarithm


@dataclass(frozen=True)
class SmoothingConfig:
    """What the validation trials choose from, or the published baseline's two settings."""

    mode: Literal["default", "release"] = "default"
    """`default`: every unit's kernel knows where data end and is chosen for it. `release`: the Neural Latents Benchmark's published baseline, one zero-padded window for all."""
    widths: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0)
    """Standard deviations of the Gaussian kernel, in bins. Default mode only."""
    strengths: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
    """How many bins of data the mean rate is worth (gamma prior). Default mode only."""
    folds: int = 5
    """Parts the spikes are dealt into, at random; one is set aside to choose the width of a unit's own smoothing by. Default mode only."""
    width_s: float | None = None
    """Standard deviation of the window in seconds, cut to whole bins. Needed in release, and for it only."""
    alpha: float | None = None
    """α of the Poisson regression to held-out units, mean loss + ½ α‖w‖². Needed in release, and for it only."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        check_mode_settings(
            self,
            used_only_in={"default": ("widths", "strengths", "folds"), "release": ("width_s", "alpha")},
            needed_in={"release": ("width_s", "alpha")},
        )
        if self.width_s is not None and self.alpha is not None:
            check_range("model.width_s", self.width_s, 0, open_low=True)
            check_range("model.alpha", self.alpha, 0)
        check_range("model.folds", self.folds, 2)
        for name in ("widths", "strengths"):
            for value in getattr(self, name) or (0.0,):
                check_range(f"model.{name}", value, 0, open_low=True)


class Smoothing(Model):
    """Rates by kernel smoothing: held-in units from their own counts, held-out units by a Poisson readout of the smoothed ones."""

    Config: ClassVar = SmoothingConfig
    default_rule: ClassVar[str] = "closed_form"

    def __init__(self, config: SmoothingConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        require_spikes(spec, "smoothing")
        for i, session in enumerate(spec.sessions):
            heldin, heldout = session.heldin, session.units - session.heldin
            exact = torch.float64 if config.mode == "release" else torch.float32
            self.register_buffer(f"mean_{i}", torch.ones(session.units))
            self.register_buffer(f"weights_{i}", torch.zeros(heldin, heldout, dtype=exact))
            self.register_buffer(f"bias_{i}", torch.zeros(heldout, dtype=exact))
            if config.mode == "release":
                self._window(i)  # refuses a width below a bin
            else:
                self.register_buffer(f"own_{i}", torch.ones(heldin, 2))  # width, strength
                self.register_buffer(f"ahead_{i}", torch.ones(heldin, 2))
                self.register_buffer(f"readout_width_{i}", torch.ones(()))

    def solve(self, train: Sequence[Trials], valid: Sequence[Trials]) -> None:
        """Chooses every unit's own kernel on training and validation trials; fits the readout on training trials, its width chosen on validation trials.

        A unit's kernel is chosen by thinning: spikes set aside at random are scored under the rate smoothed from the rest, since the likelihood of the
        very counts that were smoothed always prefers no smoothing. For forward bins the counts of those bins are scored.
        In release there is nothing to choose, and the readout is fitted to training and validation trials.
        """
        for i, (seen, unseen) in enumerate(zip(train, valid, strict=True)):
            training, validation = Batch.of(seen, session=i), Batch.of(unseen, session=i)
            if self.config.mode == "release":
                self._solve_published(i, (training, validation))
                continue
            self.get_buffer(f"mean_{i}").copy_(mean_counts(training))
            self._choose_kernels(i, (training, validation))
            if self.spec.sessions[i].units > self.spec.sessions[i].heldin:
                width, fit = self._choose_readout(i, training, validation)
                self.get_buffer(f"readout_width_{i}").fill_(width)
                self.get_buffer(f"weights_{i}").copy_(torch.from_numpy(fit.weights))
                self.get_buffer(f"bias_{i}").copy_(torch.from_numpy(fit.bias))

    def _choose_kernels(self, i: int, batches: Sequence[Batch]) -> None:
        pairs = [(width, strength) for width in self.config.widths for strength in self.config.strengths]
        heldin, share = self.spec.sessions[i].heldin, 1 / self.config.folds
        mean = self.get_buffer(f"mean_{i}")[:heldin]
        own = torch.zeros(len(pairs), heldin, dtype=torch.float64)
        ahead = torch.zeros_like(own)
        for batch in batches:
            counts, seen, bins = batch.observed.neural, recorded(batch.observed), batch.observed.bins
            aside = thinned(counts, self.config.folds, seed=i)[0]
            kept = (counts - aside) / (1 - share)
            name = str(batch.observed.neural_name)
            future = batch.targets[name][:, counts.shape[1] :, :heldin]
            known = batch.counted(name)[:, counts.shape[1] :, :heldin]
            for p, (width, strength) in enumerate(pairs):
                # what is kept counts for 1 - share of a bin, so the same prior weighs more beside it
                rates = smoothed_rates(kept, seen, mean, width, strength / (1 - share))
                own[p] += _log_likelihood(aside, rates * share, seen if seen.ndim == 3 else seen[..., None])
                if future.shape[1]:
                    rates = smoothed_rates(counts, seen, mean, width, strength, bins=bins)[:, counts.shape[1] :]
                    ahead[p] += _log_likelihood(future, rates, known)
        grid = torch.tensor(pairs)
        self.get_buffer(f"own_{i}").copy_(grid[own.argmax(0)])
        self.get_buffer(f"ahead_{i}").copy_(grid[ahead.argmax(0)])

    def _features(self, i: int, observed: Observed, width: float) -> Tensor:
        mean = self.get_buffer(f"mean_{i}")[: observed.neural.shape[2]]
        strength = min(self.config.strengths)  # the readout has a ridge of its own
        seen = recorded(observed)
        features: Tensor = smoothed_rates(observed.neural, seen, mean, width, strength, bins=observed.bins)
        return features

    def _choose_readout(self, i: int, train: Batch, valid: Batch) -> tuple[float, Fit]:
        """Width and fit that predict the validation trials best. The best penalty hardly depends on the width: each search starts near the last one."""

        def rows(batch: Batch, width: float) -> Rows:
            seen = batch.observed
            heldin, bins = seen.neural.shape[2], seen.neural.shape[1]
            x = self._features(i, seen, width)[:, :bins]
            name = str(seen.neural_name)
            known = batch.counted(name)[:, :bins, heldin:].all(2)
            return Rows(x[known].numpy(), batch.targets[name][:, :bins, heldin:][known].numpy())

        penalties, found = PENALTIES, []
        for width in self.config.widths:
            fit = fit_validated(rows(train, width), rows(valid, width), penalties=penalties)
            penalties = penalties_near(fit.penalty)
            found.append((width, fit))
        return max(found, key=lambda pair: pair[1].score)

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        if self.config.mode == "release":
            return self._published(observed)
        i, seen = observed.session, observed.neural.shape[1]
        assert observed.neural_name is not None
        own, ahead = self.get_buffer(f"own_{i}"), self.get_buffer(f"ahead_{i}")
        past = self._per_unit(i, observed, own)[:, :seen]
        heldin = torch.cat([past, self._per_unit(i, observed, ahead)[:, seen:]], 1) if observed.bins > seen else past
        features = self._features(i, observed, float(self.get_buffer(f"readout_width_{i}")))
        heldout = (features @ self.get_buffer(f"weights_{i}") + self.get_buffer(f"bias_{i}")).clamp(max=15.0)
        log_rates = torch.cat([heldin.clamp_min(RATE_FLOOR).log(), heldout], 2)
        return Output({observed.neural_name: log_rates[..., None]}, latents=heldin)

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        """Held-in rates are the latents. Held-out ones are read from counts smoothed otherwise; in release from the latents, but for forward bins."""
        name, seen, heldin = observed.neural_name or "", observed.neural.shape[1], observed.neural.shape[2]
        heldout = output.predictions[name][:, :, heldin:, 0]
        if self.config.mode == "release":
            heldout = torch.cat([self._published_readout(observed.session, latents[:, :seen]), heldout[:, seen:]], 1)
        return {name: torch.cat([latents.clamp_min(RATE_FLOOR).log(), heldout], 2)[..., None]}

    def _per_unit(self, i: int, observed: Observed, kernels: Tensor) -> Tensor:
        """Held-in rates over all bins, every unit with its own width and strength."""
        mean, seen = self.get_buffer(f"mean_{i}")[: len(kernels)], recorded(observed)
        rates = torch.empty(observed.trials, observed.bins, len(kernels), device=observed.mask.device)
        for width in sorted(set(kernels[:, 0].tolist())):
            unit = kernels[:, 0] == width
            inside = seen if seen.ndim == 2 else seen[:, :, unit]
            rates[:, :, unit] = smoothed_rates(
                observed.neural[:, :, unit], inside, mean[unit], width, kernels[unit, 1], bins=observed.bins
            )
        return rates

    # -- release ----------------------------------------------------------------------------------------------------

    def _window(self, i: int) -> tuple[int, int]:
        session = self.spec.sessions[i]
        bin_s = session.signals[str(session.neural)].bin_s
        length, deviation = window_sizes(self.config.width_s, bin_s)
        if deviation < 1:
            raise InvalidInput("model.width_s", self.config.width_s, f"at least one bin, {bin_s:g} s")
        return length, deviation

    def _solve_published(self, i: int, batches: Sequence[Batch]) -> None:
        self.get_buffer(f"mean_{i}").copy_(mean_counts(*batches))
        features, counts = [], []
        for batch in batches:
            seen = batch.observed
            bins, heldin = seen.neural.shape[1:]
            name = str(seen.neural_name)
            known = batch.counted(name)[:, :bins, heldin:].all(2) & seen.mask
            features.append((windowed(seen.neural, *self._window(i)) + _LOG_OFFSET).log()[known])
            counts.append(batch.targets[name][:, :bins, heldin:][known])
        weights, bias = fit_poisson_readout(
            torch.cat(features).numpy(), torch.cat(counts).double().numpy(), self.config.alpha
        )
        self.get_buffer(f"weights_{i}").copy_(torch.from_numpy(weights))
        self.get_buffer(f"bias_{i}").copy_(torch.from_numpy(bias))

    def _published(self, observed: Observed) -> Output:
        """Rates of the published baseline; it says nothing of forward bins, which get each unit's mean."""
        i = observed.session
        assert observed.neural_name is not None
        smooth = windowed(observed.neural, *self._window(i))
        heldin = smooth.log().clamp(np.log(RATE_FLOOR), np.log(RATE_CEILING)).float()
        log_rates = torch.cat([heldin, self._published_readout(i, smooth)], 2)
        ahead = observed.bins - observed.neural.shape[1]
        mean = self.get_buffer(f"mean_{i}").log().expand(observed.trials, ahead, -1)
        log_rates = torch.cat([log_rates, mean], 1)
        return Output({observed.neural_name: log_rates[..., None]}, latents=log_rates[..., : smooth.shape[2]].exp())

    def _published_readout(self, i: int, smooth: Tensor) -> Tensor:
        """Log rates of the held-out units from smoothed counts, `(trial, time, unit)`."""
        features = (smooth.double() + _LOG_OFFSET).log()
        log_rates = features @ self.get_buffer(f"weights_{i}") + self.get_buffer(f"bias_{i}")
        return log_rates.clamp(np.log(RATE_FLOOR), np.log(RATE_CEILING)).float()


def _log_likelihood(counts: Tensor, rates: Tensor, known: Tensor) -> Tensor:
    rates = rates.double().clamp_min(1e-9)
    return ((counts * rates.log() - rates) * known).sum((0, 1))

"""Poisson regression on the lagged, smoothed activity of the held-in units: a baseline meant to be hard to beat."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from neurodyn.config import check_choices, check_range
from neurodyn.data.batch import Batch, Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model, Output
from neurodyn.models.parts.kernel_smoothing import smoothed_rates
from neurodyn.models.parts.regression_search import Choice, coordinate_search, final_fit
from neurodyn.models.parts.spike_counts import mean_counts, require_spikes, thinned
from neurodyn.regression.poisson import Rows, penalties_near

_WHOLE_WINDOW = 1e6
_FEATURE_STRENGTH = 0.1
_BINS_COMPARED = 3  # forward bins by which settings are compared: their readouts share the features, and more change the choice little


@dataclass(frozen=True)
class GLMConfig:
    """What the validation trials choose from, one choice after the other."""

    widths: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """Standard deviations of the Gaussian that smooths the held-in counts, in bins; lags are one width apart."""
    lags: tuple[int, ...] = (2, 4)
    """Lags on either side of a bin (only the past for forward bins)."""
    components: tuple[int, ...] = (150, 50)
    """Principal components of the lagged activity that enter the regression."""
    reaches: tuple[float, ...] = (0.0, 0.5, 1.0)
    """Share of the observed window whose bins also serve as training examples of 'the last bin before the forward bins': 0 only the last one."""
    histories: tuple[float, ...] = (0.5, 1.5, 5.0)
    """Prior strengths, in windows, of a held-in unit's own recent rate, from which its forward prediction starts; the mean rate alone is always tried."""
    folds: int = 5
    """Parts the spikes are dealt into to fit held-in units: each part is predicted from the others."""
    most_entries: int = 20_000_000
    """Bound on rows x features and rows x outputs of one regression; more rows are thinned at random."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        check_range("model.folds", self.folds, 2)
        check_range("model.most_entries", self.most_entries, 1)
        for name, low in (("widths", 0.1), ("lags", 0), ("components", 1), ("reaches", 0), ("histories", 1e-3)):
            check_range(f"model.len({name})", len(getattr(self, name)), 1)
            for value in getattr(self, name):
                check_range(f"model.{name}", value, low)


class GLM(Model):
    """Log rates linear in the smoothed activity of all held-in units at several lags, one readout for every forward bin."""

    Config: ClassVar = GLMConfig
    default_rule: ClassVar[str] = "closed_form"

    def __init__(self, config: GLMConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        require_spikes(spec, "glm")
        most = max(config.lags)
        for i, session in enumerate(spec.sessions):
            ahead = session.forward * session.units
            self.register_buffer(f"mean_{i}", torch.ones(session.units))
            self.register_buffer(f"observed_width_{i}", torch.ones(()))
            self.register_buffer(f"observed_weights_{i}", torch.zeros(2 * most + 2, session.heldin, session.units))
            self.register_buffer(f"observed_bias_{i}", torch.zeros(session.units))
            self.register_buffer(f"forward_width_{i}", torch.ones(()))
            self.register_buffer(f"forward_weights_{i}", torch.zeros(most + 2, session.heldin, ahead))
            self.register_buffer(f"forward_bias_{i}", torch.zeros(ahead))
            self.register_buffer(f"history_{i}", torch.zeros(()))  # prior strength in bins; 0: no history

    # -- features ---------------------------------------------------------------------------------------------------

    @staticmethod
    def _smooth(counts: Tensor, mask: Tensor, mean: Tensor, width: float, causal: bool) -> tuple[Tensor, Tensor]:
        """Activity smoothed by the kernel, and over the whole window (up to each bin if causal): each `(trial, time, heldin)`."""
        kernel = smoothed_rates(counts, mask, mean, width, _FEATURE_STRENGTH, causal=causal)
        return kernel, smoothed_rates(counts, mask, mean, _WHOLE_WINDOW, _FEATURE_STRENGTH, causal=causal)

    @staticmethod
    def _lagged(time: Tensor, bins: int, width: float, lags: int, causal: bool) -> list[Tensor]:
        """For each lag the bins it reads for the bins in `time`. At an edge the last one repeats."""
        step = max(1, round(width))
        return [(time + lag * step).clamp(0, bins - 1) for lag in range(-lags, 1 if causal else lags + 1)]

    @staticmethod
    def _own_history(counts: Tensor, mask: Tensor, mean: Tensor, strength: float) -> Tensor:
        """Log of each unit's rate over the last quarter window, shrunk to its mean, `(trial, time, unit)`; of held-out units the log mean."""
        heldin = counts.shape[2]
        width = max(1.0, counts.shape[1] / 4)
        own = smoothed_rates(counts, mask, mean[:heldin], width, strength, causal=True).log()
        return torch.cat([own, mean[heldin:].log().expand(*own.shape[:2], -1)], 2)

    # -- fitting ----------------------------------------------------------------------------------------------------

    def solve(self, train: Sequence[Trials], valid: Sequence[Trials]) -> None:
        """Fits every session by itself: hyperparameters on the validation trials by coordinate search, weights on the training trials.

        Held-in units are fitted by thinning: their spikes are dealt into `folds` parts, and each part is regressed on features made of the others, so
        that a unit's own activity may be used without copying the very spikes to be explained.
        """
        for i, (seen, unseen) in enumerate(zip(train, valid, strict=True)):
            training, validation = Batch.of(seen, session=i), Batch.of(unseen, session=i)
            self.get_buffer(f"mean_{i}").copy_(mean_counts(training))
            self._solve_observed(i, training, validation)
            if seen.forward:
                self._solve_forward(i, training, validation)

    def _solve_observed(self, i: int, train: Batch, valid: Batch) -> None:
        heldin, units = train.observed.neural.shape[2], self.spec.sessions[i].units
        config, weights = self.config, self.get_buffer(f"observed_weights_{i}")
        bias = self.get_buffer(f"observed_bias_{i}")

        def heldout_units(choice: Choice) -> tuple[Rows, Rows]:
            return self._heldout_rows(i, train, choice), self._heldout_rows(i, valid, choice)

        def heldin_units(choice: Choice) -> tuple[Rows, Rows]:
            return self._heldin_rows(i, train, choice), self._heldin_rows(i, valid, choice)

        start = Choice(config.widths[0], config.lags[0], config.components[0])
        options = {"width": config.widths, "lags": config.lags, "components": config.components}
        choice, penalty = coordinate_search(heldin_units if heldin == units else heldout_units, start, options)
        self.get_buffer(f"observed_width_{i}").fill_(choice.width)
        if heldin < units:
            fit = final_fit(heldout_units, choice, penalties_near(penalty))
            penalty = fit.penalty
            self._store(weights[..., heldin:], fit.weights, choice.lags, causal=False)
            bias[heldin:] = torch.from_numpy(fit.bias)
        # with nothing held out the search was on these very rows
        fit = final_fit(heldin_units, choice, (penalty,) if heldin < units else penalties_near(penalty))
        self._store(weights[..., :heldin], fit.weights, choice.lags, causal=False)
        bias[:heldin] = torch.from_numpy(fit.bias)

    def _solve_forward(self, i: int, train: Batch, valid: Batch) -> None:
        config, bins, ahead = self.config, train.observed.neural.shape[1], self.spec.sessions[i].forward
        every = torch.arange(ahead)
        some = every[torch.linspace(0, ahead - 1, min(_BINS_COMPARED, ahead)).long()]

        def forward_bins(choice: Choice, which: Tensor) -> tuple[Rows, Rows]:
            return self._forward_rows(i, train, choice, which, True), self._forward_rows(i, valid, choice, which, False)

        middle = config.reaches[len(config.reaches) // 2]
        start = Choice(config.widths[0], config.lags[0], config.components[0], reach=middle)
        options = {
            "width": config.widths,
            "reach": config.reaches,
            "history": (0.0, *(h * bins for h in config.histories)),
            "lags": config.lags,
        }
        choice, penalty = coordinate_search(partial(forward_bins, which=some), start, options)
        fit = final_fit(partial(forward_bins, which=every), choice, penalties_near(penalty))
        self.get_buffer(f"forward_width_{i}").fill_(choice.width)
        self.get_buffer(f"history_{i}").fill_(choice.history)
        self._store(self.get_buffer(f"forward_weights_{i}"), fit.weights, choice.lags, causal=True)
        self.get_buffer(f"forward_bias_{i}").copy_(torch.from_numpy(fit.bias))

    @staticmethod
    def _store(weights: Tensor, fitted: np.ndarray, lags: int, causal: bool) -> None:
        """Writes fitted `(block * heldin, output)` into `(most lags, heldin, output)`: the lags not used stay 0."""
        blocks, heldin, outputs = weights.shape
        found = torch.from_numpy(fitted).reshape(-1, heldin, outputs)
        most = blocks - 2 if causal else (blocks - 2) // 2
        weights.zero_()
        weights[most - lags : most - lags + len(found) - 1] = found[:-1]
        weights[-1] = found[-1]

    def _heldout_rows(self, i: int, batch: Batch, choice: Choice) -> Rows:
        counts, mask = batch.observed.neural, batch.observed.mask
        name = batch.observed.neural_name
        assert name is not None
        heldout = batch.targets[name][:, : counts.shape[1], counts.shape[2] :]
        known = batch.counted(name)[:, : counts.shape[1], counts.shape[2] :].all(2)
        return self._rows(i, choice, counts, mask, known.nonzero(), heldout.shape[2], lambda *at: heldout[at])

    def _heldin_rows(self, i: int, batch: Batch, choice: Choice) -> Rows:
        counts, mask, folds = batch.observed.neural, batch.observed.mask, self.config.folds
        hands = thinned(counts, folds, seed=i)
        kept = ((counts - hands) * (folds / (folds - 1))).flatten(0, 1)
        every = mask.repeat(folds, 1)
        aside = hands.flatten(0, 1)
        return self._rows(
            i,
            choice,
            kept,
            every,
            every.nonzero(),
            aside.shape[2],
            lambda *at: aside[at],
            lambda trial, time: torch.full((len(trial), 1), -math.log(folds)),
        )

    def _forward_rows(self, i: int, batch: Batch, choice: Choice, which: Tensor, training: bool) -> Rows:
        """One row an anchor: a bin of the observed window, and the forward bins `which` that follow it as if it were the last one."""
        counts, mask = batch.observed.neural, batch.observed.mask
        name = batch.observed.neural_name
        assert name is not None
        target, bins = batch.targets[name], counts.shape[1]
        ahead = target.shape[1] - bins
        # windows that differ by one bin are almost the same example: every second is enough
        first = bins - 1 - int(choice.reach * (bins - 1)) if training else bins - 1
        anchors = torch.arange(bins - 1, first - 1, -2)
        follows = anchors[:, None] + 1 + torch.arange(ahead)
        use = torch.zeros_like(mask)
        use[:, anchors] = mask[:, anchors] & batch.counted(name).all(2)[:, follows].all(2)

        def counts_ahead(trial: Tensor, time: Tensor) -> Tensor:
            return target[trial[:, None], time[:, None] + 1 + which].flatten(1)

        own = None
        if choice.history:
            own = self._own_history(counts, mask, self.get_buffer(f"mean_{i}"), choice.history)
        return self._rows(
            i,
            choice,
            counts,
            mask,
            use.nonzero(),
            len(which) * target.shape[2],
            counts_ahead,
            None if own is None else lambda *at: own[at].repeat(1, len(which)),
            causal=True,
        )

    def _rows(
        self,
        i: int,
        choice: Choice,
        counts: Tensor,
        mask: Tensor,
        at: Tensor,
        outputs: int,
        target: Callable[[Tensor, Tensor], Tensor],
        offset: Callable[[Tensor, Tensor], Tensor] | None = None,
        causal: bool = False,
    ) -> Rows:
        """Rows of the regression at the entries `at` `(row, (trial, time))`, at most as many as the bound on entries allows; targets are cut for those only."""
        heldin, blocks = counts.shape[2], choice.lags * (1 if causal else 2) + 2
        most = max(self.config.most_entries // max(blocks * heldin, outputs), 1)
        if len(at) > most:
            picked = np.random.default_rng(i).choice(len(at), most, replace=False)
            at = at[torch.from_numpy(np.sort(picked))]
        trial, time = at.unbind(1)
        smooth, whole = self._smooth(counts, mask, self.get_buffer(f"mean_{i}")[:heldin], choice.width, causal)
        lagged = self._lagged(time, counts.shape[1], choice.width, choice.lags, causal)
        x = torch.cat([smooth[trial, bins] for bins in lagged] + [whole[trial, time]], 1)
        known = None if offset is None else offset(trial, time).float().numpy()
        return Rows(x.numpy(), target(trial, time).numpy(), known)

    # -- prediction -------------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        i = observed.session
        assert observed.neural_name is not None
        counts, mask = observed.neural, observed.mask
        mean = self.get_buffer(f"mean_{i}")
        heldin, units = counts.shape[2], len(mean)

        def linear(which: str, causal: bool, time: Tensor) -> Tensor:
            weights = self.get_buffer(f"{which}_weights_{i}")
            width = float(self.get_buffer(f"{which}_width_{i}"))
            smooth, whole = self._smooth(counts, mask, mean[:heldin], width, causal)
            total = whole[:, time] @ weights[-1] + self.get_buffer(f"{which}_bias_{i}")
            lagged = self._lagged(time, counts.shape[1], width, max(self.config.lags), causal)
            for bins, weight in zip(lagged, weights):
                total = total + smooth[:, bins] @ weight
            return total

        every = torch.arange(counts.shape[1], device=counts.device)
        log_rates = linear("observed", False, every)
        ahead = observed.bins - counts.shape[1]
        if ahead:
            future = linear("forward", True, every[-1:]).reshape(-1, ahead, units)
            strength = float(self.get_buffer(f"history_{i}"))
            if strength:
                future = future + self._own_history(counts, mask, mean, strength)[:, -1:]
            log_rates = torch.cat([log_rates, future], 1)
        return Output({observed.neural_name: log_rates.clamp(max=15.0)[..., None]}, latents=log_rates)

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        return {observed.neural_name or "": latents.clamp(max=15.0)[..., None]}

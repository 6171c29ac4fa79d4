"""Gaussian-process factor analysis: smooth low-dimensional latents of each trial by EM, and a readout from them to rates."""

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
from neurodyn.models.parts.gaussian_process_factors import Activity, Factors, fit_factors, infer
from neurodyn.models.parts.mode_settings import check_mode_settings
from neurodyn.models.parts.published_readout import RATE_CEILING, fit_linear_readout, fit_poisson_readout
from neurodyn.models.parts.spike_counts import require_spikes
from neurodyn.regression.poisson import PENALTIES, Fit, Rows, fit_validated

_LEAST_RATE = 1e-10


@dataclass(frozen=True)
class GPFAConfig:
    """Size, EM and readout. What is None takes the value of the mode."""

    mode: Literal["default", "release"] = "default"
    """`default`: a Poisson readout of the latents; dimension and penalties are chosen on validation trials. `release`: the Neural Latents Benchmark's published baseline, fitted to
    training and validation trials: a linear readout to held-in rates, and from those a Poisson regression to held-out units."""
    latents: int | None = None
    """Number of latents; None chooses from `candidates` on the validation trials. Needed in release."""
    candidates: tuple[int, ...] = (4, 8, 16, 32)
    """Numbers of latents to choose from, tried from the smallest on until one predicts worse; those above the number of held-in units count as that number. Default mode only."""
    square_root: bool = True
    """Whether the latents explain square roots of counts, whose variance depends less on the rate."""
    timescale_s: float = 0.1
    """Timescale every latent starts from, in seconds."""
    segment_bins: int | None = None
    """Cuts trials into windows of so many bins for EM, which is faster and blind to slower timescales. None: whole trials; 20 in release."""
    iterations: int | None = None
    """EM steps, at most. None: 100; 500 in release."""
    tolerance: float | None = None
    """EM stops at a step that raises the log likelihood by less than this share of the rise so far. None: 1e-4; 1e-8 in release."""
    heldin_alpha: float | None = None
    """α of the linear readout to held-in rates, ‖Y − XW − b‖² + α‖W‖². Needed in release, and for it only."""
    heldout_alpha: float | None = None
    """α of the Poisson regression to held-out units, mean loss + ½ α‖w‖². Needed in release, and for it only."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        check_mode_settings(
            self,
            used_only_in={"default": ("candidates",), "release": ("heldin_alpha", "heldout_alpha")},
            needed_in={"release": ("latents", "heldin_alpha", "heldout_alpha")},
        )
        check_range("model.len(candidates)", len(self.candidates), 1)
        for value in self.candidates:
            check_range("model.candidates", value, 1)
        for name, low in (("latents", 1), ("segment_bins", 2), ("iterations", 1)):
            if getattr(self, name) is not None:
                check_range(f"model.{name}", getattr(self, name), low)
        for name in ("tolerance", "heldin_alpha", "heldout_alpha"):
            if getattr(self, name) is not None:
                check_range(f"model.{name}", getattr(self, name), 0)
        check_range("model.timescale_s", self.timescale_s, 0, open_low=True)


class GPFA(Model):
    """Factor analysis whose factors are Gaussian processes in time (Yu et al. 2009, doi:10.1152/jn.90941.2008), and a readout to all units.

    Sessions are fitted apart. Everything is computed in float64 on the host.
    """

    Config: ClassVar = GPFAConfig
    default_rule: ClassVar[str] = "closed_form"

    def __init__(self, config: GPFAConfig, spec: DataSpec) -> None:
        super().__init__(config, spec)
        require_spikes(spec, "gpfa")
        for i, session in enumerate(spec.sessions):
            heldin, heldout = session.heldin, session.units - session.heldin
            if config.latents is not None and config.latents > heldin:
                raise InvalidInput("model.latents", config.latents, f"at most {heldin}, the number of held-in units")
            most = config.latents or min(max(config.candidates), heldin)
            sizes: dict[str, tuple[int, ...]] = {"loading": (heldin, most), "timescale": (most,)}
            sizes |= {"offset": (heldin,), "variance": (heldin,)}
            if config.mode == "release":
                sizes |= {"heldin_weights": (most, heldin), "heldin_bias": (heldin,)}
                sizes |= {"heldout_weights": (heldin, heldout), "heldout_bias": (heldout,)}
            else:
                sizes |= {"weights": (most, session.units), "bias": (session.units,)}
                sizes |= {"covariance": (most, most), "ceiling": (session.units,)}
            for name, size in sizes.items():
                self.register_buffer(f"{name}_{i}", torch.ones(size, dtype=torch.float64))
            self.register_buffer(f"latents_{i}", torch.tensor(most))

    # -- fitting ----------------------------------------------------------------------------------------------------

    def solve(self, train: Sequence[Trials], valid: Sequence[Trials]) -> None:
        """Fits every session by itself: the latents by EM, then the readouts.

        In default mode to the training trials; validation trials end EM and choose the number of latents and the penalties. In release to both.
        """
        for i, (seen, unseen) in enumerate(zip(train, valid, strict=True)):
            batches = Batch.of(seen, session=i), Batch.of(unseen, session=i)
            if self.config.mode == "release":
                self._solve_published(i, *batches)
            else:
                self._solve_validated(i, *batches)

    def _solve_validated(self, i: int, train: Batch, valid: Batch) -> None:
        session, config = self.spec.sessions[i], self.config
        seen, unseen = self._activity(train.observed), self._activity(valid.observed)
        sizes = sorted({min(size, session.heldin) for size in config.candidates})
        best: tuple[float, Factors, Fit | None] | None = None
        for size in [config.latents] if config.latents else sizes:
            factors, score = fit_factors(
                seen,
                size,
                self._bins(i, config.timescale_s),
                valid=unseen,
                iterations=config.iterations or 100,
                tolerance=1e-4 if config.tolerance is None else float(config.tolerance),
                segment=config.segment_bins,
            )
            heldout = None
            if session.units > session.heldin:
                units = slice(session.heldin, None)
                heldout = fit_validated(_rows(factors, seen, train, units), _rows(factors, unseen, valid, units))
                score = heldout.score
            if best is not None and score <= best[0]:
                break
            best = score, factors, heldout
        assert best is not None
        _, factors, heldout = best
        # latents that saw a unit's own spikes predict it well with too weak a penalty: held-in units take that of the held-out ones
        units, penalties = slice(0, session.heldin), (heldout.penalty,) if heldout else PENALTIES
        rows = _rows(factors, seen, train, units), _rows(factors, unseen, valid, units)
        fits = [fit_validated(*rows, penalties=penalties), *([heldout] if heldout else [])]
        weights = np.concatenate([fit.weights for fit in fits], 1)
        bias = np.concatenate([fit.bias for fit in fits])
        axes = factors.orthonormal
        mean = infer(factors, seen).summed_covariance(seen.mask) / seen.mask.sum()
        self._store_factors(i, factors)
        self._store(f"weights_{i}", weights)
        self._store(f"bias_{i}", bias)
        self._store(f"ceiling_{i}", (np.concatenate([r.x for r in rows]) @ weights + bias).max(0))
        self._store(f"covariance_{i}", axes.T @ mean @ axes)

    def _solve_published(self, i: int, train: Batch, valid: Batch) -> None:
        session, config = self.spec.sessions[i], self.config
        assert config.latents and config.heldin_alpha is not None and config.heldout_alpha is not None
        parts = [(self._activity(batch.observed), batch) for batch in (train, valid)]
        activity = Activity(*(np.concatenate([getattr(a, f) for a, _ in parts]) for f in ("values", "mask")))
        factors, _ = fit_factors(
            activity,
            config.latents,
            self._bins(i, config.timescale_s),
            iterations=config.iterations or 500,
            tolerance=1e-8 if config.tolerance is None else float(config.tolerance),
            segment=config.segment_bins or 20,
        )
        self._store_factors(i, factors)

        def rows(units: slice) -> tuple[np.ndarray, np.ndarray]:
            found = [_rows(factors, seen, batch, units) for seen, batch in parts]
            return np.concatenate([r.x for r in found]), np.concatenate([r.y for r in found])

        latents, counts = rows(slice(0, session.heldin))
        weights, bias = fit_linear_readout(latents, counts, config.heldin_alpha)
        self._store(f"heldin_weights_{i}", weights)
        self._store(f"heldin_bias_{i}", bias)
        if session.units > session.heldin:
            latents, counts = rows(slice(session.heldin, None))
            rates = np.maximum(latents @ weights + bias, _LEAST_RATE)
            weights, bias = fit_poisson_readout(rates, counts, config.heldout_alpha)
            self._store(f"heldout_weights_{i}", weights)
            self._store(f"heldout_bias_{i}", bias)

    # -- prediction -------------------------------------------------------------------------------------------------

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        assert observed.neural_name is not None
        i, factors = observed.session, self._factors(observed.session)
        posterior = infer(factors, self._activity(observed), observed.bins)
        axes = factors.orthonormal
        latents = posterior.mean @ axes
        size, device = len(axes), observed.neural.device
        hidden: dict[str, Tensor] = {}
        unknown: np.ndarray | float = 0.0
        if self.config.mode == "default":
            weights = self._array(f"weights_{i}")[:size]
            # mean of exp over what is not known of the latents, beyond what was not known where the readout was fitted
            excess = axes.T @ posterior.covariance @ axes - self._array(f"covariance_{i}")[:size, :size]
            unknown = (0.5 * ((excess @ weights) * weights).sum(2))[posterior.pattern]
            hidden["uncertainty"] = torch.from_numpy(unknown).float().to(device)
        log_rates = torch.from_numpy(self._log_rates(i, latents, unknown)).float().to(device)
        latent = torch.from_numpy(latents).float().to(device)
        return Output({observed.neural_name: log_rates[..., None]}, latents=latent, hidden=hidden)

    def rates_from(self, latents: Tensor, output: Output, observed: Observed) -> Mapping[str, Tensor]:
        """The latents are the posterior mean; what their uncertainty adds to the log rates stays the trial's own."""
        unknown = output.hidden["uncertainty"].double().cpu().numpy() if output.hidden else 0.0
        log_rates = self._log_rates(observed.session, latents.double().cpu().numpy(), unknown)
        return {observed.neural_name or "": torch.from_numpy(log_rates)[..., None].float().to(latents.device)}

    def _log_rates(self, i: int, latents: np.ndarray, unknown: np.ndarray | float) -> np.ndarray:
        """The readout: log rates `(trial, time, unit)` of orthonormal latents; `unknown` is what their uncertainty adds."""
        if self.config.mode == "release":
            linear = latents @ self._array(f"heldin_weights_{i}") + self._array(f"heldin_bias_{i}")
            rates = np.maximum(linear, _LEAST_RATE)
            heldout = rates @ self._array(f"heldout_weights_{i}") + self._array(f"heldout_bias_{i}")
            log_rates = np.concatenate([np.log(rates), heldout], 2)
        else:
            weights = self._array(f"weights_{i}")[: latents.shape[2]]
            log_rates = latents @ weights + self._array(f"bias_{i}") + unknown
            log_rates = np.minimum(log_rates, self._array(f"ceiling_{i}"))  # no wilder than any rate it was fitted to
        return np.asarray(np.clip(log_rates, np.log(_LEAST_RATE), np.log(RATE_CEILING)))

    # -- parts ------------------------------------------------------------------------------------------------------

    def _bins(self, i: int, seconds: float) -> float:
        session = self.spec.sessions[i]
        return seconds / session.signals[str(session.neural)].bin_s

    def _activity(self, observed: Observed) -> Activity:
        counts = observed.neural.double().cpu().numpy()
        return Activity(np.sqrt(counts) if self.config.square_root else counts, observed.mask.cpu().numpy())

    def _array(self, name: str) -> np.ndarray:
        return np.asarray(self.get_buffer(name).cpu().numpy())

    def _store(self, name: str, values: np.ndarray) -> None:
        """Fills the corner of a buffer; the rest, of latents that are not used, is zero."""
        buffer = self.get_buffer(name)
        buffer.zero_()
        buffer[tuple(slice(0, n) for n in values.shape)] = torch.from_numpy(np.ascontiguousarray(values)).double()

    def _store_factors(self, i: int, factors: Factors) -> None:
        self.get_buffer(f"latents_{i}").fill_(factors.loading.shape[1])
        for name in ("loading", "offset", "variance", "timescale"):
            self._store(f"{name}_{i}", getattr(factors, name))

    def _factors(self, i: int) -> Factors:
        size = int(self.get_buffer(f"latents_{i}"))
        loading, timescale = self._array(f"loading_{i}")[:, :size], self._array(f"timescale_{i}")[:size]
        return Factors(loading, self._array(f"offset_{i}"), self._array(f"variance_{i}"), timescale)


def _rows(factors: Factors, activity: Activity, batch: Batch, units: slice) -> Rows:
    """Orthonormal latents and counts of some units (held-in first) at the observed bins where all of them are known."""
    name = str(batch.observed.neural_name)
    bins = activity.mask.shape[1]
    weight = batch.weight(name).expand_as(batch.targets[name])[:, :bins, units]
    known = activity.mask & (weight > 0).all(2).numpy()
    latents = infer(factors, activity).mean @ factors.orthonormal
    return Rows(latents[known], batch.targets[name][:, :bins, units].numpy()[known])

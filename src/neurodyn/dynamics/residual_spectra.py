"""Four answers to how deviations propagate, side by side: data, samples of a model, the model's own dynamics, the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

from neurodyn.shapes import Array

NAMES = {"data": "data", "samples": "samples of the model", "model": "Jacobian of the model", "truth": "true Jacobian"}
"""(a) residual dynamics of the data, (b) of samples drawn from the model, (c) the model's own Jacobian, (d) the true one."""
TOLERANCE = 0.1
"""Mean |Δ|λ|| over time up to which two spectra count as the same."""
WEAK = 10.0
"""F of the first stage below which a past is a weak instrument (Staiger & Stock 1997, 10.2307/2171753): the bias is then over a tenth of plain regression's."""


@dataclass(frozen=True)
class Gap:
    """How far two spectra are apart."""

    value: float
    """Mean over time of the absolute difference of their largest |λ|."""
    low: float
    high: float
    """95 % bootstrap interval over trials, reflected about the value: as far as draws of an absolute difference lie above it, it lies above the true one."""
    tolerance: float
    weak: bool = False
    """Whether one of the two is an estimate from a weak instrument and the other is not."""

    @property
    def verdict(self) -> str:
        """`match` up to the tolerance; `differ` where the whole interval is above it; else, or with a weak instrument, `cannot be told`."""
        if self.weak:
            return "cannot be told"
        if self.value <= self.tolerance:
            return "match"
        return "differ" if self.low > self.tolerance else "cannot be told"


@dataclass(frozen=True, eq=False)
class ResidualSpectra:
    """Largest |λ| per window over time, by four routes, each with bootstrap draws over trials."""

    time_s: Array
    """Middle of each step from one window to the next, `(time,)`."""
    leading: Mapping[str, Array]
    """By route (`NAMES`) `(time,)`; `truth` only where it is known."""
    drawn: Mapping[str, Array]
    """The same under bootstrap draws over trials `(draw, time)`."""
    plain: Array
    """Of the data by ordinary regression, which observation noise attenuates, `(time,)`."""
    strength: Array
    """Share of the variance of the data's projected deviations that their past explains, `(time,)`."""
    spectrum: Mapping[str, Array]
    """Complex `(time, d)`: all eigenvalues of the two residual estimates; absolute values, largest first, of the two Jacobians' leading ones."""
    context: Mapping[str, Any]
    """Window in seconds, lags, dimension, smoothness, trials, subspace."""
    twins: Mapping[str, Array] = field(default_factory=dict)
    """Largest |λ| of other true dynamics that make the same data, by name, `(time,)`."""
    latents: Array | None = None
    """Of residual dynamics of the true latents themselves, without noise, `(time,)`: what those of the data tend to with ever more spikes."""
    tolerance: float = TOLERANCE

    @property
    def routes(self) -> list[str]:
        """The routes that there are, in order."""
        return [name for name in NAMES if name in self.leading]

    def gap(self, one: str, other: str) -> Gap:
        """Between two routes, or a route and a twin. An estimate from spikes is compared with a Jacobian only where its past is no weak instrument."""
        paths = {**self.leading, **self.twins}
        mixed = len({"data", "samples"} & {one, other}) == 1
        told = self.told if mixed and not self.weak else np.ones(len(self.time_s), bool)
        first, second = (self.drawn.get(name, paths[name][None]) for name in (one, other))
        several = [len(each) for each in (first, second) if len(each) > 1]
        first, second = (each[: min(several)] if several else each for each in (first, second))
        draws = np.abs(first - second)[:, told].mean(1)
        value = float(np.abs(paths[one] - paths[other])[told].mean())
        low, high = 2 * value - np.quantile(draws, [0.975, 0.025])
        return Gap(value, max(float(low), 0.0), max(float(high), value), self.tolerance, self.weak and mixed)

    @property
    def told(self) -> Array:
        """Bool `(time,)`: steps whose past explains enough of the present, F = (R² / l d) / ((1 − R²) / trials) of at least `WEAK`."""
        past = self.context["lags"] * self.context["dimension"]
        return np.asarray(self.strength / (1 - self.strength) * self.context["trials"] / past >= WEAK)

    @property
    def gaps(self) -> dict[tuple[str, str], Gap]:
        """Between all routes, in pairs."""
        return {pair: self.gap(*pair) for pair in combinations(self.routes, 2)}

    def interval(self, route: str) -> tuple[Array, Array]:
        """95 % bootstrap interval over time."""
        low, high = np.quantile(self.drawn[route], [0.025, 0.975], axis=0)
        return low, high

    @property
    def claims(self) -> dict[str, bool]:
        """Statements in words, each with whether it holds."""
        verdict = "cannot be told" if self.weak else self.gap("data", "samples").verdict
        samples, statement = verdict == "match", "samples of the model propagate deviations as the data do"
        found = {statement: samples, f"whether {statement} cannot be told": verdict == "cannot be told"}
        if "truth" in self.leading:
            own = self.gap("model", "truth").verdict
            found["by the model's own dynamics deviations spread as they truly do"] = own == "match"
            found["samples match the data although the model's own dynamics spread deviations otherwise"] = (
                samples and own == "differ"
            )
        return found

    def sentences(self) -> list[str]:
        """What matches and what does not, with the tolerance."""
        found = []
        if self.weak:
            share = f"{100 * float(np.median(self.strength)):.1f} %"
            found.append(f"The past explains {share} of the present: residual dynamics of these data say little.")
        elif not self.told.all():
            number = f"{int(self.told.sum())} of {len(self.told)} steps"
            found.append(
                f"The past explains enough of the present in {number}; elsewhere estimates are not compared with Jacobians."
            )
        for (one, other), gap in self.gaps.items():
            interval = f"mean difference of |λ| {gap.value:.2f} ({gap.low:.2f} to {gap.high:.2f})"
            said = {"match": "match", "differ": "differ", "cannot be told": "cannot be told apart or alike"}[
                gap.verdict
            ]
            found.append(f"{_capital(NAMES[one])} and {NAMES[other]} {said}: {interval}, tolerance {self.tolerance:g}.")
        if self.latents is not None and "truth" in self.leading:
            apart = float(np.abs(self.latents - self.leading["truth"]).mean())
            far = "inputs have memory, or deviations are not small, so that data and truth differ however many spikes there are"
            why = far if apart > self.tolerance else "with enough spikes the data would tell the true spectrum"
            found.append(
                f"Residual dynamics of the true latents, without noise, are {apart:.2f} from the true Jacobian: {why}."
            )
        for name in self.twins:
            verdicts = {route: self.gap(route, name).verdict for route in self.routes if route != "truth"}
            near = [NAMES[route] for route, verdict in verdicts.items() if verdict == "match"]
            what = f"is matched by {' and '.join(near)}" if near else "is matched by none of them"
            found.append(f"The Jacobian of {name}, which makes the same data, {what}.")
        return found

    @property
    def weak(self) -> bool:
        """Whether the data's past explains so little of the present, in all steps but one, that their residual dynamics say little."""
        return bool(self.told.sum() < 2)

    def table(self) -> tuple[str, list[str], list[list[str]], str]:
        """Title, headings, rows and a note, for people: a row for each pair."""
        rows = [
            [NAMES[one], NAMES[other], f"{gap.value:.3f}", f"{gap.low:.3f} to {gap.high:.3f}", gap.verdict]
            for (one, other), gap in self.gaps.items()
        ]
        for name in self.twins:
            for route in self.routes[:3]:
                gap = self.gap(route, name)
                rows.append([NAMES[route], name, f"{gap.value:.3f}", f"{gap.low:.3f} to {gap.high:.3f}", gap.verdict])
        c = self.context
        note = (
            f"Largest |λ| per {c['window_s'] * 1000:g} ms over {len(self.time_s)} steps; {c['trials']} trials, {c['dimension']} dimensions, "
            f"{c['lags']} lags, α {c['smoothness']:g}. Tolerance {self.tolerance:g}. {' '.join(self.sentences())}"
        )
        return "Residual dynamics", ["of", "and of", "mean |Δ|λ||", "95 % interval", "they"], rows, note

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "time_s": self.time_s.tolist(),
            "leading": {name: path.tolist() for name, path in self.leading.items()},
            "interval": {
                name: [edge.tolist() for edge in self.interval(name)] for name in self.routes if name in self.drawn
            },
            "plain": self.plain.tolist(),
            "of_true_latents": None if self.latents is None else self.latents.tolist(),
            "instrument": self.strength.tolist(),
            "weak_instrument": self.weak,
            "spectrum": {name: np.abs(values).tolist() for name, values in self.spectrum.items()},
            "twins": {name: path.tolist() for name, path in self.twins.items()},
            "gaps": [
                {
                    "between": list(pair),
                    "value": gap.value,
                    "interval": [gap.low, gap.high],
                    "verdict": gap.verdict,
                }
                for pair, gap in self.gaps.items()
            ],
            "tolerance": self.tolerance,
            "claims": self.claims,
            "words": self.sentences(),
            **self.context,
        }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]

"""Power spectra of long runs, and the Hellinger distance between them."""

from __future__ import annotations

import numpy as np

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

REST = 1e-3
"""A run whose s.d. is below this share of the reference's rests: all its power counts as power at the frequency zero."""


def power_by_trial(
    runs: Float[Array, "trial time dimension"], scale: Array | None = None
) -> Float[Array, "trial frequency dimension"]:
    """|FFT|² of each run about its own mean, at 0, 1, ... cycles a run; with the frequency zero alone where it rests.

    Args:
        runs: of two bins at least.
        scale: s.d. of the reference `(dimension,)`, in which a run's rest counts; none takes that of the runs.

    Raises:
        InvalidInput: values that are not finite, or fewer than two bins.
    """
    if runs.shape[1] < 2 or not np.isfinite(runs).all():
        what = f"{runs.shape[1]} bins" if runs.shape[1] < 2 else "values that are not finite"
        raise InvalidInput("runs", what, "finite runs of two bins at least")
    about = runs - runs.mean(1, keepdims=True)
    power = np.abs(np.fft.rfft(about, axis=1)) ** 2
    unit = runs.std((0, 1)) if scale is None else np.asarray(scale)
    rests = about.std(1) <= REST * unit  # (trial, dimension)
    power = np.where(rests[:, None], 0.0, power)
    # Parseval: the power of a run with the reference's s.d.
    power[:, 0] = np.where(rests, np.maximum(unit, 1e-150) ** 2 * runs.shape[1] ** 2 / 2, power[:, 0])
    return np.asarray(power)


def smoothed(
    power: Float[Array, "*axes frequency dimension"], smoothing: float
) -> Float[Array, "*axes frequency dimension"]:
    """Power under a Gaussian of this s.d. in frequencies, each dimension's sum 1."""
    from scipy.ndimage import gaussian_filter1d

    even = gaussian_filter1d(power, smoothing, axis=-2) if smoothing > 0 else power
    return np.asarray(even / np.maximum(even.sum(-2, keepdims=True), 1e-300))


def hellinger(
    one: Float[Array, "*axes frequency dimension"], other: Float[Array, "*axes frequency dimension"]
) -> Array:
    """√(1 − Σ √(p q)) for spectra of sum 1, mean over dimensions `(...)`: 0 for the same, 1 for none in common."""
    shared = np.sqrt(one * other).sum(-2)
    return np.asarray(np.sqrt(np.maximum(1 - shared, 0)).mean(-1))


def power_spectrum_distance(
    runs: Float[Array, "trial time dimension"],
    reference: Float[Array, "row bin column"],
    *,
    smoothing: float = 2.0,
) -> float:
    """Hellinger distance between smoothed, normalised power spectra, mean over dimensions.

    As in Mikhaeil, Monfared & Durstewitz 2022 (10.48550/arXiv.2110.07238) and Hess et al. 2023 (10.48550/arXiv.2306.04406), which take one
    run of each; here the spectra of many runs are averaged before they are normalised. Phases do not count, and neither do amplitudes.

    Args:
        runs: of a model.
        reference: of the truth, of as many bins and dimensions.
        smoothing: s.d. of the Gaussian along frequency, in cycles a run.

    Raises:
        InvalidInput: runs of another length than the reference's; values that are not finite.

    >>> t = np.arange(400)[None, :, None]
    >>> slow, fast = np.sin(2 * np.pi * 8 * t / 400), np.sin(2 * np.pi * 40 * t / 400)
    >>> round(power_spectrum_distance(slow, slow), 6), round(power_spectrum_distance(slow, fast), 3)
    (0.0, 1.0)
    """
    check_range("smoothing", smoothing, 0)
    if runs.shape[1:] != reference.shape[1:]:
        raise InvalidInput("runs", f"(time, dimension) {runs.shape[1:]}", f"{reference.shape[1:]}, as the reference")
    scale = reference.std((0, 1))
    one, other = (smoothed(power_by_trial(each, scale).sum(0), smoothing) for each in (runs, reference))
    return float(hellinger(one, other))

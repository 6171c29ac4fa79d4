"""From counts to the scores that sessions are aligned by: square root, smoothing, window, principal components."""

from __future__ import annotations

import numpy as np

from neurodyn.data.motor.principal_components import COMPONENTS, PrincipalComponents
from neurodyn.data.motor.rates import smooth_rates
from neurodyn.data.motor.windows import WINDOWS_S, Window, cut_windows, window_bins
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float


def principal_scores(
    trials: Trials, window: Window | None = None, components: int = COMPONENTS
) -> tuple[Float[Array, "kept time component"], Bool[Array, "kept time"], np.ndarray]:
    """Principal components of one session's smoothed activity, fitted to all bins given back; their mask, and which trials these are.

    Smoothing over whole trials before the window is cut is what was published (`window` of trials that come whole, with `onset_bin` in their table).
    Trials that come cut are smoothed as they are, reflected at the ends of what there is.

    Args:
        trials: of one session; all of its units count, held-out ones too.
        window: cut around `onset_bin`; None takes the trials as they are, with their mask.
        components: number of components, at most the units.

    Raises:
        InvalidInput: a window of trials without `onset_bin`; fewer units than components; no trial with all bins of the window.
    """
    rates = smooth_rates(trials.counts, trials.mask, trials.bin_s)
    kept, mask = np.arange(len(trials)), trials.mask
    if window is not None:
        if "onset_bin" not in trials.table:
            raise InvalidInput("trials", "a table without onset_bin", "trials with their movement onset")
        onset = trials.table["onset_bin"].to_numpy(int)
        rates, kept = cut_windows(rates, mask, onset, window_bins(WINDOWS_S[window], trials.bin_s))
        mask = np.ones(rates.shape[:2], bool)
        if not len(kept):
            raise InvalidInput("window", f"no trial with a whole {window} window", "at least one")
    scores = PrincipalComponents.fit(rates, mask, components)(rates)
    return np.where(mask[..., None], scores, 0), mask, kept

"""Whether a fitted model propagates deviations as the data do, and whether it does so by the true dynamics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.analysis.local_jacobians import model_growth, true_growth, true_inputs
from neurodyn.analysis.residual_activity import ResidualActivity, residual_activity
from neurodyn.data.trials import Trials
from neurodyn.dynamics.residual_spectra import TOLERANCE, ResidualSpectra
from neurodyn.shapes import Array
from neurodyn.simulate.base import Simulator

_PATH_DRAWS = 40
"""Bootstrap draws of the average paths that Jacobians are taken along."""


def compare_residuals(
    learned: LearnedDynamics,
    *,
    draws: int = 200,
    tolerance: float = TOLERANCE,
    twins: Mapping[str, Simulator] | None = None,
    **options: Any,
) -> ResidualSpectra:
    """Four spectra over time: (a) residual dynamics of the data; (b) of samples of the model, in the same subspace with the same options; (c) the Jacobian of the
    model's generator along its average path in the test trials of each choice or condition, with its inputs held; (d) the true Jacobian along the true average path.

    (b) draws for each trial from its posterior, then spikes. A model may match (a) with (b) by the inputs it infers while its own dynamics, (c), are not (d):
    nothing in the data of one area tells them apart.

    Args:
        learned: the model and its trials.
        draws: bootstrap draws over trials.
        tolerance: mean |Δ|λ|| over time up to which two spectra match.
        twins: other true dynamics that make the same data, by name; of the two-area circuit recorded in PFC its usual twins by default.
        options: of `residual_activity`.

    Raises:
        InvalidInput: a model without dynamics; fewer trials than the estimate needs.
    """
    paths = _test_paths(learned)  # first, so that a model without dynamics is refused at once
    found = learned.kept(
        ("residual activity", tuple(sorted(options.items()))), lambda: residual_activity(learned, **options)
    )
    of_data, of_samples = found.of_data, found.estimated(found.samples)
    leading = {"data": of_data.leading, "samples": of_samples.leading}
    drawn = {"data": of_data.bootstrap(draws), "samples": of_samples.bootstrap(draws)}
    spectrum: dict[str, Array] = {"data": of_data.eigenvalues, "samples": of_samples.eigenvalues}
    size, steps = found.subspace.shape[1], found.steps
    weights = _path_weights(len(learned.test), paths, learned.seed)
    states, drives = (_averages(each, weights) for each in (learned.seen_test.states, learned.seen_test.drives))
    grown = model_growth(learned, states, drives, steps, size)
    leading["model"], drawn["model"], spectrum["model"] = _over_paths(grown, paths)
    simulator, beside = learned.simulator, {}
    if simulator is not None and "states" in learned.test.truth:
        true = _averages(learned.test.truth["states"].astype(float), weights)
        inputs = true_inputs(simulator, learned.test)
        given = None if inputs is None else _averages(inputs, weights)
        leading["truth"], drawn["truth"], spectrum["truth"] = _over_paths(
            true_growth(simulator, true, given, steps), paths
        )
        for name, twin in (_usual_twins(simulator) if twins is None else twins).items():
            once = len(paths)
            grown = true_growth(twin, true[:once], None if given is None else given[:once], steps)
            beside[name] = _over_paths(grown, paths)[0]
    context = {
        "window_s": found.window_s,
        "lags": of_data.lags,
        "dimension": size,
        "smoothness": of_data.smoothness,
        "trials": of_data.trials,
        "subspace": found.how,
    }
    return ResidualSpectra(
        time_s=(of_data.bins + 1) * found.window_s,
        leading=leading,
        drawn=drawn,
        plain=of_data.plain_leading,
        strength=of_data.strength,
        spectrum=spectrum,
        context=context,
        twins=beside,
        latents=None if found.of_latents is None else found.of_latents.leading,
        tolerance=tolerance,
    )


def kept_spectra(learned: LearnedDynamics) -> ResidualSpectra:
    """`compare_residuals` with its defaults, made once for all measures."""
    found: ResidualSpectra = learned.kept("residual spectra", lambda: compare_residuals(learned))
    return found


def kept_activity(learned: LearnedDynamics) -> ResidualActivity:
    """`residual_activity` with its defaults, made once for all measures."""
    found: ResidualActivity = learned.kept(("residual activity", ()), lambda: residual_activity(learned))
    return found


def _test_paths(learned: LearnedDynamics) -> dict[str, Array]:
    """Rows of the test trials by choice, else by condition, else all."""
    learned.seen_test  # noqa: B018
    trials: Trials = learned.test
    by = trials.table["choice"].to_numpy() if "choice" in trials.table else trials.conditions
    if by is None:
        return {"all": np.arange(len(trials))}
    return {str(each): np.flatnonzero(by == each) for each in np.unique(by)}


def _path_weights(trials: int, paths: Mapping[str, Array], seed: int) -> Array:
    """Weights `(path, trial)` of averages: over each choice's trials once, then over trials drawn with replacement."""
    generator = np.random.default_rng((seed, 4))
    found = np.zeros((1 + _PATH_DRAWS, len(paths), trials))
    for i, rows in enumerate(paths.values()):
        found[0, i, rows] = 1 / len(rows)
        found[1:, i, rows] = generator.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), _PATH_DRAWS) / len(
            rows
        )
    return found.reshape(-1, trials)


def _averages(values: Array, weights: Array) -> Array:
    return np.tensordot(weights, values, 1)


def _over_paths(grown: Array, paths: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """Largest |λ| averaged over paths by their trials: once, under draws, and all modes once."""
    share = np.array([len(rows) for rows in paths.values()], float)
    share /= share.sum()
    by_draw = grown.reshape(-1, len(paths), *grown.shape[1:])
    mean = np.tensordot(by_draw, share, (1, 0))  # (draw, step, mode)
    return mean[0, :, 0], mean[1:, :, 0] if len(mean) > 1 else mean[:, :, 0], mean[0]


def _usual_twins(simulator: Simulator) -> dict[str, Simulator]:
    from neurodyn.simulate.twins import twins_of
    from neurodyn.simulate.two_area import TwoArea

    if not isinstance(simulator, TwoArea) or simulator.config.recorded != "pfc":
        return {}
    return {f"the twin with J_S' = {structure:g}": twin for structure, twin in twins_of(simulator).items()}

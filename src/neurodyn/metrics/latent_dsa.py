"""How far the dynamics of inferred latents are from those of the true ones."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurodyn.metrics._pairs import has, inferred_of, true_of
from neurodyn.metrics._stand_ins import measured_with
from neurodyn.metrics.base import Evaluation, Measurement, Metric, Split
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.delay_embedding import DelayCoordinates
from neurodyn.similarity.linear_operator import Transitions, fitted_step, transitions
from neurodyn.similarity.operator_distance import angle_of, closest_turns, unit

DELAYS = 30
"""Bins in a window, as published, and at most a third of the bins of a trial."""
VARIANCE = 0.99
"""Part of the variance that the principal components of latents explain, and of their sum of squares that the coordinates of true windows explain."""


class LatentDSA(Metric):
    """Angle between the linear operators that move windows of inferred and of true latents from bin to bin; same coordinates count, rotations of them do not."""

    definition = (
        "Angle in radians on test trials between the linear operators that move delay-embedded inferred and true latents from bin to bin (dynamical "
        "similarity analysis), in as many coordinates as explain 99 % of the true windows; coordinates and the orthogonal turn between them are fitted on train."
    )
    direction = "lower"
    on_request = True

    def applies(self, evaluation: Evaluation) -> bool:
        return has(evaluation, "latents") and evaluation.trials["test"].bins >= 6

    def measure(self, evaluation: Evaluation) -> Measurement:
        return latent_dsa(*(({s: _activity(evaluation, s, side) for s in ("train", "test")}) for side in (True, False)))

    def simpler(self, evaluation: Evaluation) -> Mapping[str, Measurement]:
        return measured_with(self.measure, evaluation, "latents")


def latent_dsa(inferred: Mapping[str, Activity], true: Mapping[str, Activity]) -> Measurement:
    """The angle on test between two sets of trajectories, each split's trials the same on both sides.

    Operators of test trials are those of sums over trials, so that a bootstrap draw is exact; coordinates and turn stay as they were fitted on train. Latents that do not vary
    have no dynamics and are at π/2 from everything.

    Raises:
        InvalidInput: no trial with enough bins in a row.
    """
    delays = min(DELAYS, true["test"].bins // 3)
    found = [_coordinates(side["train"], delays) for side in (inferred, true)]
    coordinates = [each for each in found if each is not None]
    if len(coordinates) < 2:
        return Measurement(np.zeros((true["test"].rows, 1)), lambda s: np.full(len(s), np.pi / 2))
    ranks = [each.rank(coordinates[1].rank(VARIANCE)) for each in coordinates]
    size = max(ranks)

    def operators(sums: list[Transitions]) -> list[np.ndarray]:
        """Of unit norm, both of one size `(draw, size, size)`."""
        fitted = [unit(fitted_step(each, rank).operator) for each, rank in zip(sums, ranks)]
        return [np.pad(a, ((0, 0), *[(0, size - a.shape[1])] * 2)) for a in fitted]

    def sums_of(split: str) -> list[Transitions]:
        sides = zip((inferred[split], true[split]), coordinates, ranks)
        return [transitions(each.of(side, rank), each.valid(side.counted)) for side, each, rank in sides]

    turn = closest_turns(*operators([each.summed(keepdims=True) for each in sums_of("train")])).turn[0]
    tested = sums_of("test")
    shapes = [part.shape[1:] for each in tested for part in (each.before, each.across)]
    sums = np.concatenate([part.reshape(len(part), -1) for each in tested for part in (each.before, each.across)], 1)

    def statistic(drawn: np.ndarray) -> np.ndarray:
        parts = np.split(drawn, np.cumsum([np.prod(shape) for shape in shapes])[:-1], axis=1)
        of = [part.reshape(len(drawn), *shape) for part, shape in zip(parts, shapes)]
        a, b = operators([Transitions(of[0], of[1], True, 0), Transitions(of[2], of[3], True, 0)])
        return np.asarray(angle_of(np.linalg.norm(a - turn @ b @ turn.T, axis=(1, 2))))

    return Measurement(sums, statistic, {"delays": delays, "inferred_rank": ranks[0], "true_rank": ranks[1]})


def _activity(evaluation: Evaluation, split: Split, inferred: bool) -> Activity:
    values = (inferred_of if inferred else true_of)(evaluation, split, "latents")
    mask = evaluation.trials[split].mask
    return Activity(values, mask=None if mask.all() else mask, name=f"latents of {split}")


def _coordinates(activity: Activity, delays: int) -> DelayCoordinates | None:
    """None where nothing varies."""
    samples = activity.samples
    if not (samples != samples[:1]).any():
        return None
    return DelayCoordinates.fit(activity, delays, pca=VARIANCE)

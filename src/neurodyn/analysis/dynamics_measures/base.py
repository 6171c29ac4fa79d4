"""What every measure of learned dynamics is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from neurodyn import registry
from neurodyn.analysis.learned_dynamics import LearnedDynamics
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measure, Measurement, Score, scored

CLAIMS = "claims"
"""Where a measurement's context holds statements in words, each with whether it holds for this model: `{"the samples propagate deviations as the data do": True}`. A study counts
the seeds in which each holds."""


class DynamicsMeasure(Measure):
    """A measure of what a model with dynamics has learned, beside the system behind the data where it is known. One file each.

    Unlike a `Metric` it may run the model: step it, perturb it, let it run free. Measured on request only.
    """

    @abstractmethod
    def applies(self, learned: LearnedDynamics) -> bool:
        """Whether the model and its trials have what it needs (dynamics, a simulator that can be perturbed, enough trials)."""

    @abstractmethod
    def measure(self, learned: LearnedDynamics) -> Measurement:
        """The measurement on the test trials; anything fitted is fitted on train.

        Raises:
            InvalidInput: too few trials; the message says how many are needed.
        """

    def simpler(self, learned: LearnedDynamics) -> Mapping[str, Measurement]:
        """Baselines of the measure's own, on the same rows as `measure`; the untrained model stands beside it anyway."""
        return {}

    def ceiling(self, learned: LearnedDynamics) -> float | None:
        """What the true system itself would score, where it is known."""
        return None


def dynamics_scores(
    learned: LearnedDynamics,
    names: Sequence[str],
    untrained: LearnedDynamics | None = None,
    *,
    optional: Sequence[str] = (),
    draws: int = 2000,
    context: Mapping[str, Any] | None = None,
) -> list[Score]:
    """The scores of some measures of dynamics, with their baselines.

    Args:
        learned: the model and its trials.
        names: of the measures.
        untrained: the same model as its seed draws it, on the same trials; none leaves all baselines out.
        optional: further measures, left out where they do not apply.
        draws: bootstrap draws.
        context: said with each score.

    Raises:
        UnknownName: a measure no one registered.
        InvalidInput: one of `names` that does not apply; too few trials for it.
    """
    found = []
    for name in (*names, *(each for each in optional if each not in names)):
        measure: DynamicsMeasure = registry.load("dynamics_measures", name)()
        if not measure.applies(learned):
            if name in optional:
                continue
            what = "a measure that this model and these trials have what it takes for"
            raise InvalidInput("metrics", name, what, measure.definition)
        beside: dict[str, Measurement] = {}
        if untrained is not None:
            beside = {"untrained": measure.measure(untrained), **measure.simpler(learned)}
        found.append(
            scored(
                type(measure),
                measure.measure(learned),
                beside,
                measure.ceiling(learned),
                draws=draws,
                seed=learned.seed,
                context=context,
            )
        )
    return found

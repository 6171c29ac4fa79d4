"""Correlations of paired trials, centred over trials, as several measures use them."""

from __future__ import annotations

from typing import Literal

from neurodyn.alignment.base import Alignment
from neurodyn.alignment.paired_means import mean_r, paired_r, permutation_p
from neurodyn.alignment.retrieval import chance, top1
from neurodyn.alignment.trial_correlation import Centring
from neurodyn.alignment.trial_pairs import (
    TrialPairs,
    across_modalities,
    across_subjects,
    matched_by,
    repeated_by,
    within_subjects,
)
from neurodyn.metrics.base import Measurement

Kind = Literal["subjects", "modalities", "repeats"]


def applies(alignment: Alignment, kind: Kind) -> bool:
    """Whether there are trials to pair, and trials that do not belong together to hold against them."""
    if kind == "modalities":
        return any(s.beside and len(s.trials) > 1 for s in alignment.scored)
    found = matched_by(alignment) if kind == "subjects" else repeated_by(alignment)
    return found is not None and any(p.unpaired.any() for p in pairs_of(alignment, kind, "time", True))


def pairs_of(alignment: Alignment, kind: Kind, centring: Centring, active_only: bool) -> list[TrialPairs]:
    """The pairs of one kind."""
    find = {"subjects": across_subjects, "modalities": across_modalities, "repeats": within_subjects}[kind]
    return find(alignment, centring, active_only)


def paired(alignment: Alignment, kind: Kind, centring: Centring) -> Measurement:
    """Mean r of paired trials with all that stands beside it."""
    said: dict[str, object] = {}
    if kind != "modalities":
        said["matched_by"] = matched_by(alignment) if kind == "subjects" else repeated_by(alignment)
    return paired_r(alignment, lambda active_only: pairs_of(alignment, kind, centring, active_only), said)


def unpaired(alignment: Alignment, kind: Kind) -> Measurement:
    """Mean time-centred r of unpaired trials."""
    everything = mean_r(alignment, pairs_of(alignment, kind, "time", False), "unpaired").value
    said = {"active": alignment.active_said, "unguarded": everything}
    return mean_r(alignment, pairs_of(alignment, kind, "time", True), "unpaired", said)


def retrieved(alignment: Alignment, kind: Kind) -> Measurement:
    """Top-1 retrieval by time-centred r."""
    pairs = pairs_of(alignment, kind, "time", True)
    everything = top1(alignment, pairs_of(alignment, kind, "time", False), {}).value
    by_feature = top1(alignment, pairs_of(alignment, kind, "feature", True), {}).value
    said = {
        "chance": chance(pairs),
        "by_r_feature": by_feature,
        "unguarded": everything,
        "active": alignment.active_said,
    }
    return top1(alignment, pairs, {**said, "p_permutation": permutation_p(pairs)})

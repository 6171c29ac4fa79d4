"""What several measures say of themselves."""

from __future__ import annotations

GUARD = "Latent dimensions count where they are active: where the variance of the posterior mean exceeds 1 % of the mean posterior variance"
NONE_ACTIVE = f"{GUARD}; with none it is 0"
PAIRS = "trials of different subjects with the same stimulus (the same condition where no stimulus is shared), over pairs of subjects with a zero-shot one where there is one"
RAW_WARNING = (
    "The published correlation is dominated by whatever all trials have in common, an offset or a time course. A collapsed model and one trained on shuffled pairs "
    "score 1.000, paired and unpaired alike. It reproduces a number and says nothing about quality. Its p values count overlapping pairs of trials as independent."
)

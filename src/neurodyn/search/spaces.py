"""The search spaces that models come with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SPACES: Mapping[str, Mapping[str, Any]] = {
    # AutoLFADS: Keshtkaran et al. 2022, doi:10.1038/s41592-022-01675-0, with the ranges of its public runs.
    "lfads": {
        "train.learning_rate": {"log_uniform": [1e-5, 5e-3], "start": 4e-3, "explore": 0.3},
        "model.dropout": {"uniform": [0.0, 0.6], "explore": 0.3},
        "model.coordinated_dropout": {"uniform": [0.01, 0.7], "start": 0.5, "explore": 0.3},
        "objective.kl_scales.inputs": {"log_uniform": [1e-6, 1e-4], "explore": 0.8, "bounded": False},
        "objective.kl_scales.initial_condition": {"log_uniform": [1e-6, 1e-3], "explore": 0.8, "bounded": False},
        "model.l2_generator": {"log_uniform": [1e-4, 1.0], "explore": 0.8, "bounded": False},
        "model.l2_controller": {"log_uniform": [1e-4, 1.0], "explore": 0.8, "bounded": False},
    },
}
"""By the model's registered name: `{field: distribution}`, as a space's file."""

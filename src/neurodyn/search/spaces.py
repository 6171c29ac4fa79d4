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
    # Ye & Pandarinath 2021, arXiv:2108.01210: the public ranges for its motor cortex sets. Upper bounds of whole numbers are part of a range here.
    "ndt": {
        "train.learning_rate": {"uniform": [1e-5, 5e-3]},
        "train.weight_decay": {"log_uniform": [1e-8, 1e-3], "bounded": False},
        "model.masking.ratio": {"uniform": [0.1, 0.4]},
        "model.masking.zero": {"log_uniform": [0.5, 1.0]},
        "model.masking.random": {"uniform": [0.8, 1.0]},
        "model.masking.longest_span": {"uniform": [1, 6]},
        "model.dropout": {"uniform": [0.3, 0.7]},
        "model.embedding_dropout": {"uniform": [0.3, 0.7]},
        "model.rate_dropout": {"uniform": [0.3, 0.7]},
        "model.context_forward": {"uniform": [10, 98]},
        "model.context_backward": {"uniform": [10, 98]},
    },
    # No published ranges: what its trials on recordings and simulations were sensitive to, around the defaults.
    "langevin_flow": {
        "train.learning_rate": {"log_uniform": [1e-3, 1e-2], "start": 5e-3, "explore": 0.3},
        "model.dropout": {"uniform": [0.0, 0.6], "explore": 0.3},
        "model.coordinated_dropout": {"uniform": [0.05, 0.6], "start": 0.3, "explore": 0.3},
        "objective.kl_scale": {"log_uniform": [3e-3, 1.0], "start": 0.03, "explore": 0.8},
        "model.time_unit_s": {"log_uniform": [0.05, 0.5], "start": 0.2},
        "model.damping": {"log_uniform": [1.0, 40.0], "start": 5.0},
    },
}
"""By the model's registered name: `{field: distribution}`, as a space's file."""

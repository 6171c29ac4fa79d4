"""neurodyn: neural population dynamics. Any recording in, any model, any objective, and comparisons that can be trusted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from neurodyn.api import adapt, calibrate, compare, evaluate, fit, load, report, zero_shot
    from neurodyn.data.recording import Recording
    from neurodyn.data.trials import Trials
    from neurodyn.distillation import cross_fit, distill
    from neurodyn.estimator import Estimator
    from neurodyn.search.run import search

_WHERE = {
    "load": "neurodyn.api",
    "fit": "neurodyn.api",
    "adapt": "neurodyn.api",
    "zero_shot": "neurodyn.api",
    "calibrate": "neurodyn.api",
    "evaluate": "neurodyn.api",
    "compare": "neurodyn.api",
    "report": "neurodyn.api",
    "cross_fit": "neurodyn.distillation",
    "distill": "neurodyn.distillation",
    "search": "neurodyn.search",
    "Recording": "neurodyn.data.recording",
    "Trials": "neurodyn.data.trials",
    "Estimator": "neurodyn.estimator",
}

__all__ = [
    "Estimator",
    "Recording",
    "Trials",
    "__version__",
    "adapt",
    "calibrate",
    "compare",
    "cross_fit",
    "distill",
    "evaluate",
    "fit",
    "load",
    "report",
    "search",
    "zero_shot",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        found = importlib.import_module(_WHERE[name])
        return found if name == "search" else getattr(found, name)  # a package that can be called
    raise AttributeError(f"module 'neurodyn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""neurodyn: neural population dynamics. Any recording in, any model, any objective, and comparisons that can be trusted."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from neurodyn.api import evaluate, fit, load, report
    from neurodyn.data.recording import Recording
    from neurodyn.data.trials import Trials
    from neurodyn.estimator import Estimator

_WHERE = {
    "load": "neurodyn.api",
    "fit": "neurodyn.api",
    "evaluate": "neurodyn.api",
    "report": "neurodyn.api",
    "Recording": "neurodyn.data.recording",
    "Trials": "neurodyn.data.trials",
    "Estimator": "neurodyn.estimator",
}

__all__ = ["Estimator", "Recording", "Trials", "__version__", "evaluate", "fit", "load", "report"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(importlib.import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'neurodyn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""From simulated trials back to the system they come from."""

from __future__ import annotations

import importlib
from pathlib import Path

from neurodyn.data.trials import Trials
from neurodyn.simulate.base import Simulator


def simulator_of(trials: Trials) -> Simulator | None:
    """The system that trials were simulated by, built again from their provenance; None where they are none of ours.

    >>> from neurodyn.simulate.lorenz import Lorenz
    >>> type(simulator_of(Lorenz().simulate(2))).__name__
    'Lorenz'
    """
    name = trials.name
    if "simulator" not in trials.provenance or not Path(__file__).with_name(f"{name}.py").is_file():
        return None
    module = importlib.import_module(f"neurodyn.simulate.{name}")
    wanted = name.replace("_", "")
    for attribute, value in vars(module).items():
        if isinstance(value, type) and issubclass(value, Simulator) and attribute.lower() == wanted:
            return value.from_provenance(trials.provenance)
    return None

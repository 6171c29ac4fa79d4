"""Real-time recurrent learning finds the gradient of back-propagation through time, going forward."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from leaky_networks import FORMS, case, found, same
from neurodyn.errors import InvalidInput
from neurodyn.learning.bptt import BPTT
from neurodyn.learning.rtrl import MOST_UNITS, RTRL

NETWORKS: dict[str, dict[str, Any]] = {
    "several time constants": {},
    "retanh": {"nonlinearity": "retanh", "time_constants_s": (0.05,)},
    "dale, sparse": {"dale": True, "density": 0.6, "units": 10, "nonlinearity": "relu"},
    "penalties": {"penalty": 2.0, "blocks": 0.5},
    "no penalty": {"penalty": 0.0, "mask": False},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("network", NETWORKS)
def test_it_is_exact(form: str, network: str) -> None:
    made = case(form, **NETWORKS[network])
    same(found(RTRL(), made), found(BPTT(), made), tolerance=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_it_is_exact_with_noise_of_the_activity(form: str) -> None:
    made = case(form, activity_noise=0.4, nonlinearity="retanh")
    made.model.train()
    torch.manual_seed(1)
    forward = found(RTRL(), made)
    torch.manual_seed(1)
    same(forward, found(BPTT(), made), tolerance=1e-10)


def test_a_large_network_is_refused_with_the_cost() -> None:
    rule, made = RTRL(), case(units=MOST_UNITS + 1, trials=1, bins=1)
    with pytest.raises(InvalidInput, match=r"units⁴ operations, 2e\+07"):
        rule.prepare(made.model, 0)
    with pytest.raises(InvalidInput, match="at most 64"):
        found(RTRL(), made)

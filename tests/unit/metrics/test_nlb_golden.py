"""The benchmark's measures against values its own evaluator printed (tests/golden/nlb_metrics.json says how)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from nlb_cases import bits_case, psth_case, speed_case, velocity_case

from neurodyn.metrics._bits_per_spike import bits_per_spike
from neurodyn.metrics.psth_r2 import psth_r2
from neurodyn.metrics.speed_interval_correlation import speed_interval_correlation
from neurodyn.metrics.velocity_r2 import velocity_r2

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "nlb_metrics.json").read_text())


@pytest.mark.parametrize("seed", range(4))
def test_bits_per_spike_equals_the_evaluator(seed: int) -> None:
    rates, counts = bits_case(seed)
    known = ~np.isnan(counts)
    ours = bits_per_spike(rates, np.where(known, counts, 0).astype(np.uint16), known).value
    assert ours == pytest.approx(GOLDEN["bits_per_spike"][seed], abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("search", "key"), [(True, "velocity_r2"), (False, "velocity_r2_without_search")])
def test_velocity_r2_equals_the_evaluator(seed: int, search: bool, key: str) -> None:
    rates, velocity, group, test_rates, test_velocity, test_group = velocity_case(seed)
    ours = velocity_r2(rates, velocity, test_rates, test_velocity, group, test_group, search=search).value
    assert ours == pytest.approx(GOLDEN[key][seed], abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_psth_r2_equals_the_evaluator(seed: int) -> None:
    assert psth_r2(*psth_case(seed)).value == pytest.approx(GOLDEN["psth_r2"][seed], abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
def test_speed_interval_correlation_equals_the_evaluator(seed: int) -> None:
    ours = speed_interval_correlation(*speed_case(seed)).value
    assert ours == pytest.approx(GOLDEN["speed_interval_correlation"][seed], abs=1e-10)

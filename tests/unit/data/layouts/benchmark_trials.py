"""Small trials with everything the layouts know: held-out units in mixed order, splits in mixed order, groups, conditions, averages."""

import numpy as np
import pandas as pd

from neurodyn.data.psth import PSTH
from neurodyn.data.signal import Signal
from neurodyn.data.trials import Trials


def benchmark_trials(behaviour="observed", withheld="none", forward=3, seed=0):
    """18 trials of 8 + `forward` bins, 6 held-in and 2 held-out units.

    Args:
        behaviour: two series over the `observed` bins or over the `whole` window, or `labels`.
        withheld: of the test trials' counts, `none`, `some` (held-out ones in the first bins) or `all` that are not observed.
        forward: forward bins.
        seed: of the numbers.
    """
    rng = np.random.default_rng(seed)
    trials, observed, units = 18, 8, 8
    bins = observed + forward
    heldin = np.array([0, 1, 3, 4, 6, 7])
    split = np.array((["train"] * 3 + ["valid", "test", "train"]) * 3, object)
    test = split == "test"
    known = np.ones((trials, bins, units), bool)
    out = np.isin(np.arange(units), heldin, invert=True)
    if withheld == "some":
        known[np.ix_(test, np.arange(3), out)] = False
    if withheld == "all":
        known[np.ix_(test, np.arange(bins), out)] = False
        known[np.ix_(test, np.arange(observed, bins), ~out)] = False
    counts = (rng.poisson(0.7, known.shape) * known).astype(np.uint16)
    names = tuple(f"unit {k}" for k in range(units))
    signals = {"counts": Signal(counts, "spikes", "neural", 0.02, "counts/bin", names, known)}
    if behaviour == "labels":
        timing = rng.normal(size=(trials, 5)).astype(np.float32)
        signals["timing"] = Signal(timing, "label", "behaviour", 0.02, names=("a", "b", "c", "d", "e"))
    else:
        for name in ("velocity", "position"):
            values = rng.normal(size=(trials, bins if behaviour == "whole" else observed, 2)).astype(np.float32)
            values[2, -2:] = np.nan
            signals[name] = Signal(values, "series", "behaviour", 0.02, "mm/s", ("x", "y"))
    condition = np.array([f"{k % 3} / 0" for k in range(trials)], object)
    condition[7] = None
    psth = rng.uniform(size=(3, observed, units)).astype(np.float32)
    psth[1, 6:] = np.nan
    table = pd.DataFrame(
        {
            "split": split,
            "trial_id": rng.permutation(trials),
            "condition": condition,
            "decode_group": np.arange(trials) % 2,
            "jitter_bins": rng.integers(0, 4, trials),
            "start_s": rng.uniform(0, 100, trials),
            "interval_s": np.where(np.arange(trials) % 4, 0.7, np.nan),
        }
    )
    return Trials(
        signals,
        np.ones((trials, bins), bool),
        table,
        heldin,
        forward,
        psth=PSTH(psth, ("0 / 0", "1 / 0", "2 / 0")),
        name="small",
        session="monday",
        provenance={"source": "by hand"},
    )


def assert_same(found, expected):
    """Every part of two trials is equal."""
    assert list(found.signals) == list(expected.signals)
    for name, signal in expected.signals.items():
        other = found.signals[name]
        assert np.array_equal(other.values, signal.values, equal_nan=signal.values.dtype.kind == "f"), name
        assert (other.kind, other.role, other.bin_s, other.units, other.names) == (
            signal.kind,
            signal.role,
            signal.bin_s,
            signal.units,
            signal.names,
        )
    assert np.array_equal(np.broadcast_to(found.known, expected.counts.shape), expected.known)
    assert found.heldin.tolist() == expected.heldin.tolist() and found.forward == expected.forward
    assert list(found.table) == list(expected.table)
    for column in expected.table:
        for a, b in zip(found.table[column], expected.table[column]):
            assert a == b or (pd.isna(a) and pd.isna(b)), column
    if expected.psth is None:
        assert found.psth is None
    else:
        assert np.array_equal(found.psth.rates, expected.psth.rates, equal_nan=True)
        assert found.psth.conditions == expected.psth.conditions
    assert (found.name, found.session, found.provenance) == (expected.name, expected.session, expected.provenance)

"""The data set `langevin`: shapes, splits, held-out units, and bad options."""

import numpy as np
import pytest

import neurodyn as nd
from neurodyn.errors import InvalidInput
from neurodyn.simulate.langevin import Langevin


def test_defaults_and_options():
    trials = nd.load("langevin", trials=70, units=12, seed=5)
    assert trials.counts.shape == (70, 45, 12)
    assert (len(trials.train), len(trials.valid), len(trials.test)) == (40, 10, 20)
    assert trials.heldout.tolist() == [9, 10, 11]
    assert trials.forward == 10
    assert trials.bin_s == 0.02
    assert trials.provenance["options"]["trials"] == 70
    again = nd.load("langevin", trials=7, units=12, seed=5)
    np.testing.assert_array_equal(again.counts, trials.counts[:7])


def test_it_is_the_simulators():
    trials = nd.load("langevin", trials=7)
    np.testing.assert_array_equal(trials.counts, Langevin().simulate(7, seed=1).counts)
    assert nd.load("langevin", trials=7, damping=9.0).provenance["simulator"]["damping"] == 9.0


@pytest.mark.parametrize(
    "options", [{"trials": 0}, {"heldout": 1.0}, {"damping": 0.0}, {"forward": -1}, {"split": (1.0, 0.0, 1.0)}]
)
def test_bad_options(options):
    with pytest.raises(InvalidInput, match=f"data.{next(iter(options))}"):
        nd.load("langevin", **options)

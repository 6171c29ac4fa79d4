"""Simulated data sets by name: their defaults are the quality benchmark, number for number."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurodyn import registry
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput

GOLDEN = json.loads((Path(__file__).parents[3] / "golden" / "simulated_datasets.json").read_text())


def load(name, **options):
    cls = registry.load("datasets", name)
    return cls(from_dict(cls.Config, options)).load()


@pytest.mark.parametrize(
    ("golden", "name", "options"),
    [("lorenz", "lorenz", {}), ("two_area_rec", "two_area", {}), ("two_area_recnf", "two_area", {"variant": "recnf"})],
)
def test_defaults_are_the_quality_benchmark(golden, name, options):
    expected, trials = GOLDEN[golden], load(name, **options)
    assert int(trials.counts.sum()) == expected["count_sum"]
    assert trials.heldout.tolist() == expected["heldout"]
    for split, number in expected["trials"].items():
        assert len(trials.part(split)) == number
    for split in ("train", "test"):
        part, wanted = trials.part(split).select([0]), expected[split]
        assert part.counts[0, :30, trials.heldin[0]].tolist() == wanted["heldin_0"]
        assert part.counts[0, :30, trials.heldout[0]].tolist() == wanted["heldout_0"]
        bins = [0, 20, 44]
        rates = part.truth["rates"][0][:, trials.unit_order]
        np.testing.assert_allclose(rates[bins, :4], wanted["rates"], rtol=1e-6)
        for key in ("latents", "inputs"):
            if key in wanted:
                np.testing.assert_allclose(part.truth[key][0, bins], wanted[key], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["lorenz", "two_area"])
@pytest.mark.parametrize("randomness", ["shared", "per_trial"])
def test_any_size(name, randomness):
    trials = load(name, trials=70, units=12, randomness=randomness, seed=5)
    assert len(trials) == 70
    assert trials.units == 12
    assert len(trials.heldout) == 3
    shares = np.array([len(trials.train), len(trials.valid), len(trials.test)]) / 70
    np.testing.assert_allclose(shares, {"lorenz": [4 / 7, 1 / 7, 2 / 7], "two_area": [0.6, 0.2, 0.2]}[name], atol=0.02)
    assert trials.truth["rates"].shape == trials.counts.shape
    assert set(trials.truth) >= {"rates", "latents", "states"}


def test_external_input_is_the_truth_of_the_same_trials():
    plain, given = load("two_area", trials=20), load("two_area", trials=20, variant="ext")
    signal = given.signals["external_input"]
    assert signal.role == "input"
    np.testing.assert_array_equal(signal.values, plain.truth["inputs"])
    np.testing.assert_array_equal(given.counts, plain.counts)
    assert "external_input" not in plain.signals
    negative = load("two_area", trials=20, variant="recnf_ext")
    np.testing.assert_array_equal(negative.signals["external_input"].values, negative.truth["inputs"])


def test_provenance_names_the_source_and_the_options():
    trials = load("two_area", trials=20, variant="recnf")
    assert trials.provenance["source"] == "two_area"
    assert trials.provenance["options"]["variant"] == "recnf"
    assert trials.provenance["seed"] == 22
    again = load("two_area", **trials.provenance["options"])
    np.testing.assert_array_equal(again.counts, trials.counts)


def test_legacy_seeding_by_name():
    table = load("two_area", randomness="legacy", trials=1000).table
    assert table.stimulus_1_hz[:6].tolist() == [24, 16, 24, 8, 4, 4]


def test_lfads_form_of_lorenz():
    trials = load("lorenz", trials=130, conditions=65, units=50, bins=50, forward=0, heldout=0, randomness="per_trial")
    assert trials.counts.shape == (130, 50, 50)
    assert trials.table.condition.nunique() == 65
    assert len(trials.heldout) == 0


@pytest.mark.parametrize(
    ("name", "options", "field"),
    [
        ("two_area", {"variant": "rek"}, "variant"),
        ("two_area", {"trials": 0}, "trials"),
        ("two_area", {"heldout": 1.0}, "heldout"),
        ("two_area", {"forward": 100}, "forward"),
        ("two_area", {"split": [1, 0, 1]}, "split"),
        ("two_area", {"task": {"kernel": "bx"}}, "kernel"),
        ("lorenz", {"randomness": "legacy"}, "randomness"),
        ("lorenz", {"trials": 2}, "split"),
        ("lorenz", {"bin": 3}, "bins"),
    ],
)
def test_bad_options_name_the_field(name, options, field):
    with pytest.raises(InvalidInput, match=field):
        load(name, **options)

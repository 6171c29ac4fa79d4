"""Which area of the two-area circuit is recorded, and how often."""

import numpy as np
import pytest

import neurodyn
from neurodyn.errors import InvalidInput
from neurodyn.simulate.two_area import TwoArea, TwoAreaConfig


def load(**options):
    return neurodyn.load("two_area", **{"trials": 20, "variant": "recnf", **options})


@pytest.mark.parametrize("randomness", ["shared", "per_trial", "legacy"])
def test_with_both_areas_pfc_is_the_same_as_alone(randomness):
    both, alone = load(recorded="both", randomness=randomness), load(randomness=randomness)
    pfc = both.unit_table["area"].to_numpy() == "PFC"
    assert both.unit_table["area"].tolist() == ["PPC"] * 30 + ["PFC"] * 30
    np.testing.assert_array_equal(both.counts[..., pfc], alone.counts)
    np.testing.assert_array_equal(both.truth["rates"][..., pfc], alone.truth["rates"])
    assert np.flatnonzero(pfc)[alone.heldout].tolist() == both.heldout[pfc[both.heldout]].tolist()
    assert len(both.heldout) == 16


def test_truth_of_both_areas():
    trials, area = load(recorded="both"), TwoArea(TwoAreaConfig(preset="recnf"))
    states = trials.truth["states"]
    np.testing.assert_array_equal(trials.truth["latents"], states)
    np.testing.assert_allclose(trials.truth["inputs"], states[..., :2] @ area.coupling[:2, 2:], atol=1e-15)
    np.testing.assert_allclose(trials.truth["inputs_to_ppc"], states[..., 2:] @ area.coupling[2:, :2], atol=1e-15)
    log_rates = np.log(trials.truth["rates"])
    for units in (slice(0, 30), slice(30, 60)):  # each area is scaled to itself
        assert log_rates[..., units].std() == pytest.approx(1, abs=1e-3)
    # Projections differ, and log rates are affine in the latents of their own area alone.
    readout = trials.provenance["readout"]
    assert np.abs(np.array(readout["PPC"]["projection"]) - readout["PFC"]["projection"]).max() > 0.1


def test_truth_of_ppc_alone():
    trials, both = load(recorded="ppc"), load(recorded="both")
    truth = trials.truth
    assert set(trials.unit_table["area"]) == {"PPC"} and trials.units == 30
    np.testing.assert_array_equal(truth["latents"], truth["states"][..., :2])
    np.testing.assert_allclose(truth["inputs"], truth["inputs_to_ppc"] + truth["stimulus"][..., :2], atol=1e-15)
    np.testing.assert_array_equal(truth["rates"], both.truth["rates"][..., :30])


@pytest.mark.parametrize("randomness", ["shared", "per_trial", "legacy"])
def test_repeats_have_the_same_latents_and_other_spikes(randomness):
    once, often = load(randomness=randomness), load(randomness=randomness, repeats=3)
    assert len(often) == 60
    assert often.table["latent_trial"].tolist() == np.repeat(np.arange(20), 3).tolist()
    assert often.table["repeat"].tolist() == [0, 1, 2] * 20
    np.testing.assert_array_equal(often.select(slice(None, None, 3)).counts, once.counts)
    for name, values in once.truth.items():
        np.testing.assert_array_equal(often.truth[name], np.repeat(values, 3, 0), err_msg=name)
    assert (often.counts[0] != often.counts[1]).any()
    assert (often.table.groupby("latent_trial")["split"].nunique() == 1).all()
    assert often.table["split"].tolist() == np.repeat(once.table["split"], 3).tolist()


def test_fresh_trials_are_seen_by_the_same_units():
    trials, area = load(), TwoArea(TwoAreaConfig(preset="recnf"))
    fresh = area.fresh(trials.test, 12, seed=900, repeats=2)
    assert len(fresh) == 24 and fresh.heldin.tolist() == trials.heldin.tolist() and fresh.forward == trials.forward
    assert not np.isin(fresh.truth["states"][:, -1], trials.truth["states"][:, -1]).any()

    def weights(some):
        latents = some.truth["latents"].reshape(-1, 2)
        design = np.column_stack([latents, np.ones(len(latents))])
        return np.linalg.lstsq(design, np.log(some.truth["rates"].reshape(-1, 30)), rcond=None)[0]

    np.testing.assert_allclose(weights(fresh), weights(trials), atol=1e-8)
    with pytest.raises(InvalidInput, match="seed"):
        area.fresh(trials, 12, seed=22)


@pytest.mark.parametrize("randomness", ["shared", "per_trial", "legacy"])
def test_what_drove_some_trials_can_be_drawn_again(randomness):
    trials = load(randomness=randomness, repeats=2).test
    area = TwoArea(TwoAreaConfig(preset="recnf"))
    np.testing.assert_array_equal(area.run(*area.drawn(trials).currents)[0], trials.truth["states"])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"recorded": "pmd"}, "recorded"),
        ({"repeats": 0}, "repeats"),
        ({"recorded": "both", "variant": "ext"}, "variant"),
    ],
)
def test_bad_options_name_their_field(options, field):
    with pytest.raises(InvalidInput, match=field):
        load(**options)

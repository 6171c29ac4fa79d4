"""The typed population: types differ as they should, and sessions are their own."""

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.simulate.typed_population import TRAITS, TYPES, TypedPopulation, TypedPopulationConfig

CONFIG = TypedPopulationConfig(units=400, spread=0.1)


@pytest.fixture(scope="module")
def recording():
    return TypedPopulation(CONFIG).record(1200, seed=3)


def _of(recording, name):
    return (recording.neurons["subclass"] == name).to_numpy()


def test_every_neuron_has_a_type_a_place_and_traits_of_its_own(recording):
    neurons = recording.neurons
    assert len(neurons) == 400 and set(neurons["class"]) == {"excitatory", "inhibitory"}
    assert set(neurons["subclass"]) == {kind.name for kind in TYPES}
    assert ((neurons["subclass"] == "") == (neurons["class"] == "excitatory")).all()
    for axis, size in zip("xyz", CONFIG.field_um):
        assert neurons[f"{axis}_um"].between(0, size).all() and neurons[f"{axis}_um"].std() > size / 5
    for kind in TYPES:
        own = neurons[_of(recording, kind.name)]
        for trait in TRAITS:
            assert own[trait].mean() == pytest.approx(getattr(kind, trait), rel=0.1, abs=0.06)
            assert own[trait].std() > 0


def test_fluorescence_is_standardised_and_the_calcium_lies_in_it(recording):
    measured, calcium = recording.fluorescence, recording.calcium
    np.testing.assert_allclose(measured.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(measured.std(0), 1, atol=1e-9)
    noise = (measured - calcium).var(0) / calcium.var(0)
    assert noise.mean() == pytest.approx(CONFIG.measurement**2, rel=0.05)


def test_types_follow_behaviour_by_their_weights_and_last_as_long_as_they_should(recording):
    activity = recording.calcium
    with_running = np.array([np.corrcoef(unit, recording.drives[:, 0])[0, 1] for unit in activity.T])
    assert with_running[_of(recording, "Vip")].mean() > 0.4 > 0.0 > with_running[_of(recording, "Sst")].mean()
    innovations = activity[1:] - np.exp(-CONFIG.frame_s / CONFIG.calcium_s) * activity[:-1]
    lasting = np.array([np.corrcoef(unit[1:], unit[:-1])[0, 1] for unit in innovations.T])
    assert lasting[_of(recording, "Sncg")].mean() > lasting[_of(recording, "Pvalb")].mean() + 0.1


def test_behaviour_is_plausible(recording):
    running, pupil, state = (recording.behaviour[name][:, 0] for name in ("running", "pupil", "state"))
    assert running.min() == 0 and 0.1 < (running > 1).mean() < 0.6
    assert pupil.mean() == pytest.approx(1, abs=0.01) and pupil.min() > 0
    assert set(state) == {0, 1, 2} and ((state == 2) == (running >= 1)).all()


def test_what_is_near_is_shared(recording):
    neurons = recording.neurons
    place = neurons[["x_um", "y_um", "z_um"]].to_numpy()
    excitatory = np.flatnonzero(_of(recording, ""))
    distance = np.linalg.norm(place[excitatory, None] - place[excitatory], axis=2)
    alike = np.corrcoef(recording.calcium[:, excitatory].T)
    other = ~np.eye(len(excitatory), dtype=bool)
    assert alike[(distance < 40) & other].mean() > alike[(distance > 150) & other].mean() + 0.05


def test_a_seed_makes_a_recording():
    small = TypedPopulation(TypedPopulationConfig(units=5))
    one, again, other = (small.record(50, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.fluorescence, again.fluorescence)
    assert not np.allclose(one.fluorescence, other.fluorescence)


@pytest.mark.parametrize(("field", "value"), [("units", 0), ("frame_s", 0.0), ("spread", -1.0), ("reach_um", 0.0)])
def test_impossible_options_are_refused(field, value):
    with pytest.raises(InvalidInput, match=field):
        TypedPopulationConfig(**{field: value})

"""Pulses into the two-area circuit (two_area.md section 7.4)."""

import numpy as np
import pytest

import neurodyn
from neurodyn.errors import InvalidInput
from neurodyn.simulate.known import simulator_of
from neurodyn.simulate.perturbation import Pulse
from neurodyn.simulate.two_area import TwoArea

# P(choice 1) of rec after 50 ms into PFC, by size in nA and first bin.
TABLE = {
    (0.05, 10): 0.719,
    (0.05, 40): 0.538,
    (0.05, 70): 0.496,
    (0.02, 10): 0.539,
    (0.02, 40): 0.505,
    (0.02, 70): 0.491,
    (-0.05, 10): 0.241,
    (-0.05, 40): 0.442,
    (-0.05, 70): 0.476,
}


def test_table_of_pulses():
    """On the stored study's 1000 trials, whose baseline is .487, within the stated .04."""
    area = TwoArea()
    trials = area.simulate(1000, seed=0, randomness="legacy")
    assert trials.table["choice"].mean() == pytest.approx(0.487, abs=0.04)
    found = area.perturbed_by(trials, [Pulse(start_s=at / 100, size_na=d) for d, at in TABLE])
    got = {pulse: each.choice.mean() for pulse, each in zip(TABLE, found)}
    assert got == pytest.approx(TABLE, abs=0.04)
    assert got[0.05, 10] - got[-0.05, 10] > 4 * (got[0.05, 70] - got[-0.05, 70])  # late pulses change little


@pytest.mark.parametrize("randomness", ["shared", "per_trial", "legacy"])
@pytest.mark.parametrize("variant", ["rec", "recnf"])
@pytest.mark.parametrize("twin", [None, 0.2])
def test_no_pulse_changes_nothing_at_all(randomness, variant, twin):
    trials = neurodyn.load("two_area", trials=12, randomness=randomness, variant=variant, twin=twin).test
    found = simulator_of(trials).perturbed(trials, Pulse(size_na=0.0))
    np.testing.assert_array_equal(found.latents, trials.truth["latents"])
    np.testing.assert_array_equal(found.choice, trials.table["choice"])


def test_a_pulse_between_steps_has_the_same_charge():
    trials = TwoArea().simulate(4, seed=1)
    late = Pulse(start_s=0.1005, duration_s=0.0493)
    shares = late.shares(100, 0.01, 10)
    assert shares.sum() * 0.001 == pytest.approx(late.duration_s, abs=1e-12)
    assert shares[10, 0] == pytest.approx(0.5) and shares[:10].sum() == 0
    moved = TwoArea().perturbed(trials, late).latents - trials.truth["latents"]
    assert not moved[:, :10].any()
    whole = TwoArea().perturbed(trials, Pulse(start_s=0.1, duration_s=0.05)).latents - trials.truth["latents"]
    np.testing.assert_allclose(moved[:, 14], whole[:, 14], rtol=0.03)


def test_what_a_pulse_does_tells_twins_apart():
    """Twins share every spike; a pulse grows in one and dies in the other. Both agree with the linear response of their own Jacobian at first."""
    moved = {}
    for twin in (0.2, 0.4182, 0.45):
        trials = neurodyn.load("two_area", trials=20, twin=twin)
        area = simulator_of(trials)
        pulse = Pulse(start_s=0.3, duration_s=0.01, size_na=1e-6)
        after = area.perturbed(trials, pulse).latents - trials.truth["latents"]
        states, stimulus = (trials.truth[name] for name in ("states", "stimulus"))
        step = area.latent_jacobian(states[:, 30], stimulus[:, 31])
        linear = np.einsum("tij,tj->ti", step, after[:, 30])
        np.testing.assert_allclose(after[:, 31], linear, rtol=0.1, atol=1e-9)  # its Jacobian leaves the bin's noise out
        moved[twin] = np.linalg.norm(after[:, 50], axis=1).mean()
    assert moved[0.2] < 0.5 * moved[0.4182] < 0.5 * moved[0.45]


def test_a_pulse_into_ppc_reaches_pfc():
    trials = TwoArea().simulate(20, seed=2)
    moved = TwoArea().perturbed(trials, Pulse(area="PPC", start_s=0.2)).latents - trials.truth["latents"]
    assert (moved[:, 30, 1] - moved[:, 30, 0] > 0).all()


@pytest.mark.parametrize(
    ("pulse", "field"),
    [
        (Pulse(start_s=0.98), r"start_s.*within the trial, 0 to 1 s"),
        (Pulse(start_s=-0.1), "start_s"),
        (Pulse(duration_s=0.0), "duration_s"),
        (Pulse(size_na=float("nan")), "size_na"),
        (Pulse(area="V1"), "area"),
        (Pulse(direction="down"), "direction"),
        (Pulse(direction=(1.0, 0.0, 0.0)), "direction"),
    ],
)
def test_bad_pulses_name_their_field(pulse, field):
    with pytest.raises(InvalidInput, match=field):
        TwoArea().perturbed(TwoArea().simulate(2), pulse)


def test_systems_that_cannot_be_perturbed_say_so():
    from neurodyn.simulate.lorenz import Lorenz

    trials = Lorenz().simulate(2)
    assert not Lorenz().can_be_perturbed and TwoArea().can_be_perturbed
    with pytest.raises(InvalidInput, match="simulator"):
        Lorenz().perturbed(trials, Pulse())

"""Context-dependent decision (learning_rules.md, section 3.2); golden numbers are those of the study's stored trials."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, SharedStreams
from neurodyn.tasks.context_decision import ContextDecision, ContextDecisionConfig

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "tasks_release.json").read_text())["context_decision"]


@pytest.fixture(scope="module")
def released():
    return ContextDecision(ContextDecisionConfig(mode="release")).conditions()


def test_timing_is_the_published_one():
    periods = ContextDecision().periods
    assert {name: (p.start, p.stop) for name, p in periods.items()} == {
        "fixation": (0, 23),
        "stimulus": (23, 73),
        "delay": (73, 93),
        "decision": (93, 113),
    }


def test_conditions_come_in_the_recordings_order(released):
    table = released.table
    assert table["condition"].tolist() == list(range(72))
    assert table["correct_choice"].tolist() == GOLDEN["choice"]
    np.testing.assert_allclose(table["motion_coherence"], GOLDEN["motion"])
    np.testing.assert_allclose(table["colour_coherence"], GOLDEN["colour"])
    assert table["context"].tolist() == GOLDEN["context"]
    assert table["correct_choice"].tolist() == [0] * 36 + [1] * 36


def test_released_conditions_are_the_stored_ones(released):
    stimulus = released.stimulus.astype(float)
    for name, place in (
        ("fixation", 0),
        ("first_stimulus", 23),
        ("last_stimulus", 72),
        ("delay", 73),
        ("decision", 93),
    ):
        np.testing.assert_allclose(stimulus[:, place].sum(0), GOLDEN[f"{name}_bin"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(np.einsum("btc,b->c", stimulus, np.arange(72.0)), GOLDEN["weighted"], rtol=1e-12)
    assert released.target.sum((0, 1)).tolist() == GOLDEN["target_sum"]


def test_the_worked_numbers(released):
    # Condition 0: coherences -0.5 and -0.5 in the context of colour.
    np.testing.assert_allclose(released.stimulus[0, 0], np.array([1, 0, 0, 0, 0, 0, 1, 0, 1]) / np.sqrt(3), rtol=1e-6)
    shown = np.array([1, 0.75, 0.25, 0.75, 0.25, 0, 1, 0, 1]) / np.sqrt(4.25)
    np.testing.assert_allclose(released.stimulus[0, 23:73], np.repeat(shown[None], 50, 0), rtol=1e-6)
    np.testing.assert_allclose(shown[[0, 1, 2]], [0.4851, 0.3638, 0.1213], atol=5e-5)
    np.testing.assert_array_equal(released.stimulus[:, 93:], np.broadcast_to(np.eye(9)[8], (72, 20, 9)))


def test_a_released_draw_is_the_conditions_over_and_over(released):
    task = ContextDecision(ContextDecisionConfig(mode="release"))
    found = task.sample(SharedStreams(100, 5))
    np.testing.assert_array_equal(found.stimulus[:72], released.stimulus)
    np.testing.assert_array_equal(found.stimulus[72:], released.stimulus[:28])
    np.testing.assert_array_equal(found.target[72:], released.target[:28])


def test_normalising_is_an_option_of_its_own(released):
    plain = ContextDecision().conditions().stimulus
    assert set(np.unique(plain[:, 0])) == {0, 1}
    on = ContextDecision(ContextDecisionConfig(normalise_steps=True)).conditions().stimulus
    np.testing.assert_array_equal(on, released.stimulus)
    off = ContextDecision(ContextDecisionConfig(mode="release", normalise_steps=False)).sample(SharedStreams(72, 0))
    np.testing.assert_array_equal(off.stimulus, plain)


def test_drawn_trials_are_right_by_context_and_targets():
    drawn = ContextDecision().sample(SharedStreams(2000, 1))
    for row in drawn.table.itertuples():
        if row.context == "motion":
            right = row.motion_coherence > 0
        elif row.red_left:
            right = row.colour_coherence > 0
        else:
            right = row.colour_coherence < 0
        assert row.correct_choice == right
    assert drawn.table["condition"].nunique() == 72
    assert 0.4 < drawn.table["red_left"].mean() < 0.6
    answer = drawn.target[:, 93:].argmax(2)
    np.testing.assert_array_equal(answer, np.repeat(1 + drawn.table[["correct_choice"]].to_numpy(), 20, 1))
    assert (drawn.target[:, :93, 0] == 1).all()
    shown_order = drawn.stimulus[:, 100, 7:]
    np.testing.assert_array_equal(shown_order[:, 1], drawn.table["red_left"])


def test_noise_is_on_the_four_stimulus_channels_during_the_stimulus_alone():
    task = ContextDecision(ContextDecisionConfig(target_order="first"))
    drawn = task.sample(SharedStreams(500, 2))
    clean = task.conditions().stimulus[drawn.table["condition"]]
    noise = drawn.stimulus - clean
    assert noise[:, 23:73, 1:5].std() == pytest.approx(0.25, rel=0.02)
    assert abs(noise[:, 23:73, 1:5].mean()) < 0.005
    noise[:, 23:73, 1:5] = 0
    assert not noise.any()


def test_the_signed_form():
    task = ContextDecision(ContextDecisionConfig(form="signed", noise_std=0.0))
    assert (task.channels, task.outputs, task.classes) == (4, 1, False)
    drawn = task.sample(SharedStreams(500, 3))
    table = drawn.table
    assert table["motion_coherence"].abs().max() <= 0.1875
    assert table["colour_coherence"].nunique() == 500
    relevant = np.where(table["context"] == "motion", table["motion_coherence"], table["colour_coherence"])
    np.testing.assert_array_equal(drawn.target[:, 93:, 0], np.repeat(np.sign(relevant)[:, None], 20, 1))
    assert not drawn.target[:, :93].any()
    np.testing.assert_allclose(drawn.stimulus[:, 30, 0], table["motion_coherence"], rtol=1e-6)
    assert not drawn.stimulus[:, 93:].any()
    tested = task.conditions().table
    assert sorted(tested["motion_coherence"].abs().unique()) == [0.009, 0.036, 0.15]
    assert len(tested) == 72


def test_bins_in_which_nothing_is_shown_stay_zero_when_normalised():
    task = ContextDecision(ContextDecisionConfig(form="signed", normalise_steps=True))
    stimulus = task.sample(SharedStreams(5, 0)).stimulus
    assert not stimulus[:, 93:].any()
    np.testing.assert_allclose(np.linalg.norm(stimulus[:, :93], axis=2), 1, rtol=1e-6)


def test_other_coherences():
    task = ContextDecision(ContextDecisionConfig(motion_coherences=(0.05, 0.15, 0.5, 0.9), colour_coherences=(0.2,)))
    assert len(task.conditions().table) == 8 * 2 * 2
    assert task.sample(PerTrialStreams(5, 0)).table["colour_coherence"].abs().tolist() == [0.2] * 5


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("stimulus_s", 0.0),
        ("decision_s", 0.0),
        ("delay_s", -0.3),
        ("fixation_s", 0.35),
        ("bin_s", 0.0),
        ("motion_coherences", ()),
        ("colour_coherences", (0.5, 1.5)),
        ("motion_coherences", (0.0, 0.5)),
        ("uniform_coherence", 2.0),
        ("noise_std", -1.0),
        ("mode", "released"),
    ],
)
def test_bad_options_name_the_field(option, value):
    with pytest.raises(InvalidInput, match=option):
        ContextDecision(from_dict(ContextDecisionConfig, {option: value}))

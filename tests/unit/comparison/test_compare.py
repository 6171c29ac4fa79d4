"""Comparisons rank what they should, with baselines, ceilings, intervals and clear refusals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from neurodyn.comparison.ceiling import averaged, halves, split_half
from neurodyn.comparison.compare import compare, measure_of
from neurodyn.comparison.held_out import folds, held_out, value_of
from neurodyn.comparison.preparation import Preparation
from neurodyn.comparison.resampling import bootstrap_draws, drawn_values, interval
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.similarity.activity import Activity, Repeats
from neurodyn.similarity.measures.procrustes import Procrustes

CONDITIONS, BINS, LATENTS = 6, 30, 3


def _latents(seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).normal(size=(CONDITIONS, BINS, LATENTS)), 1)


def _seen(latents: np.ndarray, units: int, seed: int, name: str, noise: float = 0.1) -> Activity:
    rng = np.random.default_rng(seed)
    values = latents @ np.linalg.qr(rng.normal(size=(units, LATENTS)))[0].T
    return Activity(values + noise * rng.normal(size=values.shape), name=name)


@pytest.fixture(scope="module")
def populations() -> list[Activity]:
    """A brain, a network that does the same, and one that does something else."""
    return [
        _seen(_latents(), 20, 1, "brain"),
        _seen(_latents(), 15, 2, "alike"),
        _seen(_latents(9), 15, 3, "other"),
    ]


def test_what_does_the_same_is_nearer_than_anything_else(populations: list[Activity]) -> None:
    found = compare(populations, ["procrustes"], draws=30)
    alike, other = found.scores
    assert alike.value < other.value
    for name in ("cross_condition_average", "condition_shuffled", "time_shuffled", "chance"):
        assert alike.value < alike.baselines[name], name
    difference, low, high = alike.difference["cross_condition_average"]
    assert low < difference < high < 0
    assert alike.interval[0] < alike.value < alike.interval[1]
    assert alike.context["fitted"] == found.measures["procrustes"].values[0, 1] < alike.value
    assert "left out of the fit" in alike.context["held_out"]
    assert alike.ceiling is None and "no single trials" in alike.context["ceiling"]


def test_pairs_are_symmetric_and_json(populations: list[Activity]) -> None:
    found = compare(populations, ["procrustes", "procrustes:form=euclidean"], reference="alike", draws=0)
    for each in found.measures.values():
        assert np.allclose(each.values, each.values.T)
        assert np.allclose(np.diagonal(each.distances), 0)
    assert {s.context["y"] for s in found.scores} == {"brain", "other"}
    assert json.loads(json.dumps(found.as_mapping(), allow_nan=False))["reference"] == "alike"


def test_untrained_stands_beside(populations: list[Activity]) -> None:
    brain, alike, other = populations
    found = compare([brain, alike], ["procrustes"], untrained={"alike": other}, draws=0)
    assert found.scores[0].baselines["untrained"] > found.scores[0].value


def test_without_the_mean_there_is_no_average_to_stand_beside(populations: list[Activity]) -> None:
    found = compare(populations[:2], ["procrustes"], preparation=Preparation(without_mean=True), draws=0)
    assert "cross_condition_average" not in found.scores[0].baselines
    assert found.settings["without_mean"]


@pytest.mark.parametrize("scale", ["zscore", "soft"])
def test_scales_forgive_the_units_own(populations: list[Activity], scale: str) -> None:
    brain = populations[0]
    gain = np.geomspace(0.5, 20, brain.units)
    prepared = [Preparation(scale=scale).of(each).values for each in (brain, brain.with_values(brain.values * gain))]
    if scale == "zscore":
        assert np.allclose(*prepared)
    else:
        ranges = [np.ptp(each, (0, 1)) for each in prepared]
        assert ranges[1].max() / ranges[1].min() < gain[-1] / gain[0]


def test_few_samples_are_warned_of(populations: list[Activity]) -> None:
    short = [each.take(rows=slice(2), bins=slice(8)) for each in populations[:2]]
    found = compare(short, ["procrustes"], draws=0)
    assert any("20 units and 16 samples" in said for said in found.warnings)


def test_refusals_say_what_and_which(populations: list[Activity]) -> None:
    brain, alike, _ = populations
    with pytest.raises(InvalidInput, match="5 conditions"):
        compare([brain, alike.take(rows=slice(5))], ["procrustes"])
    with pytest.raises(InvalidInput, match="29 time points"):
        compare([brain, alike.take(bins=slice(29))], ["procrustes"])
    with pytest.raises(InvalidInput, match="at least two"):
        compare([brain], ["procrustes"])
    with pytest.raises(InvalidInput, match="reference"):
        compare([brain, alike], ["procrustes"], reference="brian")
    with pytest.raises(UnknownName, match="procrustes"):
        compare([brain, alike], ["procrustus"])
    with pytest.raises(InvalidInput, match="alhpa"):
        measure_of("procrustes:alhpa=1")
    with pytest.raises(InvalidInput, match="NAME:OPTION=VALUE"):
        measure_of("procrustes:euclidean")
    with pytest.raises(InvalidInput, match=r"procrustes\.alpha.*YAML"):
        measure_of("procrustes:alpha=[")
    with pytest.raises(InvalidInput, match="a name among them"):
        measure_of({"alpha": 1})
    with pytest.raises(InvalidInput, match="draws"):
        compare([brain, alike], ["procrustes"], draws=-1)
    with pytest.raises(InvalidInput, match="bin_s of brain"):
        Activity(brain.values, name="brain", bin_s=-0.01)
    with pytest.raises(InvalidInput, match="start_s of brain"):
        Activity(brain.values, name="brain", start_s=float("nan"))
    with pytest.raises(InvalidInput, match="each once"):
        compare([brain, alike], ["procrustes", "procrustes"])
    with pytest.raises(InvalidInput, match="not finite"):
        Activity(np.full((2, 3, 1), np.nan), name="brain")


def test_every_row_is_held_out_once_and_the_fit_never_sees_it() -> None:
    assert np.array_equal(np.sort(np.concatenate(folds(37))), np.arange(37))
    rng = np.random.default_rng(0)
    x, y = (Activity(rng.normal(size=(8, 4, 12)), name=name) for name in "xy")
    apart = held_out(Procrustes(), x, y)  # independent noise: nothing that was learned holds elsewhere
    assert len(apart) == 8
    assert apart.mean() == pytest.approx(1, abs=0.1)
    assert Procrustes().fit(x, y).score() < 0.7


def test_a_mean_over_all_conditions_gives_nothing_away() -> None:
    """Residuals from one mean sum to zero: with more units than samples the map of all but one condition would be right on the last, of noise too."""
    rng = np.random.default_rng(0)
    noise = [Activity(rng.normal(size=(8, 10, 100)), name=name) for name in "xy"]
    leaking = [each.with_values(each.values - each.values.mean(0)) for each in noise]
    assert held_out(Procrustes(), *leaking).mean() < 0.8
    apart = held_out(Procrustes(), *noise, without_mean=True)
    assert apart.mean() == pytest.approx(1, abs=0.05)
    few, few_leaking = ([each.take(units=slice(20)) for each in both] for both in (noise, leaking))
    apart = held_out(Procrustes(), *few, without_mean=True)
    np.testing.assert_allclose(held_out(Procrustes(), *few_leaking, without_mean=True), apart)
    (score,) = compare(few, "procrustes", preparation=Preparation(without_mean=True), draws=0).scores
    assert score.value == pytest.approx(apart.mean())


@pytest.mark.parametrize("scale", ["raw", "zscore", "soft"])
def test_units_that_stand_still_weigh_nothing_at_any_scale(populations: list[Activity], scale: str) -> None:
    brain, alike, _ = populations
    still = np.broadcast_to([0.1, 0.7, 1 / 3], (CONDITIONS, BINS, 3))
    more = alike.with_values(np.concatenate([alike.values, still], -1))
    assert (more.samples.std(0)[-3:] > 0).any()  # by rounding
    prepared = [Preparation(scale=scale).of(each) for each in (brain, alike, more)]
    without, with_still = (Procrustes().fit(prepared[0], each).score() for each in prepared[1:])
    assert with_still == pytest.approx(without, abs=1e-9)


def test_samples_without_an_order_have_no_average_over_conditions() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 4))
    (score,) = compare([x, x @ np.linalg.qr(rng.normal(size=(4, 4)))[0]], ["procrustes"], draws=3).scores
    assert score.value == pytest.approx(0, abs=1e-6)
    assert "cross_condition_average" not in score.baselines and "condition_shuffled" in score.baselines


def test_draws_of_the_reference_do_not_depend_on_the_other() -> None:
    one, other = bootstrap_draws(8, [10, 5], 4, seed=3), bootstrap_draws(8, [10, 7], 4, seed=3)
    for a, b in zip(one, other):
        assert np.array_equal(a.rows, b.rows)
        assert np.array_equal(a.units[10], b.units[10])
        assert len(np.unique(a.rows)) > 1


def test_intervals_lie_about_the_value() -> None:
    assert interval(1.0, np.array([4.0, 5.0, 6.0])) == pytest.approx((0.05, 1.95))
    assert np.isnan(interval(1.0, np.empty(0))).all()


def test_intervals_cover_what_other_conditions_give() -> None:
    """The spread over draws of conditions is about that over populations of other conditions."""
    rng = np.random.default_rng(1)
    maps = [np.linalg.qr(rng.normal(size=(8, 3)))[0] for _ in range(2)]

    def populations() -> list[Activity]:
        latents = np.cumsum(rng.normal(size=(12, 10, 3)), 1)
        return [Activity(latents @ m.T + rng.normal(size=(12, 10, 8)), name=n) for m, n in zip(maps, "ab")]

    values = [Procrustes().fit(*populations()).score() for _ in range(40)]
    x, y = populations()
    draws = [type(d)(d.rows, {8: np.arange(8)}) for d in bootstrap_draws(12, [8], 60)]
    drawn = drawn_values(Procrustes(), x, [y], draws)[:, 0]
    assert 0.5 < drawn.std() / np.std(values) < 2


@pytest.fixture(scope="module")
def repeated() -> Activity:
    """Averages over noisy trials of known rates."""
    rng = np.random.default_rng(4)
    truth = _latents() @ np.linalg.qr(rng.normal(size=(10, LATENTS)))[0].T
    condition = np.repeat(np.arange(CONDITIONS), 8)
    trials = truth[condition] + 2 * rng.normal(size=(len(condition), BINS, 10))
    repeats = Repeats(trials, condition, np.ones(trials.shape[:2], bool))
    activity = Activity(np.zeros_like(truth), name="brain", repeats=repeats)
    return Activity(averaged(activity, np.ones(len(condition), bool)).values, name="brain", repeats=repeats)


def test_averages_over_chosen_trials(repeated: Activity) -> None:
    assert repeated.repeats is not None
    first = np.tile(np.arange(8) < 4, CONDITIONS)
    found = averaged(repeated, first)
    assert np.allclose(found.values[2], repeated.repeats.values[16:20].mean(0))


def test_the_ceiling_is_what_the_truth_scores(repeated: Activity) -> None:
    rng = np.random.default_rng(4)
    truth = Activity(_latents() @ np.linalg.qr(rng.normal(size=(10, LATENTS)))[0].T, name="truth")
    ceiling = split_half(Procrustes(), halves(repeated, 10))
    between_halves = np.mean([Procrustes().fit(*pair).score() for pair in halves(repeated, 10)])
    reached = value_of(Procrustes(), truth, repeated)
    assert ceiling == pytest.approx(reached, abs=0.04)
    assert abs(ceiling - reached) < abs(between_halves - reached)
    (score,) = compare([repeated, truth], "procrustes", draws=0).scores
    assert score.ceiling is not None and "extrapolated to all of them" in score.context["ceiling"]


def test_single_trials_stay_where_the_mean_is_taken_out(repeated: Activity) -> None:
    rng = np.random.default_rng(4)
    truth = Activity(_latents() @ np.linalg.qr(rng.normal(size=(10, LATENTS)))[0].T, name="truth")
    (score,) = compare([repeated, truth], "procrustes", preparation=Preparation(without_mean=True), draws=0).scores
    assert score.ceiling == pytest.approx(score.value, abs=0.06)


def test_averages_have_no_ceiling(populations: list[Activity]) -> None:
    with pytest.raises(InvalidInput, match="no noise ceiling"):
        halves(populations[0])


def test_a_model_that_moves_in_few_conditions_does_not_stop_the_others(populations: list[Activity]) -> None:
    brain, alike, _ = populations
    still = np.zeros_like(alike.values)
    still[2:4] = alike.values[2:4]
    found = compare([brain, alike, Activity(still, name="still")], ["procrustes"], draws=30)
    one, other = found.scores
    assert one.value < other.value < 2  # of the folds in which it can be said
    assert np.isfinite(one.interval).all()
    assert json.dumps(found.as_mapping(), allow_nan=False)


def test_a_fit_that_is_perfect_whatever_is_drawn_has_no_interval() -> None:
    rng = np.random.default_rng(0)
    brain, other = (Activity(rng.normal(size=(6, 2, 40)), name=name) for name in ("brain", "other"))
    (score,) = compare([brain, other], ["linear_predictivity:penalty=0"], draws=8).scores
    assert score.context["fitted"] == pytest.approx(1)
    assert score.value < 0.5
    assert np.isnan(score.interval).all()

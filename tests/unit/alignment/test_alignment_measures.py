"""Every measure against what is known of alignments set by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment_cases import BINS, LATENTS, aligned, collapsed, smooth
from neurodyn import registry
from neurodyn.alignment.base import AlignedSubject, Alignment, AlignmentMeasure
from neurodyn.alignment.trial_pairs import across_subjects
from neurodyn.decoding.base import r2
from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import Measurement

CORRELATIONS = ("cross_subject_r", "cross_subject_r_feature", "cross_modal_r")


def measure(name: str) -> AlignmentMeasure:
    found: AlignmentMeasure = registry.load("alignment_measures", name)()
    return found


def measured(name: str, alignment: Alignment) -> Measurement:
    return measure(name).measure(alignment)


def with_latents(s: AlignedSubject, latents: np.ndarray, **given: object) -> AlignedSubject:
    return dataclasses.replace(s, latents=latents, **given)


def reordered(alignment: Alignment, seed: int) -> Alignment:
    rng = np.random.default_rng(seed)

    def other(s: AlignedSubject) -> AlignedSubject:
        at = rng.permutation(len(s.trials))
        return AlignedSubject(
            s.name,
            s.trials.select(at),
            s.latents[at],
            None if s.latent_variance is None else s.latent_variance[at],
            {k: v[at] for k, v in s.beside.items()},
            {k: v[at] for k, v in s.predicted.items()},
            s.zero_shot,
        )

    return Alignment({n: other(s) for n, s in alignment.subjects.items()}, alignment.training)


# -- correlations --------------------------------------------------------------------------------------------------


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000), lengths=st.booleans())
def test_the_order_of_trials_does_not_matter(seed: int, lengths: bool) -> None:
    alignment = aligned(lengths=lengths)
    other = reordered(alignment, seed)
    for name in (
        "cross_subject_r",
        "cross_subject_r_unpaired",
        "cross_subject_top1",
        "cross_modal_r_raw",
        "effective_dimension",
    ):
        assert measured(name, other).value == pytest.approx(measured(name, alignment).value, abs=1e-9)


def test_a_collapsed_model_scores_one_as_published_and_nothing_on_the_card() -> None:
    found = collapsed(aligned())
    for name in ("cross_subject_r_raw", "cross_subject_r_raw_unpaired", "cross_modal_r_raw"):
        assert measured(name, found).value > 0.9995
        assert "1.000" in measure(name).warning and "1.000" in measured(name, found).context["warning"]
    for name in (*CORRELATIONS, "cross_subject_r_unpaired", "cross_modal_r_unpaired", "effective_dimension"):
        assert measured(name, found).value == 0
    assert measured("cross_subject_r", found).context["p_permutation"] == 1
    assert (
        measured("cross_subject_r", found).context["unguarded"] > 0.6
    )  # what is left of the stimuli, at a thousandth of the size
    for name in ("cross_subject_top1", "cross_modal_top1"):
        assert measured(name, found).value == pytest.approx(1 / 24)
        assert measured(name, found).context["chance"] == pytest.approx(1 / 24)
    assert measured("cross_subject_median_rank", found).value == 12.5
    assert measured("latent_variance", found).value < 1e-4
    assert np.isnan(measured("interval_coverage", found).value)
    for decoder in ("", "_linear"):
        assert measured(f"zero_shot_behaviour_r2{decoder}", found).value <= 0


def test_paired_trials_agree_as_far_as_their_noise_allows() -> None:
    alignment = aligned(noise=1.0, stimuli=60)
    found = measured("cross_subject_r", alignment)
    assert found.value == pytest.approx(0.5, abs=0.04)  # variance 1 shared, 1 of its own
    assert (
        found.context["unpaired"] == measured("cross_subject_r_unpaired", alignment).value == pytest.approx(0, abs=0.03)
    )
    assert found.context["matched_by"] == "stimulus" and found.context["pairs"] == 60 and len(found.sums) == 60
    assert found.context["p_permutation"] == pytest.approx(1 / 1001)
    perfect = aligned(noise=0.0)
    for name in (*CORRELATIONS, "cross_subject_top1", "cross_subject_median_rank", "cross_modal_top1"):
        assert measured(name, perfect).value == pytest.approx(1)


def test_a_common_time_course_is_seen_by_feature_centring_and_not_by_the_headline() -> None:
    alignment = aligned(noise=3.0, variance=None)
    course = 10 * np.random.default_rng(0).normal(size=(BINS, LATENTS))
    with_course = Alignment({n: with_latents(s, s.latents + course) for n, s in alignment.subjects.items()})
    for name, high in (("cross_subject_r_feature", True), ("cross_subject_r", False)):
        before, after = (measured(name, a).value for a in (alignment, with_course))
        assert after > 0.85 if high else after == pytest.approx(before, abs=1e-9)


def test_pairs_are_those_with_a_zero_shot_subject() -> None:
    alignment = aligned(names=("a", "b", "c"), training=(), zero_shot=False)
    assert set(measured("cross_subject_r", alignment).context["by_pair"]) == {"a / b", "a / c", "b / c"}
    novel = {**alignment.subjects, "b": dataclasses.replace(alignment.subjects["b"], zero_shot=True)}
    found = measured("cross_subject_r", Alignment(novel)).context
    assert set(found["by_pair"]) == {"b / a", "b / c"}
    low, high = found["interval_subjects"]
    assert low < high


def test_conditions_pair_where_no_stimulus_is_shared() -> None:
    alignment = aligned(column="condition", stimuli=6, repeats=5, noise=1.0)
    found = measured("cross_subject_r", alignment)
    assert found.context["matched_by"] == "condition" and found.context["pairs"] == 6 * 5 * 5
    assert found.over == "trials" and len(found.sums) == 30
    assert found.value == pytest.approx(0.5, abs=0.07)
    assert measured("cross_subject_top1", alignment).context["chance"] == pytest.approx(1 / 6)
    assert not measure("cross_subject_r").applies(
        Alignment({"b": alignment.subjects["b"], "a": alignment.training["a"]})
    )


def test_repeats_within_a_subject_are_held_against_other_stimuli() -> None:
    alignment = aligned(stimuli=10, repeats=4, noise=1.0)
    found = measured("within_subject_r", alignment)
    assert found.value == pytest.approx(0.45, abs=0.06) and found.context["unpaired"] < 0
    assert set(found.context["by_pair"]) == {"b", "c"} and found.context["pairs"] == 2 * 10 * 4 * 3
    assert not measure("within_subject_r").applies(aligned())


def test_repeats_of_a_stimulus_are_no_wrong_answer_for_a_modality_but_unpaired_as_published() -> None:
    alignment = aligned(stimuli=8, repeats=3, noise=0.1)
    assert measured("cross_modal_top1", alignment).context["chance"] == pytest.approx(1 / 22)
    raw = measured("cross_modal_r_raw", alignment).context
    assert (
        raw["published_tests"]["unpaired"] == 2 * 24 * 23
        and raw["unpaired"] > measured("cross_modal_r_unpaired", alignment).value
    )
    assert raw["published_tests"]["cohens_d"] > 1 and "independent" in raw["published_tests"]["note"]


def test_the_published_tests_are_scipys() -> None:
    from scipy.stats import mannwhitneyu, ttest_ind

    alignment = aligned(noise=2.0)
    pair = across_subjects(alignment, "raw", False)[0]
    paired, unpaired = pair.r[pair.paired], pair.r[pair.unpaired]
    found = measured("cross_subject_r_raw", alignment).context["published_tests"]
    t, u = ttest_ind(paired, unpaired), mannwhitneyu(paired, unpaired)
    assert (found["t"], found["t_p"]) == pytest.approx((t.statistic, t.pvalue))
    assert (found["u"], found["u_p"]) == pytest.approx((u.statistic, u.pvalue))
    spread = np.sqrt((paired.var(ddof=1) + unpaired.var(ddof=1)) / 2)
    assert found["cohens_d"] == pytest.approx((paired.mean() - unpaired.mean()) / spread)


def test_retrieval_finds_a_permuted_identity() -> None:
    rng = np.random.default_rng(0)
    alignment = aligned(noise=0.1)
    b, c = alignment.subjects.values()
    order = rng.permutation(24)
    told = dataclasses.replace(c.trials, table=pd.DataFrame({"stimulus": c.labels("stimulus")[order]}))
    wrong = Alignment({"b": b, "c": dataclasses.replace(c, trials=told)})
    matched = dict(zip(told.table["stimulus"], c.labels("stimulus")))
    told_b = dataclasses.replace(
        b.trials,
        table=pd.DataFrame({"stimulus": [{v: k for k, v in matched.items()}[x] for x in b.labels("stimulus")]}),
    )
    right = Alignment({"b": dataclasses.replace(b, trials=told_b), "c": dataclasses.replace(c, trials=told)})
    assert measured("cross_subject_top1", right).value == 1
    assert measured("cross_subject_top1", wrong).value == np.mean(order == np.arange(24))
    assert measured("cross_subject_median_rank", wrong).value > 5


# -- use -----------------------------------------------------------------------------------------------------------


def test_the_models_own_decoder_is_scored_on_raw_values() -> None:
    alignment = aligned()
    found = measured("zero_shot_behaviour_r2", alignment)
    expected = [r2(s.trials.behaviour, s.predicted["hand"], s.mask).mean() for s in alignment.subjects.values()]
    assert found.value == pytest.approx(np.mean(expected)) and len(found.sums) == 24
    off = {
        n: dataclasses.replace(s, predicted={"hand": 2 * s.predicted["hand"]}) for n, s in alignment.subjects.items()
    }
    assert measured("zero_shot_behaviour_r2", Alignment(off)).value < 0  # perfectly correlated, but twice as large
    ceiling = measure("zero_shot_behaviour_r2").ceiling(alignment)
    assert ceiling is not None and 0.5 < ceiling.value < 1


def test_predictions_must_be_finite_and_as_wide_as_what_was_recorded() -> None:
    s = aligned().subjects["b"]
    for values, said in ((np.full((24, BINS, 2), np.nan), "finite"), (np.zeros((24, BINS, 3)), "as recorded")):
        with pytest.raises(InvalidInput, match=said):
            measured("zero_shot_behaviour_r2", Alignment({"b": dataclasses.replace(s, predicted={"hand": values})}))


@pytest.mark.parametrize("decoder", ["linear", *(pytest.param(n, marks=pytest.mark.slow) for n in ("mlp", "gru"))])
def test_decoders_learn_from_training_subjects_alone(decoder: str) -> None:
    alignment = aligned(noise=0.2, stimuli=40)
    name = f"zero_shot_behaviour_r2_{decoder}"
    assert measured(name, alignment).value > 0.75
    rotated = np.linalg.qr(np.random.default_rng(0).normal(size=(LATENTS, LATENTS)))[0]
    turned = Alignment(
        {n: with_latents(s, s.latents @ rotated) for n, s in alignment.subjects.items()}, alignment.training
    )
    assert measured(name, turned).value < 0.4  # the scored subjects' own labels would have undone the rotation
    if decoder == "linear":
        ceiling = measure(name).ceiling(turned)
        assert ceiling is not None and ceiling.value > 0.75
    assert not measure(name).applies(Alignment(alignment.subjects))


def test_masked_bins_and_missing_behaviour_do_not_count() -> None:
    alignment = aligned(lengths=True)
    hand = alignment.subjects["b"].trials.behaviour
    assert hand is not None
    for name in ("zero_shot_behaviour_r2", "zero_shot_behaviour_r2_linear"):
        before = measured(name, alignment).value
        for s in alignment.subjects.values():
            values = s.trials.signals["hand"].values
            values[~s.mask] = 1e6
            s.predicted["hand"][~s.mask] = -1e6
        assert measured(name, alignment).value == pytest.approx(before)


def conditions(noise: float = 0.5) -> Alignment:
    """Training and scored subjects with the same six conditions, each its own trajectory."""
    found = aligned(names=("a", "b", "c"), column="condition", stimuli=6, repeats=8, noise=noise, training=())
    a, *others = found.subjects.values()
    return Alignment({s.name: s for s in others}, {"a": dataclasses.replace(a, zero_shot=False)})


def test_targets_are_named_by_what_training_subjects_taught() -> None:
    found = measured("zero_shot_target_accuracy", conditions())
    assert found.value > 0.9 and found.context["chance"] == pytest.approx(1 / 6)
    assert found.context["p_permutation"] == pytest.approx(1 / 1001) and len(found.sums) == 96
    ceiling = measure("zero_shot_target_accuracy").ceiling(conditions())
    assert ceiling is not None and ceiling.value > 0.9
    nothing = measured("zero_shot_target_accuracy", collapsed(conditions()))
    assert nothing.value == pytest.approx(1 / 6) and nothing.context["p_permutation"] == 1
    assert not measure("zero_shot_target_accuracy").applies(aligned())


# -- latents -------------------------------------------------------------------------------------------------------


def cloud(latents: np.ndarray, **given: object) -> Alignment:
    s = aligned(stimuli=200, beside=False, variance=None).subjects["b"]
    return Alignment({"b": with_latents(s, latents, **given)})


def test_effective_dimension_of_a_cloud_and_of_a_line() -> None:
    rng = np.random.default_rng(0)
    assert measured("effective_dimension", cloud(rng.normal(size=(200, BINS, 8)))).value == pytest.approx(8, abs=0.2)
    line = 5 + rng.normal(size=(200, BINS, 1)) * rng.normal(size=8)
    assert measured("effective_dimension", cloud(line)).value == pytest.approx(1)
    z = rng.normal(size=(200, BINS, 5)) @ rng.normal(size=(5, 5))
    values = np.linalg.eigvalsh(np.cov(z.reshape(-1, 5).T))
    assert measured("effective_dimension", cloud(z)).value == pytest.approx(values.sum() ** 2 / np.square(values).sum())


def test_inactive_dimensions_are_told_apart_in_the_context() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, BINS, 4)) * np.array([1, 1, 1e-3, 1e-3])
    found = measured("effective_dimension", cloud(z, latent_variance=np.ones(z.shape)))
    assert found.value == pytest.approx(2, abs=0.02) and found.context["active"] == "2 of 4 latent dimensions"


def test_latent_variance_is_that_of_the_bins_inside_the_mask() -> None:
    alignment = aligned(lengths=True)
    expected = np.mean([s.latents[s.mask].var(0).sum() for s in alignment.subjects.values()])
    found = measured("latent_variance", alignment)
    assert found.value == pytest.approx(expected) and found.context["posterior"] == pytest.approx(0.6)


def test_coverage_is_ninety_percent_of_a_calibrated_posterior() -> None:
    rng = np.random.default_rng(0)
    z = smooth(rng, 200, BINS, 6)
    for factor, expected in ((1.0, 0.9), (4.0, 0.999), (0.25, 0.589)):
        s = cloud(z).subjects["b"]
        beside = {"behaviour": z + rng.normal(size=z.shape) * 0.5}
        variance = np.full(z.shape, 0.25 * factor)
        found = measured(
            "interval_coverage", Alignment({"b": dataclasses.replace(s, latent_variance=variance, beside=beside)})
        )
        assert found.value == pytest.approx(expected, abs=0.01)

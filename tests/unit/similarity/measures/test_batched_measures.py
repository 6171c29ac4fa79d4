"""All pairs at once give what pair by pair gives: every option, unequal widths, masks, repeated and nearly equal activities."""

from __future__ import annotations

import numpy as np
import pytest

from matched_activities import drawn, masked
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.measures import _batched
from neurodyn.similarity.measures.base import SimilarityMeasure
from neurodyn.similarity.measures.cca import CCA, CCAConfig
from neurodyn.similarity.measures.cka import CKA, CKAConfig
from neurodyn.similarity.measures.permutation import Permutation, PermutationConfig
from neurodyn.similarity.measures.procrustes import Procrustes, ProcrustesConfig
from neurodyn.similarity.measures.pwcca import PWCCA, PWCCAConfig
from neurodyn.similarity.measures.svcca import SVCCA, SVCCAConfig

MEASURES: list[SimilarityMeasure] = [
    Procrustes(),
    Procrustes(ProcrustesConfig(alpha=0.0)),
    Procrustes(ProcrustesConfig(alpha=0.4)),
    Procrustes(ProcrustesConfig(alpha=0.4, mode="release")),
    Procrustes(ProcrustesConfig(form="euclidean")),
    Procrustes(ProcrustesConfig(form="euclidean", alpha=0.4)),
    Procrustes(ProcrustesConfig(form="euclidean", alpha=0.4, mode="release")),
    Permutation(),
    Permutation(PermutationConfig(form="euclidean")),
    Permutation(PermutationConfig(mode="release")),
    CCA(),
    CCA(CCAConfig(components=None)),
    CCA(CCAConfig(components=4, squared=True)),
    CCA(CCAConfig(ridge=0.1, squared=True)),
    CCA(CCAConfig(mode="release")),
    SVCCA(),
    SVCCA(SVCCAConfig(variance=0.8, squared=True)),
    PWCCA(),
    PWCCA(PWCCAConfig(variance=0.9)),
    CKA(),
    CKA(CKAConfig(debiased=True)),
    CKA(CKAConfig(form="linear", debiased=True)),
]
every_measure = pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.label)


def one_by_one(measure: SimilarityMeasure, first: list, second: list) -> np.ndarray:
    return np.array([[measure.fit(x, y).score() for y in second] for x in first])


def assert_same(measure: SimilarityMeasure, found: np.ndarray, wanted: np.ndarray) -> None:
    assert np.isfinite(wanted).all()
    assert found == pytest.approx(wanted, rel=1e-8, abs=1e-8), measure.label


@every_measure
def test_unequal_widths_and_repeated_activities(measure: SimilarityMeasure, monkeypatch: pytest.MonkeyPatch) -> None:
    activities = drawn(0, 48, 5, 7, 5, 60, 5)
    activities.append(1.5 * activities[0] + 1)  # the same but for size and mean
    activities.append(activities[1][:, [0, 1, 2, 3, 3, 3, 0]])  # units drawn more than once, as a bootstrap draws them
    wanted = one_by_one(measure, activities, activities)
    assert_same(measure, measure.pairwise(activities), wanted)
    monkeypatch.setattr(_batched, "_BLOCK_ENTRIES", 100)  # blocks of a pair or two
    assert_same(measure, measure.pairwise(activities), wanted)
    assert_same(measure, measure.pairwise(activities[:3], activities[2:]), wanted[:3, 2:])


@every_measure
def test_more_units_than_samples(measure: SimilarityMeasure) -> None:
    activities = drawn(1, 12, 20, 30, 20)
    assert_same(measure, measure.pairwise(activities), one_by_one(measure, activities, activities))


@every_measure
def test_masks_that_are_shared_and_masks_that_differ(measure: SimilarityMeasure) -> None:
    values = drawn(2, 60, 5, 6, 5, 5)
    generator = np.random.default_rng(0)
    one, other = generator.random((2, 6, 10)) < 0.8
    masks = [one, one, other, np.ones((6, 10), bool)]
    activities = [masked(v, m, f"network {i}") for i, (v, m) in enumerate(zip(values, masks))]
    wanted = one_by_one(measure, activities, activities)
    assert_same(measure, measure.pairwise(activities), wanted)
    assert_same(measure, measure.pairwise(activities[:1], activities[1:]), wanted[:1, 1:])
    # what is masked has no say, and what both have counts alone
    kept = [v.reshape(6, 10, -1)[one & other] for v in values]
    assert wanted[0, 2] == pytest.approx(measure.fit(kept[0], kept[2]).score(), abs=1e-12)


@every_measure
def test_two_samples_give_a_finite_value_or_a_message(measure: SimilarityMeasure) -> None:
    x, y = drawn(3, 2, 3, 4)
    try:
        assert np.isfinite(measure.fit(x, y).score())
    except InvalidInput as error:
        assert "samples" in str(error)


def test_what_is_wrong_is_said_before_anything_is_computed() -> None:
    x, y, z = drawn(4, 20, 3, 3, 3)
    with pytest.raises(InvalidInput, match="15 conditions"):
        Procrustes().pairwise([x, y, z[:15]])
    with pytest.raises(InvalidInput, match="finite"):
        CKA().pairwise([x, np.where(y > 0, np.nan, y)])
    with pytest.raises(InvalidInput, match="vary"):
        CCA().pairwise([x, np.ones((20, 3))])
    with pytest.raises(InvalidInput, match="device"):
        Procrustes().pairwise([x, y], device="abacus")
    labelled = [
        Activity(v.reshape(4, 5, 3), conditions=c) for v, c in ((x, tuple("abcd")), (y, None), (z, tuple("abdc")))
    ]
    with pytest.raises(InvalidInput, match="conditions of"):
        Procrustes().pairwise(labelled)
    apart = np.zeros((2, 10), bool)
    apart[0] = True
    with pytest.raises(InvalidInput, match="no bin with data"):
        Procrustes().pairwise([masked(x, apart, "a"), masked(y, ~apart, "b")])


def test_a_progress_bar_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert np.isfinite(Procrustes().pairwise(drawn(5, 20, 3, 3, 3), progress=True)).all()
    assert capsys.readouterr().out == ""

"""The numbers of the benchmark's evaluator, and full scores beside them."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.metrics.base import other_trials
from neurodyn.submission.layout import DATASETS, GROUPS
from neurodyn.submission.scoring import evaluate, mean_counts, score
from submission_cases import EVAL_TRIALS, random_groups

GOLDEN = Path(__file__).parents[2] / "golden" / "nlb_submission.json"


def test_the_numbers_and_the_layout_are_those_of_the_reference_evaluator() -> None:
    expected = json.loads(GOLDEN.read_text())["results"]
    targets, submission = random_groups(0)
    before = copy.deepcopy(submission)
    found = evaluate(targets, submission)
    assert [list(each) for each in found] == [list(each) for each in expected]
    for mine, theirs in zip(found, expected):
        for split, values in theirs.items():
            assert list(mine[split]) == list(values)
            np.testing.assert_allclose(list(mine[split].values()), list(values.values()), rtol=0, atol=1e-10)
    for group, arrays in before.items():  # the reference floors the caller's zeros in place
        assert arrays["eval_rates_heldout"][0, 0, 0] == 0
        for key, rates in arrays.items():
            np.testing.assert_array_equal(submission[group][key], rates)


def test_the_groups_are_the_registered_data_sets_of_the_benchmark() -> None:
    from neurodyn import registry
    from neurodyn.data.nlb.dataset import NLBDataset

    found = [name for name in registry.names("datasets") if issubclass(registry.load("datasets", name), NLBDataset)]
    assert sorted(found) == sorted(DATASETS)


def test_scaling_sets_are_one_entry_under_prefixes() -> None:
    targets, submission = random_groups(0)
    scaling = {
        name: rates for name, rates in submission.items() if name.startswith("mc_maze_") and name != "mc_maze_20"
    }
    found = evaluate(targets, scaling)
    assert [list(each) for each in found] == [["mc_maze_scaling_split"], ["mc_maze_scaling_20_split"]]
    names = list(found[0]["mc_maze_scaling_split"])
    assert names[:4] == ["[500] co-bps", "[500] vel R2", "[500] psth R2", "[500] fp-bps"] and len(names) == 12
    assert {name.split(" ")[0] for name in names} == {"[500]", "[250]", "[100]"}


def test_two_bin_widths_stand_beside_each_other_and_missing_forward_rates_omit_one_score() -> None:
    targets, submission = random_groups(0)
    found = evaluate(targets, {name: submission[name] for name in ("mc_maze", "mc_maze_20", "mc_rtt")})
    assert [list(each) for each in found] == [["mc_maze_split"], ["mc_maze_20_split"], ["mc_rtt_split"]]
    assert "fp-bps" not in found[0]["mc_maze_split"] and "fp-bps" in found[2]["mc_rtt_split"]


def test_an_open_file_is_scored_like_dictionaries(tmp_path: Path) -> None:
    targets, submission = random_groups(1)
    with h5py.File(tmp_path / "both.h5", "w") as file:
        for part, groups in (("targets", targets), ("rates", submission)):
            for name in ("dmfc_rsg", "area2_bump_20"):
                for key, values in groups[name].items():
                    place = f"{part}/{name}/{key}"
                    if isinstance(values, list):
                        made = file.create_dataset(place, (len(values),), h5py.vlen_dtype(np.int32))
                        for row, indices in enumerate(values):
                            made[row] = indices
                    else:
                        file[place] = values
        found = evaluate(file["targets"], file["rates"])
    assert found == evaluate(targets, {name: submission[name] for name in ("dmfc_rsg", "area2_bump_20")})
    assert len(found) == 2


def test_every_number_is_a_score_with_its_interval_and_baselines() -> None:
    targets, submission = random_groups(2)
    training = {name: _with_training_counts(targets[name], submission[name]) for name in targets}
    result = score(training, submission, context={"phase": "val"})
    assert result.results == evaluate(targets, submission)
    flat = {(s.context["group"], s.context["official"]): s for s in result.scores}
    assert len(flat) == len(result.scores) == sum(len(v) for each in result.results for v in each.values())
    for (group, official), found in flat.items():
        assert found.interval[0] <= found.value <= found.interval[1] or official in ("psth R2", "tp corr")
        assert found.context["phase"] == "val" and found.context["bin_s"] == GROUPS[group][1] / 1000
        assert found.definition and found.n <= EVAL_TRIALS
        wanted = {"shuffled"} if official == "tp corr" else {"mean_rate", "shuffled"}  # constant rates have no speed
        assert set(found.baselines) == wanted and all(map(math.isfinite, found.baselines.values())), (group, official)
    rtt = flat["mc_rtt", "co-bps"]
    assert rtt.name == "co_bps" and rtt.baselines["mean_rate"] < rtt.value and rtt.context["floored_rates"] == 1
    assert flat["mc_rtt", "vel R2"].baselines["mean_rate"] < 0.05
    assert flat["dmfc_rsg", "tp corr"].direction == "lower"


def test_the_baseline_is_the_mean_rate_scored() -> None:
    targets, submission = random_groups(3)
    known = _with_training_counts(targets["mc_rtt_20"], submission["mc_rtt_20"])
    heldin, heldout = mean_counts(known)
    constant = {
        key: np.broadcast_to(heldin if "heldin" in key else heldout, rates.shape)
        for key, rates in submission["mc_rtt_20"].items()
    }
    own = evaluate({"mc_rtt_20": known}, {"mc_rtt_20": constant})[0]["mc_rtt_20_split"]
    for given in ({"mc_rtt_20": (heldin, heldout)}, None):
        found = score({"mc_rtt_20": known}, {"mc_rtt_20": submission["mc_rtt_20"]}, given)
        assert {s.context["official"]: s.baselines["mean_rate"] for s in found.scores} == pytest.approx(own)


@pytest.mark.parametrize("group", ["mc_rtt_20", "dmfc_rsg"])
def test_the_shuffled_baseline_gives_every_evaluated_trial_anothers_rates(group: str) -> None:
    targets, submission = random_groups(4)
    partner = other_trials(EVAL_TRIALS)
    assert sorted(partner) == list(range(EVAL_TRIALS)) and (partner != np.arange(EVAL_TRIALS)).all()
    moved = {key: rates if key.startswith("train") else rates[partner] for key, rates in submission[group].items()}
    (own,) = evaluate({group: targets[group]}, {group: moved})[0].values()
    found = score({group: targets[group]}, {group: submission[group]})
    assert {s.context["official"]: s.baselines["shuffled"] for s in found.scores} == pytest.approx(own)


def test_what_cannot_be_scored_is_named() -> None:
    targets, submission = random_groups(0)
    with pytest.raises(InvalidInput, match="at least one group in both"):
        evaluate({"mc_rtt": targets["mc_rtt"]}, {"mc_maze": submission["mc_maze"]})
    rates: dict[str, Any] = dict(submission["mc_rtt"])
    with pytest.raises(InvalidInput, match="mc_rtt/train_rates_heldin: got nothing"):
        evaluate(targets, {"mc_rtt": {key: values for key, values in rates.items() if key != "train_rates_heldin"}})
    wide = {**rates, "eval_rates_heldout": rates["eval_rates_heldout"][:, ::2]}
    with pytest.raises(InvalidInput, match="mc_rtt/eval_rates_heldout: got shape"):
        evaluate(targets, {"mc_rtt": wide})
    negative = rates["eval_rates_heldout"].copy()
    negative[2, 3, 1] = -1
    with pytest.raises(InvalidInput, match="trial 2, bin 3, unit 1"):
        evaluate(targets, {"mc_rtt": {**rates, "eval_rates_heldout": negative}})


def _with_training_counts(targets: dict[str, Any], rates: dict[str, np.ndarray]) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return targets | {
        f"train_spikes_{group}": rng.poisson(rates[f"train_rates_{group}"]).astype(np.float32)
        for group in ("heldin", "heldout")
    }


def test_an_error_names_the_group_and_the_command_that_tells_more() -> None:
    targets, submission = random_groups(0)
    rates = {"mc_rtt_20": dict(submission["mc_rtt_20"])}
    values = np.array(rates["mc_rtt_20"]["eval_rates_heldout"])
    values[1, 2, 0] = np.nan
    rates["mc_rtt_20"]["eval_rates_heldout"] = values
    for scored in (evaluate, score):
        with pytest.raises(InvalidInput, match=r"^mc_rtt_20: rates: got nan at trial 1, bin 2.*submit --check"):
            scored(targets, rates)
    del rates["mc_rtt_20"]["eval_rates_heldout"]
    with pytest.raises(InvalidInput, match=r"^mc_rtt_20/eval_rates_heldout: got nothing"):
        evaluate(targets, rates)

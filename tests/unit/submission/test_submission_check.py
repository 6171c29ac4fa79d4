"""Every mistake in a submission is named, with the fix, before anyone scores it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurodyn.errors import InvalidInput
from neurodyn.submission.check import Finding, check, check_shapes, require
from neurodyn.submission.expected import Expected
from neurodyn.submission.layout import Submission, group_name
from submission_trials import EVAL, FORWARD, HELDIN, OBSERVED, TRAIN, UNITS, benchmark_trials

N_IN, N_OUT = len(HELDIN), UNITS - len(HELDIN)


def expected(bin_ms: int = 20, phase: str = "val", velocity: bool = True) -> Expected:
    trials = benchmark_trials(bin_ms=bin_ms, phase=phase, velocity=velocity)
    return Expected.of([trials.train, trials.valid], trials.test)


def rates(of: Expected) -> dict[str, np.ndarray]:
    """Each neuron at its mean training count: a submission without fault."""
    found = {}
    for part, trials in (("train", TRAIN), ("eval", EVAL)):
        for group in ("heldin", "heldout"):
            mean = of.mean(group)
            assert mean is not None
            found[f"{part}_rates_{group}"] = np.tile(mean, (trials, OBSERVED, 1))
            if part == "eval":
                found[f"eval_rates_{group}_forward"] = np.tile(mean, (trials, FORWARD, 1))
    return found


def findings(arrays: dict[str, Any], of: Expected, bin_ms: int = 20) -> list[Finding]:
    group = group_name("mc_rtt", bin_ms)
    return check(Submission({group: arrays}, of.phase), {group: of})


def only_error(arrays: dict[str, Any], of: Expected, bin_ms: int = 20) -> str:
    errors = [finding for finding in findings(arrays, of, bin_ms) if finding.level == "error"]
    with pytest.raises(InvalidInput) as raised:
        require(errors)
    return str(raised.value)


def test_the_sizes_are_read_off_the_trials() -> None:
    of, trials = expected(), benchmark_trials()
    assert of.shape("train_rates_heldin") == (TRAIN, OBSERVED, N_IN)
    assert of.shape("eval_rates_heldout_forward") == (EVAL, FORWARD, N_OUT)
    assert of.means is not None
    np.testing.assert_allclose(of.means[0], trials.counts[:TRAIN, :OBSERVED, trials.heldin].mean((0, 1)))
    np.testing.assert_allclose(of.means[1], trials.counts[:TRAIN, :OBSERVED, trials.heldout].mean((0, 1)))
    test = expected(phase="test")
    assert test.other_phase == (15, 5) and of.other_phase == (TRAIN + EVAL, None)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_nothing_is_found_where_nothing_is_wrong(kind: type) -> None:
    of = expected()
    assert findings({key: values.astype(kind) for key, values in rates(of).items()}, of) == []


def test_forward_arrays_go_together_or_not_at_all() -> None:
    of = expected()
    arrays = rates(of)
    without = {key: values for key, values in arrays.items() if not key.endswith("forward")}
    assert findings(without, of) == []
    one = without | {"eval_rates_heldin_forward": arrays["eval_rates_heldin_forward"]}
    message = only_error(one, of)
    assert "eval_rates_heldout_forward: got nothing" in message and "Give both or none" in message


def test_a_missing_array_is_named_and_training_rates_are_not_asked_for_where_no_decoder_needs_them() -> None:
    of = expected()
    arrays = {key: values for key, values in rates(of).items() if key != "train_rates_heldout"}
    assert "mc_rtt_20/train_rates_heldout: got nothing" in only_error(arrays, of)
    timed = expected(velocity=False)
    assert findings({k: v for k, v in rates(timed).items() if not k.startswith("train")}, timed) == []


def test_the_group_is_known_and_an_unknown_array_only_warned_of() -> None:
    of = expected()
    found = check(Submission({"mc_mase": rates(of)}, "val"), {})
    assert [f.level for f in found] == ["error"] and "Did you mean mc_maze?" in found[0].fix
    [extra] = findings({**rates(of), "eval_rates_heldin_forwards": np.ones((2, 2, 2))}, of)
    assert extra.level == "warning" and "eval_rates_heldin_forward?" in extra.fix
    assert check(Submission({}, "val"), {})[0].level == "error"


@pytest.mark.parametrize(
    ("key", "shape", "looks"),
    [
        (
            "eval_rates_heldin",
            (EVAL, 4 * OBSERVED, N_IN),
            "This looks like 5 ms bins, which belong in the group mc_rtt.",
        ),
        ("eval_rates_heldin", (EVAL, N_IN, OBSERVED), "transposed"),
        ("eval_rates_heldin", (EVAL, OBSERVED + FORWARD, N_IN), "forward bins look included"),
        ("eval_rates_heldin_forward", (EVAL, OBSERVED, N_IN), "exchanged"),
        ("eval_rates_heldin", (EVAL, OBSERVED, N_OUT), "Held-in and held-out neurons look exchanged"),
        ("eval_rates_heldin", (EVAL, OBSERVED, UNITS), "All neurons are here"),
        ("eval_rates_heldin", (TRAIN, OBSERVED, N_IN), "Training and evaluated trials look exchanged"),
        ("train_rates_heldin", (TRAIN + EVAL, OBSERVED, N_IN), "This looks like phase test"),
        ("train_rates_heldin", (TRAIN - 4, OBSERVED, N_IN), "those put aside for validation too"),
        ("eval_rates_heldin", (EVAL, OBSERVED * N_IN), "three axes"),
    ],
)
def test_a_wrong_shape_says_which_mistake_it_looks_like(key: str, shape: tuple[int, ...], looks: str) -> None:
    of = expected()
    message = only_error({**rates(of), key: np.full(shape, 0.5)}, of)
    assert f"mc_rtt_20/{key}: got shape {shape}" in message and looks in message
    wanted = ", ".join(map(str, of.shape(key)))
    assert f"expected ({wanted}) for (trial, time, unit) of phase val" in message


def test_20_ms_rates_in_a_5_ms_group_are_named() -> None:
    of = expected(bin_ms=5)
    coarse = {key: np.full((len(v), v.shape[1] // 4, v.shape[2]), 0.5) for key, v in rates(of).items()}
    message = only_error(coarse, of, bin_ms=5)
    assert "20 ms bins, which belong in the group mc_rtt_20" in message and "5 more errors" in message


def test_the_phase_is_told_by_the_number_of_trials() -> None:
    of = expected(phase="test")
    assert "This looks like phase val" in only_error(
        {**rates(of), "eval_rates_heldout": np.full((5, OBSERVED, N_OUT), 0.5)}, of
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.25])
def test_a_rate_that_is_not_finite_or_negative_is_named(bad: float) -> None:
    of = expected()
    arrays = rates(of)
    arrays["eval_rates_heldout"][3, 7, 1] = arrays["eval_rates_heldout"][4, 0, 0] = bad
    message = only_error(arrays, of)
    assert f"mc_rtt_20/eval_rates_heldout: got {bad} at trial 3, bin 7, neuron 1 (and 1 more)" in message


def test_a_rate_of_zero_is_a_warning_that_names_its_cost() -> None:
    of = expected()
    arrays = rates(of)
    arrays["eval_rates_heldout"][:2, 0, 1] = 0
    [found] = findings(arrays, of)
    assert found.level == "warning" and "2 rates of exactly 0, 2 of them of neuron 1" in found.got
    assert of.means is not None
    assert f"costs neuron 1 {np.log2(of.means[1][1] / 1e-9):.0f} bits" in found.fix


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize(
    ("wrong", "looks"),
    [
        (lambda r, bin_s: r / bin_s, "spikes per second: multiply them by the bin width"),
        (lambda r, bin_s: r * bin_s, "twice: divide by it once"),
        (lambda r, bin_s: r * (0.02 / bin_s if bin_s < 0.01 else 0.005 / bin_s), "ms bin: multiply them by"),
        (lambda r, bin_s: np.log(r * 0.4), "log rates: submit exp"),
        (lambda r, bin_s: r * 12, "Rates are counts per bin"),
    ],
)
def test_another_unit_is_refused_and_named(wrong: Any, looks: str, bin_ms: int) -> None:
    of = expected(bin_ms=bin_ms)
    arrays = rates(of)
    assert looks in only_error({key: wrong(values, bin_ms / 1000) for key, values in arrays.items()}, of, bin_ms)


def test_a_factor_below_three_passes() -> None:
    of = expected()
    assert findings({key: values * 2.5 for key, values in rates(of).items()}, of) == []
    assert findings({key: values * 3.5 for key, values in rates(of).items()}, of) != []


def test_scaling_sets_go_together() -> None:
    of = expected()
    one = {"mc_maze_small_20": rates(of)}
    [found] = check(Submission(one, "val"), dict.fromkeys(one, of))
    assert found.level == "warning" and "mc_maze_large_20 and mc_maze_medium_20" in found.got
    three = {f"mc_maze_{size}_20": rates(of) for size in ("small", "medium", "large")}
    assert check(Submission(three, "val"), dict.fromkeys(three, of)) == []


def test_without_the_data_arrays_are_compared_with_each_other() -> None:
    arrays = rates(expected())
    [found] = check(Submission({"mc_rtt_20": arrays}, "val"), {})
    assert found.level == "warning" and "not found on this machine" in found.got
    short = {**arrays, "eval_rates_heldout": arrays["eval_rates_heldout"][:-1]}
    errors = [f for f in check(Submission({"mc_rtt_20": short}, "val"), {}) if f.level == "error"]
    assert errors and "eval_rates_heldout" in errors[0].where


def test_check_shapes_looks_at_no_value() -> None:
    of = expected()
    arrays = {key: np.full(values.shape, np.nan) for key, values in rates(of).items()}
    check_shapes("mc_rtt_20", arrays, of)
    with pytest.raises(InvalidInput, match="eval_rates_heldin"):
        check_shapes("mc_rtt_20", {**arrays, "eval_rates_heldin": arrays["eval_rates_heldin"][1:]}, of)

"""Flags from dataclasses."""

from __future__ import annotations

from typing import Any

import pytest

from neurodyn.cli._options import Flag, documented, flags, made, parse
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.training.config import TrainConfig


def parsed(*arguments: str) -> Any:
    kind = made(
        "fit",
        {"seed": (documented(int, "Seed."), 3), "train": (TrainConfig, TrainConfig(epochs=7)), "json": (Flag, False)},
    )
    return parse(kind, arguments, "neurodyn fit")


def test_defaults_come_from_the_instance_and_flags_replace_them() -> None:
    assert parsed().train.epochs == 7 and parsed().seed == 3 and parsed().json is False
    options = parsed("--train.batch-size", "8", "--train.learning_rate=1e-3", "--json")
    assert (options.train.batch_size, options.train.learning_rate, options.train.epochs) == (8, 1e-3, 7)
    assert options.json is True


def test_flags_of_nested_dataclasses_are_listed_as_typed() -> None:
    kind = made("fit", {"seed": (int, 0), "train": (TrainConfig, TrainConfig())})
    assert {"--seed", "--train.epochs", "--train.batch-size"} <= set(flags(kind))


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("--train.epoch", "--train.epochs"),
        ("--train.batch_sizes", "--train.batch-size"),
        ("--epochs", "--train.epochs"),
        ("--sed", "--seed"),
    ],
)
def test_an_unknown_option_names_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{typed}: got an option that does not exist.*Did you mean {nearest}\\?"):
        parsed(typed, "5")


def test_an_argument_too_many_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"^extra: got one argument too many"):
        parsed("extra")


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (["--train.epochs", "many"], "train.epochs"),
        (["--train.schedule", "cosin"], "train.schedule"),
    ],
)
def test_a_bad_value_ends_with_code_2_and_names_the_option(
    capsys: pytest.CaptureFixture[str], typed: list[str], named: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        parsed(*typed)
    assert stop.value.code == 2
    assert named in capsys.readouterr().err


def test_a_value_that_a_config_refuses_is_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidInput, match=r"^train\.learning_rate: got -1\.0; expected above 0\.$"):
        parsed("--train.learning-rate", "-1")
    printed = capsys.readouterr()
    assert printed.out == printed.err == ""  # `main` says it, and ends with code 2


def test_help_is_the_fields_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        parsed("--help")
    assert stop.value.code == 0
    assert "Most epochs to run." in capsys.readouterr().out


def test_transforms_are_named_and_keep_a_recipes_options_otherwise() -> None:
    recipe = TrainConfig(transforms=({"name": "spike_jitter", "width": 4},))  # type: ignore[arg-type]
    kind = made("fit", {"train": (TrainConfig, recipe)})
    assert parse(kind, ["--train.epochs", "3"], "neurodyn fit").train.transforms == recipe.transforms
    named = parse(kind, ["--train.transforms", "thinning", "--train.transforms=spike_jitter"], "neurodyn fit")
    assert named.train.transforms == TrainConfig(transforms=("thinning", "spike_jitter")).transforms  # type: ignore[arg-type]
    assert parse(kind, ["--train.transforms"], "neurodyn fit").train.transforms == ()
    with pytest.raises(UnknownName, match="Did you mean 'thinning'"):
        parse(kind, ["--train.transforms", "thining"], "neurodyn fit")

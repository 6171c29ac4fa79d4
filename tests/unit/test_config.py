"""Strict dataclass configs."""

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
import yaml

from neurodyn.config import (
    Part,
    check_choices,
    check_range,
    documented_yaml,
    field_docs,
    from_dict,
    resolve_parts,
    to_dict,
)
from neurodyn.errors import InvalidInput
from neurodyn.models.generators.gru import GRUConfig
from neurodyn.observations.zero_inflated_gamma import ZeroInflatedGammaConfig


@dataclass(frozen=True)
class Inner:
    rank: int = 5
    """Rank of the recurrent weights."""


@dataclass(frozen=True)
class Outer:
    rate: float = 1e-3
    """Learning rate.

    In 1/s."""
    kind: Literal["gru", "low_rank"] = "gru"
    """Generator."""
    sizes: tuple[int, ...] = (1, 2)
    clip: float | None = None
    inner: Inner = field(default_factory=Inner)


def test_round_trip_through_documented_yaml() -> None:
    config = Outer(rate=2e-5, sizes=(3,), clip=1.0, inner=Inner(7))
    text = documented_yaml(config)
    assert "# Learning rate." in text and "  # Rank of the recurrent weights." in text
    assert from_dict(Outer, yaml.safe_load(text)) == config
    assert from_dict(Outer, to_dict(config)) == config


def test_field_docs_are_the_strings_below_the_fields() -> None:
    assert field_docs(Outer) == {"rate": "Learning rate.\n\nIn 1/s.", "kind": "Generator."}


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"rat": 1.0}, "Did you mean 'rate'"),
        ({"kind": "gruu"}, "Did you mean 'gru'"),
        ({"rate": "fast"}, "model.rate"),
        ({"inner": {"rank": 2.5}}, "model.inner.rank"),
        ({"inner": 3}, "model.inner"),
        ({"sizes": [1, "a"]}, "model.sizes[1]"),
        ({"rate": True}, "model.rate"),
    ],
)
def test_wrong_fields_are_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidInput, match=named.replace("[", r"\[").replace("]", r"\]")):
        from_dict(Outer, values, "model")


@dataclass(frozen=True)
class Parts:
    likelihood: Annotated[Any, Part("observations", optional=True)] = None
    """Of the population."""
    generator: Annotated[Any, Part("generators", number="size")] = field(default_factory=GRUConfig)

    def __post_init__(self) -> None:
        resolve_parts(self, "model")
        check_choices(self, "model")


@pytest.mark.parametrize(
    ("given", "held", "written"),
    [
        (None, None, None),
        ("gamma", "gamma", "gamma"),
        ({"name": "gamma"}, "gamma", "gamma"),
        (
            "zero_inflated_gamma",
            ZeroInflatedGammaConfig(),
            {"name": "zero_inflated_gamma", "loc": 0.0, "scale_init": 20.0, "scale_prior": 20.0, "scale_penalty": 0.0},
        ),
        (
            {"name": "zero_inflated_gamma", "loc": 0.1, "scale_prior": 3},
            ZeroInflatedGammaConfig(loc=0.1, scale_prior=3.0),
            {"name": "zero_inflated_gamma", "loc": 0.1, "scale_init": 20.0, "scale_prior": 3.0, "scale_penalty": 0.0},
        ),
        (ZeroInflatedGammaConfig(loc=0.1), ZeroInflatedGammaConfig(loc=0.1), None),
    ],
)
def test_a_part_without_options_is_its_name_and_an_optional_one_may_be_empty(
    given: Any, held: Any, written: Any
) -> None:
    config = Parts(likelihood=given)
    assert config.likelihood == held == from_dict(Parts, {"likelihood": given}).likelihood
    if written is not None:
        assert to_dict(config)["likelihood"] == written
    assert from_dict(Parts, to_dict(config)) == config == dataclasses.replace(config)
    text = documented_yaml(config)
    assert from_dict(Parts, yaml.safe_load(text)) == config
    assert "# or bernoulli, " in text and f", {config.likelihood}," not in text.split("\n")[1]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"likelihood": {"name": "gamma", "loc": 1}}, r"^model\.likelihood\.loc: got .* gamma has no options"),
        ({"likelihood": {"loc": 1}}, r"^model\.likelihood: got \{'loc': 1\}; expected a mapping with `name`"),
        ({"likelihood": 3}, r"^model\.likelihood: got 3; expected one of bernoulli"),
        ({"likelihood": {"name": "zero_inflated_gamma", "lok": 1}}, r"^model\.likelihood\.lok: .*Did you mean 'loc'"),
        ({"generator": None}, r"^model\.generator: got None"),
    ],
)
def test_wrong_parts_are_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        from_dict(Parts, values, "model")
    with pytest.raises(InvalidInput, match=named):
        Parts(**values)  # type: ignore[arg-type]


def test_numbers_yaml_reads_as_text() -> None:
    assert from_dict(Outer, yaml.safe_load("rate: 1e-3")).rate == 1e-3
    assert from_dict(Outer, {"rate": 1}).rate == 1.0


def test_checks_of_a_built_config() -> None:
    check_choices(Outer(), "model")
    with pytest.raises(InvalidInput, match=r"model\.kind"):
        check_choices(dataclasses.replace(Outer(), kind="lstm"), "model")
    with pytest.raises(InvalidInput, match="above 0"):
        check_range("x", 0.0, 0, open_low=True)
    with pytest.raises(InvalidInput, match="x: got nan"):
        check_range("x", float("nan"), 0)

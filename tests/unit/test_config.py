"""Strict dataclass configs."""

import dataclasses
from dataclasses import dataclass, field
from typing import Literal

import pytest
import yaml

from neurodyn.config import check_choices, check_range, documented_yaml, field_docs, from_dict, to_dict
from neurodyn.errors import InvalidInput


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

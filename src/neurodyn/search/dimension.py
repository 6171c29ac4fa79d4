"""One hyperparameter of a search: where it is drawn from, and how it is explored."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput

Kind = Literal["uniform", "log_uniform", "choice"]
KINDS: tuple[str, ...] = get_args(Kind)
LEAST_STEP = 0.002
"""Smallest factor of an exploration, as a share of the largest: no step is none."""
TRIES = 99
"""Redraws of a step that leaves the bounds, before it is clipped to them."""
HIGHEST_RATE = 0.99
"""Of a dropout rate: what is kept is divided by 1 − rate."""


@dataclass(frozen=True)
class Dimension:
    """The distribution of one field of a recipe.

    Source of the exploration: Jaderberg et al. 2017, arXiv:1711.09846; Keshtkaran et al. 2022, doi:10.1038/s41592-022-01675-0.

    Raises:
        InvalidInput: bounds that are not numbers or upside down, a log-uniform one of 0 or less, a start outside the bounds, fewer than two options,
            an explore weight outside 0..1.
    """

    name: str
    """Dotted, as in recipes: `model.dropout`, `objective.kl_scales.inputs`, `train.learning_rate`."""
    kind: Kind
    values: tuple[Any, ...]
    """Low and high of `uniform` and `log_uniform`, the options of `choice`."""
    start: Any = None
    """What every member begins with; None draws."""
    explore: float = 0.3
    """Largest relative step w of an exploration, value ← value · (1 + u) with 0.002 w ≤ |u| ≤ w; of a choice, the probability of another option."""
    bounded: bool = True
    """Whether an exploration stays within low and high; else only above 0."""
    whole: bool = False
    """Whether only whole numbers are drawn. `Space.checked` sets it by the field's type."""

    def __post_init__(self) -> None:
        check_range(f"{self.name}: explore", self.explore, 0, 1, open_low=True, open_high=True)
        if self.kind == "choice":
            if len(self.values) < 2:
                raise InvalidInput(self.name, f"choice{self.values}", "two options or more")
            return
        if len(self.values) != 2 or not all(_is_number(v) for v in self.values):
            raise InvalidInput(self.name, f"{self.kind}{self.values}", "two numbers, low and high")
        low, high = self.values
        if not low < high:
            raise InvalidInput(self.name, f"{self.kind}({low}, {high})", "low below high", "Swap the bounds.")
        if self.kind == "log_uniform" and low <= 0:
            raise InvalidInput(self.name, f"log_uniform({low}, {high})", "bounds above 0")
        if not self.bounded and low < 0:
            raise InvalidInput(self.name, f"low {low}, not bounded", "0 or more", "Bound it.")
        if self.start is not None and not (_is_number(self.start) and low <= self.start <= high):
            raise InvalidInput(f"{self.name}: start", self.start, f"a number between {low} and {high}")

    # -- reading and writing ----------------------------------------------------------------------------------------

    @staticmethod
    def of(name: str, given: Any) -> Dimension:
        """From what a file, a flag or a call says: `{"uniform": [0, 0.6], "explore": 0.3}`, a list of options, or `"uniform(0, 0.6, explore=0.3)"`.

        Raises:
            InvalidInput: none of these, or numbers that cannot be used.
        """
        if isinstance(given, Dimension):
            return given
        if isinstance(given, str):
            given = _parsed(name, given)
        if isinstance(given, list | tuple):
            given = {"choice": given}
        kinds = [kind for kind in KINDS if kind in given] if isinstance(given, Mapping) else []
        if len(kinds) != 1:
            raise InvalidInput(name, repr(given), f"a distribution: one of {', '.join(KINDS)}", _EXAMPLE)
        options = dict(given)
        values = options.pop(kinds[0])
        unknown = set(options) - {"start", "explore", "bounded"}
        if unknown or not isinstance(values, list | tuple):
            raise InvalidInput(name, dict(given), "a distribution with `start`, `explore` or `bounded`", _EXAMPLE)
        if kinds[0] != "choice":
            values = [_number(v) for v in values]
            options |= {"start": _number(options.get("start"))}
        if "explore" in options:
            options["explore"] = _number(options["explore"])
            if not _is_number(options["explore"]):
                raise InvalidInput(f"{name}: explore", repr(options["explore"]), "a number between 0 and 1")
            options["explore"] = float(options["explore"])
        if not isinstance(options.get("bounded", True), bool):
            raise InvalidInput(f"{name}: bounded", repr(options["bounded"]), "true or false")
        return Dimension(name, kinds[0], tuple(values), **options)  # type: ignore[arg-type]

    def as_mapping(self) -> dict[str, Any]:
        """As a space's file says it."""
        found: dict[str, Any] = {self.kind: list(self.values), "explore": self.explore}
        if self.start is not None:
            found["start"] = self.start
        return found if self.kind == "choice" else {**found, "bounded": self.bounded}

    # -- drawing ----------------------------------------------------------------------------------------------------

    def drawn(self, generator: np.random.Generator) -> Any:
        """The start value, or an independent draw."""
        if self.kind == "choice":
            place = int(generator.integers(len(self.values)))
            return self.values[place] if self.start is None else self.start
        low, high = self.values
        if self.kind == "log_uniform":
            found = float(np.exp(generator.uniform(np.log(low), np.log(high + self.whole))))
        else:
            found = float(generator.uniform(low, high + self.whole))
        if self.start is not None:
            return self._as_typed(self.start)
        return min(int(found), int(high)) if self.whole else min(max(found, low), high)

    def explored(self, value: Any, generator: np.random.Generator) -> Any:
        """A value near another: value · (1 + u); another option, sometimes, of a choice."""
        if self.kind == "choice":
            others = [option for option in self.values if option != value]
            move = generator.uniform() < self.explore
            return others[int(generator.integers(len(others)))] if move else value
        low, high = self._limits
        found = value
        for _ in range(TRIES):
            u = generator.uniform(LEAST_STEP, 1.0) * self.explore * generator.choice((-1.0, 1.0))
            found = value * (1 + u)
            if self.whole:
                found = round(found) if round(found) != value else value + (1 if u > 0 else -1)
            if low <= found <= high:
                return self._as_typed(found)
        return self._as_typed(min(max(found, low), high))

    @property
    def _limits(self) -> tuple[float, float]:
        low, high = map(float, self.values) if self.bounded else (0.0, np.inf)
        return low, min(high, HIGHEST_RATE) if "dropout" in self.name.rpartition(".")[2] else high

    def _as_typed(self, value: float | int) -> float | int:
        return int(value) if self.whole else float(value)


_EXAMPLE = "For example uniform(0, 0.6), log_uniform(1e-6, 1e-4, explore=0.8) or choice(32, 64)."


def _parsed(name: str, text: str) -> dict[str, Any]:
    """`uniform(0, 0.6, explore=0.3)` as a mapping; bare words are text."""
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError
        named = {keyword.arg or "": _literal(keyword.value) for keyword in call.keywords}
        return {call.func.id: [_literal(each) for each in call.args], **named}
    except (SyntaxError, ValueError):
        raise InvalidInput(name, repr(text), f"a distribution: one of {', '.join(KINDS)}", _EXAMPLE) from None


def _literal(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return {"true": True, "false": False, "none": None}.get(node.id.lower(), node.id)
    return ast.literal_eval(node)


def _number(value: Any) -> Any:
    """YAML reads 1e-3 as text."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))

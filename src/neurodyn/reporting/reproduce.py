"""How to make the same numbers again: commands, configuration, versions."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import yaml

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.reporting.base import Section, table
from neurodyn.reporting.subject import Subject


class Reproduce(Section):
    """Commands, the whole configuration, and the environment."""

    name = "reproduce"
    title = "Reproduce"
    lead = "The commands that made this, what they were told, and where they ran."

    def applies(self, subject: Subject) -> bool:
        """Whether the configuration or the environment is known."""
        return bool(subject.config or subject.environment)

    def html(self, subject: Subject) -> str:
        """Commands, then configuration and environment folded away."""
        parts = []
        if subject.config.get("model"):
            parts.append(f"<pre>{escape(commands(subject.config))}</pre>")
        if subject.config:
            text = yaml.safe_dump(_plain(subject.config), sort_keys=False, allow_unicode=True)
            parts.append(f"<details><summary>Configuration</summary><pre>{escape(text)}</pre></details>")
        if subject.environment:
            rows = [[escape(str(k)), escape(str(v))] for k, v in _flat(subject.environment)]
            versions = table(["What", "Version or value"], rows)
            parts.append(f"<details><summary>Environment</summary>{versions}</details>")
        return "".join(parts)


def commands(config: Mapping[str, Any]) -> str:
    """The commands that fit, score and report such a run; options that are the model's defaults are left out."""
    data = config.get("data") or {}
    words = ["neurodyn", "fit", str(config["model"]), str(data.get("source") or "DATA")]
    defaults = _defaults(config)
    if config.get("objective") not in (None, defaults.get("default_objective")):
        words += ["--objective", str(config["objective"])]
    for prefix, values in (
        ("data", data.get("options")),
        ("model", config.get("model_config")),
        ("objective", config.get("objective_config")),
        ("train", config.get("train")),
    ):
        for key, value in _flat(values or {}):
            if value is not None and defaults.get(f"{prefix}.{key}", _MISSING) != value:
                words += _option(f"{prefix}.{key}", value)
    if config.get("rule") not in (None, defaults.get("default_rule")):
        words += ["--rule", str(config["rule"])]
    words += ["--seed", str(config.get("seed", 0)), "--out", "RUN"]
    return f"{shlex.join(words)}\nneurodyn evaluate RUN\nneurodyn report RUN -o report.html"


_MISSING = object()


def _option(name: str, value: Any) -> list[str]:
    """An option as the command line takes it: switches without a value, several values one after another."""
    if isinstance(value, bool):
        group, _, field = name.rpartition(".")
        return [f"--{name}" if value else f"--{group}.no-{field.replace('_', '-')}"]
    return [f"--{name}", *(map(str, value) if isinstance(value, list | tuple) else [str(value)])]


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the options are when none is given: the parts' own defaults, then what the model changes of them."""
    from neurodyn.training.config import TrainConfig

    found: dict[str, Any] = {"train": configs.to_dict(TrainConfig())}
    for prefix, kind in (("model", "models"), ("objective", "objectives")):
        if config.get(prefix) in registry.names(kind):
            found[prefix] = configs.to_dict(registry.load(kind, config[prefix]).Config())
    brought: dict[str, Any] = {}
    if "model" in found:
        model = registry.load("models", config["model"])
        brought = {"default_objective": model.default_objective, "default_rule": model.default_rule}
        found["train"] |= model.training_defaults
        if "objective" in found and config["objective"] == model.default_objective:
            found["objective"] |= model.objective_defaults
    return dict(_flat(found)) | brought


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, bool | int | float | str | None) else str(value)

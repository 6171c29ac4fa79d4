"""The report's section on agreement across subjects, from a card of an alignment set by hand."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import numpy as np
import pytest
from alignment_card import card, model

from neurodyn.alignment.card import ReportCard
from neurodyn.reporting.alignment import Alignment
from neurodyn.reporting.scores import Scores


def figures(html: str) -> list[dict[str, Any]]:
    return [json.loads(spec) for spec in re.findall(r'<script type="application/json">(.*?)</script>', html, re.S)]


def test_tables_figures_and_warnings_are_shown(subject) -> None:
    assert not Alignment().applies(dataclasses.replace(subject, card=None))
    told = dataclasses.replace(subject, card=card(model(0.5)))
    assert Alignment().applies(told)
    html = Alignment().html(told)
    assert html.count("<table") == 3 and html.count("<figure") == 2 and "withheld" not in html
    assert "says nothing about quality" in html and "monkey_a, monkey_b" in html and "shuffled pairing" in html
    assert f"<b>{told.card.headline.value:.3f} [" in html


def test_distributions_are_of_all_pairs(subject) -> None:
    drawn = figures(Alignment().html(dataclasses.replace(subject, card=card(model(0.5)))))[0]["data"]
    assert [t["name"] for t in drawn] == ["unpaired", "paired"] * 2
    for trace in drawn:
        assert sum(trace["y"]) == pytest.approx(1, abs=0.01)
    centre = [np.average(t["x"], weights=t["y"]) for t in drawn]
    assert centre[1] > centre[0] + 0.5


def test_the_latents_of_both_subjects_lie_on_each_other(subject) -> None:
    drawn = figures(Alignment().html(dataclasses.replace(subject, card=card(model(0.0)))))[1]["data"]
    assert [t["name"] for t in drawn] == ["monkey_a", "monkey_b"] * 4
    first, second = (np.array([np.nan if v is None else v for v in t["y"]], float) for t in drawn[:2])
    both = np.isfinite(first) & np.isfinite(second)
    assert both.sum() > 20 and np.corrcoef(first[both], second[both])[0, 1] > 0.9


def test_a_collapse_is_said_and_nothing_is_drawn_of_it(subject) -> None:
    html = Alignment().html(dataclasses.replace(subject, card=card(model(0.5, 1e-3))))
    assert "the model has collapsed" in html and "there is nothing to draw" in html and html.count("<figure") == 1


def test_a_headline_alone_is_withheld(subject) -> None:
    html = Alignment().html(dataclasses.replace(subject, card=card(model(0.5), drop="untrained")))
    assert "withheld" in html and "there is no untrained" in html
    kept = ReportCard(card(model(0.5)).scores)
    assert Alignment().html(dataclasses.replace(subject, card=kept)).count("<figure") == 0


def test_scores_of_the_card_stand_in_its_section_alone(subject) -> None:
    found = card(model(0.5))
    told = dataclasses.replace(subject, scores=[*subject.scores, *found.scores], card=found)
    assert "cross_subject_r" not in Scores().html(told) and "cross subject r" in Alignment().html(told)

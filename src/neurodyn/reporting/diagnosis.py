"""The diagnosis: every check's finding in plain words, with what to try."""

from __future__ import annotations

from html import escape

from neurodyn.reporting import findings, training_findings
from neurodyn.reporting.base import Section
from neurodyn.reporting.findings import Finding
from neurodyn.reporting.subject import Subject

WORDS = {"fine": "✓ fine", "look": "! worth a look"}


class Diagnosis(Section):
    """Findings that are worth a look first, then those that are fine."""

    name = "diagnosis"
    title = "Diagnosis"
    lead = "What commonly goes wrong with such models, looked for in this one. A green line means the check found nothing, not that the model is right."

    def applies(self, subject: Subject) -> bool:
        """Whether any check has something to say."""
        return bool(diagnose(subject))

    def html(self, subject: Subject) -> str:
        """The list of findings."""
        found = diagnose(subject)
        order = sorted(found, key=lambda f: f.state == "fine")
        items = "".join(_item(f) for f in order)
        looks = sum(f.state == "look" for f in found)
        head = f"{looks} of {len(found)} checks are worth a look." if looks else f"All {len(found)} checks are fine."
        return f'<p class="caption">{head} Checks of the inference use the test trials; thresholds are in the documentation of the report.</p><ul class="findings">{items}</ul>'


def diagnose(subject: Subject) -> list[Finding]:
    """Every check's finding, in the order of the checks; checks that do not apply say nothing."""
    checks = (*findings.CHECKS, *training_findings.CHECKS)
    return [finding for check in checks if (finding := check(subject)) is not None]


def _item(finding: Finding) -> str:
    advice = f'<span class="advice">Try: {escape(finding.advice)}</span>' if finding.advice else ""
    topic = finding.topic[0].upper() + finding.topic[1:]
    state = f'<span class="state">{WORDS[finding.state]}</span>'
    return f'<li class="{finding.state}">{state}<span><b>{escape(topic)}.</b> {escape(finding.sentence)}{advice}</span></li>'

"""Whether files hold what their published release holds: notes, never errors."""

from __future__ import annotations

from neurodyn.data.check import Finding
from neurodyn.data.nlb.protocol import Protocol
from neurodyn.data.nlb.session import Session


def compare(session: Session, protocol: Protocol) -> list[Finding]:
    """Findings where a session differs from the release its protocol names, and what was noted on reading it.

    A split that is not at hand (no file of test trials) is not compared.
    """
    release = protocol.release
    split = session.trials["split"]
    found = {"held-in units": int(session.heldin.sum()), "held-out units": int((~session.heldin).sum())}
    wanted = {"held-in units": release.heldin, "held-out units": release.heldout}
    for name, trials in release.trials.items():
        if (split == name).any():
            found[f"{name} trials"], wanted[f"{name} trials"] = int((split == name).sum()), trials
    findings = [
        Finding(
            "warning",
            "another release",
            f"{found[what]} {what}; version {protocol.version} of dandiset {protocol.dandiset} has {wanted[what]}",
            "Scores are only comparable on the same release.",
        )
        for what in wanted
        if found[what] != wanted[what]
    ]
    return findings + [Finding("note", "on reading", note) for note in session.notes]

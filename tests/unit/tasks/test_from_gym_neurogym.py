"""neurogym's own tasks, in an environment of their own: its pins (an older gymnasium and NumPy) conflict with ours."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import neurodyn

SCRIPT = """
import sys
sys.path += sys.argv[2:]  # this package and what it needs; NumPy and gymnasium are those installed here
import gymnasium
import numpy as np
from neurodyn.random_streams import PerTrialStreams
from neurodyn.tasks.from_gym import FromGym, FromGymConfig

found = {"gymnasium": gymnasium.__version__}
for name, seed in (("PerceptualDecisionMaking", 0), ("ContextDecisionMaking", 1)):
    task = FromGym(FromGymConfig(env=f"neurogym:{name}-v0"))
    drawn = task.sample(PerTrialStreams(5, seed))
    for what in ("stimulus", "target", "mask"):
        found[f"{name}_{what}"] = getattr(drawn, what)
    found[f"{name}_bin_s"] = task.bin_s
    inner = gymnasium.make(f"{name}-v0", disable_env_checker=True).unwrapped
    for trial, trial_seed in enumerate(drawn.table["seed"]):
        inner.seed(trial_seed)
        inner.new_trial()
        inner.seed(trial_seed)
        inner.new_trial()
        found[f"{name}_ob_{trial}"], found[f"{name}_gt_{trial}"] = inner.ob, inner.gt
np.savez(sys.argv[1], **found)
"""


@pytest.mark.slow
def test_trials_are_those_of_neurogym(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    installed = subprocess.run([python, "-m", "pip", "install", "-q", "neurogym"], capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"neurogym cannot be installed: {installed.stderr.strip().splitlines()[-1]}")
    folders = [Path(neurodyn.__file__).parents[1], sysconfig.get_paths()["purelib"]]
    subprocess.run([python, "-c", SCRIPT, tmp_path / "found.npz", *map(str, folders)], check=True, cwd=tmp_path)
    found = np.load(tmp_path / "found.npz")
    assert str(found["gymnasium"]).startswith("0.")
    for name in ("PerceptualDecisionMaking", "ContextDecisionMaking"):
        assert found[f"{name}_bin_s"] == 0.1
        for trial in range(5):
            truth, steps = found[f"{name}_gt_{trial}"], len(found[f"{name}_gt_{trial}"])
            assert found[f"{name}_mask"][trial].sum() == steps
            np.testing.assert_array_equal(found[f"{name}_stimulus"][trial, :steps], found[f"{name}_ob_{trial}"])
            np.testing.assert_array_equal(found[f"{name}_target"][trial, :steps].argmax(1), truth)
            assert truth.max() > 0

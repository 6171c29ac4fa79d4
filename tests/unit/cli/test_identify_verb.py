"""`neurodyn identify` on tiny runs."""

import json

import pytest

from neurodyn.cli import main

DATA = ["two_area", "--data.trials", "40", "--data.heldout", "0", "--data.forward", "0"]
SMALL = ["--model.factors", "2", "--model.generator.size", "4", "--train.epochs", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of two seeds, one without inputs, and one on other trials."""
    path = tmp_path_factory.mktemp("identify")
    one = ["--model.inferred-inputs", "1"]
    assert main(["fit", "lfads", *DATA, *SMALL, *one, "--seed", "0", "--out", str(path / "zero")]) == 0
    assert main(["fit", "lfads", *DATA, *SMALL, *one, "--seed", "1", "--out", str(path / "one")]) == 0
    assert main(["fit", "lfads", *DATA, *SMALL, "--model.inferred-inputs", "0", "--out", str(path / "none")]) == 0
    assert main(["fit", "lfads", *DATA, "--data.seed", "5", *SMALL, *one, "--out", str(path / "other")]) == 0
    return path


def test_json_and_page(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert main(["identify", "zero", "one", "-o", "page.html", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in found["runs"]] == ["zero", "one"]
    assert found["agreement"]["r2"][0][0] is None and found["ensembles"][""]["pairs"] == 2
    assert "What of the inputs is identified" in (folder / "page.html").read_text()


def test_the_table_and_the_verdict(folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    assert main(["identify", "zero", "one"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "Inferred inputs" in said and "Over seeds, fits" in said and "the data identify the class" in said


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([], "the folders of one run or more"),
        (["zero", "none"], "infers no inputs"),
        (["zero", "other"], "other test trials than zero"),
        (["zero", "--session", "nobody"], "--session"),
    ],
)
def test_wrong_input(folder, capsys, monkeypatch, given, says):
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert main(["identify", *given]) == 2
    assert says in " ".join(capsys.readouterr().err.split())

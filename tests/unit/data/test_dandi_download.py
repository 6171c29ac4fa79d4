"""The benchmark's recordings from the DANDI archive, by a client that is made up here: nothing leaves this machine."""

import hashlib
import sys
from types import SimpleNamespace

import pytest
import requests

from neurodyn.data import dandi
from neurodyn.data.nlb.protocol import Protocol, Release
from neurodyn.errors import InvalidInput, MissingData

PROTOCOL = Protocol(
    dandiset="000140",
    version="0.220113.0408",
    subject="Jenkins",
    session="small",
    align="move_onset_time",
    window_ms=(-250, 450),
    behaviour="hand_vel",
    release=Release(107, 35),
)
TRAIN = "sub-Jenkins_ses-small_desc-train_behavior+ecephys.nwb"
TEST = "sub-Jenkins_ses-small_desc-test_ecephys.nwb"
CONTENT = {TRAIN: bytes(range(250)) * 40, TEST: b"held-in spikes" * 50}


class Archive:
    """A stand-in for the client: it serves files in blocks, and hangs up where it is told to."""

    def __init__(self):
        self.served = []
        self.hang_up = {}  # name -> bytes after which it hangs up, one entry a try
        self.stop = None  # raised instead of the first block
        self.digest = {}

    def get_dandiset(self, number, version):
        assert (number, version) == ("000140", "0.220113.0408")
        return self

    def get_assets_by_glob(self, pattern):
        folder, name = pattern.split("/")
        assert folder == "sub-Jenkins"
        wanted = TRAIN if "train" in name else TEST
        assert name == (PROTOCOL.train_pattern if wanted == TRAIN else PROTOCOL.test_pattern)
        if self.stop is not None:
            raise self.stop
        digest = self.digest.get(wanted, hashlib.sha256(CONTENT[wanted]).hexdigest())

        def blocks(start):
            limits = self.hang_up.get(wanted, [])
            limit = limits.pop(0) if limits else None
            for place in range(start, len(CONTENT[wanted]), 1000):
                if limit is not None and place >= limit:
                    raise requests.exceptions.ChunkedEncodingError("gone") if limit >= 0 else KeyboardInterrupt
                self.served.append((wanted, place))
                yield CONTENT[wanted][place : place + 1000]

        return [
            SimpleNamespace(
                path=f"sub-Jenkins/{wanted}",
                size=len(CONTENT[wanted]),
                get_raw_digest={"dandi:sha2-256": digest}.__getitem__,
                get_download_file_iter=lambda: blocks,
            )
        ]


@pytest.fixture
def archive(monkeypatch):
    made = Archive()
    monkeypatch.setattr(dandi, "_client", lambda: made)
    return made


def everything(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_both_files_arrive_and_are_fetched_once(archive, tmp_path, monkeypatch):
    found = dandi.fetch(PROTOCOL, tmp_path / "data")
    assert not found.already
    assert [path.relative_to(tmp_path / "data").as_posix() for path in found.paths] == [
        f"000140/sub-Jenkins/{TRAIN}",
        f"000140/sub-Jenkins/{TEST}",
    ]
    assert [path.read_bytes() for path in found.paths] == [CONTENT[TRAIN], CONTENT[TEST]]
    assert everything(tmp_path / "data" / "000140") == sorted(["sub-Jenkins", TRAIN, TEST])

    def offline():
        raise AssertionError("the network was used")

    monkeypatch.setattr(dandi, "_client", offline)
    again = dandi.fetch(PROTOCOL, tmp_path / "data")
    assert again.already and again.paths == found.paths


def test_files_in_any_data_folder_count(archive, tmp_path, monkeypatch):
    dandi.fetch(PROTOCOL, tmp_path / "given")
    monkeypatch.setenv("NEURODYN_DATA", str(tmp_path / "given"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "user"))
    assert dandi.fetch(PROTOCOL).already
    assert not (tmp_path / "user").exists()


def test_a_broken_connection_goes_on_where_it_stopped(archive, tmp_path):
    archive.hang_up[TRAIN] = [3000, 6000]
    found = dandi.fetch(PROTOCOL, tmp_path)
    assert found.paths[0].read_bytes() == CONTENT[TRAIN]
    assert [place for name, place in archive.served if name == TRAIN] == list(range(0, 10000, 1000))


def test_an_interrupted_download_resumes_next_time(archive, tmp_path):
    archive.hang_up[TRAIN] = [4000, 4000]  # hangs up, then sends nothing
    with pytest.raises(MissingData, match="goes on where it stopped"):
        dandi.fetch(PROTOCOL, tmp_path)
    (part,) = (tmp_path / "000140" / "sub-Jenkins").iterdir()
    assert part.name.startswith(".") and part.name.endswith(".part") and part.stat().st_size == 4000
    archive.served.clear()
    found = dandi.fetch(PROTOCOL, tmp_path)
    assert found.paths[0].read_bytes() == CONTENT[TRAIN]
    assert archive.served[0] == (TRAIN, 4000)
    assert not part.exists()


def test_control_c_keeps_what_has_arrived(archive, tmp_path):
    archive.hang_up[TEST] = [-1]
    with pytest.raises(KeyboardInterrupt):
        dandi.fetch(PROTOCOL, tmp_path)
    assert everything(tmp_path / "000140" / "sub-Jenkins") == [TRAIN]
    archive.served.clear()
    assert dandi.fetch(PROTOCOL, tmp_path).paths[1].read_bytes() == CONTENT[TEST]
    assert {name for name, _ in archive.served} == {TEST}  # only what was missing


def test_a_part_of_another_version_is_not_continued(archive, tmp_path):
    folder = tmp_path / "000140" / "sub-Jenkins"
    folder.mkdir(parents=True)
    (folder / f".{TRAIN}.0123456789ab.part").write_bytes(b"other")
    assert dandi.fetch(PROTOCOL, tmp_path).paths[0].read_bytes() == CONTENT[TRAIN]


def test_a_wrong_digest_leaves_nothing(archive, tmp_path):
    archive.digest[TRAIN] = "0" * 64
    with pytest.raises(InvalidInput, match="sha256"):
        dandi.fetch(PROTOCOL, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def refused(status):
    return requests.HTTPError("refused", response=SimpleNamespace(status_code=status))


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (requests.ConnectionError("no route"), "ConnectionError"),
        (requests.Timeout("slow"), "Timeout"),
        (refused(401), "embargo"),
        (refused(403), "embargo"),
        (RuntimeError("No such version"), "No such version"),
    ],
)
def test_without_the_archive_the_page_and_the_folder_are_named(archive, tmp_path, error, why):
    archive.stop = error
    with pytest.raises(MissingData, match=why) as raised:
        dandi.fetch(PROTOCOL, tmp_path / "data")
    assert "https://dandiarchive.org/dandiset/000140/0.220113.0408" in str(raised.value)
    assert str(tmp_path / "data" / "000140" / "sub-Jenkins") in str(raised.value) and "by hand" in str(raised.value)
    assert not (tmp_path / "data").exists()


def test_nothing_is_tried_for_a_minute_without_a_network(monkeypatch, tmp_path):
    def no_network(*_, **__):
        raise requests.ConnectionError("no network")

    monkeypatch.setattr(requests, "get", no_network)
    with pytest.raises(MissingData, match="ConnectionError"):
        dandi.fetch(PROTOCOL, tmp_path / "data")


def test_without_the_client_its_installation_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "dandi", None)
    monkeypatch.setitem(sys.modules, "dandi.dandiapi", None)
    with pytest.raises(MissingData, match=r'pip install "neurodyn\[dandi\]"'):
        dandi.fetch(PROTOCOL, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_file_the_archive_does_not_have_is_named(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "get_assets_by_glob", lambda pattern: [])
    with pytest.raises(MissingData, match="desc-train"):
        dandi.fetch(PROTOCOL, tmp_path / "data")

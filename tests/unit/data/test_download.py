"""Fetching data files from a server on this machine."""

import functools
import hashlib
import http.server
import threading

import pytest

from neurodyn.data.datasets.base import Remote
from neurodyn.data.download import fetch
from neurodyn.errors import InvalidInput, MissingData

CONTENT = b"spikes" * 1000


@pytest.fixture
def server(tmp_path):
    (tmp_path / "origin").mkdir()
    (tmp_path / "origin" / "x.npz").write_bytes(CONTENT)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        requests = 0

        def log_message(self, *_):
            return None

        def do_GET(self):
            Quiet.requests += 1
            if self.path == "/broken.npz":  # says more than it sends, then hangs up
                self.send_response(200)
                self.send_header("Content-Length", str(2 * len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT)
            else:
                super().do_GET()

    handler = functools.partial(Quiet, directory=str(tmp_path / "origin"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}", Quiet
        listening.shutdown()
        thread.join()


def remote(url, name="x.npz", content=CONTENT):
    return Remote(f"study/{name}", f"{url}/{name}", hashlib.sha256(content).hexdigest())


def files(folder):
    return [p.name for p in folder.rglob("*") if p.is_file()]


def test_a_file_is_fetched_once(server, tmp_path):
    url, handler = server
    path = fetch(remote(url), tmp_path / "data")
    assert path == tmp_path / "data" / "study" / "x.npz" and path.read_bytes() == CONTENT
    assert fetch(remote(url), tmp_path / "data") == path and handler.requests == 1


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    path = fetch(remote(server[0]), tmp_path / "data")
    path.write_bytes(CONTENT[:100])
    assert fetch(remote(server[0]), tmp_path / "data").read_bytes() == CONTENT


def test_another_file_than_the_pinned_one_is_refused(server, tmp_path):
    with pytest.raises(InvalidInput, match="sha256"):
        fetch(remote(server[0], content=b"other"), tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["absent.npz", "broken.npz"])
def test_a_download_that_fails_leaves_nothing(server, tmp_path, name):
    with pytest.raises((MissingData, InvalidInput), match=name):
        fetch(remote(server[0], name), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_without_a_network_the_origin_is_named(tmp_path):
    nowhere = Remote("x.npz", "http://127.0.0.1:9/x.npz", "0" * 64)
    with pytest.raises(MissingData, match=r"could not be fetched from http://127.0.0.1:9/x.npz .*by hand"):
        fetch(nowhere, tmp_path)
    assert files(tmp_path) == []

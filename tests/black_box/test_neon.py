# SPDX-License-Identifier: Apache-2.0
"""Neon's management API: every request against Neon's own document, and a fake that keeps state.

Prism serves the document, refuses what does not fit it, and keeps no state. The fake has operations
that take time, locks, limits, pages, and a line that is cut.
"""

import contextlib
import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command import call, call_json

MOCK = Path(__file__).resolve().parent.parent.parent / ".deps" / "neon-api" / "node_modules"
KEY = "neon-key-that-nobody-sees"
PROJECT = "cold-poetry-09157238"


def settings(url, **more):
    return {
        "ISOBAR_NEON_API_URL": url,
        "ISOBAR_NEON_API_KEY": KEY,
        "ISOBAR_NEON_PROJECT": PROJECT,
    } | more


# --- Neon's own document ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prism(tmp_path_factory):
    program = MOCK / ".bin" / "prism"
    if not program.exists() or shutil.which("node") is None:
        pytest.skip("this machine has no mock of Neon's API: scripts/setup servers brings it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    document = MOCK / "@neondatabase" / "api-client" / "public-v2-for-users.gen.yaml"
    log = tmp_path_factory.mktemp("prism") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [program, "mock", "--errors", "-h", "127.0.0.1", "-p", str(port), document],
            stdout=output,
            stderr=output,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    urllib.request.urlopen(url, timeout=5).close()
                except urllib.error.HTTPError:
                    break
                except OSError:
                    time.sleep(0.2)
            yield url, log
        finally:
            process.terminate()
            process.wait(20)


REQUESTS = [
    "endpoints",
    "branch ls",
    "suspend ep-little-smoke-851426",
    "limits ep-little-smoke-851426 --min-cu 0.25 --max-cu 2 --suspend-seconds 60",
    "limits ep-little-smoke-851426 --suspend-seconds -1",
    "branch create before-migration",
    "branch create as-it-was --at 2024-05-01T12:00Z",
    "branch delete br-aged-salad-637688",
    "restore br-aged-salad-637688 --at 2024-05-01T12:00Z --keep-as old",
    "snapshot br-aged-salad-637688 nightly",
]


@pytest.mark.parametrize("request_words", REQUESTS)
def test_every_request_fits_neons_document(prism, request_words):
    url, log = prism
    before = len(log.read_text())
    call_json("cloud", *request_words.split(), env=settings(url))
    said = log.read_text()[before:]
    assert "Violation" not in said
    assert "invalid" not in said.lower()


def test_usage_fits_too_and_a_page_that_comes_again_is_noticed(prism):
    url, log = prism
    before = len(log.read_text())
    words = ["cloud", "usage", "--neon-organisation", "org-quiet-sun-12345678"]
    failed = call(*words, code=1, env=settings(url))
    assert "same page" in failed.stderr
    assert "Violation" not in log.read_text()[before:]


def test_the_document_is_really_held_against_requests(prism):
    """A request that the document forbids is refused, so that the test above can fail."""
    url, _ = prism
    failed = call(
        "cloud",
        "limits",
        "ep-little-smoke-851426",
        "--suspend-seconds",
        "604800",
        env=settings(url),
    )
    assert failed.stdout
    bad = urllib.request.Request(
        f"{url}/projects/{PROJECT}/endpoints/ep-little-smoke-851426",
        data=json.dumps({"endpoint": {"suspend_timeout_seconds": "soon"}}).encode(),
        headers={"Authorization": "Bearer x", "Content-Type": "application/json"},
        method="PATCH",
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(bad, timeout=20)
    assert refused.value.code in (400, 422)


# --- a fake that keeps state ---------------------------------------------------------------------


class Fake(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, code, body=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.state["seen"].append((self.command, self.path, body.decode()))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self.answer(401, {"message": f"no such key: {self.headers['Authorization']}"})
        elif self.server.state["trouble"]:
            self.trouble(*self.server.state["trouble"].pop(0))
        else:
            self.serve()

    def trouble(self, code, headers):
        if code == "cut":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.answer(code, {"message": f"trouble {code}"}, **headers)

    def serve(self):
        state = self.server.state
        if self.path.startswith("/consumption"):
            self.consumption()
        elif "/operations/" in self.path:
            status = state["operations"].pop(0) if state["operations"] else "finished"
            self.answer(200, {"operation": operation(status)})
        elif self.command == "DELETE":
            self.answer(204)
        elif self.path.endswith("/endpoints"):
            self.answer(200, {"endpoints": state["endpoints"]})
        else:
            self.answer(200, {"operations": [operation(state["first"])]})

    def consumption(self):
        at = int(self.path.partition("cursor=page-")[2] or 0)
        frame = {
            "timeframe_start": f"2026-01-0{at + 1}T00:00:00Z",
            "timeframe_end": f"2026-01-0{at + 2}T00:00:00Z",
            "metrics": [{"metric_name": "compute_unit_seconds", "value": 100 + at}],
        }
        project = {"project_id": PROJECT, "periods": [{"consumption": [frame]}]}
        pagination = {"cursor": f"page-{at + 1}"} if at < 2 else {}
        self.answer(200, {"projects": [project], "pagination": pagination})

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any


def operation(status):
    return {
        "id": "a07f8772-1877-4da9-a939-3a3ae62d1d8d",
        "action": "suspend_compute",
        "status": status,
        "error": "the compute said no" if status == "failed" else "",
    }


@pytest.fixture
def fake():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Fake)
    server.daemon_threads = True
    server.state = {
        "seen": [],
        "trouble": [],
        "operations": [],
        "first": "finished",
        "endpoints": [{"id": "ep-only-one-1", "host": "h", "current_state": "active"}],
    }
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def url_of(fake):
    return f"http://127.0.0.1:{fake.server_address[1]}"


def test_a_change_is_done_when_its_operations_are(fake):
    fake.state["first"] = "scheduling"
    fake.state["operations"] = ["running", "running", "finished"]
    begin = time.monotonic()
    call("cloud", "suspend", "ep-a-b-1", env=settings(url_of(fake)))
    assert time.monotonic() - begin > 1.5
    assert sum("/operations/" in path for _, path, _ in fake.state["seen"]) == 3
    assert fake.state["seen"][0][:2] == (
        "POST",
        f"/projects/{PROJECT}/endpoints/ep-a-b-1/suspend",
    )


def test_a_failed_operation_is_a_failure(fake):
    fake.state["first"] = "running"
    fake.state["operations"] = ["failed"]
    failed = call("cloud", "suspend", "ep-a-b-1", code=1, env=settings(url_of(fake)))
    assert "the compute said no" in failed.stderr


def test_locks_limits_and_outages_are_waited_out(fake):
    fake.state["trouble"] = [(423, {}), (429, {"Retry_After": "1"}), (503, {})]
    begin = time.monotonic()
    call("cloud", "suspend", env=settings(url_of(fake)))
    assert time.monotonic() - begin > 1
    assert not fake.state["trouble"]
    assert fake.state["seen"][-1][1].endswith("/endpoints/ep-only-one-1/suspend")


def test_a_change_whose_answer_was_lost_is_unknown_and_not_repeated(fake):
    fake.state["trouble"] = [("cut", None)]
    failed = call("cloud", "suspend", "ep-a-b-1", code=4, env=settings(url_of(fake)))
    assert "unknown" in failed.stderr
    assert len(fake.state["seen"]) == 1


def test_a_read_whose_answer_was_lost_is_repeated(fake):
    fake.state["trouble"] = [("cut", None), (502, {})]
    listed = call_json("cloud", "endpoints", env=settings(url_of(fake)))
    assert [endpoint["id"] for endpoint in listed["endpoints"]] == ["ep-only-one-1"]
    assert len(fake.state["seen"]) == 3


def test_usage_comes_from_all_pages(fake):
    usage = call_json(
        "cloud",
        "usage",
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-04",
        env=settings(url_of(fake), ISOBAR_NEON_ORGANISATION="org-a-1"),
    )["usage"]
    assert [row["value"] for row in usage] == [100, 101, 102]
    assert [row["from"][:10] for row in usage] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert len(fake.state["seen"]) == 3
    assert "from=2026-01-01T00:00:00Z" in fake.state["seen"][0][1]


def test_deleting_what_is_gone_is_a_success(fake):
    call("cloud", "branch", "delete", "br-a-b-1", env=settings(url_of(fake)))


@pytest.mark.parametrize(
    ("env", "code", "words"),
    [
        ({"ISOBAR_NEON_API_KEY": "another-secret-key"}, 7, "check the API key"),
        ({"ISOBAR_NEON_PROJECT": "../../etc"}, 2, "no id"),
        ({"ISOBAR_NEON_API_KEY": "two\nlines"}, 2, "line break"),
    ],
)
def test_refusals_have_their_codes_and_no_key(fake, env, code, words):
    failed = call("cloud", "endpoints", code=code, env=settings(url_of(fake)) | env)
    assert words in failed.stderr
    for key in (KEY, "another-secret-key"):
        assert key not in failed.stderr + failed.stdout


def test_the_key_comes_from_a_file_but_not_from_an_argument(fake, tmp_path):
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    env = settings(url_of(fake))
    del env["ISOBAR_NEON_API_KEY"]
    call("cloud", "endpoints", "--neon-api-key-file", file, env=env)
    refused = call("cloud", "endpoints", "--neon-api-key", KEY, code=2, env=env)
    assert KEY not in refused.stderr
    assert "ISOBAR_NEON_API_KEY" in call("cloud", "endpoints", code=2, env=env).stderr


def test_what_is_no_api_is_said_so(fake):
    with contextlib.closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        failed = call("cloud", "suspend", "ep-a-b-1", code=4, env=settings(url))
        assert url in failed.stderr
    fake.state["endpoints"] = "none"
    failed = call("cloud", "endpoints", code=1, env=settings(url_of(fake)))
    assert "no endpoints" in failed.stderr


def test_several_endpoints_want_a_name(fake):
    fake.state["endpoints"] = fake.state["endpoints"] * 2
    assert "2 endpoints" in call("cloud", "suspend", code=2, env=settings(url_of(fake))).stderr

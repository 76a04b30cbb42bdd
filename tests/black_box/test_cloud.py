# SPDX-License-Identifier: Apache-2.0
"""`isobar cloud status` against each server that the machine has, and how it fails."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import ISOBAR, call, call_json, clean_environment

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import servers

NAMES = ["pg15", "pg15+pgbouncer18", "pg17+pgbouncer24", "pg18"]


@pytest.fixture(scope="module", params=NAMES)
def server(request):
    try:
        with servers.running(request.param) as tell:
            yield tell | {"name": request.param}
    except servers.Missing as missing:
        pytest.skip(f"this machine has no {missing}")


@pytest.fixture(scope="module")
def plain():
    try:
        with servers.running("pg15") as tell:
            yield tell
    except servers.Missing as missing:
        pytest.skip(f"this machine has no {missing}")


def url_of(tell):
    return tell.get("ISOBAR_TEST_POOLER_URL", tell["ISOBAR_TEST_URL"])


def password_of(tell):
    return url_of(tell).split(":")[2].split("@")[0]


def without_password(url):
    scheme, _, rest = url.partition("://")
    return f"{scheme}://isobar@{rest.partition('@')[2]}"


def test_status_tells_what_the_server_is(server):
    status = call_json("cloud", "status", env={"ISOBAR_CLOUD_URL": url_of(server)})
    name = server["name"]
    assert status["server"].split(".")[0] == name[2:4]
    assert status["pooler"] == ("transaction" if "pgbouncer" in name else "none")
    assert status["edition"] == ("timescaledb" if "pg17" in name else "postgresql")
    features = status["features"]
    assert {"tls", "writable", "partitions", "merge"} <= set(features)
    assert ("prepared_statements" in features) == ("pgbouncer18" not in name)
    assert ("sessions" in features) == ("pgbouncer" not in name)
    assert ("hypertables" in features) == ("pg17" in name)
    assert "compression" not in features
    assert status["time_zone"] == "UTC"
    assert status["application_name"] == "isobar"
    assert status["profile"] == "server"
    assert status["round_trip_ms"] > 0
    assert status["attempts"] == 1
    assert not status["cold_start"]
    plain = call("cloud", "status", env={"ISOBAR_CLOUD_URL": url_of(server)})
    assert "PostgreSQL " + status["server"] in plain.stdout
    assert password_of(server) not in plain.stdout + plain.stderr + json.dumps(status)


@pytest.mark.parametrize("server", ["pg17+pgbouncer24"], indirect=True)
def test_the_edition_is_known_where_timescaledb_was_created(server):
    subprocess.run(
        ["psql", "-Xq", server["ISOBAR_TEST_URL"], "-c", "CREATE EXTENSION timescaledb"],
        check=True,
        capture_output=True,
    )
    status = call_json("cloud", "status", env={"ISOBAR_CLOUD_URL": url_of(server)})
    assert status["edition"] == "timescaledb-apache"
    assert status["timescaledb"].startswith("2.")
    assert "hypertables" in status["features"]
    assert "compression" not in status["features"]
    subprocess.run(
        ["psql", "-Xq", server["ISOBAR_TEST_URL"], "-c", "DROP EXTENSION timescaledb"],
        check=True,
        capture_output=True,
    )


def test_passwords_come_from_many_places_and_go_nowhere(plain, tmp_path):
    url, password = plain["ISOBAR_TEST_URL"], password_of(plain)
    bare = without_password(url)
    host, port = bare.split("@")[1].split("/")[0].split(":")
    pass_file = tmp_path / "pass"
    pass_file.write_text(f"*:*:*:*:{password}\n")
    pass_file.chmod(0o600)
    service = tmp_path / "service"
    service.write_text(f"[mine]\nhost={host}\nport={port}\nuser=isobar\ndbname=isobar\n")
    token = tmp_path / "token"
    token.write_text(password + "\n")
    ways = [
        {"ISOBAR_CLOUD_URL": bare, "PGPASSWORD": password},
        {"ISOBAR_CLOUD_URL": bare, "PGPASSFILE": str(pass_file)},
        {"ISOBAR_CLOUD_URL": bare, "ISOBAR_CLOUD_PASSWORD_COMMAND": f"cat {token}"},
        {"PGSERVICE": "mine", "PGSERVICEFILE": str(service), "PGPASSFILE": str(pass_file)},
        {"ISOBAR_CLOUD_URL": url.replace("postgres://", "postgresql+asyncpg://") + "?ssl=require"},
    ]
    for env in ways:
        status = call_json("cloud", "status", "-v", env=env)
        assert status["server"].startswith("15")
        assert password not in json.dumps(status)
    with_argument = call(
        "cloud", "status", "--cloud-url", bare, "--cloud-password-command", f"cat {token}"
    )
    assert password not in with_argument.stdout + with_argument.stderr


def test_a_password_in_an_argument_is_refused(plain):
    refused = call("cloud", "status", "--cloud-url", plain["ISOBAR_TEST_URL"], code=2)
    assert "seen by everybody" in refused.stderr
    assert password_of(plain) not in refused.stderr


def test_the_process_list_shows_no_password(plain, tmp_path):
    marker = tmp_path / "asked"
    env = clean_environment(
        ISOBAR_CLOUD_URL=plain["ISOBAR_TEST_URL"],
        ISOBAR_CLOUD_PASSWORD_COMMAND=f"touch {marker}; sleep 1; echo {'wrong'}",
    )
    with subprocess.Popen([ISOBAR, "cloud", "status"], env=env, stderr=subprocess.PIPE) as running:
        while not marker.exists():
            time.sleep(0.01)
        listing = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
        assert "cloud status" in listing
        assert password_of(plain) not in listing
        running.communicate()
        assert running.returncode == 7


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ({"url": "postgres://isobar:WrongSecret@HERE/isobar"}, 7, "password authentication failed"),
        ({"url": "postgres://isobar:PASSWORD@HERE/nowhere"}, 2, "nowhere"),
        ({"url": "postgres://isobar:PASSWORD@HERE/isobar?hostaddr=127.0.0.1&host=db.test"}, 7, ""),
        ({"url": "postgres://isobar:PASSWORD@HERE/isobar?sslmode=nonsense"}, 2, "sslmode"),
        ({"url": "mysql://isobar:PASSWORD@HERE/isobar"}, 2, "postgres://"),
        ({"url": "postgres://isobar@HERE/isobar", "command": "exit 9"}, 7, "exit code 9"),
    ],
)
def test_failures_have_their_codes_and_no_secrets(plain, more, code, words):
    password = password_of(plain)
    here = plain["ISOBAR_TEST_URL"].split("@")[1].split("/")[0]
    env = {"ISOBAR_CLOUD_URL": more["url"].replace("HERE", here).replace("PASSWORD", password)}
    if "command" in more:
        env["ISOBAR_CLOUD_PASSWORD_COMMAND"] = more["command"]
    failed = call("cloud", "status", code=code, env=env)
    assert failed.stdout == ""
    assert words in failed.stderr
    assert password not in failed.stderr
    assert "WrongSecret" not in failed.stderr


def test_a_server_that_is_not_there_is_said_so_in_time():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    begin = time.monotonic()
    failed = call(
        "cloud",
        "status",
        "--cloud-acquire-ms",
        "300",
        code=4,
        env={"ISOBAR_CLOUD_URL": f"postgres://u:VerySecret@127.0.0.1:{port}/x"},
    )
    assert time.monotonic() - begin < 2
    assert "VerySecret" not in failed.stderr
    assert "127.0.0.1" in failed.stderr


def test_a_server_that_says_nothing_is_left_in_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        call(
            "cloud",
            "status",
            "--cloud-connect-ms",
            "300",
            "--cloud-acquire-ms",
            "700",
            code=4,
            env={"ISOBAR_CLOUD_URL": f"postgres://u@127.0.0.1:{silent.getsockname()[1]}/x"},
        )
        assert 0.3 < time.monotonic() - begin < 3


def test_no_cloud_at_all_is_a_matter_of_configuration():
    failed = call("cloud", "status", code=2)
    assert "ISOBAR_CLOUD_URL" in failed.stderr
    assert "no isobar cloud nonsense" in call("cloud", "nonsense", code=2).stderr


def test_a_weak_sslmode_gives_a_warning():
    failed = call(
        "cloud",
        "status",
        "--cloud-acquire-ms",
        "50",
        code=4,
        env={"ISOBAR_CLOUD_URL": "host=192.0.2.1 user=u sslmode=require"},
    )
    assert "warning: sslmode=require" in failed.stderr

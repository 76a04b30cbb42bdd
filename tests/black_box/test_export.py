# SPDX-License-Identifier: Apache-2.0
"""What goes out comes back, bit for bit, whatever it was written as."""

import json
import math
import random
import signal
import struct
import subprocess
import time

import pytest
from command import ISOBAR, call, call_json, clean_environment, write_klines

MONDAY_S = 1704067200
FORMATS = {
    "csv": ["--format", "csv", "-o", "out.csv"],
    "parquet": ["--format", "parquet", "-o", "out.parquet"],
    "partitioned": ["--format", "parquet", "--partition", "-o", "out"],
    "duckdb": ["--format", "duckdb", "-o", "out.duckdb"],
}


def any_double(chance):
    """Return a finite double of any exponent, as its shortest text."""
    while True:
        value = struct.unpack("<d", struct.pack("<Q", chance.getrandbits(64)))[0]
        if math.isfinite(value):
            return value


@pytest.fixture(scope="module")
def wild(tmp_path_factory):
    """Return a store of awkward numbers, absent values and a symbol that needs quoting."""
    folder = tmp_path_factory.mktemp("wild")
    chance = random.Random(5)
    lines = ["symbol,timestamp,open,high,low,close,volume,vwap,trade_count\n"]
    for symbol in ('"B,""/%C"', "A"):
        for i in range(500):
            low, high = sorted((any_double(chance), any_double(chance)))
            volume = "" if i % 7 == 0 else repr(abs(any_double(chance)))
            vwap = "" if i % 5 == 0 else repr(any_double(chance))
            count = "" if i % 3 == 0 else str(chance.getrandbits(62))
            prices = f"-0.0,{high!r},{low!r},5e-324"
            lines.append(f"{symbol},{MONDAY_S + 60 * i},{prices},{volume},{vwap},{count}\n")
    (folder / "wild_1m.csv").write_text("".join(lines))
    call("import", folder / "wild_1m.csv", store=folder / "s")
    return folder / "s"


def segments(store):
    """Return the hashes of all segments, with what they hold."""
    query = "SELECT symbol, interval, hash, rows FROM segments ORDER BY ALL"
    call("snapshot", "create", f"n{time.monotonic_ns()}", store=store)  # seals the tail
    return call_json("sql", query, store=store)["rows"]


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_comes_back_bit_for_bit(name, wild, tmp_path):
    done = json.loads(call("export", *FORMATS[name], "--json", store=wild, cwd=tmp_path).stdout)
    assert done["rows"] == 1000
    assert len(done["files"]) == (2 if name == "partitioned" else 1)
    assert done["bytes"] == sum((tmp_path / f).stat().st_size for f in done["files"])
    call("import", tmp_path / FORMATS[name][-1], store=tmp_path / "copy")
    assert segments(tmp_path / "copy") == segments(wild)
    assert not [p for p in tmp_path.rglob("*") if ".tmp." in p.name or p.suffix == ".wal"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_range_of_one_series_replaces_the_file_that_was_there(name, wild, tmp_path):
    arguments = ["A", "--interval", "1m", "--from", "2024-01-01T01:00Z", *FORMATS[name]]
    for _ in range(2):
        assert "440 rows" in call("export", *arguments, store=wild, cwd=tmp_path).stderr
    call("import", FORMATS[name][-1], store=tmp_path / "copy", cwd=tmp_path)
    series = call_json("ls", store=tmp_path / "copy")["series"]
    assert [(s["symbol"], s["bars"], s["first"]) for s in series] == [
        ("A", 440, "2024-01-01T01:00:00Z")
    ]


def test_what_cannot_be_exported_says_why_and_leaves_the_file(wild, tmp_path):
    (tmp_path / "out").write_text("old")
    for arguments, reason, code in (
        (["--format", "parquet", "-o", "-"], "only CSV can be written to standard output", 2),
        (["--format", "arrow", "-o", "out"], "the Python package gives Arrow", 2),
        (["--format", "csv", "--partition", "-o", "out"], "--partition is for", 2),
        (["NOPE", "--format", "csv", "-o", "out"], "has no series NOPE", 1),
        (["--format", "parquet", "-o", "/nonexistent/x"], "/nonexistent/x", 1),
        (["--format", "duckdb", "-o", "/dev/null"], "no regular file", 2),
    ):
        done = call("export", *arguments, store=wild, cwd=tmp_path, code=code)
        assert reason in done.stderr
    assert (tmp_path / "out").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_series_of_several_intervals_need_a_folder(tmp_path):
    write_klines(tmp_path / "X-1m.csv", MONDAY_S, 10)
    write_klines(tmp_path / "X-1h.csv", MONDAY_S, 10, step_s=3600)
    call("import", tmp_path / "X-1m.csv", tmp_path / "X-1h.csv", store=tmp_path / "s")
    for name in ("csv", "parquet", "duckdb"):
        done = call("export", *FORMATS[name], store=tmp_path / "s", cwd=tmp_path, code=2)
        assert "several intervals (1h, 1m)" in done.stderr or "(1m, 1h)" in done.stderr
    call("export", *FORMATS["partitioned"], store=tmp_path / "s", cwd=tmp_path)
    call("import", tmp_path / "out", store=tmp_path / "copy")
    assert segments(tmp_path / "copy") == segments(tmp_path / "s")


@pytest.mark.parametrize("name", ["parquet", "duckdb"])
def test_an_interrupted_export_leaves_nothing(name, tmp_path):
    write_klines(tmp_path / "X-1m.csv", MONDAY_S, 200000)
    call("import", tmp_path / "X-1m.csv", store=tmp_path / "s")
    command = [ISOBAR, "--store", str(tmp_path / "s"), "export", *FORMATS[name]]
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, env=clean_environment(), cwd=tmp_path
    )
    while running.poll() is None and not list(tmp_path.glob("out.*")):
        time.sleep(0.001)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode in (130, 0)  # 0: it was faster than the signal
    left = [p.name for p in tmp_path.glob("out.*")]
    assert left == ([FORMATS[name][-1]] if running.returncode == 0 else [])

# SPDX-License-Identifier: Apache-2.0
"""`isobar bench codec`: figures by file, folder and in all, and what goes wrong with peers."""

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command import ISOBAR, call, call_json, clean_environment, write_klines

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".deps" / "bench-venv" / "bin" / "python"
MEASURES = {"bytes_per_bar": "B", "bits_per_value": "bit", "encode": "M bars/s"}
MEASURES["decode"] = MEASURES["encode"]


@pytest.fixture
def files(tmp_path):
    """Two folders of bars with a trade count; the scopes of their figures are named after them."""
    for name, count in (("one/a.csv", 3000), ("one/b.csv", 5000), ("two/c.csv", 2000)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        write_klines(path, 1700000000, count, seed=count)
    return [tmp_path / name for name in ("one/a.csv", "one/b.csv", "two/c.csv")]


def tree(directory, script):
    """Make a source tree whose peers are a script that this Python runs."""
    (directory / "bench").mkdir(parents=True)
    (directory / ".deps" / "bench-venv" / "bin").mkdir(parents=True)
    (directory / ".deps" / "bench-venv" / "bin" / "python").symlink_to(sys.executable)
    (directory / "bench" / "codec_peers.py").write_text(script)
    return directory


def values(result):
    return {row["name"]: row["value"] for row in result["rows"]}


def test_isobar_has_figures_for_each_file_folder_and_all_without_peers(tmp_path, files):
    result = call_json("bench", "codec", *files, "--runs", 3, "--bench-peers", tmp_path)
    units = {row["name"]: row["unit"] for row in result["rows"]}
    found = values(result)
    scopes = ("", "/one", "/two", "/one/a.csv", "/one/b.csv", "/two/c.csv")
    assert {f"isobar.{measure}{scope}" for measure in MEASURES for scope in scopes} <= set(found)
    assert found["isobar.decode_portable"] > 0
    assert found["isobar.entropy_close/one/a.csv"] > 1
    assert found["memory.decode_memory"] > found["isobar.decode_memory"]
    for column in ("open", "high", "low", "close", "volume", "trade_count"):
        assert found[f"isobar.bits_{column}"] > 0
        assert found[f"isobar.entropy_{column}/one/a.csv"] >= 0
    for measure, unit in MEASURES.items():
        name = f"isobar.{measure}"
        by_file = [found[f"{name}{scope}"] for scope in scopes[3:]]
        assert all(value > 0 for value in by_file)
        assert found[f"{name}/one"] == pytest.approx(math.sqrt(by_file[0] * by_file[1]))
        assert found[f"{name}/two"] == pytest.approx(by_file[2])
        assert found[name] == pytest.approx(math.prod(by_file) ** (1 / 3))
        assert units[name] == unit
    # Times, four prices, volume and the trade count.
    assert found["isobar.bits_per_value"] == pytest.approx(found["isobar.bytes_per_bar"] * 8 / 7)
    assert list(result["versions"]) == ["isobar"]


def test_the_bytes_are_those_of_the_files_segments(tmp_path, files):
    store = tmp_path / "store"
    call("import", files[1], "--symbol", "A", store=store)
    rows = call_json("ls", store=store)["series"][0]
    found = values(call_json("bench", "codec", files[1], "--runs", 1, "--bench-peers", tmp_path))
    assert found["isobar.bytes_per_bar"] * rows["bars"] == pytest.approx(rows["bytes"], abs=40)


def test_missing_peers_are_said_and_no_failure(tmp_path, files):
    done = call("bench", "codec", files[0], "--bench-peers", tmp_path, "--runs", 1)
    assert f"no peers are measured: {tmp_path}/.deps/bench-venv" in done.stderr
    assert "scripts/setup-bench-peers" in done.stderr
    assert "isobar" in done.stdout
    assert "larger" not in done.stdout


def test_the_variable_names_the_tree_too(tmp_path, files):
    done = call("bench", "codec", files[0], "--runs", 1, env={"ISOBAR_BENCH_PEERS": str(tmp_path)})
    assert f"no peers are measured: {tmp_path}/" in done.stderr


def test_a_file_on_which_isobar_is_larger_is_counted_and_named(tmp_path, files):
    # A codec that needs 1 byte a bar for one file, and 1000 for the others.
    script = """
for size, name in ((1, "one/a.csv"), (1000, "one/b.csv"), (1000, "two/c.csv")):
    print(f"tiny.bytes_per_bar/{name}\\t{size}\\tB")
print("tiny.bytes_per_bar\\t500\\tB\\ntiny.version\\t1.2\\tversion")
"""
    there = tree(tmp_path / "tree", script)
    result = call_json("bench", "codec", *files, "--runs", 1, "--bench-peers", there)
    found = values(result)
    size = found["isobar.bytes_per_bar/one/a.csv"]
    assert found["isobar.files_larger_than_best_peer"] == 1
    assert found["isobar.size_to_best_peer/one/a.csv"] == pytest.approx(size)
    assert found["isobar.size_to_best_peer/two/c.csv"] < 0.1
    assert result["versions"]["tiny"] == "1.2"
    done = call("bench", "codec", *files, "--runs", 1, "--bench-peers", there)
    assert "files on which isobar is larger than the best peer: 1\n  one/a.csv: " in done.stdout
    assert done.stdout.rstrip().endswith("tiny 1.2")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit('no such codec')", "ended with exit code 1"),
        ("import os; os.kill(os.getpid(), 9)", "ended with signal 9"),
        ("print('a.b\\t1')", 'line 1: "a.b\t1" is not name, value and unit'),
        ("print('a.b\\t1\\tB\\na.c\\tmuch\\tB')", 'line 2: a.c is "much", which is no number'),
        ("print('size\\t1\\tB')", 'line 1: "size" does not begin with who.what'),
        ("print('a' * 700 + '.b\\t1\\tB')", "is too long"),
    ],
)
def test_peers_that_fail_or_print_nonsense_are_an_error(tmp_path, files, script, message):
    there = tree(tmp_path / "tree", script)
    done = call("bench", "codec", files[0], "--bench-peers", there, "--runs", 1, code=1)
    assert message in done.stderr
    assert done.stdout == ""


def test_peers_are_ended_with_the_benchmark(tmp_path, files):
    mark = tmp_path / "pid"
    script = f"""
import os, pathlib, time
pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))
time.sleep(120)
"""
    there = tree(tmp_path / "tree", script)
    command = [ISOBAR, "bench", "codec", files[0], "--bench-peers", there]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, env=clean_environment(TMPDIR=str(tmp_path))
    ) as process:
        deadline = time.monotonic() + 60
        while not (mark.exists() and mark.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"stopped by signal 15" in error
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
    assert not list(tmp_path.glob("isobar-bench-*"))


def test_a_file_given_twice_is_refused(tmp_path, files):
    done = call("bench", "codec", files[0], files[0], "--bench-peers", tmp_path, code=2)
    assert "one/a.csv is given twice" in done.stderr


@pytest.mark.skipif(not PEERS.exists(), reason="no peers here: scripts/setup-bench-peers")
def test_real_peers_stand_beside_isobar(files):
    result = call_json("bench", "codec", *files[1:], "--runs", 1, "--bench-peers", ROOT)
    found = values(result)
    for peer in ("pcodec8", "pcodec12_int", "duckdb_parquet_zstd19", "zstd19"):
        for scope in ("", "/one", "/two", "/two/c.csv"):
            for measure in MEASURES:
                assert found[f"{peer}.{measure}{scope}"] > 0
    best = min(
        value
        for name, value in found.items()
        if name.endswith(".bytes_per_bar/two/c.csv") and not name.startswith("isobar.")
    )
    ratio = found["isobar.bytes_per_bar/two/c.csv"] / best
    assert found["isobar.size_to_best_peer/two/c.csv"] == pytest.approx(ratio)
    assert {"isobar", "pcodec", "duckdb", "zstd"} <= set(result["versions"])

# SPDX-License-Identifier: Apache-2.0
"""`isobar bench read`: figures beside DuckDB and peers, which must have read the same bars."""

import json
import os
import sys
from pathlib import Path

import pytest
from command import call, call_json, write_klines

ROOT = Path(__file__).resolve().parents[2]
PEERS_TREE = Path(os.environ.get("ISOBAR_BENCH_PEERS", ROOT))
PEERS = ("polars_parquet", "pyarrow_parquet", "feather", "arcticdb")
PEER_MEASURES = ("week_first_p50", "week_warm_p50", "full_scan", "weeks_1", "weeks_2", "weeks_8")

UNITS = {
    "isobar.week_warm_p50": "us",
    "isobar.week_copy_p50": "us",
    "isobar.week_first_p50": "us",
    "duckdb.week_warm_p50": "us",
    "duckdb.week_first_p50": "us",
    "ratio.week_warm_p50": "x",
    "ratio.week_copy_p50": "x",
    "ratio.week_first_p50": "x",
    "isobar.full_scan": "M bars/s",
    "duckdb.full_scan": "M bars/s",
    "duckdb.full_scan_all_threads": "M bars/s",
    "isobar.open_p50": "us",
    "isobar.bars": "bars",
    "isobar.weeks": "weeks",
    "isobar.week_rows": "bars",
    "duckdb.threads": "threads",
}
for who in ("isobar", "duckdb"):
    for processes in (1, 2, 8):
        UNITS[f"{who}.open_and_first_{processes}"] = "us"
        UNITS[f"{who}.week_warm_p50_{processes}"] = "us"
        UNITS[f"{who}.weeks_{processes}"] = "weeks/s"


def tree(directory, script):
    """Make a source tree whose peers are a script that this Python runs."""
    (directory / "bench").mkdir(parents=True)
    (directory / ".deps" / "bench-venv" / "bin").mkdir(parents=True)
    (directory / ".deps" / "bench-venv" / "bin" / "python").symlink_to(sys.executable)
    (directory / "bench" / "read_peers.py").write_text(script)
    return directory


def test_a_week_is_read_beside_duckdb_out_of_repeated_bars(tmp_path):
    write_klines(tmp_path / "X-1m.csv", 1700000000, 12000)
    none = ("--bench-peers", tmp_path)
    result = call_json("bench", "read", tmp_path / "X-1m.csv", "--runs", 3, "--bars", 50000, *none)
    assert {row["name"]: row["unit"] for row in result["rows"]} == UNITS
    found = {row["name"]: row["value"] for row in result["rows"]}
    threads = found.pop("duckdb.threads")  # 0: as many as it wants
    assert threads in (0, 1)
    assert all(value > 0 for value in found.values())
    assert found["isobar.bars"] == 60000  # the file's, until they are 50,000
    assert found["isobar.weeks"] == 5
    assert found["isobar.week_rows"] == 10080
    for kind in ("warm", "first"):
        ratio = found[f"isobar.week_{kind}_p50"] / found[f"duckdb.week_{kind}_p50"]
        assert found[f"ratio.week_{kind}_p50"] == pytest.approx(ratio)


def test_of_short_series_all_bars_are_read(tmp_path):
    write_klines(tmp_path / "X-1m.csv", 1700000000, 900)
    none = ("--bench-peers", tmp_path)
    result = call_json("bench", "read", tmp_path / "X-1m.csv", "--bars", 2000, "--runs", 1, *none)
    assert {"name": "isobar.week_rows", "value": 900, "unit": "bars"} in result["rows"]


SHOW = """
import pathlib, sys
directory = pathlib.Path(sys.argv[1])
for name in ("series.tsv", "plan.tsv"):
    for i, line in enumerate((directory / name).read_text().splitlines()):
        print(f"shown.{name.split('.')[0]}_{i}", len(line.split("\\t")), "fields", sep="\\t")
files = {line.split("\\t")[1] for line in (directory / "series.tsv").read_text().splitlines()}
assert files == {path.name for path in directory.glob("*.columns")}, files
"""


def test_peers_are_given_every_series_once_and_what_to_read(tmp_path):
    for name, count in (("X", 900), ("Y", 700)):
        write_klines(tmp_path / f"{name}-1m.csv", 1700000000, count)
    files = (tmp_path / "X-1m.csv", tmp_path / "Y-1m.csv")
    options = ("--bars", 3000, "--runs", 1, "--bench-peers", tree(tmp_path / "tree", SHOW))
    rows = call_json("bench", "read", *files, *options)["rows"]
    shown = {row["name"]: row["value"] for row in rows if row["name"].startswith("shown")}
    assert shown == {f"shown.series_{i}": 2 for i in range(4)} | {  # 2 and their copies
        f"shown.plan_{i}": 3
        for i in range(2)  # those of 900 bars
    }


def test_a_peer_that_gives_other_bars_fails_the_measurement(tmp_path):
    write_klines(tmp_path / "X-1m.csv", 1700000000, 900)
    script = "raise SystemExit('feather does not give back the closes of X bit by bit')"
    options = ("--bars", 900, "--runs", 1, "--bench-peers", tree(tmp_path / "tree", script))
    failed = call("bench", "read", tmp_path / "X-1m.csv", *options, code=1)
    assert "does not give back" in failed.stderr
    assert "read_peers.py ended with exit code 1" in failed.stderr


@pytest.mark.skipif(
    not (PEERS_TREE / ".deps" / "bench-venv").exists(),
    reason="the peers are not installed: scripts/setup-bench-peers",
)
def test_installed_peers_read_the_same_closes(tmp_path):
    write_klines(tmp_path / "X-1m.csv", 1700000000, 12000)
    options = ("--bars", 24000, "--runs", 1, "--bench-peers", PEERS_TREE)
    done = call("bench", "read", tmp_path / "X-1m.csv", "--json", *options)
    result = json.loads(done.stdout)
    found = {row["name"]: row["value"] for row in result["rows"]}
    for peer in PEERS:
        left_out = f"{peer} is left out" in done.stderr
        assert left_out or all(found[f"{peer}.{measure}"] > 0 for measure in PEER_MEASURES)
    assert "feather.full_scan" in found
    assert "pyarrow" in result["versions"]

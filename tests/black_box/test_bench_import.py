# SPDX-License-Identifier: Apache-2.0
"""`isobar bench import`: its own figure, and those of the peers beside it."""

import gzip
import sys
from pathlib import Path

import pytest
from command import call, call_json, write_klines

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".deps" / "bench-venv" / "bin" / "python"


@pytest.fixture
def files(tmp_path):
    """Return a plain file of klines, and a packed one without a header."""
    write_klines(tmp_path / "a.csv", 1700000000, 3000)
    write_klines(tmp_path / "b.csv", 1700000000, 2000, seed=2)
    body = (tmp_path / "b.csv").read_text().split("\n", 1)[1]
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(body.encode()))
    return [tmp_path / "a.csv", tmp_path / "b.csv.gz"]


def values(result):
    return {row["name"]: row["value"] for row in result["rows"]}


def test_without_peers_there_is_isobars_own_figure(tmp_path, files):
    found = values(call_json("bench", "import", *files, "--runs", 3, "--bench-peers", tmp_path))
    assert list(found) == ["isobar.import"]
    assert found["isobar.import"] > 0
    (tmp_path / "odd.csv").write_text("no,bars\n1,2\n")
    done = call("bench", "import", tmp_path / "odd.csv", "--bench-peers", tmp_path, code=1)
    assert "odd.csv" in done.stderr


def test_peers_are_given_the_files_and_the_program(tmp_path, files):
    tree = tmp_path / "tree"
    (tree / "bench").mkdir(parents=True)
    (tree / ".deps" / "bench-venv" / "bin").mkdir(parents=True)
    (tree / ".deps" / "bench-venv" / "bin" / "python").symlink_to(sys.executable)
    (tree / "bench" / "import_peers.py").write_text(
        "import json, os, sys\n"
        "given = json.load(open(sys.argv[1] + '/files.json'))\n"
        "good = os.access(given['isobar'], os.X_OK) and sys.argv[2:] == ['--runs', '2']\n"
        "print(f\"other.import\\t{len(given['files']) if good else 0}\\tM rows/s\")\n"
    )
    found = values(call_json("bench", "import", *files, "--runs", 2, "--bench-peers", tree))
    assert found["other.import"] == 2


@pytest.mark.skipif(not PEERS.exists(), reason="no peers here: scripts/setup-bench-peers")
def test_real_peers_stand_beside_isobar(files):
    result = call_json("bench", "import", *files, "--runs", 1, "--bench-peers", ROOT)
    found = values(result)
    for peer in ("isobar_command", "duckdb", "duckdb_nokey", "polars", "pyarrow"):
        assert found[f"{peer}.import"] > 0
        assert found[f"{peer}.import_cpu"] > 0
    ratio = found["isobar_command.import"] / found["duckdb.import"]
    assert found["isobar.import_to_duckdb"] == pytest.approx(ratio, rel=1e-3)
    assert {"duckdb", "polars", "pyarrow"} <= set(result["versions"])

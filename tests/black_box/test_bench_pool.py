# SPDX-License-Identifier: Apache-2.0
"""`isobar bench pool` measures, names its rows by the contract, and does without peers."""

import sys
from pathlib import Path

import pytest
from command import call, call_json

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import servers


def test_the_pool_is_measured_where_no_peer_is_installed(tmp_path):
    try:
        with servers.running("pg15") as tell:
            result = call_json(
                "bench",
                "pool",
                "--runs",
                "1",
                env={"ISOBAR_CLOUD_URL": tell["ISOBAR_TEST_URL"], "ISOBAR_BENCH_PEERS": tmp_path},
            )
    except servers.Missing as missing:
        pytest.skip(f"this machine has no {missing}")
    rows = {row["name"]: row for row in result["rows"]}
    for what in ("select1", "lent_select1"):
        for tasks in (1, 8, 64):
            assert rows[f"isobar.{what}_{tasks}"]["value"] > 10
            assert rows[f"isobar.{what}_{tasks}"]["unit"] == "1/s"
    assert 1 < rows["isobar.acquire"]["value"] < 100000
    assert rows["isobar.acquire"]["unit"] == "ns"
    assert rows["isobar.wait_64_p99"]["value"] >= rows["isobar.wait_64_p50"]["value"]
    assert all(name.startswith("isobar.") for name in rows)


def test_without_a_cloud_there_is_nothing_to_measure():
    assert "ISOBAR_CLOUD_URL" in call("bench", "pool", code=2).stderr

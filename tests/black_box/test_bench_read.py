# SPDX-License-Identifier: Apache-2.0
"""`isobar bench read`: figures beside DuckDB, which must have read the same bars."""

import pytest
from command import call_json, write_klines

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


def test_a_week_is_read_beside_duckdb_out_of_repeated_bars(tmp_path):
    write_klines(tmp_path / "X-1m.csv", 1700000000, 12000)
    result = call_json("bench", "read", tmp_path / "X-1m.csv", "--runs", 3, "--bars", 50000)
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
    result = call_json("bench", "read", tmp_path / "X-1m.csv", "--bars", 2000, "--runs", 1)
    assert {"name": "isobar.week_rows", "value": 900, "unit": "bars"} in result["rows"]

# SPDX-License-Identifier: Apache-2.0
"""Indicators and summaries: the same numbers from the command and from SQL, and TA-Lib's."""

import json
import math
import os
import subprocess
from pathlib import Path

import pytest
from command import call, call_json, write_klines

ROOT = Path(__file__).resolve().parents[2]
ORACLE = os.environ.get("ISOBAR_TALIB_PYTHON", ROOT / ".deps" / "bench-venv" / "bin" / "python")
COUNT = 5000
NAMES = [
    "sma", "ema:12,1", "rsi", "macd:sma_seed=1", "bollinger:20,2.5", "atr", "donchian",
    "stochastic", "vwap", "vwap_day", "ema:5", "macd",
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("indicators")
    write_klines(folder / "x.csv", 1704067200, COUNT, seed=3, step_s=3600)
    call("import", folder / "x.csv", "--symbol", "X", "--interval", "1h", store=folder / "s")
    return folder / "s"


def has_talib():
    try:
        command = [str(ORACLE), "-c", "import talib"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not has_talib(), reason="TA-Lib is not installed: scripts/setup-bench-peers")
def test_values_are_those_of_ta_lib(store):
    bars = call("get", "X", "1h", "--format", "csv", store=store).stdout
    script = ROOT / "tests" / "black_box" / "talib_oracle.py"
    told = subprocess.run(
        [str(ORACLE), str(script)], input=bars, capture_output=True, text=True, check=True
    )
    oracle = json.loads(told.stdout)["columns"]
    rows = call_json("indicators", "X", "1h", *NAMES, store=store)["rows"]
    assert len(rows) == COUNT
    for name, expected in oracle.items():
        first = next(i for i, v in enumerate(expected) if v is not None)
        for row, value in zip(rows[first:], expected[first:], strict=True):
            assert math.isclose(row[name], value, rel_tol=1e-9, abs_tol=1e-9), (name, row, value)
        if "macd" not in name and "stochastic_k" not in name:  # TA-Lib begins these all at once
            assert rows[first - 1][name] is None


def test_the_command_and_sql_give_the_same_bits(store):
    rows = call_json("indicators", "X", "1h", *NAMES, "--last", 50, store=store)["rows"]
    names = ", ".join(f"'{n}'" for n in NAMES)
    query = (
        "SELECT * EXCLUDE (symbol, interval, open, high, low, volume, vwap, trade_count)"
        f" FROM indicators('X', '1h', [{names}]) ORDER BY timestamp DESC LIMIT 50"
    )
    assert call_json("sql", query, store=store)["rows"] == rows[::-1]


def test_values_do_not_depend_on_the_range_asked_for(store):
    arguments = ["indicators", "X", "1h", "ema:50", "rsi", "macd"]
    whole = call_json(*arguments, store=store)["rows"]
    part = call_json(*arguments, "--from", "2024-03-01", "--to", "2024-03-02", store=store)["rows"]
    assert len(part) == 24
    assert part == [row for row in whole if row["timestamp"].startswith("2024-03-01")]


def test_resampled_bars_have_indicators_too(store):
    rows = call_json("indicators", "X", "1h", "sma:2", "--resample", "1d", store=store)["rows"]
    bars = call_json("get", "X", "1h", "--resample", "1d", store=store)["bars"]
    assert [r["close"] for r in rows] == [b["close"] for b in bars]
    assert rows[1]["sma_2"] == (bars[0]["close"] + bars[1]["close"]) / 2


def test_a_summary_is_that_of_plain_sql(store):
    (row,) = call_json("summary", "X", "--from", "2024-02-01", store=store)["rows"]
    query = (
        "WITH b AS (SELECT *, ln(close / lag(close) OVER (ORDER BY timestamp)) AS r,"
        " 1 - close / max(close) OVER (ORDER BY timestamp) AS fall FROM bars"
        " WHERE timestamp >= '2024-02-01')"
        " SELECT count(*) AS bars, first(open ORDER BY timestamp) AS open, max(high) AS high,"
        " min(low) AS low, last(close ORDER BY timestamp) AS close, sum(volume) AS volume,"
        " stddev_samp(r) * sqrt(365.25 * 24) AS volatility, max(fall) AS max_drawdown FROM b"
    )
    (oracle,) = call_json("sql", query, store=store)["rows"]
    for name, value in oracle.items():
        assert math.isclose(row[name], value, rel_tol=1e-9), name
    assert row["change"] == row["close"] / row["open"] - 1
    last = call_json("indicators", "X", "1h", "rsi", "atr", "sma", store=store)["rows"][-1]
    for name in ("rsi_14", "atr_14", "sma_20"):
        assert math.isclose(row[name], last[name], rel_tol=1e-9)
    assert call_json("sql", "FROM market_summary", store=store)["rows"][0]["bars"] == COUNT


def test_tables_are_for_reading_and_csv_is_exact(store):
    table = call("indicators", "X", "1h", "rsi", "--last", 1, store=store).stdout.split()
    exact = call("indicators", "X", "1h", "rsi", "--last", 1, "--format", "csv", store=store).stdout
    assert len(table[-1]) <= 12
    assert math.isclose(float(table[-1]), float(exact.split(",")[-1]), rel_tol=1e-8)


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["indicators", "X"], "wants SYMBOL INTERVAL NAME", 2),
        (["indicators", "X", "1h", "smb"], "there are: sma ema", 2),
        (["indicators", "X", "1h", "sma:0"], "it is called as sma:period=20", 2),
        (["indicators", "X", "7q", "sma"], "is no interval", 2),
        (["indicators", "Y", "1h", "sma"], "no series Y 1h", 1),
        (["summary", "Y"], "no series Y", 1),
        (["summary", "--interval", "7q"], "is no interval", 2),
        (["sql", "FROM indicators('X', '1h', ['smb'])"], "there are: sma ema", 1),
        (["sql", "FROM indicators('X', '1h', NULL)"], "names", 1),
    ],
)
def test_wrong_questions_get_a_good_answer(store, arguments, words, code):
    assert words in call(*arguments, store=store, code=code).stderr


def test_without_arguments_the_indicators_are_listed():
    listed = call_json("indicators")["indicators"]
    assert [i["name"] for i in listed][:3] == ["sma", "ema", "rsi"]
    assert "period=14" in call("indicators").stdout

# SPDX-License-Identifier: Apache-2.0
"""`isobar backtest` against the plain-Python engine: every trade, every equity, every metric."""

import csv
import json
import math
from datetime import datetime

import pytest
from command import call, call_json, write_klines
from reference_backtest import FAMILIES, backtest

FIRST_S = 1704067200
COUNT = 4000

CASES = [
    ("ema_cross", {"fast": 12, "slow": 26}),
    ("ema_cross", {"fast": 3, "slow": 9}),
    ("ema_cross", {"fast": 1, "slow": 2}),
    ("ema_cross", {"fast": 50, "slow": 3999}),
    ("ema_cross", {"fast": 50, "slow": 4100}),
    ("ema_cross", {"fast": 8, "slow": 21, "sma_seed": True}),
    ("rsi_reversion", {"period": 14, "lower": 30, "upper": 70}),
    ("rsi_reversion", {"period": 3, "lower": 12.5, "upper": 91.25}),
    ("bollinger", {"period": 20, "width": 2}),
    ("bollinger", {"period": 7, "width": 0.75}),
    ("donchian", {"entry": 20, "exit": 10}),
    ("donchian", {"entry": 55, "exit": 55}),
]
COSTS = [(0.0, 0.0), (0.001, 0.0005), (0.01, 0.02)]


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Return (store, [(time_s, open, close)])."""
    folder = tmp_path_factory.mktemp("market")
    bars = write_klines(folder / "X-1m-2024-01.csv", FIRST_S, COUNT, seed=5)
    store = folder / "store"
    call("import", folder / "X-1m-2024-01.csv", "--symbol", "X", "--interval", "1m", store=store)
    return store, [(ms // 1000, bar[0], bar[3]) for ms, bar in sorted(bars.items())]


def near(a, b):
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def seconds(text):
    return int(datetime.fromisoformat(text).timestamp())


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def assert_trades(rows, trades):
    assert len(rows) == len(trades)
    for row, trade in zip(rows, trades, strict=True):
        entry, side, entry_price, size, before, leave, exit_price, after, reason = trade
        assert (seconds(row["entry_time"]), seconds(row["exit_time"])) == (entry, leave)
        assert (row["side"], row["reason"]) == ("long" if side > 0 else "short", reason)
        for name, value in (
            ("entry_price", entry_price),
            ("exit_price", exit_price),
            ("size", size),
            ("pnl", after - before),
            ("return", after / before - 1),
        ):
            assert math.isclose(float(row[name]), value, rel_tol=1e-9, abs_tol=1e-7), name


@pytest.mark.parametrize("shorts", [False, True])
@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("case", CASES)
def test_the_engine_agrees_with_plain_python(market, tmp_path, case, costs, shorts):
    store, bars = market
    (family, genes), (fee, slippage) = case, costs
    wishes = FAMILIES[family]([close for _, _, close in bars], genes, shorts)
    trades, equity, metrics = backtest(bars, wishes, fee, slippage)
    named = ",".join(f"{k}={v}" for k, v in genes.items() if k != "sma_seed")
    flags = ["--shorts"] if shorts else []
    flags += ["--ema-sma-seed"] if genes.get("sma_seed") else []
    result = call_json(
        "backtest",
        *("--strategy", f"{family}:{named}", "--symbol", "X", "--interval", "1m"),
        *("--fee", fee, "--slippage", slippage, *flags),
        *("--trades", tmp_path / "trades.csv", "--equity", tmp_path / "equity.csv"),
        store=store,
    )
    assert_trades(read(tmp_path / "trades.csv"), trades)
    rows = read(tmp_path / "equity.csv")
    assert [seconds(row["timestamp"]) for row in rows] == [time for time, _, _ in bars]
    for row, value in zip(rows, equity, strict=True):
        assert near(float(row["equity"]), value)
    for name, value in metrics.items():
        assert near(result[name], value), name


def test_a_strategy_file_gives_what_its_text_gives(market, tmp_path):
    store, _ = market
    strategy = {"family": "ema_cross", "genes": {"fast": 12, "slow": 26}}
    (tmp_path / "s.json").write_text(json.dumps(strategy))
    series = ("--symbol", "X", "--interval", "1m")
    file = call_json("backtest", "--strategy", tmp_path / "s.json", *series, store=store)
    text = call_json("backtest", "--strategy", "ema_cross:fast=12,slow=26", *series, store=store)
    assert file == text


@pytest.mark.parametrize("strategy", ["ema_cros", "ema_cross:fast=0", "ema_cross:fast=26,slow=12"])
def test_a_wrong_strategy_is_a_usage_error_or_no_file(market, strategy):
    store, _ = market
    code = 1 if ":" not in strategy else 2
    series = ("--symbol", "X", "--interval", "1m")
    call("backtest", "--strategy", strategy, *series, store=store, code=code)

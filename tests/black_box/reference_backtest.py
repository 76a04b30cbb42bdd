# SPDX-License-Identifier: Apache-2.0
"""The execution model once more, in plain Python from its description: an oracle for the engine.

Nothing here is shared with the C code: lists, floats, one loop a rule, no speed.
"""

import math
from itertools import pairwise

YEAR_S = 365.25 * 86400


def ema(closes, period, sma_seed=False):
    """Return the exponential average, None before bar period - 1."""
    alpha = 2 / (period + 1)
    values, value = [], None
    for i, close in enumerate(closes):
        if sma_seed:
            if i == period - 1:
                value = math.fsum(closes[:period]) / period
            elif i >= period:
                value = alpha * close + (1 - alpha) * value
        else:
            value = close if i == 0 else alpha * close + (1 - alpha) * value
        values.append(value if i >= period - 1 else None)
    return values


def rsi(closes, period):
    """Return Wilder's relative strength index, None before bar period."""
    values = [None] * len(closes)
    moves = [b - a for a, b in pairwise(closes)]
    if len(moves) < period:
        return values
    gain = sum(max(m, 0) for m in moves[:period]) / period
    loss = sum(max(-m, 0) for m in moves[:period]) / period
    for i in range(period, len(closes)):
        if i > period:
            gain = (gain * (period - 1) + max(moves[i - 1], 0)) / period
            loss = (loss * (period - 1) + max(-moves[i - 1], 0)) / period
        values[i] = 100 * gain / (gain + loss) if gain + loss > 1e-14 else 0.0
    return values


def ema_cross(closes, genes, shorts):
    """Return the wish of each bar: 1 long, 0 flat, -1 short."""
    sma_seed = genes.get("sma_seed", False)
    fast, slow = (ema(closes, genes[name], sma_seed) for name in ("fast", "slow"))
    wishes = []
    for f, s in zip(fast, slow, strict=True):
        valid = f is not None and s is not None
        wishes.append(1 if valid and f > s else -1 if valid and shorts and f < s else 0)
    return wishes


def rsi_reversion(closes, genes, shorts):
    held, wishes = 0, []
    for value in rsi(closes, genes["period"]):
        if value is not None and value < genes["lower"]:
            held = 1
        elif value is not None and value > genes["upper"]:
            held = -1 if shorts else 0
        wishes.append(held)
    return wishes


def mean_of(values):
    """Return the mean, summed oldest first: closes on a tick grid may equal it but for rounding."""
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def bollinger(closes, genes, shorts):
    period, held, wishes = genes["period"], 0, []
    for i, close in enumerate(closes):
        if i >= period - 1:
            window = closes[i - period + 1 : i + 1]
            mean = mean_of(window)
            width = genes["width"] * math.sqrt(mean_of([(x - mean) * (x - mean) for x in window]))
            if close < mean - width:
                held = 1
            elif close > mean + width:
                held = -1 if shorts else 0
            elif (held > 0 and close > mean) or (held < 0 and close < mean):
                held = 0
        wishes.append(held)
    return wishes


def donchian(closes, genes, shorts):
    held, wishes = 0, []
    for i, close in enumerate(closes):
        entry = closes[i - genes["entry"] : i] if i >= genes["entry"] else []
        leave = closes[i - genes["exit"] : i] if i >= genes["exit"] else []
        if leave and ((held > 0 and close < min(leave)) or (held < 0 and close > max(leave))):
            held = 0
        if entry and close > max(entry):
            held = 1
        elif entry and shorts and close < min(entry):
            held = -1
        wishes.append(held)
    return wishes


FAMILIES = {f.__name__: f for f in (ema_cross, rsi_reversion, bollinger, donchian)}


def backtest(bars, wishes, fee, slippage, cash=10000.0):
    """Trade wishes on bars [(time_s, open, close)]; return (trades, equity, metrics)."""
    units, side, entry, trades, equity, held = 0.0, 0, None, [], [], 0
    for i, (time, opening, close) in enumerate(bars):
        wish = wishes[i - 1] if i else 0
        if wish != side:
            if side:
                fill = opening * (1 - side * slippage)
                cash += units * fill - fee * abs(units) * fill
                trades.append((*entry, time, fill, cash, "signal"))
            units, side = 0.0, wish
            if side:
                fill = opening * (1 + side * slippage)
                size = cash / (1 + fee) / fill
                entry = (time, side, fill, size, cash)
                units = side * size
                cash -= units * fill + fee * size * fill
        equity.append(cash + units * close)
        held += side != 0
    if side:
        trades.append((*entry, bars[-1][0], bars[-1][2], equity[-1], "open"))
    return trades, equity, measure(bars, trades, equity, held)


def measure(bars, trades, equity, held):
    """Return the metrics that the command prints."""
    returns = [b / a - 1 for a, b in pairwise(equity)]
    mean = math.fsum(returns) / len(returns)
    deviation = math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
    per_year = (len(bars) - 1) * YEAR_S / (bars[-1][0] - bars[0][0])
    peak, drawdown = equity[0], 0.0
    for value in equity:
        peak = max(peak, value)
        drawdown = max(drawdown, 1 - value / peak)
    wins = sum(after > before for (_, _, _, _, before, _, _, after, _) in trades)
    return {
        "total_return": equity[-1] / equity[0] - 1,
        "sharpe": mean / deviation * math.sqrt(per_year) if deviation else 0.0,
        "max_drawdown": drawdown,
        "win_rate": wins / len(trades) if trades else 0.0,
        "trades": len(trades),
        "bars": len(bars),
        "exposure": held / len(bars),
    }

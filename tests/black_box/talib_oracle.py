# SPDX-License-Identifier: Apache-2.0
"""Read bars as CSV from standard input, print TA-Lib's indicators of them as JSON columns."""

import csv
import json
import sys

import numpy
import talib

rows = list(csv.DictReader(sys.stdin))
high, low, close = (numpy.array([float(r[n]) for r in rows]) for n in ("high", "low", "close"))
macd = talib.MACD(close, 12, 26, 9)
bands = talib.BBANDS(close, 20, 2.5, 2.5)
stochastic = talib.STOCH(high, low, close, fastk_period=14, slowk_period=3, slowd_period=3)
columns = {
    "sma_20": talib.SMA(close, 20),
    "ema_12_sma_seed": talib.EMA(close, 12),
    "rsi_14": talib.RSI(close, 14),
    "macd_12_26_9_sma_seed": macd[0],
    "macd_signal_12_26_9_sma_seed": macd[1],
    "macd_histogram_12_26_9_sma_seed": macd[2],
    "bollinger_upper_20_2.5": bands[0],
    "bollinger_middle_20_2.5": bands[1],
    "bollinger_lower_20_2.5": bands[2],
    "atr_14": talib.ATR(high, low, close, 14),
    "donchian_upper_20": talib.MAX(high, 20),
    "donchian_lower_20": talib.MIN(low, 20),
    "stochastic_k_14_3_3": stochastic[0],
    "stochastic_d_14_3_3": stochastic[1],
}
version = f"{talib.__version__} over {talib.__ta_version__.decode()}"
values = {n: [None if numpy.isnan(v) else float(v) for v in c] for n, c in columns.items()}
json.dump({"version": version, "columns": values}, sys.stdout)

# SPDX-License-Identifier: Apache-2.0
"""Calling the built command, and files of bars made for it."""

import json
import os
import random
import subprocess
from pathlib import Path

ISOBAR = str(Path(os.environ.get("ISOBAR", "build/isobar")).absolute())


def clean_environment(**more):
    """Return the environment without settings of the person who runs the tests."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("ISOBAR_")}
    env["XDG_CONFIG_HOME"] = "/nonexistent"
    env["HOME"] = "/nonexistent"
    return env | more


def call(*args, store=None, code=0, env=None, into=subprocess.PIPE, **options):
    """Run the command, check its exit code, return what it printed; into takes the output."""
    command = [ISOBAR] + (["--store", str(store)] if store else []) + [str(a) for a in args]
    done = subprocess.run(
        command,
        stdout=into,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        env=clean_environment(**(env or {})),
        check=False,
        **options,
    )
    assert done.returncode == code, (
        command,
        done.returncode,
        (done.stdout or "")[-500:],
        done.stderr,
    )
    return done


def call_json(*args, **options):
    """Run the command with --json and return the object it printed."""
    result = json.loads(call(*args, "--json", **options).stdout)
    assert result["schema_version"] == 1
    return result


def write_klines(path, first_s, count, seed=1, step_s=60):
    """Write a Binance kline file of a random walk and return its bars by time."""
    walk = random.Random(seed)
    price = 100.0
    bars = {}
    with path.open("w") as file:
        file.write(
            "open_time,open,high,low,close,volume,close_time,quote_volume,count,"
            "taker_buy_volume,taker_buy_quote_volume,ignore\n"
        )
        for i in range(count):
            start = price
            price = round(max(1.0, price + walk.gauss(0, 0.05)), 2)
            high = round(max(start, price) + abs(walk.gauss(0, 0.02)), 2)
            low = round(min(start, price) - abs(walk.gauss(0, 0.02)), 2)
            volume = round(walk.expovariate(0.1), 3)
            time = (first_s + i * step_s) * 1000
            file.write(
                f"{time},{start},{high},{low},{price},{volume},{time + 59999},0,{i % 50},0,0,0\n"
            )
            bars[time] = (start, high, low, price, volume, i % 50)
    return bars

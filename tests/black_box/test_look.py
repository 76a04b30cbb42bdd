# SPDX-License-Identifier: Apache-2.0
"""Looking at bars: get, resampling, ls, info, gaps, and how they read on a terminal."""

import csv
import datetime
import io
import itertools
import math
import random
import subprocess

import pytest
from command import ISOBAR, call, call_json, clean_environment
from terminal import shown_on_terminal

UTC = datetime.UTC
SPANS = {"15m": 900, "1h": 3600, "4h": 14400, "1d": 86400}


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_own(path, symbol, bars):
    """Write bars {time: (o, h, l, c, v, vwap, count)} in the project's own CSV."""
    with path.open("w") as file:
        file.write("symbol,timestamp,open,high,low,close,volume,vwap,trade_count\n")
        for seconds, bar in bars.items():
            values = ",".join("" if x is None else repr(x) for x in bar)
            file.write(f"{symbol},{stamp(seconds)},{values}\n")


def make_bars(first_s, count, seed, step_s=60):
    """Return bars with gaps, bars without trades and bars without vwap."""
    draw = random.Random(seed)
    bars, at, price = {}, first_s, 100.0
    for _ in range(count):
        start, price = price, round(price + draw.gauss(0, 0.1), 2)
        high = round(max(start, price) + draw.random() / 10, 2)
        low = round(min(start, price) - draw.random() / 10, 2)
        volume = draw.choice((0.0, round(draw.random() * 50, 3)))
        vwap = None if volume == 0.0 or draw.random() < 0.001 else round((high + low) / 2, 3)
        bars[at] = (start, high, low, price, volume, vwap, draw.randrange(90))
        at += step_s * (977 if draw.random() < 0.005 else draw.choice((1, 1, 1, 1, 1, 1, 1, 2)))
    return bars


@pytest.fixture(scope="module")
def gappy(tmp_path_factory):
    """Return (store, bars) of a minute series over two years' borders, with gaps."""
    folder = tmp_path_factory.mktemp("gappy")
    bars = make_bars(1703980620, 12000, seed=3)  # 2023-12-30T23:57
    write_own(folder / "bars.csv", "X", bars)
    call("import", folder / "bars.csv", "--interval", "1m", store=folder / "s")
    return folder / "s", bars


def bucket_of(seconds, interval):
    when = datetime.datetime.fromtimestamp(seconds, UTC)
    midnight = when.replace(hour=0, minute=0, second=0)
    if interval == "1w":
        return (midnight - datetime.timedelta(days=when.weekday())).timestamp()
    if interval == "1M":
        return midnight.replace(day=1).timestamp()
    return seconds - seconds % SPANS[interval]


def resampled(bars, interval):
    """Resample in plain Python: the oracle."""
    buckets = {}
    for seconds, bar in bars.items():
        buckets.setdefault(int(bucket_of(seconds, interval)), []).append(bar)
    result = {}
    for begin, rows in buckets.items():
        traded = [r for r in rows if r[4] > 0]
        known = bool(traded) and all(r[5] is not None for r in traded)
        vwap = sum(r[5] * r[4] for r in traded) / sum(r[4] for r in traded) if known else None
        result[begin] = (
            rows[0][0],
            max(r[1] for r in rows),
            min(r[2] for r in rows),
            rows[-1][3],
            sum(r[4] for r in rows),
            vwap,
            sum(r[6] for r in rows),
        )
    return result


def read_bars(text):
    names = ("open", "high", "low", "close", "volume", "vwap", "trade_count")
    rows = csv.DictReader(io.StringIO(text))
    result = {}
    for row in rows:
        when = datetime.datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00"))
        result[int(when.timestamp())] = tuple(float(row[n]) if row[n] else None for n in names)
    return result


@pytest.mark.parametrize("interval", ["15m", "1h", "4h", "1d", "1w", "1M"])
def test_resampled_bars_are_those_of_plain_python_to_the_bit(gappy, interval):
    store, bars = gappy
    done = call("get", "X", "1m", "--resample", interval, "--format", "csv", store=store)
    made = read_bars(done.stdout)
    assert made == resampled(bars, interval)
    assert any(bar[5] is None for bar in made.values()) or interval != "15m"


@pytest.mark.parametrize(
    ("interval", "sql"),
    [
        ("15m", "time_bucket(INTERVAL '15 minutes', timestamp)"),
        ("4h", "time_bucket(INTERVAL '4 hours', timestamp)"),
        ("1w", "time_bucket(INTERVAL '7 days', timestamp)"),
        ("1M", "time_bucket(INTERVAL '1 month', timestamp)"),
    ],
)
def test_resampled_bars_are_those_of_duckdbs_time_bucket(gappy, interval, sql):
    store, _ = gappy
    query = (
        f"SELECT 'X' AS symbol, {sql} AS timestamp, first(open ORDER BY timestamp) AS open,"
        " max(high) AS high, min(low) AS low, last(close ORDER BY timestamp) AS close,"
        " sum(volume) AS volume, CASE WHEN bool_and(volume = 0 OR vwap IS NOT NULL)"
        " THEN sum(vwap * volume) / sum(volume) FILTER (volume > 0) END AS vwap,"
        " sum(trade_count)::BIGINT AS trade_count FROM bars GROUP BY ALL ORDER BY ALL"
    )
    oracle = read_bars(call("sql", query, "--format", "csv", store=store).stdout)
    done = call("get", "X", "1m", "--resample", interval, "--format", "csv", store=store)
    made = read_bars(done.stdout)
    assert made.keys() == oracle.keys()
    for at, bar in made.items():
        for ours, theirs in zip(bar, oracle[at], strict=True):
            assert ours == theirs or math.isclose(ours, theirs, rel_tol=1e-12)


def test_resampling_says_its_origin_and_which_ends_are_partial(gappy):
    store, bars = gappy
    whole = call_json("get", "X", "1m", "--resample", "1d", store=store)["resampled"]
    assert whole == {
        "from": "1m",
        "origin": "midnight UTC",
        "first_is_partial": True,
        "last_is_partial": max(bars) % 86400 != 86340,
    }
    done = call("get", "X", "1m", "--resample", "1d", store=store)
    assert "the first bar is partial: it holds what is from 2023-12-30T23:57:00Z" in done.stderr


def test_whole_buckets_are_not_called_partial_and_cut_ones_are(tmp_path):
    bars = {1704067200 + 60 * i: (1.0, 1.0, 1.0, 1.0, 1.0, None, 1) for i in range(2880)}
    write_own(tmp_path / "x.csv", "X", bars)
    store = tmp_path / "s"
    call("import", tmp_path / "x.csv", "--interval", "1m", store=store)
    whole = ["get", "X", "1m", "--resample", "1d", "--json"]
    assert "partial" not in call(*whole, store=store).stderr
    cut = [*whole, "--from", "2024-01-01T06:00Z", "--to", "2024-01-02T18:00Z"]
    said = call(*cut, store=store).stderr
    assert "first bar is partial: it holds what is from 2024-01-01T06:00:00Z" in said
    assert "last bar is partial: it holds what is up to the bar of 2024-01-02T17:59:00Z" in said


@pytest.mark.parametrize("count", [1, 7, 3000, 10**6])
@pytest.mark.parametrize("interval", [None, "1h", "1M"])
def test_last_gives_the_end_of_the_whole(gappy, count, interval):
    store, _ = gappy
    how = ["--resample", interval] if interval else []
    whole = read_bars(call("get", "X", "1m", *how, "--format", "csv", store=store).stdout)
    part = call("get", "X", "1m", *how, "--last", count, "--format", "csv", store=store)
    assert list(read_bars(part.stdout).items()) == list(whole.items())[-count:]


def test_last_decodes_only_the_end(gappy):
    store, bars = gappy
    whole = call("get", "X", "1m", "--explain", "--format", "csv", store=store).stderr
    part = call("get", "X", "1m", "--last", 5, "--explain", "--format", "csv", store=store).stderr
    segments = call_json("ls", store=store)["series"][0]["segments"]
    assert segments > 5
    assert f"read {segments} segments" in whole
    assert f": {len(bars)} bars" in whole
    read = int(part.split("read ")[1].split()[0])
    assert 1 <= read <= 2


def test_limit_gives_the_begin_and_stops_reading(gappy):
    store, bars = gappy
    done = call("get", "X", "1m", "--limit", 3, "--format", "csv", "--explain", store=store)
    assert list(read_bars(done.stdout)) == list(bars)[:3]
    assert int(done.stderr.split("read ")[1].split()[0]) <= 2


def test_gaps_are_those_of_the_grid(gappy):
    store, bars = gappy
    times = list(bars)
    expected = [
        {
            "symbol": "X",
            "interval": "1m",
            "from": stamp(a + 60),
            "to": stamp(b),
            "bars": (b - a) // 60 - 1,
        }
        for a, b in itertools.pairwise(times)
        if b - a > 60
    ]
    assert call_json("gaps", "X", "1m", store=store)["gaps"] == expected
    assert call_json("gaps", store=store)["gaps"] == expected
    some = call("gaps", "X", "1m", "--limit", 2, store=store)
    assert len(some.stdout.splitlines()) == 3
    missing = sum(g["bars"] for g in expected)
    assert f"{len(expected)} gaps, {missing} bars missing" in some.stderr
    day = call_json("gaps", "X", "1m", "--from", "2024-01-05", "--to", "2024-01-08", store=store)
    assert all("2024-01-05" <= g["from"] < "2024-01-08" for g in day["gaps"])


def test_info_sums_what_ls_lists(gappy, tmp_path):
    store, bars = gappy
    whole = call_json("info", store=store)
    assert whole["series"] == call_json("ls", store=store)["series"]
    assert whole["total"]["bars"] == len(bars)
    assert whole["total"]["bytes"] == sum(p.stat().st_size for p in store.glob("segments/*.seg"))
    one = call_json("info", "X", "1m", store=store)
    assert one["series"] == whole["series"]
    assert one["coverage"]["holes"] == []
    assert str(store) in call("info", store=store).stdout
    assert "no series X 1h" in call("info", "X", "1h", store=store, code=1).stderr
    assert "wants SYMBOL INTERVAL" in call("info", "X", store=store, code=2).stderr
    call("info", store=tmp_path / "none", code=2)


def test_damage_leaves_out_bars_and_exits_3(gappy, tmp_path):
    store, bars = gappy
    subprocess.run(["cp", "-r", store, tmp_path / "s"], check=True)
    victim = sorted((tmp_path / "s" / "segments").glob("*.seg"))[0]
    victim.write_bytes(victim.read_bytes()[:-1])
    done = call("get", "X", "1m", "--format", "csv", store=tmp_path / "s", code=3)
    got = read_bars(done.stdout)
    assert 0 < len(got) < len(bars)
    assert victim.name in done.stderr
    assert all(bars[at] == bar for at, bar in got.items())
    assert victim.name in call("gaps", store=tmp_path / "s", code=3).stderr


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 200])
@pytest.mark.parametrize(
    "command", [["get", "X", "1m", "--last", "5"], ["ls"], ["gaps", "X", "1m"]]
)
def test_tables_fit_the_terminal_and_cut_no_number(gappy, columns, command):
    store, bars = gappy
    lines = shown_on_terminal(*command, store=store, columns=columns, NO_COLOR="1")
    table = [line for line in lines if not line.startswith(("isobar:", "("))]
    assert [line for line in table if len(line) > columns] == []
    if command[0] == "get":
        last = list(bars.values())[-1]
        assert table[-1].split()[1] == f"{last[0]:g}" or columns == 40
        hidden = any("no room for" in line for line in lines)
        assert hidden == (columns < 70)


def test_colours_are_for_terminals_only_and_never_with_no_color(gappy):
    store, _ = gappy
    command = ["get", "X", "1m", "--last", "2"]
    assert "\x1b[1m" in shown_on_terminal(*command, store=store)[0]
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in "\n".join(shown_on_terminal(*command, store=store, **env))
    assert "\x1b" not in "\n".join(shown_on_terminal(*command, "--no-color", store=store))
    assert "\x1b" not in call(*command, store=store).stdout


def test_a_terminal_gets_no_flood_unless_it_asks(tmp_path):
    bars = {1704067200 + 60 * i: (1.0, 1.0, 1.0, 1.0, 1.0, None, 1) for i in range(30000)}
    write_own(tmp_path / "x.csv", "X", bars)
    call("import", tmp_path / "x.csv", "--interval", "1m", store=tmp_path / "s")
    lines = shown_on_terminal("get", "X", "1m", store=tmp_path / "s", code=2)
    assert "--limit" in lines[-1]
    lines = shown_on_terminal("get", "X", "1m", "--limit", 25000, store=tmp_path / "s")
    assert len(lines) == 25001
    assert len(call("get", "X", "1m", store=tmp_path / "s").stdout.splitlines()) == 30001


@pytest.mark.parametrize("how", ["table", "csv", "json", "parquet"])
def test_a_pipe_that_closes_early_ends_quietly(gappy, how):
    store, _ = gappy
    script = f"{ISOBAR} --store {store} get X 1m --format {how} | head -c 100 >/dev/null"
    for before in ("", "trap '' PIPE; "):  # the second as under a caller that ignores it
        done = subprocess.run(
            ["bash", "-c", before + script + "; echo ${PIPESTATUS[0]}"],
            capture_output=True, text=True, check=True, env=clean_environment(),
        )  # fmt: skip
        assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["get", "X", "1m", "--resample", "7q"], "is no interval", 2),
        (["get", "X", "1m", "--resample", "1m"], "they make 3m 5m", 2),
        (["get", "X", "1h"], "no series X 1h", 1),
        (["get", "x", "1m"], "no series x 1m", 1),
        (["gaps", "X"], "wants SYMBOL INTERVAL", 2),
        (["gaps", "Y", "1m"], "no series Y 1m", 1),
        (["get", "X", "1m", "--last", "x"], "no whole number", 2),
    ],
)
def test_wrong_questions_get_a_good_answer(gappy, arguments, words, code):
    store, _ = gappy
    done = call(*arguments, store=store, code=code)
    assert words in done.stderr
    assert done.stdout == ""

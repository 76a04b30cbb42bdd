# SPDX-License-Identifier: Apache-2.0
"""isobar sql: what it reads for a query, what it prints, and what it says when it cannot."""

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from command import call, call_json, write_klines
from terminal import shown_on_terminal

YEAR_S = 1704067200  # 2024-01-01
MINUTES = 40 * 1440


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Two symbols of forty days by the minute, and one of them by the hour."""
    folder = tmp_path_factory.mktemp("sql")
    for symbol, interval, count, step in (
        ("A", "1m", MINUTES, 60),
        ("B", "1m", MINUTES, 60),
        ("A", "1h", 960, 3600),
    ):
        path = folder / f"{symbol}-{interval}.csv"
        write_klines(path, YEAR_S, count, seed=ord(symbol), step_s=step)
        call("import", path, "--symbol", symbol, "--interval", interval, store=folder / "s")
    return folder / "s"


def work(query, store):
    """Run the query; return its only value, and the blocks that were decoded for it."""
    done = call("sql", query, "--format", "csv", "--explain", store=store)
    blocks = int(re.search(r"decoded (\d+) blocks", done.stderr).group(1))
    return done.stdout.splitlines()[1], blocks


DAY = "timestamp >= '2024-01-20' AND timestamp < '2024-01-21'"
HINTED = [
    (f"FROM bars WHERE symbol = 'A' AND interval = '1m' AND {DAY}", "1440", 3),
    (f"FROM bars WHERE {DAY} AND symbol IN ('A', 'C') AND interval = '1m'", "1440", 3),
    (f"FROM bars b WHERE b.symbol = 'A' AND b.interval = '1m' AND {DAY}", "1440", 3),
    ("FROM bars WHERE symbol = 'A' AND interval = '1m' AND"
     " timestamp BETWEEN TIMESTAMP '2024-01-20' AND '2024-01-20 23:59:00'", "1440", 3),
    ("FROM bars WHERE DATE '2024-01-20' <= timestamp AND '2024-01-21' > timestamp"
     " AND 'B' = symbol", "1440", 3),
    ("FROM \"bars\" WHERE symbol = 'A' AND timestamp = '2024-01-20 12:00:00' AND interval = '1m'",
     "1", 1),
    (f"FROM series s LEFT JOIN bars ON s.symbol = bars.symbol AND s.interval = bars.interval"
     f" WHERE bars.symbol = 'B' AND {DAY.replace('timestamp', 'bars.timestamp')}", "1440", 3),
    (f"FROM (SELECT * FROM bars WHERE symbol = 'B' AND {DAY}) t, series", "4320", 3),
    ("FROM bars(symbol := 'A', interval := '1m', from := '2024-01-20', to := '2024-01-21')",
     "1440", 3),
    ("FROM bars WHERE symbol = 'nobody'", "0", 0),
]  # fmt: skip


@pytest.mark.parametrize(("rest", "rows", "most"), HINTED)
def test_a_plain_where_decodes_only_the_blocks_it_needs(store, rest, rows, most):
    counted, blocks = work(f"SELECT count(*) {rest}", store)
    assert counted == rows
    assert blocks <= most
    _, everything = work("SELECT count(*) FROM bars", store)
    assert everything > 100


UNHINTED = [
    "SELECT count(*) FROM bars WHERE symbol = 'A' OR timestamp > '2024-02-08'",
    "SELECT count(*) FROM bars WHERE NOT (symbol = 'A')",
    "WITH bars AS (SELECT 'A' AS symbol) SELECT count(*) FROM bars WHERE symbol = 'A'",
    "SELECT count(*) FROM bars b(x, y) WHERE x = 'A' AND y = '1h'",
    "SELECT count(*) FROM bars WHERE symbol >= 'A' AND symbol < 'B'",
    "SELECT count(*) FROM bars a ASOF LEFT JOIN bars b ON a.timestamp >= b.timestamp"
    " WHERE a.interval = '1h' AND b.interval = '1h' AND b.timestamp < '2024-01-05'",
    "SELECT count(*) FROM bars WHERE interval = '1x'",
    "SELECT count(*) FROM bars FULL JOIN (SELECT 'Z' AS symbol) z USING (symbol)"
    " WHERE z.symbol = 'Z' OR bars.interval = '1h'",
    "SELECT count(*) FROM bars b LEFT JOIN bars c ON b.timestamp = c.timestamp"
    " AND c.symbol = 'B' WHERE b.symbol = 'A' AND b.interval = '1h'",
    "SELECT count(*) FROM (SELECT upper('b') AS symbol, close FROM bars WHERE symbol = 'A')",
    "SELECT count(*) FROM bars WHERE timestamp > (SELECT min(first) FROM series) AND symbol = 'A'",
    "SELECT count(*) FROM main.bars WHERE symbol = 'A'",
    "SELECT count(*) FROM bars WHERE timestamp >= DATE '2024-02-09 12:00' AND symbol = 'B'",
    "SELECT count(*) FROM bars WHERE symbol = 'A' AND symbol = 'B'",
]


@pytest.mark.parametrize("query", UNHINTED + [f"SELECT count(*) {rest}" for rest, _, _ in HINTED])
def test_hints_never_change_an_answer(store, query):
    """The same query in a form that has no parse tree to read hints from: a table made by it."""
    hinted = call("sql", query, "--format", "csv", store=store).stdout
    plain = f"CREATE TABLE made AS ({query}); SELECT * FROM made"
    assert call("sql", plain, "--format", "csv", store=store).stdout == hinted


def test_a_view_of_the_callers_own_is_not_taken_for_bars(store):
    own = (
        "CREATE OR REPLACE VIEW bars AS SELECT 'A' AS symbol;"
        " SELECT count(*) AS n FROM bars WHERE symbol = 'A'"
    )
    assert call_json("sql", own, store=store)["rows"] == [{"n": 1}]


def test_forms_of_output(store):
    query = "SELECT 'a|b' AS t, 1.5 AS n, NULL AS z UNION ALL SELECT 'c\"d', 20, NULL ORDER BY n"

    def shown(form):
        return call("sql", query, "--format", form, store=store).stdout.splitlines()

    assert shown("table") == ["t       n  z", "a|b   1.5", 'c"d  20.0']
    assert shown("csv") == ["t,n,z", "a|b,1.5,", '"c""d",20.0,']
    assert shown("markdown")[2] == "| a\\|b |  1.5 |   |"
    assert shown("box")[0] == "┌─────┬──────┬───┐"
    assert shown("box")[3] == "│ a|b │  1.5 │   │"
    assert json.loads(shown("json")[0])["rows"] == [
        {"t": "a|b", "n": 1.5, "z": None},
        {"t": 'c"d', "n": 20.0, "z": None},
    ]
    assert "COPY" in call("sql", query, "--format", "parquet", store=store, code=2).stderr


def test_values_of_every_kind_keep_their_meaning(store):
    query = (
        "SELECT 'inf'::DOUBLE AS up, '-inf'::DOUBLE AS down, 'nan'::DOUBLE AS nothing,"
        " sum(1::BIGINT) AS wide, 2.50::DECIMAL(9,2) AS money, 255::UTINYINT AS byte,"
        " 'infinity'::TIMESTAMP AS ever, [1, NULL] AS list, DATE '-0044-03-15' AS ides"
    )
    (row,) = call_json("sql", query, store=store)["rows"]
    assert row["up"] == float("inf")
    assert row["down"] == float("-inf")
    assert row["nothing"] is None
    assert row["wide"] == 1
    assert row["money"] == 2.5
    assert row["byte"] == 255
    assert row["ever"] == "infinity"
    assert row["list"] == "[1, NULL]"
    csv = call("sql", query, "--format", "csv", store=store).stdout.splitlines()[1]
    assert csv.startswith("inf,-inf,nan,1,2.50,255,infinity,")


@pytest.mark.parametrize("kind", ["INTEGER", "HUGEINT"])
def test_names_that_occur_twice_are_told_apart(store, kind):
    query = f'SELECT 1::{kind} AS "a""b", 2::{kind} AS "a""b", 3::{kind} AS c'
    rows = call_json("sql", query, store=store)["rows"]
    assert rows == [{'a"b': 1, 'a"b_1': 2, "c": 3}]


def test_a_query_runs_once_also_where_columns_need_casts(store):
    query = (
        "CREATE SEQUENCE s; SELECT nextval('s')::HUGEINT AS n; SELECT nextval('s') AS n FROM bars"
        " WHERE symbol = 'A' AND interval = '1h' AND timestamp = '2024-01-05'"
    )
    assert call_json("sql", query, store=store)["rows"] == [{"n": 2}]


@pytest.mark.parametrize(
    ("query", "words", "code"),
    [
        ("", "the query is empty", 2),
        (" ; -- nothing", "the query is empty", 2),
        ("SELECT * FROM bars(interval := '1x')", '"1x" is no interval', 1),
        ("SELECT * FROM bars(from := 'soon')", "from", 1),
        ("SELECT * FROM bars(last := 0)", "last wants a whole number", 1),
        ("SELECT * FROM bars(resample := '1h')", "resample wants interval", 1),
        ("SELECT * FROM bars(resample := '1m', interval := '1h')", "they make", 1),
        ("SELECT * FROM nothing", "nothing", 1),
        ("SELECT * FROM bars WHERE nothing = 1 AND symbol = 'A'", "nothing", 1),
        ("selec 1", "syntax error", 1),
        ("SELECT 'open", "unterminated", 1),
    ],
)
def test_wrong_queries_get_a_good_answer(store, query, words, code):
    done = call("sql", query, store=store, code=code)
    assert words in done.stderr
    assert done.stdout == ""


def test_parameters_narrow_resample_and_count_from_the_end(store):
    query = (
        "SELECT timestamp, close FROM bars(symbol := 'A', interval := '1m', resample := '1h',"
        " to := '2024-01-03', last := 3)"
    )
    rows = call_json("sql", query, store=store)["rows"]
    arguments = ["get", "A", "1m", "--resample", "1h", "--to", "2024-01-03", "--last", "3"]
    bars = call_json(*arguments, store=store)["bars"]
    assert rows == [{"timestamp": b["timestamp"], "close": b["close"]} for b in bars]


def test_damage_is_left_out_named_and_exits_3(store, tmp_path):
    copy = tmp_path / "s"
    call("export", "-o", tmp_path / "all.csv", "--interval", "1m", "--format", "csv", store=store)
    call("import", tmp_path / "all.csv", "--interval", "1m", store=copy)
    victim = sorted((copy / "segments").glob("*.seg"))[0]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 4
    victim.write_bytes(data)
    query = "SELECT count(*) AS n FROM bars a JOIN bars b USING (symbol, interval, timestamp)"
    result = call_json("sql", query, store=copy, code=3)
    assert 0 < result["rows"][0]["n"] < 2 * MINUTES
    (missing,) = result["coverage"]["missing"]
    assert victim.name in missing["reason"]
    assert missing["symbol"] in ("A", "B")
    lost = datetime.fromisoformat(missing["to"]) - datetime.fromisoformat(missing["from"])
    assert 2 * MINUTES - result["rows"][0]["n"] == lost / timedelta(minutes=1)
    assert victim.name in call("sql", query, store=copy, code=3).stderr
    elsewhere = "SELECT count(*) FROM bars WHERE timestamp > '2024-02-08 23:00'"
    call("sql", elsewhere, store=copy)


def test_a_statement_sees_one_state_while_others_write(tmp_path):
    """A writer adds a bar to each of two symbols at a time; they must never differ by more."""
    store = tmp_path / "s"
    first = datetime(2024, 1, 1, tzinfo=UTC)

    def write(day):
        path = tmp_path / "pair.csv"
        stamp = (first + timedelta(days=day)).strftime("%Y-%m-%dT%H:%M:%SZ")
        path.write_text(
            "symbol,timestamp,open,high,low,close,volume\n"
            + "".join(f"{s},{stamp},1,1,1,{day},1\n" for s in ("P", "Q"))
        )
        call("import", path, "--interval", "1d", store=store)

    write(0)
    writer = threading.Thread(target=lambda: [write(day) for day in range(1, 40)])
    writer.start()
    query = (
        "SELECT (SELECT count(*) FROM bars) AS bars, (SELECT sum(bars) FROM series) AS listed,"
        " (SELECT count(*) FROM bars) AS again"
    )
    seen = set()
    while writer.is_alive():
        (row,) = call_json("sql", query, store=store)["rows"]
        assert row["bars"] == row["listed"] == row["again"]
        seen.add(row["bars"])
    writer.join()
    assert len(seen) > 3


def test_a_terminal_is_asked_for_a_limit_before_anything_is_printed(store):
    lines = shown_on_terminal("sql", "SELECT * FROM bars", store=store, columns=200, code=2)
    assert len(lines) == 1
    assert "--limit" in lines[0]
    lines = shown_on_terminal("sql", "SELECT * FROM bars", "--limit", 3, store=store, columns=200)
    assert len(lines) == 4
    assert "\x1b[1m" in lines[0]


def test_a_plan_is_drawn_as_it_is(store):
    shown = call("sql", "EXPLAIN SELECT close FROM bars WHERE symbol = 'A'", store=store).stdout
    assert len(shown.splitlines()) > 5


def test_get_gives_parquet_that_holds_the_same_bits(store, tmp_path):
    path = tmp_path / "a.parquet"
    arguments = ["get", "A", "1m", "--resample", "1h", "--from", "2024-01-05", "--last", "30"]
    with path.open("wb") as file:
        call(*arguments, "--format", "parquet", store=store, into=file)
    query = f"SELECT * FROM read_parquet('{path}')"
    assert (
        call("sql", query, "--format", "csv", store=store).stdout
        == call(*arguments, "--format", "csv", store=store).stdout
    )
    assert (
        "no series Z 1m"
        in call("get", "Z", "1m", "--format", "parquet", store=store, code=1).stderr
    )
    lines = shown_on_terminal("get", "A", "1m", "--format", "parquet", store=store, code=2)
    assert "> FILE" in "".join(lines)
    assert (
        "--format table, csv"
        in call("get", "A", "1m", "--format", "box", store=store, code=2).stderr
    )


ZONED = [
    ("+05:30", "2024-01-05T05:30:00+05:30"),
    ("America/New_York", "2024-01-04T19:00:00-05:00"),
    ("UTC", "2024-01-05T00:00:00Z"),
]


@pytest.mark.parametrize(("zone", "expected"), ZONED)
def test_times_are_shown_in_the_zone_that_is_asked_for(store, zone, expected):
    where = "WHERE symbol = 'A' AND interval = '1h' AND timestamp = '2024-01-05'"
    rows = call_json("sql", f"SELECT timestamp AS t FROM bars {where}", "--tz", zone, store=store)
    assert rows["rows"] == [{"t": expected}]
    arguments = ["--from", "2024-01-05", "--tz", zone]
    bars = call_json("get", "A", "1h", *arguments, "--limit", 1, store=store)["bars"]
    assert bars[0]["timestamp"] == expected
    assert expected in call("get", "A", "1h", *arguments, "--limit", 1, store=store).stdout
    indicator = ["indicators", "A", "1h", "sma", *arguments, "--limit", 1]
    assert expected in call(*indicator, store=store).stdout
    assert zone in call("chart", "A", "1h", *arguments, store=store).stdout
    first = call_json("ls", "--tz", zone, store=store)["series"][0]["first"]
    assert datetime.fromisoformat(first).timestamp() == YEAR_S
    assert (first[-1] == "Z") == (zone == "UTC")


def test_a_zone_that_is_none_is_refused_and_csv_stays_in_utc(store):
    assert "Atlantis" in call("ls", "--tz", "Atlantis", store=store, code=2).stderr
    csv = ["get", "A", "1h", "--format", "csv", "--tz", "+01:00"]
    assert "UTC" in call(*csv, store=store, code=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["sql", "FROM bars LIMIT 5", "--format", "csv"],
        ["get", "A", "1h", "--format", "parquet"],
        ["get", "A", "1h", "--format", "csv"],
        ["indicators", "A", "1h", "sma"],
        ["summary"],
        ["chart", "A", "1h"],
    ],
)
def test_a_full_disk_is_said(store, arguments):
    with Path("/dev/full").open("w") as full:
        done = call(*arguments, store=store, code=1, into=full)
    assert "No space left" in done.stderr


def test_symbols_may_hold_any_character(tmp_path):
    symbol = 'BTC/USD\'T "x";--'
    write_klines(tmp_path / "x.csv", YEAR_S, 50)
    call("import", tmp_path / "x.csv", "--symbol", symbol, "--interval", "1m", store=tmp_path / "s")
    store = tmp_path / "s"
    assert call_json("summary", symbol, store=store)["rows"][0]["bars"] == 50
    assert len(call_json("indicators", symbol, "1m", "sma:3", store=store)["rows"]) == 50
    quoted = symbol.replace("'", "''")
    counted, _ = work(f"SELECT count(*) FROM bars WHERE symbol = '{quoted}'", store)
    assert counted == "50"
    call("chart", symbol, "1m", "-o", tmp_path / "x.svg", store=store)
    with (tmp_path / "x.parquet").open("wb") as file:
        call("get", symbol, "1m", "--format", "parquet", store=store, into=file)
    query = f"SELECT DISTINCT symbol FROM '{tmp_path}/x.parquet'"
    assert call_json("sql", query, store=store)["rows"] == [{"symbol": symbol}]

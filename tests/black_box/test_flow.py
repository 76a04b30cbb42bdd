# SPDX-License-Identifier: Apache-2.0
"""The main job from outside: files in, bars out, snapshot, evolution, report."""

import csv
import io
import json
import os
import signal
import sqlite3
import struct
import subprocess
import time
from html.parser import HTMLParser

import pytest
from command import ISOBAR, call, call_json, clean_environment, write_klines

MONDAY_S = 1704067200
MONTH = 31 * 1440
EVOLVE = [
    "--symbol",
    "X",
    "--interval",
    "1m",
    "--population",
    "64",
    "--generations",
    "8",
    "--fee",
    "0.0005",
    "--slippage",
    "0.0001",
]


@pytest.fixture(scope="module")
def january(tmp_path_factory):
    """Return (store, bars by time in ms) of one month, with a snapshot named jan."""
    folder = tmp_path_factory.mktemp("january")
    bars = write_klines(folder / "XUSDT-1m-2024-01.csv", MONDAY_S, MONTH)
    store = folder / "store"
    call("import", folder / "XUSDT-1m-2024-01.csv", "--symbol", "X", store=store)
    call("snapshot", "create", "jan", "X:1m", store=store)
    return store, bars


def pack(values):
    return struct.pack("<5d", *map(float, values))


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_bars_come_back_bit_for_bit_as_csv_and_json(january):
    store, bars = january
    rows = read_csv(call("get", "X", "1m", "--format", "csv", store=store).stdout)
    names = ("open", "high", "low", "close", "volume")
    assert [pack(r[n] for n in names) for r in rows] == [pack(b[:5]) for b in bars.values()]
    assert [int(r["trade_count"]) for r in rows] == [b[5] for b in bars.values()]
    assert rows[0]["timestamp"] == "2024-01-01T00:00:00Z"
    assert rows[0]["vwap"] == ""
    result = call_json("get", "X", "1m", "--last", "3", store=store)
    assert result["coverage"] == {"complete": True, "missing": [], "holes": []}
    last = list(bars.values())[-3:]
    assert [pack(b[n] for n in names) for b in result["bars"]] == [pack(b[:5]) for b in last]


def test_export_and_import_again_give_the_same_segments(january, tmp_path):
    store, _ = january
    call(
        "export", "X", "--interval", "1m", "--format", "csv", "-o", tmp_path / "x.csv", store=store
    )
    call("import", tmp_path / "x.csv", store=tmp_path / "copy")
    query = "SELECT hash FROM segments ORDER BY period_from"
    first = call("sql", query, "--format", "csv", store=store).stdout
    assert first == call("sql", query, "--format", "csv", store=tmp_path / "copy").stdout
    assert len(first.splitlines()) == 6


def test_sql_gives_the_same_bits_as_get(january):
    store, bars = january
    query = "SELECT epoch_ms(timestamp) AS t, open, high, low, close, volume FROM bars ORDER BY t"
    rows = call_json("sql", query, store=store)["rows"]
    assert [r["t"] for r in rows] == list(bars)
    names = ("open", "high", "low", "close", "volume")
    assert [pack(r[n] for n in names) for r in rows] == [pack(b[:5]) for b in bars.values()]


def test_sql_shows_every_type_and_names_what_is_wrong(january):
    store, _ = january
    query = (
        "SELECT 1 AS a, 2.50::DECIMAL(9,2) AS b, [1,2] AS c, NULL AS d, true AS e, 'x,\"y' AS f,"
        " DATE '2024-02-29' AS g, 170141183460469231731687303715884105727::HUGEINT AS h"
    )
    row = read_csv(call("sql", query, "--format", "csv", store=store).stdout)[0]
    assert row == {
        "a": "1",
        "b": "2.50",
        "c": "[1, 2]",
        "d": "",
        "e": "true",
        "f": 'x,"y',
        "g": "2024-02-29",
        "h": "170141183460469231731687303715884105727",
    }
    assert "syntax error" in call("sql", "selec 1", store=store, code=1).stderr
    assert "nope" in call("sql", "SELECT * FROM nope", store=store, code=1).stderr
    counted = call_json("sql", "SELECT count(*) AS n FROM bars(symbol := 'Y')", store=store)
    assert counted["rows"] == [{"n": 0}]
    series = call_json("sql", "SELECT symbol, bars FROM series", store=store)["rows"]
    assert series == [{"symbol": "X", "bars": MONTH}]


def test_damage_is_named_everywhere_and_returned_nowhere(january, tmp_path):
    store, _ = january
    subprocess.run(["cp", "-r", store, tmp_path / "s"], check=True)
    call("verify", "--deep", store=tmp_path / "s")
    victim = sorted((tmp_path / "s" / "segments").glob("*.seg"))[0]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 4
    victim.write_bytes(data)
    problems = call_json("verify", store=tmp_path / "s", code=3)["problems"]
    assert [p["series"] for p in problems] == ["X:1m"]
    result = call_json("get", "X", "1m", store=tmp_path / "s", code=3)
    assert not result["coverage"]["complete"]
    assert len(result["bars"]) < MONTH
    asked = call("sql", "SELECT sum(close) FROM bars", store=tmp_path / "s", code=3)
    assert victim.name in asked.stderr
    assert victim.name in call("inspect", victim, code=3).stderr
    call("evolve", "--snapshot", "jan", *EVOLVE, store=tmp_path / "s", code=3)


def test_inspect_accounts_for_every_bit(january):
    store, _ = january
    for path in (store / "segments").glob("*.seg"):
        info = call_json("inspect", path)
        assert info["hash"] == path.stem
        bits = sum(c["bits"] for c in info["columns"]) + info["overhead_bits"]
        assert bits == 8 * path.stat().st_size == 8 * info["bytes"]


def test_holes_between_imports_are_said_wherever_bars_are_used(tmp_path):
    store = tmp_path / "s"
    write_klines(tmp_path / "a.csv", MONDAY_S, 600)
    write_klines(tmp_path / "b.csv", MONDAY_S + 1200 * 60, 600)
    for name in ("a.csv", "b.csv"):
        call("import", tmp_path / name, "--symbol", "X", "--interval", "1m", store=store)
    coverage = call_json("get", "X", "1m", store=store)["coverage"]
    assert coverage["complete"]
    assert [(h["from"], h["to"]) for h in coverage["holes"]] == [
        ("2024-01-01T10:00:00Z", "2024-01-01T20:00:00Z")
    ]
    assert "1 holes" in call("snapshot", "create", "holed", store=store).stderr
    hole = "no bars from 2024-01-01T10:00:00Z to 2024-01-01T20:00:00Z"
    assert hole in call("evolve", "--snapshot", "holed", *EVOLVE, store=store).stderr
    strategy = ["backtest", "--strategy", "ema_cross:fast=5,slow=20", "--symbol", "X", "--interval"]
    assert hole in call(*strategy, "1m", store=store).stderr


def test_a_backtest_on_damaged_bars_is_refused_unless_told_otherwise(january, tmp_path):
    store, _ = january
    subprocess.run(["cp", "-r", store, tmp_path / "s"], check=True)
    sorted((tmp_path / "s" / "segments").glob("*.seg"))[0].unlink()
    strategy = ["backtest", "--strategy", "ema_cross:fast=5,slow=20", "--symbol", "X", "--interval"]
    refused = call(*strategy, "1m", store=tmp_path / "s", code=3)
    assert refused.stdout == ""
    assert "--allow-partial" in refused.stderr
    partial = call_json(*strategy, "1m", "--allow-partial", store=tmp_path / "s", code=3)
    assert partial["bars"] < MONTH
    assert not partial["coverage"]["complete"]


def test_one_result_on_any_number_of_threads_and_another_for_another_seed(january):
    store, _ = january
    results = {}
    for seed, threads in ((5, 1), (5, 2), (5, 3), (6, 2)):
        done = call_json(
            "evolve",
            "--snapshot",
            "jan",
            *EVOLVE,
            "--seed",
            seed,
            "--threads",
            threads,
            store=store,
        )
        assert set(done) >= {"run", "result_hash", "evaluations", "seconds", "best"}
        assert set(done["best"]) >= {"genome", "train", "test"}
        results.setdefault(seed, set()).add(done["result_hash"])
    assert len(results[5]) == 1
    assert results[5] != results[6]


def test_a_run_killed_at_any_moment_ends_with_the_same_result(january, tmp_path):
    store, _ = january
    subprocess.run(["cp", "-r", store, tmp_path / "s"], check=True)
    arguments = ["evolve", "--snapshot", "jan", *EVOLVE, "--generations", "30", "--seed", "11"]
    started = time.monotonic()
    whole = call_json(*arguments, store=store)
    took = time.monotonic() - started
    command = [ISOBAR, "--store", str(tmp_path / "s"), *arguments]
    kills = 0
    for share in (0.3, 0.5, 0.7):
        running = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment()
        )
        time.sleep(took * share)
        if running.poll() is None:
            os.kill(running.pid, signal.SIGKILL)
            kills += 1
        running.wait()
    resumed = call_json(*arguments, store=tmp_path / "s")
    assert resumed["result_hash"] == whole["result_hash"]
    assert kills > 0


class Balance(HTMLParser):
    """Checks that tags nest, and that nothing is fetched from elsewhere."""

    VOID = frozenset(
        {
            "meta",
            "br",
            "hr",
            "img",
            "input",
            "link",
            "path",
            "line",
            "rect",
            "polyline",
            "circle",
        }
    )

    def __init__(self):
        super().__init__()
        self.open = []
        self.text = []

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "iframe", "link"), tag
        for name, value in attrs:
            assert name not in ("src", "href") or value.startswith("#"), (name, value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_report_is_one_page_with_the_numbers_of_the_run(january, tmp_path):
    store, _ = january
    done = call_json("evolve", "--snapshot", "jan", *EVOLVE, "--seed", "5", store=store)
    call("report", done["run"], "-o", tmp_path / "r.html", store=store)
    page = Balance()
    html = (tmp_path / "r.html").read_text()
    page.feed(html)
    assert page.open == []
    text = " ".join(page.text)
    assert done["result_hash"] in text
    assert "ssumptions" in text
    assert "jan" in text
    assert "<svg" in html
    assert len(html) < 1_000_000
    call("report", "r00000000", "-o", tmp_path / "x.html", store=store, code=1)
    assert not (tmp_path / "x.html").exists()


def test_an_exported_strategy_backtests_as_the_run_says(january, tmp_path):
    store, _ = january
    done = call_json(
        "evolve", "--snapshot", "jan", *EVOLVE, "--seed", "5", "--split", "0.7", store=store
    )
    exported = call("export-strategy", done["run"], store=store).stdout
    (tmp_path / "best.json").write_text(exported)
    assert json.loads(exported)
    cut = MONDAY_S + int(MONTH * 0.7) * 60
    result = call_json(
        "backtest",
        "--strategy",
        tmp_path / "best.json",
        "--symbol",
        "X",
        "--interval",
        "1m",
        "--to",
        f"{cut}s",
        "--fee",
        "0.0005",
        "--slippage",
        "0.0001",
        store=store,
    )
    for key in ("total_return", "max_drawdown", "win_rate", "trades", "turnover"):
        assert result[key] == done["best"]["train"][key], key
    assert call_json("runs", "ls", store=store)["runs"]


def test_imports_refuse_with_a_reason_and_go_on_with_the_others(tmp_path):
    write_klines(tmp_path / "good.csv", MONDAY_S, 300)
    (tmp_path / "empty.csv").write_text("")
    result = call(
        "import",
        tmp_path / "empty.csv",
        tmp_path / "missing.csv",
        tmp_path / "good.csv",
        "--symbol",
        "X",
        "--interval",
        "1m",
        "--json",
        store=tmp_path / "s",
        code=1,
    )
    files = json.loads(result.stdout)["files"]
    assert [bool(f["error"]) for f in files] == [True, True, False]
    assert files[2]["stored"] == 300
    assert "empty.csv" in result.stderr
    assert "missing.csv" in result.stderr


def test_an_output_that_is_no_regular_file_is_written_through(january, tmp_path):
    store, _ = january
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    arguments = ["export", "X", "--interval", "1m", "--format", "csv", "-o"]
    call(*arguments, tmp_path / "link.csv", store=store)
    assert (tmp_path / "link.csv").is_symlink()
    assert len((tmp_path / "real.csv").read_text().splitlines()) == MONTH + 1
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "read").open("w") as read:
        reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=read)
        call(*arguments, tmp_path / "pipe", store=store)
        assert reader.wait(timeout=60) == 0
    assert len((tmp_path / "read").read_text().splitlines()) == MONTH + 1
    assert (tmp_path / "pipe").is_fifo()
    call("export-strategy", "r00000000", "-o", tmp_path / "pipe", store=store, code=1)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("interval", ["1m", "4h", "1d", "1w", "1M"])
def test_bars_at_the_ends_of_the_accepted_years_can_be_sealed(interval, tmp_path):
    for name, day in (("a", "0001-06-01"), ("b", "9998-06-01")):
        path = tmp_path / f"{name}.csv"
        path.write_text(f"timestamp,open,high,low,close,volume\n{day},1,2,1,2,5\n")
        call("import", path, "--symbol", name, "--interval", interval, store=tmp_path / "s")
    assert call_json("snapshot", "create", "all", store=tmp_path / "s")["bars"] == 2
    call("verify", "--deep", store=tmp_path / "s")


def test_dates_beyond_the_accepted_years_are_not_turned_into_others(january):
    store, _ = january
    row = call_json("sql", "SELECT 'infinity'::DATE AS d, DATE '1969-12-31' AS e", store=store)
    assert row["rows"] == [{"d": "infinity", "e": "1969-12-31"}]


def test_a_damaged_segment_is_repaired_by_importing_its_file_again(tmp_path):
    store = tmp_path / "s"
    write_klines(tmp_path / "X-1m.csv", MONDAY_S, 3000)
    arguments = ["import", tmp_path / "X-1m.csv", "--symbol", "X", "--interval", "1m"]
    call(*arguments, store=store)
    (victim,) = (store / "segments").glob("*.seg")
    good = victim.read_bytes()
    victim.write_bytes(good[:900] + b"\0" + good[901:])
    call("verify", store=store, code=3)
    write_klines(tmp_path / "Y-1m.csv", MONDAY_S, 2000, seed=2)  # other bars: kept, but no repair
    others = ["import", tmp_path / "Y-1m.csv", "--symbol", "X", "--interval", "1m"]
    call(*others, store=store)
    assert victim.name in call("verify", store=store, code=3).stderr
    answer = call_json("get", "X", "1m", store=store, code=3)
    assert len(answer["bars"]) == 2000
    assert not answer["coverage"]["complete"]
    call(*arguments, store=store)
    call("verify", "--deep", store=store)
    assert victim.read_bytes() == good


def test_what_lies_outside_the_imported_range_is_a_hole(january):
    store, _ = january

    def holes(*arguments):
        result = call_json("get", "X", "1m", *arguments, store=store)
        return [(h["from"][:10], h["to"][:10]) for h in result["coverage"]["holes"]]

    assert holes() == []
    assert holes("--from", "2023-12-30", "--to", "2024-02-02") == [
        ("2023-12-30", "2024-01-01"),
        ("2024-02-01", "2024-02-02"),
    ]
    assert holes("--from", "2025-02-01", "--to", "2025-03-01") == [("2025-02-01", "2025-03-01")]


def test_a_resumed_run_keeps_its_terms(january):
    store, _ = january
    refused = call("evolve", "--resume", "r00000000", "--seed", "9", store=store, code=2)
    assert "--seed cannot be given with --resume" in refused.stderr
    refused = call("export", "X", "--format", "table", "-o", "-", store=store, code=2)
    assert "--format csv" in refused.stderr


def test_a_changed_manifest_is_found_by_verify(january, tmp_path):
    store, _ = january
    subprocess.run(["cp", "-r", store, tmp_path / "s"], check=True)
    with sqlite3.connect(tmp_path / "s" / "catalog.db") as catalog:
        catalog.execute("UPDATE snapshots SET manifest = manifest || 'x'")
    problems = call_json("verify", store=tmp_path / "s", code=3)["problems"]
    assert ["jan" in p["text"] for p in problems] == [True]


def test_maintenance_twice_deletes_only_what_nothing_needs(tmp_path):
    store = tmp_path / "s"
    write_klines(tmp_path / "X-1m.csv", MONDAY_S, 3000)
    call("import", tmp_path / "X-1m.csv", "--symbol", "X", "--interval", "1m", store=store)
    call("snapshot", "create", "before", store=store)
    for seed in (2, 3):  # each replaces the segment; the snapshot holds the first
        write_klines(tmp_path / "Y-1m.csv", MONDAY_S, 3000, seed=seed)
        call("import", tmp_path / "Y-1m.csv", "--symbol", "X", "--interval", "1m", store=store)
    (store / "segments" / ("0" * 32 + ".seg")).write_bytes(b"left by a killed writer")
    bars = call_json("get", "X", "1m", store=store)["bars"]
    assert call_json("maintain", store=store)["collected_files"] == 0  # within the grace
    collected = call_json("maintain", "--grace-seconds", "0", store=store)
    assert collected["collected_files"] == 2
    assert collected["orphans"] == 1
    again = call_json("maintain", "--grace-seconds", "0", store=store)
    assert again["collected_files"] == again["sealed_bars"] == 0
    assert len(list((store / "segments").glob("*.seg"))) == 2
    assert call_json("get", "X", "1m", store=store)["bars"] == bars
    call("verify", "--deep", store=store)


def test_maintenance_wants_a_store_and_a_step_it_knows(tmp_path):
    assert "there is no store" in call("maintain", store=tmp_path / "s", code=2).stderr
    assert not (tmp_path / "s").exists()
    assert "seal" in call("maintain", "tidy", store=tmp_path / "s", code=2).stderr


@pytest.mark.parametrize("page", [1, 2, 5])
def test_a_flipped_bit_in_the_catalog_is_named_by_its_page(page, january, tmp_path):
    store, _ = january
    subprocess.run(["cp", "-r", store, tmp_path / "s"], check=True)
    catalog = tmp_path / "s" / "catalog.db"
    content = bytearray(catalog.read_bytes())
    content[page * 4096 - 100] ^= 16
    catalog.write_bytes(content)
    problems = call_json("verify", store=tmp_path / "s", code=3)["problems"]
    assert {problem["kind"] for problem in problems} == {"catalog"}
    assert f"page {page} (bytes {(page - 1) * 4096} to {page * 4096 - 1})" in problems[0]["text"]

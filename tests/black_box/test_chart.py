# SPDX-License-Identifier: Apache-2.0
"""isobar chart: what is drawn is what is stored."""

import json
import re
import xml.etree.ElementTree as ET

import pytest
from command import call, call_json, write_klines
from terminal import Terminal, shown_on_terminal

COUNT = 3000
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chart")
    write_klines(folder / "x.csv", 1704067200, COUNT, seed=5, step_s=3600)
    call("import", folder / "x.csv", "--symbol", "X&Y", "--interval", "1h", store=folder / "s")
    return folder / "s"


def page_data(path):
    return json.loads(re.search(r"const data=(\{.*\});\n", path.read_text()).group(1))


def test_a_page_holds_the_bars_that_were_asked_for(store, tmp_path):
    page = tmp_path / "x.html"
    call("chart", "X&Y", "1h", "sma:5", "macd", "--last", 100, "-o", page, store=store)
    data = page_data(page)
    bars = call_json("get", "X&Y", "1h", "--last", 100, store=store)["bars"]
    names = ["open", "high", "low", "close", "volume"]
    assert data["columns"][1:6] == names
    assert [r[1:6] for r in data["rows"]] == [[b[n] for n in names] for b in bars]
    assert data["columns"][6:] == ["sma_5", "macd_12_26_9", "macd_signal_12_26_9",
                                   "macd_histogram_12_26_9"]  # fmt: skip
    assert "X&amp;Y" in page.read_text()
    assert "http://www.w3.org" in page.read_text()
    assert not re.search(r'(src|href)="', page.read_text())  # it needs nothing else


def test_a_picture_is_well_formed_and_has_a_body_for_each_candle(store, tmp_path):
    picture = tmp_path / "x.svg"
    call("chart", "X&Y", "1h", "bollinger", "rsi", "--last", 50, "-o", picture, store=store)
    root = ET.parse(picture).getroot()
    bodies = [r for r in root.iter(f"{SVG}rect") if r.get("class") in ("up", "down")]
    bars = call_json("get", "X&Y", "1h", "--last", 50, store=store)["bars"]
    assert [b.get("class") for b in bodies] == [
        "down" if b["close"] < b["open"] else "up" for b in bars
    ]
    wicks = [r for r in root.iter(f"{SVG}line") if r.get("class") in ("up", "down")]
    tops = [float(w.get("y1")) for w in wicks]
    assert tops.index(min(tops)) == max(range(50), key=lambda i: bars[i]["high"])
    assert len(list(root.iter(f"{SVG}polyline"))) == 4
    for mark in root.iter(f"{SVG}rect"):
        assert float(mark.get("height")) >= 0


def test_more_bars_than_fit_share_candles_and_lose_no_extreme(store, tmp_path):
    page = tmp_path / "x.html"
    call("chart", "X&Y", "1h", "--from", "2024-01-01", "-o", page, store=store)
    rows = page_data(page)["rows"]
    bars = call_json("get", "X&Y", "1h", store=store)["bars"]
    assert len(rows) == 231
    assert "13 bars a candle" in page.read_text()
    for row, begin in zip(rows, range(0, COUNT, 13), strict=True):
        group = bars[begin : begin + 13]
        assert row[1] == group[0]["open"]
        assert row[2] == max(b["high"] for b in group)
        assert row[3] == min(b["low"] for b in group)
        assert row[4] == group[-1]["close"]


@pytest.mark.parametrize("columns", [40, 80, 140])
def test_a_terminal_shows_what_fits_and_colours_what_rose_and_fell(store, columns):
    shown = Terminal("chart", "X&Y", "1h", "sma", store=store, columns=columns).end()
    assert "\x1b[32m" in shown
    assert "\x1b[31m" in shown
    lines = re.sub(r"\x1b\[[0-9]*m", "", shown).splitlines()
    assert all(len(line) <= columns for line in lines)
    assert len(lines) < 24
    plain = shown_on_terminal("chart", "X&Y", "1h", store=store, columns=columns, NO_COLOR="1")
    assert "\x1b" not in "".join(plain)
    assert "\x1b" not in call("chart", "X&Y", "1h", store=store).stdout


def test_the_highest_and_lowest_rows_hold_the_extremes(tmp_path):
    (tmp_path / "x.csv").write_text(
        "timestamp,open,high,low,close,volume\n2024-01-01,5,10,5,6,1\n2024-01-02,6,6,1,2,3\n"
        "2024-01-03,2,3,2,3,\n"
    )
    call("import", tmp_path / "x.csv", "--symbol", "X", "--interval", "1d", store=tmp_path / "s")
    lines = call("chart", "X", "1d", store=tmp_path / "s").stdout.splitlines()
    assert lines[0] == "X 1d  2024-01-01 to 2024-01-03 UTC"
    assert lines[1][:3] == "│  "  # the wick of the first day alone
    assert lines[20][:3] in (" │ ", " ▀ ")  # the second fell to the bottom
    assert (lines[21][:3], lines[23][:3]) == (" █ ", "██ ")  # volume: 1 and 3, none


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["X&Y", "1h", "-o", "x.png"], ".svg or .html", 2),
        (["X&Y", "1h", "smb"], "there are: sma", 2),
        (["X&Y", "1d"], "no series X&Y 1d", 1),
        (["X&Y"], "wants SYMBOL INTERVAL", 2),
        (["X&Y", "1h", "-o", "/nonexistent/x.svg"], "/nonexistent", 1),
        (["X&Y", "1h", *["rsi"] * 7], "room for 6 panes", 1),
    ],
)
def test_wrong_questions_get_a_good_answer(store, arguments, words, code):
    assert words in call("chart", *arguments, store=store, code=code).stderr


def test_a_range_without_bars_says_so(store, tmp_path):
    arguments = ["chart", "X&Y", "1h", "--from", "2030-01-01"]
    assert "no bars" in call(*arguments, store=store).stdout
    call(*arguments, "-o", tmp_path / "x.svg", store=store)
    ET.parse(tmp_path / "x.svg")

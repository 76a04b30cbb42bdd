# SPDX-License-Identifier: Apache-2.0
"""`isobar inspect` says of a segment what its bytes say, read here by another reader."""

import itertools
import struct
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command import call, call_json

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from segment_reader import COLUMNS, ORDER, Cursor, half_octaves  # noqa: E402

DECIMAL, RAW = TESTS / "data" / "segment-v2.seg", TESTS / "data" / "segment-v2-raw.seg"
CLASSES = {4096: 16, 1024: 8, 256: 4, 0: 1}


def time_text(us):
    return datetime.fromtimestamp(us // 10**6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def decimals(info):
    return [column for column in info["columns"] if column["encoding"] == "decimal"]


def cursor_of(data):
    """Where the grids begin."""
    return Cursor(data, 68 + data[33])


def tables_of(data, info):
    """Grids, tables of levels by column and where the block directory begins, out of the bytes."""
    cursor, own = cursor_of(data), {column["name"] for column in decimals(info)}
    grids = [cursor.integer() for _ in range(3)]
    count = next(n for rows, n in CLASSES.items() if info["rows"] >= rows)
    one = ("time", info["class_source"])
    single = info["class_source"] is None
    tables = {
        name: cursor.table(1 if single or name in one else count) for name in ORDER if name in own
    }
    return grids, tables, cursor.at


@pytest.mark.parametrize("path", [DECIMAL, RAW], ids=lambda path: path.stem)
def test_json_tells_levels_and_blocks_as_the_bytes_have_them(path):
    data, info = path.read_bytes(), call_json("inspect", path, "--blocks")
    grids, tables, directory = tables_of(data, info)
    for column in info["columns"]:
        if column["name"] in tables:
            base, widths = tables[column["name"]]
            expected = {"zigzag": base is None, "base": base or 0, "widths": widths}
            assert column["levels"] == expected, column["name"]
        else:
            assert "levels" not in column
    columns = {column["name"]: column for column in info["columns"]}
    assert [columns[name]["grid"] for name in ("time", "open", "volume")] == grids
    assert info["class_offset"] == data[34]
    begin = directory + 12 * info["blocks"]
    assert len(info["block_directory"]) == info["blocks"] == -(-info["rows"] // 1024)
    for i, block in enumerate(info["block_directory"]):
        first, end = struct.unpack_from("<qI", data, directory + 12 * i)
        assert block["first"] == time_text(first)
        assert block["rows"] == min(1024, info["rows"] - 1024 * i)
        assert (block["offset"], block["bytes"]) == (begin, end - begin)
        assert sum(block["bits"].values()) + block["overhead_bits"] == 8 * block["bytes"]
        begin = end
    for name in COLUMNS:
        spent = sum(block["bits"][name] for block in info["block_directory"])
        assert spent == columns[name]["bits"]


def test_without_blocks_only_header_and_columns_are_told():
    info = call_json("inspect", DECIMAL)
    assert not {"block_directory", "class_source", "class_offset"} & set(info)
    assert all("levels" not in column for column in info["columns"])
    text = call("inspect", DECIMAL).stdout
    assert "widths of levels" not in text
    assert "blocks, and bits" not in text


def table_below(text, title):
    lines = itertools.dropwhile(lambda line: not line.startswith(title), text.splitlines())
    rows = itertools.takewhile(bool, itertools.islice(lines, 1, None))
    heads, *cells = [row.split() for row in rows]
    return [dict(zip(heads, row, strict=True)) for row in cells]


def test_text_shows_what_json_tells():
    info = call_json("inspect", DECIMAL, "--blocks")
    text = call("inspect", DECIMAL, "--blocks").stdout
    for line in (
        "format   version 2",
        f"series   {info['symbol']} {info['interval']}",
        f"hash     {info['hash']}",
        f"period   {info['period_from']} to {info['period_to']}",
        f"bars     {info['rows']}, {info['first']} to {info['last']}",
    ):
        assert line in text.splitlines()
    *classes, base = table_below(text, "widths of levels in bits, by class of trade_count")
    for column in decimals(info):
        shown = [row[column["name"]] for row in classes if row[column["name"]] != "-"]
        expected = ["+".join(map(str, widths)) for widths in column["levels"]["widths"]]
        assert shown == expected, column["name"]
        levels = column["levels"]
        assert base[column["name"]] == ("zigzag" if levels["zigzag"] else str(levels["base"]))
    blocks = table_below(text, "blocks, and bits a bar in each")
    assert len(blocks) == info["blocks"]
    for row, block in zip(blocks, info["block_directory"], strict=True):
        assert (row["first"], row["offset"]) == (block["first"], str(block["offset"]))
        assert (row["rows"], row["bytes"]) == (str(block["rows"]), str(block["bytes"]))
        for name, bits in block["bits"].items():
            assert float(row[name]) == pytest.approx(bits / block["rows"], abs=0.006)


def test_a_class_begins_where_the_text_says():
    info = call_json("inspect", DECIMAL, "--blocks")
    text = call("inspect", DECIMAL, "--blocks").stdout
    *classes, _ = table_below(text, "widths of levels in bits")
    shift = 1  # of a segment of 1024 rows and more
    for row in classes:
        least = int(row["activity"].rstrip("+"))
        own = min(15, max(0, half_octaves(least) - info["class_offset"])) >> shift
        assert own == int(row["class"])
        below = min(15, max(0, half_octaves(least - 1) - info["class_offset"])) >> shift
        assert below == own - 1 or own == 0


def test_blocks_of_a_damaged_segment_are_refused_by_offset(tmp_path):
    damaged = bytearray(RAW.read_bytes())
    damaged[-20] ^= 1
    (tmp_path / "x.seg").write_bytes(damaged)
    refused = call("inspect", tmp_path / "x.seg", "--blocks", code=3)
    assert "x.seg: offset 8: the bytes do not match their hash" in refused.stderr

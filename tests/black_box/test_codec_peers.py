# SPDX-License-Identifier: Apache-2.0
"""The peers' side of `isobar bench codec`: what it measures, and what it refuses."""

import json
import math
import random
import struct
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".deps" / "bench-venv" / "bin" / "python"
NAMES = ("time_us", "open", "high", "low", "close", "volume", "trade_count")
ROWS = 3000

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="the peers are not installed: scripts/setup-bench-peers"
)


def write_columns(path, name, columns):
    kinds = {key: "f8" if isinstance(values[0], float) else "i8" for key, values in columns.items()}
    head = {"name": name, "rows": len(columns["time_us"]), "columns": kinds}
    with path.open("wb") as file:
        file.write(json.dumps(head).encode() + b"\n")
        for key, values in columns.items():
            file.write(struct.pack(f"<{len(values)}{'d' if kinds[key] == 'f8' else 'q'}", *values))


def walk(seed, volume):
    """Bars on a grid of 0.01, with the volume that the function given makes."""
    chance = random.Random(seed)
    rows = []
    price = 10000
    for i in range(ROWS):
        close = price + chance.randrange(-20, 21)
        high, low = max(price, close) + chance.randrange(9), min(price, close) - chance.randrange(9)
        count = chance.randrange(2000)
        prices = [value / 100 for value in (price, high, low, close)]
        rows.append((1_700_000_000_000_000 + i * 60_000_000, *prices, volume(chance), count))
        price = close
    return dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))


def measure(directory, *arguments, code=0):
    """Run the script; return {name: (value, unit)} and what it said on its error channel."""
    done = subprocess.run(
        [PYTHON, ROOT / "bench" / "codec_peers.py", directory, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, (done.returncode, done.stderr)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {name: (value, unit) for name, value, unit in lines}, done.stderr


def number(rows, name, unit):
    value, found = rows[name]
    assert found == unit
    return float(value)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Every peer on two groups: volumes of three decimals, and sums of floats off every grid."""
    directory = tmp_path_factory.mktemp("columns")
    decimal = lambda chance: chance.randrange(1000000) / 1000.0  # noqa: E731
    off_grid = lambda chance: chance.random() * 1000  # noqa: E731
    write_columns(directory / "0.columns", "one/a.csv", walk(1, decimal))
    write_columns(directory / "1.columns", "one/b.csv", walk(2, decimal))
    write_columns(directory / "2.columns", "two/c.csv", walk(3, off_grid))
    return measure(directory, "--runs", "1")[0]


PEERS = (
    "pcodec8",
    "pcodec8_int",
    "pcodec12",
    "pcodec12_int",
    "duckdb_parquet_zstd3",
    "duckdb_parquet_zstd19",
    "duckdb_parquet_zstd19_int",
    "zstd3",
    "zstd19",
)


@pytest.mark.parametrize("peer", PEERS)
def test_a_peer_has_size_and_speeds_for_each_file_group_and_all(measured, peer):
    for scope in ("", "/one", "/two", "/one/a.csv", "/one/b.csv", "/two/c.csv"):
        size = number(measured, f"{peer}.bytes_per_bar{scope}", "B")
        bits = number(measured, f"{peer}.bits_per_value{scope}", "bit")
        assert 1 < size < 56
        assert bits == pytest.approx(size * 8 / len(NAMES), rel=1e-4)
        assert number(measured, f"{peer}.encode{scope}", "M bars/s") > 0
        assert number(measured, f"{peer}.decode{scope}", "M bars/s") > 0


def test_parquet_counts_by_the_smaller_of_its_versions(measured):
    for name in ("one/a.csv", "two/c.csv"):
        sizes = [
            number(measured, f"duckdb_parquet_zstd3.{measure_name}/{name}", "B")
            for measure_name in ("v1_bytes_per_bar", "v2_bytes_per_bar", "bytes_per_bar")
        ]
        assert sizes[0] != sizes[1]
        assert min(sizes[:2]) == sizes[2]


def test_means_are_geometric(measured):
    for measure_name, unit in (("bytes_per_bar", "B"), ("decode", "M bars/s")):
        files = [
            number(measured, f"pcodec8.{measure_name}/{name}", unit)
            for name in ("one/a.csv", "one/b.csv", "two/c.csv")
        ]
        group = number(measured, f"pcodec8.{measure_name}/one", unit)
        whole = number(measured, f"pcodec8.{measure_name}", unit)
        assert group == pytest.approx(math.sqrt(files[0] * files[1]), rel=1e-4)
        assert whole == pytest.approx(math.prod(files) ** (1 / 3), rel=1e-4)


def test_versions_name_every_peer(measured):
    for name in ("pcodec", "duckdb", "zstd"):
        assert measured[f"{name}.version"][1] == "version"
        assert measured[f"{name}.version"][0][0].isdigit()


def test_integer_ticks_make_prices_smaller_and_leave_what_has_no_grid(measured):
    on_grid = [
        number(measured, f"{peer}.bytes_per_bar/one/a.csv", "B")
        for peer in ("duckdb_parquet_zstd19", "duckdb_parquet_zstd19_int")
    ]
    assert on_grid[1] < on_grid[0]
    # 52 random bits of mantissa cannot be had for less than 6.5 bytes, whatever the tick.
    for peer in PEERS:
        assert number(measured, f"{peer}.bytes_per_bar/two/c.csv", "B") > 6.5
    for name in ("encode", "decode"):
        with_way = number(measured, f"pcodec12_int.{name}", "M bars/s")
        assert with_way < number(measured, f"pcodec12_int.{name}_ticks", "M bars/s")


def test_odd_doubles_come_back_in_every_bit(tmp_path):
    columns = walk(4, lambda chance: chance.random())
    for row, odd in enumerate((-0.0, 5e-324, 1.7e308, math.inf, math.nan, 0.1 + 0.2)):
        columns["open"][row] = odd
    columns["volume"] = [-0.0] * ROWS
    write_columns(tmp_path / "0.columns", "odd", columns)
    rows, _ = measure(tmp_path, "--runs", "1")  # the script compares, and fails where a bit differs
    assert "pcodec8_int.bytes_per_bar/odd" in rows
    assert "zstd19.bytes_per_bar" in rows


def test_a_short_file_is_refused_by_name(tmp_path):
    write_columns(tmp_path / "0.columns", "a", walk(5, lambda chance: chance.random()))
    whole = (tmp_path / "0.columns").read_bytes()
    (tmp_path / "0.columns").write_bytes(whole[:-8])
    rows, error = measure(tmp_path, "--peers", "zstd3", code=1)
    assert "0.columns: column trade_count has 2999 of 3000 rows" in error
    assert not any(name.startswith("zstd3") for name in rows)


def test_no_files_and_unknown_peers_are_refused(tmp_path):
    assert "has no *.columns" in measure(tmp_path, code=2)[1]
    assert "no peer lzma; there are pcodec8, " in measure(tmp_path, "--peers", "lzma", code=2)[1]

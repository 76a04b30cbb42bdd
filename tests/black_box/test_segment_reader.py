# SPDX-License-Identifier: Apache-2.0
"""A reader written from docs/segment-format.md alone finds the bars that the C code wrote."""

import csv
import struct
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from segment_reader import COLUMNS, read_segment  # noqa: E402

SAMPLES = sorted((TESTS / "data").glob("segment-v*.seg"))
SEEDS = sorted((TESTS.parent / "fuzz" / "corpus" / "segment_decode").glob("*.seg"))


def bits(value):
    return None if value is None else struct.pack("<d", value)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_bit_of_a_sample_is_read_as_its_csv_says(path):
    header, bars = read_segment(path.read_bytes())
    with path.with_suffix(".csv").open(newline="") as file:
        expected = list(csv.reader(file))[1:]
    assert header["symbol"] == "BTC/USD"
    assert len(expected) == header["rows"] == len(bars["time"])
    for row, fields in enumerate(expected):
        assert bars["time"][row] == int(fields[0])
        assert bars["trade_count"][row] == (int(fields[7]) if fields[7] else None)
        for name, text in zip(COLUMNS[1:7], fields[1:7], strict=True):
            assert bits(bars[name][row]) == bits(float(text) if text else None), (row, name)


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_every_kind_of_series_is_read_to_its_end(path):
    header, bars = read_segment(path.read_bytes())
    assert {len(column) for column in bars.values()} == {header["rows"]}
    assert bars["time"] == sorted(set(bars["time"]))


def test_there_are_samples():
    assert SAMPLES
    assert SEEDS

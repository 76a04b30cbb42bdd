# SPDX-License-Identifier: Apache-2.0
"""A writer made from docs/segment-format.md alone gives the very bytes that the C code gives."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

import segment_writer  # noqa: E402
from segment_reader import read_segment  # noqa: E402

RELEASED = sorted((TESTS / "data").glob("segment-v2*.seg"))
SAMPLES = os.environ.get("SEGMENT_SAMPLES")
SEEDS = 7  # of each kind: up to two blocks


def written_again(path):
    data = path.read_bytes()
    header, bars = read_segment(data)
    period = struct.unpack_from("<qq", data, 36)
    return segment_writer.write_segment(header["symbol"], data[32], period, bars)


def assert_same(path):
    found, expected = written_again(path), path.read_bytes()
    differ = [i for i, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]]
    assert (differ[:1], len(found)) == ([], len(expected)), path.name


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.name)
def test_samples_of_the_released_version_are_written_again(path):
    assert_same(path)


@pytest.mark.skipif(SAMPLES is None, reason="SEGMENT_SAMPLES names no program (built with cmocka)")
def test_every_kind_of_series_is_written_in_the_same_bytes(tmp_path):
    subprocess.run([SAMPLES, str(SEEDS), str(tmp_path)], check=True, capture_output=True)
    paths = sorted(tmp_path.glob("*.seg"))
    assert len(paths) >= 20 * SEEDS
    for path in paths:
        assert_same(path)


def test_another_choice_gives_other_bytes(monkeypatch):
    """The comparison sees a writer that counts a level one bit cheaper than it is."""
    cheaper = lambda widest: ([first] for first in range(widest + 1))  # noqa: E731
    monkeypatch.setattr(segment_writer, "choices", cheaper)
    assert written_again(RELEASED[-1]) != RELEASED[-1].read_bytes()

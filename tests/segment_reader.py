# SPDX-License-Identifier: Apache-2.0
"""Read a segment, from docs/segment-format.md alone: slow, short, and independent of the C code.

usage: segment_reader.py FILE.seg      prints its bars as CSV
"""

import math
import struct
import sys
from pathlib import Path

COLUMNS = ["time", "open", "high", "low", "close", "volume", "vwap", "trade_count"]
MINUTE = 60_000_000
STEPS = [MINUTE // 60 * n for n in (1, 5, 15, 30)]
STEPS += [MINUTE * n for n in (1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1440, 10080)] + [0]
ABSENT, DECIMAL, RAW = 0, 1, 2


def signed(value, bits=64):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def unzigzag(code):
    return code >> 1 ^ -(code & 1)


def bits_of(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def double_of(bits):
    value = struct.unpack("<d", struct.pack("<Q", bits & (2**64 - 1)))[0]
    return None if math.isnan(value) else value


class Cursor:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def take(self, form):
        (value,) = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return value

    def packed(self, count, width):
        length = (count * width + 7) // 8
        word = int.from_bytes(self.data[self.at : self.at + length], "little")
        self.at += length
        return [word >> (i * width) & ((1 << width) - 1) for i in range(count)]

    def listed(self, count, rows, width):
        if 10 * count > rows:
            at = [i for i, bit in enumerate(self.packed(rows, 1)) if bit]
        else:
            at = self.packed(count, 10)
        assert len(at) == count
        return dict(zip(at, self.packed(count, width), strict=True))


def section(cursor, rows, grid):
    width, flags = cursor.take("B"), cursor.take("B")
    length = flags & 15
    base = unzigzag(int.from_bytes(cursor.data[cursor.at : cursor.at + length], "little"))
    cursor.at += length
    patches, patch_width = (cursor.take("H"), cursor.take("B")) if flags & 16 else (0, 0)
    counts = [cursor.take("H") if flags & flag else 0 for flag in (32, 64, 128)]
    fields = cursor.packed(rows, width)
    patch = cursor.listed(patches, rows, patch_width)
    remainders = cursor.listed(counts[0], rows, (grid - 1).bit_length())
    near = cursor.listed(counts[1], rows, 8)
    raw = cursor.listed(counts[2], rows, 64)
    residual = [base + f + (unzigzag(patch.get(i, 0)) << width) for i, f in enumerate(fields)]
    return residual, remainders, near, raw


def raw_column(cursor, rows):
    width, bits = cursor.take("B"), cursor.take("Q")
    values = []
    for field in cursor.packed(rows, width):
        bits += unzigzag(field)
        values.append(double_of(bits))
    return values


def values_of(integers, scale, near, raw):
    values = [v / 10.0**scale for v in integers]
    for row, byte in near.items():
        ulps = signed(byte, 8)
        values[row] = None if ulps == -128 else double_of(bits_of(values[row]) + ulps)
    for row, bits in raw.items():
        values[row] = double_of(bits)
    return values


def chain_prices(sections, rows, grid, base):
    """The integers of open, close, high and low."""

    def move(predicted, name, row):
        residual, remainders, _, _ = sections.get(name, ([0] * rows, {}, {}, {}))
        quotient, remainder = divmod(predicted, grid)
        inherited = remainder if residual[row] == 0 else 0
        return (quotient + residual[row]) * grid + remainders.get(row, inherited)

    integers = {"open": [], "close": [], "high": [], "low": []}
    close = base
    for row in range(rows):
        opened = move(close, "open", row)
        close = move(opened, "close", row)
        integers["open"].append(opened)
        integers["close"].append(close)
        integers["high"].append(move(max(opened, close), "high", row))
        integers["low"].append(move(min(opened, close), "low", row))
    return integers


def middle(high, low, multiple):
    total = high + low
    return total * multiple // 2 if abs(total) < 2**53 // multiple else 0


def read_block(cursor, rows, first, step, plan):
    residual = section(cursor, rows, 1)[0]
    times = [first]
    for row in range(1, rows):
        times.append(times[-1] + step + residual[row] * plan["time"][2])
    out = {"time": times}
    prices = [name for name in ("open", "close", "high", "low") if plan[name][0] != ABSENT]
    decimal = [name for name in prices if plan[name][0] == DECIMAL]
    base = cursor.take("q") if decimal else 0
    sections, integers = {}, {}
    for name in [*prices, "volume", "vwap", "trade_count"]:
        if plan[name][0] == RAW:
            out[name] = raw_column(cursor, rows)
        elif plan[name][0] == DECIMAL:
            sections[name] = section(cursor, rows, plan[name][2])
    if decimal:
        integers = chain_prices(sections, rows, plan[decimal[0]][2], base)
    for name in ("volume", "vwap", "trade_count"):
        if name in sections:
            residual, remainders, _, _ = sections[name]
            integers[name] = [
                d * plan[name][2] + remainders.get(i, 0) for i, d in enumerate(residual)
            ]
    if "vwap" in sections and plan["high"][0] == DECIMAL:
        multiple = 10 ** (plan["vwap"][1] - plan["high"][1])
        pairs = zip(integers["vwap"], integers["high"], integers["low"], strict=True)
        integers["vwap"] = [d + middle(h, low, multiple) for d, h, low in pairs]
    for name, (_, _, near, raw) in sections.items():
        if name == "trade_count":
            counts = dict(enumerate(integers[name]))
            counts |= dict.fromkeys(near) | {i: signed(bits) for i, bits in raw.items()}
            out[name] = [counts[i] for i in range(rows)]
        else:
            out[name] = values_of(integers[name], plan[name][1], near, raw)
    return out


def read_segment(data):
    """The header as a dict, and the bars as a dict of columns; None is absent."""
    assert (data[:8], data[-8:]) == (b"ISOBSEG\x01", bytes(8))
    names = ("length", "directory", "rows", "block_rows", "interval", "symbol_length")
    header = dict(zip(names, struct.unpack_from("<IIIHBB", data, 24), strict=True))
    assert header["length"] == len(data)
    header["symbol"] = data[172 : header["directory"]].decode()
    entries = [struct.unpack_from("<BBHq", data, 76 + 12 * i) for i in range(8)]
    plan = {c: (e[0], e[1], e[3]) for c, e in zip(COLUMNS, entries, strict=True)}
    blocks = (header["rows"] + 1023) // 1024
    bars = {name: [] for name in COLUMNS}
    cursor = Cursor(data, header["directory"] + 20 * blocks)
    for block in range(blocks):
        first, last, end = struct.unpack_from("<qqI", data, header["directory"] + 20 * block)
        rows = min(1024, header["rows"] - 1024 * block)
        columns = read_block(cursor, rows, first, STEPS[header["interval"] - 1], plan)
        assert (cursor.at, columns["time"][-1]) == (end, last)
        for name in COLUMNS:
            bars[name] += columns.get(name, [None] * rows)
    return header, bars


if __name__ == "__main__":
    _, read = read_segment(Path(sys.argv[1]).read_bytes())
    print(",".join(COLUMNS))
    for bar in zip(*read.values(), strict=True):
        print(",".join("" if value is None else repr(value) for value in bar))

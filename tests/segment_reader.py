# SPDX-License-Identifier: Apache-2.0
"""Reads a segment, from docs/segment-format.md alone: slow, and independent of the C code."""

import math
import struct

COLUMNS = ["time", "open", "high", "low", "close", "volume", "vwap", "trade_count"]
ORDER = ["time", "trade_count", "volume", "open", "close", "high", "low", "vwap"]
SECONDS = [1, 5, 15, 30] + [60 * n for n in (1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1440)]
STEPS = [second * 10**6 for second in [*SECONDS, 604800, 0]]
DECIMAL, RAW = 1, 2


class Cursor:
    def __init__(self, data, at):
        self.data, self.at, self.bit = data, at, 0

    def take(self, size):
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "little")

    def integer(self):
        return unzigzag(self.take(self.take(1)))

    def field(self, width):
        begin, self.bit = self.bit, self.bit + width
        word = self.data[self.at + begin // 8 : self.at + (self.bit + 7) // 8]
        return int.from_bytes(word, "little") >> begin % 8 & ((1 << width) - 1)

    def align(self, result=None):
        self.at, self.bit = self.at + (self.bit + 7) // 8, 0
        return result

    def packed(self, count, width):
        return self.align([self.field(width) for _ in range(count)])

    def listed(self, count, rows, width):
        marks = self.packed(rows, 1) if 10 * count > rows else None
        at = self.packed(count, 10) if marks is None else [i for i in range(rows) if marks[i]]
        return dict(zip(at, self.packed(count, width), strict=True))

    def table(self, class_count):
        base, classes = None if self.take(1) else self.integer(), []
        for _ in range(class_count):
            count, widths = self.field(2) + 1, [self.field(6)]
            widths += [0] * (count - 1)
            for k in range(1, count):
                widths[k] = self.field(6) if k == count - 1 else widths[k - 1] + self.field(2)
            classes.append(widths)
        return self.align((base, classes))

    def section(self, rows, grid, base, widths, classes):
        flags = self.take(1)
        counts = [self.take(2) if flags & flag else 0 for flag in (1, 2, 4)]
        bits = ((grid - 1).bit_length(), 8, 64)
        lists = [self.listed(n, rows, width) for n, width in zip(counts, bits, strict=True)]
        own, level, residual = (
            [widths[c if len(widths) > 1 else 0] for c in classes],
            [0] * rows,
            [],
        )
        for plane in range(3):
            for row in range(rows):
                if level[row] == plane and len(own[row]) > plane + 1:
                    level[row] += self.field(1)
            self.align()
        for w, k in zip(own, level, strict=True):
            code = sum(1 << width for width in w[:k]) + self.field(w[k])
            residual.append(unzigzag(code) if base is None else base + code)
        return self.align((residual, *lists))

    def raw(self, rows):
        width, bits = self.take(1), self.take(8)
        return [double_of(bits := bits + unzigzag(field)) for field in self.packed(rows, width)]


def unzigzag(code):
    return code >> 1 ^ -(code & 1)


def double_of(bits):
    value = struct.unpack("<d", struct.pack("<Q", bits % 2**64))[0]
    return None if math.isnan(value) else value


def bits_of(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def half_octaves(x):
    return 0 if x <= 0 else 2 * x.bit_length() - 1 + (2 * x >> x.bit_length() - 1 & 1)


def prices(sections, rows, grid, base):
    def move(predicted, name, row, sign=1):
        residual, remainders = sections.get(name, ([0] * rows, {}))[:2]
        kept = 0 if residual[row] else predicted % grid
        return (predicted // grid + sign * residual[row]) * grid + remainders.get(row, kept)

    integers, close = {"open": [], "close": [], "high": [], "low": []}, base
    for row in range(rows):
        first = move(close, "open", row)
        close = move(first, "close", row)
        top, bottom = move(max(first, close), "high", row), move(min(first, close), "low", row, -1)
        for name, value in zip(integers, (first, close, top, bottom), strict=True):
            integers[name].append(value)
    return integers


def values(integers, scale, near, raw):
    out = [v / 10.0**scale for v in integers]
    for row, ulps in near.items():
        out[row] = double_of(bits_of(out[row]) + (ulps ^ 128) - 128) if ulps != 128 else None
    return [double_of(raw[row]) if row in raw else value for row, value in enumerate(out)]


def block(cursor, rows, first, form):
    step, plan, tables, source, class_of = form
    decimal = [name for name in ("open", "high", "low", "close") if plan[name][0] == DECIMAL]
    base, sections, out, classes = cursor.integer() if decimal else 0, {}, {}, [0] * rows
    for name in ORDER:
        encoding, _, grid = plan[name]
        if encoding == RAW:
            out[name] = cursor.raw(rows)
        elif encoding == DECIMAL:
            sections[name] = cursor.section(rows, grid, *tables[name], classes)
            classes = [class_of(x) for x in sections[name][0]] if name == source else classes
    out["time"] = [first]
    for residual in sections.pop("time")[0][1:]:
        out["time"].append(out["time"][-1] + step + residual * plan["time"][2])
    integers = prices(sections, rows, plan[decimal[0]][2], base) if decimal else {}
    for name in sections.keys() - integers.keys():
        residual, remainders = sections[name][:2]
        integers[name] = [r * plan[name][2] + remainders.get(i, 0) for i, r in enumerate(residual)]
    if "vwap" in sections and plan["high"][0] == DECIMAL:
        multiple = 10 ** (plan["vwap"][1] - plan["high"][1])
        sums = [h + lo for h, lo in zip(integers["high"], integers["low"], strict=True)]
        middle = [s * multiple // 2 if abs(s) < 2**53 // multiple else 0 for s in sums]
        integers["vwap"] = [r + m for r, m in zip(integers["vwap"], middle, strict=True)]
    for name, (_, _, near, raw) in sections.items():
        if name == "trade_count":
            listed = dict.fromkeys(near) | {i: (b ^ 1 << 63) - (1 << 63) for i, b in raw.items()}
            out[name] = [listed.get(i, count) for i, count in enumerate(integers[name])]
        else:
            out[name] = values(integers[name], plan[name][1], near, raw)
    return out


def read_segment(data):
    """The header as a dict, and the bars as a dict of columns; None is absent."""
    length, rows, interval, symbol_length, offset, _ = struct.unpack_from("<IIBBBB", data, 24)
    assert (data[:8], data[-8:], length) == (b"ISOBSEG\x02", bytes(8), len(data))
    cursor = Cursor(data, 68 + symbol_length)
    header = {"rows": rows, "symbol": data[68 : cursor.at].decode()}
    time, price, volume = [cursor.integer() for _ in range(3)]
    grids = {"time": time, "volume": volume, "vwap": 1, "trade_count": 1}
    plan = {
        c: (b & 3, b >> 2, grids.get(c, price)) for c, b in zip(COLUMNS, data[60:68], strict=True)
    }
    sources = [name for name in ("trade_count", "volume") if plan[name][0] == DECIMAL]
    source = sources[0] if sources else None
    shift = 0 if rows >= 4096 else 1 if rows >= 1024 else 2 if rows >= 256 else 4
    tables = {
        name: cursor.table(16 >> shift if source and name not in ("time", source) else 1)
        for name in ORDER
        if plan[name][0] == DECIMAL
    }
    blocks, directory, bars = (rows + 1023) // 1024, cursor.at, {name: [] for name in COLUMNS}
    cursor.at += 12 * blocks
    for i in range(blocks):
        first, end = struct.unpack_from("<qI", data, directory + 12 * i)
        count, step = min(1024, rows - 1024 * i), STEPS[interval - 1]
        class_of = lambda x: min(15, max(0, half_octaves(x) - offset)) >> shift  # noqa: E731
        columns = block(cursor, count, first, (step, plan, tables, source, class_of))
        assert cursor.at == end
        for name in COLUMNS:
            bars[name] += columns.get(name, [None] * count)
    assert bars["time"][-1] == struct.unpack_from("<q", data, 52)[0]
    return header, bars

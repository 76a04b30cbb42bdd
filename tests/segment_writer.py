# SPDX-License-Identifier: Apache-2.0
"""Writes a segment, from docs/segment-format.md alone: slow, and independent of the C code."""

import ctypes
import itertools
import math
import struct

from segment_reader import COLUMNS, ORDER, STEPS, bits_of, half_octaves

PRICES = ["open", "close", "high", "low"]  # in the order in which they are predicted
ABSENT, DECIMAL, RAW = 0, 1, 2
BLOCK = 1024
LIMIT = 2**53


def xxh3_128(data):
    class Hash(ctypes.Structure):
        _fields_ = (("low", ctypes.c_uint64), ("high", ctypes.c_uint64))

    function = ctypes.CDLL("libxxhash.so.0").XXH3_128bits
    function.restype, function.argtypes = Hash, (ctypes.c_char_p, ctypes.c_size_t)
    result = function(data, len(data))
    return (result.high << 64 | result.low).to_bytes(16, "big")


def zigzag(number):
    return 2 * number if number >= 0 else -2 * number - 1


def signed(word):
    return (word % 2**64 ^ 1 << 63) - (1 << 63)


def integer(number):
    code = zigzag(number)
    size = (code.bit_length() + 7) // 8
    return bytes([size]) + code.to_bytes(size, "little")


def packed(fields):
    """Bytes of pairs (field, width)."""
    word = at = 0
    for field, width in fields:
        assert 0 <= field < 1 << width
        word |= field << at
        at += width
    return word.to_bytes((at + 7) // 8, "little")


# --- decimals: how a value stands on a scale ---


def decimal_of(value, scale):
    """('fits', v, 0), ('near', v, ulps), ('absent', ...) or ('other', ...)."""
    if value is None:
        return "absent", None, -128
    scaled = value * 10.0**scale
    rounded = scaled - 0.5 if scaled < 0 else scaled + 0.5
    if abs(rounded) < LIMIT:
        v = int(rounded)
        ulps = bits_of(value) - bits_of(v / 10.0**scale)
        if ulps == 0:
            return "fits", v, 0
        if abs(ulps) <= 127:
            return "near", v, ulps
    return "other", None, 0


def misfits(values, scale, kinds):
    return sum(decimal_of(value, scale)[0] not in kinds for value in values)


def scale_of(columns):
    """Encoding and scale of columns that share them."""
    values = [value for column in columns for value in column if value is not None]
    if not values:
        return ABSENT, 0
    for kinds in (("fits",), ("fits", "near")):
        for scale in range(19):
            if misfits(values, scale, kinds) <= len(values) // 512:
                return DECIMAL, scale
    stride = -(-len(columns[0]) // 1024)
    sample = [value for column in columns for value in column[::stride] if value is not None]
    counts = [misfits(sample, scale, kinds) for scale in range(19)]
    scale = next(k for k in range(19) if counts[k] <= min(counts) + len(sample) // 512)
    return (RAW, 0) if 2 * misfits(values, scale, kinds) > len(values) else (DECIMAL, scale)


# --- grids ---


def list_bits(count, rows):
    return rows if 10 * count > rows else 10 * count


def grid_cost(pairs, grid):
    cost = off = 0
    for value, predicted in pairs:
        move = value // grid - predicted // grid
        cost += zigzag(move).bit_length()
        if value % grid != (0 if move else predicted % grid):
            cost += (grid - 1).bit_length()
            off += 1
    return cost + list_bits(off, len(pairs)), off


def grid_of(pairs):
    pairs = [pair for pair in pairs if pair[0] != pair[1]]
    divisor = math.gcd(*(number for pair in pairs for number in pair)) or 1
    best, unit = (grid_cost(pairs, divisor)[0], divisor), divisor
    while unit < 2**40:
        for tenths in (10, 20, 25, 50):
            if unit * tenths % 10 == 0:
                cost, off = grid_cost(pairs, unit * tenths // 10)
                best = min(best, (cost, unit * tenths // 10), key=lambda choice: choice[0])
                if tenths == 10 and 2 * off > len(pairs):
                    return best[1]
        unit *= 10
    return best[1]


def price_pairs(bars, scale):
    def fitting(name, row):
        kind, v, _ = decimal_of(bars[name][row], scale)
        return v if kind == "fits" else None

    rows = len(bars["time"])
    for row in range(1, rows, -(-rows // 128)):
        first, last, before = fitting("open", row), fitting("close", row), fitting("close", row - 1)
        if None not in (first, last, before):
            yield from ((first, before), (last, first))
            high, low = fitting("high", row), fitting("low", row)
            yield from [(high, max(first, last))] if high is not None else []
            yield from [(low, min(first, last))] if low is not None else []


def volume_pairs(bars, scale):
    found = [decimal_of(x, scale) for x in bars["volume"][:: -(-len(bars["time"]) // 128)]]
    return [(v, 0) for kind, v, _ in found if kind == "fits"]


def plan_of(bars, step):
    """Encoding, scale and grid of every column."""
    times = bars["time"]
    gaps = [t - before - step for before, t in itertools.pairwise(times)]
    plan = {"time": (DECIMAL, 0, math.gcd(*gaps) or 1)}
    encoding, scale = scale_of([bars[name] for name in PRICES])
    grid = grid_of(price_pairs(bars, scale)) if encoding == DECIMAL else 0
    for name in PRICES:
        present = any(value is not None for value in bars[name])
        plan[name] = (encoding, scale, grid) if present else (ABSENT, 0, 0)
    encoding, scale = scale_of([bars["volume"]])
    grid = grid_of(volume_pairs(bars, scale)) if encoding == DECIMAL else 0
    plan["volume"] = (encoding, scale, grid)
    encoding, scale = scale_of([bars["vwap"]])
    if encoding == DECIMAL == plan["high"][0]:
        scale = max(scale, plan["high"][1])
    plan["vwap"] = (encoding, scale, 1 if encoding == DECIMAL else 0)
    counted = any(count is not None for count in bars["trade_count"])
    plan["trade_count"] = (DECIMAL, 0, 1) if counted else (ABSENT, 0, 0)
    return plan


# --- integers: residuals and lists of a section ---


class Section:
    def __init__(self):
        self.residuals, self.remainders, self.near, self.raw = [], {}, {}, {}

    def stand(self, row, value, scale, stand_in):
        """The integer on which a value stands; what it does not say goes to the lists."""
        kind, v, ulps = decimal_of(value, scale)
        if kind == "other":
            self.raw[row] = bits_of(value)
        elif kind != "fits":
            self.near[row] = ulps % 256
        return stand_in if v is None else v

    def move(self, row, v, grid, predicted, sign=1):
        residual = v // grid - predicted // grid
        self.residuals.append(sign * residual)
        if v % grid != (0 if residual else predicted % grid):
            self.remainders[row] = v % grid

    def lists(self, rows, grid):
        flags, counts, out = 0, b"", b""
        wide = ((self.remainders, (grid - 1).bit_length()), (self.near, 8), (self.raw, 64))
        for bit, (listed, width) in enumerate(wide):
            if listed:
                flags |= 1 << bit
                counts += struct.pack("<H", len(listed))
                if 10 * len(listed) > rows:
                    out += packed([(row in listed, 1) for row in range(rows)])
                else:
                    out += packed([(row, 10) for row in sorted(listed)])
                out += packed([(listed[row], width) for row in sorted(listed)])
        return bytes([flags]) + counts + out


def time_residuals(times, step, grid):
    residuals = [0] + [(t - before - step) // grid for before, t in itertools.pairwise(times)]
    others = [residual for row, residual in enumerate(residuals) if row % BLOCK]
    least = max(0, min(others, default=0))
    return [residual if row % BLOCK else least for row, residual in enumerate(residuals)]


def price_sections(bars, plan, rows, before):
    """Sections of the prices, their integers, and the close of the last row."""
    sections = {name: Section() for name in PRICES}
    integers = {"high": [], "low": []}

    def code(name, row, predicted, sign=1):
        encoding, scale, grid = plan[name]
        if encoding != DECIMAL:
            return predicted
        section = sections[name]
        v = section.stand(row - rows.start, bars[name][row], scale, predicted)
        section.move(row - rows.start, v, grid, predicted, sign)
        return v

    for row in rows:
        first = code("open", row, before)
        before = code("close", row, first)
        integers["high"].append(code("high", row, max(first, before)))
        integers["low"].append(code("low", row, min(first, before), -1))
    return {name: s for name, s in sections.items() if plan[name][0] == DECIMAL}, integers, before


def value_section(values, scale, grid, middles):
    section, stand_in = Section(), 0
    for row, value in enumerate(values):
        expected = middles[row] if middles else 0
        v = section.stand(row, value, scale, expected if middles else stand_in)
        section.move(row, v, grid, expected)
        stand_in = v // grid * grid
    return section


def count_section(counts):
    section, before = Section(), 0
    for row, count in enumerate(counts):
        if count is None:
            section.near[row] = 128
        elif abs(count) >= LIMIT:
            section.raw[row] = count % 2**64
        else:
            before = count
        section.residuals.append(before)
    return section


def middles_of(plan, integers):
    if plan["high"][0] != DECIMAL:
        return None
    multiple = 10 ** (plan["vwap"][1] - plan["high"][1])
    sums = [high + low for high, low in zip(integers["high"], integers["low"], strict=True)]
    return [s * multiple // 2 if abs(s) < LIMIT // multiple else 0 for s in sums]


def sections_of(bars, plan, step):
    """For every block its base price and its sections."""
    times = time_residuals(bars["time"], step, plan["time"][2])
    before = next(
        (
            v
            for row in range(len(times))
            for name in PRICES
            if plan[name][0] == DECIMAL
            for kind, v, _ in [decimal_of(bars[name][row], plan[name][1])]
            if kind in ("fits", "near")
        ),
        0,
    )
    for begin in range(0, len(times), BLOCK):
        rows, base = range(begin, min(begin + BLOCK, len(times))), before
        sections, integers, before = price_sections(bars, plan, rows, before)
        sections["time"] = Section()
        sections["time"].residuals = times[begin : rows.stop]
        if plan["volume"][0] == DECIMAL:
            values = bars["volume"][begin : rows.stop]
            sections["volume"] = value_section(values, *plan["volume"][1:], None)
        if plan["vwap"][0] == DECIMAL:
            values, middles = bars["vwap"][begin : rows.stop], middles_of(plan, integers)
            sections["vwap"] = value_section(values, plan["vwap"][1], 1, middles)
        if plan["trade_count"][0] == DECIMAL:
            sections["trade_count"] = count_section(bars["trade_count"][begin : rows.stop])
        yield base, sections


# --- classes and levels ---


def classes_of(activity):
    """The class offset, and the class of every row."""
    rows, halves = len(activity), [half_octaves(x) for x in activity]
    top = 106
    while top > 0 and sum(half >= top for half in halves) <= rows // 500:
        top -= 1
    offset, shift = max(0, top - 15), shift_of(rows)
    return offset, [min(15, max(0, half - offset)) >> shift for half in halves]


def shift_of(rows):
    return 0 if rows >= 4096 else 1 if rows >= 1024 else 2 if rows >= 256 else 4


def bucket(code):
    length = code.bit_length()
    return code if code < 8 else 4 * (length - 3) + (code >> length - 3)


def choices(widest):
    """All widths but the last, in the order in which they are tried."""
    yield []
    for first in range(widest + 1):
        yield [first]
        for second in range(first, first + 4):
            yield [first, second]
            for third in range(second, second + 4):
                yield [first, second, third]


def widths_of(codes):
    """The cheapest widths for the codes of one class."""
    greatest, buckets = max(codes, default=0), [0] * 256
    for code in codes:
        buckets[bucket(code) + 1] += 1
    for i in range(1, 256):
        buckets[i] += buckets[i - 1]
    best = None
    for inner in choices(greatest.bit_length()):
        origins = [sum(1 << width for width in inner[:i]) for i in range(len(inner) + 1)]
        if max(inner, default=0) > 61 or origins[-1] > greatest:
            continue
        held = [0] + [buckets[bucket(origin)] for origin in origins[1:]]
        last = (greatest - origins[-1]).bit_length()
        cost = sum((held[i + 1] - held[i]) * (width + i + 1) for i, width in enumerate(inner))
        cost += (len(codes) - held[-1]) * (last + len(inner))
        cost += 12 + 2 * len(inner) if inner else 8
        if best is None or cost < best[0]:
            best = cost, [*inner, last]
    return best[1]


class Levels:
    def __init__(self, residuals, classes, class_count):
        least = min(residuals)
        self.base = None if least < 0 else least
        codes = [[] for _ in range(class_count)]
        for residual, own in zip(residuals, classes, strict=True):
            codes[own].append(self.code(residual))
        self.widths = [widths_of(own) for own in codes]

    def code(self, residual):
        return zigzag(residual) if self.base is None else residual - self.base

    def table(self):
        fields = []
        for widths in self.widths:
            fields += [(len(widths) - 1, 2), (widths[0], 6)]
            fields += [(wide - before, 2) for before, wide in itertools.pairwise(widths[:-1])]
            fields += [(widths[-1], 6)] if len(widths) > 1 else []
        return (b"\x01" if self.base is None else b"\x00" + integer(self.base)) + packed(fields)

    def fields(self, residuals, classes):
        planes, fields = [[], [], []], []
        for residual, own in zip(residuals, classes, strict=True):
            widths, code, level = self.widths[own], self.code(residual), 0
            while level + 1 < len(widths):
                deeper = code >= 1 << widths[level]
                planes[level].append((deeper, 1))
                if not deeper:
                    break
                code -= 1 << widths[level]
                level += 1
            fields.append((code, widths[level]))
        return b"".join(packed(plane) for plane in planes) + packed(fields)


# --- the whole ---


def raw_section(values):
    words = [bits_of(math.nan) if value is None else bits_of(value) for value in values]
    codes = [0] + [zigzag(signed(b - a)) for a, b in itertools.pairwise(words)]
    width = max(codes).bit_length()
    return struct.pack("<BQ", width, words[0]) + packed([(code, width) for code in codes])


def write_segment(symbol, interval_code, period, bars):
    """The bytes of a segment of bars: a dict of columns, None is absent."""
    rows, step = len(bars["time"]), STEPS[interval_code - 1]
    plan = plan_of(bars, step)
    blocks = list(sections_of(bars, plan, step))
    residuals = {
        name: [residual for _, sections in blocks for residual in sections[name].residuals]
        for name in ORDER
        if plan[name][0] == DECIMAL
    }
    source = next((name for name in ("trade_count", "volume") if name in residuals), None)
    offset, classes = classes_of(residuals[source]) if source else (0, [0] * rows)
    class_of, levels = {}, {}
    for name, own in residuals.items():
        one = source is None or name in ("time", source)
        class_of[name] = [0] * rows if one else classes
        levels[name] = Levels(own, class_of[name], 1 if one else 16 >> shift_of(rows))

    price_grid = max(plan[name][2] for name in PRICES)
    fixed = struct.pack("<IBBBB", rows, interval_code, len(symbol.encode()), offset, 0)
    fixed += struct.pack("<qqq", *period, bars["time"][-1])
    fixed += bytes(plan[name][0] | plan[name][1] << 2 for name in COLUMNS) + symbol.encode()
    grids = (plan["time"][2], price_grid, plan["volume"][2])
    fixed += b"".join(integer(grid) for grid in grids)
    fixed += b"".join(levels[name].table() for name in ORDER if name in levels)

    directory, body, begin = b"", b"", 28 + len(fixed) + 12 * len(blocks)
    for i, (base, sections) in enumerate(blocks):
        own = slice(i * BLOCK, i * BLOCK + BLOCK)
        body += integer(base) if price_grid else b""
        for name in ORDER:
            if name in sections:
                section = sections[name]
                body += section.lists(len(section.residuals), plan[name][2])
                body += levels[name].fields(section.residuals, class_of[name][own])
            elif plan[name][0] == RAW:
                body += raw_section(bars[name][own])
        directory += struct.pack("<qI", bars["time"][own.start], begin + len(body))
    hashed = fixed + directory + body + bytes(8)
    hashed = struct.pack("<I", 28 + len(hashed)) + hashed
    return b"ISOBSEG\x02" + xxh3_128(hashed) + hashed

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure other codecs on the bars that `isobar bench codec` measures isobar on.

    bench/codec_peers.py DIR [--runs N] [--peers NAME,...]

DIR holds one file a series, *.columns: a line of JSON, then the columns one after the other, each
of `rows` little-endian words of 8 bytes ("i8" signed integers, "f8" doubles):

    {"name": "crypto_1m_bitfinex/ETHUSD_2016_1m.csv.gz", "rows": 85818,
     "columns": {"time_us": "i8", "open": "f8", ..., "volume": "f8"}}

Every line printed is NAME, VALUE, UNIT with tabs between. NAME is `pcodec8.decode` for the
geometric mean over all files, `pcodec8.decode/GROUP` for that over the files whose name begins with
GROUP/, `pcodec8.decode/NAME` for one file; a line with the unit "version" says what was measured.

Rules, made to be kind to the peers:
- each column of a whole file goes in at once, and of several ways to lay it out (`layouts`) the
  smallest counts: pcodec in chunks of its own choice or in one, Parquet v1 or v2 in row groups of
  its own choice or in one, zstd a column or all columns a frame;
- "_int" is what a clever user does by hand: a column of doubles becomes integers by the smallest
  power of ten that brings every bit back, and stays as it is where none up to 10^10 does. Finding
  that power is not timed. `encode` and `decode` include the way from and to doubles,
  `encode_ticks` and `decode_ticks` leave it out;
- time is CPU time of the process, one thread; decoding goes to memory touched before where the
  peer can be told to. Medians over the runs, of M bars/s.
Every decoded column is compared with the original, bit by bit.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pcodec
import pyarrow
import zstandard
from pcodec import ChunkConfig, PagingSpec, standalone

DECIMALS_MAX = 10


def read_columns(path):
    """Return (name, {column: array}) of one file of columns."""
    with path.open("rb") as file:
        head = json.loads(file.readline())
        columns = {
            name: np.fromfile(file, "<" + kind, head["rows"])
            for name, kind in head["columns"].items()
        }
    for name, values in columns.items():
        if len(values) != head["rows"]:
            sys.exit(f"{path}: column {name} has {len(values)} of {head['rows']} rows")
    return head["name"], columns


def same_bits(left, right):
    return np.array_equal(left.view(np.uint64), right.view(np.uint64))


# --- integer ticks -------------------------------------------------------------------------------


def to_ticks(values, scale):
    return np.rint(values * scale).astype(np.int64)


def find_scale(values):
    """Return the smallest power of ten that makes values integers without loss, None without."""
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        return None
    for decimals in range(DECIMALS_MAX + 1):
        scale = 10.0**decimals
        if np.abs(values).max(initial=0) * scale >= 2**53:
            return None
        if same_bits(to_ticks(values, scale) / scale, values):
            return scale
    return None


class Ticks:
    """Columns of doubles as integers, where that loses nothing."""

    def __init__(self, columns):
        found = {name: find_scale(values) for name, values in columns.items()}
        self.scales = {name: scale for name, scale in found.items() if scale is not None}
        # Memory for the way back, touched once, as a reader that decodes file after file has it.
        self.doubles = {name: np.zeros(len(columns[name])) for name in self.scales}

    def forward(self, columns):
        return {
            name: to_ticks(values, self.scales[name]) if name in self.scales else values
            for name, values in columns.items()
        }

    def backward(self, columns):
        for name, scale in self.scales.items():
            np.divide(columns[name], scale, out=self.doubles[name])
        return {name: self.doubles.get(name, values) for name, values in columns.items()}


# --- peers ---------------------------------------------------------------------------------------


class Peer:
    """A codec set up for columns of one shape; layouts are the ways it may lay them out."""

    layouts = ("",)
    variants = ()  # beginnings of layouts whose sizes are reported on their own too

    def load(self, columns):
        """What a user has done before he encodes; not timed."""

    def encode(self, columns, layout):
        raise NotImplementedError

    def size(self, blob):
        raise NotImplementedError

    def decode(self, blob):
        raise NotImplementedError


class Pcodec(Peer):
    layouts = ("own chunks", "one chunk")

    def __init__(self, columns, level):
        rows = len(columns["time_us"])
        self.level = level
        self.paging = {
            "own chunks": PagingSpec.equal_pages_up_to(1 << 18),
            "one chunk": PagingSpec.exact_page_sizes([rows]),
        }
        self.targets = {name: np.zeros_like(values) for name, values in columns.items()}

    def encode(self, columns, layout):
        config = ChunkConfig(compression_level=self.level, paging_spec=self.paging[layout])
        return {name: standalone.simple_compress(v, config) for name, v in columns.items()}

    def size(self, blob):
        return sum(map(len, blob.values()))

    def decode(self, blob):
        for name, target in self.targets.items():
            standalone.simple_decompress_into(blob[name], target)
        return self.targets


class Zstd(Peer):
    layouts = ("a frame a column", "one frame")

    def __init__(self, columns, level):
        self.compressor = zstandard.ZstdCompressor(level=level)
        self.decompressor = zstandard.ZstdDecompressor()
        self.whole = np.zeros((len(columns), len(columns["time_us"])), np.uint64)
        self.targets = {
            name: part.view(values.dtype)
            for (name, values), part in zip(columns.items(), self.whole, strict=True)
        }

    def encode(self, columns, layout):
        if layout == "one frame":
            whole = b"".join(values.tobytes() for values in columns.values())
            return [self.compressor.compress(whole)]
        return [self.compressor.compress(values.data) for values in columns.values()]

    def size(self, blob):
        return sum(map(len, blob))

    def decode(self, blob):
        targets = [self.whole] if len(blob) == 1 else self.whole
        for frame, target in zip(blob, targets, strict=True):
            self.decompressor.stream_reader(frame).readinto(memoryview(target).cast("B"))
        return self.targets


class DuckdbParquet(Peer):
    layouts = ("v1", "v2", "v1 in one row group", "v2 in one row group")
    variants = ("v1", "v2")

    def __init__(self, columns, level):
        self.level = level
        self.rows = len(columns["time_us"])
        self.directory = tempfile.TemporaryDirectory(prefix="isobar-bench-parquet-")
        self.connection = duckdb.connect(config={"threads": 1})

    def load(self, columns):
        self.connection.register("given", pyarrow.table(columns))
        self.connection.execute("create or replace table bars as from given")
        self.connection.unregister("given")

    def encode(self, columns, layout):
        version, _, group = layout.partition(" ")
        rows = f", row_group_size {self.rows}" if group else ""
        path = Path(self.directory.name) / f"{layout}.parquet"
        self.connection.execute(
            f"copy bars to '{path}' (format parquet, parquet_version {version}, "
            f"compression zstd, compression_level {self.level}{rows})"
        )
        return path

    def size(self, blob):
        return blob.stat().st_size

    def decode(self, blob):
        table = self.connection.sql(f"from read_parquet('{blob}')").to_arrow_table()
        return {name: table.column(name) for name in table.column_names}


# name: class, level, integer ticks
PEERS = {
    "pcodec8": (Pcodec, 8, False),
    "pcodec8_int": (Pcodec, 8, True),
    "pcodec12": (Pcodec, 12, False),
    "pcodec12_int": (Pcodec, 12, True),
    "duckdb_parquet_zstd3": (DuckdbParquet, 3, False),
    "duckdb_parquet_zstd19": (DuckdbParquet, 19, False),
    "duckdb_parquet_zstd19_int": (DuckdbParquet, 19, True),
    "zstd3": (Zstd, 3, False),
    "zstd19": (Zstd, 19, False),
}
VERSIONS = {
    "pcodec": pcodec.__version__,
    "duckdb": duckdb.__version__,
    "zstd": ".".join(map(str, zstandard.ZSTD_VERSION)),
    "python-zstandard": zstandard.__version__,
    "pyarrow": pyarrow.__version__,
    "numpy": np.__version__,
}


# --- measuring -----------------------------------------------------------------------------------


def clock(work, *arguments):
    """Return (CPU seconds, what work returned)."""
    begin = time.process_time()
    result = work(*arguments)
    return time.process_time() - begin, result


def check(peer_name, file_name, decoded, columns):
    for name, values in columns.items():
        if not same_bits(np.asarray(decoded[name]), values):
            sys.exit(f"{peer_name} does not give back {name} of {file_name} bit by bit")


def try_layouts(peer, columns):
    """Return {layout: (bytes, blob, CPU seconds that encoding took)}, the smallest first."""
    tried = {}
    for layout in peer.layouts:
        seconds, blob = clock(peer.encode, columns, layout)
        tried[layout] = (peer.size(blob), blob, seconds)
    return dict(sorted(tried.items(), key=lambda item: item[1][0]))


def measure(peer_name, file_name, columns, runs):
    """Return {measure: (value, unit)} of one peer on one file."""
    kind, level, as_ticks = PEERS[peer_name]
    rows = len(columns["time_us"])
    ticks = Ticks(columns) if as_ticks else None
    given = ticks.forward(columns) if ticks else columns
    peer = kind(given, level)
    peer.load(given)
    tried = try_layouts(peer, given)
    layout, (size, blob, first_seconds) = next(iter(tried.items()))

    encode, decode, forward, backward = [first_seconds], [], [], []
    for run in range(runs):
        if run > 0:
            encode.append(clock(peer.encode, given, layout)[0])
        seconds, decoded = clock(peer.decode, blob)
        decode.append(seconds)
        check(peer_name, file_name, decoded, given)
        if ticks:
            forward.append(clock(ticks.forward, columns)[0])
            seconds, decoded = clock(ticks.backward, arrays(decoded))
            backward.append(seconds)
            check(peer_name, file_name, decoded, columns)

    def speed(*parts):
        return rows * 1e-6 / statistics.median(map(sum, zip(*parts, strict=True))), "M bars/s"

    found = {
        "bytes_per_bar": (size / rows, "B"),
        "bits_per_value": (size * 8 / rows / len(columns), "bit"),
        "encode": speed(encode, forward) if ticks else speed(encode),
        "decode": speed(decode, backward) if ticks else speed(decode),
    }
    if ticks:
        found["encode_ticks"] = speed(encode)
        found["decode_ticks"] = speed(decode)
    for variant in peer.variants:
        sizes = [size for layout, (size, *_) in tried.items() if layout.startswith(variant)]
        found[f"{variant}_bytes_per_bar"] = (min(sizes) / rows, "B")
    return found


def arrays(decoded):
    """Arrow's columns as numpy's, which copies only where they are in several pieces."""
    return {name: np.asarray(values) for name, values in decoded.items()}


# --- reporting -----------------------------------------------------------------------------------


def row(name, value, unit):
    print(f"{name}\t{value if unit == 'version' else format(value, '.6g')}\t{unit}", flush=True)


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def report(results, peers):
    """Rows of what was measured: {file name: {peer: {measure: (value, unit)}}}."""
    scopes = {"": list(results)}
    for name in results:
        if "/" in name:
            scopes.setdefault("/" + name.rpartition("/")[0], []).append(name)
    for peer in peers:
        for measure_name, (_, unit) in results[scopes[""][0]][peer].items():
            for scope, names in scopes.items():
                values = [results[name][peer][measure_name][0] for name in names]
                row(f"{peer}.{measure_name}{scope}", geometric_mean(values), unit)
            for name in results:
                row(f"{peer}.{measure_name}/{name}", results[name][peer][measure_name][0], unit)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--runs", type=int, default=5, help="repetitions of each timing (5)")
    parser.add_argument("--peers", default=",".join(PEERS), help="names with commas between")
    options = parser.parse_args()
    peers = options.peers.split(",")
    for name in peers:
        if name not in PEERS:
            parser.error(f"no peer {name}; there are {', '.join(PEERS)}")
    files = sorted(options.directory.glob("*.columns"))
    if not files or options.runs < 1:
        parser.error(f"{options.directory} has no *.columns, or there are no runs")

    for name, version in VERSIONS.items():
        row(f"{name}.version", version, "version")
    results = {}
    for i, path in enumerate(files, 1):
        name, columns = read_columns(path)
        print(f"peers: {i} of {len(files)}: {name}", file=sys.stderr, flush=True)
        results[name] = {peer: measure(peer, name, columns, options.runs) for peer in peers}
    report(results, peers)


if __name__ == "__main__":
    main()

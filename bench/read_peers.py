#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure other stores on the weeks that `isobar bench read` reads.

    bench/read_peers.py DIR [--runs N]

DIR holds the bars as *.columns files, whose form codec_peers.py describes, and two tables with tabs
between the fields:

    series.tsv   SYMBOL, FILE    each series of the store and the file whose bars it has
    plan.tsv     SYMBOL, FROM, TO    what is read: microseconds, TO is not included

Every line printed is NAME, VALUE, UNIT with tabs between; a line with the unit "version" says what
was measured. A peer that is not installed is left out, with a word on standard error.

Rules, made to be kind to the peers: one file (one ArcticDB symbol) a series, in order of time, so
that none has to look for the series; all columns of the range into memory as the peer's own users
have them (polars and pandas frames, Arrow tables; Feather's stay on disk until they are touched),
and the closes summed by numpy. Wall-clock, one process; `weeks_N` is N processes together, 0.1 s a
run. The closes of every read are compared with the file's, bit by bit, outside of the time.
"""

import argparse
import statistics
import subprocess
import sys
import time
from importlib import import_module, metadata
from pathlib import Path

import numpy as np
from codec_peers import read_columns, row

ROW_GROUP = 122880  # DuckDB's, and near what the others choose
SECONDS_A_RUN = 0.1  # that processes read together


def arrow_table(columns):
    """Return an Arrow table whose times are timestamps."""
    pyarrow = import_module("pyarrow")
    arrays = {name: pyarrow.array(values) for name, values in columns.items()}
    arrays["time_us"] = arrays["time_us"].cast(pyarrow.timestamp("us"))
    return pyarrow.table(arrays)


def within(times, begin, end):
    """Return the slice of sorted times in [begin, end)."""
    return slice(int(np.searchsorted(times, begin)), int(np.searchsorted(times, end)))


class Peer:
    """A store below a directory: filled once, then opened by each process that reads."""

    packages = ()

    def __init__(self, directory):
        self.directory = directory / type(self).__name__

    def path(self, symbol):
        return self.directory / symbol

    def fill(self, series):
        """Write every (symbol, columns) of series."""
        self.directory.mkdir()
        for symbol, columns in series:
            self.write(symbol, columns)

    def write(self, symbol, columns):
        raise NotImplementedError

    def open(self):
        """What a process does before its first read."""

    def read(self, symbol, begin, end):
        """Return the closes of [begin, end), having all columns in memory; (None, None) is all."""
        raise NotImplementedError


class Parquet(Peer):
    packages = ("pyarrow",)

    def write(self, symbol, columns):
        parquet = import_module("pyarrow.parquet")
        table = arrow_table(columns)
        parquet.write_table(table, self.path(symbol), ROW_GROUP, compression="zstd")


class PyarrowParquet(Parquet):
    def open(self):
        self.pyarrow = import_module("pyarrow")
        self.parquet = import_module("pyarrow.parquet")

    def read(self, symbol, begin, end):
        filters = None
        if begin is not None:
            low, high = (self.pyarrow.scalar(t, self.pyarrow.timestamp("us")) for t in (begin, end))
            filters = [("time_us", ">=", low), ("time_us", "<", high)]
        return self.parquet.read_table(self.path(symbol), filters=filters)["close"].to_numpy()


class PolarsParquet(Parquet):
    packages = ("polars", "pyarrow")

    def open(self):
        self.polars = import_module("polars")

    def read(self, symbol, begin, end):
        frame = self.polars.scan_parquet(self.path(symbol))
        if begin is not None:
            times = self.polars.col("time_us")
            low, high = (self.polars.lit(t).cast(self.polars.Datetime("us")) for t in (begin, end))
            frame = frame.filter((times >= low) & (times < high))
        return frame.collect()["close"].to_numpy()


class Feather(Peer):
    """Uncompressed, mapped: rows are found by bisection and sliced without a copy."""

    packages = ("pyarrow",)

    def write(self, symbol, columns):
        feather = import_module("pyarrow.feather")
        chunk = len(columns["time_us"])
        feather.write_feather(
            arrow_table(columns), self.path(symbol), compression="uncompressed", chunksize=chunk
        )

    def open(self):
        self.feather = import_module("pyarrow.feather")

    def read(self, symbol, begin, end):
        table = self.feather.read_table(self.path(symbol), memory_map=True)
        if begin is not None:
            times = table["time_us"].to_numpy().view(np.int64)
            found = within(times, begin, end)
            table = table.slice(found.start, found.stop - found.start)
        return table["close"].to_numpy()


class Arcticdb(Peer):
    packages = ("arcticdb", "pandas")

    def fill(self, series):
        self.directory.mkdir()
        self.open(create=True)
        pandas = import_module("pandas")
        for symbol, columns in series:
            index = pandas.DatetimeIndex(columns["time_us"].astype("datetime64[us]"))
            values = {name: v for name, v in columns.items() if name != "time_us"}
            self.library.write(symbol, pandas.DataFrame(values, index=index.as_unit("ns")))
        del self.library

    def open(self, create=False):
        self.timestamp = import_module("pandas").Timestamp
        store = import_module("arcticdb").Arctic(f"lmdb://{self.directory}?map_size=64GB")
        self.library = store.get_library("bars", create_if_missing=create)

    def read(self, symbol, begin, end):
        span = None
        if begin is not None:  # both ends are included here
            span = (self.timestamp(begin, unit="us"), self.timestamp(end - 1, unit="us"))
        return self.library.read(symbol, date_range=span).data["close"].to_numpy()


PEERS = {
    "polars_parquet": PolarsParquet,
    "pyarrow_parquet": PyarrowParquet,
    "feather": Feather,
    "arcticdb": Arcticdb,
}


def installed(name):
    for package in PEERS[name].packages:
        try:
            import_module(package)
        except ImportError as reason:
            print(f"peers: {name} is left out: {reason}", file=sys.stderr, flush=True)
            return False
    return True


# --- what is read --------------------------------------------------------------------------------


def table_of(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def plan_of(directory):
    return [
        (symbol, int(begin), int(end)) for symbol, begin, end in table_of(directory / "plan.tsv")
    ]


class Bars:
    """The bars of every series; those of several symbols are the same file's."""

    def __init__(self, directory):
        self.files = {p.name: read_columns(p)[1] for p in directory.glob("*.columns")}
        self.of = {s: self.files[name] for s, name in table_of(directory / "series.tsv")}

    def check(self, peer_name, symbol, begin, end, closes):
        columns = self.of[symbol]
        expected = columns["close"]
        if begin is not None:
            expected = expected[within(columns["time_us"], begin, end)]
        closes = np.ascontiguousarray(closes)
        if not np.array_equal(closes.view(np.uint64), expected.view(np.uint64)):
            sys.exit(f"{peer_name} does not give back the closes of {symbol} bit by bit")


def timed_read(peer, symbol, begin, end):
    """Return (microseconds, closes)."""
    start = time.perf_counter()
    closes = peer.read(symbol, begin, end)
    closes.sum()
    return (time.perf_counter() - start) * 1e6, closes


# --- measuring -----------------------------------------------------------------------------------


def measure_weeks(name, peer, plan, bars, runs):
    first, warm = [], []
    for week in plan:
        us, closes = timed_read(peer, *week)
        bars.check(name, *week, closes)
        first.append(us)
    for week in plan:
        timed_read(peer, *week)
        warm.append(statistics.median(timed_read(peer, *week)[0] for _ in range(runs)))
    row(f"{name}.week_first_p50", statistics.median(first), "us")
    row(f"{name}.week_warm_p50", statistics.median(warm), "us")


def measure_scan(name, peer, bars):
    rows, total = 0, 0.0
    for symbol in bars.of:
        us, closes = timed_read(peer, symbol, None, None)
        bars.check(name, symbol, None, None, closes)
        total += us
        rows += len(closes)
    row(f"{name}.full_scan", rows / total, "M bars/s")


def work(name, directory, index, runs):
    """Read weeks in a process of its own once a line comes; prints how many a second."""
    peer, plan = PEERS[name](directory), plan_of(directory)
    peer.open()
    for week in plan:
        peer.read(*week)
    print("ready", flush=True)
    sys.stdin.readline()
    begin = now = time.perf_counter()
    reads = 0
    while now - begin < SECONDS_A_RUN * runs:
        timed_read(peer, *plan[(reads + index) % len(plan)])
        reads += 1
        now = time.perf_counter()
    print(reads / (now - begin), flush=True)


def measure_together(name, directory, runs):
    for processes in (1, 2, 8):
        command = [sys.executable, __file__, directory, "--runs", str(runs), "--work", name]
        workers = [
            subprocess.Popen(
                [*command, str(i)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            for i in range(processes)
        ]
        ready = [worker.stdout.readline() for worker in workers]
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        reads = [worker.communicate()[0] for worker in workers]
        if ready != ["ready\n"] * processes or any(worker.returncode for worker in workers):
            sys.exit(f"{name}: a process that reads failed")
        row(f"{name}.weeks_{processes}", sum(map(float, reads)), "weeks/s")


def measure(name, directory, bars, runs):
    peer = PEERS[name](directory)
    peer.fill(bars.of.items())
    reader = PEERS[name](directory)
    reader.open()
    measure_weeks(name, reader, plan_of(directory), bars, runs)
    measure_scan(name, reader, bars)
    del reader
    measure_together(name, directory, runs)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, metavar="DIR")
    parser.add_argument("--runs", type=int, default=5, help="repetitions of each timing (5)")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(options.work[0], options.directory, int(options.work[1]), options.runs)
        return
    bars = Bars(options.directory)
    if not bars.of or options.runs < 1:
        parser.error(f"{options.directory} has no series, or there are no runs")
    names = [name for name in PEERS if installed(name)]
    for package in dict.fromkeys(p for name in names for p in PEERS[name].packages):
        row(f"{package}.version", metadata.version(package), "version")
    for name in names:
        print(f"peers: {name}", file=sys.stderr, flush=True)
        measure(name, options.directory, bars, options.runs)


if __name__ == "__main__":
    main()

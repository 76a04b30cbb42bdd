#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure how fast others take in the files that `isobar bench import` takes in.

    bench/import_peers.py DIR [--runs N]

DIR/files.json is {"isobar": PROGRAM, "files": [PATH, ...]}. A file is CSV, plain or .gz, with or
without a header, whose first six columns are time, open, high, low, close, volume, as Binance and
most others have them; times are epochs or ISO text. Every line printed is NAME, VALUE, UNIT with
tabs between; a line with the unit "version" says what was measured.

Each round imports all files by each of them in turn, into a new place, end to end: from opening the
first file to the last byte fsynced. So a busy machine hurts all alike, and the ratio to DuckDB is
taken within a round. Medians over the rounds: `import` is M rows/s of wall time, `import_cpu` M
rows a second of CPU time, which is what an import takes from others on a busy machine.
- isobar: the command as a process of its own, its start included, one thread; a keyed store,
  quality rules, quarantine.
- duckdb: CREATE TABLE with PRIMARY KEY (symbol, timestamp), INSERT ... SELECT ... FROM read_csv
  (CREATE TABLE ... AS takes no key), CHECKPOINT; all cores.
- duckdb_nokey: CREATE TABLE ... AS SELECT ... FROM read_csv without a key.
- polars, pyarrow: read_csv, times made timestamps, one Parquet file (zstd) a file; no key, no
  check of order or doubles; all cores.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import polars
import pyarrow
from pyarrow import compute, csv, parquet

NAMES = ("timestamp", "open", "high", "low", "close", "volume")
UNITS = {10: 1_000_000, 13: 1_000, 16: 1}  # digits of an epoch: microseconds in its unit


class File:
    """A file to import, and what a person who writes the import by hand would know of it."""

    def __init__(self, path):
        self.path = path
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path, "rt") as file:
            first, second = file.readline(), file.readline()
        self.has_header = not first[:1].isdigit()
        stamp = (second if self.has_header else first).split(",")[0]
        self.microseconds = UNITS.get(len(stamp)) if stamp.isdigit() else None


def cpu_seconds():
    """Return the CPU time of this process and of those it ran."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def sync(path):
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.close(file)


def by_isobar(program, files, place):
    command = [program, "--store", str(place / "store"), "import", "--json", "--quiet"]
    rows = 0
    for number, file in enumerate(files):
        done = subprocess.run(
            [*command, file.path, "--symbol", f"file-{number}"],
            check=True,
            stdout=subprocess.PIPE,
        )
        rows += json.loads(done.stdout)["total"]["stored"]
    return rows


def select(connection, file, number):
    """Return the query that gives the bars of a file."""
    quoted = file.path.replace("'", "''")
    source = f"read_csv('{quoted}', header={file.has_header})"
    found = [row[0] for row in connection.execute(f"DESCRIBE FROM {source}").fetchall()]
    stamp = f'"{found[0]}"'
    if file.microseconds:
        stamp = f"make_timestamp({stamp} * {file.microseconds})"
    values = ", ".join(
        f'"{place}" AS {name}' for place, name in zip(found[1:6], NAMES[1:], strict=True)
    )
    return f"SELECT 'file-{number}' AS symbol, {stamp} AS timestamp, {values} FROM {source}"


def by_duckdb(files, place, keyed):
    connection = duckdb.connect(str(place / "bars.duckdb"))
    if keyed:
        connection.execute(
            "CREATE TABLE bars (symbol VARCHAR, timestamp TIMESTAMP, open DOUBLE, high DOUBLE, "
            "low DOUBLE, close DOUBLE, volume DOUBLE, PRIMARY KEY (symbol, timestamp))"
        )
    for number, file in enumerate(files):
        query = select(connection, file, number)
        made = keyed or number > 0
        connection.execute(("INSERT INTO bars " if made else "CREATE TABLE bars AS ") + query)
    rows = connection.execute("SELECT count(*) FROM bars").fetchone()[0]
    connection.execute("CHECKPOINT")
    connection.close()
    return rows


def by_polars(files, place):
    rows = 0
    for number, file in enumerate(files):
        table = polars.read_csv(file.path, has_header=file.has_header, columns=list(range(6)))
        table.columns = list(NAMES)
        stamp = polars.col("timestamp")
        if file.microseconds:
            stamp = (stamp * file.microseconds).cast(polars.Datetime("us"))
        else:
            stamp = stamp.str.to_datetime(time_zone="UTC")
        path = place / f"{number}.parquet"
        table.with_columns(stamp).write_parquet(path, compression="zstd")
        sync(path)
        rows += table.height
    return rows


def by_pyarrow(files, place):
    rows = 0
    for number, file in enumerate(files):
        options = csv.ReadOptions(autogenerate_column_names=not file.has_header)
        table = csv.read_csv(file.path, read_options=options)
        table = table.select(table.column_names[:6]).rename_columns(NAMES)
        if file.microseconds:
            stamps = compute.multiply(table["timestamp"], file.microseconds)
            table = table.set_column(0, "timestamp", stamps.cast(pyarrow.timestamp("us", "UTC")))
        path = place / f"{number}.parquet"
        parquet.write_table(table, path, compression="zstd")
        sync(path)
        rows += table.num_rows
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    named = json.loads((given.directory / "files.json").read_text())
    files = [File(path) for path in named["files"]]
    ways = {
        "isobar_command": lambda place: by_isobar(named["isobar"], files, place),
        "duckdb": lambda place: by_duckdb(files, place, keyed=True),
        "duckdb_nokey": lambda place: by_duckdb(files, place, keyed=False),
        "polars": lambda place: by_polars(files, place),
        "pyarrow": lambda place: by_pyarrow(files, place),
    }
    rates = {name: [] for name in ways}
    cpu_rates = {name: [] for name in ways}
    for _ in range(given.runs):
        for name, way in ways.items():
            place = Path(tempfile.mkdtemp(dir=given.directory))
            begin, cpu_begin = time.perf_counter(), cpu_seconds()
            try:
                rows = way(place)
            except Exception as problem:  # a peer that cannot is a result, too
                print(f"{name} cannot import these files: {problem}", file=sys.stderr)
                continue
            finally:
                seconds, cpu = time.perf_counter() - begin, cpu_seconds() - cpu_begin
                shutil.rmtree(place)
            rates[name].append(rows / seconds / 1e6)
            cpu_rates[name].append(rows / cpu / 1e6)
    for what, measured in (("import", rates), ("import_cpu", cpu_rates)):
        for name, found in measured.items():
            if found:
                print(f"{name}.{what}\t{statistics.median(found):.6g}\tM rows/s")
        for name in ("duckdb", "duckdb_nokey", "polars", "pyarrow"):
            if len(measured[name]) == given.runs:
                pairs = zip(measured["isobar_command"], measured[name], strict=True)
                ratio = statistics.median(ours / theirs for ours, theirs in pairs)
                print(f"isobar.{what}_to_{name}\t{ratio:.6g}\tx")
    for module in (duckdb, polars, pyarrow):
        print(f"{module.__name__}.version\t{module.__version__}\tversion")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pools of Python beside isobar's, for `isobar bench pool`.

bench/pool_peers.py --runs N --seconds S --size CONNECTIONS

ISOBAR_CLOUD_URL names the server. Prints lines of name, value and unit with tabs between:
asyncpg (uvloop) and psycopg_pool (threads), SELECT 1 by 1, 8 and 64 tasks, medians of the runs,
and the time of acquiring and releasing a connection that nobody else wants. Where
ISOBAR_BENCH_POOLER_URL names a PgBouncer before the same server, pgbench gives it the same load, a
connection a task.
"""

import argparse
import asyncio
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time

import asyncpg
import psycopg
import psycopg_pool
import uvloop

PGBENCH = ("pgbench", "/usr/lib/postgresql/15/bin/pgbench", "/usr/lib/postgresql/17/bin/pgbench")
PGBENCH_QUERIES = 20000  # of all tasks together, in each run
TASKS = (1, 8, 64)
ACQUIRES = 2000


def say(name, value, unit):
    print(name, value, unit, sep="\t", flush=True)


async def measure_asyncpg(url, runs, seconds, size):
    async def ask(pool, end, counts, task):
        while time.monotonic() < end:
            async with pool.acquire() as connection:
                assert await connection.fetchval("SELECT 1") == 1
            counts[task] += 1

    async with asyncpg.create_pool(url, min_size=size, max_size=size) as pool:
        for tasks in TASKS:
            rates = []
            for _ in range(runs + 1):
                counts = [0] * tasks
                begin = time.monotonic()
                await asyncio.gather(
                    *(ask(pool, begin + seconds, counts, task) for task in range(tasks))
                )
                rates.append(sum(counts) / (time.monotonic() - begin))
            say(f"asyncpg.select1_{tasks}", statistics.median(rates[1:]), "1/s")
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            for _ in range(ACQUIRES):
                async with pool.acquire():
                    pass
            times.append((time.perf_counter() - begin) / ACQUIRES * 1e9)
        say("asyncpg.acquire", statistics.median(times), "ns")


def measure_psycopg(url, runs, seconds, size):
    def ask(pool, end, counts, task):
        while time.monotonic() < end:
            with pool.connection() as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            counts[task] += 1

    pool = psycopg_pool.ConnectionPool(
        url, min_size=size, max_size=size, kwargs={"autocommit": True}
    )
    with pool:
        pool.wait()
        for tasks in TASKS:
            rates = []
            for _ in range(runs + 1):
                counts = [0] * tasks
                begin = time.monotonic()
                threads = [
                    threading.Thread(target=ask, args=(pool, begin + seconds, counts, task))
                    for task in range(tasks)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                rates.append(sum(counts) / (time.monotonic() - begin))
            say(f"psycopg.select1_{tasks}", statistics.median(rates[1:]), "1/s")
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            for _ in range(ACQUIRES):
                with pool.connection():
                    pass
            times.append((time.perf_counter() - begin) / ACQUIRES * 1e9)
        say("psycopg.acquire", statistics.median(times), "ns")


def measure_pgbouncer(url, runs):
    program = next(filter(None, map(shutil.which, PGBENCH)), None)
    if program is None:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("SELECT 1;\n")
        script.flush()
        for tasks in TASKS:
            rates = []
            for _ in range(min(runs, 3)):
                command = [program, "-n", "-M", "prepared", "-f", script.name]
                command += [
                    "-c",
                    str(tasks),
                    "-j",
                    str(min(tasks, 2)),
                    "-t",
                    str(PGBENCH_QUERIES // tasks),
                ]
                done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
                rates.append(float(re.search(r"tps = ([0-9.]+)", done.stdout).group(1)))
            say(f"pgbouncer.select1_{tasks}", statistics.median(rates), "1/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--size", type=int, default=8)
    wanted = parser.parse_args()
    url = os.environ["ISOBAR_CLOUD_URL"]
    say("asyncpg.version", asyncpg.__version__, "version")
    say("psycopg.version", psycopg.__version__, "version")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure_asyncpg(url, wanted.runs, wanted.seconds, wanted.size))
    measure_psycopg(url, wanted.runs, wanted.seconds, wanted.size)
    if "ISOBAR_BENCH_POOLER_URL" in os.environ:
        measure_pgbouncer(os.environ["ISOBAR_BENCH_POOLER_URL"], wanted.runs)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Writers killed with -9, at any moment and at any call to the disk.

In memory, since a kill takes nothing from the kernel and an opening is timed: a disk that others
keep busy would be timed too.
"""

import signal
import time

from harness import acknowledged, chance, clean_up, judge, report, sized, start

KILLS_A_STORE = 12


def writers(store, seed, acked, **shim):
    common = {"store": store, "seed": seed, "writers": len(acked), "session": 7}
    common["acked"] = ",".join(map(str, acked))
    return [start("write", common | {"writer": w}, **shim) for w in range(len(acked))]


def end_all(processes, acked):
    """Kill what still runs, take its acknowledgements; return how many died of a kill."""
    for process in processes:
        process.kill()
    outputs = [process.communicate()[0] for process in processes]
    for output in outputs:
        acknowledged(output, acked)
    assert not any(line.startswith("broken") for o in outputs for line in o.splitlines()), outputs
    return sum(process.returncode == -signal.SIGKILL for process in processes)


def torture(memory_path, name, kills_wanted, writer_count, strike):
    rng = chance(name)
    kills = stores = orphans = batches = slowest = 0
    while kills < kills_wanted:
        store = memory_path / f"{name}{stores}" / "s"
        store.parent.mkdir()
        acked = [0] * writer_count
        stores += 1
        for _ in range(KILLS_A_STORE):
            died = strike(rng, store, stores, acked)
            said, wrong = judge(store, stores, acked)
            assert wrong is None, (name, stores, kills, wrong)
            kills += died
            slowest = max(slowest, said["open_and_read_us"])
        orphans += clean_up(store, stores, acked)
        batches += sum(acked)
    report(
        name,
        kills=kills,
        stores=stores,
        **{
            "batches acknowledged": batches,
            "lost or torn": 0,
            "orphans cleaned": orphans,
            "us slowest open and read": slowest,
        },
    )


def at_any_moment(rng, store, seed, acked):
    processes = writers(store, seed, acked)
    time.sleep(rng.uniform(0.002, 0.12))
    return end_all(processes, acked)


def at_a_call(rng, store, seed, acked):
    """The process ends itself instead of making its n-th call to the disk."""
    fault = f"any:{int(rng.expovariate(1 / 250)) + 1}:kill:0"
    processes = writers(store, seed, acked, root=store.parent, fault=fault)
    for process in processes:
        process.wait(timeout=60) if len(processes) == 1 else time.sleep(0.05)
    return end_all(processes, acked)


def test_a_writer_killed_at_any_moment_loses_nothing(memory_path):
    torture(memory_path, "kills at any moment", sized(12, 150), 1, at_any_moment)


def test_a_writer_killed_at_any_call_to_the_disk_loses_nothing(memory_path):
    torture(memory_path, "kills at a call", sized(24, 300), 1, at_a_call)


def test_two_writers_of_a_series_killed_together_lose_nothing(memory_path):
    torture(memory_path, "kills of two writers", sized(12, 150), 2, at_any_moment)

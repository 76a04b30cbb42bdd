# SPDX-License-Identifier: Apache-2.0
"""Writers on a disk that is full, broken or slow to take all; and the command on such a disk."""

import subprocess

import pytest
from harness import (
    ERRORS,
    ISOBAR,
    SHIM,
    acknowledged,
    chance,
    environment,
    judge,
    report,
    run,
    sized,
)

OPERATIONS = ["open", "read", "write", "fsync", "rename", "ftruncate", "unlink", "close", "any"]


def random_fault(rng):
    operation = rng.choice(OPERATIONS)
    effect = rng.choice(["fail", "fail", "late"] + (["short"] if operation == "write" else []))
    nth = int(rng.expovariate(1 / 40)) + 1
    ever = ":ever" if rng.random() < 0.5 else ""
    return f"{operation}:{nth}:{effect}:{rng.choice(list(ERRORS.values()))}{ever}"


def test_writers_on_a_failing_disk_lose_nothing_acknowledged(memory_path):
    rng = chance("faults")
    faults = gave_up = failures = batches = 0
    for seed in range(1, sized(4, 40) + 1):
        place = memory_path / f"faults{seed}"
        place.mkdir()
        acked = [0]
        for _ in range(12):
            fault = random_fault(rng)
            settings = {"store": place / "s", "seed": seed, "acked": acked[0], "batches": 8}
            status, output = run("write", settings | {"session": 3}, root=place, fault=fault)
            assert status in (0, 1), (seed, fault, status, output[-800:])
            acknowledged(output, acked)
            _, wrong = judge(place / "s", seed, acked)
            assert wrong is None, (seed, fault, wrong, output[-800:])
            faults += 1
            gave_up += status
            failures += output.count("\nfailed ") + output.startswith("failed ")
        batches += acked[0]
    assert failures > 0
    counts = {"calls that failed": failures, "gave up": gave_up}
    counts |= {"batches acknowledged": batches, "lost or torn": 0}
    report("disk faults under writers", faults=faults, **counts)


def isobar(*arguments, preload=None):
    env = (
        environment()
        | {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}
        | (preload or {})
    )
    return subprocess.run(
        [ISOBAR, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=env,
        check=False,
    )


def bars_file(path):
    lines = ["time,open,high,low,close,volume"]
    for i in range(3000):
        price = 100 + i % 37 / 100
        lines.append(f"{1704067200 + 300 * i},{price},{price + 1},{price - 1},{price},{i % 11}")
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.skipif(not SHIM, reason="the library for LD_PRELOAD does not go with sanitizers")
@pytest.mark.parametrize("operation", ["open", "write", "fsync", "rename", "ftruncate"])
def test_an_import_whose_nth_call_fails_says_so_and_can_be_made_again(tmp_path, operation):
    bars = tmp_path / "bars.csv"
    bars_file(bars)
    runs = failures = 0
    nth = 1
    reached = True
    while reached:
        place = tmp_path / f"n{nth}"
        place.mkdir()
        store = place / "s"
        arguments = ["--store", store, "import", bars, "--symbol", "X", "--interval", "5m"]
        fault = {"TORTURE_ROOT": str(place), "LD_PRELOAD": SHIM}
        fault["TORTURE_FAULT"] = f"{operation}:{nth}:fail:{list(ERRORS.values())[nth % 2]}:ever"
        done = isobar(*arguments, preload=fault)
        assert done.returncode in (0, 1), (operation, nth, done)
        assert done.returncode == 0 or done.stderr.strip(), "a failure without words"
        reached = done.returncode != 0
        again = isobar(*arguments)
        assert again.returncode == 0, (operation, nth, again)
        verified = isobar("--store", store, "verify", "--deep")
        assert verified.returncode == 0, (operation, nth, verified)
        got = isobar("--store", store, "get", "X", "5m", "--from", "2000-01-01", "--format", "csv")
        assert got.stdout.count("\n") == 3001, (operation, nth, got.stdout[:200])
        runs += 1
        failures += reached
        nth += sized(3, 1)
    assert failures > 0
    report(f"import whose n-th {operation} and all later fail", runs=runs, failures=failures)

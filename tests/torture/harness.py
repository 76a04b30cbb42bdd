# SPDX-License-Identifier: Apache-2.0
"""Starting, killing and judging the worker. TORTURE=full runs at full length, else a short form."""

import json
import os
import random
import subprocess
import sys

WORKER = os.environ.get("TORTURE_WORKER", "build/tests/torture/torture_worker")
SHIM = os.environ.get("TORTURE_SHIM", "")
ISOBAR = os.environ.get("ISOBAR", "build/isobar")
FULL = os.environ.get("TORTURE", "short") == "full"
SEED = int(os.environ.get("TORTURE_SEED", "1"))
OPEN_US_MAX = 2_000_000
ERRORS = {"EIO": 5, "ENOSPC": 28}


def sized(short, full):
    """Return how many there are to be of something."""
    return full if FULL else short


def chance(name):
    """Return a source of chance of its own for a test; TORTURE_SEED varies all of them."""
    return random.Random(f"{SEED}:{name}")


def report(name, **counts):
    """Print what a run came to, for scripts/torture to collect."""
    print(f"\ntorture: {name}: " + ", ".join(f"{v} {k}" for k, v in counts.items()))
    sys.stdout.flush()


def words(mode, settings):
    return [WORKER, mode] + [f"{key}={value}" for key, value in settings.items()]


def environment(root=None, fault=None, journal=None):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TORTURE_", "ISOBAR_"))}
    for key, value in (("ROOT", root), ("FAULT", fault), ("JOURNAL", journal)):
        if value is not None:
            env["TORTURE_" + key] = str(value)
    return env


def start(mode, settings, **shim):
    return subprocess.Popen(
        words(mode, settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(**shim),
    )


def run(mode, settings, timeout=1200, **shim):
    """Run to the end; return (exit status, output)."""
    done = subprocess.run(
        words(mode, settings),
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment(**shim),
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def run_json(mode, settings, **shim):
    """Run to a good end; return the object of the last line."""
    status, output = run(mode, settings, **shim)
    assert status == 0, (words(mode, settings), status, output[-2000:])
    return json.loads(next(line for line in output.splitlines() if line.startswith("{")))


def acknowledged(output, acked):
    """Raise each writer's count in acked to what its lines in output say."""
    for line in output.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[0] == "ack":
            acked[int(parts[1])] = max(acked[int(parts[1])], int(parts[2]))


def checking(store, seed, acked):
    """Return the settings of a check."""
    settings = {"store": store, "seed": seed, "writers": len(acked)}
    return settings | {"acked": ",".join(map(str, acked))}


def judge(store, seed, acked, in_flight=1):
    """Check the store against what was acknowledged; return (what the worker says, None) or
    (None, what is wrong). A batch that was under way may be there wholly or not at all."""
    status, output = run("check", checking(store, seed, acked), timeout=60)
    if status != 0:
        return None, f"status {status}: {output.strip()[-800:]}"
    said = json.loads(output.strip().splitlines()[-1])
    if any(head > a + in_flight for head, a in zip(said["heads"], acked, strict=True)):
        return None, f"bars that nobody wrote: {said['heads']}, acknowledged {acked}"
    if said["open_and_read_us"] >= OPEN_US_MAX:
        return None, f"opening took {said['open_and_read_us']} us"
    return said, None


def clean_up(store, seed, acked):
    """Let `isobar maintain` take away what killed writers left; return how many files that were.

    After it each file is one that the catalog names, and nothing of what it names is gone.
    """
    before = set((store / "segments").iterdir())
    maintained = subprocess.run(
        [ISOBAR, "--store", str(store), "maintain", "--grace-seconds", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment(),
        check=False,
    )
    assert maintained.returncode == 0, maintained
    after = set((store / "segments").iterdir())
    listed = run_json("check", checking(store, seed, acked))["segments"]
    assert len(after) == listed, (listed, sorted(after))
    return len(before - after)

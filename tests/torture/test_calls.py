# SPDX-License-Identifier: Apache-2.0
"""Every call of the library with its k-th operation failing; see calls.c."""

import pytest
from harness import SEED, report, run, run_json, sized

CALLS = ["make", "open", "look", "tail", "bulk", "read", "walk", "close"]
CALLS += ["seal", "collect", "checkpoint"]
# Operation: (effects, every how many k in the short form). Of allocations and of steps there are
# hundreds.
OPERATIONS = {
    "open": (["fail"], 1),
    "read": (["fail"], 1),
    "write": (["fail", "short", "late"], 1),
    "fsync": (["fail", "late"], 1),
    "rename": (["fail", "late"], 1),
    "ftruncate": (["fail", "late"], 1),
    "unlink": (["fail", "late"], 1),
    "mkdir": (["fail", "late"], 1),
    "close": (["fail"], 1),
    "mmap": (["fail"], 1),
    "lock": (["fail"], 1),
    "alloc": (["fail"], 23),
    "step": (["fail"], 23),
}
BATCHES = 20


@pytest.fixture(scope="module")
def base(memory_path):
    settings = {"store": memory_path / "base", "seed": SEED, "batches": BATCHES}
    status, output = run("write", settings)
    assert status == 0, output
    return memory_path


@pytest.mark.parametrize("call", CALLS)
def test_a_call_whose_nth_operation_fails_leaves_one_whole_state(base, call):
    totals = {"runs": 0, "failures": 0}
    for operation, (effects, stride) in OPERATIONS.items():
        for effect in effects:
            settings = {"store": base / "base", "seed": SEED, "acked": BATCHES, "call": call}
            settings |= {"operation": operation, "effect": effect, "stride": sized(stride, 1)}
            said = run_json("calls", settings, root=base)
            for key in totals:
                totals[key] += said[key]
            if effect == "short":
                assert said["failures"] == 0, "a short write is no failure"
    assert totals["runs"] > 0
    report(f"call {call} with its k-th operation failing", **totals)

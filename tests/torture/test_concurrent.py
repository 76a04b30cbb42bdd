# SPDX-License-Identifier: Apache-2.0
"""Eight readers and two writers on one store, all at once."""

import json

import pytest
from harness import acknowledged, judge, report, run_json, sized, start

READERS = 8
WRITERS = 2


def test_many_who_make_one_store_at_once_all_succeed(tmp_path):
    """Turning a new catalog to WAL is where SQLite does not wait by itself."""
    times = sized(10, 100)
    for number in range(times):
        store = tmp_path / f"new{number}"
        makers = [
            start("write", {"store": store, "writers": 4, "writer": w, "batches": 1})
            for w in range(4)
        ]
        outputs = [maker.communicate(timeout=60)[0] for maker in makers]
        assert all("failed" not in output for output in outputs), (number, outputs)
        _, wrong = judge(store, 1, [1] * 4, in_flight=0)
        assert wrong is None, wrong
    report("one store made by four at once", stores=times, failures=0)


def test_readers_always_see_one_state_and_writers_lose_nothing(tmp_path):
    seconds = sized(4, 60)
    store = tmp_path / "s"
    progress = tmp_path / "progress"
    progress.write_bytes(bytes(64))
    common = {"store": store, "seed": 11, "writers": WRITERS, "progress": progress}
    common["seconds"] = seconds
    writers = [start("write", common | {"writer": w, "session": 50}) for w in range(WRITERS)]
    for writer in writers:
        first = writer.stdout.readline()
        assert first.startswith("ack"), first
    readers = [start("read", common | {"writer": r}) for r in range(READERS)]
    acked = [0] * WRITERS
    for writer in writers:
        output = writer.communicate(timeout=seconds + 120)[0]
        assert writer.returncode == 0, output[-2000:]
        assert "failed" not in output, output[-2000:]
        acknowledged(output, acked)
    said = []
    for reader in readers:
        output = reader.communicate(timeout=seconds + 120)[0]
        assert reader.returncode == 0, output[-2000:]
        said.append(json.loads(output.strip().splitlines()[-1]))
    _, wrong = judge(store, 11, acked, in_flight=0)
    assert wrong is None, wrong
    assert all(s["reads"] > 0 and s["batches"] > 1 for s in said), said
    report(
        f"{READERS} readers and {WRITERS} writers for {seconds} s",
        reads=sum(s["reads"] for s in said),
        **{
            "walks begun anew": sum(s["begun_anew"] for s in said),
            "batches acknowledged": sum(acked),
            "errors, lost or torn": 0,
        },
    )


@pytest.mark.parametrize(
    ("call", "operation", "stride"),
    [
        ("read", "step", 7),
        ("read", "read", 1),
        ("read", "open", 1),
        ("walk", "step", 7),
        ("walk", "read", 1),
        ("walk", "open", 1),
        ("tail", "step", 3),
        ("tail", "read", 3),
        ("bulk", "step", 3),
        ("bulk", "open", 1),
        ("bulk", "rename", 1),
    ],
)
def test_a_batch_that_falls_into_the_midst_of_a_call_is_seen_wholly_or_not(
    memory_path, call, operation, stride
):
    """Each writer's next batch must be there at the end, and a read must give one state."""
    runs = 0
    for seed in range(1, sized(2, 9)):
        store = memory_path / f"{call}{operation}{seed}"
        common = {"store": store, "seed": seed, "writers": WRITERS}
        writers = [start("write", common | {"writer": w, "batches": 11}) for w in range(WRITERS)]
        for writer in writers:
            assert writer.communicate(timeout=60)[0].count("ack") == 11
        settings = {"store": store, "seed": seed, "acked": "11,11", "call": call}
        settings |= {"operation": operation, "stride": sized(stride, 1)}
        runs += run_json("meanwhile", settings, root=memory_path)["runs"]
    assert runs > 0
    report(f"a batch in the midst of a {call}, before each {operation}", runs=runs, torn=0)

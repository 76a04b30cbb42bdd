# SPDX-License-Identifier: Apache-2.0
"""Power cuts: the store opens whatever the disk has kept of what was not fsynced."""

import shutil

import pytest
from harness import acknowledged, chance, judge, report, run, sized, start
from power import Disk, read_journal


def made(place):
    place.mkdir()
    return place


def record(place, journal, seed, acked, batches):
    """Write batches with every call recorded, writers side by side; return the records."""
    common = {"store": place / "s", "seed": seed, "writers": len(acked), "session": 9}
    common |= {"batches": batches, "acked": ",".join(map(str, acked))}
    shim = {"root": place, "journal": journal}
    processes = [start("write", common | {"writer": w}, **shim) for w in range(len(acked))]
    for process in processes:
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 0, output[-2000:]
    records = read_journal(journal)
    journal.unlink()
    return records


def cuts(place, rng, disk, records, *, seed, acked, count):
    """Yield (acknowledged, wrong) of count cuts at random moments of the records, left in place."""
    played = 0
    for moment in sorted(rng.randrange(1, len(records) + 1) for _ in range(count)):
        for record_played in records[played:moment]:
            disk.play(record_played)
        played = moment
        now = list(acked)
        acknowledged("\n".join(disk.notes), now)
        disk.cut(place, rng)
        yield now, judge(place / "s", seed, now)[1]
        shutil.rmtree(place)


def write_on(place, seed, acked):
    """The store must be good to write to as well; return what is wrong."""
    settings = {"store": place / "s", "seed": seed, "writers": len(acked), "batches": 3}
    settings["acked"] = ",".join(map(str, acked))
    status, output = run("write", settings)
    after = list(acked)
    acknowledged(output, after)
    return judge(place / "s", seed, after)[1] if status == 0 else output


@pytest.mark.parametrize("writer_count", [1, 2])
def test_a_power_cut_at_any_moment_loses_nothing_acknowledged(memory_path, writer_count):
    tmp_path = made(memory_path / f"power{writer_count}")
    rng = chance(f"power{writer_count}")
    total = went_on = 0
    for seed in range(1, sized(2, 9)):
        live = tmp_path / f"live{seed}"
        live.mkdir()
        acked = [0] * writer_count
        records = record(live, tmp_path / "journal", seed, acked, batches=40 // writer_count)
        many = {"seed": seed, "acked": acked, "count": sized(30, 100)}
        for now, wrong in cuts(tmp_path / "cut", rng, Disk(), records, **many):
            assert wrong is None, (seed, total, now, wrong)
            total += 1
            if total % 5 == 0:
                wrong_later = write_on(tmp_path / "cut", seed, now)
                assert wrong_later is None, (seed, total, now, wrong_later)
                went_on += 1
    more = {"lost or torn": 0, "written on": went_on}
    report(f"power cuts, {writer_count} writers", cuts=total, **more)


def test_a_second_cut_during_the_recovery_loses_nothing(memory_path):
    """The first cut's remains are what the disk has; recovering and writing on them is cut too."""
    tmp_path = made(memory_path / "second")
    rng = chance("second cut")
    total = 0
    live = tmp_path / "live"
    live.mkdir()
    records = record(live, tmp_path / "journal", 5, [0], batches=40)
    disk = Disk()
    for index, played in enumerate(records):
        disk.play(played)
        if rng.random() > sized(6, 60) / len(records):
            continue
        acked = [0]
        acknowledged("\n".join(disk.notes), acked)
        place = tmp_path / f"first{index}"
        disk.cut(place, rng)
        remains = Disk.of(place)
        second = record(place, tmp_path / "journal", 5, acked, batches=2)
        few = {"seed": 5, "acked": acked, "count": 6}
        for now, wrong in cuts(tmp_path / "cut", rng, remains, second, **few):
            assert wrong is None, (index, now, wrong)
            total += 1
        shutil.rmtree(place)
    assert total > 0
    report("power cuts during recovery", cuts=total, **{"lost or torn": 0})


FORGOTTEN = {
    "segment files": lambda path: "/.tmp." in path,
    "the names of segments": lambda path: path == "s/segments",
    "the catalog's log": lambda path: path.endswith("catalog.db-wal"),
    "the catalog": lambda path: path.endswith("catalog.db"),
    "the store's own names": lambda path: path == "s",
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_a_forgotten_fsync_would_be_seen(memory_path, what):
    """The same cuts, with one kind of fsync taken away, must find a broken store."""
    tmp_path = made(memory_path / what.replace(" ", "-"))
    rng = chance("forgotten")
    live = tmp_path / "live"
    live.mkdir()
    records = record(live, tmp_path / "journal", 3, [0], batches=40)
    tried = 0
    many = {"seed": 3, "acked": [0], "count": 400}
    for _, wrong in cuts(tmp_path / "cut", rng, Disk(FORGOTTEN[what]), records, **many):
        tried += 1
        if wrong is not None:
            report(f"without the fsync of {what}", **{"cuts until it was seen": tried})
            return
    pytest.fail(f"{tried} cuts do not show that {what} is not fsynced")

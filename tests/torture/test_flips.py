# SPDX-License-Identifier: Apache-2.0
"""One flipped bit in a stored file: noticed, named, and never given as data."""

import pytest
from harness import SEED, report, run, run_json, sized

BATCHES = 20


@pytest.fixture(scope="module")
def store(memory_path):
    place = memory_path / "s"
    status, output = run("write", {"store": place, "seed": SEED, "batches": BATCHES})
    assert status == 0, output
    return place


def flip(store, name, flips, **more):
    settings = {"store": store, "seed": SEED, "acked": BATCHES, "file": name, "flips": flips}
    return run_json("flips", settings | more)


def test_a_flipped_bit_in_a_segment_is_noticed_by_the_read(store):
    listed = noticed = flips = 0
    for path in sorted((store / "segments").glob("*.seg")):
        said = flip(store, f"segments/{path.name}", sized(64, 4096))
        flips += said["flips"]
        assert said["lie"] == said["unnamed"] == 0, said
        if said["nobody"] == said["flips"]:
            continue  # one that was replaced: nothing reads it
        listed += 1
        noticed += said["incomplete"]
        assert said["nobody"] == said["verify"] == said["lie"] == 0, (path.name, said)
    assert listed > 0
    more = {"segments read": listed, "noticed by the read": noticed, "given as data": 0}
    report("flipped bits in segments", flips=flips, **more)


def test_a_segment_in_the_place_of_another_is_noticed(store):
    """Older revisions of the same period too, which are good segments of the right series."""
    names = [f"segments/{path.name}" for path in sorted((store / "segments").glob("*.seg"))]
    swaps = noticed = 0
    for name in names:
        if flip(store, name, 1)["nobody"]:
            continue  # nothing reads it
        for other in set(names) - {name}:
            said = flip(store, name, 0, other=other)
            swaps += 1
            noticed += said["incomplete"]
    assert noticed == swaps > 0
    report("segments in the place of others", swaps=swaps, noticed=noticed)


def test_a_flipped_bit_in_the_catalog_is_never_given_as_data(store):
    said = flip(store, "catalog.db", sized(500, 1 << 30))
    report("flipped bits in the catalog", **said)
    assert said["lie"] == said["unnamed"] == 0, said

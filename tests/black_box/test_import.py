# SPDX-License-Identifier: Apache-2.0
"""Files go in whatever they look like, and what cannot go in says why."""

import gzip
import io
import json
import lzma
import os
import resource
import signal
import subprocess
import tarfile
import time
import zipfile

import pytest
from command import ISOBAR, call, call_json, clean_environment, write_klines

MONDAY_S = 1704067200
HEAD = "timestamp,open,high,low,close,volume\n"
ROWS = [f"2024-01-01T00:{i:02}:00Z,1,2,0.5,1.5,{i}\n" for i in range(40)]


def start(*args, store, **options):
    """Start the command and return it running."""
    return subprocess.Popen(
        [ISOBAR, "--store", str(store), *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
        **options,
    )


def bars_of(store, symbol="A", interval="1m"):
    """Return the bars of a series as CSV lines, without the header."""
    return call("get", symbol, interval, "--format", "csv", store=store).stdout.splitlines()[1:]


def test_an_import_that_finds_nothing_makes_no_store(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "folder").mkdir()
    for path, reason in (
        ("nofile.csv", "there is no such file"),
        ("empty.csv", "the file is empty"),
        ("folder", "there is no file in this folder"),
    ):
        done = call("import", tmp_path / path, store=tmp_path / "s", code=1)
        assert reason in done.stderr
        assert not (tmp_path / "s").exists()


def pack_zip(text):
    """Return the text as the only member of a zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/A_1m.csv", text)
    return target.getvalue()


def pack_tar(text):
    """Return the text as a member with a long name of an archive packed by xz."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:xz") as archive:
        member = tarfile.TarInfo("long/" * 40 + "A_1m.csv")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return target.getvalue()


def pack_zstd(text):
    """Return a zstd frame of one raw block (RFC 8878), which needs no library to write."""
    block = (len(text) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd\xa0" + len(text).to_bytes(4, "little") + block + text


PACKINGS = {
    "csv": lambda text: text,
    "csv.gz": gzip.compress,
    "csv.xz": lzma.compress,
    "csv.zst": pack_zstd,
    "zip": pack_zip,
    "tar.xz": pack_tar,
    "csv.two.gz": lambda text: gzip.compress(text[:500]) + gzip.compress(text[500:]),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_however_a_file_is_packed_its_bars_are_the_same(packing, tmp_path):
    text = (HEAD + "".join(ROWS)).encode()
    path = tmp_path / f"A_1m.{packing}"
    path.write_bytes(PACKINGS[packing](text))
    call("import", path, "--symbol", "A", store=tmp_path / "s")
    assert [line.split(",")[1] for line in bars_of(tmp_path / "s")] == [r[:20] for r in ROWS]


@pytest.mark.parametrize("packing", ["csv.gz", "csv.xz", "zip", "tar.xz"])
def test_a_damaged_or_cut_file_is_refused_wherever_it_is_hurt(packing, tmp_path):
    text = (HEAD + "".join(ROWS)).encode()
    whole = PACKINGS[packing](text)
    path = tmp_path / f"A_1m.{packing}"
    for cut in range(1, len(whole), 7):
        path.write_bytes(whole[:cut])
        done = call("import", path, "--symbol", "A", store=tmp_path / "s", code=1)
        assert str(path) in done.stderr
    path.write_bytes(whole[:80] + bytes([whole[80] ^ 0x55]) + whole[81:])
    call("import", path, "--symbol", "A", store=tmp_path / "s", code=1)
    assert not (tmp_path / "s").exists()


def test_a_folder_is_walked_in_order_of_names(tmp_path):
    for name in ("b/c/B_1m.csv", "a/A_1m.csv", "b/.hidden.csv", "E_1m.csv"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + "".join(ROWS))
    (tmp_path / "in" / "notes.txt").write_text("no bars here\n")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    done = call("import", tmp_path / "in", "--json", store=tmp_path / "s", code=1)
    files = json.loads(done.stdout)["files"]
    names = [f["file"].removeprefix(str(tmp_path / "in") + "/") for f in files]
    assert names == ["E_1m.csv", "a/A_1m.csv", "b/c/B_1m.csv", "notes.txt"]
    assert [f["stored"] for f in files] == [40, 40, 40, 0]
    assert "names no column" in files[3]["error"]


def test_standard_input_is_read_to_its_end(tmp_path):
    text = HEAD + "".join(ROWS)
    call("import", "-", "--symbol", "A", store=tmp_path / "s", input=text)
    assert len(bars_of(tmp_path / "s")) == 40
    done = call("import", "-", store=tmp_path / "s", input=text, code=1)
    assert "standard input: neither its name nor a column tells the symbol" in done.stderr


def wait_for_bars(store, count, seconds=20):
    """Wait until the store holds so many bars of A."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done = subprocess.run(
            [ISOBAR, "--store", str(store), "ls", "--json"],
            capture_output=True,
            text=True,
            env=clean_environment(),
            check=False,
        )
        series = json.loads(done.stdout)["series"] if done.returncode == 0 else []
        if series and series[0]["bars"] == count:
            return
        time.sleep(0.02)
    raise AssertionError(f"never {count} bars")


def test_a_live_feed_is_stored_as_it_comes_and_a_signal_keeps_it(tmp_path):
    feed = start(
        "import", "-", "--follow", "--symbol", "A", "--interval", "1m", "--json",
        store=tmp_path / "s", stdin=subprocess.PIPE,
    )  # fmt: skip
    feed.stdin.write((HEAD + ROWS[0] + ROWS[1]).encode())
    feed.stdin.flush()
    wait_for_bars(tmp_path / "s", 2)
    feed.stdin.write((ROWS[2] + ROWS[1].replace("1.5", "1.25") + ROWS[3][:10]).encode())
    feed.stdin.flush()
    wait_for_bars(tmp_path / "s", 3)  # half a line is not read before its end comes
    feed.stdin.write((ROWS[3][10:] + "2024-01-01T00:04:30Z,1,2,1,1,1\n").encode())
    feed.stdin.flush()
    wait_for_bars(tmp_path / "s", 4)
    feed.send_signal(signal.SIGINT)
    out, _ = feed.communicate(timeout=20)
    assert feed.returncode == 130
    counts = json.loads(out)["files"][0]
    assert (counts["rows_read"], counts["stored"], counts["corrected"]) == (6, 4, 1)
    assert counts["quarantined"] == 1  # beside the grid that the first rows told
    assert bars_of(tmp_path / "s")[1].split(",")[5] == "1.25"
    row = call_json("quarantine", "ls", store=tmp_path / "s")["rows"][0]
    assert (row["line"], row["reason"]) == (7, "the time is beside the grid of its interval")
    assert row["file"] == "standard input"


def test_a_file_that_grows_and_a_feed_that_ends_are_followed(tmp_path):
    path = tmp_path / "A_1m.csv"
    path.write_text(HEAD + ROWS[0])
    feed = start("import", path, "--follow", store=tmp_path / "s")
    wait_for_bars(tmp_path / "s", 1)
    with path.open("a") as file:
        file.write("".join(ROWS[1:30]))
    wait_for_bars(tmp_path / "s", 30)
    feed.send_signal(signal.SIGTERM)
    feed.communicate(timeout=20)
    assert feed.returncode == 143
    ended = ["import", "-", "--follow", "--symbol", "A", "--interval", "1m"]
    call(*ended, store=tmp_path / "s", input=HEAD + "".join(ROWS[30:]).rstrip("\n"))
    assert len(bars_of(tmp_path / "s")) == 40
    done = call(*ended, store=tmp_path / "s", input=HEAD, code=1)
    assert "no row below it" in done.stderr
    done = call(*ended, store=tmp_path / "s", input="PAR1", code=1)
    assert "Parquet" in done.stderr


def test_an_interval_that_does_not_fit_the_stamps_is_refused(tmp_path):
    path = tmp_path / "A.csv"
    path.write_text(HEAD + "".join(ROWS))
    done = call("import", path, "--interval", "1h", store=tmp_path / "s", code=1)
    assert "its rows are 1m apart, so interval 1h does not fit" in done.stderr
    assert not (tmp_path / "s").exists()


ODD = {
    "utf-16": ((HEAD + ROWS[0]).encode("utf-16"), "it is UTF-16 text"),
    "rubbish": (bytes(range(256)) * 40, "it is binary"),
    "no time": (b"open,high,low,close\n1,2,0.5,1\n", "names no column for timestamp"),
    "a page": (b"<!DOCTYPE html><html>not found</html>", "it is a web page"),
    "feather": (b"ARROW1\0\0" + bytes(64), "the Python package does"),
    "lean alone": (None, "put it back"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_no_file_of_bars_is_named_for_what_it_is(odd, tmp_path):
    content, reason = ODD[odd]
    path = tmp_path / "A_1m.csv"
    if content is None:
        path = tmp_path / "20240105_trade.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("20240105_spy_minute_trade.csv", "34200000,1,1,1,1,1\n")
    else:
        path.write_bytes(content)
    done = call("import", path, store=tmp_path / "s", code=1)
    assert reason in done.stderr
    assert not (tmp_path / "s").exists()


def test_two_symbols_one_huge_line_and_a_symbol_with_a_slash_go_in(tmp_path):
    path = tmp_path / "many_1m.csv"
    path.write_text(
        "symbol," + HEAD + "".join(f"{s},{r}" for r in ROWS for s in ("BTC/USDT", "ETH"))
        + "ETH," + "9" * 200000 + ",1,1,1,1\n"
    )  # fmt: skip
    files = call_json("import", path, store=tmp_path / "s")["files"]
    assert [(f["symbol"], f["stored"], f["quarantined"]) for f in files] == [
        ("BTC/USDT", 40, 0),
        ("ETH", 40, 1),
    ]
    assert len(bars_of(tmp_path / "s", "BTC/USDT")) == 40
    done = call("import", path, "--symbol", "X", store=tmp_path / "s", code=1)
    assert "it holds 2 symbols (BTC/USDT, ETH, ...), so --symbol cannot name them" in done.stderr


def test_a_volume_that_turns_to_decimals_half_way_is_no_problem(tmp_path):
    path = tmp_path / "A_1m.csv"
    rows = [f"{MONDAY_S + 60 * i},1,1,1,1,{i if i < 15000 else i + 0.25}\n" for i in range(30000)]
    path.write_text("timestamp,open,high,low,close,volume\n" + "".join(rows))
    assert call_json("import", path, store=tmp_path / "s")["total"]["stored"] == 30000
    assert bars_of(tmp_path / "s")[-1].split(",")[6] == "29999.25"


@pytest.mark.parametrize("where", ["/proc/isobar/s", "file/s"])
def test_a_place_where_no_store_can_be_made_is_named(where, tmp_path):
    (tmp_path / "A_1m.csv").write_text(HEAD + "".join(ROWS))
    (tmp_path / "file").write_text("no folder")
    done = call("import", "A_1m.csv", store=where, cwd=tmp_path, code=1)
    assert where.rsplit("/", 1)[0] in done.stderr
    assert (tmp_path / "file").read_text() == "no folder"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    (tmp_path / "A_1m.csv").write_text(HEAD + "".join(ROWS))
    (tmp_path / "locked").mkdir(mode=0o500)
    done = call("import", tmp_path / "A_1m.csv", store=tmp_path / "locked" / "s", code=1)
    assert str(tmp_path / "locked") in done.stderr
    assert "ermission" in done.stderr


def test_a_disk_that_is_full_leaves_the_store_as_it_was(tmp_path):
    """A limit on the size of files stands in for the disk: writing past it fails the same way."""
    write_klines(tmp_path / "A-1m-1.csv", MONDAY_S, 3000)
    write_klines(tmp_path / "A-1m-2.csv", MONDAY_S + 3000 * 60, 60000)
    call("import", tmp_path / "A-1m-1.csv", store=tmp_path / "s")
    before = bars_of(tmp_path / "s")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))

    done = call("import", tmp_path / "A-1m-2.csv", store=tmp_path / "s", code=1, preexec_fn=limit)
    assert done.stderr.strip()
    call("verify", "--deep", store=tmp_path / "s")
    assert bars_of(tmp_path / "s") == before
    call("import", tmp_path / "A-1m-2.csv", store=tmp_path / "s")
    assert len(bars_of(tmp_path / "s")) == 63000


def test_the_quarantine_is_counted_shown_and_dropped_by_file(tmp_path):
    for name in ("A_1m.csv", "B_1m.csv"):
        bad = "2024-01-01T01:00:00Z,1,0.5,2,1,1\n2024-01-01T01:01:00Z,1,\x1b[31m,2,1,1\n"
        (tmp_path / name).write_text(HEAD + "".join(ROWS) + bad)
        call("import", name, store=tmp_path / "s", cwd=tmp_path)
    counted = call("quarantine", "ls", store=tmp_path / "s").stdout
    assert [line.split()[-2:] for line in counted.splitlines()[1:]] == [
        ["1", "42"],
        ["1", "43"],
        ["1", "42"],
        ["1", "43"],
    ]
    assert "high is below low" in counted
    shown = call("quarantine", "show", "B_1m.csv", store=tmp_path / "s").stdout
    assert shown.splitlines()[0] == "B_1m.csv:42: high is below low"
    assert shown.splitlines()[3] == "    2024-01-01T01:01:00Z,1,?[31m,2,1,1"
    assert "A_1m.csv" not in shown
    assert "2 rows forgotten" in call("quarantine", "drop", "A_1m.csv", store=tmp_path / "s").stderr
    rows = call_json("quarantine", "show", store=tmp_path / "s")["rows"]
    assert [(r["file"], r["line"]) for r in rows] == [("B_1m.csv", 42), ("B_1m.csv", 43)]
    assert call_json("quarantine", "drop", store=tmp_path / "s")["dropped"] == 2
    assert "no row is in quarantine" in call("quarantine", "ls", store=tmp_path / "s").stderr
    done = call("quarantine", "eat", store=tmp_path / "s", code=2)
    assert "ls, show and drop" in done.stderr

# SPDX-License-Identifier: Apache-2.0
"""docs/tutorial.md: each command is run, and prints what the page says.

A line "..." on the page stands for any lines, "..." within a line for any text.
`python3 tests/black_box/test_tutorial.py` writes the page's outputs anew.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from command import ISOBAR, clean_environment

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
SAMPLE = ROOT / ".deps" / "sample"
BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
# What differs from run to run, or with the bytes of segments: left out of the page.
CHANGING = ("root ", "run ", "result ", "result_hash", "evaluations")


def commands(block):
    """Part a block into commands and the lines that they print."""
    parted = []
    for line in block.splitlines():
        if line.startswith("$ "):
            parted.append((line[2:], []))
        else:
            parted[-1][1].append(line)
    return parted


class Walk:
    """A newcomer's shell, in a folder of its own."""

    def __init__(self, folder):
        self.folder = Path(folder)
        for file in SAMPLE.glob("*.csv"):
            shutil.copy(file, self.folder)
        binaries = self.folder / "bin"
        binaries.mkdir()
        (binaries / "isobar").symlink_to(Path(ISOBAR).resolve())
        path = f"{binaries}:{os.environ['PATH']}"
        self.environment = clean_environment(PATH=path, ISOBAR_STORE=str(self.folder / "store"))

    def run(self, command):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = [line for line in done.stderr.splitlines() if line.startswith("isobar: ")]
        return done.stdout.splitlines() + (said if done.returncode != 0 else [])


def matches(expected, printed):
    """Whether the lines agree, where "..." stands for any number of them."""
    pattern = "\n".join(
        "(?:.*\n?)*?" if e == "..." else re.escape(e).replace(re.escape("..."), ".*")
        for e in expected
    )
    return re.fullmatch(pattern.replace("(?:.*\n?)*?\n", "(?:.*\n?)*?"), "\n".join(printed))


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample bars are not there: scripts/setup")
def test_every_command_prints_what_the_page_says(tmp_path):
    walk = Walk(tmp_path)
    shown = [pair for block in BLOCK.findall(PAGE.read_text()) for pair in commands(block)]
    assert len(shown) > 20
    for command, expected in shown:
        printed = walk.run(command)
        assert matches(expected, printed), (command, expected, printed)
    assert (tmp_path / "googl.svg").stat().st_size > 10000
    assert (tmp_path / "eurusd.html").stat().st_size > 10000


def told(line, command, folder):
    """Return the line without what differs from place to place or is the codec's matter."""
    without = line.replace(str(folder), "...")
    return re.sub(r" \d+$", " ...", without) if command == "isobar ls" else without


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample bars are not there: scripts/setup")
def test_the_pictures_of_the_readme_are_what_the_program_makes(tmp_path):
    script = ROOT / "scripts" / "pictures"
    subprocess.run([sys.executable, str(script), ISOBAR, str(tmp_path)], check=True)
    made = sorted(tmp_path.glob("*.svg"))
    assert [file.name for file in made] == ["chart.svg", "terminal.svg"]
    for file in made:
        assert file.read_bytes() == (ROOT / "docs" / "images" / file.name).read_bytes(), file.name


def written(walk, block):
    lines = []
    for command, _ in commands(block):
        lines.append(f"$ {command}")
        for line in walk.run(command):
            if not line.startswith(CHANGING) and not any(w in line for w in CHANGING[3:]):
                lines.append(told(line, command, walk.folder))
            elif lines[-1] != "...":
                lines.append("...")
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        walking = Walk(folder)
        text = BLOCK.sub(lambda match: written(walking, match[1]), PAGE.read_text())
        PAGE.write_text(text)
        sys.exit(0)

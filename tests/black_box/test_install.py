# SPDX-License-Identifier: Apache-2.0
"""What make install leaves is complete: the command runs, C and C++ compile against it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command import ISOBAR, call, clean_environment, write_klines

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(ISOBAR).resolve().parent


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Return the prefix of an installation below a staging directory."""
    stage = tmp_path_factory.mktemp("stage")
    subprocess.run(
        ["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", stage],
        check=True,
        capture_output=True,
    )
    return next(stage.rglob("bin/isobar")).parent.parent


def test_the_installed_command_finds_its_libraries(prefix, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(prefix, moved, symlinks=True)
    write_klines(tmp_path / "X-1m.csv", 1704067200, 10)
    for arguments in (
        ["import", tmp_path / "X-1m.csv", "--symbol", "X", "--interval", "1m"],
        ["sql", "SELECT count(*) FROM bars"],
    ):
        subprocess.run(
            [moved / "bin" / "isobar", "--store", tmp_path / "s", *arguments],
            check=True,
            env=clean_environment(),
            capture_output=True,
        )


@pytest.mark.skipif(BUILD.name == "build-cov", reason="gcov exports names of its own")
def test_only_public_names_leave_the_library(prefix):
    library = next(prefix.rglob("libisobar.so"))
    names = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    ).stdout
    exported = {line.split()[-1] for line in names.splitlines() if line.split()[-2] in "TDBR"}
    assert exported
    assert all(name.startswith("iso_") for name in exported), exported


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [("cc", ["-std=c99"]), ("c++", ["-x", "c++", "-std=c++17", "-Wno-missing-field-initializers"])],
)
def test_a_program_compiles_against_the_installation(prefix, tmp_path, compiler, flags):
    if shutil.which(compiler) is None or BUILD.name not in ("build", "build-cov"):
        pytest.skip(f"no {compiler} here, or a sanitizer build")
    store = tmp_path / "s"
    write_klines(tmp_path / "X-1m.csv", 1704067200, 10)
    call("import", tmp_path / "X-1m.csv", "--symbol", "X", "--interval", "1m", store=store)
    packages = next(prefix.rglob("isobar.pc")).parent
    query = ["pkg-config", "--cflags", "--libs", "isobar", f"--define-variable=prefix={prefix}"]
    found = subprocess.run(
        query,
        env=os.environ | {"PKG_CONFIG_PATH": str(packages)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    library = next(prefix.rglob("libisobar.so")).parent
    examples = [
        ("closes", r"10 bars, last close [\d.]+\n"),
        ("average", r"10 bars, average [\d.]+\n"),
    ]
    for name, expected in examples:
        program = tmp_path / name
        source = ROOT / "examples" / f"{name}.c"
        command = [compiler, "-Wall", "-Wextra", "-Werror", *flags, source, "-x", "none", *found]
        subprocess.run([*command, f"-Wl,-rpath,{library}", "-o", program], check=True)
        run = [program, store, "X", "1m"]
        done = subprocess.run(run, capture_output=True, text=True, check=True)
        assert re.fullmatch(expected, done.stdout)
        run = [program, tmp_path / "none", "X", "1m"]
        assert subprocess.run(run, capture_output=True, check=False).returncode == 2

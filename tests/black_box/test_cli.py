# SPDX-License-Identifier: Apache-2.0
"""The command line itself: help, options and where they come from, errors, exit codes."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from command import ISOBAR, call, call_json, clean_environment, write_klines

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    line.split()[0]
    for line in call().stdout.splitlines()
    if line.startswith("  ") and line[2] != " "
][:-1]


def test_without_arguments_a_help_that_fits_a_screen():
    text = call().stdout
    assert len(text.splitlines()) <= 40
    assert all(len(line) < 80 for line in text.splitlines())
    for command in ("import", "get", "sql", "evolve", "report"):
        assert f"\n  {command} " in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    text = call(command, "--help").stdout
    assert f"isobar {command}" in text
    assert "example:" in text
    assert text == call("help", command).stdout
    assert all(len(line) < 130 for line in text.splitlines())


def test_version_names_the_program():
    assert call("--version").stdout.startswith("isobar 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "no command"),
        (["improt", "x"], 'did you mean "isobar import"'),
        (["ls", "--jsno"], "did you mean --json"),
        (["ls", "extra"], "does not take"),
        (["get", "X"], "wants SYMBOL INTERVAL"),
        (["get", "X", "7q"], "no interval"),
        (["get", "X", "1m", "--from", "yesterday-ish"], "no time"),
        (["get", "X", "1m", "--from", "2024-02-30"], "no time"),
        (["get", "X", "1m", "--from", "2024-02-02", "--to", "2024-02-01"], "range is empty"),
        (["get", "X", "1m", "--last", "0"], "not between"),
        (["get", "X", "1m", "--format", "xml"], "none of table|box|csv"),
        (["ls", "--fee", "0.1"], "takes no --fee"),
        (["get", "X", "1m", "--from"], "wants a value"),
        (["ls"], "no store at"),
        (["verify"], "no store at"),
        (["--store", "/proc/x", "ls"], "no store at"),
        (["sql", "SELECT 1"], "no store at"),
        (["snapshot", "create"], "wants a NAME"),
        (["snapshot", "frob"], "isobar snapshot does"),
        (["generate", "pdf"], "isobar generate makes"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_do(arguments, words, tmp_path):
    store = None if arguments[0] == "--store" else tmp_path / "none"
    done = call(*arguments, store=store, code=2)
    assert done.stdout == ""
    assert done.stderr.startswith("isobar: ")
    assert words in done.stderr
    assert not (tmp_path / "none").exists()


def test_settings_come_from_flag_then_environment_then_file_then_preset(tmp_path):
    write_klines(tmp_path / "X-1m.csv", 1704067200, 10)
    for name in ("file", "environment", "flag"):
        call("import", tmp_path / "X-1m.csv", "--symbol", name, store=tmp_path / name)
    config = tmp_path / "config"
    config.write_text(f"# where bars live\nstore = {tmp_path}/file\n")

    def symbol(*args, **env):
        return call_json("ls", *args, env=env)["series"][0]["symbol"]

    assert symbol("--config", config) == "file"
    environment = {"ISOBAR_STORE": str(tmp_path / "environment")}
    assert symbol("--config", config, **environment) == "environment"
    assert symbol("--config", config, "--store", tmp_path / "flag", **environment) == "flag"
    home = tmp_path / "home"
    (home / "isobar").mkdir(parents=True)
    (home / "isobar" / "config").write_text(f"store = {tmp_path}/file\n")
    assert symbol(XDG_CONFIG_HOME=str(home)) == "file"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("colour = red", "no such setting"),
        ("fee = much", "is no number"),
        ("threads = 0", "not between"),
        ("symbol = X", "no such setting"),
        ("nonsense", "not of the form"),
    ],
)
def test_a_wrong_setting_is_named_with_its_place(line, words, tmp_path):
    config = tmp_path / "config"
    config.write_text(line + "\n")
    done = call("ls", "--config", config, code=2)
    assert words in done.stderr
    assert str(config) in done.stderr


def test_a_wrong_variable_is_named():
    done = call("ls", env={"ISOBAR_FEE": "x"}, code=2)
    assert "ISOBAR_FEE" in done.stderr


def test_the_reference_is_generated_from_the_tables():
    assert (ROOT / "docs" / "reference.md").read_text() == call("generate", "markdown").stdout


def test_the_man_page_and_completions_name_every_command():
    for kind in ("man", "bash", "zsh", "fish"):
        text = call("generate", kind).stdout.replace("\\-", "-")
        assert all(command in text for command in COMMANDS)
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"source <({ISOBAR} generate bash); COMP_WORDS=(isobar ev); COMP_CWORD=1;"
            " _isobar; echo ${COMPREPLY[@]}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["evolve"]


def test_a_full_disk_under_standard_output_is_an_error():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [ISOBAR, "help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 1
    assert "could not be written" in done.stderr


def test_a_closed_pipe_ends_quietly(tmp_path):
    write_klines(tmp_path / "X-1m.csv", 1704067200, 20000)
    call("import", tmp_path / "X-1m.csv", "--symbol", "X", store=tmp_path / "s")
    done = subprocess.run(
        ["bash", "-c", f"{ISOBAR} --store {tmp_path}/s get X 1m --format csv | head -n 2"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_an_interrupted_import_exits_130_and_a_rerun_completes_it(tmp_path):
    files = []
    for i in range(40):
        path = tmp_path / f"X-1m-{i:02}.csv"
        write_klines(path, 1704067200 + i * 10000 * 60, 10000, seed=i)
        files.append(str(path))
    command = [
        ISOBAR,
        "--store",
        str(tmp_path / "s"),
        "import",
        *files,
        "--symbol",
        "X",
        "--interval",
        "1m",
    ]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
    )
    while not (tmp_path / "s" / "catalog.db").exists():
        time.sleep(0.005)
    os.kill(running.pid, signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode in (130, 0)  # 0: it was faster than the signal
    call("verify", store=tmp_path / "s")
    subprocess.run(command, check=True, capture_output=True, env=clean_environment())
    assert call_json("ls", store=tmp_path / "s")["series"][0]["bars"] == 400000

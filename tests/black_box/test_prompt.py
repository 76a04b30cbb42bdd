# SPDX-License-Identifier: Apache-2.0
"""isobar sql without a query: the prompt on a terminal, and statements from standard input."""

import subprocess
import time

import pytest
from command import ISOBAR, call, clean_environment, write_klines
from terminal import Terminal

UP = "\x1b[A"
CTRL_C = "\x03"
CTRL_D = "\x04"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prompt")
    write_klines(folder / "x.csv", 1704067200, 100)
    call("import", folder / "x.csv", "--symbol", "X", "--interval", "1m", store=folder / "s")
    return folder / "s"


@pytest.fixture
def prompt(store, tmp_path):
    def start(*args):
        terminal = Terminal("sql", *args, store=store, columns=100, XDG_STATE_HOME=str(tmp_path))
        terminal.read_until("isobar> ")
        return terminal

    return start


def test_statements_take_several_lines_and_end_with_a_semicolon(prompt):
    terminal = prompt("--format", "csv")
    terminal.type("SELECT ';' AS a,\n")
    terminal.read_until("...> ")
    terminal.type("count(*) AS n\nFROM bars;\n")
    assert "a,n\r\n;,100\r\n" in terminal.read_until("isobar> ")
    terminal.type("SELECT 1 AS one; SELECT 2 AS two;\n")
    shown = terminal.read_until("isobar> ")
    assert "one\r\n1\r\n" in shown
    assert "two\r\n2\r\n" in shown
    terminal.type(CTRL_D)
    terminal.end()


def test_an_error_is_shown_and_the_prompt_goes_on(prompt):
    terminal = prompt()
    terminal.type("SELECT nope;\n")
    assert "nope" in terminal.read_until("isobar> ")
    terminal.type("SELECT 6 * 7 AS answer;\n")
    assert "42" in terminal.read_until("isobar> ")
    terminal.type(".quit\n")
    terminal.end()


def test_dot_commands(prompt):
    terminal = prompt()
    terminal.type(".help\n")
    assert ".tables" in terminal.read_until("isobar> ")
    terminal.type(".tables\n")
    shown = terminal.read_until("isobar> ")
    for table in ("bars", "series", "segments", "quarantine", "market_summary"):
        assert table in shown
    terminal.type(".mode markdown\nSELECT 1 AS a;\n")
    assert "| a |" in terminal.read_until("| 1 |")
    terminal.type(".mode xml\n")
    assert "wants table" in terminal.read_until("markdown, csv")
    terminal.type(".nothing\n")
    assert "there is no .nothing" in terminal.read_until("lists what there is")
    terminal.type(".exit\n")
    terminal.end()


def test_ctrl_c_drops_what_was_typed(prompt):
    terminal = prompt()
    terminal.type("SELECT 'half a\n")
    terminal.read_until("...> ")
    terminal.type("thought" + CTRL_C)
    terminal.read_until("isobar> ")
    terminal.type("SELECT 'whole' AS w;\n")
    assert "half" not in terminal.read_until("isobar> ").split("w;")[1]
    terminal.type(CTRL_D)
    terminal.end()


def test_ctrl_c_cancels_a_query_and_not_the_prompt(prompt):
    terminal = prompt()
    terminal.type("SELECT count(*) FROM range(100000000000) a, range(1000) b WHERE a.range = 7;\n")
    terminal.read_until("= 7;")
    time.sleep(1)
    begin = time.monotonic()
    terminal.type(CTRL_C)
    assert "cancelled" in terminal.read_until("isobar> ")
    assert time.monotonic() - begin < 5
    terminal.type("SELECT 'alive' AS a;\n")
    assert "alive" in terminal.read_until("isobar> ")
    terminal.type(CTRL_D)
    terminal.end()


def test_history_outlives_the_prompt(prompt):
    first = prompt()
    first.type("SELECT 'remember me' AS m;\n")
    first.read_until("isobar> ")
    first.type(CTRL_D)
    first.end()
    second = prompt()
    second.type(UP)
    second.read_until("remember me")
    second.type("\n")
    assert "remember me" in second.read_until("isobar> ")
    second.type(CTRL_D)
    second.end()


def run_script(store, script, code=0):
    done = subprocess.run(
        [ISOBAR, "--store", str(store), "sql", "--format", "csv"],
        input=script, capture_output=True, text=True, check=False, env=clean_environment(),
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done


def test_statements_come_from_standard_input_too(store):
    done = run_script(store, "SELECT 1 AS a;\n-- a comment; with one\nSELECT\n 2 AS b")
    assert done.stdout == "a\n1\nb\n2\n"
    assert done.stderr == ""
    assert run_script(store, "").stdout == ""


def test_a_script_ends_at_its_first_failure(store):
    done = run_script(store, "SELECT 1 AS a; SELECT nope; SELECT 3 AS c;", code=1)
    assert done.stdout == "a\n1\n"
    assert "nope" in done.stderr
    assert "unterminated" in run_script(store, "SELECT 'x;\n", code=1).stderr


def test_a_signal_ends_a_query_that_was_called(store):
    query = "SELECT count(*) FROM range(100000000000) a, range(1000) b WHERE a.range = 7"
    running = subprocess.Popen(
        [ISOBAR, "--store", str(store), "sql", query], stderr=subprocess.PIPE, text=True
    )
    time.sleep(1)
    running.send_signal(2)
    _, words = running.communicate(timeout=10)
    assert running.returncode == 130
    assert "cancelled" in words

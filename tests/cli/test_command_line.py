"""What holds for every command: help, exit codes, and what is not imported."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from pixelpipe import __version__
from pixelpipe.cli import COMMANDS, app
from pixelpipe.cli.demo import _fresh_folder
from pixelpipe.cli.options import as_called
from pixelpipe.errors import (
    BadInputError,
    ConfigError,
    ExperimentHeldError,
    StoppedError,
    StoreError,
    TrainingDivergedError,
)

HELP = {
    "demo": ["baseline and a doomed candidate", "--to"],
    "run": ["CONFIG.yaml", "--set KEY=VALUE", "--again", "dataset: {path: my-sprites, grid: 24}"],
    "analyze": ["PATH...", "--grid", "exit code is 1"],
    "portraits": ["--num", "metadata.jsonl"],
    "captions": ["lint"],
    "captions lint": ["DATASET", "--grid", "--by"],
    "export": ["EXPERIMENT[@EPOCH]", "--to", "single-file"],
    "generate": ["PROMPT", "--from EXPERIMENT@EPOCH", "grid's true size"],
    "plan": ["CONFIG.yaml", "--set KEY=VALUE", "Nothing is rented"],
    "evaluate": ["--images DIR", "--figures FIGURES.yaml", "--as [candidate|baseline]"],
    "judge": ["CANDIDATE", "--baseline EXPERIMENT[@EPOCH]", "Nothing is written", "--simulate"],
    "experiments": ["--store URL", "--format [table|json|csv]", "PIXELPIPE_STORE"],
    "show": ["EXPERIMENT", "--format"],
    "report": ["EXPERIMENT", "report.html", "verdict"],
    "review": ["make", "import", "fewer colors"],
    "review make": ["EXPERIMENT", "--to FILE", "--pairs", "the page does not know"],
    "review import": ["VOTES.json...", "first counts"],
    "site": ["index.html", "leaderboard", "--rebuild"],
    "baseline": ["show", "set", "champion"],
    "baseline show": ["--line"],
    "baseline import": ["FIGURES.yaml", "--mean", "judge.unmatched_margin"],
    "baseline set": ["EXPERIMENT@EPOCH", "--why"],
    "query": ["samples", "DuckDB", 'pixelpipe query "SELECT'],
    "views": ["--to FILE", "--copy", "analyst.duckdb"],
    "maintain": ["--checkpoints-days", "--dry-run", "sprites"],
}


def every_command() -> list[str]:
    names = []
    context = click.Context(app)
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        names.append(name)
        names += [f"{name} {sub}" for sub in command.commands] if isinstance(command, click.Group) else []
    return names


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def pixelpipe_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_python("from pixelpipe.cli import main; main()", *arguments)


def put_command(monkeypatch: pytest.MonkeyPatch, callback: Callable[[], None]) -> None:
    """A command `fails`, beside the real ones."""
    module = SimpleNamespace(fails=click.Command("fails", callback=callback))
    monkeypatch.setitem(COMMANDS, "fails", "fails")
    monkeypatch.setitem(sys.modules, "pixelpipe.cli.fails", module)


def test_no_help_is_tested_of_a_command_that_is_gone():
    assert set(HELP) <= set(every_command())


@pytest.mark.parametrize("command", every_command())
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_teaches(cli, command, option):
    result = cli(*command.split(), option)
    assert (result.exit_code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: pixelpipe {command}")
    for words in HELP.get(command, []):
        assert " ".join(words.split()) in " ".join(result.out.split())


def test_the_first_page_names_every_command_and_exit_code(cli):
    out = cli("--help").out
    for words in [*COMMANDS, "pixelpipe demo", "2 bad input", "130 interrupted"]:
        assert words in " ".join(out.split())


def test_the_first_page_cuts_no_sentence_short(cli):
    assert "..." not in cli("--help").out.partition("Commands:")[2]


def test_version(cli):
    assert cli("--version").out == f"pixelpipe, version {__version__}\n"


DAYS = "invalid value for '--samples-days':"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "no such command 'nope' (see pixelpipe --help)"),
        (["baseline", "st"], "no such command 'st'. Did you mean 'set'? (see pixelpipe baseline --help)"),
        (["--nope"], "no such option '--nope' (see pixelpipe --help)"),
        (["show"], "missing argument 'EXPERIMENT' (see pixelpipe show --help)"),
        (["maintain", "--samples-days", "nan"], f"{DAYS} nan is not a finite number (see pixelpipe maintain --help)"),
        (
            ["maintain", "--samples-days", "1e300"],
            f"{DAYS} 1e+300 is not in the range 0<=x<=36500 (see pixelpipe maintain --help)",
        ),
        (["run", "x", "--store"], "option '--store' requires an argument (see pixelpipe --help)"),
    ],
)
def test_wrong_usage(cli, arguments, message):
    assert cli(*arguments).refused() == message


def test_no_command_shows_the_first_page(cli):
    assert "Usage: pixelpipe" in cli().err


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        (BadInputError("bad"), 2, "pixelpipe: bad\n"),
        (ConfigError("a\nb"), 2, "pixelpipe: a\\nb\n"),
        (ExperimentHeldError("held"), 2, "pixelpipe: held\n"),
        (TrainingDivergedError("nan"), 1, "pixelpipe: nan\n"),
        (StoreError("full"), 1, "pixelpipe: full\n"),
        (StoppedError("stopped"), 130, "pixelpipe: stopped\n"),
        (KeyboardInterrupt(), 130, "pixelpipe: interrupted\n"),
    ],
)
def test_how_a_command_ends(cli, monkeypatch, error, exit_code, said):
    def fail() -> None:
        raise error

    put_command(monkeypatch, fail)
    result = cli("fails")
    assert (result.exit_code, result.err.removeprefix("\n")) == (exit_code, said)  # ^C stands on the line before


def test_a_bug_is_not_hidden(cli, monkeypatch):
    def fail() -> None:
        raise ZeroDivisionError

    put_command(monkeypatch, fail)
    with pytest.raises(ZeroDivisionError):
        cli("fails")


HEAVY = ("torch", "diffusers", "transformers", "prefect", "pyarrow", "pandas", "duckdb", "scipy", "matplotlib")
REPORT_MODULES = f"""
import json, sys, atexit
atexit.register(lambda: print(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr))
from pixelpipe.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["--help"], set()),
        (["--version"], set()),
        (["run", "--help"], set()),
        (["experiments", "--store", "nowhere"], {"pyarrow", "pandas", "scipy"}),
    ],
)
def test_nobody_waits_for_what_they_do_not_use(arguments, allowed):
    process = run_python(REPORT_MODULES, *arguments)
    assert process.returncode == 0
    assert set(json.loads(process.stderr.splitlines()[-1])) <= allowed


def test_real_processes(place):
    missing = pixelpipe_process("run", "nowhere.yaml")
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == "pixelpipe: nowhere.yaml: must be a YAML configuration but does not exist\n"
    assert pixelpipe_process("analyze", "art").returncode == 0
    (place / "art/00.png").write_text("x")
    partly = pixelpipe_process("analyze", "art", "--format", "json")
    assert partly.returncode == 1
    assert len(partly.stdout.splitlines()) == 11


def test_a_process_that_queries_ends_without_a_word(filled):
    """DuckDB says on stderr that it leaks where Python's collector was kept from it."""
    query = pixelpipe_process("query", "SELECT count(*) AS n FROM epochs", "--store", filled, "--format", "csv")
    assert (query.returncode, query.stdout.split(), query.stderr) == (0, ["n", "2"], "")


def test_a_closed_output_is_no_bug(place):
    """As `>&-` of a shell leaves it."""
    code = "import os; os.close(1); os.execv(sys.executable, [sys.executable, '-c', main, 'analyze', 'art/00.png'])"
    given = f"import sys; main = 'from pixelpipe.cli import main; main()'; {code}"
    done = subprocess.run([sys.executable, "-c", given], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("output_format", ["json", "csv", "table"])
def test_a_reader_that_has_enough_is_no_error(place, output_format):
    code = "from pixelpipe.cli import main; main()"
    command = [sys.executable, "-c", code, "analyze", "art/00.png", "--format", output_format]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()  # before anything is written
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_demo_keeps_the_earlier_ones(tmp_path):
    folders = [_fresh_folder(tmp_path / "demo") for _ in range(3)]
    assert [folder.name for folder in folders] == ["run-001", "run-002", "run-003"]
    assert all(folder.is_dir() for folder in folders)


def test_the_next_command_is_one_that_the_shell_finds(tmp_path, monkeypatch):
    program = tmp_path / ".venv/bin/pixelpipe"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(program), "demo"])
    monkeypatch.setenv("PATH", str(program.parent))
    assert as_called() == "pixelpipe"
    monkeypatch.setenv("PATH", "/nowhere")
    assert as_called() == ".venv/bin/pixelpipe"


def test_a_demo_needs_a_place(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for place in ("file", "file/sub", "dangling"):
        with pytest.raises(BadInputError, match="must be a folder that can be written but: "):
            _fresh_folder(tmp_path / place)


def test_portraits(cli, tmp_path):
    assert cli("portraits", tmp_path / "new", "--num", 3).exit_code == 0
    assert len(list(Path(tmp_path / "new").glob("*.png"))) == 3
    assert "must be a new or empty folder" in cli("portraits", tmp_path / "new", "--num", 3).refused()
    (tmp_path / "file").touch()
    for place in ("/proc/x", tmp_path / "file/sub"):
        assert "must be a folder that can be written but: " in cli("portraits", place, "--num", 3).refused()

"""The command line: the outermost layer. Each command's module is imported only when it is called."""

import errno
import os
import sys
from importlib import import_module
from pathlib import Path

import click

from pixelpipe import __version__
from pixelpipe.cli.output_file import NO_SPACE
from pixelpipe.errors import BadInputError, ExperimentHeldError, PixelpipeError, StoppedError
from pixelpipe.interruption import listen
from pixelpipe.threads import wait_briefly

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

# command -> module of this package that defines it, in the order of `pixelpipe --help`
COMMANDS = {
    "demo": "demo",
    "run": "run",
    "analyze": "analyze",
    "captions": "captions",
    "portraits": "portraits",
    "generate": "generate",
    "judge": "judge",
    "export": "export",
    "experiments": "results",
    "show": "results",
    "report": "results",
    "review": "review",
    "site": "site",
    "baseline": "baseline",
    "plan": "plan",
    "evaluate": "evaluate",
    "query": "results",
    "views": "views",
    "maintain": "maintain",
    "import-kohya": "import_kohya",
    "doctor": "doctor",
}


class LazyGroup(click.Group):
    """Imports a command when it is asked for: `pixelpipe experiments` does not wait for torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return getattr(import_module(f"pixelpipe.cli.{COMMANDS[cmd_name]}"), cmd_name.replace("-", "_"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each with the whole first sentence of its help: click cuts it to one line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(limit=1000)) for name, each in commands if each])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="pixelpipe")
def app() -> None:
    """Fine-tune Stable Diffusion on pixel art, and learn early and honestly whether it is worth the GPU money.

    \b
    Start here:   pixelpipe demo
    Your art:     pixelpipe run CONFIG.yaml
    Any images:   pixelpipe analyze FOLDER --grid 24

    Exit codes: 0 done (an abandoned experiment is a successful run), 1 failed or some inputs skipped,
    2 bad input, 130 interrupted.
    """


def main() -> None:
    """Entry point: every expected error is one line on stderr and an exit code."""
    listen()
    _open_what_is_closed()
    wait_briefly()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # it warns of parts that SD1.5 does not use
    sys.exit(_exit_code())


def _open_what_is_closed() -> None:
    """A stream that the shell closed (`>&-`) is None, and its number would go to the first file that is opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 -- open to the end


def _exit_code() -> int:
    try:
        exit_code = app(standalone_mode=False) or DONE
        sys.stdout.flush()
        return exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return BAD_INPUT
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "pixelpipe"
        return _say(f"{_sentence(error)} (see {command} --help)", BAD_INPUT)
    except click.ClickException as error:
        return _say(_sentence(error), BAD_INPUT)
    except (BadInputError, ExperimentHeldError) as error:
        return _say(error, BAD_INPUT)
    except StoppedError as error:
        return _say(error, INTERRUPTED)
    except PixelpipeError as error:
        return _say(error, FAILED)
    except OSError as error:
        if error.errno not in (*NO_SPACE, errno.EPIPE):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what waits there would fail again at the exit
        if error.errno == errno.EPIPE:  # the reader of our output, such as `head`, has enough
            return DONE
        return _say(f"{error.filename or 'output'}: cannot be written: {os.strerror(error.errno)}", FAILED)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted", INTERRUPTED)


def _sentence(error: click.ClickException) -> str:
    """click's message as ours are: one line, no capital, no full stop."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    return message[:1].lower() + message[1:]


def _say(message: object, exit_code: int) -> int:
    from pixelpipe.cli.options import printable

    click.echo(f"pixelpipe: {printable(str(message))}", err=True)
    return exit_code

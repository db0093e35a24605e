"""The command line: assembles one file a verb, and turns the error tree into exit statuses."""

import errno
import sys
from typing import Annotated, NoReturn

import typer

import edgefn
from edgefn.cli import bench, build, check, dev, doctor, limits, model, new, test
from edgefn.cli.output import narrate_work, print_error
from edgefn.errors import EdgefnError, UsageError

__all__ = ["app", "main"]

REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.ENAMETOOLONG)

app = typer.Typer(
    name="edgefn",
    help="A Python handler and a trained model, at the network edge.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"edgefn {edgefn.__version__}")
        raise typer.Exit


@app.callback()
def _start(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    narrate_work()


app.command("new")(new.new)
app.command("build")(build.build)
app.command("test")(test.test)
app.command("dev")(dev.dev)
app.command("bench")(bench.bench)
app.command("check")(check.check)
app.command("doctor")(doctor.doctor)
app.add_typer(model.app, name="model")
app.add_typer(limits.app, name="limits")


def main() -> None:
    """Run the command line.

    An EdgefnError becomes a message and its exit status, and so does a file system that refuses; anything else is a
    bug and keeps its traceback.
    """
    try:
        app()
    except EdgefnError as error:
        _fail(error)
    except OSError as error:
        if error.errno not in REFUSALS:
            raise
        where = error.filename or "the current folder"
        message = f"the file system refuses {where}: {error.strerror}"
        _fail(UsageError("EFN-U004", message, hint="check its permissions and the free space: edgefn doctor"))


def _fail(error: EdgefnError) -> NoReturn:
    print_error(error, as_json="--json" in sys.argv)
    sys.exit(error.exit_status)


if __name__ == "__main__":
    main()

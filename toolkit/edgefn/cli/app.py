"""The command line: assembles one file a verb, and turns the error tree into exit statuses."""

import sys

import typer

from edgefn.cli import bench, build, dev, doctor, model, new, test
from edgefn.errors import EdgefnError

__all__ = ["app", "main"]

app = typer.Typer(
    name="edgefn",
    help="A Python handler and a trained model, at the network edge.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("new")(new.new)
app.command("build")(build.build)
app.command("test")(test.test)
app.command("dev")(dev.dev)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)
app.add_typer(model.app, name="model")


def main() -> None:
    """Run the command line.

    An EdgefnError becomes a message and its exit status; anything else is a bug and keeps its traceback.
    """
    try:
        app()
    except EdgefnError as error:
        from edgefn.cli.output import print_error

        print_error(error, as_json="--json" in sys.argv)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main()

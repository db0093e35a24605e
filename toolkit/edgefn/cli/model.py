"""`edgefn model`: inspect and compile models without a function."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.dims import sizes
from edgefn.cli.output import Json, show

__all__ = ["app"]

app = typer.Typer(help="Look into models, and compile them.", no_args_is_help=True, rich_markup_mode=None)

Source = Annotated[Path, typer.Argument(help="The model: an ONNX or TFLite file.", show_default=False)]
Subject = Annotated[Path, typer.Argument(help="An ONNX or TFLite file, or a compiled plan.", show_default=False)]
Dims = Annotated[
    list[str] | None,
    typer.Option("--dim", help="NAME=SIZE of a dimension that the model leaves open.", show_default=False),
]


@app.command()
def inspect(source: Subject, *, dim: Dims = None, json: Json = False) -> None:
    """Draw a model or plan: what its ops cost and read, what memory it takes, and whether the engine covers it."""
    from edgefn.bench.anatomy import dissect
    from edgefn.report.anatomy import anatomy

    found = dissect(source, sizes(dim))
    show(found, anatomy, as_json=json)
    if not found.supported:
        raise typer.Exit(3)


@app.command("compile")
def compile_(
    source: Source,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="NAME.plan, or NAME.wasm for a module that runs by itself. [default: beside the model]",
        ),
    ] = None,
    flavour: Annotated[str, typer.Option(help="Of the module: simd128 or relaxed-simd.")] = "simd128",
    dim: Dims = None,
    js: Annotated[
        bool, typer.Option("--js", help="Write a JavaScript wrapper and its TypeScript types beside the module.")
    ] = False,
    json: Json = False,
) -> None:
    """Compile a model to a plan, or to a Wasm module with the plan and the engine inside."""
    from edgefn.build.modules import compile_file
    from edgefn.engine.library import known_flavour
    from edgefn.report import console

    target = output or source.with_suffix(".plan")
    made = compile_file(source, target, known_flavour(flavour), sizes(dim), js=js)
    show(made, console.compiled, as_json=json)


@app.command()
def run(
    source: Subject,
    *,
    inputs: Annotated[
        Path, typer.Option(help="An .npz file: arrays named as the inputs, or in/0/NAME with out/0/NAME beside.")
    ],
    flavour: Annotated[str, typer.Option(help="simd128 or relaxed-simd.")] = "simd128",
    epochs: Annotated[bool, typer.Option("--epochs", help="With the deadline checks of an edge host.")] = False,
    dim: Dims = None,
    json: Json = False,
) -> None:
    """Run a model or plan by itself: how long an inference takes, and how far its outputs are from known ones."""
    from edgefn.bench import run_model
    from edgefn.engine.library import known_flavour
    from edgefn.report import console

    result = run_model(source, inputs, known_flavour(flavour), epochs=epochs, dims=sizes(dim))
    show(result, console.model_run, as_json=json)


@app.command()
def profile(
    source: Subject,
    *,
    inputs: Annotated[
        Path | None, typer.Option(help="An .npz file as `model run` takes it. [default: made-up values]")
    ] = None,
    flavour: Annotated[str, typer.Option(help="simd128 or relaxed-simd.")] = "simd128",
    epochs: Annotated[bool, typer.Option("--epochs", help="With the deadline checks of an edge host.")] = False,
    dim: Dims = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with a chart, too.")] = None,
    json: Json = False,
) -> None:
    """Find what a model's time goes into: every op with its time, multiplications, weights and memory."""
    from edgefn.bench.profile import profile_model
    from edgefn.cli.output import narrate
    from edgefn.engine.library import known_flavour
    from edgefn.project.atomic import refuse_target, write_whole
    from edgefn.report import profile as view
    from edgefn.report.units import place

    if html:
        refuse_target(html, view.HEAD)
    found = profile_model(source, known_flavour(flavour), inputs=inputs, epochs=epochs, dims=sizes(dim))
    if html:
        write_whole(html, view.page(found).encode())
        narrate(f"wrote {place(html)}")
    show(found, view.profile, as_json=json)


@app.command()
def compare(
    a: Subject,
    b: Subject,
    *,
    samples: Annotated[Path, typer.Option(help="An .npz file as `model run` takes it, of the inputs of either.")],
    flavour: Annotated[str, typer.Option(help="Of the first: simd128 or relaxed-simd.")] = "simd128",
    against: Annotated[str | None, typer.Option(help="Flavour of the second. [default: that of the first]")] = None,
    threshold: Annotated[
        float | None,
        typer.Option(help="Relative difference above which a layer parts. [default: 0.0001; 0.2 between types]"),
    ] = None,
    dim: Dims = None,
    json: Json = False,
) -> None:
    """Find how far two models are apart, and the first layer where they part: floats and int8, or two flavours."""
    from edgefn.bench.compare import compare_models
    from edgefn.engine.library import known_flavour
    from edgefn.report.comparison import comparison

    flavours = known_flavour(flavour), known_flavour(against or flavour)
    found = compare_models((a, b), samples, flavours, threshold=threshold, dims=sizes(dim))
    show(found, comparison, as_json=json)

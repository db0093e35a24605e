"""`edgefn dev`."""

from pathlib import Path
from typing import Annotated

import typer

from edgefn.cli.output import Folder, Json, limits_of, narrate, profiles_from
from edgefn.limits import Enforcement

__all__ = ["dev"]


def dev(
    folder: Folder = Path(),
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8787,
    profile: Annotated[
        str, typer.Option(help="The limits profile to run under.", autocompletion=profiles_from)
    ] = "fastly",
    limits: Annotated[
        Enforcement, typer.Option(help="Stop what goes beyond a limit, only warn of it, or do not look.")
    ] = Enforcement.ENFORCE,
    reuse: Annotated[bool, typer.Option("--reuse", help="Keep instances between requests, as Workers do.")] = False,
    json: Json = False,
) -> None:
    """Serve the function over HTTP on this machine, under a platform's limits."""
    import json as json_format

    from edgefn.build import build
    from edgefn.emulator.server import FunctionServer, Served, serve
    from edgefn.host import load_component
    from edgefn.project import load_function
    from edgefn.report.units import milliseconds

    function = load_function(folder)
    (platform,) = limits_of(function, [profile])
    built = build(function)
    loaded = load_component(built.component, platform)

    def log(served: Served) -> None:
        usage, outcome = served.outcome.usage, served.outcome
        if json:
            line = {
                "method": served.method,
                "url": served.url,
                "status": outcome.status,
                "cpu_ms": usage.cpu_ms,
                "memory_bytes": usage.memory_bytes,
                "breach": str(outcome.breach) if outcome.breach else None,
                "warnings": [str(warning) for warning in served.warnings],
            }
            print(json_format.dumps(line), flush=True)
        else:
            start = "cold" if usage.start_ms else "warm"
            narrate(f"{served.method} {served.url} {outcome.status} {milliseconds(usage.cpu_ms)} CPU {start}")
        for text in (outcome.stdout, outcome.stderr):
            if text:
                narrate(text.rstrip())
        if outcome.breach or outcome.failure:
            narrate(str(outcome.breach or outcome.failure))
        for warning in served.warnings:
            narrate(f"warning: {platform.name} has a {warning}")

    def ready(address: str) -> None:
        if json:
            print(json_format.dumps({"address": address, "profile": platform.name}), flush=True)
        under = {"enforce": "under", "warn": "watched by", "off": "without the limits of"}[limits]
        narrate(f"{function.name} on {address} {under} {platform.name}; stop with Ctrl-C")

    serve(FunctionServer(loaded, platform, log, reuse=reuse, enforcement=limits), host, port, ready)

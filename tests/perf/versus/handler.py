"""The same network twice in one component: by the engine, and in plain Python; each times itself."""

import json
import time

import plain

import edgefn
from edgefn import Request, Response, Tensor

model = edgefn.load_model("digits")


def handle(request: Request) -> Response:
    asked = json.loads(request.text)
    pixels = asked["pixels"]
    tensor = Tensor("float32", (1, 1, 8, 8), pixels)
    run = (lambda: model(tensor).tolist()) if request.path == "/engine" else (lambda: plain.run(pixels))
    started = time.perf_counter()
    for _ in range(asked["times"]):
        scores = run()
    return Response.json({"seconds": (time.perf_counter() - started) / asked["times"], "scores": scores})

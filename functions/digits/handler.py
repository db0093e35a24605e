"""Reads a handwritten digit: POST a PNG, or 64 bytes of 0 to 16."""

import picture

import edgefn
from edgefn import Request, Response, Tensor

model = edgefn.load_model("digits")

USAGE = {
    "send": "POST a PNG of one digit that fills its frame (content-type image/png), "
    "or 64 bytes of 0 (paper) to 16 (ink), row by row",
    "get": {"label": "the digit", "score": "its probability", "scores": "the probabilities of 0 to 9"},
}


def handle(request: Request) -> Response:
    if request.method == "GET":
        return Response.json(USAGE)
    if request.method != "POST":
        return refuse(
            405, f"method {request.method} is not supported", "POST a digit, or GET the usage", [("allow", "GET, POST")]
        )
    try:
        pixels = picture.read(request.body, request.headers.get("content-type", ""))
    except picture.Refused as refused:
        return refuse(refused.status, str(refused), refused.hint)
    scores = model(Tensor("float32", (1, 1, 8, 8), pixels))
    label = scores.argmax()
    return Response.json({"label": label, "score": scores[0, label], "scores": scores.tolist()})


def refuse(status: int, error: str, hint: str, headers: tuple | list = ()) -> Response:
    return Response.json({"error": error, "hint": hint}, status, headers)

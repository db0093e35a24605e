from edgefn import Request, Response


def handle(request: Request) -> Response:
    name = request.text.strip() or "world"
    return Response.json({"hello": name})

"""What users may write in edgefn.toml and in samples/*.json.

A field's description is the noun phrase that an error message ends with ("expected ..."); its first example is what
the hint shows.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edgefn.limits.budgets import Budgets

__all__ = ["FunctionFile", "SampleFile"]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


type _Budget = Annotated[float, Field(gt=0)]
type _Pairs = list[Annotated[list[str], Field(min_length=2, max_length=2)]]


class FunctionTable(_Written):
    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,62}$",
        description="a name of lower-case letters, digits and dashes that starts with a letter, at most 63 characters",
        examples=["hello"],
    )
    handler: str = Field(
        default="handler.py", description="the path of a Python file inside the folder", examples=["handler.py"]
    )


class ModelTable(_Written):
    source: str = Field(
        min_length=1, description="the path of a model file, relative to the folder", examples=["model.onnx"]
    )
    dims: dict[str, Annotated[int, Field(gt=0)]] = Field(
        default={}, description="a table of sizes for dimensions the model leaves open", examples=[{"seq": 128}]
    )


class BuildTable(_Written):
    flavour: Literal["simd128", "relaxed-simd"] = Field(
        default="simd128", description='"simd128" or "relaxed-simd"', examples=["simd128"]
    )


class BudgetTable(_Written):
    cpu_ms: _Budget | None = Field(default=None, description="a positive number of milliseconds", examples=[10])
    wall_ms: _Budget | None = Field(default=None, description="a positive number of milliseconds", examples=[1000])
    memory_mb: _Budget | None = Field(default=None, description="a positive number of megabytes", examples=[64])
    package_mb: _Budget | None = Field(default=None, description="a positive number of megabytes", examples=[20])
    startup_ms: _Budget | None = Field(default=None, description="a positive number of milliseconds", examples=[200])


def _of_profile(name: str) -> Any:  # noqa: ANN401 -- as pydantic's Field
    return Field(default=None, alias=name, description="a table of budgets for this profile alone")


class LimitsTable(BudgetTable):
    akamai_functions: BudgetTable | None = _of_profile("akamai-functions")
    cloudflare_free: BudgetTable | None = _of_profile("cloudflare-free")
    cloudflare_paid: BudgetTable | None = _of_profile("cloudflare-paid")
    fastly: BudgetTable | None = _of_profile("fastly")
    fastly_trial: BudgetTable | None = _of_profile("fastly-trial")
    lambda_edge: BudgetTable | None = _of_profile("lambda-edge")
    node: BudgetTable | None = _of_profile("node")

    def budgets(self) -> Budgets:
        """The general ones, with those of single profiles."""
        general, own = {}, {}
        for name, value in self.model_dump(by_alias=True, exclude_none=True).items():
            if isinstance(value, dict):
                own[name] = Budgets(**value)
            else:
                general[name] = value
        return Budgets(**general, profiles=own)


type _ModelName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class FunctionFile(_Written):
    """edgefn.toml."""

    function: FunctionTable = Field(description="a table", examples=[{"name": "hello"}])
    models: dict[_ModelName, ModelTable] = Field(default={}, description="a table of tables, one a model")
    build: BuildTable = Field(default_factory=BuildTable, description="a table")
    limits: LimitsTable = Field(default_factory=LimitsTable, description="a table")


class RequestTable(_Written):
    method: str = Field(
        default="GET", pattern=r"^[A-Z][A-Z-]{0,31}$", description="a method in upper case", examples=["POST"]
    )
    url: str = Field(
        default="/",
        pattern=r"^(/|https?://)[!-~]*$",
        max_length=65_536,
        description="a path that starts with / or an http(s) URL, percent-encoded",
        examples=["/"],
    )
    headers: _Pairs = Field(
        default=[], description="a list of [name, value]", examples=[[["accept", "application/json"]]]
    )
    body: str | None = Field(default=None, description="text", examples=["hello"])
    body_base64: str | None = Field(default=None, description="bytes in base64", examples=["aGVsbG8="])
    body_file: str | None = Field(
        default=None, description="the path of a file inside samples/", examples=["digit.png"]
    )


class ExpectTable(_Written):
    status: int | None = Field(default=None, ge=100, le=599, description="a status from 100 to 599", examples=[200])
    json_: object = Field(default=None, alias="json", description="a JSON value")
    text: str | None = Field(default=None, description="text", examples=["hello"])
    headers: _Pairs = Field(
        default=[], description="a list of [name, value]", examples=[[["content-type", "text/plain"]]]
    )
    tolerance: float = Field(default=1e-6, ge=0, description="a number, zero or more", examples=[0.000001])


class SampleFile(_Written):
    """samples/*.json."""

    request: RequestTable = Field(default_factory=RequestTable, description="an object")
    expect: ExpectTable = Field(default_factory=ExpectTable, description="an object")

"""Stage, audit, componentize, measure."""

from edgefn.build.builder import Build, ModelBuild, build
from edgefn.build.sizes import Part, Sizes

__all__ = ["Build", "ModelBuild", "Part", "Sizes", "build"]

import pytest

from . import sanitized


@pytest.fixture(scope="session")
def sanitized_engine(tmp_path_factory):
    """Builds the engine natively under sanitizers, in one flavour, once."""
    built = {}

    def of(flavour="simd128"):
        if sanitized.compiler() is None:
            pytest.skip("there is no gcc or clang with -fsanitize=address,undefined")
        if flavour not in built:
            built[flavour] = sanitized.build(tmp_path_factory.mktemp("sanitized"), flavour)
        return built[flavour]

    return of

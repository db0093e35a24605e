"""The names that users and other packages may rely on. A change here is a change for them: say so in CHANGELOG.md."""

import importlib

import pytest

SURFACE = {
    "edgefn": ["Model", "Request", "Response", "Tensor", "load_model"],
    "edgefn.errors": [
        "BuildError",
        "ConfigError",
        "EdgefnError",
        "ExpectationError",
        "HostError",
        "ModelError",
        "NotModelled",
        "UnsupportedError",
        "UsageError",
    ],
    "edgefn.limits": [
        "Absent",
        "Budgets",
        "Comparison",
        "Difference",
        "Enforcement",
        "Entry",
        "Limit",
        "Overview",
        "Profile",
        "compare_profiles",
        "load_profile",
        "loosened",
        "loosest",
        "overview",
        "profile_names",
        "profiles_of",
        "tighten",
    ],
    "edgefn.testing": ["ProfileRun", "Reply", "SampleRun", "TestRun", "Trial", "run_samples"],
    "edgefn.project": [
        "Budgets",
        "Expectation",
        "Function",
        "ModelSource",
        "Sample",
        "SampleRequest",
        "demand_samples",
        "editor_schema",
        "load_function",
        "load_samples",
        "shared_folder",
    ],
}


@pytest.mark.parametrize("name", SURFACE)
def test_public_names_are_the_ones_written_here(name):
    module = importlib.import_module(name)
    assert module.__all__ == SURFACE[name]
    assert all(hasattr(module, public) for public in module.__all__)

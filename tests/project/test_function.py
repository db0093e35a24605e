import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgefn.errors import ConfigError, EdgefnError
from edgefn.limits import profile_names
from edgefn.project import Budgets, ModelSource, editor_schema, load_function

HEAD = '[function]\nname = "hello"\n'


def refused(folder: Path, text: str | bytes) -> ConfigError:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "edgefn.toml").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load_function(folder)
    assert caught.value.hint
    return caught.value


def test_a_byte_order_mark_is_not_part_of_the_text(folder):
    (folder / "edgefn.toml").write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert load_function(folder).name == "hello"


def test_the_shortest_file_takes_every_default(folder):
    function = load_function(folder)
    assert function.folder == folder.resolve()
    assert function.name == "hello"
    assert function.handler == folder.resolve() / "handler.py"
    assert function.models == ()
    assert function.budgets == Budgets()
    assert function.flavour == "simd128"


def test_everything_that_can_be_written_is_read(folder):
    (folder / "app").mkdir()
    (folder / "app" / "main.py").touch()
    (folder / "edgefn.toml").write_text(
        """
        [function]
        name = "digits-2"
        handler = "app/main.py"
        [models.zebra]
        source = "zebra.onnx"
        [models.ant]
        source = "../shared/ant.onnx"
        [build]
        flavour = "relaxed-simd"
        [limits]
        cpu_ms = 5
        memory_mb = 64.5
        [limits.cloudflare-free]
        cpu_ms = 3
        """
    )
    function = load_function(folder)
    root = folder.resolve()
    assert function.handler == root / "app/main.py"
    assert function.models == (
        ModelSource("ant", root.parent / "shared/ant.onnx"),
        ModelSource("zebra", root / "zebra.onnx"),
    )
    assert function.flavour == "relaxed-simd"
    own = {"cloudflare-free": Budgets(cpu_ms=3)}
    assert function.budgets == Budgets(cpu_ms=5, memory_mb=64.5, profiles=own)


def test_a_missing_file_says_where_it_looked_and_how_to_start(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load_function(tmp_path / "nowhere")
    assert caught.value.code == "EFN-C001"
    assert str(tmp_path / "nowhere") in caught.value.message
    assert "edgefn new" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "key", "table", "meant"),
    [
        ("functoin = 1", "functoin", "the top level", "function"),
        ('[function]\nname = "a"\nhandlr = "a.py"', "handlr", "[function]", "handler"),
        (f'{HEAD}[models.kws]\nsource = "a"\nsorce = "b"', "sorce", "[models.kws]", "source"),
        (f"{HEAD}[limits]\ncpu = 3", "cpu", "[limits]", "cpu_ms"),
        (f"{HEAD}[limits.fasty]\ncpu_ms = 3", "fasty", "[limits]", "fastly"),
        (f"{HEAD}[limits.fastly]\ncpu = 3", "cpu", "[limits.fastly]", "cpu_ms"),
        (f'{HEAD}[build]\nflavor = "simd128"', "flavor", "[build]", "flavour"),
    ],
)
def test_an_unknown_key_is_named_with_its_table_and_the_nearest_valid_name(folder, text, key, table, meant):
    error = refused(folder, text)
    assert error.code == "EFN-C004"
    assert f'unknown key "{key}" in {table}' in error.message
    assert f"rename it to {meant}" in error.hint


def test_an_unknown_key_that_resembles_nothing_is_answered_with_the_valid_ones(folder):
    error = refused(folder, f"{HEAD}[limits]\nzzz = 1")
    assert error.hint.startswith("remove it (valid there: akamai-functions, ")
    assert error.hint.endswith(", memory_mb, node, package_mb, startup_ms, wall_ms)")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("function = 3", "function in the top level is 3: expected a table"),
        ("[function]\nname = 3", "name in [function] is 3: expected a name of lower-case letters"),
        ('[function]\nname = "Hello"', 'name in [function] is "Hello": expected a name of lower-case letters'),
        ('[function]\nname = "a\\n"', 'name in [function] is "a\\n": expected a name of lower-case letters'),
        (f'{HEAD}[limits]\ncpu_ms = "5"', 'cpu_ms in [limits] is "5": expected a positive number'),
        (f"{HEAD}[limits]\ncpu_ms = true", "cpu_ms in [limits] is true: expected a positive number"),
        (f"{HEAD}[limits.fastly]\ncpu_ms = 0", "cpu_ms in [limits.fastly] is 0: expected a positive number"),
        (f"{HEAD}[limits]\nfastly = 3", "fastly in [limits] is 3: expected a table of budgets for this profile alone"),
        (f"{HEAD}[limits]\nmemory_mb = 0", "memory_mb in [limits] is 0: expected a positive number"),
        (f"{HEAD}[limits]\nwall_ms = nan", "wall_ms in [limits] is NaN: expected a positive number"),
        (f"{HEAD}[limits]\nwall_ms = inf", "wall_ms in [limits] is Infinity: expected a positive number"),
        (f'{HEAD}[build]\nflavour = "avx"', 'flavour in [build] is "avx": expected "simd128" or "relaxed-simd"'),
        (f"{HEAD}[models]\nkws = 3", "[models.kws] is 3: expected a table"),
        (f'{HEAD}[models.Kws]\nsource = "a"', 'name "Kws" in [models]: expected a name of lower-case letters'),
        (f"{HEAD}[models.kws]\nsource = 1979-05-27", 'source in [models.kws] is "1979-05-27": expected the path'),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_what_was_expected(folder, text, says):
    error = refused(folder, text)
    assert error.code == "EFN-C005"
    assert says in error.message


def test_a_missing_name_says_what_to_add(folder):
    error = refused(folder, "[function]\n")
    assert error.code == "EFN-C006"
    assert "[function] lacks name" in error.message
    assert error.hint == 'add to [function]: name = "hello"'


def test_an_empty_file_says_which_table_to_add(folder):
    assert refused(folder, "").hint == 'add a table: [function] with name = "hello"'


def test_the_other_things_that_are_wrong_are_in_the_detail(folder):
    error = refused(folder, f"{HEAD}[limits]\ncpu_ms = -1\nwall_ms = -2")
    assert "cpu_ms" in error.message
    assert "wall_ms" in error.detail


def test_a_syntax_error_says_the_line(folder):
    error = refused(folder, f"{HEAD}handler = 'x\n")
    assert error.code == "EFN-C003"
    assert "line 3" in error.message


def test_bytes_that_are_not_text_say_the_line(folder):
    error = refused(folder, HEAD.encode() + b"# \xff\n")
    assert error.code == "EFN-C002"
    assert "byte 0xff in line 3" in error.message


def test_a_file_above_one_mebibyte_is_not_read(folder):
    error = refused(folder, HEAD + "#" * (1 << 20))
    assert error.code == "EFN-C002"
    assert "1,048,576 bytes" in error.message


@pytest.mark.parametrize("value", ["[" * 20_000, "1" * 5_000, "{a=" * 5_000])
def test_a_value_that_exhausts_the_parser_is_refused(folder, value):
    assert refused(folder, f"{HEAD}x = {value}").code in ("EFN-C003", "EFN-C004")


@pytest.mark.parametrize("handler", ["../handler.py", "/handler.py", "handler.txt", "", "a-b.py", ".py", "a/../b.py"])
def test_a_handler_that_cannot_be_imported_from_the_folder_is_refused(folder, handler):
    error = refused(folder, f'{HEAD}handler = "{handler}"')
    assert error.code == "EFN-C007"
    assert f'"{handler}"' in error.message


def test_a_handler_that_is_not_there_is_refused(folder):
    error = refused(folder, f'{HEAD}handler = "other.py"')
    assert error.code == "EFN-C007"
    assert "there is no file" in error.message


@pytest.mark.parametrize("source", ["/model.onnx", "a\\u0000b"])
def test_a_model_that_is_not_relative_is_refused(folder, source):
    assert refused(folder, f'{HEAD}[models.kws]\nsource = "{source}"').code == "EFN-C008"


def test_the_editor_schema_knows_every_key_and_refuses_others():
    schema = editor_schema()
    assert schema["additionalProperties"] is False
    assert sorted(schema["properties"]) == ["build", "function", "limits", "models"]
    budgets = ["cpu_ms", "memory_mb", "package_mb", "startup_ms", "wall_ms"]
    assert sorted(schema["$defs"]["BudgetTable"]["properties"]) == budgets
    assert sorted(schema["$defs"]["LimitsTable"]["properties"]) == sorted([*budgets, *profile_names()])
    assert schema["$defs"]["LimitsTable"]["additionalProperties"] is False


WORDS = st.sampled_from(
    ["function", "models", "limits", "build", "name", "handler", "source", "flavour", "cpu_ms", "kws", "x"]
)
VALUES = st.one_of(
    st.sampled_from(
        ['"hello"', '"../x"', "true", "1e400", "-0.0", "nan", "[]", "{}", "[[1]]", "1979-05-27", '"\\u0000"']
    ),
    st.integers().map(str),
    st.floats().map(str),
    st.text(string.printable, max_size=8),
)
LINES = st.one_of(
    st.lists(WORDS, min_size=1, max_size=3).map(lambda words: f"[{'.'.join(words)}]"),
    st.tuples(st.lists(WORDS, min_size=1, max_size=3).map(".".join), VALUES).map(" = ".join),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(
    text=st.one_of(st.binary(max_size=200), st.lists(LINES, max_size=8).map(lambda lines: "\n".join(lines).encode()))
)
def test_whatever_is_written_only_our_errors_come_out(folder, text):
    (folder / "edgefn.toml").write_bytes(text)
    try:
        load_function(folder)
    except EdgefnError as error:
        assert error.hint  # noqa: PT017 -- an error is one of two good outcomes

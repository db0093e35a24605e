# Needs Python 3.12 or newer and nothing else. What it makes stays in this folder; what edgefn keeps between runs is in its cache.
PYTHON ?= $(firstword $(foreach p,$(CANDIDATES),$(shell $(p) -c $(RECENT) 2>/dev/null)) python3)
CANDIDATES = python3 $(foreach d,$(subst :, ,$(PATH)) $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.*/bin,$(wildcard $d/python3 $d/python3.1[2-9]))
RECENT := 'import sys; sys.version_info >= (3, 12) and print(sys.executable)'

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
C_SOURCES := $(shell find toolkit/edgefn/engine -name '*.[ch]')
C_OF_TESTS := $(shell find tests -name "*.[ch]")
BUILD_HOOK := $(wildcard toolkit/edgefn/engine/compile.py)

.DEFAULT_GOAL := help
.PHONY: help demo test check fix bench fuzz docs clean
.DELETE_ON_ERROR:

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: .venv/.package ## build functions/digits, run it under platform limits, report
	@echo "1. compile the model, build the component" >&2
	@$(BIN)/edgefn build functions/digits
	@echo "2. ask it for digits it has never seen, on the local wasmtime host under Fastly's limits" >&2
	@$(BIN)/python models/digits/show.py
	@echo "3. its samples under the limits of Workers and Compute" >&2
	@$(BIN)/edgefn test functions/digits
	@echo "4. what it costs beside each limit" >&2
	@$(BIN)/edgefn bench functions/digits --sample nine
	@echo "next:"
	@echo "  .venv/bin/edgefn dev functions/digits     serve it on http://127.0.0.1:8787"
	@echo "  .venv/bin/edgefn new greeter              make a function of your own"
	@echo "  .venv/bin/edgefn model inspect MODEL.onnx see whether the engine covers your model"

test: .venv/.tools ## run every test
	@$(BIN)/pytest -q tests

check: .venv/.tools ## check format, lint, types, layers, generated docs; change nothing
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/clang-format --dry-run -Werror $(C_SOURCES) $(C_OF_TESTS)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python docs/generate.py --check

fix: .venv/.tools ## format, and repair what can be repaired
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(C_SOURCES) $(C_OF_TESTS)

bench: .venv/.tools ## measure (tests/perf)
	@$(BIN)/pytest -q tests/perf -p no:randomly --benchmark-enable --benchmark-only

N ?= 100000
fuzz: .venv/.tools ## give the readers and the engine N broken files, under sanitizers (minutes)
	@$(BIN)/python -m tests.fuzz.campaign $(N)

docs: .venv/.package ## write docs/reference from the code
	$(BIN)/python docs/generate.py

clean: ## remove everything that make made
	rm -rf .venv dist toolkit/edgefn/engine/lib .mypy_cache .ruff_cache .hypothesis .benchmarks
	find functions -name .edgefn -type d -prune -exec rm -rf {} +
	find toolkit tests functions models -name __pycache__ -type d -prune -exec rm -rf {} +

# A venv is made from the interpreter itself, never from a pyenv shim, whose meaning changes with folder and environment.
.venv/.made:
	@python='$(PYTHON)'; path=$$("$$python" -c $(RECENT) 2>/dev/null) || true; \
	if [ -z "$$path" ]; then \
		echo "edgefn needs Python 3.12 or newer; $$python is $$("$$python" --version 2>&1 | head -n 1)" >&2; \
		echo "name one: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	echo "making .venv with $$path" >&2; "$$path" -m venv --clear .venv
	@touch $@

.venv/.package: .venv/.made pyproject.toml $(C_SOURCES) $(BUILD_HOOK)
	@echo "installing edgefn and building its engine" >&2
	@$(PIP) install --editable .
	@touch $@

.venv/.tools: .venv/.package
	@$(BIN)/python -c 'import pip, sys; sys.exit([*map(int, pip.__version__.split(".")[:2])] < [25, 1])' || $(PIP) install 'pip>=25.1'
	@echo "installing what tests and checks need" >&2
	@$(PIP) install --group test --group lint
	@touch $@

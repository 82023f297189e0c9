# make bench      environment, install, every strategy on the embedded data, leaderboard
# make test       the tests
# make lint       ruff and mypy
# make docs       the documentation as a site: site/index.html
# make strategies every strategy explained, its schedule drawn: docs/strategies.md
# make benchmark  what the frame costs beside the method: docs/speed.md
# make campaign   commands killed at random, which must lose nothing: docs/kills.md
# make packages   wheel and source distribution, tried in fresh environments: PYTHONS="3.11 3.13"
# make profile    where the time of each strategy goes: docs/profile.md
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BUDGET ?= 10s
SEEDS ?= 1
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); echo $$(( n < 2 ? n : 2 )))
SCENARIO ?= task,class
OUT ?= runs
BIN := $(VENV)/bin
# else every process compiles torch and Avalanche anew, more than half of what importing them takes
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bench test lint docs strategies benchmark campaign packages profile clean

bench: $(VENV)/installed
	$(BIN)/python -m bench run --budget $(BUDGET) --seeds $(SEEDS) --jobs $(JOBS) \
		--scenario $(SCENARIO) --out $(OUT)
	$(BIN)/python -m bench leaderboard --out $(OUT) --pages $(OUT)/leaderboards

test: $(VENV)/installed
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

benchmark: $(VENV)/installed
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable --benchmark-json=.benchmark.json
	$(BIN)/python tests/benchmarks/table.py .benchmark.json docs/speed.md

campaign: $(VENV)/installed
	$(BIN)/python tests/campaign/kills.py --run 200 --study 40 --checkpoint 30 --page docs/kills.md

packages: $(VENV)/installed
	$(BIN)/python tests/campaign/packages.py $(PYTHONS)

profile: $(VENV)/installed
	$(BIN)/python -m bench run --profile --benchmark split-mnist --scenario $(SCENARIO) \
		--budget 4s --jobs $(JOBS) --out docs

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=. $(BIN)/mkdocs build
	@echo "the documentation: site/index.html"

strategies: $(VENV)/installed
	$(BIN)/python -m bench docs --out docs

# uv comes from PyPI and installs in seconds; plain pip does the same, more slowly
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	if $(BIN)/python -m pip install --quiet uv; \
	then $(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[test,lint,docs]'; \
	else $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,lint,docs]'; fi
	touch $@

clean:
	rm -rf $(VENV) site

# Each target sets up by itself what it needs: Python's packages in .venv, Debian's where it may.

lock := .venv/requirements-dev.txt
run := .venv/bin
compile := $(run)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
workflows := $(wildcard .github/workflows/*.yml docs/examples/*.yml)

.PHONY: help demo test hostile faults soak check image lock clean

help: ## Show the targets.
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo: $(lock) ## Show a whole run, from the label to the pull request, on stand-ins for the three services.
	@$(run)/python -m demo

tables := tests/hostile tests/faults tests/soak

test: $(lock) ## Run all tests and measure their coverage, but for that of the tables, which would only take longer.
	$(run)/pytest --numprocesses 3 --cov=src $(tables:%=--ignore=%)
	$(run)/pytest --numprocesses 3 $(tables)

hostile: $(lock) ## Try every attack of tests/hostile, and print what it tried and what happened.
	$(run)/pytest tests/hostile --numprocesses 4 --quiet

faults: $(lock) ## Let every fault of tests/faults happen at every moment, and print what was kept where.
	$(run)/pytest tests/faults --numprocesses 3 --quiet

soak: $(lock) ## Play random runs under random faults (SEED=… RUNS=…), or one scene of them again (SEED=… SCENE=…).
	@PYTHONPATH=src SEED='$(SEED)' RUNS='$(RUNS)' SCENE='$(SCENE)' $(run)/python -m tests.soak
	@$(if $(SCENE),,FLAT_RUNS=60 $(run)/pytest --quiet --capture=no tests/soak/test_flat.py)

check: $(lock) ## Check format, style, types, the order of imports, action.yml and the workflows.
	$(run)/ruff check
	$(run)/ruff format --check
	$(run)/mypy entrypoint.py src standins demo
	$(run)/pytest --quiet tests/test_layout.py tests/test_action.py
	$(run)/check-jsonschema --builtin-schema vendor.github-actions action.yml
	$(run)/check-jsonschema --builtin-schema vendor.github-workflows $(workflows)
	$(run)/zizmor --offline --persona=auditor --no-progress action.yml .github/workflows

image: ## Build the action's image with docker or podman, and start it once.
	@tests/image/build.sh

lock: $(lock) ## Lock the newest versions that requirements.in and requirements-dev.in allow.
	$(compile) --upgrade requirements.in --output-file requirements.txt
	$(compile) --upgrade requirements-dev.in --output-file requirements-dev.txt

clean: ## Remove what the other targets made.
	rm -rf .venv .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache build

$(lock): requirements-dev.txt .ci/set-up
	@.ci/set-up

# Each target sets up .venv by itself; when nothing changed that costs a moment.
PYTHON ?= python3
BIN := .venv/bin
NOTEBOOKS = $(wildcard chapters/*.ipynb)

# Only a LANGUAGE given to make counts, or LABKIT_LANGUAGE: many systems export a LANGUAGE of their own.
ifneq ($(origin LANGUAGE),command line)
LANGUAGE := $(if $(filter zh%,$(LABKIT_LANGUAGE)),zh,en)
endif

.DEFAULT_GOAL := help
.PHONY: help run test test-zh reliability soak lint lab book notebooks record bench bench-peers ladder lock set-up

help: ## list the targets
	@awk -F ':.* ## ' '/^[a-z-]+:.* ## / { printf "%-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: set-up ## run chapters headless: make run CHAPTERS="05" PROFILE=laptop ARGS="-p dataset cifar10"
	@$(BIN)/labkit run $(CHAPTERS) --language $(LANGUAGE) $(if $(PROFILE),--profile $(PROFILE)) $(ARGS)

lab: set-up ## open the course in JupyterLab; in Chinese: make lab LANGUAGE=zh
	@$(BIN)/labkit lab --language $(LANGUAGE) $(ARGS)

book: set-up ## build the web edition into build/book/html, offline, from stored outputs
	@$(BIN)/python -m book

test: lint ## lint, unit tests, notebooks, browser
	$(BIN)/python -m pytest -m "not browser" -n 2 --dist loadfile --max-worker-restart=0
	$(if $(NOTEBOOKS),LABKIT_THREADS=1 $(BIN)/python -m pytest --nbval --nbval-current-env -n 2 --dist loadfile --max-worker-restart=0 $(NOTEBOOKS))
	$(BIN)/python -m pytest -m "browser and not alone" -n 2 --dist loadfile --max-worker-restart=0
	$(BIN)/python -m pytest -m alone

test-zh: set-up ## for translators: every Chinese notebook executed and searched for English
	LABKIT_TEST_ZH=all $(BIN)/python -m pytest tests/test_chinese.py

reliability: set-up ## the tests of docs/reliability.md in full, and what they measured into that page
	rm -rf build/reliability
	LABKIT_RELIABILITY=build/reliability $(BIN)/python -m pytest -o faulthandler_timeout=0 -m promise; failed=$$?; \
	$(BIN)/python tools/reliability.py build/reliability && exit $$failed

MINUTES ?= 20
soak: set-up ## three live labs used for 20 minutes, memory plotted into docs/soak.png: make soak MINUTES=5
	rm -rf build/soak
	LABKIT_SOAK=$(MINUTES) LABKIT_RELIABILITY=build/soak $(BIN)/python -m pytest -o faulthandler_timeout=0 tests/test_soak.py
	$(BIN)/python tools/reliability.py build/soak

lint: set-up ## the checks of .pre-commit-config.yaml, which stop a commit too
	@$(BIN)/python tools/lint.py

notebooks: set-up ## for maintainers: execute the chapters in place and store them with their pictures
	@$(BIN)/labkit notebooks $(CHAPTERS)

record: set-up ## for maintainers: write the runs that verdicts rest on: make record CHAPTER=05
	@$(BIN)/labkit record $(CHAPTER)

bench: set-up ## measure speed against peers and write benchmarks/RESULTS.md
	@$(BIN)/python -m benchmarks

bench-peers: set-up ## compare with other libraries, each in an environment of its own; writes benchmarks/PEERS-….md
	@$(BIN)/python -m benchmarks.peers

ladder: set-up ## climb chapter 5's ladder beside the document's program in Keras: make ladder ARGS="--path FOLDER"
	@$(BIN)/python -m benchmarks.ladder $(ARGS)

lock: ## for maintainers: find today's versions, write requirements.lock and the conda environments
	@$(PYTHON) tools/lock.py
	@$(PYTHON) tools/environments.py

set-up:
	@$(PYTHON) tools/setup_env.py

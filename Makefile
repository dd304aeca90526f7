# Ripe's everyday commands. `make` alone explains them.

.DEFAULT_GOAL := help
.PHONY: help deps build plugin wheel man install deb test test-interop test-plugin test-report test-tutorial demo bench fuzz format lint clean

# A hang of Swift's crash backtracer must not hide a failing test.
export SWIFT_BACKTRACE := enable=no

RIPE := .build/release/ripe
PREFIX ?= /usr/local

help: ## explain these targets
	@echo "Ripe scores, chooses, fine-tunes and converts pretraining checkpoints for medical image segmentation."
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "New here? 'make demo', then read README.md."

demo: build ## build, score the example checkpoints on example images, fine-tune the recommended one briefly
	@scripts/demo.sh $(RIPE)

test: deps ## build everything and run all tests
	swift build --build-tests
	swift test --skip-build --parallel

test-interop: build ## check with PyTorch, timm and Keras themselves what convert writes; makes .venv-interop
	@scripts/install-deps.sh bench
	@scripts/interop/run.sh $(RIPE) $(INTEROP)

test-report: build ## load reports of the example checkpoints in headless Chromium, where there is one
	@scripts/report/check.sh --ripe $(RIPE)

build: deps ## build the command-line tool with optimisations: .build/release/ripe
	@scripts/build-release.sh

plugin: deps ## build libripe.so, the C library, with optimisations: .build/plugin/libripe.so
	@scripts/plugin/build.sh

wheel: plugin ## build the Python package on it: dist/ripe-*.whl
	@scripts/wheel.sh .build/plugin/libripe.so dist

man: deps ## make the man pages, from the text of --help: .build/man
	@scripts/package/man.sh

install: build plugin man ## install program, library, man pages and completions under PREFIX (/usr/local)
	@scripts/package/install.sh $(PREFIX)

deb: build plugin man ## build a Debian package that needs no Swift: dist/ripe_*.deb
	@scripts/package/deb.sh

test-plugin: wheel ## check libripe.so under valgrind, and the Python package with PyTorch Lightning, Keras and Hugging Face
	@scripts/install-deps.sh plugin
	@scripts/plugin/check.sh
	@scripts/python-tests.sh dist/ripe-*.whl

test-tutorial: build wheel ## run every command of docs/tutorial.md in a new folder; makes .venv-python
	@scripts/install-deps.sh bench
	@scripts/tutorial/check.sh $(RIPE) dist/ripe-*.whl

bench: build ## measure speed and memory against PyTorch and nibabel; makes its own Python environment in .venv-bench
	@scripts/install-deps.sh bench
	@scripts/bench/run.sh $(RIPE) $(BENCH)

fuzz: deps ## fuzz every reader for FUZZ_SECONDS (600) each, three hours in all; FUZZ_TARGETS="hdf5 png" for some
	@scripts/fuzz/build.sh
	@scripts/fuzz/run.sh

format: ## format the Swift sources in place
	swift format --in-place --parallel --recursive Sources Tests scripts Package.swift

lint: ## check the format without changing anything
	swift format lint --strict --parallel --recursive Sources Tests scripts Package.swift

deps: ## install missing system packages (apt; through sudo when not root), saying what and why
	@scripts/install-deps.sh

clean: ## remove everything that was built, measured or demonstrated
	rm -rf .build .venv-bench .venv-interop .venv-python .venv-wheel bench-results demo-results dist

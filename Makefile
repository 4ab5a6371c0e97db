# Two targets do all the set-up on a machine with Python 3.11 or newer: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := .venv-tools

.PHONY: demo test lint types schemas generated manifests pytest slow browser deployed test-kubernetes bench dist image lock clean

demo: $(READY)
	$(BIN)/reconciler demo

test: lint types schemas manifests pytest

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

schemas: $(READY)
	$(BIN)/reconciler schema --check

# Completion, the man page and the reference follow from the command line's tables.
generated: $(READY)
	$(BIN)/python -m docs.generate

# Recipes and scenarios exclude each other, so that each is judged alone.
manifests: $(READY)
	$(BIN)/reconciler validate --quiet manifests/*.yaml
	for each in manifests/recipes/*.yaml manifests/scenarios/*; do $(BIN)/reconciler validate --quiet $$each || exit; done
	$(BIN)/reconciler validate --quiet --config manifests/whole-server/.target/reconciler.yaml
	$(BIN)/reconciler fmt --quiet --check manifests

# With the share of branches that the tests take, which pyproject.toml bounds.
pytest: $(READY)
	$(BIN)/pytest -q -n auto -m 'not slow' --cov --cov-report=term:skip-covered

# Long fuzz and fault runs.
slow: $(READY)
	$(BIN)/pytest -q -n auto -m 'slow and not tools and not browser and not kubernetes'

# Pages of reports in Debian's chromium.
browser: $(READY)
	$(BIN)/pytest -q -m browser

# What is under deploy/ and schemas/, judged by the tools of those who will use it. It needs go, npm, and Debian's
# packages systemd and shellcheck.
deployed: $(READY) $(TOOLS)/.ready
	PATH="$(CURDIR)/$(TOOLS)/bin:$$PATH" $(BIN)/pytest -q -m tools

$(TOOLS)/.ready: deploy/tools.lock
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r deploy/tools.lock
	GOBIN="$(CURDIR)/$(TOOLS)/bin" go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7
	npm install --silent --no-audit --no-fund --prefix $(TOOLS)/node yaml-language-server@1.20.0
	ln -sf ../node/node_modules/.bin/yaml-language-server $(TOOLS)/bin/
	touch $@

# Indexed Jobs on real binaries of Kubernetes, which are built once and kept outside of the checkout: about 10 minutes. It
# needs go, openssl, kubectl, and Debian's package etcd-server.
KUBERNETES_BINARIES ?= $(HOME)/.cache/reconciler-kubernetes
VERSION := k8s.io/component-base/version
test-kubernetes: $(READY)
	for each in kube-apiserver kube-controller-manager kube-scheduler; do \
		test -x $(KUBERNETES_BINARIES)/$$each || go build -C tests/kubernetes/go -trimpath \
			-ldflags "-s -w -X $(VERSION).gitVersion=v1.31.4 -X $(VERSION).gitMajor=1 -X $(VERSION).gitMinor=31" \
			-o $(KUBERNETES_BINARIES)/$$each k8s.io/kubernetes/cmd/$$each || exit; \
	done
	KUBERNETES_BINARIES=$(KUBERNETES_BINARIES) $(BIN)/pytest -q -m kubernetes

bench: $(READY)
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/pages.py
	$(BIN)/python benchmarks/expressions.py
	$(BIN)/python benchmarks/fleet.py

# Wheel, source and a single file, made twice to the same bytes, and run from an environment that holds nothing else.
dist: $(READY)
	deploy/dist

# The image, built and run without an engine or a registry; as root, with Debian's packages buildah and debootstrap.
image: dist
	deploy/image/rehearse

# For developing, for running, and for judging what is under deploy/; what several hold is of one version.
COMPILE = $(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	--strip-extras
lock: $(READY)
	$(COMPILE) --allow-unsafe --extra dev --output-file requirements.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --output-file requirements-run.lock pyproject.toml
	$(COMPILE) --constraint requirements.lock --allow-unsafe --extra tools --output-file deploy/tools.lock pyproject.toml

clean:
	rm -rf $(VENV) $(TOOLS) .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

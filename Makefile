# On this machine, without AWS (ARGS="..." goes to the program behind a target):
#   make run         open the booth on port 8000 (PORT=8080; LAN=1: for tablets;
#                    PAINTER=<folder>, after make painter: docs/own-machine.md)
#   make test        all tests (ARGS="tests/unit -k mask": some of them)
#   make test-fast, test-painter    without process and model; with PyTorch
#   make lint, check                make test has it beside; the deployment's
#   make setup       only what make run needs: .venv and models/
#   make thumbnails  paint one for each scene without (ARGS=sky: this one anew)
#   make drawing, api  after a change of template or state machine; openapi.yaml
#   make lock, audit   after a change of what ships; its known vulnerabilities
#   make released    after a release, for tests of the next (REVISION=<commit>)
#   make faults, races, fuzz, odd-photos, load, pacing, mutants
#                    tests of minutes or hours: docs/reliability.md
#   make bench, trace, cost, bench-NAME
#                    measurements: docs/performance.md; make bench-help: names
# With AWS credentials; ENV=dev (the default) or ENV=prod:
#   make preflight   before an event: can your account paint?
#   make deploy, page   all of it (ARGS="Name=value"); the page alone
#   make prove, pair, staff, wall   all tried once; links of pad, staff, wall
#   make destroy     delete all of it, photos included, after asking
#   make sam-deploy, sam-check, sam-off, sam-on, sam-destroy, sam-package
#                    Segment Anything: docs/sam-endpoint.md; the same with paint-:
#                    an image model of your own, docs/paint-endpoint.md

PORT ?= 8000
ENV := dev
ENDPOINT = photo-booth-sam-$(ENV)
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(if $(shell $(name) -c \
	'import sys, venv, ensurepip; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
INSTALLED := .venv/.installed
INSTALL := install --quiet --disable-pip-version-check -r
# $(call say,SENTENCE) tells why and fails.
say = { printf '%s\n' "$1" >&2; exit 1; }
failed = $(call say,$1 failed for the reason above: mend it (network; pip's or npm's settings; disk) and try again.)

# Without bytecode each call of a tool, and each test worker, compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

TOOLS := $(foreach tool,sam sagemaker checkov ministack runtime serving,.tools/$(tool)/.installed) .tools/npm/.installed
STACK = photo-booth-$(ENV)
# The first line of such a program says what it measures.
BENCHES := $(shell sed -n 's/^""".*: `make \(bench-[a-z]*\)`.*/\1/p' benchmarks/*.py)

.PHONY: help run painter test all-tests test-painter test-fast mutants check lint lock released audit check-scenes check-settings thumbnails api drawing machine pythons
.PHONY: browser setup tools clean faults fuzz odd-photos races load pacing bench trace cost bench-help $(BENCHES)
.PHONY: preflight build deploy page prove pair staff wall destroy env account out sam-package sam-deploy sam-on sam-off sam-destroy sam-check
.PHONY: paint-package paint-deploy paint-on paint-off paint-destroy paint-check

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

run: setup check-settings
	@exec .venv/bin/python -m local run --port "$(PORT)" $(if $(LAN),--lan $(filter-out 1,$(LAN))) \
	  $(if $(PAINTER),--painter "$(PAINTER)")

painter: .tools/painter/.installed

# The tests wait now and then: that is enough for the linters, which take half a minute of one processor.
test: browser tools
	@$(MAKE) --no-print-directory -j2 lint all-tests

all-tests:
	.venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-painter: setup .tools/painter/.installed .tools/paint-serving/.installed
	.venv/bin/python -m pytest -n 2 --dist loadfile tests/painter $(ARGS)

test-fast: $(INSTALLED)
	@.venv/bin/python -m pytest -q -n 2 --dist loadfile -m "not starts" $(or $(ARGS),tests/unit)

mutants: setup .tools/mutmut/.installed
	@.venv/bin/python -m tests.mutants $(if $(MODULE),--module $(MODULE)) $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED))

sam-package: setup
	@.venv/bin/python -m sam_model.package $(ARGS)

sam-deploy: account setup .tools/sagemaker/.installed
	@.venv/bin/python -m sam_model.deploy deploy $(ENV) $(if $(INSTANCE),InstanceType=$(INSTANCE)) $(ARGS)
	@.venv/bin/python -m sam_model.check photo-booth-sam-$(ENV)

sam-on sam-off sam-destroy: account setup .tools/sagemaker/.installed
	@.venv/bin/python -m sam_model.deploy $(@:sam-%=%) $(ENV)

sam-check: setup
	@.venv/bin/python -m sam_model.check $(ENDPOINT)

paint-package: setup
	@.venv/bin/python -m paint_model.package $(if $(MODEL),--model "$(MODEL)") $(ARGS)

# A new instance answers 503 for minutes, until it has loaded the model.
paint-deploy: account setup .tools/sagemaker/.installed
	@.venv/bin/python -m paint_model.deploy deploy $(ENV) $(if $(MODEL),--model "$(MODEL)") \
	  $(if $(INSTANCE),InstanceType=$(INSTANCE)) $(ARGS)
	@.venv/bin/python -m paint_model.check photo-booth-paint-$(ENV) --wait 1800

paint-on paint-off paint-destroy: account setup .tools/sagemaker/.installed
	@.venv/bin/python -m paint_model.deploy $(@:paint-%=%) $(ENV)

paint-check: ENDPOINT = photo-booth-paint-$(ENV)
paint-check: setup
	@.venv/bin/python -m paint_model.check $(ENDPOINT) $(ARGS)

fuzz: out setup
	@.venv/bin/python -m tests.fuzz $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED)) $(ARGS)

odd-photos: out setup
	@.venv/bin/python -m tests.odd_photos $(ARGS)

check: tools lint
	.venv/bin/python -m pytest tests/template $(ARGS)

lint: setup check-settings .tools/npm/.installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.tools/npm/node_modules/.bin/pyright --project pyproject.toml

lock: setup
	.venv/bin/python -m deploy lock

released: setup
	@[ -n "$(REVISION)" ] || { echo "Say which commit was released: REVISION=<commit>." >&2; exit 1; }
	@.venv/bin/python -m tests.upgrade.capture $(REVISION)

audit: setup .tools/audit/.installed
	@found=0; for lock in layers/common layers/pixels sam_model/cpu sam_model/gpu paint_model/gpu; do \
	  echo "$$lock:"; said=$$(.tools/audit/bin/pip-audit --disable-pip --require-hashes -r $$lock/requirements.txt 2>&1) || found=1; \
	  case "$$said" in *Traceback*) $(call say,The vulnerability service did not answer: is there a network?);; esac; \
	  printf '%s\n' "$$said"; \
	done; exit $$found

preflight: setup
	@.venv/bin/python -m operate.preflight $(if $(ENV),--config-env $(ENV)) $(ARGS)

faults: out setup
	@.venv/bin/python -m tests.faults $(if $(PART),--part $(PART)) $(if $(LANES),--lanes $(LANES)) $(ARGS)

races: setup
	@TRIALS=$(or $(TRIALS),1000) .venv/bin/python -m pytest -q tests/unit/test_races.py $(ARGS)

load: setup
	@.venv/bin/python -m benchmarks.load $(if $(N),--photos $(N)) $(if $(MINUTES),--minutes $(MINUTES)) \
	  $(if $(STREAM),--stream $(STREAM)) $(ARGS)

pacing: setup
	@.venv/bin/python -m benchmarks.load --photos $(or $(N),60) --quota $(or $(QUOTA),20) --minutes 0 --failing 0 $(ARGS)

bench: setup
	@.venv/bin/python -m benchmarks.booth $(ARGS)

trace: out setup
	@.venv/bin/python -m benchmarks.waterfall $(ARGS)

cost: setup
	@.venv/bin/python -m benchmarks.cost

$(BENCHES): bench-%: setup
	@.venv/bin/python -m benchmarks.$* $(ARGS)

bench-paint: .tools/painter/.installed

bench-cold: .tools/sam/.installed .tools/runtime/.installed

bench-help:
	@sed -n 's/^"""\(.*\): `make \(bench-[a-z]*\)`.*/make \2: \1/p' benchmarks/*.py

api: $(INSTALLED)
	@.venv/bin/python -m tools.api_tables

drawing: $(INSTALLED)
	@.venv/bin/python -m tools.drawing

check-scenes: $(INSTALLED)
	@.venv/bin/python -m local.check_scenes

check-settings: check-scenes
	@.venv/bin/python -m local.check_settings

thumbnails: $(INSTALLED)
	@.venv/bin/python -m local.standins.scenes $(ARGS)

# What has to be there before anything else, told at once.
machine:
	@[ -n "$(PYTHON)" ] || $(call say,Python 3.11 or later with venv and pip is missing. Debian 12 and Ubuntu \
	  24.04 or later: sudo apt install python3-venv; Fedora: sudo dnf install python3; else: pyenv install 3.13)
	@command -v npm >/dev/null || $(call say,npm is missing. Debian and Ubuntu: sudo apt install npm; \
	  Fedora: sudo dnf install nodejs-npm; else: https://nodejs.org)
	@[ ! -d .venv ] || .venv/bin/python -c "" 2>/dev/null || \
	  $(call say,The Python of .venv is gone. Begin anew: rm -rf .venv .tools)

out:
	@mkdir -p out && [ -w out ] || $(call say,The folder out can't be written; what this makes is written there.)

# What the tests need besides: found, or fetched, before minutes go into the rest.
pythons: .venv/.pip
	@.venv/bin/python -m tools.machine python 3.13 3.12 >/dev/null

browser: .venv/.pip
	@.venv/bin/python -m tools.machine browser >/dev/null

setup: machine $(INSTALLED)
	@.venv/bin/python -m local.weights

# The pip that comes with Python is as old as that; one of today installs in half the time.
.venv/.pip: tools/pip.txt | machine
	@echo "Installing the Python packages into .venv; this takes a minute or two ..."
	@$(PYTHON) -m venv .venv && .venv/bin/python -m pip $(INSTALL) $< || $(call failed,Installing pip into .venv)
	@touch $@

# The .pth file has every program here find `booth`, as functions do on Lambda; it leads from .venv, so a link to .venv works.
$(INSTALLED): requirements-dev.txt layers/common/requirements.in layers/pixels/requirements.in sam_model/cpu/requirements.in \
		tools/photo-booth.pth .venv/.pip
	@.venv/bin/python -m pip $(INSTALL) $< || $(call failed,Installing the packages of $<)
	@cp tools/photo-booth.pth "$$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

# Each of the tools has packages of its own, which contradict each other's and the application's.
tools: pythons
	@$(MAKE) --no-print-directory -j2 setup $(TOOLS)

.tools/%/.installed: tools/%.txt | .venv/.pip
	@echo "Installing $* ..."
	@$(PYTHON) -m venv --without-pip .tools/$* \
	  && .venv/bin/python -m pip --python .tools/$* $(INSTALL) $< --no-compile || $(call failed,Installing $*)
	@touch $@

# What Lambda's own image brings, and what the container of the SAM endpoint brings, each under its Python.
.tools/runtime/.installed: VERSION = 3.13
.tools/serving/.installed: VERSION = 3.12
.tools/runtime/.installed .tools/serving/.installed: .tools/%/.installed: tools/%.txt | $(INSTALLED)
	@echo "Installing $* ..."
	@python=$$(.venv/bin/python -m tools.machine python $(VERSION)) || exit 1; \
	  $$python -m venv --clear --without-pip .tools/$* \
	  && .venv/bin/python -m pip --python .tools/$* $(INSTALL) $< || $(call failed,Installing $*)
	@touch $@

.tools/npm/.installed: tools/package.json tools/package-lock.json | machine
	@mkdir -p .tools/npm && cp $^ .tools/npm && npm ci --prefix .tools/npm --loglevel error --no-audit --no-fund \
	  || $(call failed,Installing the packages of tools/package.json)
	@touch $@

build: setup check-settings .tools/sam/.installed .tools/runtime/.installed
	.venv/bin/python -m deploy build

deploy: env out account build
	.venv/bin/python -m deploy sam $(ENV) $(ARGS)
	.venv/bin/python -m deploy page $(STACK)
	.venv/bin/python -m deploy smoke $(STACK)

prove: out account setup
	@.venv/bin/python -m prove $(ARGS)

pair staff wall: env account
	@.venv/bin/python -m deploy $@ $(STACK)

page: env account check-settings
	.venv/bin/python -m deploy page $(STACK)

destroy: env account setup
	@.venv/bin/python -m deploy destroy $(STACK)

env:
	@case "$(ENV)" in dev|prod) ;; *) echo "Say which: ENV=dev or ENV=prod." >&2; exit 1;; esac

# Before minutes go into a build.
account: $(INSTALLED)
	@.venv/bin/python -m deploy account

clean:
	rm -rf .venv .tools .aws-sam .lan models out build

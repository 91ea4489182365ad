# On this machine, without AWS:
# make run            set up, then open the booth on http://127.0.0.1:8000 (PORT= for another one)
# make test           set up, then run all tests (ARGS="tests/unit -k mask" for some of them)
# make test-fast      of them what needs no process, no server and no model: logic, in less than a minute
# make mutants        do the tests see small faults in the pure modules? (MODULE=pixels.masks, N=30 of each, SEED=)
# make check          the proofs of the deployment alone, which `make test` runs too
# make check-scenes   refuse a bad functions/scenes.json, naming line and field (part of lint, run and build)
# make thumbnails     paint a thumbnail for each scene with the local painter
# make drawing        draw the system anew after a change of template.yaml or the state machine: docs/images/system.svg
# make lock           after a change of a requirements.in: lock what ships to Lambda and SageMaker, with hashes
# make released       after a release: keep what its photos under way look like, for tests (REVISION=<commit>)
# make audit          ask for known vulnerabilities of what ships (needs the Internet; not part of make test)
# make fuzz           bad images, requests and calls: 10,000 images and what belongs to them (N=500 SEED=7)
# make odd-photos     1 to 100 faces, at borders, tiny, narrow, huge, through the whole application
# make faults         every AWS call meets every fault, and a crash (PART=1/8 for a part; LANES=3 applications at once)
# make races          a thousand trials of events, polls, uploads and sweep at the same instant (TRIALS=)
# make load           N=50 photos at once, then STREAM=20 photos a minute for MINUTES=10, while models fail
# make pacing         60 photos at once to image models that take 20 requests a minute and Region (N=, QUOTA=)
# make bench          beside the customer's old function: times, CPU, bytes as ratios (docs/performance.md; ARGS=--keep)
# make trace          where one run's time goes, as a picture: out/waterfall.svg (ARGS="--faces 10")
# make cost           what a photo and an idle day cost, counted in real runs here
# make bench-seam     figures of the edge around kept faces
# make bench-sam      measure Segment Anything
# make bench-pixels   time and memory of each step's pixel work, 1 to 48 megapixels (docs/performance.md has the tables)
# make bench-encodings   the encodings that each hop of a photo could have
# make bench-cold     cold starts, out of the built packages, beside a bare boto3
# make bench-memory   each function's time and price by memory size
# make bench-sweep   processor time and memory for deleting uploads of very many versions
# make bench-polling  long polls beside short polls (ARGS="--booths 200")
# make setup          the set-up alone: .venv and models/; quick when nothing has changed
#
# With AWS credentials; ENV=dev (the default) or ENV=prod:
# make preflight      before an event: can your account paint? (docs/operate.md)
# make deploy         build, deploy, put the page there, send a photo through (docs/deploy.md; ARGS="Name=value")
# make destroy        delete all of it, photos included, after asking (CONFIRM=<stack's name> for scripts)
# make sam-deploy     the Segment Anything endpoint (docs/sam-endpoint.md; INSTANCE=ml.g5.xlarge, ARGS="Name=value")
# make sam-package    only its archive, build/model.tar.gz (ARGS="--gpu", "--model FOLDER")
# make sam-check      send a photo to the endpoint and look at the mask (or ENDPOINT=)
# make sam-off, sam-on, sam-destroy   delete the endpoint, create it again, remove all of it

PORT ?= 8000
ENV := dev
ENDPOINT = photo-booth-sam-$(ENV)
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(if $(shell $(name) -c \
	'import sys, venv; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(name))))
INSTALLED := .venv/.installed
INSTALL := install --quiet --disable-pip-version-check -r

# Without bytecode each call of a tool, and each test worker, compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

TOOLS := $(foreach tool,sam sagemaker checkov ministack runtime serving,.tools/$(tool)/.installed) .tools/npm/.installed
STACK = photo-booth-$(ENV)

.PHONY: run test test-fast mutants check lint lock released audit check-scenes thumbnails drawing machine setup tools clean faults fuzz odd-photos races load pacing
.PHONY: bench trace cost bench-pixels bench-encodings bench-cold bench-memory bench-polling bench-seam bench-sam bench-sweep
.PHONY: preflight build deploy destroy env sam-package sam-deploy sam-on sam-off sam-destroy sam-check

run: setup check-scenes
	@exec .venv/bin/python -m local run --port $(PORT)

test: tools lint
	.venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: $(INSTALLED)
	@.venv/bin/python -m pytest -q -m "not starts" $(or $(ARGS),tests/unit)

mutants: setup .tools/mutmut/.installed
	@.venv/bin/python -m tests.mutants $(if $(MODULE),--module $(MODULE)) $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED))

sam-package: setup
	@.venv/bin/python -m sam_model.package $(ARGS)

sam-deploy: setup .tools/sagemaker/.installed
	@.venv/bin/python -m sam_model.deploy deploy $(ENV) $(if $(INSTANCE),InstanceType=$(INSTANCE)) $(ARGS)
	@.venv/bin/python -m sam_model.check photo-booth-sam-$(ENV)

sam-on sam-off sam-destroy: setup .tools/sagemaker/.installed
	@.venv/bin/python -m sam_model.deploy $(@:sam-%=%) $(ENV)

sam-check: setup
	@.venv/bin/python -m sam_model.check $(ENDPOINT)

fuzz: setup
	@.venv/bin/python -m tests.fuzz $(if $(N),--count $(N)) $(if $(SEED),--seed $(SEED)) $(ARGS)

odd-photos: setup
	@.venv/bin/python -m tests.odd_photos $(ARGS)

check: tools lint
	.venv/bin/python -m pytest tests/template $(ARGS)

lint: setup check-scenes
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

lock: setup
	.venv/bin/python -m deploy lock

released: setup
	@[ -n "$(REVISION)" ] || { echo "Say which commit was released: REVISION=<commit>." >&2; exit 1; }
	@.venv/bin/python -m tests.upgrade.capture $(REVISION)

audit: setup .tools/audit/.installed
	@found=0; for lock in layers/common layers/pixels sam_model/cpu sam_model/gpu; do \
	  echo "$$lock:"; .tools/audit/bin/pip-audit --disable-pip --require-hashes -r $$lock/requirements.txt || found=1; \
	done; exit $$found

preflight: setup
	@.venv/bin/python -m operate.preflight $(if $(ENV),--config-env $(ENV)) $(ARGS)

faults: setup
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

trace: setup
	@.venv/bin/python -m benchmarks.waterfall $(ARGS)

cost: setup
	@.venv/bin/python -m benchmarks.cost

bench-seam: setup
	@.venv/bin/python -m benchmarks.seam

bench-sam: setup
	@.venv/bin/python -m benchmarks.sam $(ARGS)

bench-pixels bench-encodings bench-memory bench-polling bench-sweep: setup
	@.venv/bin/python -m benchmarks.$(@:bench-%=%) $(ARGS)

bench-cold: setup .tools/sam/.installed .tools/runtime/.installed
	@.venv/bin/python -m benchmarks.cold $(ARGS)

drawing: $(INSTALLED)
	@.venv/bin/python -m tools.drawing

check-scenes: $(INSTALLED)
	@.venv/bin/python -m local.check_scenes

thumbnails: $(INSTALLED)
	.venv/bin/python -m local.standins.scenes

machine:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or later with its venv module is missing: install it (https://python.org)." >&2; exit 1; }
	@command -v npm >/dev/null || { echo "npm is missing: install Node.js, which brings it (https://nodejs.org)." >&2; exit 1; }

setup: machine $(INSTALLED)
	@.venv/bin/python -m local.weights

# The pip that comes with Python is as old as that; one of today installs in half the time.
.venv/.pip: tools/pip.txt | machine
	@echo "Installing the Python packages into .venv; this takes a minute or two ..."
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip $(INSTALL) $<
	@touch $@

# The .pth file has every program here find `booth`, as functions do on Lambda; it leads from .venv, so a link to .venv works.
$(INSTALLED): requirements-dev.txt layers/common/requirements.in layers/pixels/requirements.in sam_model/cpu/requirements.in \
		tools/photo-booth.pth .venv/.pip
	@.venv/bin/python -m pip $(INSTALL) $<
	@cp tools/photo-booth.pth "$$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $@

# Each of the tools has packages of its own, which contradict each other's and the application's.
tools:
	@$(MAKE) --no-print-directory -j2 setup $(TOOLS)

.tools/%/.installed: tools/%.txt | .venv/.pip
	@echo "Installing $* ..."
	@$(PYTHON) -m venv --without-pip .tools/$*
	@.venv/bin/python -m pip --python .tools/$* $(INSTALL) $< --no-compile
	@touch $@

# What Lambda's own image brings, and what the container of the SAM endpoint brings, each under its Python.
.tools/runtime/.installed: VERSION = 3.13
.tools/serving/.installed: VERSION = 3.12
.tools/runtime/.installed .tools/serving/.installed: .tools/%/.installed: tools/%.txt | $(INSTALLED)
	@echo "Installing $* ..."
	@python=$$(.venv/bin/python -m deploy runtime $(VERSION)) && $$python -m venv --clear --without-pip .tools/$*
	@.venv/bin/python -m pip --python .tools/$* $(INSTALL) $<
	@touch $@

.tools/npm/.installed: tools/package.json tools/package-lock.json | machine
	@mkdir -p .tools/npm && cp $^ .tools/npm
	@npm ci --prefix .tools/npm --silent --no-audit --no-fund
	@touch $@

build: setup check-scenes .tools/sam/.installed
	.venv/bin/python -m deploy build

deploy: env build
	.venv/bin/python -m deploy sam $(ENV) $(ARGS)
	.venv/bin/python -m deploy page $(STACK)
	.venv/bin/python -m deploy smoke $(STACK)

destroy: env setup
	@.venv/bin/python -m deploy destroy $(STACK)

env:
	@case "$(ENV)" in dev|prod) ;; *) echo "Say which: ENV=dev or ENV=prod." >&2; exit 1;; esac

clean:
	rm -rf .venv .tools .aws-sam models out build

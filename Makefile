# The kit's commands: `make help` lists them.

VENV ?= .venv
PYTHON ?= python3
export PYTHON
MAKEFLAGS += --no-print-directory

RUN = $(VENV)/bin/python

INVENTORY ?= ansible/inventory/hosts.yml
PRESET ?= pi-zero
ANSIBLE_READY = $(VENV)/.ready-ansible
export ANSIBLE_CONFIG = ansible/ansible.cfg
FLAGS = $(if $(LIMIT),--limit $(LIMIT)) $(if $(ASK_SUDO),--ask-become-pass) $(if $(CHECK),--check --diff) $(EXTRA)
ROLES = $(if $(TAGS),--tags $(TAGS))
PLAYBOOK = $(VENV)/bin/ansible-playbook -i $(INVENTORY) $(FLAGS)
# A tag would leave out what these promise, and nobody would know.
PLAY = $(if $(TAGS),$(error TAGS= is for 'make provision' and 'make update' alone))$(PLAYBOOK)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup train-pi compare-rules fetch test test-power-cuts test-low-memory test-oldest fuzz lint bench bench-peers bench-cache test-cache bench-executions measure-presets measure-sample measure-checkpoints sample notebooks measure-notebooks pictures clean provision provision-here verify train-on-pi backup restore update uninstall test-provision image emulate emulate-stop verify-emulated test-arm bench-arm

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## Make the virtual environment (.venv); the others do when needed

train-pi: $(VENV)/.ready ## Train what fits a Pi Zero on the best data there is; goes on where it was broken off [RESTART=1]
	$(RUN) -m nn train --preset pi-zero $(if $(RESTART),--restart,--resume-or-start)

compare-rules: $(VENV)/.ready ## Compare the ways of sending the error back (25 epochs)
	$(RUN) -m nn compare-rules

fetch: $(VENV)/.ready ## Download MNIST (11 MB) into mnist_dataset/, verified
	$(RUN) -m nn data fetch

test: $(VENV)/.ready-test ## Run the tests; set MNIST_DIR for those on real MNIST
	$(RUN) -m pytest

test-power-cuts: $(VENV)/.ready-test ## Kill commands in 200 runs and at each system call, into docs/power-cuts.md; needs strace, MNIST_DIR (1 h)
	$(RUN) -m tests.campaigns.power_cuts --report docs/power-cuts.md

test-low-memory: $(VENV)/.ready-test ## Train and run the heaviest notebook in 128 and 256 MB; needs root, MNIST_DIR
	$(RUN) -m tests.campaigns.low_memory

test-oldest: ## The same on Debian 12's numpy, in .venv-oldest; needs Python 3.11
	$(MAKE) VENV=$(VENV)-oldest $(VENV)-oldest/.ready-test,oldest
	$(VENV)-oldest/bin/python -m pytest

fuzz: $(VENV)/.ready-fuzz ## Try a million damaged and hostile files on every reader, into docs/fuzzing.md (hours)
	$(RUN) -m tests.campaigns.fuzz --report docs/fuzzing.md

lint: $(VENV)/.ready-lint ## Check the style of the code
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/yamllint --strict -c ansible/.yamllint ansible
	cd ansible && PATH=$(abspath $(VENV)/bin):$$PATH ansible-lint --profile production --offline

bench: $(VENV)/.ready ## Time the book's loop and this kit side by side, into the README (10 min)
	$(RUN) -m scripts.bench.whole_job --readme README.md

bench-peers: $(VENV)/.ready-peers ## Compare with C, FANN and scikit-learn, here and on emulated ARM; root, on Debian (20 min)
	$(RUN) -m scripts.bench.peers --report docs/speed.md

bench-cache: $(VENV)/.ready ## Count a Pi Zero's cache misses, into README and docs/speed.md; root, on Debian (10 min)
	$(RUN) -m scripts.bench.cache --readme README.md --report docs/speed.md

test-cache: $(VENV)/.ready ## Check that cache misses of the training step have not grown; root, on Debian
	$(RUN) -m scripts.bench.cache --check

bench-executions: $(VENV)/.ready ## Time the dense and the sparse step, for the rule in nn/backends/__init__.py; root, on Debian (10 min)
	$(RUN) -m scripts.bench.rule --report docs/speed.md

measure-presets: $(VENV)/.ready ## Measure each preset over five seeds on MNIST (20 min)
	$(RUN) -m scripts.bench.measure_presets

measure-sample: $(VENV)/.ready ## Measure what our own digits teach about real ones (2 min)
	$(RUN) -m scripts.bench.measure_sample

measure-checkpoints: $(VENV)/.ready ## Measure what saving a training costs, while it goes on (15 min)
	$(RUN) -m scripts.bench.measure_checkpoints

sample: $(VENV)/.ready ## Redraw the bundled sample
	$(RUN) -m nn data sample mnist_dataset/sample_train.csv --rows 1000 --seed 1 --force
	$(RUN) -m nn data sample mnist_dataset/sample_test.csv --rows 200 --seed 2 --force

notebooks: $(VENV)/.ready-notebooks ## Open the notebooks in a browser
	$(if $(MNIST_DIR),MNIST_DIR="$(abspath $(MNIST_DIR))" )$(VENV)/bin/jupyter notebook notebooks

measure-notebooks: $(VENV)/.ready-test ## Measure time and memory of each notebook, into them (5 min)
	$(RUN) -m scripts.bench.measure_notebooks

pictures: $(VENV)/.ready ## Redraw the README's pictures; needs MNIST
	$(RUN) -m scripts.bench.draw_pictures

provision: $(INVENTORY) $(ANSIBLE_READY) ## Set up the Pis of ansible/inventory/hosts.yml [LIMIT= TAGS= ASK_SUDO=1 CHECK=1 EXTRA=]
	$(PLAYBOOK) $(ROLES) ansible/playbooks/site.yml

provision-here: ## Set up this very Pi; verify and the others then take INVENTORY=ansible/inventory/here.yml
	$(MAKE) provision INVENTORY=ansible/inventory/here.yml

verify: $(INVENTORY) $(ANSIBLE_READY) ## Check on the Pis what the roles promise
	$(PLAY) ansible/playbooks/verify.yml

train-on-pi: $(INVENTORY) $(ANSIBLE_READY) ## Train on the Pis, and bring model and summary here [PRESET=pi-zero RESTART=1]
	$(RUN) scripts/train_on_pi.py --inventory $(INVENTORY) --preset $(PRESET) $(if $(RESTART),--restart) $(if $(LIMIT),--limit $(LIMIT)) $(if $(EXTRA),--extra="$(EXTRA)")

backup: $(INVENTORY) $(ANSIBLE_READY) ## Bring each user's notebooks, models and settings here
	$(PLAY) ansible/playbooks/backup.yml

restore: $(INVENTORY) $(ANSIBLE_READY) ## Put the newest backup back [BACKUP=file]
	$(PLAY) $(if $(BACKUP),-e "backup_file='$(if $(filter /%,$(BACKUP)),,$(CURDIR)/)$(BACKUP)'") ansible/playbooks/restore.yml

update: $(INVENTORY) $(ANSIBLE_READY) ## Bring packages and kit to their newest versions
	$(PLAYBOOK) $(ROLES) ansible/playbooks/update.yml

uninstall: $(INVENTORY) $(ANSIBLE_READY) ## Remove what the kit installed, never a student's work
	$(PLAY) ansible/playbooks/uninstall.yml

test-provision: $(VENV)/.ready-provision ## Provision a real systemd machine and check it; needs root [ALL=1]
	PROVISION=1 PROVISION_ALL=$(ALL) $(RUN) -m pytest -x -rA --durations=0 tests/provision

EMULATION = $(RUN) -m scripts.emulation $(if $(CARD),--folder $(CARD))
PORTS = $(if $(SSH_PORT),--ssh-port $(SSH_PORT)) $(if $(JUPYTER_PORT),--jupyter-port $(JUPYTER_PORT))

image: $(ANSIBLE_READY) ## Make a card image with the kit; root, on Debian [BASE=image or root CARD=folder]
	$(EMULATION) image $(if $(BASE),--base $(abspath $(BASE))) --extra="$(EXTRA)"

emulate: $(ANSIBLE_READY) ## Boot it in an emulated Pi Zero [CARD=folder SSH_PORT=5022 JUPYTER_PORT=8888]
	$(EMULATION) start $(PORTS)

emulate-stop: $(ANSIBLE_READY) ## Shut the emulated Pi Zero down
	$(EMULATION) stop

verify-emulated: $(VENV)/.ready-provision ## Try there all that a Pi Zero must do, into docs/ (2 h)
	$(RUN) -m tests.campaigns.emulated_pi $(if $(CARD),--folder $(CARD)) $(PORTS)

test-arm: $(VENV)/.ready ## Run nn's tests on an emulated ARM1176; root, on Debian
	$(RUN) -m tests.campaigns.arm_tests

bench-arm: $(VENV)/.ready ## Time the book's loop and this kit on emulated ARM, into the README (1 h)
	$(RUN) -m scripts.bench.arm --readme README.md

$(INVENTORY):
	@echo "There is no $@ yet: copy ansible/inventory/example.yml to it and name your Pis in it" >&2
	@exit 1

clean: ## Remove the virtual environments and caches, never data or models
	rm -rf .venv .venv-oldest .pytest_cache .ruff_cache .hypothesis
	find nn tests scripts -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.ready: pyproject.toml scripts/make_venv.sh
	scripts/make_venv.sh $(VENV)

$(VENV)/.ready-%: pyproject.toml scripts/make_venv.sh
	scripts/make_venv.sh $(VENV) $*

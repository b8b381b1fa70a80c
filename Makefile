# The kit's commands: `make help` lists them.

VENV ?= .venv
PYTHON ?= python3
export PYTHON
MAKEFLAGS += --no-print-directory

RUN = $(VENV)/bin/python
PRESET ?= pi-zero
# Lists the targets of a makefile by their ## comments, below their ##@ headings; on a Pi, to the ifneq.
PROJECT = $(wildcard ansible/playbooks)
LIST = awk -F ':.*\#\# ' '/^ifneq/ && "$(PROJECT)" == "" {exit} /^\#\#@ / {print substr($$0, 5)} /^[a-z-]+:.*\#\# / {printf "  make %-20s %s\n", $$1, $$2}'

# Of the complete project: the commands for a class, and those that test and measure the kit.
MORE = $(wildcard scripts/*/*.mk tests/*.mk)

# A misspelt variable would be ignored without a word.
VARIABLES = scripts/known_variables.awk
ON_COMMAND_LINE = $(if $(findstring command line,$(origin $(1))),$(filter-out -%,$(1)))
GIVEN := $(if $(wildcard $(VARIABLES)),$(strip $(foreach name,$(.VARIABLES),$(call ON_COMMAND_LINE,$(name)))))
ifdef GIVEN
GOALS = $(or $(MAKECMDGOALS),help)
KNOWN = $(sort $(shell awk -v goals="$(GOALS)" -f $(VARIABLES) $(wildcard Makefile $(MORE))))
UNKNOWN = $(if $(KNOWN),$(filter-out $(KNOWN) MAKEFLAGS,$(GIVEN)))
$(if $(UNKNOWN),$(error 'make $(GOALS)' does not know $(UNKNOWN:%=%=): it knows $(KNOWN:%=%=)))
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup train-pi compare-rules fetch notebooks clean

##@ Train and learn, here or on a Pi
help: ## List these commands
	@$(LIST) Makefile
	$(if $(MORE),@grep -h '^help-' $(MORE) | $(LIST))

setup: $(VENV)/.ready ## Create the virtual environment (.venv); other commands do so when needed

train-pi: $(VENV)/.ready ## Train a preset (resumes if interrupted) [PRESET=pi-zero RESTART=1]
	$(RUN) -m nn train --preset $(PRESET) $(if $(RESTART),--restart,--resume-or-start)

compare-rules: $(VENV)/.ready ## Compare the rules for sending errors back (25 epochs)
	$(RUN) -m nn compare-rules

fetch: $(VENV)/.ready ## Download MNIST (11 MB) into mnist_dataset/ and verify it
	$(RUN) -m nn data fetch

notebooks: $(VENV)/.ready-notebooks ## Open the notebooks in a browser
	$(if $(MNIST_DIR),MNIST_DIR="$(abspath $(MNIST_DIR))" )$(VENV)/bin/jupyter notebook notebooks

clean: ## Remove virtual environments and caches, never data or models
	rm -rf .venv .venv-oldest .pytest_cache .ruff_cache .hypothesis
	find $(wildcard nn scripts tests) -name __pycache__ -type d -exec rm -rf {} +

$(VENV)/.ready: pyproject.toml scripts/make_venv.sh
	scripts/make_venv.sh $(VENV)

$(VENV)/.ready-%: pyproject.toml scripts/make_venv.sh
	scripts/make_venv.sh $(VENV) $*

# A Pi gets the commands above; those below need the complete project.
ifneq ($(PROJECT),)

INVENTORY ?= ansible/inventory/hosts.yml
ANSIBLE_READY = $(VENV)/.ready-ansible
export ANSIBLE_CONFIG = ansible/ansible.cfg
# Ansible stops if the computer lacks the locale of its user, and SSH passes that locale on to the Pi.
LOCALE = $(if $(shell locale -a 2>/dev/null | grep -ix 'c\.utf-\{0,1\}8'),LC_ALL=C.UTF-8 )
# A name in LIMIT= that is not in the inventory is an error, also beside others that are.
ANSIBLE = $(LOCALE)ANSIBLE_HOST_PATTERN_MISMATCH=error $(VENV)/bin
FLAGS = $(if $(LIMIT),--limit $(LIMIT)) $(if $(ASK_PASS),--ask-pass) $(if $(ASK_SUDO),--ask-become-pass) $(if $(CHECK),--check --diff) $(EXTRA)
# Ansible would skip a role that it does not know without a word, and a play without Pis as well.
COMMA = ,
KNOWN_TAGS = $(filter-out always,$(sort $(shell sed -n 's/^ *tags: \[\([a-z_]*\)\].*/\1/p' ansible/playbooks/site.yml)))
UNKNOWN_TAGS = $(filter-out $(KNOWN_TAGS),$(subst $(COMMA), ,$(TAGS)))
ROLES = $(if $(UNKNOWN_TAGS),$(error no role for TAGS=$(TAGS): expected one or more of $(KNOWN_TAGS), with commas between them))$(if $(TAGS),--tags $(TAGS))
NO_PIS = error: no Pi matches $(or $(LIMIT),the group 'pis') in $(INVENTORY). List your Pis under 'pis:', as in ansible/inventory/example.yml
FIND_PIS = @$(if $(filter %here.yml,$(INVENTORY)),true,! $(ANSIBLE)/ansible pis -i $(INVENTORY) $(if $(LIMIT),--limit $(LIMIT)) --list-hosts 2>&1 | grep -q -e 'hosts (0)' -e 'no hosts to target' -e 'not match supplied host' || { echo "$(NO_PIS)" >&2; exit 1; })
PLAYBOOK = $(ANSIBLE)/ansible-playbook -i $(INVENTORY) $(FLAGS)
# Everything is in the class cache, as after `make bundle`: nothing asks the internet.
CACHE = $(if $(OFFLINE),-e class_cache=true -e class_cache_offline=true)
# With tags, these commands would silently skip part of what they promise.
PLAY = $(if $(TAGS),$(error TAGS= works only with 'make provision' and 'make update'))$(PLAYBOOK)
CARD_FOLDER = $(if $(CARD),--folder "$(CARD)")
PORTS = $(if $(SSH_PORT),--ssh-port $(SSH_PORT)) $(if $(JUPYTER_PORT),--jupyter-port $(JUPYTER_PORT))

.PHONY: provision provision-here verify train-on-pi backup restore update uninstall image emulate emulate-stop

##@ Set up and manage Pis
provision: $(INVENTORY) $(ANSIBLE_READY) ## Set up the Pis in ansible/inventory/hosts.yml [LIMIT= TAGS= ASK_PASS=1 ASK_SUDO=1 CHECK=1 OFFLINE=1 EXTRA=]
	$(FIND_PIS)
	$(PLAYBOOK) $(CACHE) $(ROLES) ansible/playbooks/site.yml

provision-here: ## Set up this Pi; then add INVENTORY=ansible/inventory/here.yml to the commands below
	$(MAKE) provision INVENTORY=ansible/inventory/here.yml

verify: $(INVENTORY) $(ANSIBLE_READY) ## Check that the Pis work as promised
	$(FIND_PIS)
	$(PLAY) ansible/playbooks/verify.yml

train-on-pi: $(INVENTORY) $(ANSIBLE_READY) ## Train on all Pis at once, then copy models and summaries here [PRESET=pi-zero RESTART=1]
	$(LOCALE)$(RUN) -m scripts.classroom.train $(CLASS_PIS) --preset $(PRESET) $(if $(RESTART),--restart)

backup: $(INVENTORY) $(ANSIBLE_READY) ## Copy every user's notebooks, models and settings here
	$(FIND_PIS)
	$(PLAY) ansible/playbooks/backup.yml

restore: $(INVENTORY) $(ANSIBLE_READY) ## Restore the latest backup [BACKUP=file]
	$(FIND_PIS)
	$(PLAY) $(if $(BACKUP),-e "backup_file='$(if $(filter /%,$(BACKUP)),,$(CURDIR)/)$(BACKUP)'") ansible/playbooks/restore.yml

update: $(INVENTORY) $(ANSIBLE_READY) ## Update packages and the kit to the latest versions
	$(FIND_PIS)
	$(PLAYBOOK) $(CACHE) $(ROLES) ansible/playbooks/update.yml

uninstall: $(INVENTORY) $(ANSIBLE_READY) ## Remove what the kit installed, never a student's work
	$(FIND_PIS)
	$(PLAY) ansible/playbooks/uninstall.yml

##@ Emulate a Pi Zero
image: $(ANSIBLE_READY) ## Build a card image with the kit; needs root on Debian [BASE=image or root CARD=folder REPLACE=1]
	$(LOCALE)$(RUN) -m scripts.emulation $(CARD_FOLDER) image $(if $(BASE),--base "$(BASE)") $(if $(REPLACE),--replace) --extra="$(EXTRA)"

emulate: $(ANSIBLE_READY) ## Boot the image in an emulated Pi Zero [CARD=folder SSH_PORT=5022 JUPYTER_PORT=8888]
	$(RUN) -m scripts.emulation $(CARD_FOLDER) start $(PORTS)

emulate-stop: $(ANSIBLE_READY) ## Shut down the emulated Pi Zero [CARD=folder]
	$(RUN) -m scripts.emulation $(CARD_FOLDER) stop

$(INVENTORY):
	@echo "$@ does not exist: copy ansible/inventory/example.yml to it and list your Pis in it" >&2
	@exit 1

endif

include $(MORE)

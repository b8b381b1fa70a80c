# The kit's commands: `make help` lists them. Those in this file also work on a Pi.

VENV ?= .venv
PYTHON ?= python3
export PYTHON
MAKEFLAGS += --no-print-directory

RUN = $(VENV)/bin/python
# Lists the targets of makefiles by their ## comments, below their ##@ headings.
LIST = awk -F ':.*\#\# ' '/^\#\#@ / {print substr($$0, 5)} /^[a-z-]+:.*\#\# / {printf "  make %-20s %s\n", $$1, $$2}'

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup train-pi compare-rules fetch notebooks clean

##@ Train and learn, here or on a Pi
help: ## List these commands
	@$(LIST) $(filter-out tests/%,$(MAKEFILE_LIST))
	$(if $(wildcard tests/maintainers.mk),@echo && grep '^help-' tests/maintainers.mk | $(LIST))

setup: $(VENV)/.ready ## Create the virtual environment (.venv); other commands do so when needed

train-pi: $(VENV)/.ready ## Train the Pi Zero preset (resumes if interrupted) [RESTART=1]
	$(RUN) -m nn train --preset pi-zero $(if $(RESTART),--restart,--resume-or-start)

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

# A Pi has neither of these files: they need the complete project.
-include scripts/pis.mk tests/maintainers.mk

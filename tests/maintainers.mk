# Commands that test and measure the kit: part of the Makefile; `make help-maintainers` lists them.

.PHONY: help-maintainers test test-all test-oldest test-trixie lint lint-languages
.PHONY: test-arm test-cache test-provision
.PHONY: fuzz test-sweep test-page test-power-cuts test-low-memory verify-emulated test-firstboot test-wifi test-usb test-class
.PHONY: bench bench-book bench-arm bench-cache bench-peers bench-backends compare-languages
.PHONY: measure-presets measure-best shipped-model measure-sample measure-photos measure-draw measure-checkpoints measure-notebooks pictures sample card-lists wheel-hashes measure-class-cache

help-maintainers: ## List the commands for testing and measuring the kit
	@$(LIST) tests/maintainers.mk

##@ Tests
test: $(VENV)/.ready-test ## Run the fast tests (2 min); set MNIST_DIR to include those on MNIST
	$(RUN) -m pytest -m "not slow"

test-all: $(VENV)/.ready-test ## Run all tests (10 min)
	$(RUN) -m pytest

test-oldest: ## Run all tests with Debian 12's numpy, in .venv-oldest; needs Python 3.11
	$(MAKE) VENV=$(VENV)-oldest $(VENV)-oldest/.ready-test,oldest
	$(VENV)-oldest/bin/python -m pytest

test-trixie: $(VENV)/.ready ## Run the tests of nn with Debian 13's Python 3.13 (5 min); needs root on Debian
	$(RUN) -m tests.campaigns.trixie_tests

lint: $(VENV)/.ready-lint ## Check the style of the code and the playbooks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/yamllint --strict -c ansible/.yamllint ansible
	cd ansible && PATH=$(abspath $(VENV)/bin):$$PATH ansible-lint --profile production --offline

LANGUAGES = nn/lessons/languages
lint-languages: ## Check the style of the programs in R and C; needs r-cran-lintr and gcc
	gcc -std=c99 -Wall -Wextra -Werror -fsyntax-only $(LANGUAGES)/network.c
	Rscript -e 'source("$(LANGUAGES)/network.R")' -e 'lints <- lintr::lint_dir("$(LANGUAGES)")' \
		-e 'print(lints)' -e 'quit(status = length(lints) > 0)'

test-arm: $(VENV)/.ready ## Run the tests of nn on an emulated ARM1176 (10 min); needs root on Debian
	$(RUN) -m tests.campaigns.arm_tests

test-cache: $(VENV)/.ready ## Check that cache misses per training step have not grown; needs root on Debian
	$(RUN) -m scripts.bench.cache --check

test-provision: $(VENV)/.ready-provision ## Provision real systemd machines and check them; needs root on Debian [ALL=1]
	PROVISION=1 PROVISION_ALL=$(ALL) $(RUN) -m pytest -x -rA --durations=0 tests/provision

##@ Campaigns
fuzz: $(VENV)/.ready-fuzz ## Feed a million damaged files to every reader; writes docs/reports/fuzzing.md (hours)
	$(RUN) -m tests.campaigns.fuzz --report docs/reports/fuzzing.md

test-sweep: $(VENV)/.ready-test,provision ## Disturb a sweep on five machines; writes docs/reports/sweep.md (20 min); needs root on Debian, MNIST_DIR
	$(RUN) -m tests.campaigns.sweep --report docs/reports/sweep.md

test-page: $(VENV)/.ready-test,provision ## Draw on the page in Epiphany; writes docs/reports/page.md (1 min); needs epiphany-browser, webkit2gtk-driver, xvfb
	$(RUN) -m tests.campaigns.page --report docs/reports/page.md

test-power-cuts: $(VENV)/.ready-test ## Kill commands in 200 runs and at each system call; writes docs/reports/power-cuts.md (1 h); needs strace, MNIST_DIR
	$(RUN) -m tests.campaigns.power_cuts --report docs/reports/power-cuts.md

test-low-memory: $(VENV)/.ready-test ## Train, and run the heaviest notebook, in 128 and 256 MB; needs root, MNIST_DIR
	$(RUN) -m tests.campaigns.low_memory

verify-emulated: $(VENV)/.ready-provision ## Test everything a Pi Zero must do on the emulated one; writes docs/reports/emulated-pi.md (2 h); needs chromium-driver, MNIST_DIR
	$(RUN) -m tests.campaigns.emulated_pi $(CARD_FOLDER) $(PORTS)

test-firstboot: $(VENV)/.ready-test ## Boot bookworm's cards by Raspberry Pi's programs in TOOLS=folder; writes docs/reports/first-boot.md (20 min); needs root on Debian
	$(RUN) -m tests.campaigns.first_boot $(if $(TOOLS),--tools "$(TOOLS)") --report docs/reports/first-boot.md

test-wifi: $(VENV)/.ready-test ## Boot a trixie card with a simulated radio, and see which networks connect; writes docs/reports/wifi.md (10 min); needs root on Debian, QEMU
	$(RUN) -m tests.campaigns.booted_cards.wifi --report docs/reports/wifi.md

test-usb: $(VENV)/.ready-test ## Boot bookworm with a card's USB network; writes docs/reports/usb-network.md (30 min); needs root on Debian, QEMU
	$(RUN) -m tests.campaigns.booted_cards.usb --report docs/reports/usb-network.md

test-class: $(VENV)/.ready-provision ## Take thirty Pis through a lesson without internet; writes docs/reports/classroom.md (hours); needs root on Debian, MNIST_DIR [PIS=30 RELEASE=trixie]
	$(RUN) -m tests.campaigns.classroom $(if $(PIS),--pis $(PIS)) \
		$(if $(RELEASE),--release $(RELEASE) --report=docs/reports/classroom-$(RELEASE).md,--report docs/reports/classroom.md )

##@ Measurements
bench: $(VENV)/.ready ## Time the book's loop and this kit side by side; updates docs/performance.md (10 min)
	$(RUN) -m scripts.bench.whole_job --report docs/performance.md

bench-book: $(VENV)/.ready ## Time the book's class and nn.book on the same rows; updates docs/performance.md (1 min)
	$(RUN) -m scripts.bench.book_class --report docs/performance.md

bench-arm: $(VENV)/.ready ## Time the book's loop and this kit on emulated ARM; updates docs/performance.md (1 h); needs root on Debian
	$(RUN) -m scripts.bench.arm --report docs/performance.md

bench-cache: $(VENV)/.ready ## Count a Pi Zero's cache misses; updates docs/performance.md (10 min); needs root on Debian
	$(RUN) -m scripts.bench.cache --report docs/performance.md

bench-peers: $(VENV)/.ready-peers ## Compare with C, FANN and scikit-learn; updates docs/performance.md (20 min); needs root on Debian
	$(RUN) -m scripts.bench.peers --report docs/performance.md

bench-backends: $(VENV)/.ready ## Time the dense and the sparse step; updates docs/performance.md (10 min); needs root on Debian
	$(RUN) -m scripts.bench.rule --report docs/performance.md

bench-executions: bench-backends # its name before version 0.2

compare-languages: $(VENV)/.ready ## Compare Python, R, Forth and C; updates docs/performance.md (30 min); needs root on Debian
	$(RUN) -m scripts.bench.languages --report docs/performance.md

measure-presets: $(VENV)/.ready ## Train each preset on MNIST with many seeds (1 h) [PRESET= SEEDS=40 BACKEND=sparse DEBIAN=1]
	$(RUN) -m scripts.bench.measure_presets $(if $(SEEDS),--seeds $(SEEDS)) $(if $(BACKEND),--backend $(BACKEND)) $(if $(DEBIAN),--debian) $(if $(filter command,$(firstword $(origin PRESET))),$(PRESET))

measure-best: $(VENV)/.ready ## Measure what each ingredient of presets best and best-night brings; updates docs/performance.md (1 h); needs MNIST
	$(RUN) -m scripts.bench.measure_best --report docs/performance.md

shipped-model: $(VENV)/.ready ## Train the model that comes with the kit, with preset best-night (3 min); needs MNIST
	$(RUN) -m scripts.bench.shipped_model

measure-sample: $(VENV)/.ready ## Train on digits drawn by the kit, test on MNIST (2 min)
	$(RUN) -m scripts.bench.measure_sample

measure-photos: $(VENV)/.ready ## Photograph MNIST's test digits and read them; updates docs/photos.md (15 min); needs MNIST
	$(RUN) -m scripts.bench.photos --report docs/photos.md

measure-draw: $(VENV)/.ready ## Estimate how fast the page to draw on is on a Pi Zero; updates docs/draw.md (5 min); needs root on Debian
	$(RUN) -m scripts.bench.draw_page --report docs/draw.md

measure-checkpoints: $(VENV)/.ready ## Measure the cost of saving during training (15 min)
	$(RUN) -m scripts.bench.measure_checkpoints

measure-notebooks: $(VENV)/.ready-test ## Measure time and memory of each notebook; updates the notebooks (5 min); needs MNIST_DIR
	$(RUN) -m scripts.bench.measure_notebooks

measure-class-cache: $(VENV)/.ready-ansible,bundle ## Count what thirty Pis download through the class cache, and what one does (3 min)
	$(RUN) -m scripts.bench.class_cache

pictures: $(VENV)/.ready ## Redraw the pictures in docs/; needs MNIST
	$(RUN) -m scripts.bench.draw_pictures

sample: $(VENV)/.ready ## Redraw the sample digits in mnist_dataset/
	$(RUN) -m nn data sample mnist_dataset/sample_train.csv.gz --rows 10000 --seed 1 --force
	$(RUN) -m nn data sample mnist_dataset/sample_test.csv.gz --rows 1000 --seed 2 --force
	$(RUN) -m nn data sample mnist_dataset/sample_train_100.csv --rows 100 --seed 1 --force
	$(RUN) -m nn data sample mnist_dataset/sample_test_10.csv --rows 10 --seed 2 --force

card-lists: $(VENV)/.ready ## Read time zones, locales, keyboards and users from Debian for prepare_sd_card.py (20 min); needs root on Debian
	$(RUN) -m scripts.sdcard_lists

wheel-hashes: $(VENV)/.ready ## Write the wheels' hashes into ansible/roles/*/files/requirements-*.txt, after a change of versions
	$(RUN) -m scripts.wheel_hashes

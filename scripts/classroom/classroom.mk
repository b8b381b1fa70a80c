# Commands for a class of Pis: part of the Makefile; `make help-class` lists them.

CLASS ?= class.csv
GRID ?= sweeps/learning-rate.toml

.PHONY: help-class cards labels bundle class-status hand-out collect hand-back sweep

CLASS_PIS = --inventory $(INVENTORY) $(if $(LIMIT),--limit '$(LIMIT)') $(if $(ASK_PASS),--ask-pass) $(if $(EXTRA),--extra="$(EXTRA)")

help-class: ## List the commands for a class of Pis
	@$(LIST) scripts/classroom/classroom.mk

##@ Prepare
cards: $(VENV)/.ready ## Prepare the cards of a class, one after another [CLASS=class.csv IMAGE=file YES=1 DRY=1 LIMIT=pi-01,pi-02 FORCE=1]
	$(RUN) -m scripts.classroom.cards "$(CLASS)" --inventory "$(INVENTORY)" $(if $(IMAGE),--image "$(IMAGE)") $(if $(YES),--yes) $(if $(DRY),--dry-run) $(if $(LIMIT),--limit "$(LIMIT)") $(if $(FORCE),--force)

labels: $(VENV)/.ready-classroom ## Write a label for each Pi of a class, as a PDF to cut [CLASS=class.csv]
	$(RUN) -m scripts.classroom.labels "$(CLASS)"

bundle: $(VENV)/.ready-ansible,bundle ## Download what the Pis install, for `make provision OFFLINE=1` [RELEASES="bookworm trixie" ARCH=armhf DRY=1 FOLDER=]
	$(RUN) -m scripts.classroom.cache.bundle $(if $(RELEASES),--releases "$(RELEASES)") $(if $(ARCH),--arch $(ARCH)) $(if $(DRY),--dry-run) $(if $(FOLDER),--folder "$(FOLDER)")

##@ See, hand out and collect
class-status: $(INVENTORY) $(ANSIBLE_READY) ## Show how all Pis are; fails if one needs something [WATCH=1 LIMIT= ASK_PASS=1]
	@$(LOCALE)$(RUN) -m scripts.classroom.status $(CLASS_PIS) $(if $(WATCH),--watch)

hand-out: $(INVENTORY) $(ANSIBLE_READY) ## Give a file to all, never over a pupil's work [FILE=lesson.ipynb LIMIT= ASK_PASS=1]
	$(if $(FILE),,$(error FILE= is missing: name the notebook or the data file to hand out))
	@$(LOCALE)$(RUN) -m scripts.classroom.hand_out $(CLASS_PIS) '$(subst ','\'',$(FILE))'

collect: $(INVENTORY) $(ANSIBLE_READY) ## Copy the pupils' work to collected/NAME/DATE/ [LIMIT= ASK_PASS=1]
	@$(LOCALE)$(RUN) -m scripts.classroom.collect $(CLASS_PIS)

hand-back: $(INVENTORY) $(ANSIBLE_READY) ## Restore the work collected last, or on DATE= [DATE=2026-11-26T101500Z LIMIT= ASK_PASS=1]
	@$(LOCALE)$(RUN) -m scripts.classroom.collect $(CLASS_PIS) --hand-back $(if $(DATE),--date "$(DATE)")

##@ Answer one question together
sweep: $(VENV)/.ready-sweep ## Train each cell of a grid, on this computer's cores [GRID=sweeps/learning-rate.toml PICTURE=file.png DRY=1 PIS=1 LAPTOP=1]
	$(RUN) -m nn sweep "$(GRID)" $(if $(PICTURE),--picture "$(PICTURE)") $(if $(DRY),--dry-run) $(if $(PIS),--pis) $(if $(LAPTOP),--laptop)

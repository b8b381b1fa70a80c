# Commands for real and emulated Pis, on a computer with the complete project: part of the Makefile.

INVENTORY ?= ansible/inventory/hosts.yml
PRESET ?= pi-zero
ANSIBLE_READY = $(VENV)/.ready-ansible
export ANSIBLE_CONFIG = ansible/ansible.cfg
FLAGS = $(if $(LIMIT),--limit $(LIMIT)) $(if $(ASK_SUDO),--ask-become-pass) $(if $(CHECK),--check --diff) $(EXTRA)
ROLES = $(if $(TAGS),--tags $(TAGS))
PLAYBOOK = $(VENV)/bin/ansible-playbook -i $(INVENTORY) $(FLAGS)
# With tags, these commands would silently skip part of what they promise.
PLAY = $(if $(TAGS),$(error TAGS= works only with 'make provision' and 'make update'))$(PLAYBOOK)
CARD_FOLDER = $(if $(CARD),--folder $(CARD))
PORTS = $(if $(SSH_PORT),--ssh-port $(SSH_PORT)) $(if $(JUPYTER_PORT),--jupyter-port $(JUPYTER_PORT))

.PHONY: provision provision-here verify train-on-pi backup restore update uninstall image emulate emulate-stop

##@ Set up and manage Pis
provision: $(INVENTORY) $(ANSIBLE_READY) ## Set up the Pis in ansible/inventory/hosts.yml [LIMIT= TAGS= ASK_SUDO=1 CHECK=1 EXTRA=]
	$(PLAYBOOK) $(ROLES) ansible/playbooks/site.yml

provision-here: ## Set up this Pi; then add INVENTORY=ansible/inventory/here.yml to the commands below
	$(MAKE) provision INVENTORY=ansible/inventory/here.yml

verify: $(INVENTORY) $(ANSIBLE_READY) ## Check that the Pis work as promised
	$(PLAY) ansible/playbooks/verify.yml

train-on-pi: $(INVENTORY) $(ANSIBLE_READY) ## Train on the Pis, then copy models and summaries here [PRESET=pi-zero RESTART=1]
	$(RUN) scripts/train_on_pi.py --inventory $(INVENTORY) --preset $(PRESET) $(if $(RESTART),--restart) $(if $(LIMIT),--limit $(LIMIT)) $(if $(EXTRA),--extra="$(EXTRA)")

backup: $(INVENTORY) $(ANSIBLE_READY) ## Copy every user's notebooks, models and settings here
	$(PLAY) ansible/playbooks/backup.yml

restore: $(INVENTORY) $(ANSIBLE_READY) ## Restore the latest backup [BACKUP=file]
	$(PLAY) $(if $(BACKUP),-e "backup_file='$(if $(filter /%,$(BACKUP)),,$(CURDIR)/)$(BACKUP)'") ansible/playbooks/restore.yml

update: $(INVENTORY) $(ANSIBLE_READY) ## Update packages and the kit to the latest versions
	$(PLAYBOOK) $(ROLES) ansible/playbooks/update.yml

uninstall: $(INVENTORY) $(ANSIBLE_READY) ## Remove what the kit installed, never a student's work
	$(PLAY) ansible/playbooks/uninstall.yml

##@ Emulate a Pi Zero
image: $(ANSIBLE_READY) ## Build a card image with the kit; needs root on Debian [BASE=image or root CARD=folder]
	$(RUN) -m scripts.emulation $(CARD_FOLDER) image $(if $(BASE),--base $(abspath $(BASE))) --extra="$(EXTRA)"

emulate: $(ANSIBLE_READY) ## Boot the image in an emulated Pi Zero [CARD=folder SSH_PORT=5022 JUPYTER_PORT=8888]
	$(RUN) -m scripts.emulation $(CARD_FOLDER) start $(PORTS)

emulate-stop: $(ANSIBLE_READY) ## Shut down the emulated Pi Zero [CARD=folder]
	$(RUN) -m scripts.emulation $(CARD_FOLDER) stop

$(INVENTORY):
	@echo "$@ does not exist: copy ansible/inventory/example.yml to it and list your Pis in it" >&2
	@exit 1

"""Write first-boot settings onto a flashed card: what ``scripts/prepare_sd_card.py`` is made of.

It runs on whatever computer flashed the card, so it needs nothing but Python's standard library,
and nothing that Windows or a FAT file system lacks: `nn.saving.atomic` takes locks and sets modes.
"""

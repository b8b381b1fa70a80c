"""Write first-boot settings onto a flashed card: the parts of ``scripts/prepare_sd_card.py``.

It runs on any computer that can flash a card, so it needs only Python's standard library, and
nothing that Windows or FAT lacks. That rules out `nn.saving.atomic`, which uses locks and modes.
"""

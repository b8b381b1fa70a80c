"""Write first-boot settings onto the boot partition of a flashed card.

    python scripts/prepare_sd_card.py /media/ada/bootfs --hostname pi-1 --user ada \
        --wifi-ssid Home --wifi-password-file wifi.txt --wifi-country GB

Host name, user, SSH key, wifi or USB network, locale: as cloud-init files for trixie, as
custom.toml for bookworm. Needs Python 3.11 and openssl, and nothing else of this kit.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - no pip has checked it on the computer with the card
    sys.exit("error: expected Python 3.11 or newer; this is " + sys.version.split()[0])

from sdcard.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""Write first-boot settings onto the boot partition of a flashed card.

    python scripts/prepare_sd_card.py /media/ada/bootfs --hostname pi-1 --user ada \
        --wifi-ssid Home --wifi-password-file wifi.txt --wifi-country GB

It writes host name, user, SSH key, Wi-Fi or USB network, and locale: as cloud-init files for
trixie, as custom.toml and a script for bookworm. It needs only Python 3.9, as a Mac has it.
"""

import sys

if sys.version_info < (3, 9):  # noqa: UP036 - on this computer, pip has not checked it
    sys.exit("error: expected Python 3.9 or later, got " + sys.version.split()[0])

from sdcard.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""The ARM roots that this package builds."""

from scripts.machines.roots import MACHINE, RootKind

RELEASE = "bookworm"

# Debian's own kernel for the Pi Zero, and what finds the card before it is mounted.
CARD = RootKind("card", (*MACHINE, "linux-image-rpi", "zstd"), "armel")

_NETWORK = tuple(
    "python3-numpy python3-scipy python3-pil python3-pooch python3-tqdm "
    "python3-pytest python3-hypothesis".split()
)
# Debian's armel runs on the board's ARMv6, with floating point in software.
SOFT_FLOAT = RootKind("soft-float", _NETWORK, "armel")
# Its armhf is made for ARMv7: the same floating point as Raspberry Pi OS has, without vectors.
HARD_FLOAT = RootKind("hard-float", _NETWORK, "armhf")

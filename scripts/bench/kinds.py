"""The Debian roots that the kit is measured in."""

from scripts.machines.roots import RootKind

_NETWORK = tuple(
    "python3-numpy python3-scipy python3-pil python3-platformdirs python3-requests "
    "python3-tqdm".split()
)
_REFERENCE = ("libblas3", "liblapack3")  # without them, scipy may install only OpenBLAS

# With a vector unit and without one: LD_LIBRARY_PATH chooses between the two BLAS.
_BOTH = (*_NETWORK, *_REFERENCE, "libopenblas0-serial")
X86_64 = RootKind("blas-x86-64", _BOTH, "amd64")
ARM = RootKind("blas-arm", _BOTH, "armhf")

# Debian's armhf is built for ARMv7: the same floating point as Raspberry Pi OS, without vectors.
HARD_FLOAT = RootKind("hard-float", _NETWORK, "armhf")

# What the page to draw on needs.
PAGE = RootKind("page", (*_NETWORK, "python3-tornado"), "armhf")

# 32 bits as on the Pi, and i386 runs natively: valgrind counts there in seconds.
_COUNTED = (*_NETWORK, *_REFERENCE, "python3-tornado", "valgrind", "libc6-dbg")
CACHE = RootKind("cache", _COUNTED, "i386")

# The programs that the kit is compared with on ARM, and their compiler.
PEERS = RootKind(
    "peers", (*_NETWORK, "python3-sklearn", "gcc", "libc6-dev", "libfann-dev"), "armhf"
)

# The same network in other languages on ARM; R and numpy with either BLAS.
LANGUAGES = RootKind("languages", (*_BOTH, "r-base-core", "gforth", "gcc", "libc6-dev"), "armhf")

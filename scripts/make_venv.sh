#!/bin/sh
# Make the virtual environment of `make setup`: scripts/make_venv.sh FOLDER [EXTRA]
#
# On a Pi the compiled parts come from apt and the rest from pure wheels, since nothing is ever
# compiled there. Elsewhere all comes from wheels. EXTRA is an extra of pyproject.toml.
set -eu

venv=$1
extra=${2:-}
python=${PYTHON:-python3}
apt_packages="python3-numpy python3-scipy python3-matplotlib python3-pil"
apt_modules="numpy, scipy, matplotlib, PIL"

case $extra in
    *ansible*) # which is pure Python, but for what it needs itself
        apt_packages="$apt_packages python3-cryptography python3-yaml python3-markupsafe"
        apt_modules="$apt_modules, cryptography, yaml, markupsafe"
        ;;
esac

fail() {
    echo "setup: $*" >&2
    exit 1
}

on_a_pi() {
    grep -qs "Raspberry Pi" /proc/device-tree/model && return
    case $(uname -m) in
        armv6l | armv7l) return 0 ;; # an emulated one, or a board like it
        *) return 1 ;;
    esac
}

has_apt_modules() {
    "$python" -c "import $apt_modules" 2>/dev/null
}

install_apt_packages() {
    echo "setup: installing $apt_packages with apt"
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root="sudo"
        [ -t 0 ] || as_root="sudo -n" # nobody is there to type a password
    fi
    # A new card has no lists of packages yet, or old ones.
    # shellcheck disable=SC2086 # lists of words are meant
    { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $apt_packages; } ||
        fail "could not install them: run 'sudo apt update && sudo apt install $apt_packages', then this again"
    has_apt_modules || fail "$python still cannot import $apt_modules"
}

command -v "$python" >/dev/null || fail "no $python: install it (Debian: sudo apt install python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" -V): expected Python 3.11 or later; set PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv module: install it (Debian: sudo apt install python3-venv)"

if on_a_pi && ! has_apt_modules; then
    install_apt_packages
fi
# An environment whose making was broken off has no working pip: it is made again.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    options=
    if on_a_pi; then
        options=--system-site-packages
    fi
    echo "setup: making $venv"
    # shellcheck disable=SC2086 # no option is meant when empty
    "$python" -m venv --clear $options "$venv"
fi
echo "setup: installing the kit${extra:+ and what '$extra' needs}; a Pi Zero takes some minutes"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
    --editable ".${extra:+[$extra]}" ||
    fail "pip could not install the kit; what it says is above. Without a network, try again with one"
touch "$venv/.ready${extra:+-$extra}"

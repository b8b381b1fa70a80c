#!/bin/sh
# Create the virtual environment for `make setup`: scripts/make_venv.sh FOLDER [EXTRA]
#
# On a Pi, compiled packages are installed from apt and the rest from pure-Python wheels, since
# nothing is compiled there. Elsewhere, all are wheels. EXTRA is an extra in pyproject.toml.
set -eu

venv=$1
extra=${2:-}
python=${PYTHON:-python3}
apt_packages="python3-numpy python3-scipy python3-matplotlib python3-pil"
apt_modules="numpy, scipy, matplotlib, PIL"

case $extra in
    *ansible*) # is pure Python, but some of its dependencies are compiled
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
        armv6l | armv7l) return 0 ;; # an emulated Pi, or a similar board
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
        [ -t 0 ] || as_root="sudo -n" # without a terminal, nobody can type a password
    fi
    # A new card has no package lists yet, or old ones.
    # shellcheck disable=SC2086 # the lists must split into words
    { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $apt_packages; } ||
        fail "could not install them: run 'sudo apt update && sudo apt install $apt_packages', then run this command again"
    has_apt_modules || fail "$python still cannot import $apt_modules"
}

command -v "$python" >/dev/null || fail "$python not found: install it (Debian: sudo apt install python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$python is $("$python" -V): expected Python 3.11 or later; set PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv module: install it (Debian: sudo apt install python3-venv)"

if on_a_pi && ! has_apt_modules; then
    install_apt_packages
fi
# If an earlier run was interrupted, the environment has no working pip: create it again.
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    options=
    if on_a_pi; then
        options=--system-site-packages
    fi
    echo "setup: creating $venv"
    # shellcheck disable=SC2086 # when empty, it must vanish
    "$python" -m venv --clear $options "$venv"
fi
echo "setup: installing the kit${extra:+ and what '$extra' needs}; this takes minutes on a Pi Zero"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
    --editable ".${extra:+[$extra]}" ||
    fail "pip could not install the kit: see its output above. If there is no network, connect and try again"
touch "$venv/.ready${extra:+-$extra}"

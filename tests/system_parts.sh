#!/usr/bin/env bash
# What some tests need from the system: installed when that can be done unasked, named when not.
set -euo pipefail

packages=""
command -v chromium >/dev/null || packages="chromium fonts-liberation"
command -v soffice >/dev/null || packages="$packages libreoffice-calc"
[ -n "$packages" ] || exit 0

if [ "$(id -u)" = 0 ] && grep -qsE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; then
    echo "installing $packages"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    apt-get install -qq --yes --no-install-recommends $packages >/dev/null
    exit 0
fi

echo "Some tests need system packages. To run them too: sudo apt-get install $packages" >&2
[ "${CI:-}" != true ] # under CI nothing is left out

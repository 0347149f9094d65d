#!/usr/bin/env bash
# Installs what the foreign clients of the sandbox (tests/clients) need, where tests/it/support/foreign.rs looks for it:
# Python packages in a virtual environment, npm packages, the Go program, and a Chromium.
#
# Everything is pinned with its hashes and comes from the public registries by their own clients. It is kept outside the
# clone, in folders that are named after their pins: what is there is not made again, and clones with different pins share
# the cache. CHROMIUM=/path/to/chromium names a browser that is installed elsewhere.
# Progress goes to stderr, the folder to stdout.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tenantry/clients

say() { printf 'clients: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

# name FOLDER FILE…: the folder's name in the cache, by the texts of the files one after the other
name() {
	local folder=$1
	shift
	local sum
	if command -v sha256sum >/dev/null; then sum=$(cat "$@" | sha256sum); else sum=$(cat "$@" | shasum -a 256); fi
	printf '%s/%s-%s' "$cache" "$folder" "${sum:0:12}"
}

python=$(name python "$root/tests/clients/python/requirements.txt")
javascript=$(name javascript "$root/tests/clients/javascript/package-lock.json")
go=$(name go "$root"/tests/clients/go/*.go "$root/tests/clients/go/go.mod" "$root/tests/clients/go/go.sum")

mkdir -p "$cache"
if command -v flock >/dev/null; then # two runs at once install once
	exec 9>"$cache/.lock"
	flock 9
fi

# make_once PLACE FUNCTION WHAT: makes a folder beside its place and moves it there, so that a broken run leaves nothing
make_once() {
	local place=$1 how=$2 what=$3
	[[ -d $place ]] && return
	say "$what (once; kept in $place)"
	local start=$SECONDS
	rm -rf "$place.new"
	mkdir "$place.new"
	"$how" "$place.new" >&2 || die "$what failed"
	mv "$place.new" "$place"
	say "done in $((SECONDS - start)) s"
}

# A virtual environment knows its own path, so the packages go into a folder of their own, which any python3 can read.
install_python() {
	command -v python3 >/dev/null || die "python3 is missing: apt install python3 python3-venv, or https://www.python.org"
	python3 -m venv "$1/venv" || die "python3 lacks venv: apt install python3-venv"
	"$1/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
		--only-binary :all: --target "$1/packages" --requirement "$root/tests/clients/python/requirements.txt"
	rm -rf "$1/venv"
}

install_javascript() {
	command -v npm >/dev/null || die "npm is missing: Node.js 20 or newer from https://nodejs.org"
	cp "$root"/tests/clients/javascript/package{,-lock}.json "$1/"
	(cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

install_go() {
	command -v go >/dev/null || die "go is missing: Go 1.21 or newer from https://go.dev/dl"
	(cd "$root/tests/clients/go" && CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" GOWORK=off \
		go build -trimpath -ldflags "-s -w" -o "$1/clients" .)
}

find_chromium() {
	[[ -n ${CHROMIUM:-} ]] && { [[ -x $CHROMIUM ]] || die "CHROMIUM=$CHROMIUM is not an executable file"; return; }
	for browser in chromium chromium-browser google-chrome google-chrome-stable; do
		command -v "$browser" >/dev/null && return
	done
	if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
		say "installing chromium"
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >&2 ||
			die "installing chromium failed"
	else
		die "no Chromium: install the package chromium (as root: apt-get install chromium), or name one: CHROMIUM=/path"
	fi
}

make_once "$python" install_python "installing the Python packages of tests/clients/python"
make_once "$javascript" install_javascript "installing the npm packages of tests/clients/javascript"
make_once "$go" install_go "building the program of tests/clients/go"
find_chromium
printf '%s\n' "$cache"

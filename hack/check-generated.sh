#!/usr/bin/env bash
# Fails when a generated file in the clone is not what the program generates: forgotten, stale, or edited by hand.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT

cargo run --locked --quiet -- crds --out "$fresh/crds"
[[ -n $(ls -A "$fresh/crds" 2>/dev/null) ]] || {
	echo "check-generated: \`tenantry crds\` wrote nothing" >&2
	exit 1
}
diff --unified --recursive --new-file crds "$fresh/crds" || {
	echo "check-generated: crds/ is not up to date: run \`make generate\` and commit" >&2
	exit 1
}

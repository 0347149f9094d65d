#!/usr/bin/env bash
# Puts a real kube-apiserver, etcd and kubectl where the tests look for them, and prints that folder. Beside them comes
# tenantry-health (tests/tools/health), which says what GitOps tools make of an object.
#
# Only what is missing is built, by the ordinary Go client from the Go module proxy (tests/tools/*/go.mod), and kept
# outside the clone. What people know from envtest is honoured:
#   KUBEBUILDER_ASSETS                       a folder with etcd, kube-apiserver, kubectl: nothing is built
#   TEST_ASSET_KUBE_APISERVER, TEST_ASSET_ETCD, TEST_ASSET_KUBECTL, TEST_ASSET_TENANTRY_HEALTH
#                                            single binaries: those are not built
#   USE_EXISTING_CLUSTER=true                tests use your kubeconfig: of the three, only kubectl is needed
# Progress goes to stderr, the folder to stdout.
set -euo pipefail

readonly K8S=1.36.4 # the version of tests/tools/k8s/go.mod; tests/it/support/apiserver.rs names the same folder
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tenantry/k8s/$K8S
dir=${KUBEBUILDER_ASSETS:-$cache}

say() { printf 'k8s-assets: %s\n' "$*" >&2; }
die() {
	say "$*"
	exit 1
}

# sha256 FILE…: of their texts one after the other
sha256() {
	if command -v sha256sum >/dev/null; then cat "$@" | sha256sum; else cat "$@" | shasum -a 256; fi
}

# Ours is named after its sources, so that changed ones are built anew and clones with different ones share the cache.
# tests/it/support/health.rs looks for the same name. No folder from elsewhere has it, so it is always in the cache.
health=$root/tests/tools/health
health=tenantry-health-$(sha256 "$health"/*.go "$health/go.mod" "$health/go.sum" | cut -c1-12)

# missing NAME OVERRIDE [FOLDER]: true when the binary has to be built
missing() {
	if [[ -n $2 ]]; then
		[[ -x $2 ]] || die "$2 was named for $1, but is not an executable file"
		return 1
	fi
	[[ ! -x ${3:-$dir}/$1 ]]
}

want=()
if [[ ${USE_EXISTING_CLUSTER:-} != true && ${USE_EXISTING_CLUSTER:-} != 1 ]]; then
	missing etcd "${TEST_ASSET_ETCD:-}" && want+=(etcd)
	missing kube-apiserver "${TEST_ASSET_KUBE_APISERVER:-}" && want+=(kube-apiserver)
fi
missing kubectl "${TEST_ASSET_KUBECTL:-}" && want+=(kubectl)

if ((${#want[@]} > 0)) && [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
	die "KUBEBUILDER_ASSETS=$dir lacks: ${want[*]} (unset it to have them built)"
fi
missing "$health" "${TEST_ASSET_TENANTRY_HEALTH:-}" "$cache" && want+=("$health")

if ((${#want[@]} > 0)); then
	command -v go >/dev/null || die "building ${want[*]} needs Go 1.21 or newer (https://go.dev/dl), or name ready ones: see the head of $0"
	mkdir -p "$cache"
	if command -v flock >/dev/null; then # two runs at once build once
		exec 9>"$cache/.lock"
		flock 9
	fi
fi

# build NAME MODULE PACKAGE LDFLAGS: builds beside its place and moves it there, so that a broken build leaves nothing
build() {
	[[ -x $cache/$1 ]] && return # another run was faster
	say "building $1 (once; kept in $cache)"
	local start=$SECONDS
	(cd "$root/tests/tools/$2" &&
		CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" GOWORK=off go build -trimpath -ldflags "-s -w $4" -o "$cache/.$1.$$" "$3") ||
		{
			rm -f "$cache/.$1.$$"
			die "building $1 failed"
		}
	mv "$cache/.$1.$$" "$cache/$1"
	say "built $1 in $((SECONDS - start)) s"
}

# Without these the server calls itself v0.0.0, and version checks of clients and charts misbehave.
version=
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	version+=" -X $package.gitVersion=v$K8S -X $package.gitMajor=${K8S%%.*}"
	minor=${K8S#*.}
	version+=" -X $package.gitMinor=${minor%%.*} -X $package.gitTreeState=clean"
done

for name in "${want[@]+"${want[@]}"}"; do
	case $name in
	etcd) build etcd etcd go.etcd.io/etcd/server/v3 "" ;;
	tenantry-health-*) build "$name" health . "" ;;
	*) build "$name" k8s "k8s.io/kubernetes/cmd/$name" "$version" ;;
	esac
done
printf '%s\n' "$dir"

# Sourced by tools/quickstart and tools/test: brings the packages, then builds. All of its own words
# go to stderr. Uses: top (the checkout). Sets: build (the build directory).
set -euo pipefail

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

missing_packages() {
  local wanted name
  wanted=$(sed 's/#.*//' "$1")
  for name in $wanted; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
  done
}

# install_packages [LIST]: tools/packages without an argument.
install_packages() {
  local list=${1:-$top/tools/packages}
  command -v dpkg-query >/dev/null || {
    say "this is neither Debian nor Ubuntu: install what ${list#"$top"/} names by your own means, then run: meson setup build && ninja -C build"
    command -v meson >/dev/null || exit 1
    return 0
  }
  local missing as_root=()
  missing=$(missing_packages "$list" | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo)
      say "installing packages by sudo: $missing"
    else
      say "packages are missing; as root, run:"
      printf 'apt-get install -y --no-install-recommends %s\n' "$missing" >&2
      exit 1
    fi
  else
    say "installing packages: $missing"
  fi
  local log
  log=$(mktemp)
  # shellcheck disable=SC2086
  { "${as_root[@]}" apt-get update -q &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing
  } >"$log" 2>&1 || { tail -n 20 "$log" >&2; say "apt-get failed"; exit 1; }
  rm -f "$log"
}

# build_targets [TARGET...]: everything without arguments. The directory is ours; a stale one is reconfigured.
# REEVE_BUILD names another directory, build_setup options for `meson setup` in a new one.
build_targets() {
  build=${REEVE_BUILD:-$top/build}
  local log=$build.log start=$SECONDS
  say "building in $build (the first build takes a few minutes)"
  {
    if [ -f "$build/build.ninja" ]; then
      meson setup --reconfigure "$build" "$top"
    else
      # shellcheck disable=SC2086
      meson setup ${build_setup:-} "$build" "$top"
    fi && ninja -C "$build" "$@"
  } >"$log" 2>&1 || { tail -n 40 "$log" >&2; say "the build failed; all of it is in $log"; exit 1; }
  say "built in $((SECONDS - start)) s"
}

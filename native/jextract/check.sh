#!/bin/sh
# Generates the bindings anew and compares them with the committed ones. Skips a library, and prints the reason, if jextract
# or the library's headers are missing; any other reason that prevents the comparison is a failure. The environment is that
# of generate.sh.
#
#   native/jextract/check.sh [--all]
#
#   --all  nothing may be skipped
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd) # with CDPATH, cd prints where it went
committed=$here/../../bindings/src/generated/java
bindings=dev/cocoli/bindings
ABSENT=77 # generate.sh's exit code
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $* in
  '') all= ;;
  --all) all=yes ;;
  *)
    echo "check.sh: knows --all and nothing else, not: $*" >&2
    exit 1
    ;;
esac

failed=0
fail() {
  echo "failed: bindings $*" >&2
  failed=1
}

# files that belong to no library
set --
for library in onednn cudart cublas cudnn nvrtc nccl; do
  set -- "$@" ! -path "./$bindings/$library/*"
done
orphans=$(cd "$committed" && find . -type f "$@")
[ -z "$orphans" ] || fail "that generate.sh does not make: $orphans"

if [ -z "$all" ] && ! command -v "${JEXTRACT:-jextract}" >/dev/null; then
  echo "skipped: bindings: there is no ${JEXTRACT:-jextract} (set JEXTRACT; native/jextract/generate.sh says how to build it)"
  exit $failed
fi

for library in onednn cudart cublas cudnn nvrtc nccl; do
  code=0
  "$here/generate.sh" --output "$work/java" $library >"$work/log" 2>&1 || code=$?
  if [ $code -eq $ABSENT ] && [ -z "$all" ]; then
    echo "skipped: bindings of $(sed -n '1s/^generate.sh: //p' "$work/log")"
  elif [ $code -ne 0 ]; then
    cat "$work/log"
    fail "of $library: not compared"
  elif diff -r "$committed/$bindings/$library" "$work/java/$bindings/$library"; then
    echo "bindings of $library: as committed"
  else
    fail "of $library: differ from what generate.sh makes; run it and commit, never edit them by hand"
  fi
done
exit $failed

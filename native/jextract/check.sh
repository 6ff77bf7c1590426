#!/bin/sh
# Generates the bindings anew and compares them with those that are committed. Skips, and says why, where jextract or a
# library's headers are not there. The environment is that of generate.sh.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
committed=$here/../../bindings/src/generated/java
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v "${JEXTRACT:-jextract}" >/dev/null; then
  echo "bindings: not compared, there is no jextract (set JEXTRACT; native/jextract/generate.sh says how to build it)"
  exit 0
fi

differs=0
for library in onednn cudart cublas cudnn nvrtc nccl; do
  folder=dev/cocoli/bindings/$library
  if ! "$here/generate.sh" --output "$work/java" $library >"$work/log" 2>&1; then
    echo "bindings of $library: not compared:"
    sed 's/^/  /' "$work/log"
  elif diff -r "$committed/$folder" "$work/java/$folder"; then
    echo "bindings of $library: as committed"
  else
    echo "bindings of $library: differ from what generate.sh makes; run it and commit, never edit them by hand" >&2
    differs=1
  fi
done
exit $differs

#!/bin/sh
# Tests ./cocoli on a copy of the repository whose path has a space: needs a build (mvn package), makes none itself.
set -eu

root=$(CDPATH='' cd "$(dirname "$0")/../../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy="$work/a copy"
output=$work/output
tests=0

fail() {
  echo "launcher: $1:" >&2
  cat "$output" >&2
  exit 1
}

# expect NAME CODE TEXT COMMAND...: runs a command and checks its exit code and that it prints a text.
expect() {
  name=$1 code=$2 text=$3
  shift 3
  actual=0
  "$@" >"$output" 2>&1 </dev/null || actual=$?
  [ "$actual" -eq "$code" ] || fail "$name: exit code $actual, not $code"
  grep -qF -- "$text" "$output" || fail "$name: does not say '$text'"
  tests=$((tests + 1))
}

mkdir "$copy"
for part in cocoli pom.xml native natives bindings engine report onnx cli; do
  cp -R "$root/$part" "$copy/"
done
find "$copy" -name target -prune -exec rm -rf {} +
mkdir "$copy/cli/target"
sleep 1 # so that the program is newer than its sources whatever the file system's clock
cp -R "$root/cli/target/lib" "$copy/cli/target/"
cp "$root/cli/target/cocoli.jar" "$copy/cli/target/"

# A Maven that only counts its calls and, unless it is to fail, "builds".
mkdir "$work/bin"
cat >"$work/bin/mvn" <<'EOF'
#!/bin/sh
echo call >>"$CALLS"
sleep "${BUILD_SECONDS:-0}"
if [ "${BREAK:-}" = silently ]; then
  echo "said nothing"
  exit 1
fi
if [ -n "${BREAK:-}" ]; then
  echo "[ERROR] Main.java is broken"
  exit 1
fi
touch cli/target/cocoli.jar
EOF
chmod +x "$work/bin/mvn"
PATH=$work/bin:$PATH
CALLS=$work/calls
export PATH CALLS
: >"$CALLS"
calls() {
  wc -l <"$CALLS" | tr -d ' '
}

cd "$work"
expect "starts, without a build" 0 "Java " "$copy/cocoli" --version
ln -s "$copy/cocoli" "$work/linked"
mkdir "$work/elsewhere"
ln -s ../linked "$work/elsewhere/twice"
expect "starts through links" 0 "Java " "$work/elsewhere/twice" --version
mkdir "$work/elsewhere/a copy"
expect "is not led astray by CDPATH" 0 "Java " env CDPATH="$work/elsewhere" "a copy/cocoli" --version
expect "hands on what it is given" 2 "two words" "$copy/cocoli" "two words"
expect "hands on options for java" 0 "7 processors" \
  env COCOLI_JAVA_OPTS="-XX:ActiveProcessorCount=7 -Xmx512m" "$copy/cocoli" doctor
# a java that prints its options instead of running
mkdir -p "$work/jdk/bin"
printf 'JAVA_VERSION="25"\n' >"$work/jdk/release"
printf '#!/bin/sh\necho "$@"\n' >"$work/jdk/bin/java"
cp "$work/jdk/bin/java" "$work/jdk/bin/javac"
chmod +x "$work/jdk/bin/java" "$work/jdk/bin/javac"
mkdir "$work/images"
dozen=
for number in 1 2 3 4 5 6 7 8 9 10 11 12; do
  dozen="$dozen $number.png"
done
cd "$work/images"
for file in weights $dozen 13.png; do
  : >"$file"
done
quick=TieredStopAtLevel
options() {
  COCOLI_JAVA_HOME=$work/jdk "$copy/cocoli" "$@" >"$output"
  grep -c "$quick" "$output" || true
}
# shellcheck disable=SC2086 # these are several files
expect "compiles quickly for a dozen images" 0 "$quick" \
  env COCOLI_JAVA_HOME="$work/jdk" "$copy/cocoli" detect --weights weights --out .. $dozen
# shellcheck disable=SC2086
[ "$(options detect --weights weights $dozen 13.png)" -eq 0 ] || fail "quick for more than a dozen"
[ "$(options detect --weights weights ../images)" -eq 0 ] || fail "quick for a folder"
[ "$(options train --weights weights)" -eq 0 ] || fail "quick for training"
cd "$work"
expect "refuses a JDK that is none" 1 "COCOLI_JAVA_HOME=/nowhere" \
  env COCOLI_JAVA_HOME=/nowhere "$copy/cocoli" --version
mkdir -p "$work/old/bin"
printf 'JAVA_VERSION="17.0.1"\n' >"$work/old/release"
cp "$work/bin/mvn" "$work/old/bin/java"
cp "$work/bin/mvn" "$work/old/bin/javac"
expect "refuses an old JDK" 1 "JDK 17" env COCOLI_JAVA_HOME="$work/old" "$copy/cocoli" --version
expect "passes an old JAVA_HOME over" 0 "Java " env JAVA_HOME="$work/old" "$copy/cocoli" --version
[ "$(calls)" -eq 0 ] || fail "it built without a need"
# what benchmarks/ measures against stays there
expect "ships no JNI glue" 0 "none" \
  sh -c 'ls "$1" | grep -E "javacpp|jmh" || echo none' sh "$copy/cli/target/lib"

source=$copy/cli/src/main/java/dev/cocoli/cli/Main.java
sleep 1
touch "$source"
BREAK=yes
export BREAK
expect "shows why a build failed" 1 "Main.java is broken" "$copy/cocoli" --version
expect "tries again after a failure" 1 "the build failed" "$copy/cocoli" --version
[ "$(calls)" -eq 2 ] || fail "it built $(calls) times, not 2"
BREAK=silently
expect "shows a log without errors" 1 "said nothing" "$copy/cocoli" --version
unset BREAK
: >"$CALLS"
mkdir "$copy/target/build.lock"
sh -c 'echo $$' >"$copy/target/build.lock/pid" # of a process that is gone
BUILD_SECONDS=2 "$copy/cocoli" --version >"$work/first" 2>&1 &
first=$!
expect "waits for another's build" 0 "Java " env BUILD_SECONDS=2 "$copy/cocoli" --version
wait "$first" || fail "the other one failed"
[ "$(calls)" -eq 1 ] || fail "two at once built $(calls) times, not once"
expect "does not build twice" 0 "Java " "$copy/cocoli" --version
rm "$copy/engine/src/main/java/dev/cocoli/package-info.java"
expect "builds when a source is gone" 0 "building" "$copy/cocoli" --version
[ "$(calls)" -eq 2 ] || fail "it built $(calls) times, not 2"

echo "launcher: $tests passed"

# Functions of ./cocoli and the launchers in benchmarks/: they find a JDK and build with Maven. The launchers source this file
# after they set root (the folder of the sources) and program (the name in messages).
# shellcheck shell=sh disable=SC2154 # set by the launchers

NEEDED=25

fail() {
  echo "$program: $*" >&2
  exit 1
}

# Follows symbolic links to the file itself.
resolve() {
  file=$1
  while [ -h "$file" ]; do
    link=$(readlink "$file")
    case $link in
      /*) file=$link ;;
      *) file=$(dirname "$file")/$link ;;
    esac
  done
  printf '%s\n' "$file" # echo may take a backslash for its own
}

# Sets major to the version of the JDK in a folder; to nothing where there is none with a compiler.
read_major() {
  major=
  if [ ! -x "$1/bin/java" ] || [ ! -x "$1/bin/javac" ]; then
    return 0
  fi
  version=
  if [ -r "$1/release" ]; then # far quicker than asking java
    while IFS= read -r line; do
      case $line in
        JAVA_VERSION=*)
          version=${line#JAVA_VERSION=}
          version=${version#\"}
          ;;
      esac
    done <"$1/release"
  else
    version=$("$1/bin/java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p' | head -n 1)
  fi
  major=${version%%[!0-9]*}
}

# Sets jdk to a folder if there is a new enough JDK in it.
consider() {
  read_major "$1"
  if [ -n "$major" ] && [ "$major" -ge "$NEEDED" ]; then
    jdk=$1
  fi
}

find_jdk() {
  jdk=
  if [ -n "${COCOLI_JAVA_HOME:-}" ]; then
    consider "$COCOLI_JAVA_HOME"
    if [ -z "$jdk" ]; then
      fail "COCOLI_JAVA_HOME=$COCOLI_JAVA_HOME is no JDK $NEEDED or later${major:+, but a JDK $major}"
    fi
    return 0
  fi
  if [ -n "${JAVA_HOME:-}" ]; then
    consider "$JAVA_HOME"
  fi
  if [ -z "$jdk" ] && java=$(command -v java); then
    java=$(resolve "$java")
    consider "$(dirname "$(dirname "$java")")"
  fi
  if [ -z "$jdk" ] && [ -x /usr/libexec/java_home ]; then # macOS
    consider "$(/usr/libexec/java_home -v "$NEEDED+" 2>/dev/null || echo /nowhere)"
  fi
  for folder in \
    /usr/lib/jvm/* /usr/lib64/jvm/* /usr/java/* /opt/java/* /opt/jdk* /opt/*jdk* /usr/local/*jdk* \
    "${HOME:-/}"/.sdkman/candidates/java/* "${HOME:-/}"/.jdks/* "${HOME:-/}"/.gradle/jdks/* \
    "${HOME:-/}"/.asdf/installs/java/* "${HOME:-/}"/.local/share/mise/installs/java/* \
    /Library/Java/JavaVirtualMachines/*/Contents/Home \
    "${HOME:-/}"/Library/Java/JavaVirtualMachines/*/Contents/Home \
    /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home \
    /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
    [ -z "$jdk" ] || break
    consider "$folder"
  done
  if [ -z "$jdk" ]; then
    fail "needs a JDK $NEEDED or later, found none: install one (https://adoptium.net, or with the" \
      "package manager, for example \"apt install openjdk-$NEEDED-jdk\"), or set COCOLI_JAVA_HOME"
  fi
}

# is_newer_than_sources FILE MODULE...: whether a file is there and no source of the modules is newer.
# Folders count as well: theirs is the date of the last file that was taken away.
is_newer_than_sources() {
  made=$1
  shift
  [ -f "$made" ] || return 1
  for module in "$@"; do
    shift
    set -- "$@" "$root/$module/pom.xml" "$root/$module/src/main" "$root/$module/src/generated" \
      "$root/$module/jextract"
    if [ "${BUILD_TESTS:-}" = -DskipTests ]; then
      set -- "$@" "$root/$module/src/test"
    fi
  done
  [ -z "$(find "$root/pom.xml" "$@" -newer "$made" -print 2>/dev/null | head -n 1)" ]
}

# run_maven MODULE: builds a module and those that it needs, without running tests; BUILD_TESTS may be an option of Maven that
# has them compiled.
run_maven() {
  log=$root/target/build.log
  mkdir -p "$root/target"
  command -v mvn >/dev/null || fail "needs Maven to build itself, found none: install it" \
    "(https://maven.apache.org, or with the package manager, for example \"apt install maven\")"
  echo "$program: building, this happens once (log: $log)" >&2
  if ! (cd "$root" && JAVA_HOME=$jdk mvn -B -ntp -pl "$1" -am package \
    "${BUILD_TESTS:--Dmaven.test.skip=true}" \
    >"$log" 2>&1 </dev/null); then
    grep -E '^\[(ERROR|WARNING)\]' "$log" >"$log.short" || tail -n 40 "$log" >"$log.short"
    head -n 40 "$log.short" >&2
    fail "the build failed; all that it said is in $log"
  fi
}

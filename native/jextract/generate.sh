#!/bin/sh
# Generates the bindings in bindings/src/generated/java from the allow-lists in this directory.
#
#   native/jextract/generate.sh [--output DIR] [LIBRARY...]
#
# LIBRARY is one or more of onednn, cudart, cublas, cudnn, nvrtc, nccl; without any, all of them. The tool and the headers
# are found at their default places or taken from the environment:
#
#   JEXTRACT         the tool (default: jextract on the PATH)
#   DNNL_JAR         org.bytedeco:dnnl, classifier linux-x86_64 (default: the one in ~/.m2/repository); unzip opens it
#   CUDA_HOME        a CUDA toolkit with its headers (default: /usr/local/cuda): for cudart, and for cublas, cudnn and nccl,
#                    whose headers include cuda_runtime_api.h, crt/host_defines.h and cuda_fp16.h
#   NVIDIA_PACKAGES  the folder "nvidia" of a Python environment's site-packages that has nvidia-cublas, nvidia-cuda-nvrtc,
#                    nvidia-cudnn-cu13 and nvidia-nccl-cu13 (default: the one in $VIRTUAL_ENV)
#
# Exits with 77 if jextract or headers are missing and nothing else is wrong, with 1 for every other error.
#
# jextract comes as a binary from https://jdk.java.net/jextract, but the libclang in it is newer than 15, and with that it emits
# classes named after unnamed unions that do not compile. So build it from https://github.com/openjdk/jextract, release 23 or the
# commit f9866df, against libclang 14 (Debian: libclang-14-dev). With Gradle:
#
#   ./gradlew -Pjdk_home=$JAVA_HOME -Pllvm_home=/usr/lib/llvm-14 clean verify
#
# Without, with a JDK alone:
#
#   javac --release 23 -d classes $(find src/main/java -name '*.java') && cp -r src/main/resources/* classes
#   mkdir libs && cp -L /usr/lib/llvm-14/lib/libclang.so.1 libs/libclang.so
#   mkdir jmods && jmod create --module-version=23 --class-path=classes --libs=libs jmods/org.openjdk.jextract.jmod
#   jlink --module-path=jmods --add-modules=org.openjdk.jextract --output=runtime \
#         --add-options '"--enable-native-access=org.openjdk.jextract"'
#   mkdir bin && cp src/main/jextract bin && chmod +x bin/jextract
#
# (Debian's libclang finds its own headers; a copy of them in runtime/conf/jextract, as the Gradle build makes it, would shadow
# stdint.h. Remove that folder there.)
set -eu

# The versions that the committed bindings were generated from. After a change here, regenerate and commit both.
JEXTRACT_VERSION=23
LIBCLANG_VERSIONS='14 15'
DNNL_JAR_VERSION=3.13-1.5.14
ONEDNN_VERSION=3.13.0
CUDART_VERSION=13000
CUBLAS_VERSION=13.1.1
CUDNN_VERSION=9.24.0
NCCL_VERSION=2.30.7
# nvrtc.h has no version of its own; this is the version of its package
NVRTC_VERSION=13.0.88

ABSENT=77 # the usual exit code of a skipped test

fail() {
  echo "generate.sh: $*" >&2
  exit 1
}

here=$(CDPATH='' cd "$(dirname "$0")" && pwd) # with CDPATH, cd prints where it went
output=$here/../../bindings/src/generated/java
if [ "${1:-}" = --output ]; then
  [ -n "${2:-}" ] || fail "--output needs a directory"
  output=$2
  shift 2
fi
libraries=${*:-onednn cudart cublas cudnn nvrtc nccl}

jextract=${JEXTRACT:-jextract}
if ! command -v "$jextract" >/dev/null; then
  echo "generate.sh: no $jextract: set JEXTRACT to one (the head of generate.sh says how to build it)" >&2
  exit $ABSENT
fi
tool=$("$jextract" --version 2>&1) || fail "$jextract --version failed: $tool"
case $tool in
  "jextract $JEXTRACT_VERSION"*) ;;
  *) fail "the bindings are made with jextract $JEXTRACT_VERSION, this is: $(echo "$tool" | head -n 1)" ;;
esac
clang=$(echo "$tool" | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
case " $LIBCLANG_VERSIONS " in
  *" $clang "*) ;;
  *) fail "jextract must be built against libclang 14 or 15, this one has $clang" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cuda=${CUDA_HOME:-/usr/local/cuda}/include
packages=${NVIDIA_PACKAGES:-}
if [ -z "$packages" ] && [ -n "${VIRTUAL_ENV:-}" ]; then
  for folder in "$VIRTUAL_ENV"/lib/python3*/site-packages/nvidia; do
    packages=$folder
  done
fi
packages=${packages:-no-nvidia-packages}

# a macro's value; nothing when there is no such file or macro
macro() {
  [ -f "$1" ] && sed -n "s/^ *# *define  *$2  *\([0-9][0-9]*\).*/\1/p" "$1" | head -n 1
  return 0
}

status=0
# the header must be there, and of the version that is pinned
want() { # LIBRARY HEADER FOUND PINNED HINT
  if [ ! -f "$2" ]; then
    echo "generate.sh: $1: no $2; $5" >&2
    [ $status -ne 0 ] || status=$ABSENT
    return 1
  elif [ "$3" != "$4" ]; then
    echo "generate.sh: $1: $2 is of version $3, the bindings are made from $4; $5" >&2
    status=1
    return 1
  fi
}

want_toolkit() { # LIBRARY
  found=$(macro "$cuda/cuda_runtime_api.h" CUDART_VERSION)
  hint="set CUDA_HOME to a CUDA toolkit 13.0 with headers"
  want "$1" "$cuda/cuda_runtime_api.h" "$found" $CUDART_VERSION "$hint" &&
    want "$1" "$cuda/crt/host_defines.h" "$found" $CUDART_VERSION "$hint"
}

generate() { # LIBRARY CLASS ARGUMENT...
  library=$1
  class=$2
  shift 2
  folder=dev/cocoli/bindings/$library
  # one class per library: without this property, jextract splits a long one into a chain whose members move with every change
  JEXTRACT_JAVA_OPTIONS=-Djextract.decls.per.header=100000 "$jextract" --output "$work/out" \
    --target-package "dev.cocoli.bindings.$library" --header-class-name "$class" "@$here/$library.txt" "$@" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "jextract failed for $library"; }
  # jextract warns that opaque structs have no layout; that is expected
  grep -v 'warning: Skipping' "$work/log" >&2 || true
  # Java's own lookup ties libraries to one class loader
  sed -i 's/SymbolLookup\.loaderLookup()/dev.cocoli.bindings.access.LoadedLibraries.lookup()/' "$work/out/$folder/$class.java"
  grep -q LoadedLibraries "$work/out/$folder/$class.java" || fail "$class.java has no lookup to replace"
  rm -rf "${output:?}/$folder"
  mkdir -p "$output/$folder"
  cp "$work/out/$folder"/* "$output/$folder/"
  echo "$library: $folder"
}

for library in $libraries; do
  case $library in
    onednn)
      jar=${DNNL_JAR:-$HOME/.m2/repository/org/bytedeco/dnnl/$DNNL_JAR_VERSION/dnnl-$DNNL_JAR_VERSION-linux-x86_64.jar}
      [ ! -f "$jar" ] || unzip -q -o "$jar" 'org/bytedeco/dnnl/linux-x86_64/include/*' -d "$work/dnnl" ||
        fail "cannot unzip $jar"
      include=$work/dnnl/org/bytedeco/dnnl/linux-x86_64/include
      version=$include/oneapi/dnnl/dnnl_version.h
      [ -f "$jar" ] || version=$jar
      found=$(macro "$version" DNNL_VERSION_MAJOR).$(macro "$version" DNNL_VERSION_MINOR).$(macro "$version" DNNL_VERSION_PATCH)
      want onednn "$version" "$found" $ONEDNN_VERSION "set DNNL_JAR to org.bytedeco:dnnl:$DNNL_JAR_VERSION:linux-x86_64" || continue
      generate onednn Dnnl -I "$include" "$include/oneapi/dnnl/dnnl.h"
      ;;
    cudart)
      want_toolkit cudart || continue
      generate cudart CudaRuntime -I "$cuda" "$cuda/cuda_runtime_api.h"
      ;;
    cublas)
      include=$packages/cu13/include
      header=$include/cublas_api.h
      found=$(macro "$header" CUBLAS_VER_MAJOR).$(macro "$header" CUBLAS_VER_MINOR).$(macro "$header" CUBLAS_VER_PATCH)
      want cublas "$header" "$found" $CUBLAS_VERSION "install nvidia-cublas and set NVIDIA_PACKAGES" || continue
      want_toolkit cublas || continue
      generate cublas Cublas -I "$cuda" -I "$include" "$include/cublas_v2.h" "$include/cublasLt.h"
      ;;
    cudnn)
      include=$packages/cudnn/include
      header=$include/cudnn_version.h
      found=$(macro "$header" CUDNN_MAJOR).$(macro "$header" CUDNN_MINOR).$(macro "$header" CUDNN_PATCHLEVEL)
      want cudnn "$header" "$found" $CUDNN_VERSION "install nvidia-cudnn-cu13 and set NVIDIA_PACKAGES" || continue
      want_toolkit cudnn || continue
      generate cudnn Cudnn -I "$include" -I "$cuda" "$include/cudnn.h"
      ;;
    nvrtc)
      header=$packages/cu13/include/nvrtc.h
      found=unknown
      for info in "$packages"/../nvidia_cuda_nvrtc-*.dist-info; do
        [ ! -d "$info" ] || found=$(basename "$info" .dist-info | sed 's/.*-//')
      done
      want nvrtc "$header" "$found" $NVRTC_VERSION "install nvidia-cuda-nvrtc and set NVIDIA_PACKAGES" || continue
      generate nvrtc Nvrtc -I "$cuda" "$header"
      ;;
    nccl)
      header=$packages/nccl/include/nccl.h
      found=$(macro "$header" NCCL_MAJOR).$(macro "$header" NCCL_MINOR).$(macro "$header" NCCL_PATCH)
      want nccl "$header" "$found" $NCCL_VERSION "install nvidia-nccl-cu13 and set NVIDIA_PACKAGES" || continue
      want_toolkit nccl || continue
      generate nccl Nccl -I "$cuda" "$header"
      ;;
    *) fail "no such library: $library (onednn, cudart, cublas, cudnn, nvrtc, nccl)" ;;
  esac
done

[ $status -eq 0 ] || echo "generate.sh: the bindings of these were left as they are" >&2
exit $status

#!/bin/sh
# build.sh COMPILER [OPTION...]: compiles the stand-in of this folder, under the names of all the libraries. The allow-lists of the
# bindings lie here too: what is bound but never called must be there all the same.
set -eu
cd "$(dirname "$0")"
export LC_ALL=C
sed -n 's/^--include-function //p' cudart.txt cublas.txt nvrtc.txt cudnn.txt | sort -u >wanted
sed -n 's/^FAKE([^,]*, \([A-Za-z0-9_]*\),.*/\1/p' fake_*.cpp | sort -u >there
{
  echo '#include "fake_gpu.h"'
  comm -23 wanted there | sed 's/.*/FAKE(void, &, ()) { fail("not faked: &"); }/'
} >rest.cpp
compiling=
for source in rest.cpp fake_*.cpp; do
  "$@" -std=c++17 -Wall -fPIC -c "$source" &
  compiling="$compiling $!"
done
for process in $compiling; do
  wait "$process"
done
"$@" -std=c++17 -shared -o libcuda.so.1 rest.o fake_*.o -ldl
# one file under many names is loaded once: they share what they know
for name in libcudart.so.13 libcublas.so.13 libcublasLt.so.13 libnvrtc.so.13 libnvrtc-builtins.so.13.0 libcudnn.so.9; do
  ln -s libcuda.so.1 "$name"
done

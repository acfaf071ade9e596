#!/bin/sh
# Makes one archive of all that is run on a GPU host, which needs a driver but no JDK, compiler or network:
#   bench/gpu/make-bundle.sh [ARCHIVE [BUILD]]        default bench/gpu/target/gavel-gpu.tar.gz
# BUILD: a CMake build folder that has libgavel.so and libgavel_cuda.so already; without it one is made, which takes minutes.
# Needs nvcc 13, CMake, g++, a JDK and Maven here. On the host: unpack it, and  ./run.sh [RESULTS_FOLDER]  (README.md beside this).
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
target=$root/bench/gpu/target
archive=${1:-$target/gavel-gpu.tar.gz}
build=${2:-$target/build}
bundle=$target/gavel-gpu
most_bytes=$((60 * 1024 * 1024))

found=$("$root/.mvn/find-jdk.sh") || exit 3
jdk=${found% *}
nvcc=$(command -v nvcc) || { echo "make-bundle: nvcc was not found on the PATH; install the CUDA toolkit 13.0 or newer." >&2; exit 3; }
jobs=$(getconf _NPROCESSORS_ONLN)

mkdir -p "$target"
if [ $# -lt 2 ]; then
  cmake -S "$root" -B "$build" -DGAVEL_CUDA=ON -DGAVEL_TESTS=OFF >"$target/cmake.log" 2>&1 || { cat "$target/cmake.log" >&2; exit 1; }
  cmake --build "$build" --parallel "$jobs"
fi
for library in libgavel.so libgavel_cuda.so; do
  [ -f "$build/lib/$library" ] || { echo "make-bundle: there is no $build/lib/$library." >&2; exit 3; }
done
# Maven looks from another folder.
build=$(CDPATH= cd -- "$build" && pwd)

rm -rf "$bundle"
mkdir -p "$bundle/lib" "$bundle/native" "$bundle/peers" "$bundle/third-party"
cp "$build/lib/libgavel.so" "$build/lib/libgavel_cuda.so" "$bundle/native/"

# Native tests of the C interface, on the device: the sources of the emulated ones over the real runtime, and the times of our calls. They
# lie beside the library they open, and are linked from libgavel's objects, as the emulated ones are. The tests have no kernels, so nvcc
# only finds headers and libraries for them.
objects=$(find "$build/native/CMakeFiles/gavel_objects.dir" -name '*.o')
# Unused sections are dropped, as from libgavel: parts of the C++ run time in them need a newer C library than a GPU host may have.
linked='-cudart static -nodlink -Xlinker --gc-sections -Xcompiler -static-libstdc++,-static-libgcc'
program() { # NAME OBJECT
  # shellcheck disable=SC2086 # one argument per object and option
  "$nvcc" $linked -o "$bundle/native/$1" "$2" $objects -Xlinker -rpath='$ORIGIN' -lpthread -ldl
}
for test in cuda_api cuda_api_vocabulary cuda_readout cuda_token_logprob cuda_invariance; do
  "$nvcc" -std=c++20 -O2 -x c++ -Xcompiler "-ffile-prefix-map=$root/=" -I"$root/native/test/cuda_device" -I"$root/native/test" -I"$root/native/src" \
    -I"$root/native/include" -c "$root/native/test/$test.cpp" -o "$target/$test.o"
  program "$test" "$target/$test.o"
done
kernels='-O3 -Werror all-warnings -gencode arch=compute_80,code=[sm_80,compute_80] -gencode arch=compute_90a,code=sm_90a'
# shellcheck disable=SC2086 # several options
"$nvcc" -std=c++20 $kernels -I"$root/native/include" -c "$root/bench/gpu/calls.cu" -o "$target/calls.o"
program calls "$target/calls.o"
for kernel in ceilings tensor_cores; do
  # shellcheck disable=SC2086
  "$nvcc" -std=c++20 $kernels $linked -o "$bundle/native/$kernel" "$root/bench/gpu/$kernel.cu"
done
# No program may need a newer C library than libgavel does.
newest=$(for file in "$bundle"/native/*; do readelf --dyn-syms --wide "$file"; done | sed -n 's/.*@GLIBC_\(2[.0-9]*\).*/\1/p' | sort -Vu | tail -1)
[ "$(printf '%s\n' "$newest" 2.35 | sort -V | tail -1)" = 2.35 ] || {
  echo "make-bundle: a program of the bundle needs glibc $newest; a GPU host may have 2.35." >&2
  exit 1
}

# The Java side: what gavel-core is, its tests, and what they need but for LibTorch, which is larger than the rest together; tests that
# compare with it run where the project is built.
(cd "$root" && mvn -B -ntp -q -DskipTests -Dgavel.native=skip -Dgavel.native.build="$build" -pl java/core -am package \
  dependency:copy-dependencies -DincludeScope=test -DexcludeGroupIds=org.bytedeco,dev.gavel -DoutputDirectory="$bundle/third-party")
cp "$root"/bindings/target/gavel-bindings-*.jar "$root"/java/core/target/gavel-core-*.jar "$bundle/lib/"
rm -f "$bundle"/lib/*-tests.jar "$bundle"/lib/*-sources.jar "$bundle"/lib/*-javadoc.jar
(cd "$root/java/core/target/test-classes" && "$jdk/bin/jar" --create --file "$bundle/lib/core-tests.jar" .)
console=$(sed -n 's/.*<junit.version>5\(.*\)<.*/1\1/p' "$root/pom.xml")
(cd "$root" && mvn -B -ntp -q dependency:copy -Dartifact="org.junit.platform:junit-platform-console-standalone:$console" \
  -DoutputDirectory="$bundle/third-party")
"$jdk/bin/jlink" --add-modules java.base,java.logging,java.management,java.xml,jdk.management,jdk.unsupported,jdk.zipfs,jdk.jfr \
  --strip-debug --no-header-files --no-man-pages --compress zip-9 --output "$bundle/runtime"

cp "$root"/bench/peers/*.py "$bundle/peers/"
cp "$root/bench/gpu/report.py" "$bundle/peers/"
cp "$root/bench/gpu/run.sh" "$bundle/run.sh"
git -C "$root" rev-parse HEAD >"$bundle/revision" 2>/dev/null || echo unknown >"$bundle/revision"
chmod +x "$bundle/run.sh"
mkdir -p "$(dirname -- "$archive")"
tar -C "$target" -czf "$archive" gavel-gpu
bytes=$(wc -c <"$archive")
echo "$archive: $bytes bytes"
if [ "$bytes" -gt "$most_bytes" ]; then
  echo "make-bundle: the archive must stay under $most_bytes bytes; largest parts:" >&2
  du -sk "$bundle"/* | sort -rn | head -5 >&2
  exit 1
fi

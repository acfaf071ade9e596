#!/bin/sh
# On the GPU host, from the unpacked bundle:  ./run.sh [RESULTS_FOLDER]     default ./results; about ten minutes
# Ceilings, the tests on the device (a skip is a failure), compute-sanitizer on the small shapes, then PyTorch beside us. Writes JSON,
# logs and results.md. Exit code 1 where a test failed, 3 where the host has no GPU; what else it lacks (compute-sanitizer, PyTorch) is named
# and left out. With GAVEL_CUDA_LIBRARY naming another libgavel_cuda.so, the emulated one, the runner itself is tried without a GPU.
set -u
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
results=${1:-$here/results}
mkdir -p "$results"
results=$(CDPATH= cd -- "$results" && pwd)
if [ -z "${GAVEL_CUDA_LIBRARY:-}" ] && ! nvidia-smi -L 2>/dev/null | grep -q '^GPU '; then
  echo "run.sh: nvidia-smi lists no GPU on this host, so nothing here can be run or measured. Needed: an NVIDIA GPU of compute" >&2
  echo "capability 8.0 or newer, visible to this container, and a driver for CUDA 13 (version 580 or newer)." >&2
  exit 3
fi
export GAVEL_CUDA_LIBRARY="${GAVEL_CUDA_LIBRARY:-$here/native/libgavel_cuda.so}"
failed=0
entries=

note() { # name result
  echo "$1: $2"
  entries="$entries${entries:+,
 }\"$1\": \"$2\""
}

# step NAME SECONDS COMMAND...: runs it, keeps its output, notes how it ended.
step() {
  name=$1
  seconds=$2
  shift 2
  if timeout "$seconds" "$@" >"$results/$name.log" 2>&1; then
    note "$name" "passed"
  else
    note "$name" "FAILED (exit code $?), see $name.log"
    failed=1
    tail -n 15 "$results/$name.log"
  fi
}

{
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit --format=csv 2>&1
  echo "revision $(cat "$here/revision")"
  uname -srm
  sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort | uniq -c
  date -u +%Y-%m-%dT%H:%M:%SZ
} >"$results/machine.txt"
cat "$results/machine.txt"

if timeout 60 "$here/native/ceilings" >"$results/ceilings.json" 2>"$results/ceilings.log"; then
  note ceilings passed
else
  note ceilings "FAILED, see ceilings.log"
  failed=1
  rm -f "$results/ceilings.json"
fi

step c_interface 90 "$here/native/cuda_api"
step vocabulary 60 "$here/native/cuda_api_vocabulary"
step readouts 90 "$here/native/cuda_readout"
step token_logprobs 60 "$here/native/cuda_token_logprob"
step invariance 180 "$here/native/cuda_invariance" device
tail -n 8 "$results/invariance.log"
# The tests of the Java API on a device.
step java_tests 180 "$here/runtime/bin/java" -XX:+IgnoreUnrecognizedVMOptions --enable-native-access=ALL-UNNAMED \
  -Dgavel.library.path="$here/native" \
  -jar "$(ls "$here"/third-party/junit-platform-console-standalone-*.jar)" execute \
  --class-path "$(ls "$here"/lib/*.jar "$here"/third-party/*.jar | grep -v console-standalone | tr '\n' ':')" \
  --select-package dev.gavel --include-classname '.*Cuda.*Test' --fail-if-no-tests --details=tree
if grep -qE '[1-9][0-9]* tests (skipped|aborted)' "$results/java_tests.log"; then
  note java_tests_skipped "FAILED: a skipped test of the GPU is a failure, see java_tests.log"
  failed=1
fi

if command -v compute-sanitizer >/dev/null 2>&1; then
  # initcheck would take the poison behind tensors for use of what nobody wrote, so it looks at the small invariance shapes.
  step memcheck 120 compute-sanitizer --tool memcheck --leak-check full --error-exitcode 9 "$here/native/cuda_api"
  step racecheck 120 compute-sanitizer --tool racecheck --racecheck-report all --error-exitcode 9 "$here/native/cuda_invariance"
  step initcheck 90 compute-sanitizer --tool initcheck --error-exitcode 9 "$here/native/cuda_invariance"
  step synccheck 90 compute-sanitizer --tool synccheck --error-exitcode 9 "$here/native/cuda_invariance"
else
  note sanitizers "not run: compute-sanitizer is not on the PATH"
fi

if python3 -c 'import torch, sys; sys.exit(0 if torch.cuda.is_available() else 1)' >/dev/null 2>&1; then
  step peers 330 python3 "$here/peers/torch_head.py" "$here/native/libgavel.so" "$results/torch.json" --seconds 280
else
  note peers "not run: python3 has no PyTorch that sees the GPU"
fi

printf '{\n %s\n}\n' "$entries" >"$results/tests.json"
if command -v python3 >/dev/null 2>&1; then
  python3 "$here/peers/report.py" "$results" >"$results/results.md" && echo "$results/results.md"
fi
exit $failed

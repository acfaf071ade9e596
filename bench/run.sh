#!/bin/sh
# Runs a benchmark:  bench/run.sh chain [ROUNDS [THREADS [RESULTS]]] | layouts [ROUNDS [RESULTS]] | jmh [JMH OPTIONS]
# Builds first what is missing. Results are only worth something on a machine that does nothing else.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
what=${1:-}
[ $# -gt 0 ] && shift
case $what in
  chain) main=dev.gavel.bench.ChainBenchmark ;;
  layouts) main=dev.gavel.bench.LayoutBenchmark ;;
  jmh) main=org.openjdk.jmh.Main ;;
  *)
    echo "bench: unknown benchmark '$what': say chain, layouts or jmh." >&2
    exit 2
    ;;
esac
found=$("$root/.mvn/find-jdk.sh") || exit 3
java=${found% *}/bin/java
[ -d "$root/bench/target/lib" ] || (cd "$root" && mvn -B -ntp -q -DskipTests -pl bench -am package) >&2
exec "$java" --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
  -cp "$root/bench/target/classes:$root/bench/target/lib/*" "$main" "$@"

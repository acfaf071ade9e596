#!/bin/sh
# Checks or applies the Java and C++ layout:  .mvn/format.sh check|apply [java|cpp] [Maven options]
# One module only:  .mvn/format.sh apply java -DspotlessFiles='.*/java/core/.*'
#
# google-java-format parses with the JDK it runs on, and Maven may have been started on one that does not know record
# patterns. So Spotless runs in a Maven of its own, on the JDK that find-jdk.sh finds.
set -eu

root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
action=${1:-check}
case $action in
  check | apply) ;;
  *)
    echo "gavel: unknown action '$action': say check or apply." >&2
    exit 2
    ;;
esac
[ $# -gt 0 ] && shift

language=all
case ${1:-} in
  java | cpp)
    language=$1
    shift
    ;;
esac

if [ "$language" != java ]; then
  cmake "-DGAVEL_FORMAT_ROOT=$root/native" "-DGAVEL_FORMAT_ACTION=$action" -P "$root/native/format.cmake"
fi
if [ "$language" != cpp ]; then
  found=$("$root/.mvn/find-jdk.sh") || exit $?
  JAVA_HOME=${found% *}
  export JAVA_HOME
  cd "$root"
  if ! mvn -B -ntp -q -N "$@" "spotless:$action" </dev/null; then
    echo "gavel: where it is only the layout, run: .mvn/format.sh apply java" >&2
    exit 1
  fi
fi

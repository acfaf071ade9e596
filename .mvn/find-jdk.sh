#!/bin/sh
# Prints "HOME VERSION" of a JDK that can build and run Gavel; exit 3 and a message when there is none.
#
# GAVEL_JAVA_HOME decides alone when it is set. Otherwise JAVA_HOME and the java on the PATH are taken when they are new
# enough; otherwise the usual install folders are searched, and the newest long-term release wins over newer short ones.
set -u
HOME=${HOME:-}

minimum=22

# Major version of the JDK in folder $1, or nothing where there is no JDK.
jdk_version() {
  [ -x "$1/bin/java" ] && [ -x "$1/bin/javac" ] || return 0
  version=
  if [ -r "$1/release" ]; then
    while IFS='=' read -r key value; do
      [ "$key" = JAVA_VERSION ] && version=${value#\"} && version=${version%\"*}
    done <"$1/release"
  fi
  if [ -z "$version" ]; then
    version=$("$1/bin/javac" -version 2>&1 | sed -n 's/^javac //p')
  fi
  version=${version#1.}
  version=${version%%[!0-9]*}
  echo "$version"
}

accept() {
  echo "$1 $2"
  exit 0
}

missing() {
  echo "gavel: $1" >&2
  echo "gavel: install a JDK of version $minimum or newer, for instance Temurin 25 from https://adoptium.net" >&2
  echo "gavel: (the package temurin-25-jdk of its Debian and RPM repositories), or set GAVEL_JAVA_HOME to the folder of one." >&2
  exit 3
}

if [ -n "${GAVEL_JAVA_HOME:-}" ]; then
  version=$(jdk_version "$GAVEL_JAVA_HOME")
  if [ "${version:-0}" -ge $minimum ]; then
    accept "$GAVEL_JAVA_HOME" "$version"
  fi
  missing "GAVEL_JAVA_HOME is '$GAVEL_JAVA_HOME', which holds ${version:+version }${version:-no JDK (bin/java and bin/javac)}."
fi

if [ -n "${JAVA_HOME:-}" ]; then
  version=$(jdk_version "$JAVA_HOME")
  [ "${version:-0}" -ge $minimum ] && accept "$JAVA_HOME" "$version"
fi

java=$(command -v java 2>/dev/null || true)
if [ -n "$java" ] && command -v readlink >/dev/null 2>&1; then
  home=$(dirname -- "$(dirname -- "$(readlink -f -- "$java" 2>/dev/null || echo "$java")")")
  version=$(jdk_version "$home")
  [ "${version:-0}" -ge $minimum ] && accept "$home" "$version"
fi

best= best_version=0 best_rank=0 seen=
for home in /usr/lib/jvm/* /usr/java/* /opt/* /opt/java/* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/* \
  "$HOME"/.m2/jdks/* "$HOME"/.gradle/jdks/* "$HOME"/.asdf/installs/java/* "$HOME"/.jenv/versions/* \
  /Library/Java/JavaVirtualMachines/*/Contents/Home "$HOME"/Library/Java/JavaVirtualMachines/*/Contents/Home \
  /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home /usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home; do
  version=$(jdk_version "$home")
  [ -n "$version" ] || continue
  seen="$seen $version"
  [ "$version" -ge $minimum ] || continue
  # A long-term release comes every second year: 25, 29, 33.
  rank=$version
  if [ "$version" -ge 25 ] && [ $(((version - 25) % 4)) -eq 0 ]; then
    rank=$((version + 1000))
  fi
  if [ "$rank" -gt "$best_rank" ]; then
    best=$home best_version=$version best_rank=$rank
  fi
done
[ -n "$best" ] && accept "$best" "$best_version"

missing "no JDK of version $minimum or newer was found (JAVA_HOME: ${JAVA_HOME:-not set}; PATH: ${java:-no java}; versions in the usual folders:${seen:- none})."

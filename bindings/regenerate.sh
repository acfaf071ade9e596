#!/bin/sh
# Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#
# Writes src/generated again from native/include/gavel/gavel.h. Run it after every change of that header and commit what it
# writes. It needs `jextract` (https://jdk.java.net/jextract/) on the PATH; the build itself does not.
set -eu
export LC_ALL=C

cd "$(dirname "$0")"
include=../native/include
header=$include/gavel/gavel.h
package=dev.gavel.bindings.ffi
target=src/generated

command -v jextract >/dev/null || {
  echo "regenerate.sh: jextract is not on the PATH; get it from https://jdk.java.net/jextract/" >&2
  exit 3
}

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT

# What belongs to Gavel, and nothing that its includes bring along. The opaque handles are typedefs of structs without a
# definition: jextract has no Java class for them, they stay plain addresses.
jextract --include-dir "$include" --dump-includes "$staging/all" "$header" >"$staging/log" 2>&1 || {
  cat "$staging/log" >&2
  exit 1
}
sed -n 's/^\(--include-[a-z]* [A-Za-z_0-9]*\) .*/\1/p' "$staging/all" |
  grep -E '^--include-(function|struct|constant) (gavel_|GAVEL_)' |
  grep -v ' GAVEL_GAVEL_H$' | sort >"$staging/symbols"

arguments="--target-package $package --header-class-name gavel_h --include-dir native/include native/include/gavel/gavel.h"
(cd .. && jextract "@$staging/symbols" --output "$staging/java" $arguments) >"$staging/log" 2>&1 || {
  cat "$staging/log" >&2
  exit 1
}

# The licence, and two changes: SymbolLookup.findOrThrow exists from Java 23 on and this project compiles for 22; spaces at
# the ends of lines go.
find "$staging/java" -name '*.java' | while read -r file; do
  {
    echo '// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0'
    sed -e 's/SYMBOL_LOOKUP\.findOrThrow("\([a-z_0-9]*\)")/SYMBOL_LOOKUP.find("\1").orElseThrow(() -> new UnsatisfiedLinkError("unresolved symbol: \1"))/' \
      -e 's/[ 	]*$//' "$file"
  } >"$file.new"
  mv "$file.new" "$file"
done

# What jextract sees of the header: without comments, white space collapsed. A reworded comment changes nothing here.
interface() {
  text=$(tr '\n\t' '  ' <"$header" | sed -e 's:/\*[^*]*\*\**\([^/*][^*]*\*\**\)*/: :g' -e 's/  */ /g' -e 's/^ //' -e 's/ $//')
  printf '%s' "$text"
}

names() {
  sed -n "s/^--include-$1 //p" "$staging/symbols" | tr '\n' ' ' | sed 's/ $//'
}
{
  echo '# Where the sources beside this file come from. Written by bindings/regenerate.sh.'
  echo "header=native/include/gavel/gavel.h"
  echo '# SHA-256 of the header without comments and with every run of white space as one space.'
  echo "interface.sha256=$(interface | sha256sum | cut -d' ' -f1)"
  echo "tool=$(jextract --version 2>&1 | sed -n 's/^\(jextract .*\)/\1/p')"
  echo "tool.libclang=$(jextract --version 2>&1 | sed -n 's/.*\(clang version [0-9.]*\).*/\1/p')"
  echo "arguments=$arguments"
  echo "functions=$(names function)"
  echo "structs=$(names struct)"
  echo "constants=$(names constant)"
} >"$staging/PROVENANCE.properties"

rm -rf "$target"
mkdir -p "$target"
cp -R "$staging/java" "$target/java"
cp "$staging/PROVENANCE.properties" "$target/PROVENANCE.properties"
chmod -R u=rwX,go=rX "$target"
echo "regenerate.sh: $(wc -l <"$staging/symbols") symbols of $header written to bindings/$target"

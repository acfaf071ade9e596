// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// libraries.h: where the build leaves the libraries that a test opens by path: those of users, or those with sanitizers.
#ifndef GAVEL_TEST_LIBRARIES_H
#define GAVEL_TEST_LIBRARIES_H

#include "check.h"

namespace gavel::test {

inline std::string library_folder() {
  return kSanitized ? GAVEL_LIBRARY_FOLDER "/sanitized" : GAVEL_LIBRARY_FOLDER;
}

inline std::string gavel_library() {
  return library_folder() + "/libgavel.so";
}

inline std::string emulated_library() {
  return library_folder() + "/emulated/libgavel_cuda.so";
}

}  // namespace gavel::test

#endif

// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
#include "api/cuda_plugin.h"

#include <dlfcn.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

#include "common/error.h"

namespace gavel {

namespace {

constexpr const char *kVariable = "GAVEL_CUDA_LIBRARY";
constexpr const char *kFile = "libgavel_cuda.so";

struct Place {
  std::string path;
  bool named;  // by the environment variable
};

// This library's own folder: the plugin is shipped beside it, and the system's library path may hold one of another build.
// Found by an address that no other copy of this library can take over, as an exported function's could be.
Place place() {
  const char *named = secure_getenv(kVariable);
  if (named != nullptr && named[0] != 0) return {named, true};
  Dl_info self;
  char resolved[PATH_MAX];
  if (dladdr(reinterpret_cast<const void *>(&place), &self) == 0 || self.dli_fname == nullptr ||
      realpath(self.dli_fname, resolved) == nullptr) {
    fail(GAVEL_DEVICE_UNAVAILABLE, "the folder of libgavel.so, where %s is looked for, is not known; name the file with %s",
         kFile, kVariable);
  }
  const std::string library = resolved;
  return {library.substr(0, library.rfind('/') + 1) + kFile, false};
}

const cuda::Plugin &verify(void *library, const Place &from) {
  const auto get = reinterpret_cast<cuda::GetPlugin>(dlsym(library, cuda::kGetPlugin));
  if (get == nullptr) {
    fail(GAVEL_DEVICE_UNAVAILABLE, "%s is not Gavel's CUDA library: it has no function %s; use the one built with this version",
         from.path.c_str(), cuda::kGetPlugin);
  }
  const cuda::Plugin &plugin = *get();
  // The size first: only a table of the same shape has a version where we look for it.
  if (plugin.struct_size != sizeof(cuda::Plugin) || plugin.tensor_size != sizeof(Tensor) ||
      std::strcmp(plugin.version, GAVEL_VERSION) != 0) {
    fail(GAVEL_DEVICE_UNAVAILABLE,
         "%s is of another build (version %s, table of %u bytes) than this libgavel.so (version %s, table of %zu bytes): use "
         "the "
         "one built with it",
         from.path.c_str(), plugin.struct_size == sizeof(cuda::Plugin) ? plugin.version : "unknown", plugin.struct_size,
         GAVEL_VERSION, sizeof(cuda::Plugin));
  }
  return plugin;
}

const cuda::Plugin &open() {
  const Place from = place();
  void *library = dlopen(from.path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char *reason = dlerror();
    // The path, which may be long, stands last, in the loader's words: a message that is too long must not lose what to do.
    fail(GAVEL_DEVICE_UNAVAILABLE, "Gavel's CUDA library, %s, could not be opened. %s. The loader says: %s",
         from.named ? "named by GAVEL_CUDA_LIBRARY" : "looked for beside libgavel.so",
         from.named ? "Correct the variable, or unset it"
                    : "A build without it has no CUDA backend: configure with nvcc on the PATH, or name the library with "
                      "GAVEL_CUDA_LIBRARY; or use the CPU",
         reason != nullptr ? reason : from.path.c_str());
  }
  try {
    return verify(library, from);
  } catch (...) {
    dlclose(library);
    throw;
  }
}

}  // namespace

const cuda::Plugin &cuda_plugin() {
  static std::mutex mutex;
  static const cuda::Plugin *plugin = nullptr;
  const std::lock_guard<std::mutex> lock(mutex);
  if (plugin == nullptr) plugin = &open();
  return *plugin;
}

void check_plugin(int32_t status, const gavel_error &error) {
  if (status == GAVEL_OK) return;
  Failure failure(status, error.vendor_code);
  copy_text(failure.buffer(), GAVEL_MESSAGE_CAPACITY, error.message);
  throw failure;
}

}  // namespace gavel

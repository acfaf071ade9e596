// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// How libgavel.so finds, checks and opens libgavel_cuda.so: each case in a folder of its own with a copy of libgavel.so, opened as a program
// opens it. What cannot be opened is GAVEL_DEVICE_UNAVAILABLE with the path, the reason and the remedy; the CPU works in any case.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "api_fixture.h"
#include "libraries.h"

using namespace gavel::test;
namespace fs = std::filesystem;

namespace {

struct Library {
  explicit Library(const fs::path &file) {
    void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      std::fprintf(stderr, "libgavel.so: %s\n", dlerror());
      std::abort();
    }
    create = reinterpret_cast<decltype(create)>(dlsym(library, "gavel_context_create"));
    destroy = reinterpret_cast<decltype(destroy)>(dlsym(library, "gavel_context_destroy"));
  }
  decltype(&gavel_context_create) create;
  decltype(&gavel_context_destroy) destroy;
};

int32_t open_context(const Library &library, int32_t device_type, gavel_error &error) {
  auto options = sized<gavel_context_options>();
  options.device_type = device_type;
  options.threads = 1;
  gavel_context *context = nullptr;
  error = sized<gavel_error>();
  const int32_t status = library.create(&options, &context, &error);
  library.destroy(context);
  return status;
}

// A folder with libgavel.so, removed at the end; the body runs in a process of its own, in which nothing was opened yet.
void in_folder(const char *what, const std::function<void(const fs::path &)> &body) {
  char name[] = "/tmp/gavel-plugin-XXXXXX";
  if (mkdtemp(name) == nullptr) std::abort();
  const fs::path folder = fs::canonical(name);
  fs::copy_file(gavel_library(), folder / "libgavel.so");
  std::fflush(stderr);
  const pid_t child = fork();
  if (child == 0) {
    checks = failures = 0;
    unsetenv("GAVEL_CUDA_LIBRARY");
    body(folder);
    std::fflush(stderr);
    _exit(failures == 0 && checks > 0 ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %d", what, status);
  fs::remove_all(folder);
}

void unavailable(const Library &library, std::initializer_list<std::string> parts, Where where = Where::current()) {
  gavel_error error;
  expect_status("CUDA", open_context(library, GAVEL_CUDA, error), GAVEL_DEVICE_UNAVAILABLE, error, where);
  for (const std::string &part : parts) {
    if (failed(std::strstr(error.message, part.c_str()) != nullptr, where)) {
      std::fprintf(stderr, "'%s' lacks '%s'\n", error.message, part.c_str());
    }
  }
  expect_status("CPU", open_context(library, GAVEL_CPU, error), GAVEL_OK, error, where);
}

void available(const Library &library, Where where = Where::current()) {
  gavel_error error;
  expect_status("CUDA", open_context(library, GAVEL_CUDA, error), GAVEL_OK, error, where);
}

}  // namespace

int main() {
  in_folder("no plugin", [](const fs::path &folder) {
    unavailable(Library(folder / "libgavel.so"), {(folder / "libgavel_cuda.so").string(), "cannot open shared object file",
                                                  "beside libgavel.so", "configure with nvcc on the PATH", "use the CPU"});
  });
  in_folder("beside the library", [](const fs::path &folder) {
    fs::copy_file(emulated_library(), folder / "libgavel_cuda.so");
    const Library library(folder / "libgavel.so");
    available(library);
    // Opened once: what the variable says later changes nothing, nor does a file that is gone.
    setenv("GAVEL_CUDA_LIBRARY", "/nowhere/else.so", 1);
    fs::remove(folder / "libgavel_cuda.so");
    available(library);
  });
  in_folder("a link to the library", [](const fs::path &folder) {
    fs::create_directory(folder / "real");
    fs::rename(folder / "libgavel.so", folder / "real" / "libgavel.so");
    fs::copy_file(emulated_library(), folder / "real" / "libgavel_cuda.so");
    fs::create_symlink(folder / "real" / "libgavel.so", folder / "libgavel.so");
    available(Library(folder / "libgavel.so"));
  });
  in_folder("named", [](const fs::path &folder) {
    const Library library(folder / "libgavel.so");
    setenv("GAVEL_CUDA_LIBRARY", "/nowhere/else.so", 1);
    unavailable(library, {"named by GAVEL_CUDA_LIBRARY", "Correct the variable", "/nowhere/else.so"});
    setenv("GAVEL_CUDA_LIBRARY", ("/" + std::string(1000, 'x')).c_str(), 1);
    unavailable(library, {"Correct the variable, or unset it"});
    // A failure is not the last word.
    setenv("GAVEL_CUDA_LIBRARY", emulated_library().c_str(), 1);
    available(library);
  });
  in_folder("not a library", [](const fs::path &folder) {
    std::ofstream(folder / "libgavel_cuda.so") << "this is not a library";
    unavailable(Library(folder / "libgavel.so"), {(folder / "libgavel_cuda.so").string()});
  });
  in_folder("another library", [](const fs::path &folder) {
    setenv("GAVEL_CUDA_LIBRARY", (folder / "libgavel.so").c_str(), 1);
    unavailable(Library(folder / "libgavel.so"), {"is not Gavel's CUDA library: it has no function gavel_cuda_plugin"});
  });
  in_folder("another version", [](const fs::path &folder) {
    fs::copy_file(GAVEL_FAKE_VERSION, folder / "libgavel_cuda.so");
    unavailable(Library(folder / "libgavel.so"), {"is of another build (version 0.0.7", "use the one built with it"});
  });
  in_folder("another table", [](const fs::path &folder) {
    fs::copy_file(GAVEL_FAKE_TABLE, folder / "libgavel_cuda.so");
    unavailable(Library(folder / "libgavel.so"), {"is of another build (version unknown, table of 8 bytes)"});
  });
  in_folder("many threads", [](const fs::path &folder) {
    fs::copy_file(emulated_library(), folder / "libgavel_cuda.so");
    const Library library(folder / "libgavel.so");
    std::vector<int32_t> statuses(8, -1);
    std::vector<std::thread> threads;
    for (int32_t &status : statuses) {
      threads.emplace_back([&] {
        gavel_error error;
        status = open_context(library, GAVEL_CUDA, error);
      });
    }
    for (std::thread &thread : threads) thread.join();
    for (const int32_t status : statuses) check_equal("status", status, GAVEL_OK);
  });
  return finish();
}

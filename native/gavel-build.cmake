# Compiler flags and the functions native/CMakeLists.txt is written with.

if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  message(FATAL_ERROR "Gavel's CPU kernels are written for x86-64; this machine is ${CMAKE_SYSTEM_PROCESSOR}.")
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 12)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} is too old: install g++ 12 or newer.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_package(Threads REQUIRED)

# Scores have the same bits on every instruction set, so the compiler may neither fuse a multiply and an add on its own
# (-ffp-contract=off) nor reorder sums: -ffast-math and -march=native must never appear here. -fno-math-errno changes no
# value: it lets sqrt be one instruction instead of a call that may set errno.
set(GAVEL_FLAGS -Wall -Wextra -Werror -ffp-contract=off -fno-math-errno -march=x86-64-v2
  -ffunction-sections -fdata-sections -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)

set(GAVEL_FLAGS_AVX2 -mavx2 -mfma -mf16c)
set(GAVEL_FLAGS_AVX512 ${GAVEL_FLAGS_AVX2} -mavx512f -mavx512bw -mavx512dq -mavx512vl)
set(GAVEL_FLAGS_AVX512_BF16 ${GAVEL_FLAGS_AVX512} -mavx512bf16)
set(GAVEL_FLAGS_AMX ${GAVEL_FLAGS_AVX512} -mamx-tile -mamx-bf16)

# gavel_add_flags(NAME OPTION...): what a target links with to be compiled with the flags above and these after them.
function(gavel_add_flags name)
  add_library(${name} INTERFACE)
  target_compile_options(${name} INTERFACE ${GAVEL_FLAGS} ${ARGN})
  target_include_directories(${name} INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/include ${CMAKE_CURRENT_SOURCE_DIR}/src)
  target_compile_definitions(${name} INTERFACE GAVEL_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${name} INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
endfunction()

gavel_add_flags(gavel_flags -fvisibility=hidden $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)

# ---- Sanitizers ----
# The libraries are also built with sanitizers, by the target "sanitized" alone; names of such targets end in _sanitized. A test is compiled once and
# linked with either: what its calls do to its memory is seen by the library's code and by the allocator, and the tests would take as long to compile as
# what they test.
set(gavel_sanitizers -fsanitize=address,undefined)
# Instrumented code makes g++ warn about truncations and uninitialised values that are not there; the plain build of the
# same files is the one that fails on warnings.
# What null, object-size and vptr look for AddressSanitizer sees at the access itself; without them there is much less to compile and to run.
# Line numbers (-g1) are all that reports need: a description of every variable is much slower to compile, and every test links it.
set(gavel_sanitized_flags ${gavel_sanitizers} -Wno-error -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=all -fno-omit-frame-pointer
  -fno-semantic-interposition -O1 -g1)
gavel_add_flags(gavel_flags_sanitized ${gavel_sanitized_flags})
target_link_options(gavel_flags_sanitized INTERFACE ${gavel_sanitizers})
add_custom_target(sanitized)

# gavel_add_objects(NAME FILE...): objects NAME and NAME_sanitized.
function(gavel_add_objects name)
  add_library(${name} OBJECT ${ARGN})
  target_link_libraries(${name} PUBLIC gavel_flags)
  add_library(${name}_sanitized OBJECT EXCLUDE_FROM_ALL ${ARGN})
  target_link_libraries(${name}_sanitized PUBLIC gavel_flags_sanitized)
endfunction()

# gavel_tested(NAME OBJECTS...): NAME_sanitized is what sanitized tests of these objects are linked with. Instrumented objects are so large that each
# link of a test would take seconds; they are linked once here, into a shared library, whose symbols are therefore all visible.
function(gavel_tested name)
  list(TRANSFORM ARGN APPEND _sanitized)
  add_library(${name}_sanitized SHARED EXCLUDE_FROM_ALL)
  target_link_libraries(${name}_sanitized PUBLIC ${ARGN} ${CMAKE_DL_LIBS})
  # The library calls its own copies of inline functions, not those of a test, which are not instrumented.
  target_link_options(${name}_sanitized PRIVATE -Wl,-Bsymbolic-functions)
endfunction()

# ---- Libraries ----
# gavel_isa(FLAGS FILE...): compile these files with these instruction sets on top of the baseline.
# Their loops are counted by lengths that their callers checked. They are not asked at every step whether the pointer wraps, which costs scalar.cpp most
# to compile; the callers, who get lengths from outside, are.
function(gavel_isa flags)
  if(ARGN)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS ${flags} -fno-sanitize=pointer-overflow)
  endif()
endfunction()

# gavel_link_library(TARGET NAME MAP): TARGET is libNAME.so. Only the entry points are visible outside; of what is visible, MAP lets the names gavel_* out.
function(gavel_link_library target name map)
  # The C++ run time is linked in: the library must load whatever libstdc++ the machine has. Sections nobody uses are
  # dropped, which halves the file and leaves out the parts of that run time that need a newer C library.
  target_link_options(${target} PRIVATE
    -static-libstdc++ -static-libgcc
    -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/${map}
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed -Wl,--gc-sections)
  if(target MATCHES "_sanitized$")
    set_target_properties(${target} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/sanitized)
  else()
    # The sanitizer run time is resolved by the executable, so a sanitized library does have undefined symbols.
    target_link_options(${target} PRIVATE -Wl,-z,defs -Wl,--exclude-libs,ALL)
  endif()
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${name} LINKER_LANGUAGE CXX LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${map})
endfunction()

# gavel_library(FILE...): the objects, and libgavel.so from them.
function(gavel_library)
  if(NOT ARGN)
    message(FATAL_ERROR "No sources are listed in native/CMakeLists.txt.")
  endif()
  foreach(source IN LISTS ARGN)
    if(source MATCHES "^src/api/")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS -fvisibility=default)
    endif()
  endforeach()
  gavel_add_objects(gavel_objects ${ARGN})
  gavel_tested(gavel_tested gavel_objects)

  add_library(gavel SHARED)
  target_link_libraries(gavel PRIVATE gavel_objects)
  gavel_link_library(gavel gavel gavel.map)

  add_library(gavel_sanitized SHARED EXCLUDE_FROM_ALL)
  target_link_libraries(gavel_sanitized PRIVATE gavel_objects_sanitized)
  gavel_link_library(gavel_sanitized gavel gavel.map)
endfunction()

# ---- Tests ----
# Tests are optimised little, which makes them quicker to compile. What they name of what is tested may lie in a shared library.
gavel_add_flags(gavel_test_flags -O1 -fvisibility=default)
target_include_directories(gavel_test_flags INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/test)
target_compile_definitions(gavel_test_flags INTERFACE GAVEL_LIBRARY_FOLDER="${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")

# gavel_test_objects(NAME FILE...): objects NAME and NAME_sanitized of code of what is tested, for instance of kernels that only a test has.
function(gavel_test_objects name)
  gavel_add_objects(${name} ${ARGN})
  foreach(target ${name} ${name}_sanitized)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/test ${gavel_emulator_dir})
  endforeach()
endfunction()

# gavel_add_test(NAME [FILE...] [OBJECTS NAME...] [LINKED LIBRARY...] [SANITIZED LIBRARY...]): the test NAME and, where libraries with sanitizers are
# named, the test NAME_sanitized. Options of the files are set on the target NAME_files; OBJECTS are made by gavel_test_objects.
function(gavel_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "" "OBJECTS;LINKED;SANITIZED")
  set(files)
  if(test_UNPARSED_ARGUMENTS)
    set(files ${name}_files)
    add_library(${files} OBJECT ${test_UNPARSED_ARGUMENTS})
    target_link_libraries(${files} PRIVATE gavel_test_flags)
  endif()
  gavel_add_executable(${name} ${files} ${test_OBJECTS} ${test_LINKED})
  add_test(NAME ${name} COMMAND ${name})
  set(tests ${name})
  if(test_SANITIZED)
    list(TRANSFORM test_OBJECTS APPEND _sanitized)
    gavel_add_executable(${name}_sanitized ${files} ${test_OBJECTS} ${test_SANITIZED})
    set_target_properties(${name}_sanitized PROPERTIES EXCLUDE_FROM_ALL ON)
    add_dependencies(sanitized ${name}_sanitized)
    # Run where CTest is asked for this configuration: without the target "sanitized" there is nothing to run.
    add_test(NAME ${name}_sanitized CONFIGURATIONS sanitized COMMAND ${name}_sanitized)
    set_tests_properties(${name}_sanitized PROPERTIES LABELS sanitized)
    list(APPEND tests ${name}_sanitized)
  endif()
  set_tests_properties(${tests} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

# gavel_add_executable(NAME LIBRARY...): an executable with no files of its own.
function(gavel_add_executable name)
  add_executable(${name})
  target_link_libraries(${name} PRIVATE ${ARGN} ${CMAKE_DL_LIBS})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
endfunction()

function(gavel_test name)
  gavel_add_test(${name} ${ARGN} LINKED gavel_objects SANITIZED gavel_tested_sanitized)
endfunction()

# gavel_plain_test(NAME FILE...): such a test that the sanitizers would disturb.
function(gavel_plain_test name)
  gavel_add_test(${name} ${ARGN} LINKED gavel_objects)
endfunction()

function(gavel_abi_test name)
  gavel_add_test(${name} ${ARGN} LINKED gavel SANITIZED gavel_sanitized gavel_flags_sanitized)
endfunction()

# gavel_object_test(SOURCE...): these sources alone may use instruction sets above the baseline.
function(gavel_object_test)
  if(NOT CMAKE_OBJDUMP OR NOT CMAKE_NM)
    return()
  endif()
  list(JOIN ARGN "," tables)
  add_test(NAME instruction_sets
    COMMAND ${CMAKE_COMMAND} -P ${CMAKE_CURRENT_SOURCE_DIR}/check-objects.cmake
      ${CMAKE_OBJDUMP} ${CMAKE_NM} "tables=${tables}" $<TARGET_OBJECTS:gavel_objects>
    COMMAND_EXPAND_LISTS)
endfunction()

add_custom_target(format-check
  COMMAND ${CMAKE_COMMAND} -DGAVEL_FORMAT_ROOT=${CMAKE_CURRENT_SOURCE_DIR} -DGAVEL_FORMAT_ACTION=check
    -P ${CMAKE_CURRENT_SOURCE_DIR}/format.cmake
  VERBATIM)

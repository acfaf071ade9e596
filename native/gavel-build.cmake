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

add_library(gavel_flags INTERFACE)
target_compile_options(gavel_flags INTERFACE ${GAVEL_FLAGS})
target_include_directories(gavel_flags INTERFACE ${CMAKE_CURRENT_SOURCE_DIR}/include ${CMAKE_CURRENT_SOURCE_DIR}/src)
target_compile_definitions(gavel_flags INTERFACE GAVEL_VERSION="${PROJECT_VERSION}")
target_link_libraries(gavel_flags INTERFACE Threads::Threads ${CMAKE_DL_LIBS})

if(GAVEL_SANITIZE)
  list(JOIN GAVEL_SANITIZE "," gavel_sanitizers)
  # Instrumented code makes g++ warn about truncations and uninitialised values that are not there; the plain build of the
  # same files is the one that fails on warnings.
  # What null, object-size and vptr look for AddressSanitizer sees at the access itself; without them there is much less to compile and to run.
  # Line numbers (-g1) are all that reports need: a description of every variable takes minutes a file, and every test links it.
  set(gavel_sanitize_flags -Wno-error -fsanitize=${gavel_sanitizers} -fno-sanitize=null,object-size,vptr -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g1)
  target_compile_options(gavel_flags INTERFACE ${gavel_sanitize_flags} -fno-semantic-interposition)
  target_link_options(gavel_flags INTERFACE -fsanitize=${gavel_sanitizers})
else()
  target_compile_options(gavel_flags INTERFACE -fvisibility=hidden $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
endif()

# gavel_tested(NAME OBJECTS...): sets NAME to what tests are linked with. Instrumented objects are so large that each link of a test takes
# seconds; they are linked once there, into a shared library, whose symbols are therefore all visible.
function(gavel_tested name)
  if(GAVEL_SANITIZE)
    add_library(${name} SHARED)
    target_link_libraries(${name} PUBLIC ${ARGN} ${CMAKE_DL_LIBS})
    # The library calls its own copies of inline functions, not those of a test.
    target_link_options(${name} PRIVATE -Wl,-Bsymbolic-functions)
    set(objects ${name})
  else()
    set(objects ${ARGN})
  endif()
  set(${name} ${objects} PARENT_SCOPE)
endfunction()

# gavel_isa(FLAGS FILE...): compile these files with these instruction sets on top of the baseline.
# Their loops are counted by lengths that their callers checked; to ask of every step whether its pointer wraps is a third of the time of compiling them
# under sanitizers. The callers, who get lengths from outside, are asked.
function(gavel_isa flags)
  if(GAVEL_SANITIZE)
    list(APPEND flags -fno-sanitize=pointer-overflow)
  endif()
  if(ARGN)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS ${flags})
  endif()
endfunction()

# gavel_library(FILE...): the objects, and libgavel.so from them.
function(gavel_library)
  if(NOT ARGN)
    message(FATAL_ERROR "No sources are listed in native/CMakeLists.txt.")
  endif()
  # Only the entry points are visible outside; of what is visible, gavel.map lets the names gavel_* out.
  foreach(source IN LISTS ARGN)
    if(source MATCHES "^src/api/")
      set_property(SOURCE ${source} APPEND PROPERTY COMPILE_OPTIONS -fvisibility=default)
    endif()
  endforeach()
  add_library(gavel_objects OBJECT ${ARGN})
  target_link_libraries(gavel_objects PUBLIC gavel_flags)
  gavel_tested(gavel_tested_objects gavel_objects)
  set(gavel_tested_objects ${gavel_tested_objects} PARENT_SCOPE)

  add_library(gavel SHARED)
  target_link_libraries(gavel PRIVATE gavel_objects)
  set_target_properties(gavel PROPERTIES LINKER_LANGUAGE CXX)
  # The C++ run time is linked in: the library must load whatever libstdc++ the machine has. Sections nobody uses are
  # dropped, which halves the file and leaves out the parts of that run time that need a newer C library.
  target_link_options(gavel PRIVATE
    -static-libstdc++ -static-libgcc
    -Wl,--version-script=${CMAKE_CURRENT_SOURCE_DIR}/gavel.map
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed -Wl,--gc-sections)
  if(NOT GAVEL_SANITIZE)
    # The sanitizer run time is resolved by the executable, so a sanitized library does have undefined symbols.
    target_link_options(gavel PRIVATE -Wl,-z,defs -Wl,--exclude-libs,ALL)
  endif()
  set_target_properties(gavel PROPERTIES LINK_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/gavel.map)
endfunction()

# Tests are optimised little, which halves the time of compiling them. Under sanitizers, what is tested has every check and -O1; tests of it are
# not checked for undefined behaviour of their own. Linked last, as the last of such options counts.
add_library(gavel_test_flags INTERFACE)
target_compile_options(gavel_test_flags INTERFACE $<IF:$<BOOL:${GAVEL_SANITIZE}>,-O0$<SEMICOLON>-fno-sanitize=undefined,-O1>)

function(gavel_add_test name)
  target_link_libraries(${name} PRIVATE gavel_test_flags)
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/test)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600)
endfunction()

function(gavel_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE ${gavel_tested_objects})
  gavel_add_test(${name})
endfunction()

function(gavel_abi_test name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE gavel gavel_flags)
  gavel_add_test(${name})
endfunction()

# gavel_object_test(SOURCE...): these sources alone may use instruction sets above the baseline.
function(gavel_object_test)
  # The sanitizers add symbols of their own.
  if(GAVEL_SANITIZE OR NOT CMAKE_OBJDUMP OR NOT CMAKE_NM)
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

# How src/cuda is built: by nvcc into libgavel_cuda.so where it is found, and always by g++ with the emulator of test/cuda_emulator, for
# tests and as emulated/libgavel_cuda.so.
#
#   GAVEL_CUDA=AUTO  build libgavel_cuda.so where a usable nvcc is found (the default); ON: fail where there is none; OFF: never
#   GAVEL_NVCC       path of nvcc; looked for in CUDACXX, CUDA_HOME, CUDA_PATH, /usr/local/cuda and the PATH

set(GAVEL_CUDA "AUTO" CACHE STRING "Build the CUDA library: AUTO (where nvcc is found), ON or OFF")
if(NOT GAVEL_CUDA MATCHES "^(AUTO|ON|OFF)$")
  message(FATAL_ERROR "GAVEL_CUDA is '${GAVEL_CUDA}': say AUTO, ON or OFF.")
endif()

set(gavel_emulator_dir ${CMAKE_CURRENT_SOURCE_DIR}/test/cuda_emulator)
set(gavel_fake_cublaslt ${CMAKE_BINARY_DIR}/lib/emulated/libcublasLt_)

# The cubins, and the PTX that later devices compile for themselves. Two runs of the compiler proper: sm_80 is made from that PTX.
set(GAVEL_CUDA_CODE -gencode=arch=compute_80,code=[sm_80,compute_80] -gencode=arch=compute_90a,code=sm_90a)
# The numbers of a kernel are those its source says: no product and sum fused unless written fmaf, IEEE division and square root.
# Denormals are flushed as on the CPU.
# Compressed, the cubins are about a third of their size; drivers read that since CUDA 12.4.
set(GAVEL_CUDA_FLAGS -std=c++20 -O3 --fmad=false --ftz=true --prec-div=true --prec-sqrt=true -Werror all-warnings
  -Xptxas -v,-warn-spills --compress-mode=size ${GAVEL_CUDA_CODE})
set(gavel_cuda_host_flags -O3 -DNDEBUG -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -ffunction-sections -fdata-sections
  -ffp-contract=off -march=x86-64-v2 -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
list(JOIN gavel_cuda_host_flags "," gavel_cuda_host_flags)

# gavel_find_nvcc(): sets gavel_nvcc and gavel_cudart, or gavel_nvcc_missing to the reason.
function(gavel_find_nvcc)
  set(gavel_nvcc "" PARENT_SCOPE)
  set(CUDACXX "$ENV{CUDACXX}")
  find_program(GAVEL_NVCC NAMES ${CUDACXX} nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin
    DOC "The CUDA compiler")
  if(NOT GAVEL_NVCC)
    set(gavel_nvcc_missing "nvcc was not found; install the CUDA toolkit 13.0 or newer, or say -DGAVEL_NVCC=..." PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${GAVEL_NVCC} --version OUTPUT_VARIABLE version ERROR_VARIABLE version)
  if(NOT version MATCHES "release ([0-9]+\\.[0-9]+)" OR CMAKE_MATCH_1 VERSION_LESS 13.0)
    set(gavel_nvcc_missing "${GAVEL_NVCC} is not of CUDA 13.0 or newer" PARENT_SCOPE)
    return()
  endif()
  # What it would run tells where its libraries lie, wherever the toolkit was put. A try shows whether it takes this host compiler.
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/nvcc-try)
  file(WRITE ${folder}/try.cu "__global__ void kernel() {}\n")
  set(compile ${GAVEL_NVCC} -ccbin ${CMAKE_CXX_COMPILER} -std=c++20 -arch=sm_90a -c try.cu -o try.o)
  execute_process(COMMAND ${compile} WORKING_DIRECTORY ${folder} RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT result EQUAL 0)
    set(gavel_nvcc_missing "${GAVEL_NVCC} cannot compile with ${CMAKE_CXX_COMPILER}: ${text}" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${compile} --dryrun WORKING_DIRECTORY ${folder} OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX MATCH "LIBRARIES=[^\n]*" text "${text}")
  string(REGEX MATCHALL "-L[^\" ]+" folders "${text}")
  list(TRANSFORM folders REPLACE "^-L" "")
  find_library(GAVEL_CUDART NAMES libcudart_static.a HINTS ${folders} DOC "The static CUDA runtime")
  if(NOT GAVEL_CUDART)
    set(gavel_nvcc_missing "libcudart_static.a was not found in ${folders}" PARENT_SCOPE)
    return()
  endif()
  set(gavel_nvcc ${GAVEL_NVCC} PARENT_SCOPE)
  set(gavel_cudart ${GAVEL_CUDART} PARENT_SCOPE)
endfunction()

# The objects of src/common that libgavel is made of: all that both libraries share. Naming anything else fails the link (-z defs).
set(gavel_common_objects $<FILTER:$<TARGET_OBJECTS:gavel_objects>,INCLUDE,/src/common/>)
set(gavel_common_objects_sanitized $<FILTER:$<TARGET_OBJECTS:gavel_objects_sanitized>,INCLUDE,/src/common/>)

# gavel_cuda_library(FILE...): libgavel_cuda.so, where it can be built.
function(gavel_cuda_library)
  if(GAVEL_CUDA STREQUAL "OFF")
    return()
  endif()
  gavel_find_nvcc()
  if(NOT gavel_nvcc)
    if(GAVEL_CUDA STREQUAL "ON")
      message(FATAL_ERROR "GAVEL_CUDA is ON, but ${gavel_nvcc_missing}")
    endif()
    message(NOTICE "NOTICE libgavel_cuda.so will not be built: ${gavel_nvcc_missing}")
    return()
  endif()
  set(objects)
  foreach(source IN LISTS ARGN)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/nvcc/${source}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_COMMAND} -P ${CMAKE_CURRENT_SOURCE_DIR}/nvcc-compile.cmake ${object}
        ${gavel_nvcc} -ccbin ${CMAKE_CXX_COMPILER} ${GAVEL_CUDA_FLAGS} -Xcompiler=${gavel_cuda_host_flags}
        -I${CMAKE_CURRENT_SOURCE_DIR}/include -I${CMAKE_CURRENT_SOURCE_DIR}/src -DGAVEL_VERSION="${PROJECT_VERSION}"
        -MD -MF ${object}.d -MT ${object} -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${source} nvcc-compile.cmake
      DEPFILE ${object}.d
      COMMENT "nvcc ${source}"
      VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  add_library(gavel_cuda SHARED ${objects})
  set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  # Everything behind the runtime is opened at run time: no CUDA library is needed to load this one.
  target_link_libraries(gavel_cuda PRIVATE ${gavel_common_objects} ${gavel_cudart} Threads::Threads ${CMAKE_DL_LIBS} rt)
  add_dependencies(gavel_cuda gavel_objects)
  gavel_link_library(gavel_cuda gavel_cuda gavel-cuda.map)
endfunction()

# gavel_cuda_emulated(EMULATOR file... SOURCES file...): the same sources by g++, and libraries of them.
function(gavel_cuda_emulated)
  cmake_parse_arguments(PARSE_ARGV 0 of "" "" "EMULATOR;SOURCES")
  set_source_files_properties(${of_SOURCES} PROPERTIES LANGUAGE CXX)
  gavel_add_objects(gavel_cuda_emulated_objects ${of_SOURCES})
  add_library(gavel_cuda_emulator OBJECT ${of_EMULATOR})
  target_link_libraries(gavel_cuda_emulator PUBLIC gavel_flags)
  # It is not what is tested, and switching threads is most of what such tests take.
  gavel_add_flags(gavel_emulator_flags_sanitized ${gavel_sanitized_flags} -O2 -fno-sanitize=undefined)
  add_library(gavel_cuda_emulator_sanitized OBJECT EXCLUDE_FROM_ALL ${of_EMULATOR})
  target_link_libraries(gavel_cuda_emulator_sanitized PRIVATE gavel_emulator_flags_sanitized)
  foreach(sanitized "" _sanitized)
    # g++ sees such uses where a kernel guards an array's reading and its filling by the same condition.
    target_compile_options(gavel_cuda_emulated_objects${sanitized} PRIVATE -Wno-maybe-uninitialized)
    foreach(target gavel_cuda_emulator gavel_cuda_emulated_objects)
      target_include_directories(${target}${sanitized} BEFORE PRIVATE ${gavel_emulator_dir})
    endforeach()
    set(library gavel_cuda_emulated${sanitized})
    add_library(${library} SHARED)
    target_link_libraries(${library} PRIVATE gavel_cuda_emulated_objects${sanitized} gavel_cuda_emulator${sanitized}
      ${gavel_common_objects${sanitized}} ${CMAKE_DL_LIBS})
    add_dependencies(${library} gavel_objects${sanitized})
    gavel_link_library(${library} gavel_cuda gavel-cuda.map)
    get_target_property(folder ${library} LIBRARY_OUTPUT_DIRECTORY)
    set_target_properties(${library} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${folder}/emulated)
  endforeach()
  set_target_properties(gavel_cuda_emulated_sanitized PROPERTIES EXCLUDE_FROM_ALL ON)
  gavel_tested(gavel_cuda_tested gavel_objects gavel_cuda_emulated_objects gavel_cuda_emulator)
  target_include_directories(gavel_test_flags BEFORE INTERFACE ${gavel_emulator_dir})
  target_compile_definitions(gavel_test_flags INTERFACE GAVEL_FAKE_CUBLASLT="${gavel_fake_cublaslt}")
endfunction()

# gavel_cuda_test(NAME FILE...): a test of libgavel's objects and the plugin's, both linked in, on the emulator.
function(gavel_cuda_test name)
  gavel_add_test(${name} ${ARGN} LINKED gavel_objects gavel_cuda_emulated_objects gavel_cuda_emulator SANITIZED gavel_cuda_tested_sanitized)
endfunction()

# gavel_cuda_api_test(NAME FILE...): a test of libgavel's objects that opens emulated/libgavel_cuda.so through the C interface.
function(gavel_cuda_api_test name)
  gavel_test(${name} ${ARGN})
  add_dependencies(${name} gavel_cuda_emulated)
  add_dependencies(${name}_sanitized gavel_cuda_emulated_sanitized)
endfunction()

# gavel_cuda_plugin_test(NAME FILE...): a test of how libgavel.so opens a plugin: the emulated one and two that are of other builds.
function(gavel_cuda_plugin_test name)
  gavel_abi_test(${name} ${ARGN})
  foreach(fake version table)
    add_library(gavel_fake_${fake} MODULE test/fake_plugin.cpp)
    target_link_libraries(gavel_fake_${fake} PRIVATE gavel_flags)
    set_target_properties(gavel_fake_${fake} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/fake)
  endforeach()
  target_compile_definitions(gavel_fake_version PRIVATE FAKE_TABLE=1)
  target_compile_definitions(gavel_fake_table PRIVATE FAKE_TABLE=0)
  target_compile_definitions(${name}_files PRIVATE GAVEL_FAKE_VERSION="$<TARGET_FILE:gavel_fake_version>"
    GAVEL_FAKE_TABLE="$<TARGET_FILE:gavel_fake_table>")
  add_dependencies(${name} gavel_cuda_emulated)
  add_dependencies(${name}_sanitized gavel_cuda_emulated_sanitized)
  add_dependencies(${name}_files gavel_fake_version gavel_fake_table)
endfunction()

# gavel_cuda_race_test(NAME FILE...): the same files once more under ThreadSanitizer, with an OS thread per CUDA thread, as test
# NAME_races. Only src/common, src/cuda and the emulator are linked: what includes libgavel's api or cpu cannot be tested so.
# A test asks emulator::engine() == THREADS where it must take fewer or smaller cases: a block takes milliseconds.
function(gavel_cuda_race_test name)
  if(NOT GAVEL_HAVE_THREAD_SANITIZER)
    return()
  endif()
  gavel_add_test(${name}_races ${ARGN} LINKED gavel_cuda_race_objects)
  target_compile_options(${name}_races_files PRIVATE -fsanitize=thread -g1)
  # They take longest: begun first, they do not run alone in the end.
  set_tests_properties(${name}_races PROPERTIES ENVIRONMENT "TSAN_OPTIONS=halt_on_error=1 exitcode=66" COST 20)
endfunction()

# gavel_cuda_race_objects(FILE...): what those tests are linked from.
function(gavel_cuda_race_objects)
  include(CheckCXXSourceCompiles)
  set(CMAKE_REQUIRED_FLAGS -fsanitize=thread)
  check_cxx_source_compiles("int main() { return 0; }" GAVEL_HAVE_THREAD_SANITIZER)
  if(NOT GAVEL_HAVE_THREAD_SANITIZER)
    message(NOTICE "NOTICE the races of CUDA kernels will not be tested: the compiler has no ThreadSanitizer (Debian: libtsan2)")
    return()
  endif()
  add_library(gavel_cuda_race_objects OBJECT ${ARGN})
  target_include_directories(gavel_cuda_race_objects BEFORE PUBLIC ${gavel_emulator_dir})
  target_link_libraries(gavel_cuda_race_objects PUBLIC gavel_flags)
  target_compile_options(gavel_cuda_race_objects PUBLIC -fsanitize=thread -O1 -g1 -Wno-error)
  target_link_options(gavel_cuda_race_objects PUBLIC -fsanitize=thread)
endfunction()

# gavel_fake_cublaslt(): libraries that stand for cuBLASLt, beside emulated/libgavel_cuda.so, where the tests of both languages find them: one
# of version 13.1, one of version 11, and one without functions.
function(gavel_fake_cublaslt)
  foreach(fake good old incomplete)
    add_library(gavel_fake_cublaslt_${fake} MODULE EXCLUDE_FROM_ALL test/fake_cublaslt.cpp)
    target_link_libraries(gavel_fake_cublaslt_${fake} PRIVATE gavel_flags)
    set_target_properties(gavel_fake_cublaslt_${fake} PROPERTIES OUTPUT_NAME cublasLt_${fake}
      LIBRARY_OUTPUT_DIRECTORY ${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/emulated)
    target_compile_definitions(gavel_fake_cublaslt_${fake} PRIVATE FAKE_VERSION=$<IF:$<STREQUAL:${fake},old>,110000,130100>)
    add_dependencies(gavel_cuda_emulated gavel_fake_cublaslt_${fake})
  endforeach()
  target_compile_definitions(gavel_fake_cublaslt_incomplete PRIVATE FAKE_INCOMPLETE)
endfunction()

# cmake -DGAVEL_FORMAT_ROOT=DIR -P format-check.cmake: fails when a C or C++ file under DIR is not laid out as
# .clang-format says. Only clang-format 14 decides: other major versions lay the same rules out differently.

find_program(clang_format NAMES clang-format-14 clang-format)
set(major "none")
if(clang_format)
  execute_process(COMMAND ${clang_format} --version OUTPUT_VARIABLE version)
  if(version MATCHES "version ([0-9]+)")
    set(major ${CMAKE_MATCH_1})
  endif()
endif()
if(NOT major STREQUAL "14")
  message(NOTICE "NOTICE gavel format-check: C++ layout was NOT checked: clang-format 14 is needed, found: ${major}. "
    "Install it with: apt-get install clang-format-14")
  return()
endif()

file(GLOB_RECURSE files
  ${GAVEL_FORMAT_ROOT}/include/*.h ${GAVEL_FORMAT_ROOT}/src/*.h ${GAVEL_FORMAT_ROOT}/src/*.cpp
  ${GAVEL_FORMAT_ROOT}/src/*.inl ${GAVEL_FORMAT_ROOT}/test/*.h ${GAVEL_FORMAT_ROOT}/test/*.cpp
  ${GAVEL_FORMAT_ROOT}/test/*.c)
list(LENGTH files count)
if(count EQUAL 0)
  message(FATAL_ERROR "No C or C++ files under ${GAVEL_FORMAT_ROOT}.")
endif()
execute_process(COMMAND ${clang_format} --dry-run --Werror --style=file ${files} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "C++ layout differs from .clang-format; run: clang-format-14 -i on the files named above.")
endif()
message(STATUS "clang-format 14: ${count} files are laid out as .clang-format says")

# Fuzz targets: each fuzz/<name>_fuzz.cc defines LLVMFuzzerTestOneInput and has a corpus in
# fuzz/corpus/<name>/. The folder's other files are support that all of them share.
#
# The same file becomes one of two programs:
#   with CAISSON_FUZZ   fuzz_<name>, driven by libFuzzer, under sanitizers;
#   otherwise           fuzz_replay_<name>, which runs the corpus once, with any compiler.
# Either way ctest's fuzz_replay_<name> runs the whole corpus.

file(GLOB fuzz_targets CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/*_fuzz.cc)
file(GLOB fuzz_support CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/fuzz/*.cc)
list(FILTER fuzz_support EXCLUDE REGEX "_fuzz\\.cc$|/replay_main\\.cc$")

if(CAISSON_FUZZ AND NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "CAISSON_FUZZ needs clang: cmake --preset fuzz")
endif()

# What inputs reach in the library counts, not in what compares it with something simpler, nor in
# the loops of checksums and of the simulated disk: to trace those took half of a run.
if(CAISSON_FUZZ)
  file(GLOB untraced CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/io/sim/*.cc
    ${PROJECT_SOURCE_DIR}/base/codec.cc ${PROJECT_SOURCE_DIR}/base/crc32c*.cc)
  set_source_files_properties(${untraced} ${fuzz_support} PROPERTIES
    COMPILE_OPTIONS -fno-sanitize=fuzzer-no-link)
endif()

# Compiled once for all targets.
if(NOT CAISSON_FUZZ)
  list(APPEND fuzz_support ${PROJECT_SOURCE_DIR}/fuzz/replay_main.cc)
endif()
add_library(caisson_fuzz_objects OBJECT ${fuzz_support})
target_link_libraries(caisson_fuzz_objects PUBLIC caisson_build)

# The rows that `caisson load` reads belong to the program, not to the library.
find_package(nlohmann_json QUIET)
if(nlohmann_json_FOUND)
  file(GLOB row_sources CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/tools/rows/*.cc ${PROJECT_SOURCE_DIR}/tools/cli/text.cc)
  list(FILTER row_sources EXCLUDE REGEX "_test\\.cc$")
  add_library(caisson_row_objects OBJECT ${row_sources})
  target_link_libraries(caisson_row_objects PUBLIC caisson_build)
  target_include_directories(caisson_row_objects SYSTEM PRIVATE
    $<TARGET_PROPERTY:nlohmann_json::nlohmann_json,INTERFACE_INCLUDE_DIRECTORIES>)
else()
  message(STATUS "No nlohmann-json (nlohmann-json3-dev): the fuzz target of rows is not built")
  list(FILTER fuzz_targets EXCLUDE REGEX "/rows_fuzz\\.cc$")
endif()

foreach(file IN LISTS fuzz_targets)
  cmake_path(GET file STEM name)
  string(REGEX REPLACE "_fuzz$" "" name ${name})
  set(corpus ${PROJECT_SOURCE_DIR}/fuzz/corpus/${name})
  if(CAISSON_FUZZ)
    set(program fuzz_${name})
    add_executable(${program} ${file})
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
    set(arguments -runs=0)
  else()
    set(program fuzz_replay_${name})
    add_executable(${program} ${file})
    set(arguments)
  endif()
  target_link_libraries(${program} PRIVATE caisson_fuzz_objects caisson_objects caisson_testing)
  if(name STREQUAL "rows")
    target_link_libraries(${program} PRIVATE caisson_row_objects)
  endif()
  add_test(NAME fuzz_replay_${name} COMMAND ${program} ${arguments} ${corpus})
  set_tests_properties(fuzz_replay_${name} PROPERTIES LABELS fuzz)
endforeach()

# The benchmarks: bench/harness, which runs them, records what they measured, and compares; its
# tests; and caisson-bench, the program that they all are.

if(NOT CAISSON_HAVE_COMMAND)
  message(STATUS "No caisson program: the benchmarks are not built either")
  return()
endif()
find_path(VALIJSON_INCLUDE_DIR valijson/validator.hpp)
if(NOT VALIJSON_INCLUDE_DIR)
  message(STATUS "No valijson (libvalijson-dev): the benchmarks are not built")
  return()
endif()

# --- The harness ---------------------------------------------------------------------------------

# What results say of the build, and the schemas that they are checked against. The commit is asked
# for at each build.
set(generated ${PROJECT_BINARY_DIR}/generated)
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
set(write_build ${CMAKE_COMMAND}
  -D SOURCE=${PROJECT_SOURCE_DIR} -D OUT=${generated}
  -D "COMPILER=${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}"
  -D "FLAGS=${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}"
  -D BUILD_TYPE=${CMAKE_BUILD_TYPE}
  -P ${PROJECT_SOURCE_DIR}/cmake/bench_build.cmake)
execute_process(COMMAND ${write_build})  # For clang-tidy, which builds nothing.
add_custom_target(caisson-bench-build
  COMMAND ${write_build}
  BYPRODUCTS ${generated}/bench_build.h ${generated}/bench_schemas.h
  VERBATIM)

file(GLOB harness_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/harness/*.cc)
list(FILTER harness_sources EXCLUDE REGEX "_test\\.cc$|/(google|interpose|main)\\.cc$")
add_library(caisson_bench_harness OBJECT ${harness_sources})
target_link_libraries(caisson_bench_harness PUBLIC caisson_build)
target_include_directories(caisson_bench_harness SYSTEM PUBLIC
  ${VALIJSON_INCLUDE_DIR}
  $<TARGET_PROPERTY:CLI11::CLI11,INTERFACE_INCLUDE_DIRECTORIES>
  $<TARGET_PROPERTY:nlohmann_json::nlohmann_json,INTERFACE_INCLUDE_DIRECTORIES>)
target_include_directories(caisson_bench_harness PRIVATE ${generated})
add_dependencies(caisson_bench_harness caisson-bench-build)

# Beyond the harness, a test brings what it tests: x_test.cc needs x.cc at most, and no other engine.
file(GLOB bench_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*/*_test.cc)
set(bench_tested)
foreach(test IN LISTS bench_tests)
  string(REGEX REPLACE "_test\\.cc$" ".cc" tested ${test})
  if(EXISTS ${tested} AND NOT tested IN_LIST harness_sources)
    list(APPEND bench_tested ${tested})
  endif()
endforeach()
caisson_add_test(bench_test
  SOURCES ${bench_tests} ${bench_tested}
  LIBRARIES caisson_bench_harness caisson_command_objects caisson_objects caisson_testing)

# --- The program ---------------------------------------------------------------------------------

if(NOT CAISSON_BENCH OR CMAKE_CROSSCOMPILING OR CAISSON_SANITIZE)
  return()
endif()
find_package(benchmark QUIET)
if(NOT benchmark_FOUND)
  message(STATUS "No Google Benchmark (libbenchmark-dev): caisson-bench is not built")
  return()
endif()

file(GLOB bench_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/bench/support/*.cc
  ${PROJECT_SOURCE_DIR}/bench/micro/*.cc ${PROJECT_SOURCE_DIR}/bench/macro/*.cc)
set(harness ${PROJECT_SOURCE_DIR}/bench/harness)
add_executable(caisson-bench ${bench_sources}
  ${harness}/google.cc ${harness}/interpose.cc ${harness}/main.cc)
target_link_libraries(caisson-bench PRIVATE
  caisson_bench_harness caisson_command_objects caisson_objects caisson_testing
  benchmark::benchmark)
target_compile_definitions(caisson-bench PRIVATE
  CAISSON_COMMAND="$<TARGET_FILE:caisson-command>")
add_dependencies(caisson-bench caisson-command)

# ISA-L is a peer to measure our CRC against; nothing else uses it.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(ISAL QUIET IMPORTED_TARGET libisal)
endif()
if(ISAL_FOUND)
  target_compile_definitions(caisson-bench PRIVATE CAISSON_HAVE_ISAL=1)
  target_link_libraries(caisson-bench PRIVATE PkgConfig::ISAL)
endif()

# --- Peers ---------------------------------------------------------------------------------------

option(CAISSON_BENCH_PEERS "Build other engines into caisson-bench, to compare with" OFF)
if(NOT CAISSON_BENCH_PEERS)
  return()
endif()

# All four, or none: a table in which one is missing would flatter.
function(caisson_need_peer peer header library)
  string(TOUPPER ${peer} name)
  find_path(${name}_INCLUDE_DIR ${header})
  find_library(${name}_LIBRARY ${library})
  if(NOT ${name}_INCLUDE_DIR OR NOT ${name}_LIBRARY)
    message(FATAL_ERROR "CAISSON_BENCH_PEERS needs ${peer}: run tools/setup.sh bench")
  endif()
  target_include_directories(caisson-bench SYSTEM PRIVATE ${${name}_INCLUDE_DIR})
  target_link_libraries(caisson-bench PRIVATE ${${name}_LIBRARY})
endfunction()

file(GLOB peer_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/peers/*.cc)
list(FILTER peer_sources EXCLUDE REGEX "_test\\.cc$")
target_sources(caisson-bench PRIVATE ${peer_sources})
caisson_need_peer(lmdb lmdb.h lmdb)
caisson_need_peer(sqlite sqlite3.h sqlite3)
caisson_need_peer(rocksdb rocksdb/db.h rocksdb)
caisson_need_peer(wiredtiger wiredtiger.h wiredtiger)

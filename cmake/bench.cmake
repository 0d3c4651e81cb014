# caisson-bench: every bench/*.cc in one Google Benchmark program.

file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.cc)
find_package(benchmark QUIET)
if(NOT bench_sources)
  return()
elseif(NOT benchmark_FOUND)
  message(STATUS "No Google Benchmark (libbenchmark-dev): caisson-bench is not built")
  return()
endif()

add_executable(caisson-bench ${bench_sources})
target_link_libraries(caisson-bench PRIVATE
  caisson_objects caisson_testing benchmark::benchmark)

# ISA-L is a peer to measure our CRC against; nothing else uses it.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(ISAL QUIET IMPORTED_TARGET libisal)
endif()
if(ISAL_FOUND)
  target_compile_definitions(caisson-bench PRIVATE CAISSON_HAVE_ISAL=1)
  target_link_libraries(caisson-bench PRIVATE PkgConfig::ISAL)
endif()

# caisson-bench-peers: Caisson beside other engines, where they are installed.
find_path(LMDB_INCLUDE_DIR lmdb.h)
find_library(LMDB_LIBRARY lmdb)
if(LMDB_INCLUDE_DIR AND LMDB_LIBRARY)
  file(GLOB peer_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/peers/*.cc)
  add_executable(caisson-bench-peers ${peer_sources} bench/main.cc bench/support.cc)
  target_include_directories(caisson-bench-peers SYSTEM PRIVATE ${LMDB_INCLUDE_DIR})
  target_link_libraries(caisson-bench-peers PRIVATE
    caisson_objects caisson_testing benchmark::benchmark ${LMDB_LIBRARY})
else()
  message(STATUS "No LMDB (liblmdb-dev): caisson-bench-peers is not built")
endif()

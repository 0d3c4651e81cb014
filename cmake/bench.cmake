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

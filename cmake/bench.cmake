# caisson-bench: every bench/*.cc in one Google Benchmark program.

file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/*.cc)
find_package(benchmark QUIET)
if(NOT bench_sources)
  return()
elseif(NOT benchmark_FOUND)
  message(STATUS "No Google Benchmark (libbenchmark-dev): caisson-bench is not built")
  return()
endif()

if(NOT CAISSON_HAVE_COMMAND)
  list(REMOVE_ITEM bench_sources ${PROJECT_SOURCE_DIR}/bench/load_bench.cc)
endif()
add_executable(caisson-bench ${bench_sources})
if(CAISSON_HAVE_COMMAND)
  add_dependencies(caisson-bench caisson-command)
  target_compile_definitions(caisson-bench PRIVATE
    CAISSON_COMMAND="$<TARGET_FILE:caisson-command>")
endif()
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

# caisson-bench-peers: Caisson beside other engines. LMDB is the one that it can't do without; the
# others take part where they are installed.
find_path(LMDB_INCLUDE_DIR lmdb.h)
find_library(LMDB_LIBRARY lmdb)
if(NOT LMDB_INCLUDE_DIR OR NOT LMDB_LIBRARY)
  message(STATUS "No LMDB (liblmdb-dev): caisson-bench-peers is not built")
  return()
endif()

set(optional_peers sqlite rocksdb wiredtiger)
file(GLOB peer_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/peers/*.cc)
foreach(peer IN LISTS optional_peers)
  list(REMOVE_ITEM peer_sources ${PROJECT_SOURCE_DIR}/bench/peers/${peer}_store.cc)
endforeach()
add_executable(caisson-bench-peers ${peer_sources} bench/main.cc bench/support.cc)
target_include_directories(caisson-bench-peers SYSTEM PRIVATE ${LMDB_INCLUDE_DIR})
target_link_libraries(caisson-bench-peers PRIVATE
  caisson_objects caisson_testing benchmark::benchmark ${LMDB_LIBRARY})

# Adds what compares Caisson with one of them, where its header and its library are found.
function(add_peer peer header library)
  string(TOUPPER ${peer} name)
  find_path(${name}_INCLUDE_DIR ${header})
  find_library(${name}_LIBRARY ${library})
  if(NOT ${name}_INCLUDE_DIR OR NOT ${name}_LIBRARY)
    message(STATUS "No ${peer}: caisson-bench-peers is built without it")
    return()
  endif()
  target_sources(caisson-bench-peers PRIVATE bench/peers/${peer}_store.cc)
  target_compile_definitions(caisson-bench-peers PRIVATE CAISSON_HAVE_${name}=1)
  target_include_directories(caisson-bench-peers SYSTEM PRIVATE ${${name}_INCLUDE_DIR})
  target_link_libraries(caisson-bench-peers PRIVATE ${${name}_LIBRARY})
endfunction()

add_peer(sqlite sqlite3.h sqlite3)
add_peer(rocksdb rocksdb/db.h rocksdb)
add_peer(wiredtiger wiredtiger.h wiredtiger)

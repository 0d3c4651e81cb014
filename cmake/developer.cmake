# What only Caisson's developers build: tests, tools, benchmarks, fuzz targets, checks.

# --- Support for tests -------------------------------------------------------------------------

# The simulated file system and the modules' testing/ folders. Never shipped.
set(testing_sources ${CAISSON_TESTING_SOURCES})
if(testing_sources)
  add_library(caisson_testing STATIC ${testing_sources})
  target_link_libraries(caisson_testing PUBLIC caisson_build)
else()
  add_library(caisson_testing INTERFACE)
endif()

if(CAISSON_FUZZ)
  include(cmake/fuzz.cmake)
  return()
endif()

# --- Tests -------------------------------------------------------------------------------------

include(GoogleTest)
if(CMAKE_CROSSCOMPILING)
  # Debian's compiled GoogleTest is for the build machine; its sources serve every machine.
  set(INSTALL_GTEST OFF)
  add_subdirectory(/usr/src/googletest ${PROJECT_BINARY_DIR}/third_party/googletest
    EXCLUDE_FROM_ALL SYSTEM)
  add_library(caisson_test_libraries INTERFACE)
  target_link_libraries(caisson_test_libraries INTERFACE gmock gtest gtest_main)
  target_include_directories(caisson_test_libraries SYSTEM INTERFACE
    /usr/src/googletest/googletest/include /usr/src/googletest/googlemock/include)
  set(have_rapidcheck OFF)
else()
  find_package(GTest REQUIRED)
  find_package(rapidcheck REQUIRED CONFIG)
  add_library(caisson_test_libraries INTERFACE)
  target_link_libraries(caisson_test_libraries INTERFACE
    GTest::gmock GTest::gtest_main rapidcheck)
  set(have_rapidcheck ON)
endif()

# The simulated disks copy files of some hundred KiB many thousand times. By default the C library
# maps and unmaps memory for each of those; told to keep it, the crash tests take half the time.
set(CAISSON_TEST_MALLOC
  GLIBC_TUNABLES=glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=4294967296)

# Adds one test program and registers each of its tests with ctest.
#   caisson_add_test(<name> SOURCES <file>... LIBRARIES <target>...)
function(caisson_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBRARIES")
  if(NOT have_rapidcheck)
    # By convention a test that needs RapidCheck is named so.
    set(skipped ${arg_SOURCES})
    list(FILTER skipped INCLUDE REGEX "_property_test\\.cc$")
    list(FILTER arg_SOURCES EXCLUDE REGEX "_property_test\\.cc$")
    foreach(file IN LISTS skipped)
      cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
      message(STATUS "Left out, needs RapidCheck: ${file}")
    endforeach()
  endif()
  if(NOT arg_SOURCES)
    return()
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} caisson_test_libraries)
  target_compile_definitions(${name} PRIVATE
    CAISSON_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(CAISSON_SANITIZE)
    # What takes time when tests run is our code; what takes time to build, with a sanitizer, are the
    # tests: a third of it so.
    target_compile_options(${name} PRIVATE -O0)
  endif()
  # PRE_TEST: the list of tests is drawn up when ctest runs, so that a crash at start is a
  # failed test, and not a failed build. NO_PRETTY_VALUES: a test has the same name in every run.
  gtest_discover_tests(${name}
    TEST_PREFIX ${name}:
    DISCOVERY_MODE PRE_TEST
    DISCOVERY_TIMEOUT 120
    NO_PRETTY_VALUES
    PROPERTIES ENVIRONMENT ${CAISSON_TEST_MALLOC})
endfunction()

set(mutant_tests)
foreach(folder IN LISTS CAISSON_MODULES ITEMS tools tests)
  file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*_test.cc)
  set(mutants ${tests})
  list(FILTER tests EXCLUDE REGEX "_mutant_test\\.cc$")
  list(FILTER mutants INCLUDE REGEX "_mutant_test\\.cc$")
  set(libraries caisson_objects caisson_testing)
  if(folder STREQUAL "tools")
    if(NOT CAISSON_HAVE_COMMAND)
      continue()
    endif()
    list(APPEND libraries caisson_command_objects)
  endif()
  caisson_add_test(${folder}_test SOURCES ${tests} LIBRARIES ${libraries})
  if(mutants)
    set(mutant_tests_${folder} ${mutants})
    list(APPEND mutant_tests ${folder})
  endif()
endforeach()

# The program that tests of whole stores start and kill, and what both ends of it share.
set(child ${PROJECT_SOURCE_DIR}/tests/child)
add_executable(caisson-test-child ${child}/main.cc ${child}/workload.cc)
target_link_libraries(caisson-test-child PRIVATE caisson_objects)
target_sources(tests_test PRIVATE
  ${child}/lives.cc ${child}/process.cc ${child}/workload.cc)
target_compile_definitions(tests_test PRIVATE
  CAISSON_TEST_CHILD="$<TARGET_FILE:caisson-test-child>")
add_dependencies(tests_test caisson-test-child)

# Tests of the program run the program, too, and look at what it writes for man and for shells.
if(CAISSON_HAVE_COMMAND)
  target_compile_definitions(tools_test PRIVATE
    CAISSON_COMMAND="$<TARGET_FILE:caisson-command>"
    CAISSON_SHARE="${PROJECT_BINARY_DIR}/share")
  add_dependencies(tools_test caisson-command caisson-share)
endif()

# Mutants: all of our code compiled a second time with its planted bugs selectable
# (CAISSON_MUTANTS=1), and tests which prove that the other tests would notice them.
# What a planted bug does is judged by the tests' own checks; a sanitizer would only slow the hunt.
if(mutant_tests AND NOT CAISSON_SANITIZE)
  add_library(caisson_mutant_objects OBJECT ${CAISSON_SOURCES} ${testing_sources})
  target_link_libraries(caisson_mutant_objects PUBLIC caisson_build)
  target_compile_definitions(caisson_mutant_objects PUBLIC CAISSON_MUTANTS=1)
  foreach(folder IN LISTS mutant_tests)
    caisson_add_test(${folder}_mutant_test
      SOURCES ${mutant_tests_${folder}} LIBRARIES caisson_mutant_objects)
  endforeach()
endif()

# --- Examples, tools, benchmarks, fuzz targets -------------------------------------------------

include(cmake/examples.cmake)

add_executable(caisson-demo tools/demo.cc tools/demo_acts.cc tools/demo_screen.cc)
target_link_libraries(caisson-demo PRIVATE caisson_objects caisson_testing)
if(NOT CMAKE_CROSSCOMPILING)
  # It checks what it shows.
  add_test(NAME demo COMMAND caisson-demo --json)
  set_tests_properties(demo PROPERTIES TIMEOUT 300 LABELS demo)
endif()

include(cmake/bench.cmake)

include(cmake/fuzz.cmake)

# --- Checks ------------------------------------------------------------------------------------

if(NOT CMAKE_CROSSCOMPILING)
  include(cmake/checks.cmake)
endif()

# The modules, in the order in which they may build on each other (tools/layers.txt is the law),
# and which of their files are what:
#
#   <module>/**/*_test.cc         tests; see developer.cmake
#   <module>/**/testing/*.cc      support for tests         } in caisson_testing,
#   io/sim/*.cc                   the simulated file system } never in the shipped library
#   <module>/**/*.cc              the rest: the library
#
# A module that has no file yet may stand here all the same: it adds nothing.

set(CAISSON_MODULES base io log pager btree mvcc cartridges vector db)

set(CAISSON_SOURCES)
set(CAISSON_TESTING_SOURCES)
foreach(module IN LISTS CAISSON_MODULES)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${module}/*.cc)
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  set(testing ${sources})
  list(FILTER sources EXCLUDE REGEX "/testing/|/io/sim/")
  list(FILTER testing INCLUDE REGEX "/testing/|/io/sim/")
  list(APPEND CAISSON_SOURCES ${sources})
  list(APPEND CAISSON_TESTING_SOURCES ${testing})
endforeach()

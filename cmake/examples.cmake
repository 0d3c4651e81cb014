# The examples, built as a user would build them: with the library and its public headers alone, as
# they would be in a project of their own. Each is a test: it runs in an empty directory, and again
# in what it has left there, and has to succeed.

file(GLOB examples CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/examples/*.cc)
# What an example needs besides; where that isn't to be had, it is left out.
find_package(SQLite3 QUIET)
if(NOT SQLite3_FOUND)
  list(FILTER examples EXCLUDE REGEX "_to_sqlite\\.cc$")
endif()

foreach(source IN LISTS examples)
  cmake_path(GET source STEM name)
  add_executable(example_${name} ${source})
  target_link_libraries(example_${name} PRIVATE caisson::caisson)
  if(name MATCHES "_to_sqlite$")
    target_link_libraries(example_${name} PRIVATE ${SQLite3_LIBRARIES})
  endif()
  target_compile_options(example_${name} PRIVATE -Wall -Wextra -Wpedantic -Werror)
  set_target_properties(example_${name} PROPERTIES
    OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
  if(CMAKE_CROSSCOMPILING)
    continue()
  endif()
  add_test(NAME example:${name} COMMAND
    ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:example_${name}>
      -DFOLDER=${PROJECT_BINARY_DIR}/examples/${name}.run
      -P ${PROJECT_SOURCE_DIR}/cmake/run_example.cmake)
  set_tests_properties(example:${name} PROPERTIES TIMEOUT 120 LABELS example)
endforeach()

# The `caisson` program, where the libraries for its command line and its JSON are installed.

option(CAISSON_COMMAND "Build the `caisson` program (where CLI11 and nlohmann-json are found)"
  ${PROJECT_IS_TOP_LEVEL})
set(CAISSON_HAVE_COMMAND OFF)
if(NOT CAISSON_COMMAND OR CMAKE_CROSSCOMPILING)
  return()
endif()
find_package(CLI11 QUIET)
find_package(nlohmann_json QUIET)
if(NOT CLI11_FOUND OR NOT nlohmann_json_FOUND)
  message(STATUS "No CLI11 or nlohmann-json (libcli11-dev, nlohmann-json3-dev): "
    "the caisson program is not built")
  return()
endif()
set(CAISSON_HAVE_COMMAND ON)

file(GLOB command_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/tools/caisson/*.cc ${PROJECT_SOURCE_DIR}/tools/cli/*.cc
  ${PROJECT_SOURCE_DIR}/tools/rows/*.cc)
list(FILTER command_sources EXCLUDE REGEX "/main\\.cc$|_test\\.cc$")
add_library(caisson_command_objects OBJECT ${command_sources})
target_link_libraries(caisson_command_objects PUBLIC caisson_build)
# Their headers are not ours to warn about.
target_include_directories(caisson_command_objects SYSTEM PUBLIC
  $<TARGET_PROPERTY:CLI11::CLI11,INTERFACE_INCLUDE_DIRECTORIES>
  $<TARGET_PROPERTY:nlohmann_json::nlohmann_json,INTERFACE_INCLUDE_DIRECTORIES>)

add_executable(caisson-command tools/caisson/main.cc)
set_target_properties(caisson-command PROPERTIES OUTPUT_NAME caisson)
target_link_libraries(caisson-command PRIVATE caisson_command_objects caisson_objects)

# Its man pages and completions, which it writes itself.
set(share ${PROJECT_BINARY_DIR}/share)
add_custom_command(OUTPUT ${share}.stamp
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${share}
  COMMAND caisson-command generate ${share}
  COMMAND ${CMAKE_COMMAND} -E touch ${share}.stamp
  DEPENDS caisson-command
  COMMENT "Writing man pages and completions"
  VERBATIM)
add_custom_target(caisson-share ALL DEPENDS ${share}.stamp)

if(CAISSON_INSTALL)
  install(DIRECTORY ${share}/ DESTINATION ${CMAKE_INSTALL_DATADIR})
  install(TARGETS caisson-command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

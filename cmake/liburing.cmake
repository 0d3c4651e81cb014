# liburing, where it is installed: one more way to write the log (io/uring.h).

option(CAISSON_LIBURING "Offer io_uring to write the log (where liburing is found)" ON)
if(NOT CAISSON_LIBURING)
  return()
endif()
find_path(CAISSON_LIBURING_DIR liburing.h DOC "The folder that holds liburing.h (2.2 or later)")
find_library(CAISSON_LIBURING_LIBRARY uring DOC "liburing (2.2 or later)")
if(NOT CAISSON_LIBURING_DIR OR NOT CAISSON_LIBURING_LIBRARY)
  message(STATUS "No liburing (liburing-dev): io_uring is not offered")
  return()
endif()

set_source_files_properties(${PROJECT_SOURCE_DIR}/io/uring.cc PROPERTIES
  COMPILE_DEFINITIONS CAISSON_HAVE_LIBURING=1)
target_include_directories(caisson_build SYSTEM INTERFACE ${CAISSON_LIBURING_DIR})
target_link_libraries(caisson_build INTERFACE ${CAISSON_LIBURING_LIBRARY})

# Installed, the library names it and not its place. Whoever links a static Caisson links it too.
target_link_libraries(caisson PRIVATE
  $<BUILD_INTERFACE:${CAISSON_LIBURING_LIBRARY}> $<INSTALL_INTERFACE:uring>)
if(NOT BUILD_SHARED_LIBS)
  set(CAISSON_PC_LIBS " -luring")
endif()

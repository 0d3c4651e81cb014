# What `cmake --install` puts where, and how other projects find it: a CMake package
# (find_package(caisson) gives caisson::caisson) and a pkg-config file. Both find their way from
# where they lie, so an installed tree may be moved. tests/consumer/ tries all of it.

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/caisson)

install(TARGETS caisson EXPORT caisson-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT caisson-targets NAMESPACE caisson:: DESTINATION ${package_dir})

configure_package_config_file(cmake/caisson-config.cmake.in caisson-config.cmake
  INSTALL_DESTINATION ${package_dir})
# Before 1.0 a minor version may change the interface.
write_basic_package_version_file(caisson-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/caisson-config.cmake
  ${PROJECT_BINARY_DIR}/caisson-config-version.cmake
  DESTINATION ${package_dir})

# The prefix as seen from the .pc file's own folder.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX
  BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig OUTPUT_VARIABLE prefix_from_pc)
configure_file(cmake/caisson.pc.in caisson.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/caisson.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

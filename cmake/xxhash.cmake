# xxHash, used as a header only (XXH_INLINE_ALL), so that the library links nothing for it.

find_path(CAISSON_XXHASH_DIR xxhash.h NO_CMAKE_FIND_ROOT_PATH
  PATHS /usr/include /usr/local/include
  DOC "The folder that holds xxhash.h (0.8 or later)")
if(NOT CAISSON_XXHASH_DIR)
  message(FATAL_ERROR
    "Caisson needs xxhash.h, which was not found. On Debian: apt-get install libxxhash-dev. "
    "Elsewhere: set CAISSON_XXHASH_DIR to the folder that holds it.")
endif()

set(xxhash_include ${CAISSON_XXHASH_DIR})
if(CMAKE_CROSSCOMPILING)
  # The folder holds the build machine's other headers as well; take the one file that we want.
  set(xxhash_include ${PROJECT_BINARY_DIR}/third_party)
  configure_file(${CAISSON_XXHASH_DIR}/xxhash.h ${xxhash_include}/xxhash.h COPYONLY)
endif()
target_include_directories(caisson_build SYSTEM INTERFACE ${xxhash_include})

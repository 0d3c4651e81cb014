# How all of our code is compiled: one interface target, `caisson_build`, which each of our
# targets links. Nothing here reaches a consumer.

add_library(caisson_build INTERFACE)
target_compile_features(caisson_build INTERFACE cxx_std_23)
target_include_directories(caisson_build INTERFACE
  ${PROJECT_SOURCE_DIR}/include   # <caisson/...>, as users see it
  ${PROJECT_SOURCE_DIR})          # "base/...", for ourselves
target_compile_definitions(caisson_build INTERFACE CAISSON_VERSION="${PROJECT_VERSION}")
target_link_libraries(caisson_build INTERFACE Threads::Threads)

# Without contraction a*b+c rounds twice on every CPU and with every compiler, so that a search
# gives the same answer everywhere. For the same reason there is no -ffast-math, and no
# -march=native: one binary runs on every CPU and picks its kernels at start.
target_compile_options(caisson_build INTERFACE -ffp-contract=off)

set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # The same objects serve both kinds of library.
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

if(CAISSON_SANITIZE)
  target_compile_options(caisson_build INTERFACE
    -fsanitize=${CAISSON_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(caisson_build INTERFACE -fsanitize=${CAISSON_SANITIZE})
endif()
if(CAISSON_FUZZ)
  # Coverage feedback in everything; libFuzzer's own main only in the targets themselves.
  target_compile_options(caisson_build INTERFACE -fsanitize=fuzzer-no-link)
endif()

if(CAISSON_DEVELOPER_MODE)
  target_compile_options(caisson_build INTERFACE
    -Wall -Wextra -Wpedantic -Werror
    -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wcast-align -Wcast-qual
    -Wnon-virtual-dtor -Woverloaded-virtual -Wextra-semi -Wundef -Wunused -Wformat=2
    -Wimplicit-fallthrough)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(caisson_build INTERFACE
      -Wduplicated-cond -Wlogical-op
      # gcc 12 raises these after inlining, wrongly where std::string, std::expected or a
      # sanitizer is involved. They are worth reading, not worth breaking a build.
      -Wno-restrict -Wno-error=array-bounds -Wno-error=stringop-overflow
      -Wno-error=stringop-overread -Wno-error=maybe-uninitialized -Wno-error=dangling-pointer
      -Wno-error=free-nonheap-object)
    if(CAISSON_SANITIZE)
      # With a sanitizer's own code between ours, this one is wrong more often than not.
      target_compile_options(caisson_build INTERFACE -Wno-maybe-uninitialized)
    endif()
  else()
    target_compile_options(caisson_build INTERFACE
      -Wthread-safety -Wthread-safety-beta -Wno-unknown-warning-option
      # gcc's attributes may be unknown here without harm.
      -Wno-unknown-attributes
      # libstdc++ 12's own std::stable_sort calls what it deprecates, which clang lays at our
      # door. gcc still reports deprecated calls of ours.
      -Wno-deprecated-declarations)
  endif()
endif()

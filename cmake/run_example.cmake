# Runs an example in an empty directory, and once more in what it has left there: a program that
# works only the first time is a bad example.
#
# Usage: cmake -DPROGRAM=<file> -DFOLDER=<directory> -P run_example.cmake

foreach(time first second)
  if(time STREQUAL first)
    file(REMOVE_RECURSE ${FOLDER})
    file(MAKE_DIRECTORY ${FOLDER})
  endif()
  execute_process(COMMAND ${PROGRAM} WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${PROGRAM}: ${result}, the ${time} time")
  endif()
endforeach()
file(REMOVE_RECURSE ${FOLDER})

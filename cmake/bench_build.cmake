# Writes what bench/harness is compiled with: bench_build.h, the commit and the compiler that results
# tell of, and bench_schemas.h. Run at each build; a file that would be the same is left alone.
#
#   cmake -D SOURCE=... -D OUT=... -D COMPILER=... -D FLAGS=... -D BUILD_TYPE=... -P bench_build.cmake

function(ask_git variable)
  execute_process(COMMAND git -C ${SOURCE} ${ARGN}
    OUTPUT_VARIABLE answer RESULT_VARIABLE status ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(${variable} "${answer}" PARENT_SCOPE)
  set(status ${status} PARENT_SCOPE)
endfunction()

ask_git(commit rev-parse HEAD)
if(NOT status EQUAL 0)
  set(commit unknown)
endif()
ask_git(changes status --porcelain --untracked-files=no)
set(dirty false)
if(changes)
  set(dirty true)
endif()
string(STRIP "${FLAGS}" flags)

file(CONFIGURE OUTPUT ${OUT}/bench_build.h @ONLY CONTENT [=[
#define CAISSON_BENCH_COMMIT "@commit@"
#define CAISSON_BENCH_DIRTY @dirty@
#define CAISSON_BENCH_COMPILER "@COMPILER@"
#define CAISSON_BENCH_FLAGS "@flags@"
#define CAISSON_BENCH_BUILD_TYPE "@BUILD_TYPE@"
]=])

file(READ ${SOURCE}/bench/results.schema.json results)
file(READ ${SOURCE}/bench/baseline.schema.json baseline)
file(CONFIGURE OUTPUT ${OUT}/bench_schemas.h @ONLY CONTENT [=[
namespace caisson::bench {
inline constexpr const char* kResultsSchema = R"schema(@results@)schema";
inline constexpr const char* kBaselineSchema = R"schema(@baseline@)schema";
}  // namespace caisson::bench
]=])

# Checks of the tree itself, as tests: that the layers hold, that spec and tests agree, that an
# installed Caisson works in somebody else's project. Python's standard library is all they need,
# but for one of what draws the benchmarks.

set(python /usr/bin/python3 -B)  # -B: leave no __pycache__ in the source tree.

# caisson_add_check(<name> <command> <argument>...)
function(caisson_add_check name)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120 LABELS check)
endfunction()

caisson_add_check(check_layers
  ${python} tools/check_layers.py --build ${PROJECT_BINARY_DIR})
caisson_add_check(check_layers_test ${python} tools/check_layers_test.py)
caisson_add_check(check_spec ${python} tools/check_spec.py)
caisson_add_check(check_golden ${python} spec/golden/make_pages.py --check)
caisson_add_check(check_golden_trees ${python} spec/golden/make_trees.py --check)
caisson_add_check(check_golden_logs ${python} spec/golden/make_logs.py --check)
caisson_add_check(check_golden_stores ${python} spec/golden/make_stores.py --check)
caisson_add_check(check_golden_archives ${python} spec/golden/make_archives.py --check)
caisson_add_check(check_golden_dumps ${python} spec/golden/make_dumps.py --check)
caisson_add_check(check_readme ${python} tools/check_readme.py)
caisson_add_check(check_spec_test ${python} tools/check_spec_test.py)
caisson_add_check(check_bench_report_test ${python} bench/report_test.py)
caisson_add_check(check_bench_plot_test ${python} bench/plot_test.py)
set_tests_properties(check_bench_plot_test PROPERTIES
  SKIP_RETURN_CODE 77  # Without matplotlib.
  TIMEOUT 600)
if(CAISSON_HAVE_COMMAND)
  caisson_add_check(check_guide
    ${python} tools/check_guide.py $<TARGET_FILE:caisson-command>)
endif()

add_test(NAME install COMMAND ${PROJECT_SOURCE_DIR}/tests/consumer/run.sh
  ${CMAKE_CXX_COMPILER} ${PROJECT_BINARY_DIR}/consumer)
set_tests_properties(install PROPERTIES TIMEOUT 600 LABELS install)

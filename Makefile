# The commands of every day. Each does its own set-up; `make help` lists them.

# How long each fuzz target runs in check-long, and so in check-release.
CAISSON_FUZZ_SECONDS ?= 300

# What `make bench` runs: by default what single calls cost, some minutes.
# CAISSON_BENCH_FLAGS="--suite peers --repeats 3" compares with other engines, about an hour.
CAISSON_BENCH_FLAGS ?= --suite micro --repeats 5

# Where `make install` puts everything; DESTDIR goes before it, for packages.
PREFIX ?= /usr/local

.PHONY: help install demo test check-long check-release nightly bench format tidy clean

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

install:  ## build and install the library, the program, its man pages and completions under PREFIX
	tools/setup.sh core
	cmake -G Ninja -S . -B build/install -DCMAKE_BUILD_TYPE=Release -DCAISSON_DEVELOPER_MODE=OFF \
	  -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --build build/install
	cmake --install build/install

demo:  ## build what users run, and show it survive
	tools/setup.sh core
	cmake --preset release
	cmake --build --preset release --target caisson-demo
	build/release/caisson-demo

test:  ## build with assertions and run every test
	tools/setup.sh core
	cmake --workflow --preset dev

check-long:  ## tests that do more (CAISSON_LONG=1), and CAISSON_FUZZ_SECONDS of each fuzzer
	tools/setup.sh ci
	cmake --workflow --preset long
	tools/fuzz_smoke.sh $(CAISSON_FUZZ_SECONDS)

check-release:  ## what a release must pass: every build, with scalar kernels too, then check-long
	tools/setup.sh ci arm64
	cmake --workflow --preset dev
	cmake --build --preset dev --target all_verify_interface_header_sets
	cmake --workflow --preset release
	ctest --preset scalar
	cmake --workflow --preset asan
	cmake --workflow --preset tsan
	cmake --workflow --preset fuzz
	cmake --workflow --preset arm64
	$(MAKE) check-long

nightly:  ## check-release with half an hour for each fuzzer, all benchmarks, a new baseline, a report
	tools/setup.sh bench ci arm64
	tools/nightly.sh

bench:  ## build the benchmarks, run those of CAISSON_BENCH_FLAGS, and draw a report
	tools/setup.sh bench
	cmake --preset bench
	cmake --build --preset bench --target caisson-bench
	rm -rf build/bench-results
	build/bench/caisson-bench $(CAISSON_BENCH_FLAGS) --out build/bench-results
	/usr/bin/python3 -B bench/plot.py build/bench-results --out build/bench-report

format:  ## format all C++
	tools/setup.sh ci
	tools/format.sh

tidy:  ## clang-tidy on what changed
	tools/setup.sh ci
	tools/tidy.sh --changed

clean:  ## remove every build
	rm -rf build

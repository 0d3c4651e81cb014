// One life of caisson-test-child after the other on the same store, each of them cut off at a
// moment that chance picks; and what has to be there afterwards.

#ifndef CAISSON_TESTS_CHILD_LIVES_H_
#define CAISSON_TESTS_CHILD_LIVES_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/child/process.h"
#include "tests/child/workload.h"

namespace caisson::testing {

// What all lives of a test came to.
struct LivesTold {
  std::uint64_t cut_off = 0;
  std::uint64_t while_opening = 0;  // Of these, before the store was open.
  std::uint64_t commits = 0;        // That were there afterwards.
  std::uint64_t lost = 0;           // That nobody had been told to be durable.
};

class Lives {
 public:
  // `folder` is for this object alone, and exists.
  Lives(std::uint64_t seed, std::string folder)
      : seed_(seed), folder_(std::move(folder)), random_(seed) {}

  // A life on the store at `path`, up to a moment of chance, at which `cut` is called, and the
  // process's end behind that. Says what is wrong where it ends by itself; "" otherwise.
  std::string live(const std::string& path, const std::function<void(ChildProcess&)>& cut);

  // What is wrong with the store at `path`; "" if nothing is. It is looked at as a copy, so that
  // the next life finds it as it was left. Need not come behind every life. What it finds has to
  // be there from then on.
  std::string judge(const std::string& path);

  const LivesTold& told() const { return told_; }

 private:
  void hear(const Report& report);
  std::string listen(ChildProcess& child, std::uint64_t reports, std::chrono::microseconds then);

  const std::uint64_t seed_;
  const std::string folder_;
  Random random_;
  std::uint64_t life_ = 0;
  bool opened_ = false;  // In this life.
  bool ever_opened_ = false;
  std::uint64_t recovered_ = 0;              // The last commit, as of the last judgement,
  Contents contents_;                        // and what it left.
  std::vector<std::uint64_t> makers_ = {0};  // In which life each transaction was made.
  std::uint64_t begun_ = 0;                  // The last transaction that may be there,
  std::uint64_t durable_ = 0;                // and the last one that has to be.
  std::string wrong_;
  std::chrono::steady_clock::time_point started_;  // The last process,
  std::chrono::microseconds opening_{5000};        // and what it took one to open the store.
  LivesTold told_;
};

}  // namespace caisson::testing

#endif  // CAISSON_TESTS_CHILD_LIVES_H_

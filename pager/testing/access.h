// Tests that run with the file mapped and with private copies.

#ifndef CAISSON_PAGER_TESTING_ACCESS_H_
#define CAISSON_PAGER_TESTING_ACCESS_H_

#include <gtest/gtest.h>

#include <string>

#include "pager/options.h"

namespace caisson::pager::testing {

inline std::string access_name(const ::testing::TestParamInfo<PageAccess>& test) {
  return test.param == PageAccess::kMapped ? "Mapped" : "Private";
}

}  // namespace caisson::pager::testing

#endif  // CAISSON_PAGER_TESTING_ACCESS_H_

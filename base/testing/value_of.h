// What a test does with a result that has to be a value, or an error.

#ifndef CAISSON_BASE_TESTING_VALUE_OF_H_
#define CAISSON_BASE_TESTING_VALUE_OF_H_

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace caisson::testing {

// The value of a result that has to be one. Throws otherwise, which a test reports.
template <typename T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

// The code of a result that has to be an error; no code of any if it isn't, so that a comparison
// fails.
template <typename T>
Code code_of(const Result<T>& result) {
  return result ? Code{255} : result.error().code();
}

}  // namespace caisson::testing

#endif  // CAISSON_BASE_TESTING_VALUE_OF_H_

// Result<T> and Error for the rest of the engine, and the two macros that pass errors on.

#ifndef CAISSON_BASE_RESULT_H_
#define CAISSON_BASE_RESULT_H_

#include <caisson/error.h>

#include <string>
#include <utility>

namespace caisson {

// An error to return from a function whose result is any Result<T>.
[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected<Error>(std::move(error));
}

}  // namespace caisson

#define CAISSON_CONCAT_INNER(a, b) a##b
#define CAISSON_CONCAT(a, b) CAISSON_CONCAT_INNER(a, b)

// Evaluates an expression of type Result<...> and returns its error, if it has one.
#define CAISSON_RETURN_IF_ERROR(expression)                                        \
  do {                                                                             \
    if (auto caisson_result = (expression); !caisson_result) {                     \
      return std::unexpected<::caisson::Error>(std::move(caisson_result).error()); \
    }                                                                              \
  } while (false)

// Evaluates an expression of type Result<T>; returns its error, or gives `target` its value:
//   CAISSON_ASSIGN_OR_RETURN(auto meta, Meta::decode(block));
#define CAISSON_ASSIGN_OR_RETURN(target, expression) \
  CAISSON_ASSIGN_OR_RETURN_INNER(CAISSON_CONCAT(caisson_result_, __LINE__), target, expression)
#define CAISSON_ASSIGN_OR_RETURN_INNER(result, target, expression)       \
  auto result = (expression);                                            \
  if (!result) {                                                         \
    return std::unexpected<::caisson::Error>(std::move(result).error()); \
  }                                                                      \
  target = std::move(result).value()

#endif  // CAISSON_BASE_RESULT_H_

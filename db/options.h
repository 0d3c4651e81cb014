// The public options as those of the engine.

#ifndef CAISSON_DB_OPTIONS_H_
#define CAISSON_DB_OPTIONS_H_

#include <caisson/options.h>

#include "base/result.h"
#include "mvcc/options.h"
#include "pager/options.h"

namespace caisson::db {

// kInvalidArgument for a time below zero, or options that contradict each other. What else is out
// of its range is refused by the engine.
Result<void> validate(const Options& options);

pager::CreateOptions create_options(const CreateOptions& options);
mvcc::EngineOptions engine_options(const Options& options);

}  // namespace caisson::db

#endif  // CAISSON_DB_OPTIONS_H_

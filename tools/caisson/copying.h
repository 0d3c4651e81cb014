// What backup, restore and compact share: how far they are, and stopping them.

#ifndef CAISSON_TOOLS_CAISSON_COPYING_H_
#define CAISSON_TOOLS_CAISSON_COPYING_H_

#include <caisson/backup.h>

#include <functional>
#include <stop_token>
#include <string>

#include "tools/caisson/command.h"
#include "tools/caisson/progress.h"

namespace caisson::tools {

// Shows the progress of one copy, and has it stop when the program is asked to. Outlives the copy.
class Copying {
 public:
  // `kind`: as --progress has it. Its lines go to standard error, since output may be a stream.
  Copying(Context& context, const std::string& kind)
      : context_(context), bar_(context, wants_bar(context, kind), {}), lines_(kind == "json") {
    if (context.stopping()) stop_.request_stop();
  }
  ~Copying() { bar_.end(); }
  Copying(const Copying&) = delete;
  Copying& operator=(const Copying&) = delete;

  // For BackupOptions and RestoreOptions.
  std::function<void(const BackupProgress&)> progress() {
    return [this](const BackupProgress& done) { show(done); };
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  void show(const BackupProgress& done) {
    if (context_.stopping()) stop_.request_stop();
    bar_.show(done.entries, done.bytes, done.bytes);
    if (!lines_) return;
    Json json;
    json["entries"] = done.entries;
    json["bytes"] = done.bytes;
    print_line(context_.err, json);
  }

  Context& context_;
  ProgressBar bar_;
  bool lines_;
  std::stop_source stop_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_CAISSON_COPYING_H_

#include <caisson/error.h>

#include <utility>

namespace caisson {

struct Error::Detail {
  Code code;
  std::string message;
  std::string file;
  std::optional<std::uint64_t> offset;
  std::optional<std::uint64_t> page;
  std::optional<std::uint64_t> record;
  std::string rule;
  std::string advice;
};

std::string_view to_string(Code code) {
  switch (code) {
    case Code::kNotFound:
      return "not found";
    case Code::kAlreadyExists:
      return "already exists";
    case Code::kInvalidArgument:
      return "invalid argument";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kBusy:
      return "busy";
    case Code::kPermissionDenied:
      return "permission denied";
    case Code::kReadOnly:
      return "read-only";
    case Code::kResourceExhausted:
      return "limit reached";
    case Code::kOutOfSpace:
      return "out of space";
    case Code::kIoError:
      return "I/O error";
    case Code::kDurabilityUnknown:
      return "durability unknown";
    case Code::kPoisoned:
      return "closed to writes";
    case Code::kCorruption:
      return "corruption";
    case Code::kWrongStore:
      return "wrong store";
    case Code::kUnsupportedVersion:
      return "unsupported version";
    case Code::kSnapshotTooOld:
      return "snapshot too old";
    case Code::kStopped:
      return "stopped";
  }
  return "unknown";
}

Error::Error(Code code, std::string message)
    : detail_(std::make_shared<Detail>(Detail{code, std::move(message), {}, {}, {}, {}, {}, {}})) {}

Error::Detail& Error::own() {
  // Copies even where use_count() is 1: that number isn't ordered after the reads of a thread that
  // has just let go of its copy of this error.
  detail_ = std::make_shared<Detail>(*detail_);
  return *detail_;
}

Error&& Error::in_file(std::string file) && {
  own().file = std::move(file);
  return std::move(*this);
}

Error&& Error::at_offset(std::uint64_t offset_bytes) && {
  own().offset = offset_bytes;
  return std::move(*this);
}

Error&& Error::at_page(std::uint64_t page) && {
  own().page = page;
  return std::move(*this);
}

Error&& Error::at_record(std::uint64_t record) && {
  own().record = record;
  return std::move(*this);
}

Error&& Error::with_rule(std::string rule) && {
  own().rule = std::move(rule);
  return std::move(*this);
}

Error&& Error::with_advice(std::string advice) && {
  own().advice = std::move(advice);
  return std::move(*this);
}

Code Error::code() const { return detail_->code; }
const std::string& Error::message() const { return detail_->message; }
const std::string& Error::file() const { return detail_->file; }
std::optional<std::uint64_t> Error::offset() const { return detail_->offset; }
std::optional<std::uint64_t> Error::page() const { return detail_->page; }
std::optional<std::uint64_t> Error::record() const { return detail_->record; }
const std::string& Error::rule() const { return detail_->rule; }
const std::string& Error::advice() const { return detail_->advice; }

std::string Error::to_string() const {
  std::string place = detail_->file;
  const auto add = [&place](std::string_view name, const std::optional<std::uint64_t>& value) {
    if (!value) return;
    if (!place.empty()) place += ", ";
    place += name;
    place += std::to_string(*value);
  };
  add("page ", detail_->page);
  add("offset ", detail_->offset);
  add("record ", detail_->record);
  if (!detail_->rule.empty()) {
    if (!place.empty()) place += ", ";
    place += "rule " + detail_->rule;
  }
  std::string line(caisson::to_string(detail_->code));
  line += ": " + detail_->message;
  if (!place.empty()) line += " (" + place + ")";
  if (!detail_->advice.empty()) line += ". " + detail_->advice;
  return line;
}

}  // namespace caisson

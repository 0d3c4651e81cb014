// caisson logdump: shows the commit log, record by record.

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <thread>

#include "base/hex.h"
#include "log/operations.h"
#include "mvcc/durable_end.h"
#include "mvcc/replay.h"
#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/log_chain.h"
#include "tools/caisson/progress.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson logdump notes.caisson                 from the oldest place that is kept on
  caisson logdump notes.caisson --from 120 --to 130 --operations
  caisson logdump notes.caisson --follow        goes on as commits become durable, until Ctrl-C
  caisson logdump notes.caisson --verify        only checks all that there is

Shows for each record the commit that it belongs to, its file and offset, what it is (part, commit,
rollback, mark), which part of its commit, its payload in bytes, the last commit that was
acknowledged when it was written, its epoch, and the running hash behind it. --operations adds what
it did: trees by their numbers, keys and values escaped, and cut off after --bytes of them. While
somebody writes the store, what is not durable is not shown; otherwise, and without --follow, what a
crash has left behind the last commit is. So is what was given up, or rolled back.

--verify follows the chain from the first commit that the files hold to the log's end: checksums,
links, places and running hashes (LOG-4 to LOG-8), and whether that is its end (RECOVER-3), or a
commit is missing.

--json prints a line for each record: {"txn", "file", "offset", "type", "part", "payload_bytes",
"epoch" (16 hexadecimal digits), "acknowledged", "hash", "begins_epoch", "closed"}, and with
--operations also {"operations": [{"operation", "tree", "number", "key", "value", "value_bytes",
"end"}]}, as far as each has them.
With --verify: {"damaged", "from": {"txn", "file", "offset"}, "end": {"txn", "file", "offset"},
"records", "bytes", "closed", "written", "findings"}.

Exits with 1 if the log does not reach back to --from, and with 3 if it is damaged.)";

struct Arguments {
  std::string store;
  std::optional<std::uint64_t> from;
  std::optional<std::uint64_t> to;
  bool verify = false;
  bool follow = false;
  bool operations = false;
  std::size_t bytes = 48;
};

// --- Records -------------------------------------------------------------------------------------

// Shows records, one by one. Used by one thread.
class Dump {
 public:
  Dump(const Arguments& arguments, const log::OperationLimits& limits, Context& context)
      : arguments_(arguments), limits_(limits), context_(context), reader_(limits) {}

  void begin() {
    if (context_.json || context_.quiet) return;
    print_row({"TXN", "FILE:OFFSET", "TYPE", "PART", "PAYLOAD", "ACKNOWLEDGED", "EPOCH", "HASH"});
  }

  Result<void> show(const log::Record& record) {
    if (arguments_.operations && begins_anew(record.header)) {
      reader_ = log::OperationReader(limits_);
    }
    return context_.json ? show_json(record) : show_text(record);
  }

 private:
  // A random number, which not every reader of JSON would keep.
  static std::string show_epoch(std::uint64_t epoch) {
    return to_hex(Hash128{.low = epoch, .high = 0}).substr(16);
  }

  // What follows does not go on with a value that was begun before.
  static bool begins_anew(const log::RecordHeader& header) {
    return header.part == 0 || header.type == log::RecordType::kRollback;
  }

  static bool has_operations(const log::RecordHeader& header) {
    return header.type == log::RecordType::kPart || header.type == log::RecordType::kCommit;
  }

  struct Row {
    std::string txn, place, type, part, payload, acknowledged, epoch, hash;
  };

  void print_row(const Row& row) {
    context_.out << std::right << std::setw(10) << row.txn << std::setw(16) << row.place << "  "
                 << std::left << std::setw(8) << row.type << std::right << std::setw(6) << row.part
                 << std::setw(9) << row.payload << std::setw(14) << row.acknowledged
                 << std::setw(18) << row.epoch << "  " << row.hash << "\n";
  }

  Result<void> show_text(const log::Record& record) {
    const log::RecordHeader& header = record.header;
    print_row(
        {.txn = std::to_string(to_u64(header.txn)),
         .place = std::to_string(header.place.file) + ":" + std::to_string(header.place.offset),
         .type = std::string(log::to_string(header.type)),
         .part = std::to_string(header.part),
         .payload = std::to_string(header.payload_size),
         .acknowledged = std::to_string(to_u64(header.acknowledged)),
         .epoch = show_epoch(header.epoch),
         .hash = to_hex(header.hash) + (header.begins_epoch ? "  new epoch" : "") +
                 (header.closed ? "  closed" : "")});
    if (header.type == log::RecordType::kRollback) {
      const log::RollbackTarget target = log::decode_rollback(record.payload);
      context_.out << "    void from part " << target.part << ", byte " << target.offset << " on\n";
    }
    if (!arguments_.operations || !has_operations(header)) return {};
    return each_operation(record, [this](const log::Operation& operation) {
      context_.out << "    " << describe(operation) << "\n";
    });
  }

  Result<void> show_json(const log::Record& record) {
    const log::RecordHeader& header = record.header;
    Json json;
    json["txn"] = to_u64(header.txn);
    json["file"] = header.place.file;
    json["offset"] = header.place.offset;
    json["type"] = log::to_string(header.type);
    json["part"] = header.part;
    json["payload_bytes"] = header.payload_size;
    json["epoch"] = show_epoch(header.epoch);
    json["acknowledged"] = to_u64(header.acknowledged);
    json["hash"] = to_hex(header.hash);
    json["begins_epoch"] = header.begins_epoch;
    json["closed"] = header.closed;
    Result<void> read;
    if (arguments_.operations && has_operations(header)) {
      json["operations"] = Json::array();
      read = each_operation(record, [this, &json](const log::Operation& operation) {
        json["operations"].push_back(operation_json(operation));
      });
    }
    print_line(context_.out, json);
    return read;
  }

  template <typename Show>
  Result<void> each_operation(const log::Record& record, Show show) {
    reader_.read(record.payload);
    while (true) {
      auto operation = reader_.next();
      if (!operation) {
        const log::Place& place = record.header.place;
        return fail(
            Error(operation.error())
                .in_file(std::string(log::kLogDirectoryName) + "/" + log::file_name(place.file))
                .at_offset(place.offset)
                .at_record(to_u64(record.header.txn)));
      }
      if (!*operation) return {};
      show(**operation);
    }
  }

  // Which operations have what.
  static bool has_tree(log::OperationCode code) {
    using enum log::OperationCode;
    return code != kPiece && code != kNameSnapshot && code != kForgetSnapshot;
  }
  static bool has_key(log::OperationCode code) {
    using enum log::OperationCode;
    return code != kPiece && code != kDropTree && code < kOwn;
  }
  static bool has_value(log::OperationCode code) {
    using enum log::OperationCode;
    return code == kPut || code == kPiece || code >= kOwn;
  }

  std::string text(Bytes bytes) const { return '"' + show_bytes(bytes, arguments_.bytes) + '"'; }

  std::string describe(const log::Operation& operation) const {
    using enum log::OperationCode;
    const log::OperationCode code = operation.code;
    std::string line(log::to_string(code));
    if (has_tree(code)) line += " " + std::to_string(operation.tree);
    if (has_key(code)) line += " " + text(operation.key);
    if (code == kDeleteRange) {
      line += operation.has_end ? " to " + text(operation.value) : " to the last";
    }
    if (code == kPutLong) line += ", " + std::to_string(operation.number) + " bytes";
    if (code == kNameSnapshot) line += " = commit " + std::to_string(operation.number);
    if (has_value(code)) {
      line += (code == kPut ? " = " : " ") + text(operation.value);
      if (operation.value.size() > arguments_.bytes) {
        line += " (" + std::to_string(operation.value.size()) + " bytes)";
      }
    }
    return line;
  }

  Json operation_json(const log::Operation& operation) const {
    using enum log::OperationCode;
    const log::OperationCode code = operation.code;
    const auto shown = [this](Bytes bytes) { return show_bytes(bytes, arguments_.bytes); };
    Json json;
    json["operation"] = log::to_string(code);
    if (has_tree(code)) json["tree"] = operation.tree;
    if (code == kPutLong || code == kNameSnapshot) json["number"] = operation.number;
    if (has_key(code)) json["key"] = shown(operation.key);
    if (has_value(code)) {
      json["value"] = shown(operation.value);
      json["value_bytes"] = operation.value.size();
    }
    if (code == kDeleteRange && operation.has_end) json["end"] = shown(operation.value);
    return json;
  }

  const Arguments& arguments_;
  const log::OperationLimits limits_;
  Context& context_;
  log::OperationReader reader_;  // Of the commit that is shown.
};

// Where to begin: as near before --from as is known.
Result<LogPlace> choose_place(const OpenLog& log, const Arguments& arguments) {
  const LogPlace* chosen = &log.places().front();
  if (!arguments.from) return *chosen;
  if (to_u64(chosen->txn) >= *arguments.from && *arguments.from > 0) {
    return fail(Error(Code::kNotFound,
                      "the log is not kept from commit " + std::to_string(*arguments.from) + " on")
                    .with_advice("It can be read from commit " +
                                 std::to_string(to_u64(chosen->txn) + 1) +
                                 " on; without --from, it is."));
  }
  for (const LogPlace& place : log.places()) {
    if (to_u64(place.txn) < *arguments.from) chosen = &place;
  }
  return *chosen;
}

Result<void> dump(const Arguments& arguments, Context& context) {
  auto opened = OpenLog::open(arguments.store);
  while (arguments.follow && !opened && opened.error().code() == Code::kBusy &&
         !context.stopping()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    opened = OpenLog::open(arguments.store);
  }
  CAISSON_ASSIGN_OR_RETURN(OpenLog log, std::move(opened));
  CAISSON_ASSIGN_OR_RETURN(const LogPlace from, choose_place(log, arguments));
  Dump dump(arguments, mvcc::operation_limits(log.meta().limits), context);
  dump.begin();
  LogWalk walk(log, from, arguments.follow ? LogWalk::Tail::kLeft : LogWalk::Tail::kRead);
  while (!context.stopping()) {
    CAISSON_ASSIGN_OR_RETURN(const auto record, walk.next());
    if (!record) {
      context.out.flush();
      if (!arguments.follow) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    const std::uint64_t txn = to_u64(record->header.txn);
    if (arguments.to && txn > *arguments.to) break;
    if (arguments.from && txn < *arguments.from) continue;
    CAISSON_RETURN_IF_ERROR(dump.show(*record));
  }
  if (context.signal() != 0) {
    report_stopped(context, "stopped behind txn " + std::to_string(to_u64(walk.reader().txn())));
    return {};
  }
  const TxnId last = walk.reader().txn();
  if (arguments.from && *arguments.from > to_u64(last)) {
    return fail(mvcc::no_such_commit(TxnId{*arguments.from}));
  }
  return {};
}

// --- Checking ------------------------------------------------------------------------------------

void print_report(const ChainReport& report, Context& context) {
  if (context.json) {
    Json json;
    json["damaged"] = !report.findings.empty();
    json.update(chain_json(report));
    json["findings"] = Json::array();
    for (const Error& finding : report.findings) json["findings"].push_back(to_json(finding));
    return print(context.out, json);
  }
  if (!context.quiet) context.out << describe(report) << "\n";
  print_findings(context, report.findings, report.findings.size());
  if (!context.quiet && report.findings.empty()) context.out << "ok: nothing is damaged\n";
}

Result<void> verify(const Arguments& arguments, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(OpenLog log, OpenLog::open(arguments.store));
  auto from = log.first_place();
  if (!from && from.error().code() != Code::kCorruption) return fail(from.error());
  ProgressBar bar(context, wants_bar(context, "auto"), {});
  auto report = check_chain(log, from ? *from : log.places().front(), [&](std::uint64_t bytes) {
    bar.show(0, bytes, bytes);
    return !context.stopping();
  });
  bar.end();
  if (!report && context.signal() != 0) {
    report_stopped(context, "stopped; the log was not read to its end");
    return {};
  }
  if (!report) return fail(report.error());
  if (!from) report->findings.insert(report->findings.begin(), from.error());
  print_report(*report, context);
  if (!report->findings.empty()) context.code = kDamaged;
  return {};
}

}  // namespace

void add_logdump(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  CLI::Option* from = command.add_option("--from", arguments->from, "Begin with this commit")
                          ->option_text("TXN")
                          ->check(CLI::NonNegativeNumber);
  CLI::Option* to = command.add_option("--to", arguments->to, "End with this commit")
                        ->option_text("TXN")
                        ->check(CLI::NonNegativeNumber);
  CLI::Option* follow =
      command.add_flag("--follow", arguments->follow, "Go on as commits become durable")
          ->excludes(to);
  CLI::Option* operations =
      command.add_flag("--operations", arguments->operations, "Show what each record did");
  command.add_option("--bytes", arguments->bytes, "Show at most this much of a key or value")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_flag("--verify", arguments->verify, "Only check the chain, all of it")
      ->excludes(from)
      ->excludes(to)
      ->excludes(follow)
      ->excludes(operations);
  command.footer(kFooter);
  command.callback([arguments, &command, &context] {
    if (arguments->from && arguments->to && *arguments->from > *arguments->to) {
      return report_usage(context, command, "--to is before --from");
    }
    const auto done = arguments->verify ? verify(*arguments, context) : dump(*arguments, context);
    if (!done) report(context, done.error());
  });
}

}  // namespace caisson::tools

// caisson put: sets a key's value.

#include <caisson/store.h>

#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "tools/caisson/command.h"
#include "tools/caisson/commands.h"
#include "tools/caisson/opening.h"
#include "tools/cli/descriptor.h"
#include "tools/cli/spool.h"

namespace caisson::tools {
namespace {

constexpr const char* kFooter = R"(Examples:
  caisson put notes.caisson users alice '{"age":7}'
  caisson put notes.caisson films intro --file intro.mp4
  generate | caisson put notes.caisson films live -
  caisson put notes.caisson codes --hex 00ff 0a0b

Makes the tree where it isn't there, but not the store: see `caisson create`. VALUE - is what
standard input holds. Values from files may be larger than memory; one whose size isn't known (a
pipe) is kept in a temporary file first. When the command ends with 0, the value is durable.

--json prints {"tree", "key", "txn", "size", "new", "tree_made"}: new says whether the key wasn't
there. Keys that are no UTF-8 are printed as key_base64.)";

struct Arguments {
  std::string store;
  std::string tree;
  std::string key;
  std::string value;
  std::string file;
  bool has_value = false;
  bool hex = false;
  WriteArguments write;
};

struct Done {
  bool is_new = false;
  bool tree_made = false;
  std::uint64_t size = 0;
  std::uint64_t txn = 0;
};

Result<bool> put_stream(WriteTree& tree, const std::string& key, std::istream& from,
                        std::uint64_t size, Context& context) {
  CAISSON_ASSIGN_OR_RETURN(ValueWriter writer, tree.put_stream(key, size));
  std::string buffer(std::size_t{256} << 10U, '\0');
  for (std::uint64_t left = size; left > 0;) {
    const auto wanted = static_cast<std::streamsize>(std::min<std::uint64_t>(left, buffer.size()));
    from.read(buffer.data(), wanted);
    const auto got = static_cast<std::size_t>(from.gcount());
    if (context.stopping()) return fail(Code::kIoError, "stopped");
    if (got == 0) return fail(Code::kIoError, "the file became shorter while it was read");
    CAISSON_RETURN_IF_ERROR(writer.append(std::string_view(buffer).substr(0, got)));
    left -= got;
  }
  return writer.finish();
}

// The value is a text, or what `spool` holds.
Result<Done> put(const Arguments& arguments, const std::string& key, const std::string& value,
                 Spool* spool, Context& context) {
  Done done;
  CAISSON_ASSIGN_OR_RETURN(Store store, open_to_write(context, arguments.store, arguments.write));
  CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, store.begin_write());
  auto tree = txn.open_tree(arguments.tree);
  if (!tree && tree.error().code() == Code::kNotFound) {
    tree = txn.create_tree(arguments.tree);
    done.tree_made = true;
  }
  if (!tree) return fail(tree.error());
  if (spool == nullptr) {
    done.size = value.size();
    CAISSON_ASSIGN_OR_RETURN(done.is_new, tree->put(key, value));
  } else {
    done.size = spool->size();
    CAISSON_ASSIGN_OR_RETURN(done.is_new,
                             put_stream(*tree, key, spool->stream(), spool->size(), context));
  }
  CAISSON_ASSIGN_OR_RETURN(const Committed committed, txn.commit());
  done.txn = to_u64(committed.txn);
  CAISSON_RETURN_IF_ERROR(store.close());
  return done;
}

Result<Done> put(const Arguments& arguments, const std::string& key, Context& context) {
  if (arguments.file.empty() && (arguments.value != "-" || arguments.hex)) {
    CAISSON_ASSIGN_OR_RETURN(const std::string value,
                             bytes_of_argument(arguments.value, arguments.hex));
    return put(arguments, key, value, nullptr, context);
  }
  std::unique_ptr<InputFile> file;
  if (!arguments.file.empty()) {
    CAISSON_ASSIGN_OR_RETURN(file, InputFile::open(arguments.file, context.signal_descriptor));
  }
  std::istream& from = file ? file->stream() : context.in;
  CAISSON_ASSIGN_OR_RETURN(Spool spool, file && file->size()
                                            ? Spool::of_known_size(from, *file->size())
                                            : Spool::read(from));
  if (file) CAISSON_RETURN_IF_ERROR(file->status());
  // A signal looks like the end of the input.
  if (context.stopping()) return fail(Code::kIoError, "stopped");
  return put(arguments, key, {}, &spool, context);
}

void run_put(const Arguments& arguments, const CLI::App& command, Context& context) {
  if (arguments.has_value == !arguments.file.empty()) {
    return report_usage(context, command,
                        arguments.has_value ? "a value and --file: which one?"
                                            : "the value is missing: VALUE, - or --file FILE");
  }
  const auto name = check_tree_name(arguments.tree);
  if (!name) return report(context, name.error());
  const auto key = bytes_of_argument(arguments.key, arguments.hex);
  if (!key) return report(context, key.error());
  const auto done = put(arguments, *key, context);
  if (context.signal() != 0 && !done) return report_stopped(context, "stopped; nothing was put");
  if (!done) return report(context, done.error());
  if (context.json) {
    Json json;
    set_bytes(json, "tree", arguments.tree);
    set_bytes(json, "key", *key);
    json["txn"] = done->txn;
    json["size"] = done->size;
    json["new"] = done->is_new;
    json["tree_made"] = done->tree_made;
    return print(context.out, json);
  }
  if (context.quiet) return;
  if (done->tree_made) context.out << "made the tree " << quoted(arguments.tree) << "\n";
  context.out << (done->is_new ? "added " : "changed ") << quoted(*key) << ", "
              << show_count(done->size, "byte", "bytes") << ": txn " << done->txn << "\n";
}

}  // namespace

void add_put(CLI::App& command, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  command.add_option("STORE", arguments->store, "The store's directory")->required();
  command.add_option("TREE", arguments->tree, "The tree; it is made if it isn't there")->required();
  command.add_option("KEY", arguments->key, "The key")->required();
  CLI::Option* value =
      command.add_option("VALUE", arguments->value, "The value, or - for standard input");
  command.add_option("--file", arguments->file, "Take the value from this file")
      ->option_text("FILE");
  command.add_flag("--hex", arguments->hex, "KEY and VALUE are hexadecimal");
  arguments->write.add_to(command);
  command.footer(kFooter);
  command.callback([arguments, value, &command, &context] {
    arguments->has_value = value->count() > 0;
    run_put(*arguments, command, context);
  });
}

}  // namespace caisson::tools

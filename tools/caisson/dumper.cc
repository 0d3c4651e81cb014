#include "tools/caisson/dumper.h"

#include <algorithm>

#include "tools/caisson/opening.h"

namespace caisson::tools {

Dumper::Dumper(const DumpOptions& options, const Snapshot& snapshot, std::ostream& out,
               const std::optional<DumpMark>& mark)
    : options_(options),
      snapshot_(snapshot),
      sink_(out, mark ? mark->bytes : 0, mark ? mark->checksum : 0) {
  if (options.format == RowFormat::kBinary) {
    auto writer = mark ? std::make_unique<DumpWriter>(sink_, mark->binary)
                       : std::make_unique<DumpWriter>(sink_, snapshot.txn());
    binary_ = writer.get();
    writer_ = std::move(writer);
  } else if (options.format == RowFormat::kJsonLines) {
    auto writer = std::make_unique<JsonLinesWriter>(sink_, !options.tree);
    if (mark) writer->go_on_in(mark->tree);
    writer_ = std::move(writer);
  } else {
    writer_ = std::make_unique<TsvWriter>(sink_);
  }
  if (!mark) return;
  tree_ = mark->tree;
  in_tree_ = true;
  key_ = mark->key;
  rows_ = mark->rows;
}

Result<std::vector<std::string>> Dumper::names() const {
  if (options_.tree) return std::vector{*options_.tree};
  CAISSON_ASSIGN_OR_RETURN(std::vector<std::string> names, snapshot_.tree_names());
  std::erase(names, kOwnTree);
  return names;
}

Result<std::uint64_t> Dumper::total() const {
  std::uint64_t total = 0;
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> all, names());
  for (const std::string& name : all) {
    CAISSON_ASSIGN_OR_RETURN(const Tree tree, tree_of(snapshot_, name));
    total += tree.count();
  }
  return total;
}

Result<bool> Dumper::run() {
  CAISSON_ASSIGN_OR_RETURN(const std::vector<std::string> all, names());
  auto at = all.begin();
  if (in_tree_) {
    at = std::ranges::find(all, tree_);
    if (at == all.end()) return fail(Code::kInvalidArgument, "the tree where it stopped is gone");
  }
  for (; at != all.end(); ++at) {
    CAISSON_ASSIGN_OR_RETURN(const bool whole, dump_tree(*at));
    if (!whole) {
      writer_->flush();
      return false;
    }
  }
  writer_->finish();
  return sink_.good();
}

Result<bool> Dumper::dump_tree(const std::string& name) {
  CAISSON_ASSIGN_OR_RETURN(const Tree tree, tree_of(snapshot_, name));
  if (!in_tree_) CAISSON_RETURN_IF_ERROR(writer_->begin_tree(name, tree.count()));
  in_tree_ = true;
  tree_ = name;
  CAISSON_ASSIGN_OR_RETURN(Cursor cursor, tree.cursor(key_ ? Range::from(*key_) : Range()));
  CAISSON_ASSIGN_OR_RETURN(bool more, cursor.next());
  if (more && key_ && as_text(cursor.key()) == *key_) {
    CAISSON_ASSIGN_OR_RETURN(more, cursor.next());
  }
  while (more) {
    if (options_.stopping()) return false;
    const std::string_view key = as_text(cursor.key());
    CAISSON_ASSIGN_OR_RETURN(Value value, cursor.value());
    CAISSON_RETURN_IF_ERROR(writer_->entry(key, value));
    if (!key_) key_.emplace();
    key_->assign(key);
    if (++rows_ % 256 == 0) options_.writing(rows_, sink_.bytes());
    CAISSON_ASSIGN_OR_RETURN(more, cursor.next());
  }
  in_tree_ = false;
  key_.reset();
  return true;
}

DumpMark Dumper::mark() const {
  DumpMark mark;
  mark.only = options_.tree;
  mark.tree = tree_;
  mark.key = key_;
  mark.rows = rows_;
  mark.bytes = sink_.bytes();
  mark.checksum = sink_.checksum();
  if (binary_ != nullptr) mark.binary = binary_->state();
  return mark;
}

}  // namespace caisson::tools

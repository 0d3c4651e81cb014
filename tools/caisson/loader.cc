#include "tools/caisson/loader.h"

#include "tools/caisson/opening.h"

namespace caisson::tools {
namespace {

// The same error, saying where in the source.
Error at_place(const Error& error, const std::string& place) {
  return Error(error.code(), place + ": " + error.message())
      .with_rule(error.rule())
      .with_advice(error.advice());
}

}  // namespace

Result<void> Loader::skip(const LoadMark& mark) {
  const auto changed = [] {
    return fail(Error(Code::kInvalidArgument, "it doesn't begin with what was loaded from it")
                    .with_advice("Load all of it with --restart."));
  };
  Row row;
  while (rows_ < mark.rows) {
    if (options_.stopping()) return fail(Code::kIoError, "stopped while it was read again");
    const auto more = reader_.next(row);
    if (!more || !*more) return changed();
    if (row.kind != Row::Kind::kTree) ++rows_;
    if (rows_ % 256 == 0) options_.reading(rows_, reader_.position());
  }
  if (reader_.position() != mark.bytes || reader_.checksum() != mark.checksum) return changed();
  marked_ = true;
  loaded_.rows = mark.rows;
  loaded_.bytes = mark.bytes;
  loaded_.place = rows_ > 0 ? reader_.place() : "";
  return {};
}

LoadMark Loader::mark() const {
  return {.format = std::string(to_string(options_.format)),
          .tree = options_.tree,
          .rows = rows_,
          .bytes = reader_.position(),
          .checksum = reader_.checksum()};
}

Result<bool> Loader::load_batch() {
  if (finished_) return false;
  CAISSON_ASSIGN_OR_RETURN(WriteTxn txn, store_.begin_write());
  std::uint64_t rows = 0;
  auto more = read_batch(txn, rows);
  trees_.clear();
  last_name_ = nullptr;
  if (!more) return fail(more.error());
  if (options_.stopping()) return false;  // What was read last may be a part of a row.
  if (*more) {
    CAISSON_RETURN_IF_ERROR(set_load_mark(txn, options_.source, mark()));
    marked_ = true;
  } else if (marked_) {
    CAISSON_RETURN_IF_ERROR(remove_load_mark(txn, options_.source));
  }
  const std::string place = rows > 0 ? reader_.place() : loaded_.place;
  CAISSON_ASSIGN_OR_RETURN(const Committed committed, txn.commit());
  finished_ = !*more;
  loaded_.txn = to_u64(committed.txn);
  loaded_.rows = rows_;
  loaded_.bytes = reader_.position();
  loaded_.place = place;
  if (rows > 0) ++loaded_.batches;
  return rows > 0;
}

// Returns whether there may be more rows. A batch that isn't the last one ends with an entry: up to
// there, skip() reads.
Result<bool> Loader::read_batch(WriteTxn& txn, std::uint64_t& rows) {
  if (options_.tree) {
    // Also for no rows: an empty tree is one.
    CAISSON_ASSIGN_OR_RETURN([[maybe_unused]] const WriteTree tree,
                             txn.open_or_create_tree(*options_.tree));
  }
  Row row;
  while (rows < options_.batch) {
    CAISSON_ASSIGN_OR_RETURN(const bool more, reader_.next(row));
    if (!more || options_.stopping()) return false;
    CAISSON_RETURN_IF_ERROR(apply(txn, row));
    if (row.kind == Row::Kind::kTree) continue;
    ++rows;
    if (++rows_ % 256 == 0) options_.reading(rows_, reader_.position());
  }
  return !reader_.at_end();
}

Result<void> Loader::apply(WriteTxn& txn, const Row& row) {
  const auto tree = tree_of(txn, row);
  if (!tree) return fail(at_place(tree.error(), reader_.place()));
  if (row.kind == Row::Kind::kTree) return {};
  if (const auto done = put(**tree, row); !done) {
    return fail(at_place(done.error(), reader_.place()));
  }
  return {};
}

Result<WriteTree*> Loader::tree_of(WriteTxn& txn, const Row& row) {
  if (!row.tree && !options_.tree) {
    return fail(Error(Code::kInvalidArgument, "the row doesn't say its tree")
                    .with_advice("Name one: caisson load STORE TREE FILE."));
  }
  if (row.tree && options_.tree && *row.tree != *options_.tree) {
    return fail(Error(Code::kInvalidArgument, "the row is of the tree " +
                                                  quoted(std::string(*row.tree)) + ", not of " +
                                                  quoted(*options_.tree))
                    .with_advice("Leave the tree out: each row goes to its own then."));
  }
  const std::string_view name = row.tree ? *row.tree : *options_.tree;
  if (last_name_ != nullptr && *last_name_ == name) return last_tree_;
  auto at = trees_.find(name);
  if (at == trees_.end()) {
    const std::string copy(name);
    CAISSON_RETURN_IF_ERROR(check_tree_name(copy));
    CAISSON_ASSIGN_OR_RETURN(const WriteTree tree, txn.open_or_create_tree(copy));
    at = trees_.emplace(copy, tree).first;
  }
  last_name_ = &at->first;
  last_tree_ = &at->second;
  return last_tree_;
}

Result<void> Loader::put(WriteTree& tree, const Row& row) {
  if (options_.on_duplicate == OnDuplicate::kSkip) {
    CAISSON_ASSIGN_OR_RETURN(const auto there, tree.get(row.key));
    if (there) return {};
  }
  CAISSON_ASSIGN_OR_RETURN(const bool is_new, row.kind == Row::Kind::kLongEntry
                                                  ? put_long(tree, row)
                                                  : tree.put(row.key, row.value));
  if (!is_new && options_.on_duplicate == OnDuplicate::kError) {
    return fail(Error(Code::kAlreadyExists, "the key is there already")
                    .with_advice("--on-duplicate replace or skip goes over that."));
  }
  return {};
}

Result<bool> Loader::put_long(WriteTree& tree, const Row& row) {
  CAISSON_ASSIGN_OR_RETURN(ValueWriter writer, tree.put_stream(row.key, row.value_size));
  for (std::uint64_t done = 0; done < row.value_size;) {
    if (options_.stopping()) return fail(Code::kIoError, "stopped");
    CAISSON_ASSIGN_OR_RETURN(const std::string_view piece, reader_.piece());
    CAISSON_RETURN_IF_ERROR(writer.append(piece));
    done += piece.size();
  }
  return writer.finish();
}

}  // namespace caisson::tools

// Opens any bytes as a page file that holds one tree, reads the tree in every way, and changes it.
// Invariants:
//
//   - Whatever the bytes, each step gives an answer or says that the file is damaged: nothing
//     crashes, hangs, reads out of bounds, or does more work than its pages can account for.
//   - Where the validator finds nothing, the tree is what a walk from front to back has shown. So
//     are the walk backward, each get, each move of a cursor within any range, each value read in
//     pieces; keys ascend, and an estimate that says it is exact is.
//   - Such a tree, whose pages are in no list of the file, can be changed: it stays free of
//     findings, becomes what a map becomes, and is read again so from the checkpoint.
//   - All of this but the changes holds of a catalog, too. Where it is free of findings, each tree
//     that it names has as many entries as it says.
//
// Input: a script of 64 bytes, then page_image.h. The script's first byte chooses how the file is
// opened, the next two the number of entries that the tree is said to have; the others are moves,
// reads and changes, and keys for them.

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "btree/cursor.h"
#include "btree/layout.h"
#include "btree/validator.h"
#include "btree/writer.h"
#include "fuzz/check.h"
#include "fuzz/page_image.h"
#include "io/sim/machine.h"
#include "pager/accounts.h"
#include "pager/open.h"
#include "pager/page_txn.h"

namespace caisson {
namespace {

using btree::Cursor;
using btree::Tree;
using btree::TreeKind;
using btree::TreeRoot;
using btree::Value;
using pager::Pager;
using pager::PageTxn;

constexpr const char* kFolder = "/store";
constexpr std::size_t kScriptSize = 64;
constexpr std::size_t kEntriesMax = 2000;
constexpr std::size_t kGetsMax = 40;
constexpr int kPiecesMax = 12;

using Entries = std::vector<std::pair<std::string, std::string>>;  // Keys with read_value().

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// All that a hostile file may cause on a disk that works.
void check_damage(const Error& error) {
  const bool allowed = error.code() == Code::kCorruption;
  if (!allowed) std::fprintf(stderr, "%s\n", error.to_string().c_str());
  FUZZ_CHECK(allowed && !error.rule().empty());
}

bool allowed_at_opening(const Error& error) {
  return error.code() == Code::kCorruption || error.code() == Code::kUnsupportedVersion ||
         error.code() == Code::kWrongStore || error.code() == Code::kResourceExhausted;
}

bool allowed_in_change(const Error& error) {
  return error.code() == Code::kCorruption || error.code() == Code::kInvalidArgument ||
         error.code() == Code::kResourceExhausted;
}

// A value's size and its bytes, as far as they are reached in some pieces.
Result<std::string> read_value(const Value& value) {
  std::string text = std::to_string(value.size()) + ":";
  std::uint64_t at = 0;
  for (int i = 0; i < kPiecesMax && at < value.size(); ++i) {
    CAISSON_ASSIGN_OR_RETURN(const Bytes piece, value.piece(at));
    FUZZ_CHECK(!piece.empty() && piece.size() <= value.size() - at);
    text += text_of(piece);
    at += piece.size();
  }
  return text;
}

// --- A tree that is what a walk has shown --------------------------------------------------------

// What a cursor has to do: the same moves on a sorted list.
class ModelCursor {
 public:
  ModelCursor(const Entries& entries, std::size_t begin, std::size_t end)
      : entries_(entries), begin_(begin), end_(std::max(begin, end)) {}

  bool first() { return to(begin_); }
  bool seek(const std::string& key) { return to(std::max(begin_, place_of(entries_, key))); }
  bool last() {
    state_ = begin_ < end_ ? State::kAt : State::kBefore;
    at_ = end_ - 1;
    return state_ == State::kAt;
  }
  bool next() {
    if (state_ == State::kBehind) return false;
    return state_ == State::kAt ? to(at_ + 1) : first();
  }
  bool prev() {
    if (state_ == State::kBefore) return false;
    if (state_ != State::kAt) return last();
    if (at_ == begin_) {
      state_ = State::kBefore;
      return false;
    }
    --at_;
    return true;
  }
  const Entries::value_type& entry() const { return entries_[at_]; }

  static std::size_t place_of(const Entries& entries, const std::string& key) {
    const auto at = std::ranges::lower_bound(entries, key, {}, &Entries::value_type::first);
    return static_cast<std::size_t>(at - entries.begin());
  }

 private:
  enum class State { kNowhere, kAt, kBefore, kBehind };

  bool to(std::size_t at) {
    at_ = at;
    state_ = at < end_ ? State::kAt : State::kBehind;
    return at < end_;
  }

  const Entries& entries_;
  const std::size_t begin_;
  const std::size_t end_;
  State state_ = State::kNowhere;
  std::size_t at_ = 0;
};

class Run {
 public:
  explicit Run(Bytes input)
      : script_(input.first(std::min(input.size(), kScriptSize))), machine_(1) {
    flags_ = script_.u8();
    said_count_ = script_.u16();
    const Bytes image = input.subspan(std::min(input.size(), kScriptSize));
    io::Vfs& vfs = machine_.vfs();
    FUZZ_CHECK(vfs.create_directory(kFolder));
    directory_ = std::move(*vfs.open_directory(kFolder));
    const auto pages =
        std::move(*directory_->open_file(pager::kPageFileName, {io::OpenMode::kCreate, false}));
    FUZZ_CHECK(fuzz::write_image(image, *pages));
    options_.access = (flags_ & 1U) != 0 ? pager::PageAccess::kMapped : pager::PageAccess::kPrivate;
    options_.read_only = !writes();
    options_.address_space_bytes = std::uint64_t{16} << 20U;
    options_.memory_budget_bytes = std::uint64_t{8} << 20U;
    options_.layout = &btree::tree_layout();
    options_.readers = [](std::vector<pager::RegisteredReader>& readers) {
      readers.push_back({.epoch = 0, .txn = pager::kSeesEverything});
    };
  }

  void run() {
    if (!open()) return;
    Tree tree(*pager_, {pager_->checkpointed().root, said_count_}, kind());
    read_forward(tree);
    validate(tree);
    if (valid_) {
      tree = Tree(*pager_, {pager_->checkpointed().root, entries_.size()}, kind());
      check_whole(tree);
    }
    if (writes()) {
      change(tree);
    } else {
      follow_script(tree);
    }
  }

 private:
  TreeKind kind() const { return (flags_ & 8U) != 0 ? TreeKind::kCatalog : TreeKind::kPlain; }
  bool writes() const { return (flags_ & 2U) != 0 && kind() == TreeKind::kPlain; }
  bool checkpoints() const { return (flags_ & 4U) != 0; }  // Which takes longer than all else.
  bool untrusted() const { return !writes() && (flags_ & 4U) != 0; }

  bool open() {
    if (untrusted()) {
      auto pager = pager::open_untrusted(*directory_, options_);
      if (pager) pager_ = std::move(*pager);
      FUZZ_CHECK(pager || allowed_at_opening(pager.error()));
      return pager.has_value();
    }
    auto attempt = pager::OpenAttempt::begin(*directory_, options_);
    FUZZ_CHECK(attempt || allowed_at_opening(attempt.error()));
    if (!attempt) return false;
    const auto slot = attempt->newest();
    FUZZ_CHECK(slot || allowed_at_opening(slot.error()));
    if (!slot) return false;
    candidate_ = attempt->candidate(*slot);
    auto pager = pager::open_pager(std::move(*attempt), *slot);
    FUZZ_CHECK(pager);
    pager_ = std::move(*pager);
    return true;
  }

  // Fills entries_, which are all only if that is said.
  void read_forward(const Tree& tree) {
    Cursor cursor(tree);
    auto more = cursor.first();
    for (; more && *more && entries_.size() < kEntriesMax; more = cursor.next()) {
      const auto value = read_value(cursor.value());
      if (!value) return check_damage(value.error());
      entries_.emplace_back(text_of(cursor.key()), *value);
      if (kind() == TreeKind::kCatalog) read_named(cursor.value());
      FUZZ_CHECK(cursor.value_size() == cursor.value().size());
    }
    if (!more) return check_damage(more.error());
    read_all_ = !*more;
  }

  void read_named(const Value& value) {
    const auto bytes = value.piece(0);
    FUZZ_CHECK(bytes && btree::names_tree(*bytes));
    Cursor cursor(Tree(*pager_, btree::load_tree_root(bytes->data())));
    for (; named_ < kEntriesMax; ++named_) {
      const auto more = cursor.next();
      if (!more) return check_damage(more.error());
      if (!*more) break;
    }
  }

  void validate(const Tree& tree) {
    const btree::TreeReport report =
        btree::validate_tree(tree, {.findings_max = 5, .values = true, .count = false}, pages_);
    for (const Error& finding : report.findings) {
      FUZZ_CHECK(finding.code() == Code::kCorruption && !finding.rule().empty());
      FUZZ_CHECK(finding.page().has_value());
    }
    if (report.findings_total != 0) return;
    FUZZ_CHECK(read_all_ || entries_.size() == kEntriesMax);
    valid_ = read_all_;
    FUZZ_CHECK(!valid_ || report.entries == entries_.size() + named_ || named_ == kEntriesMax);
    FUZZ_CHECK(!valid_ || report.trees == (kind() == TreeKind::kPlain ? 0 : entries_.size()));
    height_ = report.height;
  }

  // --- Trees without findings --------------------------------------------------------------------

  void check_whole(const Tree& tree) {
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      FUZZ_CHECK(entries_[i - 1].first < entries_[i].first);
    }
    FUZZ_CHECK(tree.height() == height_);
    Cursor cursor(tree);
    for (std::size_t i = entries_.size(); i-- > 0;) {
      FUZZ_CHECK(cursor.prev() == true);
      FUZZ_CHECK(text_of(cursor.key()) == entries_[i].first);
    }
    FUZZ_CHECK(cursor.prev() == false);
    const std::size_t step = entries_.size() / kGetsMax + 1;
    for (std::size_t i = 0; i < entries_.size(); i += step) {
      const auto value = tree.get(bytes_of(entries_[i].first));
      FUZZ_CHECK(value && *value && read_value(**value) == entries_[i].second);
    }
  }

  // --- The script --------------------------------------------------------------------------------

  // One of the tree's keys, often with its end changed, or any bytes.
  std::string key() {
    const unsigned choice = script_.u8();
    if (choice < 200 && !entries_.empty()) {
      std::string key = entries_[script_.u8() * entries_.size() / 256].first;
      switch (choice % 5) {
        case 0:
          key += '\0';
          break;
        case 1:
          if (!key.empty()) key.pop_back();
          break;
        case 2:
          if (!key.empty()) ++key.back();
          break;
        default:
          break;
      }
      return key;
    }
    return text_of(script_.bytes(std::min<std::size_t>(choice % 7, script_.remaining())));
  }

  std::size_t place_of(const std::string& key) const {
    return ModelCursor::place_of(entries_, key);
  }

  void follow_script(const Tree& tree) {
    while (script_.remaining() > 0) {
      switch (script_.u8() % 4) {
        case 0: {
          const std::string begin = key();
          const std::string end = key();
          const bool ends = script_.u8() % 4 != 0;
          walk(Cursor(tree, {bytes_of(begin), ends ? std::optional(bytes_of(end)) : std::nullopt}),
               place_of(begin), ends ? place_of(end) : entries_.size());
          break;
        }
        case 1: {
          const std::string prefix = key();
          std::size_t end = place_of(prefix);
          if (valid_) {
            while (end < entries_.size() && entries_[end].first.starts_with(prefix)) ++end;
          }
          walk(Cursor::with_prefix(tree, bytes_of(prefix)), place_of(prefix), end);
          break;
        }
        case 2:
          get(tree);
          break;
        default:
          estimate(tree);
      }
    }
    if (const auto height = tree.height(); !height) check_damage(height.error());
  }

  void walk(Cursor cursor, std::size_t begin, std::size_t end) {
    ModelCursor model(entries_, begin, end);
    for (unsigned moves = 1 + script_.u8() % 16; moves > 0; --moves) {
      const unsigned move = script_.u8() % 8;
      std::string sought;
      if (move == 2) sought = key();
      const auto there = move == 0   ? cursor.first()
                         : move == 1 ? cursor.last()
                         : move == 2 ? cursor.seek(bytes_of(sought))
                         : move < 6  ? cursor.next()
                                     : cursor.prev();
      if (!there) {
        FUZZ_CHECK(!valid_ && !cursor.valid());
        check_damage(there.error());
        continue;
      }
      FUZZ_CHECK(*there == cursor.valid());
      const auto value = *there ? read_value(cursor.value()) : Result<std::string>("");
      if (!value) check_damage(value.error());
      if (!valid_) continue;
      const bool expected = move == 0   ? model.first()
                            : move == 1 ? model.last()
                            : move == 2 ? model.seek(sought)
                            : move < 6  ? model.next()
                                        : model.prev();
      FUZZ_CHECK(*there == expected);
      if (!expected) continue;
      FUZZ_CHECK(text_of(cursor.key()) == model.entry().first && value == model.entry().second);
    }
  }

  void get(const Tree& tree) {
    const std::string wanted = key();
    const auto value = tree.get(bytes_of(wanted));
    if (!value) {
      FUZZ_CHECK(!valid_);
      return check_damage(value.error());
    }
    const std::size_t place = place_of(wanted);
    if (valid_) {
      const bool there = place < entries_.size() && entries_[place].first == wanted;
      FUZZ_CHECK(value->has_value() == there);
    }
    if (*value) read_part(**value);
  }

  // Bytes from somewhere in a value, as one copy and as a piece.
  void read_part(const Value& value) {
    const std::uint64_t at = value.size() * script_.u8() / 256;
    std::array<std::byte, 300> copy;
    const std::size_t size = std::min<std::uint64_t>(copy.size(), value.size() - at);
    const auto read = value.read(at, MutableBytes(copy).first(size));
    const auto piece = value.piece(at);
    if (!read) return check_damage(read.error());
    if (!piece) return check_damage(piece.error());
    const std::size_t common = std::min(size, piece->size());
    FUZZ_CHECK(std::ranges::equal(Bytes(copy).first(common), piece->first(common)));
  }

  void estimate(const Tree& tree) {
    const std::string begin = key();
    const std::string end = key();
    const auto estimate = tree.estimate({bytes_of(begin), bytes_of(end)});
    if (!estimate) {
      FUZZ_CHECK(!valid_);
      return check_damage(estimate.error());
    }
    if (!valid_) return;
    const std::size_t entries = std::max(place_of(begin), place_of(end)) - place_of(begin);
    FUZZ_CHECK(estimate->entries <= entries_.size());
    FUZZ_CHECK(!estimate->exact || estimate->entries == entries);
  }

  // --- Changes -----------------------------------------------------------------------------------

  void change(const Tree& tree) {
    const bool whole = valid_ && pager::check_accounts(candidate_, pages_, 1).empty();
    const TxnId number{to_u64(pager_->checkpointed().txn) + 1};
    auto txn = PageTxn::begin(*pager_, number);
    if (!txn) return;
    TreeRoot root;
    {
      btree::TreeWriter writer(*pager_, *txn, tree.root());
      std::map<std::string, std::string> model;
      if (whole) model.insert(entries_.begin(), entries_.end());
      while (script_.remaining() > 0) change_once(writer, model, whole);
      root = writer.root();
      if (whole) check_became(writer.tree(), model);
    }
    if (!checkpoints()) return;
    txn->seal();
    pager::CheckpointRequest request;
    request.txn = number;
    request.root = root.page.id;
    const auto written = pager_->checkpoint(request);
    if (!written) {
      FUZZ_CHECK(!whole && allowed_in_change(written.error()));
      return;
    }
    if (whole) reopen(written->meta, root.count);
  }

  void change_once(btree::TreeWriter& writer, std::map<std::string, std::string>& model,
                   bool whole) {
    const unsigned choice = script_.u8();
    const std::string begin = key();
    if (choice % 8 == 0) {
      const std::string end = key();
      const auto erased = writer.erase_range({bytes_of(begin), bytes_of(end)});
      FUZZ_CHECK(erased || (!whole && allowed_in_change(erased.error())));
      if (!whole || end <= begin) return;
      const auto first = model.lower_bound(begin);
      const auto last = model.lower_bound(end);
      FUZZ_CHECK(*erased == static_cast<std::uint64_t>(std::distance(first, last)));
      model.erase(first, last);
    } else if (choice % 8 < 3) {
      const auto erased = writer.erase(bytes_of(begin));
      FUZZ_CHECK(erased || (!whole && allowed_in_change(erased.error())));
      if (whole) FUZZ_CHECK(*erased == (model.erase(begin) == 1));
    } else {
      const std::size_t size = choice % 8 == 3 ? script_.u8() * 40U : script_.u8();
      const std::string value(size, static_cast<char>(choice));
      const auto added = writer.put(bytes_of(begin), bytes_of(value));
      FUZZ_CHECK(added || allowed_in_change(added.error()));
      if (!whole || !added) return;
      const std::string shown = std::to_string(size) + ":" + value;
      FUZZ_CHECK(*added == model.insert_or_assign(begin, shown).second);
    }
  }

  static void check_became(const Tree& tree, const std::map<std::string, std::string>& model) {
    pager::PageSet pages;
    FUZZ_CHECK(btree::validate_tree(tree, {}, pages).findings_total == 0);
    Cursor cursor(tree);
    for (const auto& [key, shown] : model) {
      FUZZ_CHECK(cursor.next() == true && text_of(cursor.key()) == key);
      FUZZ_CHECK(read_value(cursor.value()) == shown);
    }
    FUZZ_CHECK(cursor.next() == false);
  }

  void reopen(const pager::Meta& meta, std::uint64_t count) {
    pager_.reset();
    auto attempt = pager::OpenAttempt::begin(*directory_, options_);
    FUZZ_CHECK(attempt && attempt->newest() == meta.slot);
    const pager::Candidate candidate = attempt->candidate(meta.slot);
    auto pager = pager::open_pager(std::move(*attempt), meta.slot);
    FUZZ_CHECK(pager);
    pager::PageSet pages;
    const Tree tree(**pager, {meta.root, count});
    FUZZ_CHECK(btree::validate_tree(tree, {}, pages).findings_total == 0);
    FUZZ_CHECK(pager::check_accounts(candidate, pages, 1).empty());
  }

  Decoder script_;
  unsigned flags_ = 0;
  std::uint64_t said_count_ = 0;
  io::sim::Machine machine_;
  std::unique_ptr<io::Directory> directory_;
  pager::PagerOptions options_;
  pager::Candidate candidate_;
  std::unique_ptr<Pager> pager_;
  Entries entries_;
  std::uint64_t named_ = 0;  // Entries of the trees that a catalog names.
  bool read_all_ = false;
  bool valid_ = false;  // No findings, and all in entries_.
  unsigned height_ = 0;
  pager::PageSet pages_;
};

}  // namespace
}  // namespace caisson

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  caisson::Run({reinterpret_cast<const std::byte*>(data), size}).run();
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned seed) {
  using caisson::kScriptSize;
  if (size < kScriptSize) return LLVMFuzzerMutate(data, size, size_max);
  caisson::Random random(seed);
  if (random.chance(1, 2)) {
    const std::size_t script = LLVMFuzzerMutate(data, kScriptSize, kScriptSize);
    std::fill(data + script, data + kScriptSize, std::uint8_t{0});
    if (random.chance(1, 2)) return size;
  }
  const caisson::MutableBytes image(reinterpret_cast<std::byte*>(data) + kScriptSize,
                                    size_max - kScriptSize);
  return kScriptSize + caisson::fuzz::mutate_image(image, size - kScriptSize, random.next());
}

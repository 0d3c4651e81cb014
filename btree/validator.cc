#include "btree/validator.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "btree/node_editor.h"

namespace caisson::btree {
namespace {

using pager::Pager;
using pager::PageSet;

class Validator {
 public:
  Validator(const Tree& tree, const ValidatorOptions& options, PageSet& pages)
      : tree_(tree),
        pager_(tree.pager()),
        page_size_(pager_.page_size()),
        options_(options),
        pages_(pages) {}

  TreeReport run() {
    if (tree_.empty()) {
      if (options_.count && tree_.count() != 0) count_differs();
      return std::move(report_);
    }
    const auto root = tree_.read_root();
    if (!root) {
      add(root.error());
      return std::move(report_);
    }
    if (claim(tree_.root().page.id)) {
      report_.height = root->is_branch() ? root->level() - branch_level_min(tree_.kind()) + 2U : 1U;
      const unsigned limit = pager_.checkpointed().limits.tree_height_max;
      if (report_.height > limit + 1) {
        add(broken(tree_.root().page.id,
                   "a tree of " + std::to_string(report_.height) + " levels; the limit is " +
                       std::to_string(limit),
                   "TREE-1"));
      }
      visit(*root, tree_.root().page.id, {}, std::nullopt, true, true);
    }
    if (options_.count && report_.entries != tree_.count() && report_.findings_total == 0 &&
        !report_.stopped) {
      count_differs();
    }
    take_in(report_, std::move(named_));
    return std::move(report_);
  }

 private:
  static Error broken(PageId id, std::string what, const char* rule) {
    return Error(Code::kCorruption, std::move(what)).at_page(to_u64(id)).with_rule(rule);
  }

  void add(Error error) {
    ++report_.findings_total;
    if (report_.findings.size() < options_.findings_max) {
      report_.findings.push_back(std::move(error));
    }
  }

  // Adds what was found in other trees.
  void take_in(TreeReport& report, TreeReport&& others) const {
    for (Error& finding : others.findings) {
      if (report.findings.size() < options_.findings_max) {
        report.findings.push_back(std::move(finding));
      }
    }
    report.findings_total += others.findings_total;
    report.stopped = report.stopped || others.stopped;
    report.trees += others.trees;
    report.entries += others.entries;
    report.leaves += others.leaves;
    report.branches += others.branches;
    report.value_pages += others.value_pages;
    report.long_values += others.long_values;
    report.key_bytes += others.key_bytes;
    report.value_bytes += others.value_bytes;
    report.node_bytes_used += others.node_bytes_used;
    take_in_least(report.least_leaf_fill, others.least_leaf_fill);
    take_in_least(report.least_branch_fill, others.least_branch_fill);
  }

  static void take_in_least(std::optional<std::size_t>& least,
                            const std::optional<std::size_t>& other) {
    if (other) least = std::min(least.value_or(*other), *other);
  }

  void count_differs() {
    add(broken(tree_.root().page.id,
               "the tree is said to have " + std::to_string(tree_.count()) + " entries and has " +
                   std::to_string(report_.entries),
               "TREE-5"));
  }

  bool stopping() {
    report_.stopped = report_.stopped || options_.stop.stop_requested();
    return report_.stopped;
  }

  bool claim(PageId id) {
    if (pages_.contains(id)) {
      add(broken(id, "a page that is in two places", "TREE-4"));
      return false;
    }
    pages_.insert(id);
    return true;
  }

  // Whether the node's keys are all within [least, end).
  void check_bounds(const NodeView& node, PageId id, Bytes least, const std::optional<Bytes>& end) {
    std::vector<std::byte> key(key_buffer_size(page_size_));
    const unsigned first = node.is_branch() ? 1 : 0;
    const auto key_at = [&](unsigned index) {
      return Bytes(key.data(), node.copy_key(index, key.data()));
    };
    if (compare_bytes(key_at(first), least) < 0) {
      add(broken(id, "a key below the separator that leads to it", "TREE-2"));
    }
    if (end && compare_bytes(key_at(node.count() - 1), *end) >= 0) {
      add(broken(id, "a key that belongs behind the next separator", "TREE-2"));
    }
  }

  void check_fill(const NodeView& node, PageId id) {
    const std::size_t fill = node.fill();
    const std::size_t room = node_room(page_size_);
    std::optional<std::size_t>& least =
        node.is_branch() ? report_.least_branch_fill : report_.least_leaf_fill;
    least = std::min(least.value_or(fill), fill);
    if (fill >= room / 3) return;
    add(broken(
        id, "a node filled with " + std::to_string(fill) + " of " + std::to_string(room) + " bytes",
        "TREE-3"));
  }

  void visit(const NodeView& node, PageId id, Bytes least, const std::optional<Bytes>& end,
             bool is_root, bool at_right_edge) {
    check_bounds(node, id, least, end);
    if (!is_root && !at_right_edge) check_fill(node, id);
    if (node.is_branch()) {
      visit_children(node, least, end, at_right_edge);
    } else {
      visit_entries(node);
    }
  }

  void visit_children(const NodeView& branch, Bytes least, const std::optional<Bytes>& end,
                      bool at_right_edge) {
    ++report_.branches;
    const std::vector<std::byte> copy(branch.page(), branch.page() + page_size_);
    const NodeView node(copy.data(), page_size_);
    std::vector<std::byte> begin_key(least.begin(), least.end());
    std::vector<std::byte> end_key(key_buffer_size(page_size_));
    for (unsigned i = 0; i < node.count() && !stopping(); ++i) {
      const bool last = i + 1 == node.count();
      std::optional<Bytes> child_end = end;
      if (!last) child_end = Bytes(end_key.data(), node.copy_key(i + 1, end_key.data()));
      const PageId child_id = node.child(i).id;
      options_.renew();
      const auto child = tree_.read_child(node, i);
      if (!child) {
        add(child.error());
      } else if (claim(child_id)) {
        visit(*child, child_id, begin_key, child_end, false, at_right_edge && last);
      }
      if (!last) begin_key.assign(child_end->begin(), child_end->end());
    }
  }

  void visit_entries(const NodeView& leaf) {
    ++report_.leaves;
    report_.entries += leaf.count();
    report_.node_bytes_used += leaf.used() + leaf.prefix().size() + kNodeHeaderSize;
    std::vector<LongValueRef> values;
    std::vector<TreeRoot> trees;
    for (unsigned i = 0; i < leaf.count(); ++i) {
      report_.key_bytes += leaf.key_size(i);
      if (leaf.value_is_long(i)) {
        values.push_back(leaf.long_value(i));
        report_.value_bytes += values.back().size;
      } else {
        report_.value_bytes += leaf.value(i).size();
      }
      if (tree_.kind() == TreeKind::kCatalog) trees.push_back(leaf.tree_root(i));
    }
    report_.long_values += values.size();
    for (const LongValueRef& value : values) {
      if (options_.values && !stopping()) visit_value(value);
    }
    for (const TreeRoot& tree : trees) {
      if (!stopping()) visit_tree(tree);
    }
  }

  // A tree that a catalog names. Its report is added when that on the catalog itself is done.
  void visit_tree(const TreeRoot& root) {
    options_.renew();
    ValidatorOptions options = options_;
    options.count = true;
    take_in(named_, Validator(Tree(pager_, root), options, pages_).run());
    ++named_.trees;
  }

  void visit_value(const LongValueRef& value) {
    const std::uint8_t level = value_root_level(value.size, page_size_);
    value_birth_.reset();
    visit_value_page(value.root, level, value.size);
  }

  // `size`: the bytes of the value that lie below this page.
  void visit_value_page(const PageRef& ref, std::uint8_t level, std::uint64_t size) {
    options_.renew();
    const auto page = read_value_page(pager_, ref, level);
    if (!page) {
      add(page.error());
      return;
    }
    if (!claim(ref.id)) return;
    ++report_.value_pages;
    const TxnId birth = pager::read_header(*page).txn;
    if (value_birth_.value_or(birth) != birth) {
      add(broken(ref.id, "a value's pages are of several transactions", "VALUE-4"));
    }
    value_birth_ = birth;
    const Bytes body = Bytes(*page, page_size_).subspan(pager::kPageHeaderSize);
    if (level == 0) {
      if (!all_zero(body.subspan(size))) {
        add(broken(ref.id, "bytes behind a value's end are not zero", "VALUE-3"));
      }
      return;
    }
    const std::uint64_t below = value_bytes_below(level, page_size_);
    const std::uint64_t count = (size - 1) / below + 1;
    if (load_reference(body.data() + (count - 1) * kReferenceSize).id == PageId{} ||
        !all_zero(body.subspan(count * kReferenceSize))) {
      add(broken(ref.id, "a value index without exactly " + std::to_string(count) + " references",
                 "VALUE-1"));
      return;
    }
    // A copy: pages may be evicted meanwhile.
    const std::vector<std::byte> index(body.begin(), body.end());
    for (std::uint64_t i = 0; i < count && !stopping(); ++i) {
      const PageRef child = load_reference(index.data() + i * kReferenceSize);
      visit_value_page(child, static_cast<std::uint8_t>(level - 1),
                       std::min(below, size - i * below));
    }
  }

  const Tree tree_;
  Pager& pager_;
  const std::size_t page_size_;
  const ValidatorOptions& options_;
  PageSet& pages_;
  TreeReport report_;
  TreeReport named_;  // On the trees that a catalog has named so far.
  std::optional<TxnId> value_birth_;
};

}  // namespace

TreeReport validate_tree(const Tree& tree, const ValidatorOptions& options, PageSet& pages) {
  return Validator(tree, options, pages).run();
}

}  // namespace caisson::btree

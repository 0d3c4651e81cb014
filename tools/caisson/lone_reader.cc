#include "tools/caisson/lone_reader.h"

#include "btree/layout.h"

namespace caisson::tools {

pager::PagerOptions LoneReader::options() {
  pager::PagerOptions options;
  options.read_only = true;
  options.layout = &btree::tree_layout();
  options.readers = [this](std::vector<pager::RegisteredReader>& readers) {
    readers.push_back({.epoch = epoch_, .txn = pager::kSeesEverything});
  };
  return options;
}

btree::TreeKind kind_of_tree(pager::Pager& pager, const pager::PageRef& root) {
  if (root.id == PageId{}) return btree::TreeKind::kPlain;
  const auto page = pager.read(root);
  const bool catalog = page && pager::read_header(*page).level >= btree::kCatalogLeafLevel;
  return catalog ? btree::TreeKind::kCatalog : btree::TreeKind::kPlain;
}

}  // namespace caisson::tools

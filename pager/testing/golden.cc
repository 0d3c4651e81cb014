#include "pager/testing/golden.h"

#include "pager/testing/harness.h"

namespace caisson::pager::testing {

std::unique_ptr<io::Directory> make_store_of(io::sim::Machine& machine, Bytes page_file) {
  io::Vfs& vfs = machine.vfs();
  value_of(vfs.create_directory(kStorePath));
  auto directory = value_of(vfs.open_directory(kStorePath));
  const auto pages = value_of(directory->open_file(kPageFileName, {io::OpenMode::kCreate, false}));
  value_of(pages->write(0, page_file));
  value_of(pages->sync_all());
  value_of(directory->sync());
  return directory;
}

}  // namespace caisson::pager::testing

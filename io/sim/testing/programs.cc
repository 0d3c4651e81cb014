#include "io/sim/testing/programs.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace caisson::io::testing {
namespace {

template <typename T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

}  // namespace

std::unique_ptr<Directory> root_of(sim::Machine& machine) {
  return value_of(machine.vfs().open_directory("/"));
}

std::unique_ptr<File> create(sim::Machine& machine, const std::string& name) {
  return value_of(root_of(machine)->open_file(name, kCreate));
}

std::unique_ptr<File> open(sim::Machine& machine, const std::string& name) {
  return value_of(root_of(machine)->open_file(name, kReadWrite));
}

std::unique_ptr<File> create_durable(sim::Machine& machine, const std::string& name,
                                     const Buffer& bytes) {
  auto file = create(machine, name);
  value_of(file->write(0, bytes));
  value_of(file->sync_data());
  value_of(root_of(machine)->sync());
  return file;
}

Names names_of(sim::Machine& machine) { return value_of(root_of(machine)->list()); }

Buffer bytes_of(sim::Machine& machine, const std::string& name) {
  const auto file = open(machine, name);
  Buffer bytes(value_of(file->size()));
  value_of(file->read_exactly(0, bytes));
  return bytes;
}

void fail_next(sim::Machine& machine, sim::FaultKind kind) {
  machine.inject({machine.calls(), kind, false});
}

void make_every_call(sim::Machine& machine) {
  const auto root = root_of(machine);
  (void)root->make_directory("dir");
  (void)root->open_directory("dir");
  const auto file = root->open_file("file", kCreate);
  if (file) {
    const Buffer bytes = filled(5000, 1);
    const std::array<Bytes, 2> parts = {Bytes(bytes).first(10), Bytes(bytes).subspan(10)};
    (void)(*file)->try_lock(LockKind::kExclusive, 0, 1);
    (void)(*file)->is_locked(0, 1);
    (void)(*file)->allocate(0, 8192);
    (void)(*file)->write(0, bytes);
    (void)(*file)->write_vector(5000, parts);
    (void)(*file)->sync_data();
    (void)(*file)->sync_all();
    (void)(*file)->truncate(9000);
    (void)(*file)->size();
    (void)(*file)->identity();
    Buffer into(9000);
    (void)(*file)->read(0, into);
    (*file)->advise(0, 4096, Advice::kDontNeed);
    const auto mapping = (*file)->map(65'536);
    if (mapping) {
      (void)(*mapping)->populate(0, 4096);
      (void)(*mapping)->lock(0, 4096);
      (*mapping)->advise(0, 4096, Advice::kRandom);
    }
    (void)(*file)->unlock(0, 1);
  }
  (void)root->rename("file", "other", IfTargetExists::kFail);
  (void)root->unlink("other");
  (void)root->list();
  (void)root->sync();
  (void)root->file_system();
  Buffer random(16);
  (void)machine.vfs().random(random);
}

std::string line_of(const sim::TracedCall& call) {
  return std::string(to_string(call.call)) + " " + call.file + " " + std::to_string(call.offset) +
         "+" + std::to_string(call.size) + " -> " + std::to_string(call.error);
}

std::vector<std::string> lines_of(const sim::Machine& machine) {
  std::vector<std::string> lines;
  for (const sim::TracedCall& call : machine.trace()) lines.push_back(line_of(call));
  return lines;
}

}  // namespace caisson::io::testing

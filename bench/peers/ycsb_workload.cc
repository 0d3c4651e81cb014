#include "bench/peers/ycsb_workload.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

namespace caisson::bench {
namespace {

constexpr std::size_t kPoolSize = std::size_t{1} << 20U;

Kind kind_of(const Workload& workload, std::uint64_t percent) {
  std::size_t kind = 0;
  for (; percent >= workload.percent[kind]; ++kind) percent -= workload.percent[kind];
  return static_cast<Kind>(kind);
}

}  // namespace

const char* to_string(Choice choice) {
  constexpr const char* kNames[] = {"zipfian", "uniform", "latest"};
  return kNames[static_cast<std::size_t>(choice)];
}

const char* to_string(Kind kind) {
  constexpr const char* kNames[] = {"read", "update", "insert", "scan", "read_modify_write"};
  return kNames[static_cast<std::size_t>(kind)];
}

Zipfian::Zipfian(std::uint64_t count) {
  sums_.reserve(count);
  double sum = 0;
  for (std::uint64_t i = 1; i <= count; ++i) {
    sum += std::pow(static_cast<double>(i), -kTheta);
    sums_.push_back(sum);
  }
}

std::uint64_t Zipfian::next(Random& random) const {
  const auto found = std::ranges::upper_bound(sums_, random.unit() * sums_.back());
  return static_cast<std::uint64_t>(std::min(found, sums_.end() - 1) - sums_.begin());
}

std::vector<Operation> make_operations(const Workload& workload, Choice choice, std::uint64_t rows,
                                       std::size_t count, std::uint64_t seed) {
  Random random(seed);
  const Zipfian zipfian(choice == Choice::kUniform ? 1 : rows);
  std::vector<Operation> operations(count);
  for (Operation& operation : operations) {
    operation.kind = kind_of(workload, random.below(100));
    operation.row = choice == Choice::kUniform ? random.below(rows) : zipfian.next(random);
    if (choice == Choice::kZipfian) operation.row = ycsb_hash(operation.row) % rows;
    operation.scan_rows = static_cast<std::uint32_t>(random.between(1, kScanRowsMax));
  }
  return operations;
}

std::uint64_t ycsb_hash(std::uint64_t number) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (int i = 0; i < 8; ++i) {
    hash = (hash ^ (number & 0xFFU)) * 1099511628211U;
    number >>= 8U;
  }
  return hash >> 63U == 0 ? hash : ~hash + 1;
}

YcsbKey::YcsbKey(std::uint64_t number) {
  constexpr std::string_view kUser = "user";
  std::ranges::copy(kUser, text_.begin());
  const auto end =
      std::to_chars(text_.data() + kUser.size(), text_.data() + text_.size(), ycsb_hash(number));
  size_ = static_cast<std::size_t>(end.ptr - text_.data());
}

YcsbValues::YcsbValues(std::uint64_t seed) : bytes_(kPoolSize + kSize, '\0') {
  Random(seed).fill(std::as_writable_bytes(std::span(bytes_)));
}

std::string_view YcsbValues::value(std::uint64_t number) const {
  return std::string_view(bytes_).substr(ycsb_hash(number) % kPoolSize, kSize);
}

void RowCount::inserted(std::uint64_t number) {
  const MutexLock lock(mutex_);
  ahead_.insert(number);
  std::uint64_t all = all_there_.load();
  for (; !ahead_.empty() && *ahead_.begin() == all; ++all) ahead_.erase(ahead_.begin());
  all_there_.store(all);
}

}  // namespace caisson::bench

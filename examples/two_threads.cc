// One thread writes, others read: nobody waits for anybody. Money goes from account to account in
// one thread, and two others add up all accounts, again and again, each time in a snapshot of its
// own. The sum is always the same.
//
// Errors are looked at here, and passed on as values: nothing throws.
//
// Usage: two_threads [STORE]        (default: bank.caisson, in the current directory)

#include <caisson/store.h>

#include <charconv>
#include <cstdint>
#include <expected>
#include <iostream>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace {

using caisson::Error;
using caisson::Result;

constexpr int kAccounts = 100;
constexpr int kTransfers = 1000;
constexpr std::int64_t kEach = 1000;

std::string account(int number) { return "account/" + std::to_string(100 + number); }

std::int64_t number_of(std::string_view text) {
  std::int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// Makes the accounts, each with as much, in one transaction.
Result<void> open_accounts(const caisson::Store& store) {
  auto txn = store.begin_write();
  if (!txn) return std::unexpected(txn.error());
  auto accounts = txn->open_or_create_tree("accounts");
  if (!accounts) return std::unexpected(accounts.error());
  for (int i = 0; i < kAccounts; ++i) {
    const auto put = accounts->put(account(i), std::to_string(kEach));
    if (!put) return std::unexpected(put.error());
  }
  const auto committed = txn->commit();
  if (!committed) return std::unexpected(committed.error());
  return {};
}

// Adds to an account, or takes from it.
Result<void> change(caisson::WriteTree& accounts, const std::string& key, std::int64_t by) {
  auto balance = accounts.get(key);
  if (!balance) return std::unexpected(balance.error());
  if (!*balance) return std::unexpected(Error(caisson::Code::kNotFound, "no account " + key));
  const auto bytes = (*balance)->bytes();
  if (!bytes) return std::unexpected(bytes.error());
  const auto put = accounts.put(key, std::to_string(number_of(caisson::as_text(*bytes)) + by));
  if (!put) return std::unexpected(put.error());
  return {};
}

// One transfer, one transaction. Left early, it is rolled back.
Result<void> transfer(const caisson::Store& store, int from, int to, std::int64_t amount) {
  auto txn = store.begin_write();
  if (!txn) return std::unexpected(txn.error());
  auto accounts = txn->open_tree("accounts");
  if (!accounts) return std::unexpected(accounts.error());
  if (auto taken = change(*accounts, account(from), -amount); !taken) return taken;
  if (auto given = change(*accounts, account(to), amount); !given) return given;
  // Nobody waits for each of them to be durable; a crash takes the last ones, if any.
  const auto committed = txn->commit({.durability = caisson::Durability::kAsync});
  if (!committed) return std::unexpected(committed.error());
  return {};
}

// What is in all accounts together.
Result<std::int64_t> total(const caisson::Store& store) {
  auto snapshot = store.snapshot();
  if (!snapshot) return std::unexpected(snapshot.error());
  auto accounts = snapshot->tree("accounts");
  if (!accounts) return std::unexpected(accounts.error());
  auto cursor = accounts->cursor(caisson::Range::with_prefix("account/"));
  if (!cursor) return std::unexpected(cursor.error());
  std::int64_t sum = 0;
  auto more = cursor->first();
  for (; more && *more; more = cursor->next()) {
    auto balance = cursor->value();
    if (!balance) return std::unexpected(balance.error());
    const auto bytes = balance->bytes();
    if (!bytes) return std::unexpected(bytes.error());
    sum += number_of(caisson::as_text(*bytes));
  }
  if (!more) return std::unexpected(more.error());
  return sum;
}

// Adds up in a thread of its own until it is told to stop.
class Auditor {
 public:
  explicit Auditor(const caisson::Store& store)
      : thread_([this, &store](const std::stop_token& stop) { run(store, stop); }) {}

  // How often it did so; or what went wrong.
  Result<int> stop() {
    thread_.request_stop();
    thread_.join();
    if (error_) return std::unexpected(*error_);
    return audits_;
  }

 private:
  void run(const caisson::Store& store, const std::stop_token& stop) {
    do {
      const auto sum = total(store);
      if (!sum) {
        error_ = sum.error();
      } else if (*sum != kAccounts * kEach) {
        error_ = Error(caisson::Code::kCorruption, "the sum is " + std::to_string(*sum));
      }
      ++audits_;
    } while (!stop.stop_requested() && !error_);
  }

  std::optional<Error> error_;  // The thread's, until it has ended; and so is the next.
  int audits_ = 0;
  std::jthread thread_;
};

Result<void> run(const std::string& path) {
  auto store = caisson::Store::open(path, {.create_if_missing = true});
  if (!store) return std::unexpected(store.error());
  if (auto opened = open_accounts(*store); !opened) return opened;

  Auditor first(*store);
  Auditor second(*store);
  Result<void> written;
  for (int i = 0; written && i < kTransfers; ++i) {
    written = transfer(*store, i % kAccounts, i * 7 % kAccounts, i % 100);
  }
  for (Auditor* auditor : {&first, &second}) {
    const auto audits = auditor->stop();
    if (!audits) return std::unexpected(audits.error());
    std::cout << "the sum was right " << *audits << " times\n";
  }
  if (!written) return written;
  return store->close();
}

}  // namespace

int main(int argc, char** argv) {
  const auto done = run(argc > 1 ? argv[1] : "bank.caisson");
  if (done) return 0;
  std::cerr << done.error().to_string() << '\n';
  return 1;
}

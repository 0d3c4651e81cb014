// The binary format of dumps, spec/dump.md: a header, and blocks of items, each checksummed.

#ifndef CAISSON_TOOLS_ROWS_DUMP_FORMAT_H_
#define CAISSON_TOOLS_ROWS_DUMP_FORMAT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/rows/row.h"
#include "tools/rows/row_writer.h"

namespace caisson::tools {

inline constexpr std::size_t kDumpHeaderSize = 32;
inline constexpr std::size_t kDumpBlockHeaderSize = 16;
inline constexpr std::size_t kDumpPayloadMax = std::size_t{1} << 20U;

// Reads any bytes; what breaks a rule of the format is kCorruption with the rule's name.
class DumpReader : public RowReader {
 public:
  explicit DumpReader(InputBuffer& input) : input_(input) {}

  Result<bool> next(Row& row) override;
  Result<std::string_view> piece() override;
  std::string place() const override;
  bool at_end() override { return ended_; }
  std::uint64_t position() const override { return input_.position(); }
  std::uint32_t checksum() override { return input_.checksum(); }

  // The commit whose state was dumped; 0 before the first call of next().
  TxnId txn() const { return txn_; }

 private:
  enum class Item : std::uint8_t { kTree = 1, kEntry, kLongEntry, kPiece, kEnd };

  Result<void> read_header();
  Result<void> read_block();
  Result<Item> read_item();
  Result<bool> read_row(Item item, Row& row);
  Result<std::string_view> read_bytes();
  Result<std::uint64_t> read_number();
  Result<void> read_end();
  bool want(std::size_t size);

  // kCorruption. There are no rows behind it.
  std::unexpected<Error> bad(const std::string& what, const std::string& rule);

  InputBuffer& input_;
  TxnId txn_{};
  bool begun_ = false;
  bool ended_ = false;          // The last item was read, or one was bad.
  std::uint64_t block_ = 0;     // The number of the next block.
  std::uint64_t block_at_ = 0;  // Where the current one begins.
  std::string payload_;         // Of the current block,
  std::size_t next_ = 0;        // and what of it is next.
  std::string tree_;
  bool has_tree_ = false;
  std::uint64_t value_left_ = 0;  // Of a long entry.
  std::uint64_t trees_ = 0;
  std::uint64_t entries_ = 0;
};

class DumpWriter : public RowWriter {
 public:
  // What has been written, for one that goes on with it.
  struct State {
    std::uint64_t blocks = 0;
    std::uint64_t trees = 0;
    std::uint64_t entries = 0;
  };

  // Begins a dump of the state behind a commit.
  DumpWriter(RowSink& sink, TxnId txn);

  // Goes on behind flush().
  DumpWriter(RowSink& sink, const State& state) : sink_(sink), state_(state) {}

  Result<void> begin_tree(std::string_view name, std::uint64_t count) override;
  Result<void> entry(std::string_view key, Value& value) override;
  void flush() override;
  void finish() override;

  const State& state() const { return state_; }

 private:
  // Makes room for an item of so many bytes.
  void reserve(std::size_t size);
  void add_number(std::uint64_t number);
  void add_bytes(std::string_view bytes);

  RowSink& sink_;
  State state_;
  std::string payload_;
};

}  // namespace caisson::tools

#endif  // CAISSON_TOOLS_ROWS_DUMP_FORMAT_H_

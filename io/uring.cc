#include "io/uring.h"

#ifdef CAISSON_HAVE_LIBURING
#include <liburing.h>
#endif

#include <array>
#include <cerrno>

namespace caisson::io {

#ifdef CAISSON_HAVE_LIBURING
namespace {

// Registered files and buffers gain nothing here: what they save is little beside a flush, and a
// registered file is closed only some time after its ring.
class Liburing final : public Uring {
 public:
  Liburing() {
    io_uring_params parameters{};
    started_ = io_uring_queue_init_params(kStepCount, &ring_, &parameters) == 0;
    // Comes with Linux 5.5. Older ones may not know linked requests.
    has_links_ = (parameters.features & IORING_FEAT_NODROP) != 0;
  }
  Liburing(const Liburing&) = delete;
  Liburing& operator=(const Liburing&) = delete;
  ~Liburing() override {
    if (started_) io_uring_queue_exit(&ring_);
  }

  bool usable() const { return started_ && has_links_; }

  SysResult write_and_sync(int file, std::uint64_t offset, std::span<const iovec> parts) override {
    io_uring_sqe* const write = io_uring_get_sqe(&ring_);
    io_uring_sqe* const flush = io_uring_get_sqe(&ring_);
    // Full only with what an earlier call failed to hand over: never again, its memory is gone.
    if (write == nullptr || flush == nullptr) return {0, ENOSYS};
    io_uring_prep_writev(write, file, parts.data(), static_cast<unsigned>(parts.size()), offset);
    io_uring_sqe_set_data64(write, kWrite);
    write->flags |= IOSQE_IO_LINK;  // The flush begins when all is written, and else not at all.
    io_uring_prep_fsync(flush, file, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(flush, kFlush);
    const int submitted = io_uring_submit_and_wait(&ring_, kStepCount);
    if (submitted <= 0) return {0, ENOSYS};
    return outcome_of(submitted);
  }

 private:
  enum Step : std::uint8_t { kWrite, kFlush };
  static constexpr unsigned kStepCount = 2;

  SysResult outcome_of(int submitted) {
    std::array<int, kStepCount> results{-EIO, -EIO};
    for (; submitted > 0; --submitted) {
      io_uring_cqe* completed = nullptr;
      // Interrupted, it goes on: until then the kernel reads the caller's memory.
      while (io_uring_wait_cqe(&ring_, &completed) != 0) {
      }
      results[completed->user_data] = completed->res;
      io_uring_cqe_seen(&ring_, completed);
    }
    if (results[kWrite] < 0) return {0, -results[kWrite]};
    if (results[kFlush] == -ECANCELED) return {};  // Less was written than all.
    // Not with its own errno, which might read as if nothing had been done.
    if (results[kFlush] < 0) return {0, EIO};
    return {results[kWrite], 0};
  }

  io_uring ring_{};
  bool started_ = false;
  bool has_links_ = false;
};

}  // namespace

std::unique_ptr<Uring> Uring::make() {
  auto made = std::make_unique<Liburing>();
  if (!made->usable()) return nullptr;
  return made;
}

#else

std::unique_ptr<Uring> Uring::make() { return nullptr; }

#endif

}  // namespace caisson::io

#include "controller/store/stored_pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace reeve {
namespace {

Error read_only(std::string_view act) {
  return Error{"store_failed", std::string(act) + ": this store is only read"};
}

class StoredFile final : public PageFile {
 public:
  explicit StoredFile(Fd file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  Status write(std::uint64_t, ByteView) override { return read_only("write"); }
  Status truncate(std::uint64_t) override { return read_only("truncate"); }
  Status sync() override { return {}; }
  std::uint64_t size() const override { return size_; }

  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    if (offset >= size_) return Bytes{};
    Bytes out(std::min<std::uint64_t>(count, size_ - offset));
    std::size_t done = 0;
    while (done < out.size()) {
      const ssize_t got = ::pread(file_.get(), out.data() + done, out.size() - done,
                                  static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return os_error("store_failed", "read", "the store", errno);
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    out.resize(done);
    return out;
  }

 private:
  Fd file_;  // not open: an empty file
  std::uint64_t size_;
};

}  // namespace

StoredPages::Facts StoredPages::facts_of(const std::string& name) const {
  struct stat seen {};
  if (::stat((directory_ + "/" + name).c_str(), &seen) != 0) return {};
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  return {seen.st_ino, seen.st_size, seen.st_mtim.tv_sec * ns_per_s + seen.st_mtim.tv_nsec};
}

Result<std::unique_ptr<PageFile>> StoredPages::open_pages(std::string_view name) {
  const std::string text(name);
  const Facts facts = facts_of(text);
  opened_.try_emplace(text, facts);
  if (facts.inode == 0) return std::unique_ptr<PageFile>(std::make_unique<StoredFile>(Fd(), 0));
  const std::string path = directory_ + "/" + text;
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return os_error("store_failed", "open", path, errno);
  return std::unique_ptr<PageFile>(
      std::make_unique<StoredFile>(std::move(file), static_cast<std::uint64_t>(facts.size)));
}

bool StoredPages::has_file(std::string_view name) const {
  return facts_of(std::string(name)).inode != 0;
}

Status StoredPages::remove(std::string_view /*name*/) { return read_only("remove"); }

Status StoredPages::sync_directory(std::string_view /*name*/) { return {}; }

bool StoredPages::is_unchanged() const {
  return std::ranges::all_of(opened_,
                             [&](const auto& one) { return facts_of(one.first) == one.second; });
}

}  // namespace reeve

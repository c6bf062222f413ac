// How long what the controller has proven to have is kept all the same, so that a controller that
// comes back from a backup can be filled again: for each time at which a stream's acknowledgements
// came into a further segment, until when the segments before it stay. A value of a stream's
// outbox.
#pragma once

#include <cstdint>
#include <deque>

namespace reeve {

class Retention {
 public:
  struct Mark {
    std::uint32_t before = 0;  // segments of lower numbers than this,
    std::int64_t until_s = 0;  // in trusted time
    bool operator==(const Mark&) const = default;
  };

  // Every segment before this one is acknowledged by now. Times are rounded up to hours, so that
  // there are few marks.
  void acknowledged(std::uint32_t before, std::int64_t now_s);
  // Segments before this number have been kept long enough. Marks further ahead than anything can
  // be, of a clock that was wrong, are taken back.
  std::uint32_t expired_before(std::int64_t now_s);

  // Ascending in both.
  const std::deque<Mark>& marks() const { return marks_; }
  // As they were read from a disk; what is no list of marks is none.
  void restore(std::deque<Mark> marks);

 private:
  std::deque<Mark> marks_;
  std::uint32_t expired_before_ = 0;
};

}  // namespace reeve

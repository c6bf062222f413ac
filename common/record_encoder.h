// How a record of known fields is written: its stamps first, then as many fields as were announced,
// each a key followed by its value. Used by the kinds of records that are made in the middle of a
// fix; all others go through encode_record(), and both are cut alike where they pass the limits.
#pragma once

#include "common/codec.h"
#include "common/record.h"

namespace reeve {

class RecordEncoder {
 public:
  RecordEncoder(std::string_view type, Moment sealed, std::optional<Severity> severity,
                std::size_t fields);

  // The value of this field comes next.
  Encoder& field(std::string_view key) { return out_.text(key); }
  void text(std::string_view key, std::string_view text) { field(key).text(text); }
  void name(std::string_view key, std::string_view bytes) { field(key).name(bytes); }
  void moment(std::string_view key, const Moment& moment) {
    field(key).array(2).integer(moment.mono_ns).integer(moment.wall_ns);
  }
  // `listed`: how many items its lists have together; all else is of a fixed number.
  Bytes finish(std::size_t listed);

 private:
  Encoder out_;
  std::size_t stamps_;
};

}  // namespace reeve

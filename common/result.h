// Result<T> carries a value or an Error: what the world refused. Every Error has a stable name
// that the manual explains, says which act failed on which object, and may give the next step.
// Absence is std::optional; being wrong ourselves is REEVE_ASSERT, which stays on in release
// builds.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace reeve {

struct Error {
  std::string name;    // stable and snake_case, such as "unsafe_path"
  std::string detail;  // the act, the object and, where there is one, the errno in words
  std::string next{};  // what the reader can do now; may be empty
  int os_errno = 0;    // 0 where the operating system had no part in it

  bool operator==(const Error&) const = default;
};

// An Error from errno: detail becomes "act object: words for errno".
Error os_error(std::string_view name, std::string_view act, std::string_view object, int os_errno);

[[noreturn]] void assertion_failed(const char* claim, const char* file, int line);

}  // namespace reeve

#define REEVE_ASSERT(claim) \
  ((claim) ? void(0) : ::reeve::assertion_failed(#claim, __FILE__, __LINE__))

namespace reeve {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : held_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return held_.index() == 0; }
  explicit operator bool() const { return ok(); }

  const T& value() const& {
    REEVE_ASSERT(ok());
    return std::get<0>(held_);
  }
  T& value() & {
    REEVE_ASSERT(ok());
    return std::get<0>(held_);
  }
  T&& value() && {
    REEVE_ASSERT(ok());
    return std::get<0>(std::move(held_));
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const {
    REEVE_ASSERT(!ok());
    return std::get<1>(held_);
  }

 private:
  std::variant<T, Error> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const {
    REEVE_ASSERT(!ok_);
    return error_;
  }

 private:
  Error error_{};
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace reeve

// Hands bad news up at once: for calls whose Error the caller would only pass on.
#define REEVE_TRY(call) \
  if (auto reeve_status_ = (call); !reeve_status_.ok()) return reeve_status_.error()

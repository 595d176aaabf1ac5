// Failures as sentences: what was expected of whom, and what came.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace device {

struct Error : std::runtime_error {
  std::string detail;  // the same as JSON, for a caller that can do something about it; mostly empty
  explicit Error(const std::string& sentence, std::string more = "") : std::runtime_error(sentence), detail(std::move(more)) {}
};

// Thrown at the next launch after the caller asked to stop.
struct Cancelled : Error {
  Cancelled() : Error("cancelled") {}
};

template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::ostringstream s;
  (s << ... << parts);
  return s.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(sentence(parts...));
}

}  // namespace device

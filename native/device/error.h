// Failures as sentences: what was expected of whom, and what came.
#pragma once
#include <sstream>
#include <stdexcept>
#include <string>

namespace device {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
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

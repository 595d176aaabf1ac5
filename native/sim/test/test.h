// A test is a function with a name. It passes when it returns; CHECK throws a sentence.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

namespace sim::testing {

using Tests = std::map<std::string, std::function<void()>>;
inline Tests& tests() {
  static Tests t;
  return t;
}
struct Register {
  Register(const char* name, std::function<void()> f) { tests()[name] = std::move(f); }
};

template <class... A>
[[noreturn]] void fail(const char* file, int line, const A&... parts) {
  std::ostringstream s;
  s << file << ":" << line << ": ";
  (s << ... << parts);
  throw std::runtime_error(s.str());
}

// Opcodes of the instructions that the running test has executed or lowered.
inline std::set<std::string>& forms_seen() {
  static std::set<std::string> s;
  return s;
}

}  // namespace sim::testing

#define TEST(name)                                                     \
  static void test_##name();                                           \
  static ::sim::testing::Register register_##name(#name, test_##name); \
  static void test_##name()
#define CHECK(cond, ...)                                                                                     \
  do                                                                                                         \
    if (!(cond)) ::sim::testing::fail(__FILE__, __LINE__, "expected " #cond " " __VA_OPT__(, ) __VA_ARGS__); \
  while (0)
#define CHECK_EQ(a, b, ...)                                                            \
  do {                                                                                 \
    auto got_ = (a);                                                                   \
    auto want_ = (b);                                                                  \
    if (!(got_ == want_))                                                              \
      ::sim::testing::fail(__FILE__, __LINE__, #a " expected ", want_, ", got ", got_, \
                           " " __VA_OPT__(, ) __VA_ARGS__);                            \
  } while (0)

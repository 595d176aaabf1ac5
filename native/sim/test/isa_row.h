// Runs one PTX instruction on a bare register file and holds every lane against an expression of the test's
// own.
//   %p predicates, %b 8-bit, %h 16-bit, %r 32-bit, %q 64-bit, %x 128-bit registers; all exist.
#pragma once
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "../machine/lane.h"
#include "../machine/row.h"

namespace sim::isa_test {

struct Case {
  const char* name;
  void (*run)();
};
std::vector<Case>& cases();
struct Register {
  Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};
#define SIM_TEST(name)                                                  \
  static void test_##name();                                            \
  static ::sim::isa_test::Register register_##name(#name, test_##name); \
  static void test_##name()

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};
[[noreturn]] void fail(const std::string& sentence);
#define EXPECT(condition) \
  ((condition) ? void() : ::sim::isa_test::fail(std::string("expected ") + #condition))

// The register file: 24 registers a class.
class Registers {
 public:
  Registers();
  uint32_t& p(unsigned k) { return *at<uint32_t>('p', k); }
  uint32_t* r(unsigned k) { return at<uint32_t>('r', k); }
  uint32_t* h(unsigned k) { return at<uint32_t>('h', k); }
  uint64_t* q(unsigned k) { return at<uint64_t>('q', k); }
  float* f(unsigned k) { return reinterpret_cast<float*>(r(k)); }
  // Value of one lane of "r3", "p0", ...; predicates are 0 or 1.
  uint64_t get(const char* reg, unsigned lane);
  void set(const char* reg, unsigned lane, uint64_t v);
  static uint32_t offset(char cls, unsigned k);
  uint8_t* data() { return bytes_.data() + shift_; }
  Warp warp;

 private:
  template <class T>
  T* at(char cls, unsigned k) {
    return reinterpret_cast<T*>(data() + offset(cls, k));
  }
  std::vector<uint8_t> bytes_;
  size_t shift_;
};

// One instruction, parsed and its row chosen as the machine would.
class Prepared {
 public:
  explicit Prepared(const std::string& text);
  ~Prepared();
  bool found() const { return fn_ != nullptr; }
  void run(Registers& regs, uint32_t exec = ALL) const;
  const Row* row = nullptr;

 private:
  struct Text;
  std::unique_ptr<Text> text_;
  Handler fn_ = nullptr;
  Instr instr_;
  std::vector<Slot> slots_;
  std::vector<uint8_t> constants_;
};

// Runs `text` ("add.s32 %r0, %r1, %r2") `rounds` times on values from gen(source, round, lane), the lanes off
// in every other round checked to be untouched, and compares register dst with want(sources of that lane).
using Values = std::function<uint64_t(unsigned source, unsigned round, unsigned lane)>;
using Want = std::function<uint64_t(const uint64_t* s)>;
void check_row(const std::string& text, const char* dst, const std::vector<const char*>& src, unsigned rounds,
               const Values& gen, const Want& want);

// Values that find mistakes: zeros, ones, extremes, powers of two and their neighbours, and random bits, of
// the given width.
uint64_t hard_bits(std::mt19937_64& rng, unsigned width);
// f32 bits: zeros, subnormals, ties, infinities, NaNs, close exponents.
uint32_t hard_f32(std::mt19937_64& rng);
uint64_t hard_f64(std::mt19937_64& rng);
Values random_values(std::vector<unsigned> widths, uint64_t seed);
Values random_f32(uint64_t seed);

}  // namespace sim::isa_test

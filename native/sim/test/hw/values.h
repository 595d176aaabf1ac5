// Inputs made from a name and a counter: the same on every machine, hard where the formats are.
#pragma once
#include <string>

#include "vectors.h"

namespace hw {

// A 64-bit word from (seed, counter), statistically independent of its neighbours (splitmix64's finaliser).
constexpr uint64_t word(uint64_t seed, uint64_t counter) {
  uint64_t z = seed + (counter + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}
uint64_t seed_of(const std::string& name);

// A value of a kind: i8 i16 i32 i64 (powers of two and their neighbours, small, any length), f16 bf16 f32 f64 (every exponent,
// specials, ties of the narrower formats), f16x2 bf16x2 f32x2, u16x2, pred, n32 (0..40, a few larger), any32.. (uniform).
uint64_t value(const std::string& kind, uint64_t seed, uint64_t k);
// The special values of a kind, which binary forms see in all pairs; empty for kinds without.
const std::vector<uint64_t>& specials(const std::string& kind);
// Bytes of a register that holds the kind, and the class letter of the register: p h r q.
unsigned bytes_of(const std::string& kind);
char class_of(const std::string& kind);

// n lanes of a kind, from memory one after the other; the first lanes hold all tuples of specials.
Input lanes_of(const std::string& kind, uint64_t seed, size_t n, unsigned operand, unsigned operands);

void store(Bytes& b, size_t at, uint64_t v, unsigned bytes);

// One instruction on independent lanes. `operands` names registers and kinds: "d:r a:f32 b:f32"; destinations (d, e) take a class
// letter or a kind. `text` is PTX with $d, $e, $a, $b, $c for them. The form is the text up to the first blank unless given.
struct Lanes {
  size_t n = 4096;
  std::string form, name;
  Bound bound;
  size_t raw_lanes = 256;
  unsigned hash_lanes = 64;
  std::function<std::vector<Input>()> inputs;  // instead of hard values
};
Case& lanes(Chapter& chapter, const std::string& text, const std::string& operands, Lanes options = {});

std::vector<std::string> split(const std::string& s, char at = ' ');
// "a|b" -> {"a", "b"}, with "" for an empty alternative: the loops over an opcode's modifiers.
inline std::vector<std::string> any(const std::string& s) { return split(s, '|'); }

}  // namespace hw

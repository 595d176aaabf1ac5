// Every listed form of ld, st, atom and red, as it stands in fixtures/isa/forms.txt, against what its opcode's words say.
#include <cmath>
#include <random>

#include "forms_kernel.h"
#include "isa_reference.h"

using namespace sim;

namespace isa_memory_forms {

using namespace sim::isa_test;
using namespace sim::testing;

namespace {

using Lane = FormKernel::Lane;
const std::string LIST = std::string(FIXTURES) + "/isa/forms.txt";

std::vector<std::string> words_of(const std::string& opcode) {
  std::vector<std::string> out;
  std::istringstream s(opcode);
  for (std::string w; std::getline(s, w, '.');) out.push_back(w);
  return out;
}
bool has(const std::vector<std::string>& words, const char* word) { return std::find(words.begin(), words.end(), word) != words.end(); }
// The element type: the last word that names one.
std::string type_of(const std::vector<std::string>& words) {
  for (size_t k = words.size(); k--;)
    if (const std::string& w = words[k];
        w.size() > 1 && std::string("bufs").find(w[0]) != std::string::npos && w.find_first_of("0123456789") != std::string::npos)
      return w;
  return "";
}
unsigned bytes_of(const std::string& type) {
  const unsigned n = unsigned(std::stoi(type.substr(type.find_first_of("0123456789"))));
  return n / 8 * (type.find("x2") != std::string::npos ? 2 : 1);
}
// Where the memory is that the form's address means; a generic one is tried in global memory.
std::string space_of(const std::vector<std::string>& words) {
  for (const char* s : {"local", "const"})
    if (has(words, s)) return s;
  return has(words, "shared") || has(words, "shared::cta") || has(words, "shared::cluster") ? "shared" : "global";
}

std::vector<Lane> random_lanes(unsigned seed) {
  std::mt19937_64 rng(seed);
  std::vector<Lane> lanes(LANES);
  for (Lane& l : lanes) {
    for (uint8_t& b : l.memory) b = uint8_t(rng());
    for (auto& s : l.slot)
      for (uint8_t& b : s) b = uint8_t(rng());
  }
  return lanes;
}
uint64_t word(const uint8_t* at, unsigned bytes) {
  uint64_t v = 0;
  std::memcpy(&v, at, std::min(bytes, 8u));
  return v;
}
// What a register holds after a load of `bytes` at `from`: sign or zeros in front.
std::vector<uint8_t> loaded(const uint8_t* from, const std::string& type, unsigned register_bytes) {
  const unsigned bytes = bytes_of(type);
  std::vector<uint8_t> out(register_bytes, type[0] == 's' && from[bytes - 1] & 0x80 ? 0xff : 0);
  std::memcpy(out.data(), from, bytes);
  return out;
}

}  // namespace

TEST(isa_memory_forms_of_ld) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    const auto words = words_of(f.opcode());
    if (words[0] != "ld" && words[0] != "ldu") continue;
    const auto operands = operands_of(f.instruction);
    const FormKernel k{f, space_of(words), registers_of(operands[1])[0], {}, registers_of(operands[0])};
    const auto before = random_lanes(unsigned(++n)), after = k.run(before);
    const std::string type = type_of(words);
    for (unsigned l = 0; l < LANES; ++l)
      for (size_t r = 0; r < k.out.size(); ++r) {
        const auto want = loaded(before[k.space == "const" ? 0 : l].memory + r * bytes_of(type), type, bytes_of_register(k.out[r]));
        CHECK(!std::memcmp(want.data(), after[l].slot[r], want.size()), f.instruction, ", lane ", l, ", register ", k.out[r]);
      }
  }
  CHECK(n > 400, n, " forms");
}

TEST(isa_memory_forms_of_st) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    const auto words = words_of(f.opcode());
    if (words[0] != "st" || words[1] == "async" || words[1] == "bulk") continue;
    const auto operands = operands_of(f.instruction);
    const FormKernel k{f, space_of(words), registers_of(operands[0])[0], registers_of(operands[1]), {}};
    const auto before = random_lanes(unsigned(++n)), after = k.run(before);
    const unsigned bytes = bytes_of(type_of(words));
    for (unsigned l = 0; l < LANES; ++l) {
      Lane want = before[l];
      for (size_t r = 0; r < k.in.size(); ++r) std::memcpy(want.memory + r * bytes, before[l].slot[r], bytes);
      CHECK(!std::memcmp(want.memory, after[l].memory, sizeof want.memory), f.instruction, ", lane ", l);
    }
  }
  CHECK(n > 350, n, " forms");
}

namespace {

const Grid* grid_of(const std::string& type) {
  return type.substr(0, 3) == "f16" ? &f16_grid() : type.substr(0, 4) == "bf16" ? &bf16_grid() : nullptr;
}
// One element's new bits. Floats are small integers, so that every sum is exact.
uint64_t combined(const std::string& op, const std::string& type, uint64_t r, uint64_t b, uint64_t c) {
  const unsigned bits = 8 * bytes_of(type);
  auto as_signed = [&](uint64_t v) { return int64_t(v << (64 - bits)) >> (64 - bits); };
  if (op == "exch") return b;
  if (op == "cas") return r == b ? c : r;
  if (op == "and") return r & b;
  if (op == "or") return r | b;
  if (op == "xor") return r ^ b;
  if (op == "inc") return r >= b ? 0 : r + 1;
  if (op == "dec") return r == 0 || r > b ? b : r - 1;
  if (const Grid* g = grid_of(type)) {
    const double x = value_of(*g, uint32_t(r)), y = value_of(*g, uint32_t(b)),
                 v = op == "add"   ? x + y
                     : op == "min" ? std::min(x, y)
                                   : std::max(x, y);
    return nearest_code<double>(*g, v, 'n', false);
  }
  if (type == "f32") return __builtin_bit_cast(uint32_t, __builtin_bit_cast(float, uint32_t(r)) + __builtin_bit_cast(float, uint32_t(b)));
  if (type == "f64") return __builtin_bit_cast(uint64_t, __builtin_bit_cast(double, r) + __builtin_bit_cast(double, b));
  if (op == "add") return r + b;
  const bool less = type[0] == 's' ? as_signed(r) < as_signed(b) : r < b;
  return (op == "min") == less ? r : b;
}
void set_elements(uint8_t* to, const std::string& type, unsigned count, std::mt19937_64& rng) {
  for (unsigned e = 0; e < count; ++e) {
    const double v = double(int(rng() % 129) - 64);
    const uint64_t bits = grid_of(type)   ? nearest_code<double>(*grid_of(type), v, 'n', false)
                          : type == "f32" ? __builtin_bit_cast(uint32_t, float(v))
                          : type == "f64" ? __builtin_bit_cast(uint64_t, v)
                          : rng() % 2     ? rng()
                                          : rng() % 4;
    const unsigned bytes = type.find("x2") != std::string::npos ? 2 : bytes_of(type);
    for (unsigned at = 0; at < bytes; at += 8) {  // the second half of 128 bits repeats the first
      std::memcpy(to + e * bytes + at, &bits, std::min(bytes, 8u));
    }
  }
}

void atomic_form(const PtxForm& f, const std::vector<std::string>& words, unsigned seed) {
  const auto operands = operands_of(f.instruction);
  const bool red = words[0] == "red", cas = has(words, "cas");
  const std::string full = type_of(words), type = full.substr(0, full.find("x2")), space = space_of(words);
  std::string op;
  for (const char* w : {"exch", "cas", "and", "or", "xor", "inc", "dec", "add", "min", "max"})
    if (has(words, w)) op = w;
  const size_t address = red ? 0 : 1;
  FormKernel k{f, space, registers_of(operands[address])[0], registers_of(operands[address + 1]),
               red ? std::vector<std::string>{} : registers_of(operands[0])};
  const size_t cells = k.in.size();
  if (cas) k.in.push_back(registers_of(operands[address + 2])[0]);
  const bool hint = has(words, "L2::cache_hint");
  const unsigned pair = full.find("x2") != std::string::npos ? 2 : 1, bytes = bytes_of(full);
  std::mt19937_64 rng(seed);
  auto before = random_lanes(seed);
  for (Lane& l : before) {
    set_elements(l.memory, full, unsigned(cells) * pair, rng);
    for (size_t s = 0; s < k.in.size(); ++s) set_elements(l.slot[s], full, pair, rng);
    if (cas && rng() % 2) std::memcpy(l.slot[0], l.memory, bytes);
  }
  const auto after = k.run(before, hint ? "mov.b64 %" + registers_of(operands.back())[0] + ", 0;\n" : "");
  for (unsigned l = 0; l < LANES; ++l) {
    Lane want = before[l];
    for (size_t e = 0; e < cells; ++e)
      if (bytes == 16) {
        const bool equal = !std::memcmp(want.memory, before[l].slot[0], 16);
        if (!cas || equal) std::memcpy(want.memory, before[l].slot[cas], 16);
      } else {
        for (unsigned p = 0; p < pair; ++p) {
          uint8_t* at = want.memory + e * bytes + p * bytes / pair;
          const uint64_t v = combined(op, type, word(at, bytes / pair), word(before[l].slot[e] + p * bytes / pair, bytes / pair),
                                      cas ? word(before[l].slot[1], bytes) : 0);
          std::memcpy(at, &v, bytes / pair);
        }
      }
    CHECK(!std::memcmp(want.memory, after[l].memory, sizeof want.memory), f.instruction, ", lane ", l, ": memory");
    for (size_t r = 0; r < k.out.size(); ++r)
      CHECK(!std::memcmp(before[l].memory + r * bytes, after[l].slot[r], bytes), f.instruction, ", lane ", l, ": register ", k.out[r]);
  }
}

}  // namespace

TEST(isa_memory_forms_of_atom_and_red) {
  unsigned n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    const auto words = words_of(f.opcode());
    if ((words[0] == "atom" || words[0] == "red") && words[1] != "async") atomic_form(f, words, ++n);
  }
  CHECK(n > 1000, n, " forms");
}

}  // namespace isa_memory_forms

// PTX ISA 9.7.20 video instructions: scalar ones on words, halves or bytes of the operands, SIMD ones on two halves or
// four bytes at once. All of them read parts of {b, a} as 64 bits, work on integers wide enough to hold every result,
// clamp or cut to the destination's part, and then merge into c or add to it.
#include <algorithm>

#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim::video_chapter {
namespace {

enum Op : unsigned { ADD, SUB, ABSDIFF, MIN, MAX, AVRG, SET, SHL_CLAMP, SHL_WRAP, SHR_CLAMP, SHR_WRAP, MAD, MAD_SHR7, MAD_SHR15 };
enum Second : unsigned { NONE, SUM, LEAST, GREATEST };

// Unpacked from Instr::aux. at_a, at_b: three bits a lane, the byte of {b, a} where its part begins.
struct Video {
  uint64_t op : 4, compare : 3, count : 3, bits_a : 6, bits_b : 6, bits_d : 6, at_a : 12, at_b : 12, at_d : 2, mask : 4, signed_a : 1,
      signed_b : 1, signed_d : 1, sat : 1, second : 2;
};
static_assert(sizeof(Video) == 8);
constexpr const char* COMPARE[] = {"eq", "ne", "lt", "le", "gt", "ge"};
// Of vmad, which has no comparison: what is negated, or .po
enum Sign : unsigned { PLAIN, MINUS_PRODUCT, MINUS_C, PLUS_ONE };

int64_t part(uint64_t from, unsigned byte, unsigned bits, bool is_signed) {
  const uint64_t moved = from << (64 - bits - 8 * byte);
  return is_signed ? int64_t(moved) >> (64 - bits) : int64_t(moved >> (64 - bits));
}
int64_t clamp(int64_t v, unsigned bits, bool is_signed) {
  const int64_t high = (int64_t(1) << (bits - is_signed)) - 1, low = is_signed ? -high - 1 : 0;
  return std::min(std::max(v, low), high);
}
bool compares(unsigned how, int64_t a, int64_t b) {
  return how == 0 ? a == b : how == 1 ? a != b : how == 2 ? a < b : how == 3 ? a <= b : how == 4 ? a > b : a >= b;
}
int64_t operate(const Video& v, int64_t a, int64_t b) {
  const unsigned shift = unsigned(v.op == SHL_WRAP || v.op == SHR_WRAP ? b & 31 : std::min<int64_t>(b, 32));
  switch (v.op) {
    case ADD:
      return a + b;
    case SUB:
      return a - b;
    case ABSDIFF:
      return a < b ? b - a : a - b;
    case MIN:
      return std::min(a, b);
    case MAX:
      return std::max(a, b);
    case AVRG:  // rounded away from zero
      return (a + b + (a + b >= 0)) >> 1;
    case SET:
      return compares(v.compare, a, b);
    case SHL_CLAMP:
    case SHL_WRAP:
      return int64_t(uint64_t(a) << shift);
    default:
      return a >> shift;
  }
}
// .sat as an H200 has it, which knows scalar instructions as the driver's compiler writes them out: u32 ends at zero only, a
// shift's 34 bits end at both ends, and a part takes the least of the result, without sign, and the part's largest value.
int64_t saturate(const Video& v, int64_t r) {
  const bool shifts = v.op >= SHL_CLAMP;
  if (shifts) r = int64_t(uint64_t(r) << 30) >> 30;
  if (v.count > 1 || (v.bits_d == 32 && (v.signed_d || shifts))) return clamp(r, v.bits_d, v.signed_d);
  return v.bits_d == 32 ? std::max<int64_t>(r, 0) : std::min(uint32_t(r), (1u << (v.bits_d - v.signed_d)) - 1);
}
// Of a result and c; u32 compares 64 bits without sign, where a negative result is the greatest, and a sum is what its 32
// bits say (an H200).
uint32_t second(const Video& v, int64_t r, uint32_t c) {
  if (v.second == SUM) return uint32_t(r) + c;
  if (v.op == ADD || v.op == SUB) r = int32_t(r);
  const bool less = v.signed_d ? r < int32_t(c) : uint64_t(r) < c;
  return less == (v.second == LEAST) ? uint32_t(r) : c;
}
Video video(const Instr& in) { return __builtin_bit_cast(Video, in.aux); }

void run(Warp& w, const Instr& in) {
  const Video v = video(in);
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [v](uint32_t a, uint32_t b, uint32_t c) {
    const uint64_t both = a | uint64_t(b) << 32;
    uint32_t d = c;
    for (unsigned i = 0; i < v.count; ++i) {
      int64_t r = operate(v, part(both, v.at_a >> 3 * i & 7, v.bits_a, v.signed_a), part(both, v.at_b >> 3 * i & 7, v.bits_b, v.signed_b));
      if (v.sat) r = saturate(v, r);
      if (v.second) {
        if (v.mask >> i & 1) d = second(v, r, d);
        continue;
      }
      const unsigned at = v.count == 1 ? 8 * v.at_d : i * v.bits_d;
      const bool stays = v.count == 1 && at == 16 && v.bits_d == 16;  // an H200 takes the upper half for .h1 where it is
      const uint32_t field = (v.bits_d == 32 ? ~0u : (1u << v.bits_d) - 1) << at;
      if (v.mask >> i & 1) d = (d & ~field) | (uint32_t(r) << (stays ? 0 : at) & field);
    }
    return d;
  });
}
// a * b + c in 64 bits, scaled and clamped; what is negated is inverted, and the one is added at the end. Words have a sign
// here whatever their type (an H200).
void mad(Warp& w, const Instr& in) {
  const Video v = video(in);
  map<uint32_t, uint32_t, uint32_t, uint32_t>(w, in, [v](uint32_t a, uint32_t b, uint32_t c) {
    const uint64_t both = a | uint64_t(b) << 32;
    const bool is_signed = v.signed_a || v.signed_b || v.compare == MINUS_PRODUCT || v.compare == MINUS_C;
    auto factor = [&](unsigned at, unsigned bits, bool sign) { return part(both, at & 7, bits, sign || bits == 32); };
    int64_t r = factor(v.at_a, v.bits_a, v.signed_a) * factor(v.at_b, v.bits_b, v.signed_b);
    if (v.compare == MINUS_PRODUCT) r = ~r;
    r = int64_t(uint64_t(r) + uint64_t(int64_t(int32_t(v.compare == MINUS_C ? ~c : c))) + (v.compare != PLAIN));
    const unsigned scale = v.op == MAD_SHR7 ? 7 : v.op == MAD_SHR15 ? 15 : 0;
    r = is_signed ? r >> scale : int64_t(uint64_t(r) >> scale);
    return uint32_t(v.sat ? clamp(r, 32, is_signed) : r);
  });
}

// ".h10" of a SIMD operand, ".b2" of a scalar one; `first` is the byte where the operand lies in {b, a}.
bool place(const std::string& selector, unsigned count, unsigned first, unsigned& at, unsigned& bits) {
  const unsigned bytes = 4 / count;
  at = 0, bits = 8 * bytes;
  if (count == 1) {
    at = first;
    if (selector.empty()) return true;
    const unsigned n = unsigned(selector[2] - '0');
    bits = selector[1] == 'b' ? 8 : 16, at += n * bits / 8;
    return selector.size() == 3 && n < 32 / bits;
  }
  if (!selector.empty() && (selector.size() != 2 + count || selector[1] != (count == 2 ? 'h' : 'b'))) return false;
  for (unsigned i = 0; i < count; ++i) {
    const unsigned n = selector.empty() ? first / bytes + i : unsigned(selector[1 + count - i] - '0');
    if (n >= 2 * count) return false;
    at |= n * bytes << 3 * i;
  }
  return true;
}
// The lanes of d that are written: all without a mask.
bool mask_of(const std::string& selector, unsigned count, unsigned& mask) {
  mask = (1u << count) - 1;
  if (selector.empty() || count == 1) return true;
  if (selector[1] != (count == 2 ? 'h' : 'b')) return false;
  mask = 0;
  for (char c : selector.substr(2)) {
    if (c < '0' || c >= char('0' + count)) return false;
    mask |= 1u << (c - '0');
  }
  return true;
}

template <Op OP, unsigned COUNT>
Handler select(Form& f) {
  const bool has_d = OP != SET;  // vset gives no type of d
  if (f.n_types() != (has_d ? 3u : 2u)) return nullptr;
  auto written = [&](size_t k) -> const ptx::Operand& { return f.text.operands.at(k); };
  const bool has_c = f.text.operands.size() == 4;
  unsigned op = OP, at_a, at_b, at_d = 0, bits_a, bits_b, bits_d = 32 / COUNT, mask;
  if (!place(written(1).selector, COUNT, 0, at_a, bits_a) || !place(written(2).selector, COUNT, 4, at_b, bits_b)) return nullptr;
  if (!mask_of(written(0).selector, COUNT, mask)) return nullptr;
  if (COUNT == 1 && !place(written(0).selector, 1, 0, at_d, bits_d)) return nullptr;
  const unsigned second = f.has("add") ? SUM : f.has("min") ? LEAST : f.has("max") ? GREATEST : NONE;
  const bool chosen = !written(0).selector.empty(), merges = COUNT > 1 || OP == MAD || second || chosen;
  if (merges != has_c || (COUNT == 1 && chosen && (second || OP == MAD)) || (COUNT > 1 && second && f.has("sat"))) return nullptr;
  unsigned compare = 0;
  if (OP == SET) {
    while (compare < 6 && !f.has(COMPARE[compare])) ++compare;
    if (compare == 6) return nullptr;
  } else if (OP == SHL_CLAMP || OP == SHR_CLAMP) {
    if (f.has("clamp") == f.has("wrap")) return nullptr;
    op += f.has("wrap");
  } else if (OP == MAD) {
    op += f.has("shr7") ? 1 : f.has("shr15") ? 2 : 0;
    const bool product = written(1).minus != written(2).minus, c = written(3).minus;
    if ((product && c) || ((product || c) && f.has("po"))) return nullptr;
    compare = f.has("po") ? PLUS_ONE : product ? MINUS_PRODUCT : c ? MINUS_C : PLAIN;
  }
  auto is_signed = [&](size_t k) { return f.type(k) == Type::s32; };
  f.aux = __builtin_bit_cast(uint64_t, Video{op, compare, COUNT, bits_a, bits_b, bits_d, at_a, at_b, at_d, mask, is_signed(has_d),
                                             is_signed(has_d + 1), is_signed(0), f.has("sat"), second});
  for (size_t k = 1; k < f.operand.size(); ++k) fix_width(f, k, 32);
  return OP == MAD ? mad : run;
}

}  // namespace

#define PTX(name) "#" name "-video-instructions"
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern SCALAR{3, 4}, SIMD{4, 4};
  // clang-format off
  //        name        types modifiers                   operands scope select                 anchor
  rows.add({"vadd",     I32,  "sat|add|min|max",            SCALAR, L, select<ADD, 1>,       PTX("scalar")});
  rows.add({"vsub",     I32,  "sat|add|min|max",            SCALAR, L, select<SUB, 1>,       PTX("scalar")});
  rows.add({"vabsdiff", I32,  "sat|add|min|max",            SCALAR, L, select<ABSDIFF, 1>,   PTX("scalar")});
  rows.add({"vmin",     I32,  "sat|add|min|max",            SCALAR, L, select<MIN, 1>,       PTX("scalar")});
  rows.add({"vmax",     I32,  "sat|add|min|max",            SCALAR, L, select<MAX, 1>,       PTX("scalar")});
  rows.add({"vshl",     I32,  "sat|clamp|wrap|add",         SCALAR, L, select<SHL_CLAMP, 1>, PTX("scalar")});
  rows.add({"vshr",     I32,  "sat|clamp|wrap|add",         SCALAR, L, select<SHR_CLAMP, 1>, PTX("scalar")});
  rows.add({"vset",     I32,  "eq|ne|lt|le|gt|ge|add|min|max", SCALAR, L, select<SET, 1>,    PTX("scalar")});
  rows.add({"vmad",     I32,  "sat|shr7|shr15|po",          SIMD,   L, select<MAD, 1>,       PTX("scalar")});
  // clang-format on
  auto simd = [&]<unsigned N>(const char* const(&names)[7]) {
    constexpr Select SELECT[] = {select<ADD, N>, select<SUB, N>,  select<ABSDIFF, N>, select<MIN, N>,
                                 select<MAX, N>, select<AVRG, N>, select<SET, N>};
    for (unsigned k = 0; k < 7; ++k)
      rows.add({names[k], I32, k == 6 ? "eq|ne|lt|le|gt|ge|add" : "sat|add", SIMD, L, SELECT[k], PTX("simd")});
  };
  simd.operator()<2>({"vadd2", "vsub2", "vabsdiff2", "vmin2", "vmax2", "vavrg2", "vset2"});
  simd.operator()<4>({"vadd4", "vsub4", "vabsdiff4", "vmin4", "vmax4", "vavrg4", "vset4"});
}
#undef PTX

}  // namespace sim::video_chapter

#include "values.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace hw {

uint64_t seed_of(const std::string& name) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (char c : name) h = (h ^ uint8_t(c)) * 0x100000001b3ull;
  return word(h, 0);
}
std::vector<std::string> split(const std::string& s, char at) {
  std::vector<std::string> parts(1);
  for (char c : s)
    if (c == at)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}
void store(Bytes& b, size_t at, uint64_t v, unsigned bytes) { std::memcpy(&b.at(at + bytes - 1) - (bytes - 1), &v, bytes); }

namespace {
struct FloatKind {
  unsigned width, mantissa;
};
FloatKind float_kind(const std::string& k) {
  if (k == "f16") return {16, 10};
  if (k == "bf16") return {16, 7};
  if (k == "f32") return {32, 23};
  if (k == "f64") return {64, 52};
  return {0, 0};
}
uint64_t hard_int(unsigned width, uint64_t seed, uint64_t k) {
  const uint64_t r = word(seed, 2 * k), mask = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  uint64_t v;
  switch (r % 8) {
    case 0: v = uint64_t(1) << (r >> 8) % width; break;
    case 1: v = (uint64_t(1) << (r >> 8) % width) - 1; break;
    case 2: v = 0 - (uint64_t(1) << (r >> 8) % width); break;
    case 3: v = (r >> 8) % 5; break;
    case 4: v = 0 - (r >> 8) % 5; break;
    default: v = word(seed, 2 * k + 1) >> (r >> 8) % width; break;
  }
  return v & mask;
}
uint64_t hard_float(FloatKind f, uint64_t seed, uint64_t k) {
  const unsigned exponent_bits = f.width - 1 - f.mantissa;
  const uint64_t r = word(seed, 2 * k), m = word(seed, 2 * k + 1) & ((uint64_t(1) << f.mantissa) - 1),
                 bias = (uint64_t(1) << (exponent_bits - 1)) - 1, top = (uint64_t(1) << exponent_bits) - 1,
                 sign = (r >> 63) << (f.width - 1);
  auto make = [&](uint64_t e, uint64_t mantissa) { return sign | e << f.mantissa | mantissa; };
  switch (r % 16) {
    case 0: return make(0, m);                       // subnormal
    case 1: return make((r >> 8) % top, m);          // any exponent
    case 2: return make((r >> 8) % top, 0);          // a power of two
    case 3: return make((r >> 8) % top, m >> (r >> 40) % f.mantissa << (r >> 40) % f.mantissa);  // few bits
    case 4: return make(top, r >> 20 & 1 ? 0 : m);   // infinity, NaN
    case 5: return make(0, 0);
    case 6: return make(bias + (r >> 8) % 8, (m >> (f.mantissa * 3 / 4)) << (f.mantissa * 3 / 4));
    case 7: {  // at or beside a tie of a narrower format: one bit, with or without a last one
      const unsigned cut = f.mantissa == 23 ? ((const unsigned[]){12, 15, 19, 20, 9})[(r >> 30) % 5]
                           : f.mantissa == 52 ? ((const unsigned[]){28, 41, 44, 20})[(r >> 30) % 4]
                                              : f.mantissa / 2;
      return make(bias - 16 + (r >> 8) % 32, (m >> (cut + 1) << (cut + 1) | uint64_t(1) << cut) + ((r >> 50) % 3) - 1);
    }
    case 8: return make(top - 1 - (r >> 8) % 3, m);  // near overflow
    case 9: return make(1 + (r >> 8) % f.mantissa, m);  // near underflow
    default: return make(bias - 8 + (r >> 8) % 16, m);
  }
}
}  // namespace

const std::vector<uint64_t>& specials(const std::string& kind) {
  static std::map<std::string, std::vector<uint64_t>> all;
  if (all.count(kind)) return all[kind];
  std::vector<uint64_t>& s = all[kind];
  const FloatKind f = float_kind(kind);
  if (f.width) {
    const unsigned eb = f.width - 1 - f.mantissa;
    const uint64_t one = uint64_t(1), top = (one << eb) - 1, bias = (one << (eb - 1)) - 1, m = (one << f.mantissa) - 1;
    for (uint64_t u : {uint64_t(0), one, m, one << f.mantissa, bias << f.mantissa, (bias << f.mantissa) + 1,
                       (top - 1) << f.mantissa | m, top << f.mantissa, top << f.mantissa | one << (f.mantissa - 1)})
      s.push_back(u), s.push_back(u | one << (f.width - 1));
  } else if (kind[0] == 'i') {
    const unsigned w = unsigned(std::stoi(kind.substr(1)));
    const uint64_t mask = w == 64 ? ~uint64_t(0) : (uint64_t(1) << w) - 1, half = uint64_t(1) << (w - 1);
    for (uint64_t u : {uint64_t(0), uint64_t(1), uint64_t(2), mask, mask - 1, half, half - 1, half + 1}) s.push_back(u & mask);
  }
  return s;
}

uint64_t value(const std::string& kind, uint64_t seed, uint64_t k) {
  const FloatKind f = float_kind(kind);
  if (f.width) return hard_float(f, seed, k);
  if (kind == "pred") return word(seed, k) & 1;
  if (kind == "n32") {
    const uint64_t r = word(seed, k);
    return r % 16 ? (r >> 8) % 41 : hard_int(32, seed, k);
  }
  if (kind == "n64") return (word(seed, k) % 16 ? (word(seed, k) >> 8) % 72 : hard_int(32, seed, k)) & 0xffffffff;
  if (kind == "f16x2" || kind == "bf16x2") {
    const std::string half = kind.substr(0, kind.size() - 2);
    return value(half, seed, 2 * k) | value(half, seed, 2 * k + 1) << 16;
  }
  if (kind == "f32x2") return value("f32", seed, 2 * k) | value("f32", seed, 2 * k + 1) << 32;
  if (kind == "i16x2") return value("i16", seed, 2 * k) | value("i16", seed, 2 * k + 1) << 16;
  if (kind == "few32") return word(seed, k / 7 * 7 + word(seed, k) % 2) & 0xffffffff;  // equal values near by
  if (kind == "few64") return word(seed, k / 7 * 7 + word(seed, k) % 2);
  if (kind == "any8") return word(seed, k) & 0xff;
  if (kind == "any16") return word(seed, k) & 0xffff;
  if (kind == "any32") return word(seed, k) & 0xffffffff;
  if (kind == "any64") return word(seed, k);
  if (kind == "all16") return k & 0xffff;  // every pattern in turn
  if (kind == "mix16") return k * 0x9e3b & 0xffff;  // the same in a mixed order
  if (kind == "mix16x2") return (k * 0x9e3b & 0xffff) | (word(seed, k) & 0xffff) << 16;
  if (kind == "all16x2") return (k & 0xffff) | (word(seed, k) & 0xffff) << 16;
  if (kind[0] == 'i') return hard_int(unsigned(std::stoi(kind.substr(1))), seed, k);
  throw std::runtime_error("expected a kind of value, got '" + kind + "'");
}

unsigned bytes_of(const std::string& kind) {
  if (kind == "p" || kind == "pred" || kind == "i8" || kind == "any8") return 1;
  if (kind == "h" || kind == "i16" || kind == "f16" || kind == "bf16" || kind == "any16" || kind == "all16" || kind == "mix16") return 2;
  if (kind == "q" || kind == "i64" || kind == "f64" || kind == "f32x2" || kind == "any64" || kind == "few64") return 8;
  return 4;
}
char class_of(const std::string& kind) {
  if (kind == "p" || kind == "pred") return 'p';
  const unsigned n = bytes_of(kind);
  return n == 1 ? 'b' : n == 2 ? 'h' : n == 4 ? 'r' : 'q';
}

Input lanes_of(const std::string& kind, uint64_t seed, size_t n, unsigned operand, unsigned operands) {
  const unsigned bytes = bytes_of(kind);
  Input in{Bytes(n * bytes), bytes};
  const auto& s = specials(kind);
  size_t structured = s.empty() ? 0 : 1, div = 1;  // all tuples of specials, where they fill no more than half of the lanes
  if (!s.empty()) {
    for (unsigned k = 0; k < operands; ++k) structured *= s.size();
    for (unsigned k = 0; k < operand; ++k) div *= s.size();
    if (structured > n / 2) structured = 0;
  }
  for (size_t k = 0; k < n; ++k)
    store(in.bytes, k * bytes, k < structured ? s[k / div % s.size()] : value(kind, seed, k), bytes);
  return in;
}

Case& lanes(Chapter& chapter, const std::string& text, const std::string& operands, Lanes o) {
  struct Operand {
    std::string name, kind;
    unsigned bytes, offset;
    char cls;
  };
  std::vector<Operand> out, in;
  for (const std::string& s : split(operands)) {
    if (s.empty()) continue;
    const auto parts = split(s, ':');
    Operand x{parts.at(0), parts.at(1), bytes_of(parts.at(1)), 0, class_of(parts.at(1))};
    (x.name == "d" || x.name == "e" ? out : in).push_back(x);
  }
  Case c;
  c.form = o.form.empty() ? split(text, ' ')[0] : o.form;
  c.name = o.name.empty() ? (o.form.empty() ? c.form : o.form) : o.name;
  for (const Case& k : chapter.cases)
    if (k.name == c.name) {
      c.name = text;
      break;
    }
  unsigned stride = 0, align = 1;
  for (Operand& x : out) {
    stride = (stride + x.bytes - 1) / x.bytes * x.bytes;
    x.offset = stride, stride += x.bytes, align = std::max(align, x.bytes);
  }
  stride = (stride + align - 1) / align * align;
  auto reg = [](char cls) { return cls == 'p' ? ".pred" : cls == 'b' || cls == 'h' ? ".b16" : cls == 'r' ? ".b32" : ".b64"; };
  auto mem = [](char cls) { return cls == 'p' || cls == 'b' ? ".u8" : cls == 'h' ? ".b16" : cls == 'r' ? ".b32" : ".b64"; };
  std::string b = ".reg .b32 %t0, %t1, %t2, %b0;\n.reg .b64 %at;\n.reg .b16 %byte;\n";
  b += "mov.u32 %t0, %tid.x;\nmov.u32 %t1, %ctaid.x;\nmov.u32 %t2, %ntid.x;\nmad.lo.u32 %t0, %t1, %t2, %t0;\n";
  for (size_t k = 0; k < in.size(); ++k) {
    const Operand& x = in[k];
    b += std::string(".reg ") + reg(x.cls) + " %" + x.name + ";\n";
    b += "mad.wide.u32 %at, %t0, " + std::to_string(x.bytes) + ", %in" + std::to_string(k) + ";\n";
    if (x.cls == 'p')
      b += "ld.global.u8 %byte, [%at];\nsetp.ne.u16 %" + x.name + ", %byte, 0;\n";
    else
      b += std::string("ld.global") + mem(x.cls) + " %" + x.name + ", [%at];\n";
  }
  for (const Operand& x : out) b += std::string(".reg ") + reg(x.cls) + " %" + x.name + ";\n";
  for (char ch : text) b += ch == '$' ? '%' : ch;
  b += "\n";
  for (const Operand& x : out) {
    b += "mad.wide.u32 %at, %t0, " + std::to_string(stride) + ", %out;\n";
    const std::string where = "[%at+" + std::to_string(x.offset) + "], ";
    if (x.cls == 'p')
      b += "selp.u16 %byte, 1, 0, %" + x.name + ";\nst.global.u8 " + where + "%byte;\n";
    else
      b += std::string("st.global") + mem(x.cls) + " " + where + "%" + x.name + ";\n";
  }
  c.body = b;
  c.grid = unsigned(o.n / 256);
  c.n_inputs = unsigned(in.size());
  c.out_bytes = o.n * stride, c.out_stride = stride;
  c.raw_lanes = operands.find("f64") == std::string::npos ? o.raw_lanes : std::max<size_t>(o.raw_lanes, 1024), c.hash_lanes = o.hash_lanes, c.bound = o.bound;
  c.inputs = o.inputs;
  if (!c.inputs)
    c.inputs = [in, n = o.n, seed = seed_of(c.name)] {
      std::vector<Input> all;
      for (size_t k = 0; k < in.size(); ++k)
        all.push_back(lanes_of(in[k].kind, word(seed, k), n, unsigned(k), unsigned(in.size())));
      return all;
    };
  return chapter.add(std::move(c));
}

}  // namespace hw

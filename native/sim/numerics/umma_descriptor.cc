#include "umma_descriptor.h"

namespace sim::umma {

namespace {

uint32_t field(uint64_t bits, unsigned from, unsigned width) { return uint32_t(bits >> from & ((1ull << width) - 1)); }

std::string wrong(const char* what, const std::string& expected, uint64_t got) {
  return std::string(what) + ": expected " + expected + ", got " + std::to_string(got);
}

// Table 42 to 44 of #tcgen05-instruction-descriptor: which codes the type fields take.
bool number_from(Kind kind, uint32_t code, Number& out) {
  switch (kind) {
    case Kind::f16: out = code ? Number::bf16 : Number::f16; return code <= 1;
    case Kind::tf32: out = Number::tf32; return code == 2;
    case Kind::i8: out = code ? Number::s8 : Number::u8; return code <= 1;
    case Kind::mxf4:
    case Kind::mxf4nvf4: out = Number::e2m1; return code == 1;
    default: {
      constexpr Number of[] = {Number::e4m3, Number::e5m2, Number::f16, Number::e2m3, Number::e3m2, Number::e2m1};
      out = of[code < 6 ? code : 0];
      return code < 6 && code != 2;
    }
  }
}
const char* codes_of(Kind kind) {
  switch (kind) {
    case Kind::f16: return "0 (f16) or 1 (bf16)";
    case Kind::tf32: return "2 (tf32)";
    case Kind::i8: return "0 (u8) or 1 (s8)";
    case Kind::mxf4:
    case Kind::mxf4nvf4: return "1 (e2m1)";
    default: return "0 (e4m3), 1 (e5m2), 3 (e2m3), 4 (e3m2) or 5 (e2m1)";
  }
}

uint32_t k_of(Kind kind) {
  return kind == Kind::tf32 ? 8 : kind == Kind::f16 ? 16 : packed_fp4(kind) ? 64 : 32;
}

// Table 39 of #tcgen05-matrix-shape.
std::string check_shape(const Instruction& i) {
  const Modifiers& by = i.by;
  const std::string what = std::string(".kind::") + name_of(by.kind) + (by.ws ? " .ws" : "") +
                           (by.sparse ? " .sp" : "") + " .cta_group::" + std::to_string(by.cta_group);
  if (by.ws) {
    if (i.m != 32 && i.m != 64 && i.m != 128) return wrong("M of the instruction descriptor", "32, 64 or 128 for " + what, i.m);
    if (i.n != 64 && i.n != 128 && (i.n != 256 || by.sparse))
      return wrong("N of the instruction descriptor", (by.sparse ? "64 or 128 for " : "64, 128 or 256 for ") + what, i.n);
    return "";
  }
  if (by.cta_group == 1) {
    if (block_scaled(by.kind) ? i.m != 128 : i.m != 64 && i.m != 128)
      return wrong("M of the instruction descriptor", (block_scaled(by.kind) ? "128 for " : "64 or 128 for ") + what, i.m);
  } else {
    bool only256 = block_scaled(by.kind) && by.sparse;
    if (i.m != 256 && (i.m != 128 || only256))
      return wrong("M of the instruction descriptor", (only256 ? "256 for " : "128 or 256 for ") + what, i.m);
  }
  uint32_t step = by.cta_group == 1 ? 8 : 16;
  if (by.kind == Kind::i8) step = by.cta_group == 2 ? 32 : i.n > 32 ? 16 : 8;
  // #tcgen05-kind-shapes-8b-transpose-b
  if (i.b_mn_major && elements_a_granule(by.kind, i.b) == 16 && step < 16u * by.cta_group) step = 16 * by.cta_group;
  if (i.n == 0 || i.n > 256 || i.n % step)
    return wrong("N of the instruction descriptor",
                 "a multiple of " + std::to_string(step) + " up to 256 for " + what +
                     (i.b_mn_major ? " with B transposed" : ""),
                 i.n);
  return "";
}

}  // namespace

const char* name_of(Kind k) {
  constexpr const char* names[] = {"f16", "tf32", "f8f6f4", "i8", "mxf8f6f4", "mxf4", "mxf4nvf4"};
  return names[unsigned(k)];
}
const char* name_of(Number n) {
  constexpr const char* names[] = {"f16", "bf16", "tf32", "e4m3", "e5m2", "e2m3", "e3m2", "e2m1", "u8", "s8"};
  return names[unsigned(n)];
}

unsigned element_bits(Number n) {
  switch (n) {
    case Number::tf32: return 32;
    case Number::f16:
    case Number::bf16: return 16;
    case Number::e2m3:
    case Number::e3m2: return 6;
    case Number::e2m1: return 4;
    default: return 8;
  }
}
unsigned elements_a_granule(Kind kind, Number n) {
  unsigned bits = element_bits(n);
  return packed_fp4(kind) ? 32 : bits > 8 ? 128 / bits : 16;
}
unsigned data_bytes(Kind kind, Number n) { return elements_a_granule(kind, n) * element_bits(n) / 8; }

std::string decode(const Modifiers& by, uint32_t bits, Instruction& i) {
  i = Instruction{};
  i.by = by;
  const bool scaled = block_scaled(by.kind);
  auto reserved = [&](unsigned from, unsigned width) -> std::string {
    uint32_t v = field(bits, from, width);
    if (!v) return "";
    std::string at = width == 1 ? "bit " + std::to_string(from)
                                : "bits " + std::to_string(from) + "-" + std::to_string(from + width - 1);
    return wrong((at + " of the instruction descriptor").c_str(), "0, they are reserved", v);
  };
  i.sparsity_selector = field(bits, 0, 2);
  if (field(bits, 2, 1) != by.sparse)
    return wrong("sparsity bit (2) of the instruction descriptor", by.sparse ? "1 for tcgen05.mma.sp" : "0 for a dense A",
                 field(bits, 2, 1));
  if (!by.sparse && i.sparsity_selector)
    return wrong("sparsity selector (bits 0-1) of the instruction descriptor", "0 for a dense A", i.sparsity_selector);
  uint32_t a = field(bits, 7, 3), b = packed_fp4(by.kind) ? field(bits, 10, 2) : field(bits, 10, 3);
  if (!number_from(by.kind, a, i.a)) return wrong("A type (bits 7-9) of the instruction descriptor", codes_of(by.kind), a);
  if (!number_from(by.kind, b, i.b)) return wrong("B type (bits 10-12) of the instruction descriptor", codes_of(by.kind), b);
  if (packed_fp4(by.kind))
    if (auto s = reserved(12, 1); !s.empty()) return s;
  i.negate_a = field(bits, 13, 1), i.negate_b = field(bits, 14, 1);
  i.a_mn_major = field(bits, 15, 1), i.b_mn_major = field(bits, 16, 1);
  i.n = field(bits, 17, 6) * 8, i.m = field(bits, 24, 5) * 16;
  if (by.kind == Kind::i8 && (i.negate_a || i.negate_b))
    return "negation (bits 13 and 14) of the instruction descriptor: expected 0, .kind::i8 has none, got 1";
  if (packed_fp4(by.kind) && (i.a_mn_major || i.b_mn_major))
    return std::string("transposition (bits 15 and 16) of the instruction descriptor: expected 0, .kind::") +
           name_of(by.kind) + " is K-major only, got 1";
  if (auto s = reserved(6, 1); !s.empty()) return s;
  if (scaled) {
    if (auto s = reserved(3, 1); !s.empty()) return s;
    i.d = Accumulator::f32;
    i.sfb_id = field(bits, 4, 2), i.sfa_id = field(bits, 29, 2);
    i.scale = field(bits, 23, 1) ? ScaleType::ue8m0 : ScaleType::ue4m3;
    if (i.scale == ScaleType::ue4m3 && (by.kind != Kind::mxf4nvf4 || by.scale_vec != 4))
      return std::string("scale type (bit 23) of the instruction descriptor: expected 1 (ue8m0), ue4m3 goes with ") +
             ".kind::mxf4nvf4 and blocks of 16 only, got 0";
    if (field(bits, 31, 1))
      return by.kind == Kind::mxf8f6f4 ? reserved(31, 1)
                                       : "K (bit 31) of the instruction descriptor: expected 0 (64), 96 is sm_103a's, got 1";
    uint32_t step = by.scale_vec;  // scale factors are aligned to their number
    if (i.sfa_id % step || i.sfb_id % step)
      return wrong(i.sfa_id % step ? "scale factor A ID (bits 29-30) of the instruction descriptor"
                                   : "scale factor B ID (bits 4-5) of the instruction descriptor",
                   step == 4 ? "0 for four scale factors a row" : "0 or 2 for two scale factors a row",
                   i.sfa_id % step ? i.sfa_id : i.sfb_id);
  } else {
    i.saturate = field(bits, 3, 1);
    if (i.saturate && by.kind != Kind::i8)
      return wrong("saturate (bit 3) of the instruction descriptor", "0, it is .kind::i8's", 1);
    uint32_t d = field(bits, 4, 2);
    bool fits = by.kind == Kind::i8     ? d == 2
                : by.kind == Kind::tf32 ? d == 1
                : i.a == Number::bf16   ? d == 1
                                        : d <= 1;
    if (!fits)
      return wrong("D type (bits 4-5) of the instruction descriptor",
                   by.kind == Kind::i8                              ? "2 (s32)"
                   : by.kind == Kind::tf32 || i.a == Number::bf16 ? "1 (f32)"
                                                                    : "0 (f16) or 1 (f32)",
                   d);
    i.d = Accumulator(d);
    if (auto s = reserved(23, 1); !s.empty()) return s;
    if (auto s = reserved(29, 1); !s.empty()) return s;
    i.max_shift = field(bits, 30, 2) ? 4u << field(bits, 30, 2) : 0;
    if (i.max_shift && !by.ws)
      return wrong("maximum shift (bits 30-31) of the instruction descriptor", "0 without .ws", field(bits, 30, 2));
  }
  // Table 39 has no mixed f16 and bf16
  if (by.kind == Kind::f16 && i.a != i.b)
    return std::string("types of the instruction descriptor: expected equal ones for A and B of .kind::f16, got ") +
           name_of(i.a) + " and " + name_of(i.b);
  i.k = k_of(by.kind) * (by.sparse ? 2 : 1);
  if (by.sparse && i.sparsity_selector) {
    uint32_t most = by.kind == Kind::tf32 || by.kind == Kind::f16 ? 3 : 0;
    if (i.sparsity_selector > most)
      return wrong("sparsity selector (bits 0-1) of the instruction descriptor",
                   std::string("0 for .kind::") + name_of(by.kind), i.sparsity_selector);
  }
  if (by.ashift && i.m < 128) return wrong("M of the instruction descriptor", "128 or 256 with .ashift", i.m);
  return check_shape(i);
}

std::string decode(uint64_t bits, SharedMatrix& m) {
  auto zero = [&](unsigned from, unsigned width) {
    uint32_t v = field(bits, from, width);
    return v ? wrong(("bits " + std::to_string(from) + "-" + std::to_string(from + width - 1) +
                      " of the shared memory descriptor")
                         .c_str(),
                     "0, they are reserved", v)
             : std::string();
  };
  m.start = field(bits, 0, 14) << 4, m.leading = field(bits, 16, 14) << 4, m.stride = field(bits, 32, 14) << 4;
  for (auto [from, width] : {std::pair{14u, 2u}, {30u, 2u}, {53u, 8u}})
    if (auto s = zero(from, width); !s.empty()) return s;
  if (field(bits, 46, 3) != 1) return wrong("bits 46-48 of the shared memory descriptor", "the constant 1", field(bits, 46, 3));
  if (field(bits, 49, 3))
    return wrong("base offset (bits 49-51) of the shared memory descriptor",
                 "0: a matrix that starts inside a swizzle pattern is not modelled", field(bits, 49, 3));
  if (field(bits, 52, 1)) return wrong("leading dimension mode (bit 52) of the shared memory descriptor", "0, 1 is sm_103a's", 1);
  switch (field(bits, 61, 3)) {
    case 0: m.swizzle = SharedMatrix::none; break;
    case 1: m.swizzle = SharedMatrix::bytes128_atom32; break;
    case 2: m.swizzle = SharedMatrix::bytes128; break;
    case 4: m.swizzle = SharedMatrix::bytes64; break;
    case 6: m.swizzle = SharedMatrix::bytes32; break;
    default: return wrong("swizzle (bits 61-63) of the shared memory descriptor", "0, 1, 2, 4 or 6", field(bits, 61, 3));
  }
  return "";
}

// #tcgen05-matrix-layout-organization-valid-comb-type-size-majorness-swizzle
std::string check_layout(const Instruction& i, bool of_a, const SharedMatrix& m) {
  const bool atom32 = m.swizzle == SharedMatrix::bytes128_atom32, tf32 = i.by.kind == Kind::tf32;
  if (!(of_a ? i.a_mn_major : i.b_mn_major) || atom32 == tf32) return "";
  return std::string("swizzle of the shared memory descriptor of ") + (of_a ? "A" : "B") +
         (tf32 ? ": expected 128 bytes with 32-byte atoms, which a transposed tf32 operand needs"
               : ": expected no 32-byte atoms, which only a transposed tf32 operand has");
}

std::string decode(const Instruction& i, uint64_t bits, ColumnMask& out) {
  out.shift = field(bits, 56, 6);
  if (field(bits, 36, 3) || field(bits, 62, 2))
    return "bits 36-38 and 62-63 of the zero-column mask descriptor: expected 0, they are reserved";
  uint32_t most = i.m == 32 ? 16 : 32;
  if (out.shift > most || out.shift > i.max_shift)
    return wrong("column shift of the zero-column mask descriptor",
                 "at most " + std::to_string(most) + " for M = " + std::to_string(i.m) +
                     " and the maximum shift of the instruction descriptor, " + std::to_string(i.max_shift),
                 out.shift);
  const uint32_t skip = field(bits, 40, 8) + 1, use = field(bits, 48, 8) + 1, parts = 128 / i.m, width = i.n / parts;
  for (uint32_t n = 0; n < i.n; ++n) {
    const uint32_t part = n / width, first_skips = field(bits, 32 + part, 1);
    const uint32_t at = (n % width + field(bits, 8 * part, 8)) % (skip + use);
    out.used[n] = !field(bits, 39, 1) || (first_skips ? at >= skip : at < use);
  }
  return "";
}

}  // namespace sim::umma

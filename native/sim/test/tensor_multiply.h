// One tcgen05.mma held bit for bit against a product that the test computes itself: inputs are small multiples of
// powers of two, so there is one right answer whatever the order of summation.
#pragma once
#include <sstream>

#include "tensor_core.h"

namespace sim::testing {

struct MultiplyCase {
  std::string kind = "f16", modifiers;  // modifiers: ".ws", ".collector::a::fill" ...
  const TestType *a = &types::F16, *b = &types::F16;
  uint32_t m = 128, n = 64, k = 16, group = 1;
  bool ws = false, a_in_tmem = false, accumulate = true, sparse = false;
  uint32_t selector = 0;
  TestLayout::Swizzle swizzle_a = TestLayout::S128, swizzle_b = TestLayout::S128;
  bool a_mn = false, b_mn = false;
  uint32_t d_type = 1;  // 0 f16, 1 f32, 2 s32
  bool negate_a = false, negate_b = false, saturate = false;
  uint32_t scale_vec = 0, sfa_id = 0, sfb_id = 0;
  bool ue4m3 = false;
  uint32_t scale_d = 0, lane = 0;  // lane: 16 for the upper halves of quadrants
  std::vector<uint32_t> disabled;
  uint64_t column_mask = 0;
  uint32_t max_shift = 0;
  std::function<bool(uint32_t)> column_used = [](uint32_t) { return true; };
  uint32_t shift = 0;

  bool scaled() const { return scale_vec != 0; }
  bool packed() const { return kind.rfind("mxf4", 0) == 0; }
  unsigned per_piece(const TestType& t) const { return packed() ? 32 : t.bits > 8 ? 128 / t.bits : 16; }
  std::string name() const {
    std::ostringstream s;
    s << kind << modifiers << " " << a->name << " x " << b->name << " M " << m << " N " << n << " cta_group " << group
      << " swizzle " << swizzle_a << "/" << swizzle_b << (a_mn ? " A MN" : "") << (b_mn ? " B MN" : "")
      << (a_in_tmem ? " A in TMEM" : "") << (sparse ? " sparse" : "") << " D " << d_type << " scale_vec " << scale_vec << " ids " << sfa_id << ","
      << sfb_id;
    return s.str();
  }
  uint32_t descriptor() const {
    uint32_t d = (a->code << 7) | (b->code << 10) | uint32_t(negate_a) << 13 | uint32_t(negate_b) << 14 |
                 uint32_t(a_mn) << 15 | uint32_t(b_mn) << 16 | (n / 8) << 17 | (m / 16) << 24 |
                 uint32_t(sparse) << 2 | selector;
    if (scaled()) return d | sfb_id << 4 | uint32_t(!ue4m3) << 23 | sfa_id << 29;
    return d | uint32_t(saturate) << 3 | d_type << 4 | (max_shift ? uint32_t(__builtin_ctz(max_shift)) - 2 : 0) << 30;
  }
};

class Multiply {
 public:
  static constexpr uint32_t D = 0, A = 256, SFA = 272, SFB = 288, META = 304;  // columns of tensor memory
  static constexpr uint32_t A_AT = 4096, B_AT = 73728;             // offsets in shared memory

  explicit Multiply(const MultiplyCase& c, LaunchConfig config = {})
      : c_(c), machine_(text(c), c.group, config), rng_(std::hash<std::string>()(c.name())) {
    fill();
  }
  TensorMachine& machine() { return machine_; }
  void run() { machine_.run(); }
  void check() {
    run();
    for (uint32_t m = 0; m < c_.m; ++m)
      for (uint32_t n = 0; n < c_.n; ++n) check_one(m, n);
    machine_.end();
  }

  // Where row m, column n of D lies: the figures of #tcgen05-data-path-layout-organization.
  static void place(const MultiplyCase& c, uint32_t m, uint32_t n, uint32_t& cta, uint32_t& lane, uint32_t& column) {
    cta = m / (c.m / c.group), m %= c.m / c.group;
    lane = m, column = n;
    if (c.group == 2 && c.m == 128 && c.sparse) lane = m % 16 + m / 16 * 32 + c.lane;
    if (c.group == 2 && c.m == 128 && !c.sparse) lane = m + 64 * (n / (c.n / 2)), column = n % (c.n / 2);
    if (c.group == 1 && c.m == 64 && !c.ws) lane = m % 16 + m / 16 * 32 + c.lane;
    if (c.group == 1 && c.m == 64 && c.ws) lane = m + 64 * (n / (c.n / 2)), column = n % (c.n / 2);
    if (c.m == 32) lane = m + 32 * (n / (c.n / 4)), column = n % (c.n / 4);
  }
  TestLayout layout_a() const { return layout(c_.swizzle_a, c_.a_mn, A_AT, c_.m / c_.group, c_.per_piece(*c_.a)); }
  TestLayout layout_b() const {
    return layout(c_.swizzle_b, c_.b_mn, B_AT, c_.n / c_.group + c_.shift, c_.per_piece(*c_.b));
  }

 private:
  // Strides with gaps, so that a mixed-up one shows.
  static TestLayout layout(TestLayout::Swizzle s, bool mn, uint32_t start, uint32_t rows, unsigned per) {
    const uint32_t width = s == TestLayout::NONE ? 16 : s == TestLayout::S32 ? 32 : s == TestLayout::S64 ? 64 : 128;
    const uint32_t lines = s == TestLayout::S128_ATOM32 ? 4 : 8, atom = std::max(lines * width, 128u);
    TestLayout l{s, mn, start, 0, 0};
    const uint32_t pieces = (rows + per - 1) / per;
    if (!mn) {
      l.stride = s == TestLayout::NONE ? 512 : std::max(1024u, atom);
      l.leading = s == TestLayout::NONE ? 128 : 16;
    } else if (s == TestLayout::NONE) {
      l.stride = 128, l.leading = 128 * pieces + 128;
    } else {
      l.leading = atom * 8, l.stride = atom;  // up to 8 atoms along K
      if (s == TestLayout::S64 || s == TestLayout::S32) l.stride = 512, l.leading = 4096;
    }
    return l;
  }
  static std::string text(const MultiplyCase& c) {
    std::ostringstream s;
    auto b32 = [&](unsigned r, uint32_t v) { s << "mov.b32 %r" << r << ", " << v << ";\n"; };
    auto b64 = [&](unsigned r, uint64_t v) { s << "mov.b64 %rd" << r << ", " << v << ";\n"; };
    b32(6, META | c.lane << 16), b32(1, D | c.lane << 16), b32(2, A | c.lane << 16), b32(3, c.descriptor()), b32(4, SFA), b32(5, SFB);
    b64(1, layout(c.swizzle_a, c.a_mn, A_AT, c.m / c.group, c.per_piece(*c.a)).descriptor());
    b64(2, layout(c.swizzle_b, c.b_mn, B_AT, c.n / c.group + c.shift, c.per_piece(*c.b)).descriptor());
    b64(3, c.column_mask);
    for (unsigned k = 0; k < c.disabled.size(); ++k) b32(10 + k, c.disabled[k]);
    s << "setp.ne.u32 %p1, 0, " << (c.accumulate ? 1 : 0) << ";\n";
    s << "@%p0 tcgen05.mma" << (c.ws ? ".ws" : "") << (c.sparse ? ".sp" : "") << ".cta_group::" << c.group << ".kind::" << c.kind
      << (c.scaled() ? ".block_scale" : "") << c.modifiers << " [%r1], " << (c.a_in_tmem ? "[%r2]" : "%rd1")
      << (c.sparse ? ", %rd2, [%r6], %r3, " : ", %rd2, %r3, ");
    if (c.scaled()) s << "[%r4], [%r5], ";
    if (!c.disabled.empty()) {
      for (unsigned k = 0; k < c.disabled.size(); ++k) s << (k ? ", %r" : "{%r") << 10 + k;
      s << "}, ";
    }
    s << "%p1";
    if (c.scale_d) s << ", " << c.scale_d;
    if (c.column_mask) s << ", %rd3";
    s << ";";
    return s.str();
  }

  // Element x along the contiguous dimension of line l.
  void put(uint32_t cta, const TestLayout& l, const TestType& t, uint32_t line, uint32_t x, uint32_t code) {
    const unsigned per = c_.per_piece(t), bit = x % per * t.bits;
    const uint32_t at = l.piece(line, x / per);
    for (unsigned b = 0; b < t.bits;) {
      const unsigned in_byte = (bit + b) % 8, n = std::min(8 - in_byte, t.bits - b);
      machine_.set_bits(cta, at + (bit + b) / 8, in_byte, n, code >> b & ((1u << n) - 1));
      b += n;
    }
  }
  void put_tmem(uint32_t cta, uint32_t lane, uint32_t k, uint32_t code) {
    const TestType& t = *c_.a;
    const unsigned container = c_.packed() || t.bits > 8 ? t.bits : 8, shift = container > t.bits && t.bits == 4 ? 2 : 0;
    const unsigned per = 32 / container;
    uint32_t& w = machine_.word(cta, lane, A + k / per);
    const uint32_t all = container == 32 ? ~0u : (1u << container) - 1;
    w = (w & ~(all << k % per * container)) | (code << shift << k % per * container);
    tmem_of(machine_.cta(cta)).mark(lane, A + k / per, 1);
  }

  void fill() {
    const uint32_t rows = c_.m / c_.group, columns = c_.n / c_.group;
    a_.assign(c_.m, std::vector<double>(c_.k)), b_.assign(c_.n, std::vector<double>(c_.k));
    d_.assign(c_.m, std::vector<uint32_t>(c_.n));
    const TestLayout la = layout_a(), lb = layout_b();
    for (uint32_t m = 0; m < c_.m; ++m) {
      const std::vector<uint32_t> at = c_.sparse ? choose_places(m) : std::vector<uint32_t>();
      for (uint32_t k = 0; k < c_.k / (c_.sparse ? 2 : 1); ++k) {
        const uint32_t code = small_code(*c_.a, rng_), cta = m / rows;
        a_[m][c_.sparse ? at[k] : k] = c_.a->value(code);
        if (!c_.a_in_tmem) {
          put(cta, la, *c_.a, c_.a_mn ? k : m % rows, c_.a_mn ? m % rows : k, code);
        } else {
          for (uint32_t n = 0; n < c_.n; ++n) {  // wherever D's row lies
            uint32_t unused, lane, column;
            place(c_, m, n, unused, lane, column);
            put_tmem(cta, lane, k, code);
          }
        }
      }
    }
    for (uint32_t n = 0; n < c_.n; ++n)
      for (uint32_t k = 0; k < c_.k; ++k) {
        const uint32_t code = small_code(*c_.b, rng_), at = n % columns + c_.shift;
        b_[n][k] = c_.column_used(n) ? c_.b->value(code) : 0;
        put(n / columns, lb, *c_.b, c_.b_mn ? k : at, c_.b_mn ? at : k, code);
      }
    // what the shift leaves out is there all the same
    for (uint32_t at = 0; at < c_.shift; ++at)
      for (uint32_t k = 0; k < c_.k; ++k) put(0, lb, *c_.b, c_.b_mn ? k : at, c_.b_mn ? at : k, 1);
    for (uint32_t m = 0; m < c_.m; ++m)
      for (uint32_t n = 0; n < c_.n; ++n) {
        uint32_t cta, lane, column;
        place(c_, m, n, cta, lane, column);
        const int v = int(rng_() % 201) - 100;
        d_[m][n] = c_.d_type == 2 ? uint32_t(v) * 20000000u
                   : c_.d_type == 0
                       ? uint32_t(isa_test::nearest_code<double>(isa_test::f16_grid(), v / 2.0, 'n', false))
                       : __builtin_bit_cast(uint32_t, v / 4.0f);
        machine_.set_word(cta, lane, D + column, d_[m][n]);
      }
    if (c_.scaled()) fill_scales(rows);
  }
  // Which K index each stored element of a sparse row of A has; written down as metadata.
  std::vector<uint32_t> choose_places(uint32_t m) {
    const uint32_t chunk = c_.kind == "tf32" ? 2 : c_.packed() ? 8 : 4, piece = chunk == 8 ? 2 : 1;
    std::vector<uint32_t> places;
    uint64_t bits = 0;
    for (uint32_t c = 0; c < c_.k / chunk; ++c) {
      uint32_t code;
      if (chunk == 2) {
        const uint32_t which = rng_() % 2;
        places.push_back(c * 2 + which), code = which ? 0b1110 : 0b0100;
      } else {
        constexpr uint32_t pairs[] = {0b0100, 0b1000, 0b1100, 0b1001, 0b1101, 0b1110};
        code = pairs[rng_() % 6];
        for (uint32_t p : {code & 3, code >> 2})
          for (uint32_t e = 0; e < piece; ++e) places.push_back(c * chunk + p * piece + e);
      }
      bits |= uint64_t(code) << 4 * c;
    }
    // f16, tf32: a column whose lane 16g + 8h + i has, of rows 16g + i and 16g + 8 + i, the h-th half of K
    const bool narrow = c_.kind == "f16" || c_.kind == "tf32";
    for (uint32_t n = 0; n < c_.n; ++n) {
      uint32_t cta, lane, unused;
      place(c_, m, n, cta, lane, unused);
      for (uint32_t h = 0; h < 2; ++h) {
        if (!narrow) {
          machine_.set_word(cta, lane, META + h, uint32_t(bits >> 32 * h));
          continue;
        }
        const uint32_t at = lane / 16 * 16 + 8 * h + m % 8, shift = m % 16 / 8 * 16;
        const uint32_t word = machine_.word(cta, at, META + c_.selector);
        machine_.set_word(cta, at, META + c_.selector,
                          (word & ~(0xffffu << shift)) | uint32_t(bits >> 16 * h & 0xffff) << shift);
      }
    }
    return places;
  }
  double scale_value(uint32_t code) const {
    return c_.ue4m3 ? isa_test::value_of(isa_test::e4m3_grid(), code) : std::ldexp(1.0, int(code) - 127);
  }
  uint32_t scale_code() {
    constexpr uint32_t e4m3[] = {0x30, 0x38, 0x3c, 0x40};  // 0.5, 1, 1.5, 2
    return c_.ue4m3 ? e4m3[rng_() % 4] : 125 + uint32_t(rng_() % 5);
  }
  // Factors of row r: bytes of the word at lane r % 32, column r / 32, copied to all quadrants. With M = 128 of a pair
  // the two halves of N lie in the lower and the upper two quadrants.
  void fill_scales(uint32_t rows) {
    const uint32_t block = c_.k / c_.scale_vec;
    auto noise = [&] { return uint32_t(rng_()) & 0x7f7f7f7fu; };
    for (uint32_t m = 0; m < c_.m; ++m) {
      uint32_t word = noise();
      for (uint32_t j = 0; j < c_.scale_vec; ++j) {
        const uint32_t code = scale_code(), shift = 8 * (c_.sfa_id + j);
        word = (word & ~(0xffu << shift)) | code << shift;
        for (uint32_t k = j * block; k < (j + 1) * block; ++k) a_[m][k] *= scale_value(code);
      }
      for (uint32_t q = 0; q < 4; ++q) machine_.set_word(m / rows, m % rows % 32 + 32 * q, SFA + m % rows / 32, word);
    }
    const bool split = c_.group == 2 && c_.m == 128 && !c_.sparse;
    for (uint32_t n = 0; n < c_.n; ++n) {
      uint32_t word = noise();
      for (uint32_t j = 0; j < c_.scale_vec; ++j) {
        const uint32_t code = scale_code(), shift = 8 * (c_.sfb_id + j);
        word = (word & ~(0xffu << shift)) | code << shift;
        for (uint32_t k = j * block; k < (j + 1) * block; ++k) b_[n][k] *= scale_value(code);
      }
      for (uint32_t cta = 0; cta < c_.group; ++cta)
        for (uint32_t q = 0; q < 4; ++q) {
          if (split && q / 2 != n / (c_.n / 2)) continue;
          const uint32_t r = split ? n % (c_.n / 2) : n;
          machine_.set_word(cta, r % 32 + 32 * q, SFB + r / 32, word);
        }
    }
  }

  void check_one(uint32_t m, uint32_t n) {
    uint32_t cta, lane, column;
    place(c_, m, n, cta, lane, column);
    const uint32_t got = machine_.word(cta, lane, D + column), before = d_[m][n];
    double sum = 0;
    for (uint32_t k = 0; k < c_.k; ++k) sum += a_[m][k] * b_[n][k];
    if (c_.negate_a != c_.negate_b) sum = -sum;
    uint32_t want;
    const uint32_t at = lane + 128 * cta;
    if (!c_.disabled.empty() && (c_.disabled[at / 32] >> at % 32 & 1)) {
      want = before;
    } else if (c_.d_type == 2) {
      const double exact = sum + (c_.accumulate ? double(int32_t(before)) : 0);
      want = c_.saturate && exact > INT32_MAX   ? uint32_t(INT32_MAX)
             : c_.saturate && exact < INT32_MIN ? uint32_t(INT32_MIN)
                                                : uint32_t(int64_t(exact));
    } else if (c_.d_type == 0) {
      if (c_.accumulate) sum += std::ldexp(isa_test::value_of(isa_test::f16_grid(), before), -int(c_.scale_d));
      want = isa_test::nearest_code<double>(isa_test::f16_grid(), sum, 'n', false);
    } else {
      if (c_.accumulate) sum += std::ldexp(double(__builtin_bit_cast(float, before)), -int(c_.scale_d));
      want = __builtin_bit_cast(uint32_t, float(sum));
    }
    const bool zero = sum == 0 && !(got << 1) && c_.d_type == 1;
    if (got != want && !zero)
      fail(__FILE__, __LINE__, c_.name(), ": row ", m, " column ", n, " (CTA ", cta, " lane ", lane, " column ", column,
           ") expected ", want, " = ", sum, ", got ", got, " = ", __builtin_bit_cast(float, got));
    if (!tmem_of(machine_.cta(cta)).is_written(lane, D + column, 1))
      fail(__FILE__, __LINE__, c_.name(), ": row ", m, " column ", n, " expected to count as written");
  }

  MultiplyCase c_;
  TensorMachine machine_;
  std::mt19937_64 rng_;
  std::vector<std::vector<double>> a_, b_;
  std::vector<std::vector<uint32_t>> d_;
};

inline void check_multiply(const MultiplyCase& c) { Multiply(c).check(); }

}  // namespace sim::testing

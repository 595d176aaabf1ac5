// wgmma of every type: A from registers and from shared memory, K- and MN-major in every swizzle mode. The kernel
// stores its accumulators; the operands are laid out here by the atoms of PTX's figures, one 16-byte unit after the
// other, not by the descriptor's arithmetic.
#include <cmath>
#include <random>

#include "gpu.h"
#include "isa_reference.h"

using namespace sim;
using namespace sim::testing;
using namespace sim::isa_test;

namespace {

struct Element {
  const char* name;
  unsigned bits;
  std::function<double(uint32_t)> value;
};
const Element F16{"f16", 16, [](uint32_t c) { return value_of(f16_grid(), c); }},
    BF16{"bf16", 16, [](uint32_t c) { return value_of(bf16_grid(), c); }},
    TF32{"tf32", 32, [](uint32_t c) { return double(__builtin_bit_cast(float, c & 0xffffe000u)); }},
    E4M3{"e4m3", 8, [](uint32_t c) { return value_of(e4m3_grid(), c); }},
    E5M2{"e5m2", 8, [](uint32_t c) { return value_of(e5m2_grid(), c); }},
    S8{"s8", 8, [](uint32_t c) { return double(int8_t(c)); }}, U8{"u8", 8, [](uint32_t c) { return double(c); }},
    B1{"b1", 1, [](uint32_t c) { return double(c); }};

// A matrix of `rows` by 256 / bits of K as codes, and as it lies in shared memory.
struct Matrix {
  const Element& e;
  unsigned rows, k;
  std::vector<uint32_t> code;
  Matrix(const Element& type, unsigned r, std::mt19937_64& rng) : e(type), rows(r), k(256 / type.bits), code(r * k) {
    for (uint32_t& c : code)
      for (;;) {  // small multiples of 1/8: every sum is exact in f32
        c = e.bits == 32 ? __builtin_bit_cast(uint32_t, float(int(rng() % 33) - 16) / 8) | uint32_t(rng() & 0x1fff)
                         : uint32_t(rng()) & ((1u << e.bits) - 1);
        const double x = e.value(c);
        if (e.bits != 8 || e.name[0] == 's' || e.name[0] == 'u' || (std::fabs(x) <= 8 && x * 8 == std::nearbyint(x * 8)))
          if (e.bits != 16 || (std::fabs(x) <= 8 && x * 8 == std::nearbyint(x * 8))) break;
      }
  }
  uint32_t at(unsigned r, unsigned j) const { return code[r * k + j]; }
  double value(unsigned r, unsigned j) const { return e.value(at(r, j)); }
  std::array<uint8_t, 32> row_bytes(unsigned r) const {
    std::array<uint8_t, 32> out{};
    for (unsigned j = 0; j < k; ++j)
      for (unsigned b = 0; b < e.bits; ++b)
        out[(j * e.bits + b) / 8] = uint8_t(out[(j * e.bits + b) / 8] | (at(r, j) >> b & 1) << (j * e.bits + b) % 8);
    return out;
  }
};
struct Layout {
  unsigned mode;  // of the descriptor: 0 none, 1 128 bytes, 2 64, 3 32
  bool mn_major;
};
// Shared memory from `base` (a multiple of 1024) on, and the descriptor. Atoms have eight rows of one span.
struct Placed {
  uint64_t descriptor = 0;
  std::vector<uint8_t> bytes;
};
Placed place(const Matrix& m, Layout l, uint32_t base) {
  constexpr unsigned spans[4] = {16, 128, 64, 32};
  const unsigned span = spans[l.mode], units = span / 16;
  Placed out;
  uint32_t lbo = 0, sbo = 0;
  auto put = [&](uint32_t atom, unsigned row, unsigned unit, const uint8_t* from) {
    // unit u of row r of an atom that starts at a multiple of 1024 lies at r * span + 16 * (u ^ pattern), where the
    // pattern counts 128-byte lines
    const uint32_t line = row * span / 128;
    const uint32_t to = atom + row * span + 16 * (unit ^ (line % units));
    if (out.bytes.size() < to + 16) out.bytes.resize(to + 16);
    std::memcpy(&out.bytes[to], from, 16);
  };
  if (!l.mn_major) {
    const unsigned atoms_k = 32 / span ? 32 / span : 1;  // without swizzle an atom is 8 rows of 16 bytes
    sbo = 8 * span * (l.mode ? 1 : atoms_k) + (l.mode ? 0 : 0);
    lbo = 8 * span;
    for (unsigned r = 0; r < m.rows; ++r) {
      const auto bytes = m.row_bytes(r);
      for (unsigned u = 0; u < 2; ++u)
        if (l.mode)
          put(r / 8 * sbo, r % 8, u, &bytes[16 * u]);
        else
          put(r / 8 * sbo + u * lbo, r % 8, 0, &bytes[16 * u]);
    }
  } else {  // 16-bit elements: a line of an atom is span / 2 neighbours along MN
    const unsigned group = span / 2, groups = (m.rows + group - 1) / group;
    const uint32_t atom = 8 * span;
    // swizzled: along MN by LBO, along K by SBO; else the other way round
    const uint32_t mn_step = atom, k_step = atom * groups;
    lbo = l.mode ? mn_step : k_step, sbo = l.mode ? k_step : mn_step;
    for (unsigned k = 0; k < m.k; ++k)
      for (unsigned r = 0; r < m.rows; r += 8) {
        uint16_t eight[8];
        for (unsigned i = 0; i < 8; ++i) eight[i] = uint16_t(m.at(r + i, k));
        put(r / group * mn_step + k / 8 * k_step, k % 8, r % group / 8, reinterpret_cast<const uint8_t*>(eight));
      }
  }
  out.descriptor = (base & 0x3ffff) >> 4 | uint64_t(lbo >> 4) << 16 | uint64_t(sbo >> 4) << 32 |
                   uint64_t(l.mode) << 62;
  return out;
}

std::string list(const char* reg, unsigned first, unsigned n) {
  std::string s = "{";
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %" : "%") + std::string(reg) + std::to_string(first + k);
  return s + "}";
}

struct Case {
  const Element &a, &b;
  unsigned n;
  std::string d = "f32";
  Layout la{1, false}, lb{1, false};
  bool registers = false, accumulate = true;
  int scale_a = 1, scale_b = 1;
  std::string words = "";  // .satfinite
};
std::string ptx(const Case& c, uint32_t a_bytes, uint32_t bytes) {
  const unsigned k = 256 / c.a.bits, n_d = c.d == "f16" ? c.n / 4 : c.n / 2;
  const bool integer = c.d == "s32", sixteen = c.a.bits == 16;
  std::ostringstream s;
  s << ".version 8.0\n.target sm_90a\n.address_size 64\n.extern .shared .align 1024 .b8 smem[];\n"
       ".entry k(.param .u64 in, .param .u64 ra, .param .u64 io, .param .u64 da, .param .u64 db) {\n"
       ".reg .b32 %r<300>; .reg .b64 %rd<20>; .reg .pred %p<4>;\n"
       "mov.u32 %r280, %tid.x; ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [ra]; ld.param.u64 %rd3, [io]; ld.param.u64 "
       "%rd4, [da]; ld.param.u64 %rd5, [db];\n"
       "mul.lo.u32 %r281, %r280, 4;\nL: setp.ge.u32 %p1, %r281, "
    << bytes
    << "; @%p1 bra M; cvt.u64.u32 %rd6, %r281; add.s64 %rd6, %rd1, %rd6; ld.global.u32 %r282, [%rd6]; mov.u32 %r283, "
       "smem; add.u32 %r283, %r283, %r281; st.shared.u32 [%r283], %r282; add.u32 %r281, %r281, 512; bra L;\nM: "
       "fence.proxy.async; bar.sync 0;\n";
  s << "mul.wide.u32 %rd7, %r280, 16; add.s64 %rd2, %rd2, %rd7; ld.global.v4.u32 {%r256, %r257, %r258, %r259}, [%rd2];\n"
    << "mul.wide.u32 %rd7, %r280, " << 4 * n_d << "; add.s64 %rd3, %rd3, %rd7;\n";
  for (unsigned i = 0; i < n_d; ++i) s << "ld.global.u32 %r" << i << ", [%rd3+" << 4 * i << "];\n";
  s << "setp.eq.u32 %p0, 0, " << (c.accumulate ? 0 : 1) << ";\nwgmma.fence.sync.aligned;\nwgmma.mma_async.sync.aligned.m64n"
    << c.n << "k" << k << c.words << "." << c.d << "." << c.a.name << "." << c.b.name
    << (c.a.bits == 1 ? ".and.popc " : " ") << list("r", 0, n_d) << ", "
    << (c.registers ? list("r", 256, 4) : "%rd4") << ", %rd5, %p0";
  if (!integer) s << ", " << c.scale_a << ", " << c.scale_b;
  if (sixteen && !c.registers) s << ", " << c.la.mn_major;
  if (sixteen) s << ", " << c.lb.mn_major;
  s << ";\nwgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
  for (unsigned i = 0; i < n_d; ++i) s << "st.global.u32 [%rd3+" << 4 * i << "], %r" << i << ";\n";
  s << "ret;\n}\n";
  (void)a_bytes;
  return s.str();
}

void check(const Case& c, unsigned seed = 1) {
  std::mt19937_64 rng(seed);
  const Matrix a(c.a, 64, rng), b(c.b, c.n, rng);
  constexpr uint32_t FIRST = 1024;  // the first bytes of shared memory are the hardware's
  const Placed pa = place(a, c.la, FIRST);
  const uint32_t second = uint32_t((pa.bytes.size() + 1023) / 1024 * 1024);
  const Placed pb = place(b, c.lb, FIRST + second);
  std::vector<uint8_t> all(second + (pb.bytes.size() + 3) / 4 * 4);
  std::memcpy(all.data(), pa.bytes.data(), pa.bytes.size());
  std::memcpy(all.data() + second, pb.bytes.data(), pb.bytes.size());
  const bool half = c.d == "f16", integer = c.d == "s32";
  const unsigned n_d = half ? c.n / 4 : c.n / 2;
  // fragments: #wgmma-64n16-a and -d
  std::vector<uint32_t> ra(128 * 4), io(128 * n_d);
  std::vector<double> old(64 * c.n);
  auto row_of = [](unsigned t, unsigned i) { return 16 * (t / 32) + t % 32 / 4 + 8 * (i / 2 % 2); };
  auto column_of = [](unsigned t, unsigned i) { return 8 * (i / 4) + 2 * (t % 4) + i % 2; };
  for (unsigned t = 0; t < 128; ++t) {
    for (unsigned i = 0; i < 4; ++i) {
      const auto bytes = a.row_bytes(16 * (t / 32) + t % 32 / 4 + 8 * (i % 2));
      std::memcpy(&ra[4 * t + i], &bytes[4 * (t % 4) + 16 * (i / 2)], 4);
    }
    for (unsigned i = 0; i < c.n / 2; ++i) {
      // .satfinite: near the ends of the range, so that sums leave it
      const int v = c.words.empty() ? int(rng() % 65) - 32 : rng() % 2 ? INT32_MAX - int(rng() % 99) : INT32_MIN + int(rng() % 99);
      old[row_of(t, i) * c.n + column_of(t, i)] = v;
      uint32_t& w = io[n_d * t + (half ? i / 2 : i)];
      if (half)
        w = (i % 2 ? w : 0) | nearest_code<double>(f16_grid(), v, 'n', false) << 16 * (i % 2);
      else
        w = integer ? uint32_t(v) : __builtin_bit_cast(uint32_t, float(v));
    }
  }
  const std::string text = ptx(c, second, uint32_t(all.size()));
  auto m = Module::load(text);
  Array<uint8_t> in(all);
  Array<uint32_t> regs(ra), acc(io);
  LaunchConfig config;
  config.block = {128}, config.dynamic_shared = uint32_t(all.size()) + 64;
  launch(*m, *m->entry("k"), config, params(in.at, regs.at, acc.at, pa.descriptor, pb.descriptor));
  for (unsigned t = 0; t < 128; ++t)
    for (unsigned i = 0; i < c.n / 2; ++i) {
      const unsigned r = row_of(t, i), q = column_of(t, i);
      double want = 0;
      for (unsigned k = 0; k < a.k; ++k) want += a.value(r, k) * b.value(q, k);
      want = want * c.scale_a * c.scale_b + (c.accumulate ? old[r * c.n + q] : 0);
      if (!c.words.empty()) want = std::min(2147483647.0, std::max(-2147483648.0, want));
      const uint32_t got = half ? acc[n_d * t + i / 2] >> 16 * (i % 2) & 0xffff : acc[n_d * t + i];
      const uint32_t bits = half      ? nearest_code<double>(f16_grid(), want, 'n', false)
                            : integer ? uint32_t(int64_t(want))
                                      : __builtin_bit_cast(uint32_t, float(want));
      const bool zero = want == 0 && !(got & (half ? 0x7fff : 0x7fffffff));
      CHECK(got == bits || zero, c.a.name, " x ", c.b.name, " n", c.n, " modes ", c.la.mode, c.la.mn_major, " ",
            c.lb.mode, c.lb.mn_major, c.registers ? " registers" : "", ": row ", r, " column ", q, ", expected ", want,
            " (", bits, "), got ", got);
    }
}

}  // namespace

TEST(isa_wgmma_types_and_shapes) {
  for (unsigned n : {8u, 16u, 24u, 72u, 128u, 256u})
    for (bool registers : {false, true}) {
      Case c{F16, F16, n};
      c.registers = registers;
      check(c);
      c.d = "f16", check(c);
    }
  for (bool registers : {false, true})
    for (const Element* a : {&BF16, &TF32, &E4M3, &E5M2, &S8, &U8, &B1})
      for (const Element* b : {&BF16, &TF32, &E4M3, &E5M2, &S8, &U8, &B1}) {
        if (a->bits != b->bits || (a != b && a->bits != 8) || (a->name[0] == 'e') != (b->name[0] == 'e')) continue;
        Case c{*a, *b, 32};
        c.registers = registers;
        const bool integer = a->name[0] == 's' || a->name[0] == 'u' || a->bits == 1;
        if (integer) c.d = "s32";
        check(c, 7);
        if (a->name[0] == 'e') c.d = "f16", check(c, 8);
        if (integer && a->bits == 8) c.words = ".satfinite", check(c, 9);
      }
}
TEST(isa_wgmma_layouts) {
  for (unsigned mode = 0; mode < 4; ++mode) {
    for (const Element* e : {&F16, &TF32, &E4M3}) {
      Case c{*e, *e, 40};
      c.la = {mode, false}, c.lb = {3 - mode, false};
      check(c);
    }
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        Case c{BF16, BF16, 64};
        c.la = {mode, ta}, c.lb = {(mode + 1) % 4, tb};
        check(c);
        c.registers = true, check(c);
      }
  }
}
TEST(isa_wgmma_scales) {
  for (int a : {1, -1})
    for (int b : {1, -1})
      for (bool accumulate : {false, true}) {
        Case c{F16, F16, 16};
        c.scale_a = a, c.scale_b = b, c.accumulate = accumulate;
        check(c);
      }
  Case c{S8, U8, 16, "s32"};
  c.accumulate = false, check(c);
}
TEST(isa_wgmma_forms_that_do_not_exist) {
  for (const char* text :
       {"wgmma.mma_async.sync.aligned.m64n12k16.f32.f16.f16 {%r0, %r1, %r2, %r3}, %rd1, %rd2, %p0, 1, 1, 0, 0;",
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%r0, %r1, %r2, %r3}, %rd1, %rd2, %p0, 2, 1, 0, 0;",
        "wgmma.mma_async.sync.aligned.m64n8k32.f32.f16.f16 {%r0, %r1, %r2, %r3}, %rd1, %rd2, %p0, 1, 1, 0, 0;",
        "wgmma.mma_async.sync.aligned.m64n8k8.f32.tf32.tf32 {%r0, %r1, %r2, %r3}, %rd1, %rd2, %p0, 1, 1, 0, 0;",
        "wgmma.mma_async.sync.aligned.m64n40k32.s32.s8.s8 {%r0, %r1, %r2, %r3}, %rd1, %rd2, %p0;"}) {
    auto m = Module::load(std::string(".version 8.0\n.target sm_90a\n.address_size 64\n.entry k() {\n.reg .b32 %r<9>; "
                                      ".reg .b64 %rd<4>; .reg .pred %p<2>;\nmov.b64 %rd1, 0; mov.b64 %rd2, 0;\n") +
                          text + " ret;\n}\n");
    const Trap t = trap_of([&] { run(*m, "k", {1}, {128}, {}); });
    CHECK(std::string(t.what()).find("no semantics for wgmma") == 0, t.what());
  }
}

// What the order of accesses sees of wgmma: operands written by st.shared need a fence.proxy.async, and stay the product's
// until its group is waited for.
TEST(isa_wgmma_order) {
  auto trap = [](const std::string& fence, const std::string& wait) {
    const std::string text =
        ".version 8.0\n.target sm_90a\n.address_size 64\n.extern .shared .align 1024 .b8 smem[];\n.entry k() {\n.reg .b32 "
        "%r<20>; .reg .b64 %rd<4>; .reg .pred %p<2>;\nmov.u32 %r10, %tid.x; shl.b32 %r11, %r10, 5; mov.u32 %r12, smem; "
        "add.u32 %r11, %r12, %r11; st.shared.v4.u32 [%r11], {0, 0, 0, 0}; st.shared.v4.u32 [%r11+16], {0, 0, 0, 0};\n" +
        fence +
        " bar.sync 0;\nmov.b32 %r0, 0; mov.b32 %r1, 0; mov.b32 %r2, 0; mov.b32 %r3, 0; setp.ne.u32 %p1, 0, 0;\n"
        "mov.b64 %rd1, 0x0000001000080040; wgmma.fence.sync.aligned;\n"
        "wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%r0, %r1, %r2, %r3}, %rd1, %rd1, %p1, 1, 1, 0, 0;\n"
        "wgmma.commit_group.sync.aligned;\n" +
        wait + " bar.sync 0;\nst.shared.u32 [%r11], %r10;\nret;\n}\n";
    auto m = Module::load(text);
    run(*m, "k", {1}, {128}, {}, 4096);
  };
  trap("fence.proxy.async;", "wgmma.wait_group.sync.aligned 0;");  // right
  CHECK(std::string(trap_of([&] { trap("", "wgmma.wait_group.sync.aligned 0;"); }).what()).find("fence.proxy.async") !=
        std::string::npos);
  const Trap early = trap_of([&] { trap("fence.proxy.async;", ""); });
  CHECK(std::string(early.what()).find("wgmma.mma_async") != std::string::npos, early.what());
}

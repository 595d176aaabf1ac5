// wgmma of every type, dense and sparse: A from registers and from shared memory, K- and MN-major in every swizzle mode. The kernel
// stores its accumulators.
#include "gpu.h"
#include "wgmma_operands.h"

using namespace sim;
using namespace sim::testing;
using namespace sim::isa_test;

namespace {

std::string list(const char* reg, unsigned first, unsigned n) {
  std::string s = "{";
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %" : "%") + std::string(reg) + std::to_string(first + k);
  return s + "}";
}

struct Product {
  const Element &a, &b;
  unsigned n;
  std::string d = "f32";
  Layout la{1, false}, lb{1, false};
  bool registers = false, accumulate = true;
  int scale_a = 1, scale_b = 1;
  std::string words = "";  // .satfinite
  bool sparse = false;
  unsigned selector = 0;
};
std::string ptx(const Product& c, uint32_t bytes) {
  const unsigned k = 256 / c.a.bits << c.sparse, n_d = c.d == "f16" ? c.n / 4 : c.n / 2;
  const bool integer = c.d == "s32", sixteen = c.a.bits == 16;
  std::ostringstream s;
  s << ".version 8.0\n.target sm_90a\n.address_size 64\n.extern .shared .align 1024 .b8 smem[];\n"
       ".entry k(.param .u64 in, .param .u64 ra, .param .u64 io, .param .u64 da, .param .u64 db, .param .u64 meta) {\n"
       ".reg .b32 %r<300>; .reg .b64 %rd<20>; .reg .pred %p<4>;\n"
       "mov.u32 %r280, %tid.x; ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [ra]; ld.param.u64 %rd3, [io]; ld.param.u64 "
       "%rd4, [da]; ld.param.u64 %rd5, [db];\n"
       "mul.lo.u32 %r281, %r280, 4;\nL: setp.ge.u32 %p1, %r281, "
    << bytes
    << "; @%p1 bra M; cvt.u64.u32 %rd6, %r281; add.s64 %rd6, %rd1, %rd6; ld.global.u32 %r282, [%rd6]; mov.u32 %r283, "
       "smem; add.u32 %r283, %r283, %r281; st.shared.u32 [%r283], %r282; add.u32 %r281, %r281, 512; bra L;\nM: "
       "fence.proxy.async; bar.sync 0;\n";
  s << "mul.wide.u32 %rd7, %r280, 16; add.s64 %rd2, %rd2, %rd7; ld.global.v4.u32 {%r256, %r257, %r258, %r259}, [%rd2];\n"
    << "ld.param.u64 %rd8, [meta]; mul.wide.u32 %rd7, %r280, 4; add.s64 %rd8, %rd8, %rd7; ld.global.u32 %r284, [%rd8];\n"
    << "mul.wide.u32 %rd7, %r280, " << 4 * n_d << "; add.s64 %rd3, %rd3, %rd7;\n";
  for (unsigned i = 0; i < n_d; ++i) s << "ld.global.u32 %r" << i << ", [%rd3+" << 4 * i << "];\n";
  s << "setp.eq.u32 %p0, 0, " << (c.accumulate ? 0 : 1) << ";\nwgmma.fence.sync.aligned;\nwgmma.mma_async." << (c.sparse ? "sp." : "")
    << "sync.aligned.m64n" << c.n << "k" << k << c.words << "." << c.d << "." << c.a.name << "." << c.b.name
    << (c.a.bits == 1 ? ".and.popc " : " ") << list("r", 0, n_d) << ", " << (c.registers ? list("r", 256, 4) : "%rd4") << ", %rd5, "
    << (c.sparse ? "%r284, " + std::to_string(c.selector) + ", " : "") << "%p0";
  if (!integer) s << ", " << c.scale_a << ", " << c.scale_b;
  if (sixteen && !c.registers) s << ", " << c.la.mn_major;
  if (sixteen) s << ", " << c.lb.mn_major;
  s << ";\nwgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;\n";
  for (unsigned i = 0; i < n_d; ++i) s << "st.global.u32 [%rd3+" << 4 * i << "], %r" << i << ";\n";
  s << "ret;\n}\n";
  return s.str();
}

// Where in K the stored elements of A belong, and the words of the 128 threads that say so; what no warp needs is noise.
struct Metadata {
  bool sparse;
  unsigned stored;
  std::vector<unsigned> at;
  std::vector<uint32_t> word = std::vector<uint32_t>(128);
  unsigned of(unsigned row, unsigned k) const { return sparse ? at[row * stored + k] : k; }
  Metadata(const Product& c, std::mt19937_64& rng) : sparse(c.sparse), stored(256 / c.a.bits), at(64 * stored) {
    for (uint32_t& w : word) w = uint32_t(rng());
    const unsigned chunk = c.a.bits == 32 ? 2 : 4, chunks = 2 * stored / chunk, lanes = chunks / 4;
    for (unsigned r = 0; sparse && r < 64; ++r)
      for (unsigned j = 0; j < chunks; ++j) {
        unsigned first = unsigned(rng() % 3), second = first + 1 + unsigned(rng() % (3 - first));
        if (chunk == 2) first = unsigned(rng() % 2) * 2, second = first + 1;
        const bool wide = c.a.bits >= 16;  // four chunks of row g, then four of row g + 8; else eight of one row
        const unsigned half = r % 16 / 8, thread = r / 16 * 32 + 4 * (r % 8) + c.selector * lanes + (wide ? j / 4 : half + j / 8 * 2),
                       bit = wide ? 16 * half + j % 4 * 4 : j % 8 * 4;
        word[thread] = (word[thread] & ~(15u << bit)) | (first | second << 2) << bit;
        for (unsigned e = 0; e < chunk / 2; ++e)
          at[r * stored + j * chunk / 2 + e] = j * chunk + (chunk == 2 ? first / 2 : e ? second : first);
      }
  }
};

void check(const Product& c, unsigned seed = 1) {
  std::mt19937_64 rng(seed);
  const Matrix a(c.a, 64, rng), b(c.b, c.n, rng, c.sparse ? 64 : 32);
  const Metadata where(c, rng);
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
  const std::string text = ptx(c, uint32_t(all.size()));
  auto m = Module::load(text);
  Array<uint8_t> in(all);
  Array<uint32_t> regs(ra), acc(io), metadata(where.word);
  LaunchConfig config;
  config.block = {128}, config.dynamic_shared = uint32_t(all.size()) + 64;
  launch(*m, *m->entry("k"), config, params(in.at, regs.at, acc.at, pa.descriptor, pb.descriptor, metadata.at));
  for (unsigned t = 0; t < 128; ++t)
    for (unsigned i = 0; i < c.n / 2; ++i) {
      const unsigned r = row_of(t, i), q = column_of(t, i);
      double want = 0;
      for (unsigned k = 0; k < a.k; ++k) want += a.value(r, k) * b.value(q, where.of(r, k));
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
  for (unsigned n : {16u, 72u, 128u})
    for (bool registers : {false, true}) {
      Product c{F16, F16, n};
      c.registers = registers;
      check(c);
      c.d = "f16", check(c);
    }
  for (unsigned n : {8u, 16u, 24u, 32u, 48u, 64u, 224u, 256u})
    for (bool registers : {false, true})
      for (const Element* a : {&F16, &BF16, &TF32, &E4M3, &E5M2, &S8, &U8, &B1})
        for (const Element* b : {&F16, &BF16, &TF32, &E4M3, &E5M2, &S8, &U8, &B1}) {
          if (a->bits != b->bits || (a != b && a->bits != 8) || a->integer() != b->integer()) continue;
          if (registers && n > 24) continue;  // A from registers is the same whatever N
          Product c{*a, *b, n};
          c.registers = registers;
          if (a->integer()) c.d = "s32";
          check(c, 7);
          if (a == &F16 || a->name[0] == 'e') c.d = "f16", check(c, 8);
          if (a->integer() && a->bits == 8) c.words = ".satfinite", check(c, 9);
        }
}
TEST(isa_wgmma_layouts) {
  for (unsigned mode = 0; mode < 4; ++mode) {
    for (const Element* e : {&F16, &TF32, &E4M3}) {
      Product c{*e, *e, 40};
      c.la = {mode, false}, c.lb = {3 - mode, false};
      check(c);
    }
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        Product c{BF16, BF16, 64};
        c.la = {mode, ta}, c.lb = {(mode + 1) % 4, tb};
        check(c);
        c.registers = true, check(c);
      }
  }
}
TEST(isa_wgmma_sparse) {
  for (bool registers : {false, true})
    for (const Element* a : {&F16, &BF16, &TF32, &E4M3, &E5M2, &S8, &U8})
      for (const Element* b : {&F16, &BF16, &TF32, &E4M3, &E5M2, &S8, &U8}) {
        if (a->bits != b->bits || (a != b && a->bits != 8) || a->integer() != b->integer()) continue;
        Product c{*a, *b, registers ? 24u : 8u};
        c.registers = registers, c.sparse = true;
        if (a->integer()) c.d = "s32";
        for (c.selector = 0; c.selector < (a->bits == 8 ? 1 : 2); ++c.selector) check(c, 7 + c.selector);
        c.selector = 0;
        if (a->integer()) c.words = ".satfinite", check(c, 9);
        if (a == &F16 || a->name[0] == 'e') c.d = "f16", check(c, 9);
      }
  for (unsigned mode = 0; mode < 4; ++mode)
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        Product c{BF16, BF16, 64};
        c.sparse = true, c.la = {mode, ta}, c.lb = {(mode + 1) % 4, tb};
        check(c);
      }
}
TEST(isa_wgmma_scales) {
  for (int a : {1, -1})
    for (int b : {1, -1})
      for (bool accumulate : {false, true}) {
        Product c{F16, F16, 16};
        c.scale_a = a, c.scale_b = b, c.accumulate = accumulate;
        check(c);
      }
  Product c{S8, U8, 16, "s32"};
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

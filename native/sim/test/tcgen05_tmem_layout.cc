// tcgen05.ld and .st: every shape, count and packing against the layouts of the PTX ISA's fragments, written here as
// strides (the form of CUTLASS's copy traits), and the rules of their addresses.
#include <algorithm>

#include "policies.h"
#include "tcgen05.h"

using namespace sim;

namespace tcgen05_tmem_layout {
using namespace sim::testing;

namespace {

// A fragment: thread t and 32-bit register i lie at bit offset thread(t) + value(i) of a matrix whose rows are
// `row_bits` wide. Shape:stride pairs, fastest first.
struct Mode {
  unsigned extent, stride;
};
struct Fragment {
  const char* name;
  unsigned registers, row_bits, rows;  // for x1
  std::vector<Mode> thread, value;     // value in units of registers
};
const std::vector<Fragment>& fragments() {
  static const std::vector<Fragment> all = {
      {"32x32b", 1, 32, 32, {{32, 32}}, {{1, 0}}},
      {"16x64b", 1, 64, 16, {{2, 512}, {2, 32}, {8, 64}}, {{1, 0}}},
      {"16x128b", 2, 128, 16, {{4, 32}, {8, 128}}, {{2, 1024}}},
      {"16x256b", 4, 256, 16, {{4, 64}, {8, 256}}, {{2, 32}, {2, 2048}}},
  };
  return all;
}
unsigned at(const std::vector<Mode>& modes, unsigned k) {
  unsigned bit = 0;
  for (const Mode& m : modes) bit += k % m.extent * m.stride, k /= m.extent;
  return bit;
}

struct Case {
  std::string shape;
  unsigned num, registers, columns;  // columns of one piece, unpacked
  bool packed, split;
  unsigned base, lane, distance;
  // row in the quadrant and column of the word (packed: the first of two) of register i of thread t
  std::pair<unsigned, unsigned> place(unsigned i, unsigned t) const {
    if (split) return {t % 16 + lane, base + (t / 16) * distance + (packed ? 2 * i : i)};
    for (const Fragment& f : fragments())
      if (shape == f.name) {
        unsigned bit = at(f.thread, t) + at(f.value, i % f.registers);
        unsigned column = bit % f.row_bits / 32 + i / f.registers * (f.row_bits / 32);
        return {bit / f.row_bits + lane, base + (packed ? 2 * column : column)};
      }
    throw std::logic_error("unknown shape");
  }
  std::string name() const {
    return shape + ".x" + std::to_string(num) + (packed ? " packed" : "") + " lane " + std::to_string(lane);
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (unsigned num = 1; num <= 128; num *= 2)
    for (bool packed : {false, true}) {
      for (const Fragment& f : fragments()) {
        unsigned columns = f.row_bits / 32 * num, registers = f.registers * num;
        if (registers > 128) continue;
        for (unsigned lane : {0u, 16u})
          if (f.rows == 16 || lane == 0)
            all.push_back({f.name, num, registers, columns, packed, false, packed ? 0 : 7 * 32 % (513 - columns), lane, 0});
      }
      unsigned n = packed ? 2 * num : num;
      for (unsigned lane : {0u, 16u}) all.push_back({"16x32bx2", num, num, num, packed, true, 0, lane, std::min(n + 5, 512 - n)});
    }
  return all;
}

// Fills tensor memory with row << 16 | column, and ends with the whole of it in `out`, row by row.
std::string around(const std::string& middle, unsigned registers) {
  std::string fill =
      "mov.u32 %c, 0;\nFILL: add.u32 %a, %t, %c; shl.b32 %v, %tid32, 16; or.b32 %v, %v, %c;\n"
      "tcgen05.st.sync.aligned.32x32b.x1.b32 [%a], {%v};\nadd.u32 %c, %c, 1; setp.lt.u32 %p, %c, 512; @%p bra FILL;\n"
      "tcgen05.wait::st.sync.aligned;\n";
  std::string dump =
      "mov.u32 %c, 0; mul.wide.u32 %rd3, %tid32, 2048; add.s64 %rd3, %rd1, %rd3;\n"
      "DUMP: add.u32 %a, %t, %c; tcgen05.ld.sync.aligned.32x32b.x1.b32 {%v}, [%a]; st.global.u32 [%rd3], %v;\n"
      "add.s64 %rd3, %rd3, 4; add.u32 %c, %c, 1; setp.lt.u32 %p, %c, 512; @%p bra DUMP;\n";
  return tcgen05_kernel(".reg .b32 %x<" + std::to_string(registers) + ">; .reg .b32 %c, %a, %v;\n" + fill + middle + dump +
                        "tcgen05.wait::ld.sync.aligned;\n");
}

}  // namespace

TEST(tcgen05_tmem_ld_layouts) {
  for (const Case& c : cases()) {
    std::string text = "add.u32 %a, %t, " + std::to_string(c.lane << 16 | c.base) + ";\ntcgen05.ld.sync.aligned." + c.shape +
                       ".x" + std::to_string(c.num) + (c.packed ? ".pack::16b" : "") + ".b32 " + registers("%x", c.registers) +
                       ", [%a]" + (c.split ? ", " + std::to_string(c.distance) : "") + ";\n";
    // register i of thread t to out[(i * 128 + t)]
    text += "mul.wide.u32 %rd3, %tid32, 4; add.s64 %rd3, %rd2, %rd3;\n";
    for (unsigned i = 0; i < c.registers; ++i)
      text += "st.global.u32 [%rd3+" + std::to_string(512 * i) + "], %x" + std::to_string(i) + ";\n";
    auto m = Module::load(around(text, c.registers));
    Array<uint32_t> whole(128 * 512), out(128 * c.registers);
    run(*m, "k", {1}, {128}, params(whole.at, out.at));
    for (unsigned t = 0; t < 128; ++t)
      for (unsigned i = 0; i < c.registers; ++i) {
        auto [row, column] = c.place(i, t % 32);
        uint32_t word = (t / 32 * 32 + row) << 16 | column, want = word;
        if (c.packed) want = column | (column + 1) << 16;
        CHECK_EQ(out[i * 128 + t], want, c.name(), " thread ", t, " register ", i);
      }
  }
}

TEST(tcgen05_tmem_st_layouts) {
  for (const Case& c : cases()) {
    std::string text;
    for (unsigned i = 0; i < c.registers; ++i)
      text += "mad.lo.u32 %x" + std::to_string(i) + ", %tid32, 65793, " + std::to_string(0x80000000u + i) + ";\n";
    text += "add.u32 %a, %t, " + std::to_string(c.lane << 16 | c.base) + ";\ntcgen05.st.sync.aligned." + c.shape + ".x" +
            std::to_string(c.num) + (c.packed ? ".unpack::16b" : "") + ".b32 [%a], " +
            (c.split ? std::to_string(c.distance) + ", " : "") + registers("%x", c.registers) +
            ";\ntcgen05.wait::st.sync.aligned;\n";
    auto m = Module::load(around(text, c.registers));
    Array<uint32_t> whole(128 * 512);
    LaunchConfig config;
    config.grid = {1}, config.block = {128};
    for (AsyncPolicy policy : {AsyncPolicy::lazy, AsyncPolicy::eager}) {
      config.async = policy;
      launch(*m, *m->entry("k"), config, params(whole.at, uint64_t(0)));
      std::vector<uint32_t> want(128 * 512);
      for (unsigned k = 0; k < want.size(); ++k) want[k] = k / 512 << 16 | k % 512;
      for (unsigned t = 0; t < 128; ++t)
        for (unsigned i = 0; i < c.registers; ++i) {
          auto [row, column] = c.place(i, t % 32);
          uint32_t v = t * 65793u + 0x80000000u + i, *word = &want[(t / 32 * 32 + row) * 512 + column];
          if (c.packed)
            word[0] = v & 0xffff, word[1] = v >> 16;  // the upper halves are nobody's
          else
            *word = v;
        }
      for (unsigned k = 0; k < want.size(); ++k) {
        uint32_t got = whole[k];
        if (c.packed && got >> 16 == 0xcdcd) got &= 0xffff;
        CHECK_EQ(got, want[k], c.name(), " lane ", k / 512, " column ", k % 512);
      }
    }
  }
}

// Quadrant bits of an address say nothing, nor do bits above the 128 lanes; warps 4 to 7 reach what 0 to 3 reach.
TEST(tcgen05_tmem_quadrants) {
  auto m = Module::load(tcgen05_kernel(
      ".reg .b32 %a, %v;\nmov.u32 %v, %tid32;\n"
      "setp.lt.u32 %p, %tid32, 128; @!%p bra SECOND;\n"
      "add.u32 %a, %t, 0x600005; tcgen05.st.sync.aligned.32x32b.x1.b32 [%a], {%v}; tcgen05.wait::st.sync.aligned;\n"
      "SECOND: bar.sync 0; @%p bra END;\n"
      "add.u32 %a, %t, 0x1800005; tcgen05.ld.sync.aligned.32x32b.x1.b32 {%v}, [%a];\n"
      "mul.wide.u32 %rd3, %tid32, 4; add.s64 %rd3, %rd1, %rd3; st.global.u32 [%rd3], %v; tcgen05.wait::ld.sync.aligned;\n"
      "END:\n"));
  Array<uint32_t> out(256);
  run(*m, "k", {1}, {256}, params(out.at, uint64_t(0)));
  for (unsigned t = 128; t < 256; ++t) CHECK_EQ(out[t], t - 128);
}

namespace {
Trap trap_in(const std::string& body, Dim3 block = {128}) {
  auto m = Module::load(tcgen05_kernel(body));
  return trap_of([&] { run(*m, "k", {1}, block, params(uint64_t(0), uint64_t(0))); });
}
}  // namespace

TEST(tcgen05_tmem_ldst_faults) {
  struct {
    const char* body;
    Trap::Cause cause;
    std::vector<const char*> words;
  } cases[] = {
      {".reg .b32 %a; add.u32 %a, %t, %tid32; tcgen05.st.sync.aligned.32x32b.x1.b32 [%a], {%a};",
       Trap::illegal_instruction, {"expected one tensor memory address"}},
      {".reg .b32 %a; add.u32 %a, %t, 0x100000; tcgen05.st.sync.aligned.32x32b.x1.b32 [%a], {%a};",
       Trap::misaligned, {"starts at lane 0 of its quadrant", "lane 16"}},
      {".reg .b32 %a; add.u32 %a, %t, 0x80000; tcgen05.st.sync.aligned.16x64b.x1.b32 [%a], {%a};",
       Trap::misaligned, {"starts at lane 0 or 16", "lane 8"}},
      {".reg .b32 %a, %b; add.u32 %a, %t, 511; tcgen05.st.sync.aligned.32x32b.x2.b32 [%a], {%a, %b};",
       Trap::illegal_address, {"columns 511 to 512"}},
      // what nobody wrote may be loaded, not used
      {".reg .b32 %a; tcgen05.ld.sync.aligned.32x32b.x1.b32 {%a}, [%t]; tcgen05.wait::ld.sync.aligned; ld.shared.u32 %a, [%a];",
       Trap::uninitialised, {"tensor memory that nobody has written, at lane ", "column 0"}},
      // columns 8 and 9 of half the quadrant are written, 8 to 11 of the whole are read
      {".reg .b32 %a, %b, %c, %d, %e; add.u32 %a, %t, 0x100008; tcgen05.st.sync.aligned.16x64b.x1.b32 [%a], {%a}; "
       "tcgen05.wait::st.sync.aligned; add.u32 %e, %t, 8; tcgen05.ld.sync.aligned.32x32b.x4.b32 {%a, %b, %c, %d}, [%e]; "
       "tcgen05.wait::ld.sync.aligned; setp.eq.u32 %p, %b, 0; @%p bra.uni OUT; OUT:",
       Trap::uninitialised, {"tensor memory that nobody has written, at lane ", "column 9"}},
      {".reg .b32 %a; setp.lt.u32 %p, %tid32, 16; @%p tcgen05.st.sync.aligned.32x32b.x1.b32 [%t], {%a};",
       Trap::illegal_instruction, {"all lanes of a warp together"}},
      {".reg .b32 %a; setp.eq.u32 %p, %tid32, 5; @%p exit; tcgen05.st.sync.aligned.32x32b.x1.b32 [%t], {%a};",
       Trap::illegal_instruction, {"needs all 32 threads of its warp, and thread 5 has exited"}},
      {".reg .b32 %a, %r; tcgen05.ld.red.sync.aligned.32x32b.x2.min.u32 {%a, %r}, %r, [%t];",
       Trap::illegal_instruction, {"no semantics for tcgen05.ld.red"}},
      {".reg .b32 %a; tcgen05.ld.sync.aligned.32x32b.x2.b32 {%a}, [%t];",
       Trap::illegal_instruction, {"no semantics for tcgen05.ld"}},
  };
  for (const auto& c : cases) {
    Trap t = trap_in(c.body);
    CHECK_EQ(int(t.cause), int(c.cause), t.what(), " of ", c.body);
    for (const char* w : c.words) CHECK(std::string(t.what()).find(w) != std::string::npos, w, " in: ", t.what());
  }
  Trap short_warp = trap_in(".reg .b32 %a; setp.lt.u32 %p, %tid32, 32; @%p bra OUT; tcgen05.st.sync.aligned.32x32b.x1.b32 [%t], {%a};\nOUT:", {40});
  CHECK(std::string(short_warp.what()).find("thread 40 has exited or never was") != std::string::npos, short_warp.what());
}

}  // namespace tcgen05_tmem_layout

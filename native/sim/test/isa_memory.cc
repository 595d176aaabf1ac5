// Atomics, cp.async, ldmatrix and stmatrix on the whole machine: kernels in PTX, results against plain
// arithmetic.
#include <cmath>
#include <set>

#include "gpu.h"
#include "isa_reference.h"
#include "isa_row.h"

namespace sim::isa_test {
namespace {

using testing::Array;
using testing::params;

// A kernel of three pointers (%q1, %q2, %q3: in, out, more) and the lane in %r1; 4 KB of shared memory at
// `sm`.
std::shared_ptr<Module> kernel(const std::string& body) {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.visible .entry k(.param .u64 a, .param .u64 b, "
      ".param .u64 c)\n{\n"
      ".reg .pred %p<24>; .reg .b16 %h<24>; .reg .b32 %r<24>; .reg .b64 %q<24>; .reg .b128 %x<8>;\n"
      ".shared .align 16 .b8 sm[4096];\n"
      "ld.param.u64 %q1, [a]; ld.param.u64 %q2, [b]; ld.param.u64 %q3, [c]; mov.u32 %r1, %tid.x;\n" +
      body + "\nret;\n}\n");
}
LaunchResult go(const std::string& body, uint64_t a, uint64_t b, uint64_t c, uint32_t threads = 32) {
  return testing::run(*kernel(body), "k", {1}, {threads}, params(a, b, c));
}

// Each lane applies op with its own operand to one cell (all lanes the same), keeps the old value. The lanes
// go in some order: the old values must be the chain of results in that order, found here by following it.
template <class U>
void atom_case(const std::string& space, const std::string& op, const std::string& type, char reg,
               std::function<U(U, U)> f, U start, std::function<U(unsigned)> operand) {
  const bool shared = space == "shared";
  const std::string r = std::string("%") + reg, w = std::to_string(8 * sizeof(U)), at = shared ? "sm" : "%q1";
  const std::string bytes = std::to_string(sizeof(U));
  std::string body = "mul.wide.u32 %q4, %r1, " + bytes +
                     "; add.u64 %q5, %q3, %q4; add.u64 %q6, %q2, %q4;\n"
                     "ld.global.b" +
                     w + " " + r + "2, [%q5];\n";
  if (shared)
    body +=
        "ld.global.b" + w + " " + r + "3, [%q1]; st.shared.b" + w + " [sm], " + r + "3; bar.warp.sync -1;\n";
  body += "atom." + (space.empty() ? "" : space + ".") + op + "." + type + " " + r + "4, [" + at + "], " + r +
          "2;\nst.global.b" + w + " [%q6], " + r + "4;\n";
  if (shared)
    body +=
        "bar.warp.sync -1; ld.shared.b" + w + " " + r + "5, [sm]; st.global.b" + w + " [%q1], " + r + "5;\n";
  Array<U> cell(std::vector<U>{start, 0, 0, 0}), old(LANES), in(LANES);
  for (unsigned l = 0; l < LANES; ++l) in[l] = operand(l);
  Memory::device().mark(*Memory::device().find(in.at), in.at, LANES * sizeof(U));
  go(body, cell.at, old.at, in.at);
  U value = start;
  std::set<unsigned> left;
  for (unsigned l = 0; l < LANES; ++l) left.insert(l);
  while (!left.empty()) {
    unsigned next = LANES;
    for (unsigned l : left)
      if (old[l] == value) {
        next = l;
        break;
      }
    if (next == LANES)
      fail("atom." + space + "." + op + "." + type + ": no lane saw " + hex(uint64_t(value)));
    value = f(value, in[next]), left.erase(next);
  }
  if (cell[0] != value)
    fail("atom." + op + "." + type + ": expected " + hex(uint64_t(value)) + " in the end, got " +
         hex(uint64_t(cell[0])));
}
template <class U>
void integer_atoms(const std::string& space, const std::string& bits, char reg) {
  using S = std::make_signed_t<U>;
  auto small = [](unsigned l) { return U(l * 7919 % 64) - 20; };
  const std::string b = "b" + bits, u = "u" + bits, s = "s" + bits;
  atom_case<U>(space, "add", u, reg, [](U r, U v) { return U(r + v); }, U(5), small);
  if (sizeof(U) == 4) atom_case<U>(space, "add", s, reg, [](U r, U v) { return U(r + v); }, U(-5), small);
  atom_case<U>(space, "min", u, reg, [](U r, U v) { return r < v ? r : v; }, U(30), small);
  atom_case<U>(space, "max", u, reg, [](U r, U v) { return r > v ? r : v; }, U(30), small);
  atom_case<U>(space, "min", s, reg, [](U r, U v) { return S(r) < S(v) ? r : v; }, U(3), small);
  atom_case<U>(space, "max", s, reg, [](U r, U v) { return S(r) > S(v) ? r : v; }, U(3), small);
  atom_case<U>(
      space, "and", b, reg, [](U r, U v) { return U(r & v); }, ~U(0),
      [](unsigned l) { return ~(U(1) << l); });
  atom_case<U>(
      space, "or", b, reg, [](U r, U v) { return U(r | v); }, U(0), [](unsigned l) { return U(1) << l; });
  atom_case<U>(
      space, "xor", b, reg, [](U r, U v) { return U(r ^ v); }, U(0), [](unsigned l) { return U(1) << l; });
  atom_case<U>(space, "exch", b, reg, [](U, U v) { return v; }, U(1000), [](unsigned l) { return U(l); });
}
SIM_TEST(atom_integer) {
  for (const char* space : {"global", "shared", "relaxed.gpu.global"}) {
    integer_atoms<uint32_t>(space, "32", 'r');
    integer_atoms<uint64_t>(space, "64", 'q');
  }
  atom_case<uint32_t>(
      "global", "inc", "u32", 'r', [](uint32_t r, uint32_t v) { return r >= v ? 0 : r + 1; }, 3,
      [](unsigned) { return 9u; });
  atom_case<uint32_t>(
      "global", "dec", "u32", 'r', [](uint32_t r, uint32_t v) { return r == 0 || r > v ? v : r - 1; }, 3,
      [](unsigned) { return 9u; });
}
SIM_TEST(atom_float) {
  auto f = [](uint32_t u) { return __builtin_bit_cast(float, u); };
  auto u = [](float x) { return __builtin_bit_cast(uint32_t, x); };
  for (const char* space : {"global", "shared"}) {
    atom_case<uint32_t>(
        space, "add", "f32", 'r', [=](uint32_t r, uint32_t v) { return u(f(r) + f(v)); }, u(0.1f),
        [=](unsigned l) { return u(float(l) * 1.37f + 0.01f); });
    atom_case<uint64_t>(
        space, "add", "f64", 'q',
        [](uint64_t r, uint64_t v) {
          return __builtin_bit_cast(uint64_t, __builtin_bit_cast(double, r) + __builtin_bit_cast(double, v));
        },
        __builtin_bit_cast(uint64_t, 0.1),
        [](unsigned l) { return __builtin_bit_cast(uint64_t, l * 1.37 + 0.01); });
    for (const Grid* g : {&f16_grid(), &bf16_grid()}) {
      const std::string t = g == &f16_grid() ? "f16" : "bf16";
      auto add = [=](uint32_t r, uint32_t v) {
        return nearest_code<double>(*g, value_of(*g, r) + value_of(*g, v), 'n', false);
      };
      auto code = [=](unsigned l) { return nearest_code<double>(*g, 0.5 + l, 'n', false); };
      atom_case<uint16_t>(space, "add.noftz", t, 'h', add, uint16_t(code(2)), code);
      atom_case<uint32_t>(
          space, "add.noftz", t + "x2", 'r',
          [=](uint32_t r, uint32_t v) { return add(r & 0xffff, v & 0xffff) | add(r >> 16, v >> 16) << 16; },
          code(1) | code(3) << 16, [=](unsigned l) { return code(l) | code(l + 9) << 16; });
    }
  }
  // global f32 flushes subnormals, shared keeps them
  for (bool shared : {false, true}) {
    Array<uint32_t> cell(std::vector<uint32_t>{5, 0}), old(2);
    go(shared
           ? "setp.ne.u32 %p1, %r1, 0; @%p1 exit; ld.global.u32 %r2, [%q1]; st.shared.u32 [sm], %r2; mov.b32 "
             "%r3, 2; atom.shared.add.f32 %r4, [sm], %r3; ld.shared.u32 %r5, [sm]; st.global.u32 [%q1], %r5;"
           : "setp.ne.u32 %p1, %r1, 0; @%p1 exit; mov.b32 %r3, 2; atom.global.add.f32 %r4, [%q1], %r3;",
       cell.at, old.at, 0);
    EXPECT(cell[0] == (shared ? 7u : 0u));
  }
}
SIM_TEST(atom_cas_and_wide) {
  // each lane adds its number in a compare-and-swap loop; the lanes diverge and must all get through
  for (const char* bits : {"16", "32", "64"}) {
    const std::string b = bits, r = b == "16" ? "%h" : b == "32" ? "%r" : "%q";
    const std::string lane = b == "16"   ? "cvt.u16.u32 %h2, %r1;"
                             : b == "32" ? "mov.u32 %r2, %r1;"
                                         : "cvt.u64.u32 %q7, %r1; mov.u64 %q2, %q7;";
    Array<uint64_t> cell(std::vector<uint64_t>{0, 0}), out(1);
    go(lane + "ld.relaxed.gpu.global.b" + b + " " + r + "8, [%q1];\nL: add.u" + b + " " + r + "9, " + r +
           "8, " + r + "2;\natom.global.cas.b" + b + " " + r + "10, [%q1], " + r + "8, " + r +
           "9;\nsetp.eq.b" + b + " %p1, " + r + "10, " + r + "8;\nmov.b" + b + " " + r + "8, " + r +
           "10;\n@!%p1 bra L;",
       cell.at, out.at, 0);
    EXPECT(cell[0] == 31 * 32 / 2);
  }
  Array<uint64_t> wide(std::vector<uint64_t>{1, 2, 3, 4}), out(4);
  go("setp.ne.u32 %p1, %r1, 0; @%p1 exit; mov.u64 %q8, 7; mov.u64 %q9, 8; mov.b128 %x1, {%q8, %q9}; "
     "atom.global.exch.b128 %x2, [%q1], %x1; mov.b128 {%q10, %q11}, %x2;\n"
     "st.global.v2.b64 [%q2], {%q10, %q11}; atom.global.cas.b128 %x3, [%q1], %x1, %x2; mov.b128 {%q10, "
     "%q11}, %x3; st.global.v2.b64 [%q2+16], {%q10, %q11};",
     wide.at, out.at, 0);
  EXPECT(out[0] == 1 && out[1] == 2 && out[2] == 7 && out[3] == 8 && wide[0] == 1 && wide[1] == 2 &&
         wide[2] == 3);
}
SIM_TEST(red_and_vectors) {
  Array<float> v(std::vector<float>{1, 2, 3, 4}), old(4 * LANES);
  go("cvt.rn.f32.u32 %r2, %r1; mov.b32 %r3, 0f3F800000; red.global.add.v4.f32 [%q1], {%r2, %r3, %r3, %r2}; "
     "red.global.add.f32 [%q1+4], %r3;\n"
     "atom.global.v2.f32.add {%r6, %r7}, [%q1+8], {%r3, %r3};",
     v.at, old.at, 0);
  EXPECT(v[0] == 1 + 496 && v[1] == 2 + 64 && v[2] == 3 + 64 && v[3] == 4 + 496 + 32);
  Array<uint32_t> h(std::vector<uint32_t>{0x3c003c00, 0x3c003c00, 0x3f803f80, 0x3f803f80}), none(1);
  go("setp.ne.u32 %p1, %r1, 0; @%p1 exit; mov.b32 %r2, 0x40003c00; red.global.add.noftz.v2.f16x2 [%q1], "
     "{%r2, %r2}; red.global.add.noftz.bf16x2 [%q1+8], 0x3f803f80;\n"
     "mov.b32 {%h1, %h2}, %r2; red.global.max.noftz.v2.f16 [%q1+4], {%h2, %h1}; red.global.min.s32 [%q1+12], "
     "5;",
     h.at, none.at, 0);
  EXPECT(h[0] == 0x42004000 && h[1] == 0x42004000 && h[2] == 0x40004000 && h[3] == 5);
}

SIM_TEST(cp_async) {
  Array<uint32_t> in(256), out(256);
  for (uint32_t k = 0; k < 256; ++k) in[k] = k + 1;
  Memory::device().mark(*Memory::device().find(in.at), in.at, 1024);
  const std::string address =
      "mov.u32 %r2, sm; shl.b32 %r3, %r1, 4; add.u32 %r4, %r2, %r3; cvt.u64.u32 %q4, %r3; add.u64 %q5, %q1, "
      "%q4; add.u64 %q6, %q2, %q4;\n";
  const std::string write =
      "ld.shared.v4.u32 {%r10, %r11, %r12, %r13}, [%r4]; st.global.v4.u32 [%q6], {%r10, %r11, %r12, %r13};\n";
  for (const char* wait : {"cp.async.wait_all;", "cp.async.commit_group; cp.async.wait_group 0;"}) {
    std::memset(out.data(), 0, 1024);
    go(address + "cp.async.cg.shared.global [%r4], [%q5], 16;" + wait + write, in.at, out.at, 0);
    for (uint32_t k = 0; k < 128; ++k) EXPECT(out[k] == k + 1);
  }
  // 4 and 8 bytes, a cache hint, fewer source bytes than copied (the rest is zero), an ignored source
  go(address +
         "createpolicy.fractional.L2::evict_first.b64 %q9, 1.0; "
         "cp.async.ca.shared::cta.global.L2::cache_hint.L2::128B [%r4], [%q5], 4, %q9; "
         "cp.async.ca.shared.global [%r4+4], [%q5+4], 4, 2;\n"
         "setp.eq.u32 %p1, %r1, 0; cp.async.ca.shared.global [%r4+8], [%q5+8], 8, %p1; cp.async.wait_all;" +
         write,
     in.at, out.at, 0);
  for (uint32_t k = 0; k < 128; ++k)
    EXPECT(out[k] == (k % 4 == 1 ? (k + 1) & 0xffff : k % 4 >= 2 && k < 4 ? 0 : k + 1));
  // groups complete in order: waiting for all but the last one gives the first one's bytes, and only those
  const std::string two = address +
                          "cp.async.ca.shared.global [%r4], [%q5], 4; cp.async.commit_group;\n"
                          "cp.async.ca.shared.global [%r4+4], [%q5+4], 4; cp.async.commit_group; cp.async.wait_group 1;";
  go(two + "ld.shared.u32 %r10, [%r4]; st.global.u32 [%q6], %r10;", in.at, out.at, 0);
  for (uint32_t k = 0; k < 128; k += 4) EXPECT(out[k] == k + 1);
  auto early = [&](const std::string& text) {
    try {
      go(text, in.at, out.at, 0);
    } catch (const Trap& t) {
      return t.cause == Trap::race && std::string(t.what()).find("cp.async.wait_group") != std::string::npos;
    }
    return false;
  };
  EXPECT(early(two + "ld.shared.u32 %r10, [%r4+4]; st.global.u32 [%q6], %r10;"));
  // read without a wait
  EXPECT(early(address + "cp.async.cg.shared.global [%r4], [%q5], 16;" + write));
  bool trapped;
  trapped = false;
  try {
    go(address + "cp.async.cg.shared.global [%r4], [%q5+4], 16; cp.async.wait_all;", in.at, out.at, 0);
  } catch (const Trap& t) {
    trapped = t.cause == Trap::misaligned;
  }
  EXPECT(trapped);
}

// Matrices of 8 rows of 16 bytes at scattered places in shared memory; element (matrix, row, column) is a
// number of its own.
SIM_TEST(ldmatrix_stmatrix) {
  Array<uint16_t> in(4 * 64), back(4 * 64);
  Array<uint32_t> frag(4 * LANES);
  for (unsigned k = 0; k < 256; ++k) in[k] = uint16_t(1000 + k);
  Memory::device().mark(*Memory::device().find(in.at), in.at, 512);
  Memory::device().mark(*Memory::device().find(frag.at), frag.at, 512);
  Memory::device().mark(*Memory::device().find(back.at), back.at, 512);
  // lane l fills row l % 8 of matrix l / 8, at 48 * l
  const std::string fill =
      "mul.lo.u32 %r2, %r1, 48; mov.u32 %r3, sm; add.u32 %r4, %r3, %r2; mul.wide.u32 %q4, %r1, 16; add.u64 "
      "%q5, %q1, %q4;\n"
      "ld.global.v4.u32 {%r5, %r6, %r7, %r8}, [%q5]; st.shared.v4.u32 [%r4], {%r5, %r6, %r7, %r8}; "
      "bar.warp.sync -1;\n";
  const std::string put = "mul.wide.u32 %q6, %r1, 16; add.u64 %q7, %q3, %q6;\n";
  for (unsigned n : {1u, 2u, 4u})
    for (bool trans : {false, true}) {
      std::string regs = "%r10";
      for (unsigned k = 1; k < n; ++k) regs += ", %r1" + std::to_string(k);
      const std::string mods = "m8n8.x" + std::to_string(n) + (trans ? ".trans" : "");
      std::string store;
      for (unsigned k = 0; k < n; ++k) store += "st.global.u32 [%q7+" + std::to_string(4 * k) + "], %r1" + std::to_string(k) + ";\n";
      for (const char* space : {".shared", ".shared::cta", ""}) {
        const std::string at = *space ? "[%r4]" : "[%q9]", to = *space ? "[%r21]" : "[%q10]";
        const std::string load =
            "cvt.u64.u32 %q9, %r4; cvta.shared.u64 %q9, %q9; ldmatrix.sync.aligned." + mods + space + ".b16 {" + regs + "}, " + at + ";\n";
        // and back through stmatrix to 2048 + 16 * l
        const std::string st =
            "shl.b32 %r20, %r1, 4; add.u32 %r21, %r3, %r20; add.u32 %r21, %r21, 2048; cvt.u64.u32 %q10, %r21; cvta.shared.u64 %q10, %q10; "
            "stmatrix.sync.aligned." +
            mods + space + ".b16 " + to + ", {" + regs + "};\nbar.warp.sync -1; setp.ge.u32 %p2, %r1, " + std::to_string(8 * n) +
            "; @%p2 bra E; add.u64 %q8, %q2, %q6;\n"
            "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%r21]; st.global.v4.u32 [%q8], {%r5, %r6, %r7, "
            "%r8};\nE:\n";
        go(fill + put + load + store + st, in.at, back.at, frag.at);
        for (unsigned l = 0; l < LANES; ++l)
          for (unsigned k = 0; k < n; ++k)
            for (unsigned h = 0; h < 2; ++h) {
              const unsigned r = trans ? 2 * (l % 4) + h : l / 4, c = trans ? l / 4 : 2 * (l % 4) + h;
              EXPECT((frag[4 * l + k] >> 16 * h & 0xffff) == 1000 + 64 * k + 8 * r + c);
            }
        for (unsigned k = 0; k < 64 * n; ++k) EXPECT(back[k] == in[k]);
      }
    }
}

}  // namespace
}  // namespace sim::isa_test

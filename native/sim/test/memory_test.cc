// Faults of memory, each with the sentence that names what happened; widths, spaces and masks of ld and st.
#include <random>

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

namespace {

std::shared_ptr<Module> body(const std::string& text, const std::string& decl = "") {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.const .align 4 .u32 fixed = 5; .extern .shared "
      ".align 16 .b8 pool[];\n"
      ".entry k(.param .u64 p) {\n.reg .b16 %h<9>; .reg .b32 %r<20>; .reg .b64 %rd<20>; .reg .b128 %x<3>; "
      ".reg .pred %p<8>;\n"
      ".shared .align 16 .b8 s[256]; .local .align 16 .b8 l[64];\n" +
      decl +
      "ld.param.u64 %rd1, [p]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.s64 %rd2, %rd1, %rd2;\n" +
      text + "\nret;\n}\n");
}

void expect_trap(const std::string& text, Trap::Cause cause, const std::vector<std::string>& words,
                 uint32_t threads = 32, uint64_t bytes = 1024, bool written = true) {
  auto m = body(text);
  Array<uint8_t> a(bytes);
  if (written) Memory::device().mark(*Memory::device().find(a.at), a.at, bytes);
  Trap t = trap_of([&] { run(*m, "k", {1}, {threads}, params(a.at), 64); });
  CHECK_EQ(int(t.cause), int(cause), t.what());
  for (const std::string& w : words)
    CHECK(std::string(t.what()).find(w) != std::string::npos, "'", w, "' in: ", t.what());
}

}  // namespace

TEST(memory_faults_name_the_place) {
  expect_trap("ld.global.u32 %r1, [%rd2+900];", Trap::illegal_address,
              {"offset 1024", "1024 bytes", "thread (31,0,0)", "PTX line"});
  expect_trap("st.global.u32 [%rd2-4], 1;", Trap::illegal_address, {"write of 4 bytes", "thread (0,0,0)"});
  expect_trap("mov.u64 %rd3, 0; ld.u32 %r1, [%rd3];", Trap::illegal_address, {"no global memory there"});
  expect_trap("ld.global.v4.u32 {%r1,%r2,%r3,%r4}, [%rd2];", Trap::misaligned,
              {"multiple of 16", "thread (1,0,0)"});
  expect_trap("ld.global.u32 %r1, [%rd2]; st.global.u32 [%rd2], %r1;", Trap::uninitialised, {"nobody has written", "offset 0"}, 32, 1024,
              false);
  expect_trap("st.global.u32 [%rd1], 1; ld.global.u32 %r1, [%rd2]; st.global.u32 [%rd2], %r1;", Trap::uninitialised, {"offset 4"}, 32,
              1024, false);
  expect_trap("st.global.u32 [%rd1], 1; ld.global.u64 %rd3, [%rd1]; st.global.u64 [%rd1], %rd3;", Trap::uninitialised, {"offset 4"}, 1,
              1024, false);
  expect_trap("ld.shared.u32 %r1, [s]; st.global.u32 [%rd1], %r1;", Trap::uninitialised, {"shared memory", "stored to global memory"});
  expect_trap("ld.shared.u32 %r1, [pool+64];", Trap::illegal_address, {"256 static and 64 dynamic"});
  expect_trap("mov.u32 %r2, 16; st.shared.u32 [%r2], 1;", Trap::illegal_address, {"reserved"});
  expect_trap("ld.local.u32 %r1, [l+8]; st.global.u32 [%rd1], %r1;", Trap::uninitialised, {"local memory"});
  expect_trap("ld.local.u32 %r1, [l+64];", Trap::illegal_address, {"local"});
  expect_trap("mov.u64 %rd3, l; add.s64 %rd3, %rd3, 2; st.local.u32 [%rd3], 1;", Trap::misaligned, {"local"});
  expect_trap("mov.u64 %rd3, fixed; st.global.u32 [%rd3], 1;", Trap::illegal_address, {"read-only"});
}

// Undefined values may be moved about; what they decide or reach is what counts.
TEST(memory_undefined_values) {
  const char* load = "mov.u32 %r9, s; ld.shared.v4.u32 {%r1,%r2,%r3,%r4}, [%r9];\n";
  auto faults = [&](const std::string& use, const char* how) {
    expect_trap(load + use, Trap::uninitialised, {"undefined value", how, "at PTX line", "nobody has written"});
  };
  faults("add.u32 %r5, %r1, 1; mul.lo.u32 %r6, %r5, 2; st.global.u32 [%rd1], %r6;", "stored to global memory");
  faults("st.shared.u32 [%r9+64], %r2; ld.shared.u32 %r5, [%r9+64]; st.global.u32 [%rd1], %r5;", "stored to global memory");
  faults("add.u32 %r5, %r9, %r3; ld.shared.u32 %r6, [%r5];", "used as an address");
  faults("setp.eq.u32 %p1, %r4, 0; @%p1 st.global.u32 [%rd1], 1;", "decides a store");
  faults("setp.eq.u32 %p1, %r4, 0; @%p1 bra OUT; st.global.u32 [%rd1], 1; OUT: ", "decides");
  faults("atom.global.add.u32 %r5, [%rd1], %r1;", "atomic");
  // only some lanes, and only those
  expect_trap("mov.u32 %r9, s; mov.u32 %r8, %laneid; setp.lt.u32 %p1, %r8, 31; shl.b32 %r7, %r8, 2; add.u32 %r7, %r7, %r9; "
              "@%p1 st.shared.u32 [%r7], 1; ld.shared.u32 %r1, [%r7]; st.global.u32 [%rd2], %r1;",
              Trap::uninitialised, {"thread (31,0,0)"});
  for (const char* fine : {
           "add.u32 %r5, %r1, 1; mov.u32 %r5, 3; st.global.u32 [%rd2], %r5;",
           "st.shared.v4.u32 [%r9+64], {%r1,%r2,%r3,%r4}; st.shared.u32 [%r9+64], 5; ld.shared.u32 %r5, [%r9+64]; "
           "st.global.u32 [%rd2], %r5;",
           "mov.u32 %r8, %laneid; setp.lt.u32 %p1, %r8, 99; selp.u32 %r5, 7, %r1, %p1; st.global.u32 [%rd2], %r5;",
           "mov.u32 %r8, %laneid; setp.gt.u32 %p1, %r8, 99; @%p1 st.global.u32 [%rd2], %r1;",
           "st.shared.u32 [%r9], 4; ld.shared.u32 %r1, [%r9]; st.global.u32 [%rd2], %r1;"}) {
    auto m = body(std::string(load) + fine);
    Array<uint32_t> a(std::vector<uint32_t>(256, 0));
    run(*m, "k", {1}, {32}, params(a.at), 64);
  }
}

// Which memory a parameter's address means is said by a lane that is on.
TEST(memory_parameter_by_register_without_lane_0) {
  auto m = body("mov.u64 %rd3, 0x40000000; setp.ne.u32 %p1, %r0, 0; @%p1 mov.u64 %rd3, p; mul.wide.u32 %rd5, %r0, 8; "
                "add.s64 %rd5, %rd1, %rd5;\n@%p1 ld.param.u64 %rd4, [%rd3]; @%p1 st.global.u64 [%rd5], %rd4;");
  Array<uint64_t> a(std::vector<uint64_t>(32, 0));
  run(*m, "k", {1}, {32}, params(a.at), 64);
  for (size_t l = 0; l < 32; ++l) CHECK_EQ(a.data()[l], l == 0 ? 0 : a.at, "lane ", l);
}

TEST(memory_widths_and_spaces) {
  // bytes go out as u8, come back as each wider form, through global, shared and local memory and their
  // generic addresses
  for (const char* place : {"mov.u64 %rd3, %rd1;", "mov.u64 %rd3, s; cvta.shared.u64 %rd3, %rd3;",
                            "mov.u64 %rd3, l; cvta.local.u64 %rd3, %rd3;"}) {
    std::string text = place;
    text += "\n";
    for (int k = 0; k < 16; ++k)
      text +=
          "mov.b32 %r1, " + std::to_string(0x81 + 7 * k) + "; st.u8 [%rd3+" + std::to_string(k) + "], %r1;\n";
    text +=
        "ld.s8 %h1, [%rd3]; cvt.u32.u16 %r2, %h1; ld.s8 %r3, [%rd3]; ld.s8 %rd4, [%rd3]; ld.u16 %r4, "
        "[%rd3+2]; ld.s16 %rd5, [%rd3+4];\n"
        "ld.v2.u32 {%r5, %r6}, [%rd3+8]; ld.b128 %x1, [%rd3]; st.b128 [%rd3+16], %x1; ld.v2.u64 {%rd6, "
        "%rd7}, [%rd3+16];\n"
        "st.global.v4.u32 [%rd1+64], {%r2, %r3, %r4, %r5}; st.global.v2.u64 [%rd1+80], {%rd4, %rd5};\n"
        "st.global.v2.u64 [%rd1+96], {%rd6, %rd7}; st.global.u32 [%rd1+112], %r6; ld.v2.u8 {%h2, %h3}, "
        "[%rd3+6]; st.global.v2.u16 [%rd1+116], {%h2, %h3};";
    auto m = body(text);
    Array<uint8_t> a(256);
    run(*m, "k", {1}, {1}, params(a.at), 64);
    uint8_t b[16];
    for (int k = 0; k < 16; ++k) b[k] = uint8_t(0x81 + 7 * k);
    auto at = [&](size_t offset, auto want, const char* what) {
      decltype(want) got;
      std::memcpy(&got, a.data() + offset, sizeof got);
      CHECK_EQ(got, want, what, " with ", place);
    };
    auto word = [&](int k) {
      return uint32_t(b[k] | b[k + 1] << 8 | b[k + 2] << 16) | uint32_t(b[k + 3]) << 24;
    };
    at(64, uint32_t(0xff81), "s8 in a 16-bit register");
    at(68, uint32_t(0xffffff81), "s8 in a 32-bit register");
    at(72, uint32_t(b[2] | b[3] << 8), "u16 in a 32-bit register");
    at(76, word(8), "v2 element 0");
    at(80, int64_t(int8_t(0x81)), "s8 in a 64-bit register");
    at(88, int64_t(int16_t(b[4] | b[5] << 8)), "s16 in a 64-bit register");
    at(96, word(0) | uint64_t(word(4)) << 32, "b128 low");
    at(104, word(8) | uint64_t(word(12)) << 32, "b128 high");
    at(112, word(12), "v2 element 1");
    at(116, uint16_t(b[6]), "v2.u8 element 0");
    at(118, uint16_t(b[7]), "v2.u8 element 1");
  }
}

// Every access pattern, width and mask against plain loops: what fast paths must not change.
TEST(memory_patterns_and_masks) {
  std::mt19937 rng(3);
  for (int round = 0; round < 200; ++round) {
    unsigned vec = 1u << rng() % 3, width = rng() % 2 ? 4 : 8, step = vec * width;
    unsigned pattern = unsigned(rng() % 4);
    uint32_t mask = rng() % 3 ? uint32_t(rng()) : ~0u;
    std::vector<uint32_t> slots(32);
    for (unsigned l = 0; l < 32; ++l)
      slots[l] = pattern == 0 ? l : pattern == 1 ? 5 : pattern == 2 ? uint32_t(rng() % 64) : 31 - l;
    std::vector<uint32_t> data(64 * step / 4);
    for (uint32_t& v : data) v = uint32_t(rng());
    std::string type = width == 4 ? "u32" : "u64", r = width == 4 ? "%r" : "%rd", list;
    for (unsigned k = 0; k < vec; ++k) list += (k ? "," : "") + r + std::to_string(10 + k);
    if (vec > 1) list = "{" + list + "}";
    std::string v = vec > 1 ? ".v" + std::to_string(vec) : "";
    // slot index of each lane at [p], mask follows, then the data, then room for results
    std::string text =
        "ld.global.u32 %r1, [%rd2]; ld.global.u32 %r2, [%rd1+128]; shr.u32 %r2, %r2, %r0; and.b32 %r2, %r2, "
        "1;\n"
        "setp.ne.u32 %p1, %r2, 0; mul.wide.u32 %rd3, %r1, " +
        std::to_string(step) + "; add.s64 %rd3, %rd1, %rd3;\n";
    for (unsigned k = 0; k < vec; ++k)
      text += "mov.b" + std::to_string(8 * width) + " " + r + std::to_string(10 + k) + ", 77;\n";
    text += "@%p1 ld.global" + v + "." + type + " " + list + ", [%rd3+256];\n";
    text += "mul.wide.u32 %rd4, %r0, " + std::to_string(step) + "; add.s64 %rd4, %rd1, %rd4; st.global" + v +
            "." + type + " [%rd4+4096], " + list + ";\n";
    text += "@%p1 st.global" + v + "." + type + " [%rd3+8192], " + list + ";";
    auto m = body(text);
    Array<uint8_t> a(size_t(12288));
    std::vector<uint8_t> zero(12288);
    std::memcpy(zero.data(), slots.data(), 128);
    std::memcpy(zero.data() + 128, &mask, 4);
    std::memcpy(zero.data() + 256, data.data(), data.size() * 4);
    std::memcpy(a.data(), zero.data(), 12288);
    // only what the lanes that are on need counts as written
    auto& mem = Memory::device();
    auto al = mem.find(a.at);
    mem.mark(*al, a.at, 132);
    for (unsigned l = 0; l < 32; ++l)
      if (mask >> l & 1) mem.mark(*al, a.at + 256 + slots[l] * step, step);
    run(*m, "k", {1}, {32}, params(a.at), 64);
    for (unsigned l = 0; l < 32; ++l)
      for (unsigned k = 0; k < vec; ++k) {
        uint64_t got = 0, want = 77;
        std::memcpy(&got, a.data() + 4096 + l * step + k * width, width);
        if (mask >> l & 1)
          want = 0, std::memcpy(&want, zero.data() + 256 + slots[l] * step + k * width, width);
        CHECK_EQ(got, want, "round ", round, " lane ", l, " element ", k, " pattern ", pattern, " vec ", vec,
                 " width ", width);
        if (!(mask >> l & 1)) continue;
        std::memcpy(&got, a.data() + 8192 + slots[l] * step + k * width, width);
        CHECK_EQ(got, want, "stored, round ", round, " lane ", l);
        CHECK(mem.shadow().all(a.at + 8192 + slots[l] * step, step), "stored bytes count as written");
      }
  }
}

TEST(memory_allocations) {
  Memory& m = Memory::device();
  uint64_t a = m.allocate(100), b = m.allocate(100);
  CHECK(a % 512 == 0 && b % 512 == 0 && a != b);
  CHECK(m.fault(a, 100).empty() && !m.fault(a, 101).empty() && !m.fault(a + 99, 2).empty());
  m.mark(*m.find(a), a, 100);
  CHECK(m.release(a) && !m.release(a));
  CHECK(m.fault(a, 1).find("freed") != std::string::npos, m.fault(a, 1));
  uint64_t c = m.allocate(100);
  CHECK(c != a, "a freed address is not handed out at once");
  CHECK(m.release(b) && m.release(c));
  CHECK_EQ(m.allocate(uint64_t(1) << 50), uint64_t(0));
}

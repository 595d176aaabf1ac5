// tcgen05.cp of every shape and expansion, and tcgen05.shift.
#include "tensor_core.h"

using namespace sim;
using namespace sim::testing;

namespace {

// Lanes of tensor memory that row r goes to: #tcgen05-data-movement-shape.
std::vector<uint32_t> lanes_of(const std::string& shape, uint32_t r) {
  if (shape == "32x128b.warpx4") return {r, r + 32, r + 64, r + 96};
  if (shape == "64x128b.warpx2::02_13") return {r, r + 64};
  if (shape == "64x128b.warpx2::01_23") return {r < 32 ? r : r + 32, r < 32 ? r + 32 : r + 64};
  if (shape == "4x256b") return {32 * r};
  return {r};
}

void check_copy(const std::string& shape, unsigned expansion, uint32_t group, TestLayout layout, uint32_t lane = 0) {
  const uint32_t rows = shape[0] == '4' ? 4 : shape[0] == '3' ? 32 : shape[0] == '6' ? 64 : 128;
  const uint32_t pieces = shape.find("256b") != std::string::npos ? 2 : 1, column = 40;
  constexpr const char* expansions[] = {"", ".b8x16.b4x16_p64", ".b8x16.b6x16_p32"};
  LaunchConfig config;
  TensorMachine m("mov.b32 %r1, " + std::to_string(column | lane << 16) + "; mov.b64 %rd1, " +
                      std::to_string(layout.descriptor()) + "; @%p0 tcgen05.cp.cta_group::" + std::to_string(group) + "." +
                      shape + expansions[expansion] + " [%r1], %rd1;",
                  group, config);
  std::mt19937_64 rng(7);
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> want;  // by CTA and lane, column
  for (uint32_t cta = 0; cta < group; ++cta)
    for (uint32_t r = 0; r < rows; ++r)
      for (uint32_t p = 0; p < pieces; ++p) {
        const uint32_t at = layout.piece(r, p);
        uint8_t bytes[16];
        for (unsigned e = 0; e < 16; ++e) {
          const unsigned bits = expansion == 1 ? 4 : expansion == 2 ? 6 : 8;
          const uint32_t code = uint32_t(rng()) & ((1u << bits) - 1);
          bytes[e] = uint8_t(expansion == 1 ? code << 2 : code);
          for (unsigned b = 0; b < bits; ++b)
            m.set_bits(cta, at + (e * bits + b) / 8, (e * bits + b) % 8, 1, code >> b & 1);
        }
        for (uint32_t l : lanes_of(shape, r))
          for (uint32_t w = 0; w < 4; ++w)
            std::memcpy(&want[{cta * 128 + l + lane, column + 4 * p + w}], bytes + 4 * w, 4);
      }
  m.run();
  for (uint32_t cta = 0; cta < group; ++cta)
    for (uint32_t l = 0; l < 128; ++l)
      for (uint32_t c = 0; c < 64; ++c) {
        auto it = want.find({cta * 128 + l, c});
        const bool written = tmem_of(m.cta(cta)).is_written(l, c, 1);
        if (written != (it != want.end()) || (written && m.word(cta, l, c) != it->second))
          fail(__FILE__, __LINE__, shape, expansions[expansion], " cta_group ", group, ": CTA ", cta, " lane ", l,
               " column ", c, it == want.end() ? " expected untouched" : " expected another word");
      }
  m.end();
}

TEST(tcgen05_cp_shapes) {
  for (const char* shape : {"128x256b", "128x128b", "64x128b.warpx2::02_13", "64x128b.warpx2::01_23", "32x128b.warpx4",
                            "4x256b"})
    for (unsigned expansion = 0; expansion < 3; ++expansion)
      for (uint32_t group : {1u, 2u}) {
        check_copy(shape, expansion, group, {TestLayout::NONE, false, 4096, 128, 256});
        check_copy(shape, expansion, group, {TestLayout::S128, false, 4096, 0, 1024});
        check_copy(shape, expansion, group, {TestLayout::S32, false, 4096, 0, 256});
      }
  check_copy("4x256b", 0, 1, {TestLayout::NONE, false, 4096, 128, 256}, 31);
}

// A copy of what nobody has written is nothing written.
TEST(tcgen05_cp_unwritten) {
  TestLayout layout{TestLayout::NONE, false, 4096, 128, 256};
  TensorMachine m("mov.b32 %r1, 0; mov.b64 %rd1, " + std::to_string(layout.descriptor()) +
                      "; @%p0 tcgen05.cp.cta_group::1.32x128b.warpx4 [%r1], %rd1;",
                  1);
  for (uint32_t r = 0; r < 32; r += 2)
    for (unsigned k = 0; k < 8; ++k) m.set_bits(0, layout.piece(r, 0) + k, 0, 8, k);
  m.set_word(0, 1, 0, 5);
  m.run();
  const Tmem& t = tmem_of(m.cta(0));
  for (uint32_t l = 0; l < 128; ++l)
    for (uint32_t c = 0; c < 4; ++c) CHECK_EQ(t.is_written(l, c, 1), l % 2 == 0 && c < 2, "lane ", l, " column ", c);
  m.end();
}

TEST(tcgen05_cp_shift) {
  for (uint32_t group : {1u, 2u}) {
    TensorMachine m("mov.b32 %r1, " + std::to_string(24 | 64 << 16) + "; @%p0 tcgen05.shift.cta_group::" +
                        std::to_string(group) + ".down [%r1];",
                    group);
    for (uint32_t cta = 0; cta < group; ++cta)
      for (uint32_t l = 0; l < 128; ++l)
        for (uint32_t c = 16; c < 40; ++c) m.set_word(cta, l, c, cta << 16 | l << 8 | c);
    m.run();
    for (uint32_t cta = 0; cta < group; ++cta)
      for (uint32_t l = 0; l < 128; ++l)
        for (uint32_t c = 16; c < 40; ++c) {
          const bool moves = l >= 64 && l < 95 && c >= 24 && c < 32;
          CHECK_EQ(m.word(cta, l, c), cta << 16 | (moves ? l + 1 : l) << 8 | c);
        }
    m.end();
  }
}

TEST(tcgen05_cp_misaligned) {
  auto sentence = [](const std::string& body) {
    TensorMachine m(body, 1);
    const std::string what = trap_of([&] { m.run(); }).what();
    return what;
  };
  TestLayout layout{TestLayout::NONE, false, 4096, 128, 256};
  const std::string desc = "mov.b64 %rd1, " + std::to_string(layout.descriptor()) + ";";
  std::string s = sentence(desc + "mov.b32 %r1, 0x100000; @%p0 tcgen05.cp.cta_group::1.128x128b [%r1], %rd1;");
  CHECK(s.find("expected lane 0, got 16") != std::string::npos, s);
  s = sentence("mov.b32 %r1, 0x100000; @%p0 tcgen05.shift.cta_group::1.down [%r1];");
  CHECK(s.find("multiple of 32, got 16") != std::string::npos, s);
  layout.start = 220 * 1024;
  s = sentence("mov.b64 %rd1, " + std::to_string(layout.descriptor()) +
               "; mov.b32 %r1, 0; @%p0 tcgen05.cp.cta_group::1.128x128b [%r1], %rd1;");
  CHECK(s.find("reaches shared memory at offset 225280") != std::string::npos, s);
}

}  // namespace

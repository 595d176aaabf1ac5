// A cluster whose memories the test fills and reads itself, and that runs one kernel of PTX text in between: so the
// tensor core's instructions are tested without those that move data to it. What the kernel issued is complete when
// its memories are read. Layouts of operands here are the
// test's own, element by element, from the text of PTX ISA 9.7.16.
#pragma once
#include <random>

#include "isa_reference.h"
#include "native/sim/machine/mbarrier.h"
#include "native/sim/machine/program.h"
#include "policies.h"

namespace sim::testing {

struct TensorMachine {
  std::shared_ptr<Module> module;
  Launch launch;
  Cluster cluster;

  static constexpr uint32_t SHARED = 200 * 1024, DONE = 1032, GO = 1036;
  // %r0 is the CTA's rank, and %p0 tells the thread that issues: the first one of rank 0.
  TensorMachine(const std::string& body, uint32_t ctas, LaunchConfig config = {}) {
    const std::string group = std::to_string(ctas);
    module = Module::load(
        ".version 9.0\n.target sm_100a\n.address_size 64\n.extern .shared .align 1024 .b8 memory[];\n"
        ".entry k() {\n.reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<8>;\n"
        "mov.u32 %r0, %laneid; setp.eq.u32 %p0, %r0, 0;\n"
        "mov.u32 %r0, %cluster_ctarank; setp.eq.and.u32 %p0, %r0, 0, %p0;\n"
        "mov.u32 %r30, memory;\n@%p0 mbarrier.init.shared.b64 [%r30], 1;\n" +
        body +
        "\nbar.warp.sync 0xffffffff;\n@%p0 tcgen05.commit.cta_group::" + group +
        ".mbarrier::arrive::one.shared::cluster.b64 [%r30];\nsetp.ne.u32 %p6, %r0, 0; @%p6 bra GO;\n"
        "WAIT: mbarrier.try_wait.parity.shared.b64 %p7, [%r30], 0; @!%p7 bra WAIT;\n"
        "mov.u32 %r31, 1; st.volatile.shared.u32 [%r30+8], %r31;\n"
        "GO: ld.volatile.shared.u32 %r31, [%r30+12]; setp.eq.u32 %p7, %r31, 0; @%p7 bra GO;\n" +
        std::string(ctas > 1 ? "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n" : "") +  // the peer's memory is read
        "ret;\n}\n");
    config.block = {32, 1, 1}, config.grid = config.cluster = {ctas, 1, 1}, config.dynamic_shared = SHARED;
    launch.program = &module->program(*module->entry("k"));
    launch.config = config, launch.memory = &module->memory(), launch.grid_id = 1;
    launch.params.resize(64);
    launch.allocations = module->memory().list();
    launch.clusters = {1, 1, 1};
    cluster.start(launch, 0);
    for (uint32_t r = 0; r < ctas; ++r) {
      tmem_of(cta(r)).allocations = {{0, 512, 1, nullptr, nullptr}};
      for (uint32_t at : {DONE, GO}) set_word32(r, at, 0);
    }
  }
  Cta& cta(uint32_t r) { return *cluster.ctas[r]; }
  uint32_t& word(uint32_t r, uint32_t lane, uint32_t column) { return tmem_of(cta(r)).word[lane][column]; }
  void set_word(uint32_t r, uint32_t lane, uint32_t column, uint32_t v) {
    word(r, lane, column) = v;
    tmem_of(cta(r)).mark(lane, column, 1);
  }
  // `bits` of a shared byte from bit `first` on
  void set_bits(uint32_t r, uint32_t offset, unsigned first, unsigned bits, uint32_t v) {
    uint8_t& b = cta(r).shared[offset];
    const uint8_t mask = uint8_t(((1u << bits) - 1) << first);
    b = uint8_t((b & ~mask) | (v << first & mask));
    Shadow(cta(r).shared_shadow.data()).mark(offset, 1);
  }
  void set_word32(uint32_t r, uint32_t offset, uint32_t v) {
    for (unsigned k = 0; k < 4; ++k) set_bits(r, offset + k, 0, 8, v >> 8 * k & 255);
  }
  // Until all that the kernel issued is complete; then the memories are to be read, and end() lets it exit.
  void run() {
    while (!cta(0).shared[DONE])
      if (!cluster.slice(64)) throw std::runtime_error("expected the kernel to wait for its end");
  }
  void end() {
    for (auto& c : cluster.ctas) {
      tmem_of(*c).allocations.clear();
      c->shared[GO] = 1;
    }
    while (cluster.slice(1000)) {
    }
  }
};

// An element type as the test knows it.
struct TestType {
  const char* name;
  uint32_t code;  // in the instruction descriptor
  unsigned bits;
  std::function<double(uint32_t)> value;
};
namespace types {
using isa_test::bf16_grid, isa_test::e2m1_grid, isa_test::e2m3_grid, isa_test::e3m2_grid, isa_test::e4m3_grid, isa_test::e5m2_grid, isa_test::f16_grid,
    isa_test::value_of;
inline const TestType F16{"f16", 0, 16, [](uint32_t c) { return value_of(f16_grid(), c); }},
    BF16{"bf16", 1, 16, [](uint32_t c) { return value_of(bf16_grid(), c); }},
    TF32{"tf32", 2, 32, [](uint32_t c) { return double(__builtin_bit_cast(float, c & 0xffffe000u)); }},
    E4M3{"e4m3", 0, 8, [](uint32_t c) { return value_of(e4m3_grid(), c); }},
    E5M2{"e5m2", 1, 8, [](uint32_t c) { return value_of(e5m2_grid(), c); }},
    E2M3{"e2m3", 3, 6, [](uint32_t c) { return value_of(e2m3_grid(), c); }},
    E3M2{"e3m2", 4, 6, [](uint32_t c) { return value_of(e3m2_grid(), c); }},
    E2M1{"e2m1", 5, 4, [](uint32_t c) { return value_of(e2m1_grid(), c); }},
    MXF4{"e2m1", 1, 4, [](uint32_t c) { return value_of(e2m1_grid(), c); }},
    U8{"u8", 0, 8, [](uint32_t c) { return double(c); }}, S8{"s8", 1, 8, [](uint32_t c) { return double(int8_t(c)); }};
}  // namespace types

// A code whose value is a multiple of 1/4 up to 8 (any integer for i8): sums of products are exact in f32.
inline uint32_t small_code(const TestType& t, std::mt19937_64& rng) {
  if (t.bits == 32)
    return __builtin_bit_cast(uint32_t, float(int(rng() % 65) - 32) / 4) | uint32_t(rng() & 0x1fff);  // ignored bits
  if (t.name[0] == 'u' || t.name[0] == 's') return uint32_t(rng() & 255);
  for (;;) {
    const uint32_t c = uint32_t(rng()) & ((1u << t.bits) - 1);
    const double v = t.value(c);
    if (std::fabs(v) <= 8 && v * 4 == std::nearbyint(v * 4)) return c;
  }
}

// The layouts of #tcgen05-shared-memory-layout-swizzling by what the figures show: 16-byte pieces, and which place
// a piece takes within its swizzle atom.
struct TestLayout {
  enum Swizzle { NONE, S32, S64, S128, S128_ATOM32 } swizzle;
  bool mn_major;
  uint32_t start, leading, stride;

  uint64_t descriptor() const {
    constexpr uint64_t code[] = {0, 6, 4, 2, 1};
    return uint64_t(start >> 4) | uint64_t(leading >> 4) << 16 | uint64_t(stride >> 4) << 32 | 1ull << 46 |
           code[swizzle] << 61;
  }
  // of the 16-byte piece `p` along the contiguous dimension in line `l` of the other
  uint32_t piece(uint32_t l, uint32_t p) const {
    uint32_t at;
    const uint32_t pieces = swizzle == S32 ? 2 : swizzle == S64 ? 4 : 8;  // of a line of the atom
    if (swizzle == NONE)
      return start + l % 8 * 16 + (mn_major ? p * stride + l / 8 * leading : l / 8 * stride + p * leading);
    const uint32_t lines = swizzle == S128_ATOM32 ? 4 : 8;
    if (mn_major)
      at = start + p / pieces * leading + l / lines * stride + l % lines * pieces * 16 + p % pieces * 16;
    else
      at = start + l / 8 * stride + l % 8 * pieces * 16 + p * 16;
    // the atom repeats every 8 lines of 128 bytes, counted from address 0
    const uint32_t row = at / 128, in_row = at / 16 % 8;
    switch (swizzle) {
      case S128: return at / 128 * 128 + (in_row ^ row % 8) * 16;
      case S64: return at / 128 * 128 + (in_row ^ row % 4) * 16;
      case S32: return at / 128 * 128 + (in_row ^ row % 2) * 16;
      default: return at / 128 * 128 + (in_row / 2 ^ row % 4) * 32 + in_row % 2 * 16;
    }
  }
};

}  // namespace sim::testing

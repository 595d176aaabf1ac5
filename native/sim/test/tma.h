// Kernels around one tensor or bulk copy, and the layouts they must give, computed element by element from the
// figures of the PTX ISA.
#pragma once
#include <array>
#include <functional>
#include <random>

#include "../machine/tensor_map.h"
#include "policies.h"

namespace sim::testing {

// A tiled map without surprises: dims innermost first, dense strides rounded up to 16 bytes.
inline TensorMap tensor_map(uint64_t address, TensorMap::Element element, std::vector<uint64_t> dims,
                            std::vector<uint16_t> box) {
  TensorMap m{};
  m.magic = TensorMap::MAGIC, m.element = element, m.rank = uint8_t(dims.size()), m.address = address;
  for (auto& s : m.element_stride) s = 1;
  uint64_t bytes = (dims[0] * m.element_bits() / 8 + 31) / 32 * 32;
  for (size_t d = 0; d < dims.size(); ++d) {
    m.dim[d] = dims[d], m.box[d] = d < box.size() ? box[d] : 1;
    if (d + 1 < dims.size()) m.stride[d] = bytes, bytes *= dims[d + 1];
  }
  return m;
}
inline uint64_t tensor_bytes(const TensorMap& m) {
  return m.rank == 1 ? (m.dim[0] * m.element_bits() / 8 + 31) / 32 * 32 : m.stride[m.rank - 2] * m.dim[m.rank - 1];
}

// Where byte `a` (an offset that counts from a 1024-byte boundary) lies: the tables of #tensor-swizzling-modes, in
// which a line of 128 bytes is eight cells of 16.
inline uint32_t place_of(const TensorMap& m, uint32_t a) {
  using S = TensorMap::Swizzle;
  using A = TensorMap::Atom;
  uint32_t line = a / 128, cell = a / 16 % 8, byte = a % 16;
  if (m.swizzle == S::b32) cell ^= line % 2;
  if (m.swizzle == S::b64) cell ^= line % 4;
  if (m.swizzle == S::b128 && m.atom == A::b16) cell ^= line % 8;
  if (m.swizzle == S::b128 && (m.atom == A::b32 || m.atom == A::b32_flip_8b)) cell ^= line % 4 * 2;
  if (m.swizzle == S::b128 && m.atom == A::b32_flip_8b && line % 2) byte ^= 8;
  if (m.swizzle == S::b128 && m.atom == A::b64) cell ^= line % 2 * 4;
  return line * 128 + cell * 16 + byte;
}

// Text of a kernel with a tensor map parameter, out and in pointers, one barrier and a buffer of shared memory.
//   %rd1 out, %rd2 in, %rd4 the map's generic address, %r0 tid, %r1 box, %r2 bar; %p0: thread 0
inline std::shared_ptr<Module> tma_kernel(const std::string& text, uint32_t shared, const std::string& more = "") {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n"
      ".visible .entry k(.param .u64 out, .param .u64 in, .param .align 64 .b8 map[128]) {\n"
      ".reg .b16 %h<9>; .reg .b32 %r<60>; .reg .b64 %rd<40>; .reg .pred %p<16>;\n"
      ".shared .align 1024 .b8 box[" + std::to_string(shared) + "]; .shared .align 8 .b64 bar[4];\n" + more +
      "ld.param.u64 %rd1, [out]; ld.param.u64 %rd2, [in]; mov.b64 %rd3, map; cvta.param.u64 %rd4, %rd3;\n"
      "mov.u32 %r0, %tid.x; mov.u32 %r1, box; mov.u32 %r2, bar; setp.eq.u32 %p0, %r0, 0;\n" +
      text + "\nret;\n}\n");
}
// Thread 0 makes the barrier; everybody has seen it.
inline const std::string TMA_INIT = "@%p0 mbarrier.init.shared::cta.b64 [bar], 1;\nbar.sync 0;\n";
inline std::string tma_expect(uint64_t bytes) {
  return "@%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [bar], " + std::to_string(bytes) + ";\n";
}
inline const std::string TMA_WAIT = "WAIT: mbarrier.try_wait.parity.shared::cta.b64 %p1, [bar], 0; @!%p1 bra WAIT;\n";
// 32 threads write `bytes` of the box to global memory as they lie.
inline std::string tma_dump(uint32_t bytes) {
  return "shl.b32 %r10, %r0, 2; cvt.u64.u32 %rd10, %r10; add.s64 %rd11, %rd1, %rd10; add.u32 %r11, %r1, %r10;\n"
         "DUMP: setp.ge.u32 %p2, %r10, " + std::to_string(bytes) + "; @%p2 bra DUMPED;\n"
         "ld.shared.u32 %r12, [%r11]; st.global.u32 [%rd11], %r12;\n"
         "add.u32 %r10, %r10, 128; add.u32 %r11, %r11, 128; add.s64 %rd11, %rd11, 128; bra DUMP;\nDUMPED:\n";
}
// The other way round: fills the box from global memory at %rd2.
inline std::string tma_fill(uint32_t bytes) {
  return "shl.b32 %r10, %r0, 2; cvt.u64.u32 %rd10, %r10; add.s64 %rd11, %rd2, %rd10; add.u32 %r11, %r1, %r10;\n"
         "FILL: setp.ge.u32 %p2, %r10, " + std::to_string(bytes) + "; @%p2 bra FILLED;\n"
         "ld.global.u32 %r12, [%rd11]; st.shared.u32 [%r11], %r12;\n"
         "add.u32 %r10, %r10, 128; add.u32 %r11, %r11, 128; add.s64 %rd11, %rd11, 128; bra FILL;\nFILLED:\n";
}
inline std::string coordinates(const std::vector<int32_t>& at) {
  std::string s = "{";
  for (size_t k = 0; k < at.size(); ++k) s += (k ? ", " : "") + std::to_string(at[k]);
  return s + "}";
}

inline LaunchConfig one_warp() {
  LaunchConfig c;
  c.block = {32, 1, 1};
  return c;
}
inline std::vector<uint8_t> random_bytes(size_t n, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<uint8_t> v(n);
  for (auto& b : v) b = uint8_t(rng());
  return v;
}

}  // namespace sim::testing

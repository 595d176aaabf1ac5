// Where the elements of a wgmma operand lie in shared memory, from its 64-bit matrix descriptor (sm_90).
// PTX #asynchronous-warpgroup-level-matrix-shared-memory-layout, #...-matrix-descriptor; strides as in
// CUTLASS's canonical GMMA layouts.
#pragma once
#include <cstdint>

namespace sim {

struct SmemMatrix {
  uint32_t start, lbo, sbo;  // bytes
  uint32_t base_offset;      // of a swizzle pattern that does not start at a multiple of its size
  uint32_t span;             // bytes of a swizzled row: 128, 64 or 32; 16: not swizzled

  static constexpr SmemMatrix of(uint64_t d) {
    constexpr uint32_t spans[4] = {16, 128, 64, 32};
    return {uint32_t(d & 0x3fff) << 4, uint32_t(d >> 16 & 0x3fff) << 4, uint32_t(d >> 32 & 0x3fff) << 4,
            uint32_t(d >> 49 & 7), spans[d >> 62]};
  }
  // 16-byte units of a span change places by the number of the span within eight (four, two): address bits 4..6
  // ^= bits 7..9 of the absolute address, less the base offset (an H200 does so: fixtures/hw/h200/wgmma).
  constexpr uint32_t swizzled(uint32_t address) const {
    const uint32_t units = span / 16 - 1;
    return address ^ ((((address >> 7) - base_offset) & units) << 4);
  }
  // K-major: row `mn`, byte `k` of its 32 bytes, or, of B in a sparse product, of its 64: what a span does not hold lies
  // in the next (an H200: fixtures/hw/h200/wgmma_sp).
  constexpr uint32_t k_major(uint32_t mn, uint32_t k) const {
    const uint32_t at = start + mn / 8 * sbo;
    return span == 16 ? at + mn % 8 * 16 + k / 16 * lbo + k % 16 : swizzled(at + mn % 8 * span + k / span * lbo + k % span);
  }
  // MN-major, 16-bit elements: column `mn` of row `k`.
  constexpr uint32_t mn_major(uint32_t mn, uint32_t k) const {
    constexpr uint32_t bytes = 2;
    const uint32_t group = span / bytes;  // elements side by side
    if (span == 16) return start + mn % group * bytes + mn / group * sbo + k % 8 * 16 + k / 8 * lbo;
    return swizzled(start + mn % group * bytes + mn / group * lbo + k % 8 * span + k / 8 * sbo);
  }
};

}  // namespace sim

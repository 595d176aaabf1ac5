// Where a swizzle puts a byte of shared memory: an exclusive-or of address bits, the same for TMA and for the tensor
// core. It acts on the absolute address, so a pattern starts at a multiple of 256, 512 or 1024 bytes whatever buffer
// lies there. PTX 9.1 #tensor-swizzling-modes
#pragma once
#include <cstdint>

namespace sim {

struct Xor {
  // address ^ ((address & from) >> by), and bit 3 ^ bit 7 where `flip`
  uint32_t from = 0, by = 3;
  bool flip = false;
  uint32_t atom = 16;   // bytes that stay together
  uint32_t span = 16;   // bytes inside which a piece moves
  uint32_t operator()(uint32_t a) const {
    uint32_t x = (a & from) >> by;
    if (flip) x ^= (a & 0x80) >> 4;
    return a ^ x;
  }
};

inline constexpr Xor NO_SWIZZLE{0, 3, false, 16, 16};
inline constexpr Xor SWIZZLE_32B{0x80, 3, false, 16, 32};    // bit 4 ^= bit 7
inline constexpr Xor SWIZZLE_64B{0x180, 3, false, 16, 64};   // bits 4-5 ^= bits 7-8
inline constexpr Xor SWIZZLE_128B{0x380, 3, false, 16, 128};  // bits 4-6 ^= bits 7-9
inline constexpr Xor SWIZZLE_128B_ATOM_32B{0x180, 2, false, 32, 128};  // bits 5-6 ^= bits 7-8
// As before, and the halves of every 16 bytes change places in every other line of 128 bytes.
inline constexpr Xor SWIZZLE_128B_ATOM_32B_FLIP_8B{0x180, 2, true, 8, 128};
inline constexpr Xor SWIZZLE_128B_ATOM_64B{0x80, 1, false, 64, 128};  // bit 6 ^= bit 7

}  // namespace sim

// What a tensor map says, in the 128 bytes of a CUtensorMap. A real one is opaque; this one has plain fields,
// so that tensormap.replace can edit them wherever the map lies. Field codes are those of PTX, not of the
// driver's enums: PTX ISA #data-movement-and-conversion-instructions-tensormap-replace, "Valid values of
// immediate new_val".
#pragma once
#include <cstdint>
#include <type_traits>

namespace sim {

struct alignas(64) TensorMap {
  static constexpr uint32_t MAGIC = 0x544d3130;  // "01MT": memory without it is no tensor map

  enum class Kind : uint8_t { tiled, im2col, im2col_w, im2col_w128 };
  enum class Element : uint8_t {
    u8,
    u16,
    u32,
    s32,
    u64,
    s64,
    f16,
    f32,
    f32_ftz,
    f64,
    bf16,
    tf32,
    tf32_ftz,
    b4x16,      // 16U4_ALIGN8B: packed
    b4x16_p64,  // 16U4_ALIGN16B: 8 bytes of data, 8 of padding
    b6x16_p32   // 16U6_ALIGN16B: 12 bytes of data, 4 of padding
  };
  enum class Interleave : uint8_t { none, b16, b32 };
  enum class Swizzle : uint8_t { none, b32, b64, b128, b96 };
  enum class Atom : uint8_t { b16, b32, b32_flip_8b, b64 };  // what a swizzle moves as one piece
  enum class Fill : uint8_t { zero, nan_zero_fma };
  enum class Promotion : uint8_t { none, b64, b128, b256 };

  uint32_t magic;
  Kind kind;
  Element element;
  uint8_t rank;  // 1 to 5 (replace's new_val is one less)
  Interleave interleave;
  Swizzle swizzle;
  Atom atom;
  Fill fill;
  Promotion promotion;
  uint8_t element_stride[5];  // 1 to 8
  uint8_t spare_a;
  uint16_t channels, pixels;  // im2col: channels per pixel and pixels per column
  uint16_t spare_b;
  uint64_t address;
  uint64_t dim[5];             // elements, innermost first: 1 to 2^32
  uint64_t stride[4];          // bytes from one element of dimension k+1 to the next; below 2^40
  uint16_t box[5];             // elements, 1 to 256; not used by im2col
  int16_t lower[3], upper[3];  // im2col: corners of the pixel box, W first; im2col_w: [0] only
  uint16_t spare_c;

  bool valid() const { return magic == MAGIC && rank >= 1 && rank <= 5; }
  // Bits of an element in global memory, where sub-byte elements are packed. Padded forms differ in shared
  // memory.
  unsigned element_bits() const {
    constexpr uint8_t bits[] = {8, 16, 32, 32, 64, 64, 16, 32, 32, 64, 16, 32, 32, 4, 4, 6};
    return bits[unsigned(element) & 15];
  }
  // Bytes of shared memory that n elements take: the padded forms spend 16 bytes on 16 elements.
  uint64_t shared_bytes(uint64_t n) const {
    bool padded = element == Element::b4x16_p64 || element == Element::b6x16_p32;
    return padded ? n : n * element_bits() / 8;
  }
};
static_assert(sizeof(TensorMap) == 128 && alignof(TensorMap) == 64, "as CUtensorMap");
static_assert(std::is_trivial_v<TensorMap>, "it is copied as bytes");

}  // namespace sim

// What a tcgen05.mma says: the opcode's modifiers, the instruction descriptor and the shared memory descriptors,
// as plain values. PTX 9.1 #tcgen05-instruction-descriptor, #tcgen05-shared-memory-descriptor,
// #tcgen05-matrix-shape.
#pragma once
#include <cstdint>
#include <string>

namespace sim::umma {

enum class Kind : uint8_t { f16, tf32, f8f6f4, i8, mxf8f6f4, mxf4, mxf4nvf4 };
const char* name_of(Kind k);
constexpr bool block_scaled(Kind k) { return k >= Kind::mxf8f6f4; }
constexpr bool packed_fp4(Kind k) { return k >= Kind::mxf4; }

enum class Number : uint8_t { f16, bf16, tf32, e4m3, e5m2, e2m3, e3m2, e2m1, u8, s8 };
const char* name_of(Number n);
enum class Accumulator : uint8_t { f16, f32, s32 };
enum class ScaleType : uint8_t { ue4m3, ue8m0 };

struct Modifiers {
  Kind kind = Kind::f16;
  uint8_t cta_group = 1;
  bool ws = false, sparse = false, ashift = false;
  uint8_t scale_vec = 0;  // scale factors of a row along K: 1, 2, 4; 0 without .block_scale
};

struct Instruction {
  Modifiers by;
  uint32_t m = 0, n = 0, k = 0;  // of the whole operation
  Number a = Number::f16, b = Number::f16;
  Accumulator d = Accumulator::f32;
  bool negate_a = false, negate_b = false, a_mn_major = false, b_mn_major = false, saturate = false;
  uint32_t sparsity_selector = 0, max_shift = 0;  // max_shift: 0, 8, 16 or 32 columns
  uint32_t sfa_id = 0, sfb_id = 0;
  ScaleType scale = ScaleType::ue8m0;

  uint32_t ctas() const { return by.cta_group; }
  uint32_t rows_a() const { return m / ctas(); }  // that one CTA's memory holds
  uint32_t rows_b() const { return n / ctas(); }
  // Bytes along K that a row of the operand takes in memory; K of an instruction always spans 32 bytes, a sparse A
  // stores half its K.
  uint32_t bytes_a() const { return 32; }
  uint32_t bytes_b() const { return by.sparse ? 64 : 32; }
};
// Empty when the descriptor is legal for the opcode; else one sentence with the field, what is expected, what came.
std::string decode(const Modifiers& by, uint32_t bits, Instruction& out);

// Bytes that 16 elements along the contiguous dimension, or 16 bytes' worth of wider ones, take: operands are read
// in granules of 16 bytes. Of these only `data_bytes` hold data (4- and 6-bit elements are padded to 16 bytes
// except in the mxf4 kinds).
unsigned element_bits(Number n);
unsigned elements_a_granule(Kind kind, Number n);  // 4, 8, 16 or 32
unsigned data_bytes(Kind kind, Number n);          // 8, 12 or 16

// Where a matrix lies in shared memory.
struct SharedMatrix {
  enum Swizzle : uint8_t { none, bytes128_atom32, bytes128, bytes64, bytes32 };
  uint32_t start = 0, leading = 0, stride = 0;  // bytes; start is the CTA's own
  Swizzle swizzle = none;

  // The same XOR that TMA applies: it acts on address bits, so its pattern is anchored in shared memory.
  // PTX 9.1 #tcgen05-shared-memory-layout-swizzling
  uint32_t swizzled(uint32_t a) const {
    constexpr uint32_t mask[] = {0, 0x60, 0x70, 0x30, 0x10}, shift[] = {0, 2, 3, 3, 3};
    return a ^ (a >> shift[swizzle] & mask[swizzle]);
  }
  // Byte offset in the CTA's shared window of a 16-byte granule. K-major: granule `j` along K of row `line`.
  // MN-major: granule `j` along M or N of the K index `line`.
  uint32_t granule(bool mn_major, uint32_t line, uint32_t j) const {
    constexpr uint32_t log_width[] = {4, 7, 7, 6, 5}, log_lines[] = {3, 2, 3, 3, 3};
    const uint32_t width = log_width[swizzle], lines = log_lines[swizzle];
    uint32_t a;
    if (!mn_major)
      a = line / 8 * stride + (line % 8 << width) + (swizzle == none ? j * leading : j * 16);
    else if (swizzle == none)  // the strides change roles
      a = j * stride + line % 8 * 16 + line / 8 * leading;
    else
      a = (j * 16 & ((1u << width) - 1)) + (j * 16 >> width) * leading + ((line & ((1u << lines) - 1)) << width) +
          (line >> lines) * stride;
    return swizzled(start + a);
  }
};
std::string decode(uint64_t bits, SharedMatrix& out);
// Is this layout legal for an operand of the kind?
std::string check_layout(const Instruction& i, bool of_a, const SharedMatrix& m);

// PTX 9.1 #tcgen05-zero-column-mask-descriptor: for each of the N columns of B, is it used; and how far the columns
// are shifted. The text's table swaps the names of the two spans; its examples, and CUTLASS, agree on this meaning.
struct ColumnMask {
  bool used[256];
  uint32_t shift = 0;
};
std::string decode(const Instruction& i, uint64_t bits, ColumnMask& out);

}  // namespace sim::umma

// Operands of wgmma in shared memory, laid out by the atoms of PTX's figures, one 16-byte unit after the other, not by the
// descriptor's arithmetic.
#pragma once
#include "isa_elements.h"

namespace sim::isa_test {

// A matrix of `rows` by 32 bytes of K as codes (B of a sparse product: 64), and as it lies in shared memory.
struct Matrix {
  const MatrixElement& e;
  unsigned rows, k;
  std::vector<uint32_t> code;
  Matrix(const MatrixElement& type, unsigned r, std::mt19937_64& rng, unsigned bytes = 32)
      : e(type), rows(r), k(8 * bytes / type.bits), code(r * k) {
    // of a sum of 8-bit floats wgmma keeps 13 bits, so these are halves up to 2
    const bool few_bits = e.bits == 8 && !e.integer();
    for (uint32_t& c : code) {
      do c = small_code(e, rng);
      while (few_bits && (std::fabs(e.value(c)) > 2 || e.value(c) * 2 != std::nearbyint(e.value(c) * 2)));
    }
  }
  uint32_t at(unsigned r, unsigned j) const { return code[r * k + j]; }
  double value(unsigned r, unsigned j) const { return e.value(at(r, j)); }
  std::vector<uint8_t> row_bytes(unsigned r) const {
    std::vector<uint8_t> out(k * e.bits / 8);
    for (unsigned j = 0; j < k; ++j)
      for (unsigned b = 0; b < e.bits; ++b)
        out[(j * e.bits + b) / 8] = uint8_t(out[(j * e.bits + b) / 8] | (at(r, j) >> b & 1) << (j * e.bits + b) % 8);
    return out;
  }
};
struct Layout {
  unsigned mode;  // of the descriptor: 0 none, 1 128 bytes, 2 64, 3 32
  bool mn_major;
};
// Shared memory from `base` (a multiple of 1024) on, and the descriptor. Atoms have eight rows of one span.
struct Placed {
  uint64_t descriptor = 0;
  std::vector<uint8_t> bytes;
};
inline Placed place(const Matrix& m, Layout l, uint32_t base) {
  constexpr unsigned spans[4] = {16, 128, 64, 32};
  const unsigned span = spans[l.mode], units = span / 16;
  Placed out;
  uint32_t lbo = 0, sbo = 0;
  auto put = [&](uint32_t atom, unsigned row, unsigned unit, const uint8_t* from) {
    // unit u of row r of an atom that starts at a multiple of 1024 lies at r * span + 16 * (u ^ pattern), where the
    // pattern counts 128-byte lines
    const uint32_t line = row * span / 128;
    const uint32_t to = atom + row * span + 16 * (unit ^ (line % units));
    if (out.bytes.size() < to + 16) out.bytes.resize(to + 16);
    std::memcpy(&out.bytes[to], from, 16);
  };
  if (!l.mn_major) {
    // an atom is 8 rows of a span; what a span does not hold of K is in the atom LBO away
    const unsigned row = m.k * m.e.bits / 8;
    lbo = 8 * span, sbo = lbo * std::max(1u, row / span);
    for (unsigned r = 0; r < m.rows; ++r) {
      const auto bytes = m.row_bytes(r);
      for (unsigned u = 0; u < row / 16; ++u) put(r / 8 * sbo + u / units * lbo, r % 8, u % units, &bytes[16 * u]);
    }
  } else {  // 16-bit elements: a line of an atom is span / 2 neighbours along MN
    const unsigned group = span / 2, groups = (m.rows + group - 1) / group;
    const uint32_t atom = 8 * span;
    // swizzled: along MN by LBO, along K by SBO; else the other way round
    const uint32_t mn_step = atom, k_step = atom * groups;
    lbo = l.mode ? mn_step : k_step, sbo = l.mode ? k_step : mn_step;
    for (unsigned k = 0; k < m.k; ++k)
      for (unsigned r = 0; r < m.rows; r += 8) {
        uint16_t eight[8];
        for (unsigned i = 0; i < 8; ++i) eight[i] = uint16_t(m.at(r + i, k));
        put(r / group * mn_step + k / 8 * k_step, k % 8, r % group / 8, reinterpret_cast<const uint8_t*>(eight));
      }
  }
  out.descriptor = (base & 0x3ffff) >> 4 | uint64_t(lbo >> 4) << 16 | uint64_t(sbo >> 4) << 32 | uint64_t(l.mode) << 62;
  return out;
}

}  // namespace sim::isa_test

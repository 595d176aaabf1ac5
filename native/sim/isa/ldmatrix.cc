// PTX ISA 9.7.14 Warp-level matrix load, store and transpose. Lane l = 4g + t.
//  8x8 of 16 bits: one register, row g, elements 2t and the next. 8x16 of 8 bits: the same bytes.
//  ldmatrix 16x16 of 8 bits, always transposed: 16 addresses a matrix, two registers; byte j of the first is byte g
//    of row 4t + j, of the second byte g + 8.
//  stmatrix 16x8 of 8 bits, always transposed: 8 addresses a matrix, one register, which lies as mma's C does: bytes
//    0, 1 are row g, columns 2t, 2t + 1, bytes 2, 3 row g + 8; a column is stored as 16 bytes.
#include "../machine/access.h"
#include "../machine/paths.h"
#include "chapters.h"
#include "select.h"

namespace sim {
namespace {

// Unpacked from Instr::aux. Flat operands: `n` registers and the address, or the other way round for
// stmatrix.
struct Shape {
  uint8_t n, wide, space, transposed, row_bytes, packing, pad[2];  // packing: 0 none, 4 or 6 bits an element
};

using Matrix = uint16_t[8][8];

void to_fragment(const Matrix& m, bool transposed, uint32_t* out) {
  for (unsigned l = 0; l < LANES; ++l) {
    const unsigned r = l / 4, c = 2 * (l % 4);
    out[l] = transposed ? m[c][r] | uint32_t(m[c + 1][r]) << 16 : m[r][c] | uint32_t(m[r][c + 1]) << 16;
  }
}
void to_matrix(const uint32_t* in, bool transposed, Matrix& m) {
  for (unsigned l = 0; l < LANES; ++l) {
    const unsigned r = l / 4, c = 2 * (l % 4);
    const uint16_t a = uint16_t(in[l]), b = uint16_t(in[l] >> 16);
    if (transposed)
      m[c][r] = a, m[c + 1][r] = b;
    else
      m[r][c] = a, m[r][c + 1] = b;
  }
}
// 16 elements of 4 or 6 bits, low first, each into the low bits of a byte; the source row is 16 bytes of
// which the rest is padding.
void expand(const uint8_t* row, unsigned element_bits, uint8_t* out) {
  for (unsigned e = 0; e < 16; ++e) {
    const unsigned bit = e * element_bits, byte = bit / 8;
    const uint32_t two = row[byte] | uint32_t(byte + 1 < 16 ? row[byte + 1] : 0) << 8;
    out[e] = uint8_t(two >> (bit % 8) & ((1u << element_bits) - 1));
  }
}

// The 16 bytes that the address of a lane stands for.
void source_row(Warp& w, const Instr& in, const Shape& s, unsigned lane, const uint64_t* at, uint8_t* out) {
  const unsigned bytes = s.packing == 4 ? 8 : s.packing == 6 ? 12 : 16;
  const uint8_t* row = resolve(w, in, lane, Space(s.space), at[lane], bytes, 16, Access::read);
  if (s.packing) {
    uint8_t packed[16] = {};
    std::memcpy(packed, row, bytes);
    expand(packed, s.packing, out);
  } else {
    std::memcpy(out, row, 16);
  }
}
void ldmatrix_run(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  uint64_t at[LANES];
  addresses(w, in, s.n, 0, s.wide, at);
  uint32_t frag[4][LANES];
  for (unsigned k = 0; k < s.n; ++k) {
    Matrix m;
    for (unsigned r = 0; r < 8; ++r) source_row(w, in, s, 8 * k + r, at, reinterpret_cast<uint8_t*>(m[r]));
    to_fragment(m, s.transposed, frag[k]);
  }
  for (unsigned k = 0; k < s.n; ++k) std::memcpy(w.op<uint32_t>(in, k), frag[k], sizeof frag[k]);
}
void ldmatrix_16x16(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  uint64_t at[LANES];
  addresses(w, in, 2 * s.n, 0, s.wide, at);
  uint32_t frag[4][LANES];
  for (unsigned k = 0; k < s.n; ++k) {
    uint8_t m[16][16];
    for (unsigned r = 0; r < 16; ++r) source_row(w, in, s, 16 * k + r, at, m[r]);
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned high = 0; high < 2; ++high) {
        uint8_t bytes[4];
        for (unsigned j = 0; j < 4; ++j) bytes[j] = m[4 * (l % 4) + j][l / 4 + 8 * high];
        std::memcpy(&frag[2 * k + high][l], bytes, 4);
      }
  }
  for (unsigned k = 0; k < 2u * s.n; ++k) std::memcpy(w.op<uint32_t>(in, k), frag[k], sizeof frag[k]);
}
// places(lane, f): f(row, byte, n) for where, in the 16-byte rows of a matrix, the fragment of a lane goes.
template <class F>
void stored_undefined_fragment(Warp& w, const Instr& in, const Shape& s, const uint64_t* at, F places) {
  const Undefined& u = w.state->undefined;
  if (!u.any()) return;
  for (unsigned k = 0; k < s.n; ++k)
    for (uint32_t m = u.lanes(in.more[k + 1]); m; m &= m - 1)
      places(unsigned(__builtin_ctz(m)), [&](unsigned row, unsigned byte, unsigned n) {
        stored_undefined(w, in, unsigned(__builtin_ctz(m)), in.more[k + 1], Space(s.space), at[8 * k + row] + byte, n);
      });
}
void stmatrix_16x8(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  uint64_t at[LANES];
  addresses(w, in, 0, 0, s.wide, at);
  for (unsigned k = 0; k < s.n; ++k) {
    const uint32_t* v = w.op<uint32_t>(in, k + 1);
    uint8_t column[8][16];
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned j = 0; j < 4; ++j) column[2 * (l % 4) + j % 2][l / 4 + 8 * (j / 2)] = uint8_t(v[l] >> 8 * j);
    for (unsigned c = 0; c < 8; ++c) {
      const unsigned lane = 8 * k + c;
      std::memcpy(resolve(w, in, lane, Space(s.space), at[lane], 16, 16, Access::write), column[c], 16);
    }
  }
  stored_undefined_fragment(w, in, s, at, [](unsigned l, auto place) {
    for (unsigned j = 0; j < 4; ++j) place(2 * (l % 4) + j % 2, l / 4 + 8 * (j / 2), 1);
  });
}
void stmatrix_run(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  uint64_t at[LANES];
  addresses(w, in, 0, 0, s.wide, at);
  for (unsigned k = 0; k < s.n; ++k) {
    Matrix m;
    to_matrix(w.op<uint32_t>(in, k + 1), s.transposed, m);
    for (unsigned r = 0; r < 8; ++r) {
      const unsigned lane = 8 * k + r;
      std::memcpy(resolve(w, in, lane, Space(s.space), at[lane], 16, 16, Access::write), m[r], 16);
    }
  }
  stored_undefined_fragment(w, in, s, at, [&](unsigned l, auto place) {
    if (!s.transposed) return place(l / 4, 4 * (l % 4), 4);
    for (unsigned j = 0; j < 2; ++j) place(2 * (l % 4) + j, l / 4 * 2, 2);
  });
}
void movmatrix(Warp& w, const Instr& in) {
  Matrix m;
  to_matrix(w.op<uint32_t>(in, 1), false, m);
  to_fragment(m, true, w.op<uint32_t>(in, 0));
}

bool shape_of(Form& f, size_t address, Shape& s, unsigned registers = 1) {
  s.n = f.has("x4") ? 4 : f.has("x2") ? 2 : 1;
  if (f.operand.size() != size_t(s.n) * registers + 1 || !f.operand[address].address) return false;
  s.wide = f.operand[address].bits == 64;
  const Space space = space_of(f.op);
  s.space = uint8_t(space);
  s.transposed = f.has("trans");
  return space == Space::shared || space == Space::generic;
}
Handler ldmatrix(Form& f) {
  Shape s{};
  const bool square = f.has("m16n16");
  if (!shape_of(f, f.operand.size() - 1, s, square ? 2 : 1)) return nullptr;
  const bool b16 = f.n_types() == 1 && f.type() == Type::b16, b8 = f.n_types() == 1 && f.type() == Type::b8;
  s.packing = f.has("b4x16_p64") ? 4 : f.has("b6x16_p32") ? 6 : 0;
  if (f.has("m8n8") ? !b16 : b16) return nullptr;
  if (f.has("m8n16") && (!s.packing || s.transposed)) return nullptr;
  if (square && (!s.transposed || s.n > 2 || b8 == (s.packing != 0))) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return square ? ldmatrix_16x16 : ldmatrix_run;
}
Handler stmatrix(Form& f) {
  Shape s{};
  if (!shape_of(f, 0, s) || f.n_types() != 1) return nullptr;
  if (f.has("m16n8") ? f.type() != Type::b8 || !s.transposed : f.type() != Type::b16) return nullptr;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return f.has("m16n8") ? stmatrix_16x8 : stmatrix_run;
}

}  // namespace

#define PTX(name) "#warp-level-matrix-instructions-" name
void ldmatrix_rows(Rows& rows) {
  constexpr Scope W = Scope::WARP;
  constexpr TypeSet b16 = types({Type::b16}), b8 = types({Type::b8});
  constexpr Pattern LOAD{2, 2, 1}, STORE{2, 2, 0};
  constexpr const char* words = "m8n8|x1|x2|x4|trans|shared|shared::cta";
  // clang-format off
  //        name                      types    modifiers                   operands scope select             anchor
  rows.add({"ldmatrix.sync.aligned",  b16,     words,                      LOAD,  W, ldmatrix,          PTX("ldmatrix")});
  rows.add({"ldmatrix.sync.aligned",  NO_TYPE, "m8n16|x1|x2|x4|shared|shared::cta|b8x16|b4x16_p64|b6x16_p32", LOAD,  W, ldmatrix,          PTX("ldmatrix")});
  rows.add({"ldmatrix.sync.aligned",  b8,      "m16n16|x1|x2|trans|shared|shared::cta|b8x16|b4x16_p64|b6x16_p32", LOAD,  W, ldmatrix,          PTX("ldmatrix")});
  rows.add({"stmatrix.sync.aligned",  b16,     words,                      STORE, W, stmatrix,          PTX("stmatrix")});
  rows.add({"stmatrix.sync.aligned",  b8,      "m16n8|x1|x2|x4|trans|shared|shared::cta", STORE, W, stmatrix, PTX("stmatrix")});
  rows.add({"movmatrix.sync.aligned", b16,     "m8n8|trans",               D_A,   W, always<movmatrix>, PTX("movmatrix")});
  // clang-format on
}

}  // namespace sim

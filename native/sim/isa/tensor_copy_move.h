// The bytes of a tensor copy: from global memory into a swizzled box of shared memory and back.
#pragma once
#include <vector>

#include "bulk.h"
#include "tensor_copy_box.h"

namespace sim {

void load_box(Warp& w, const Instr& in, unsigned lane, const TensorBox& b, uint64_t to);
// The box as shared memory holds it. Traps where bytes that go somewhere were never written.
void read_box(Warp& w, const Instr& in, unsigned lane, const TensorBox& b, uint64_t from, std::vector<uint8_t>& out);
// f(global address, bytes, source, tail) for every piece of a box that read_box took from `from`; `tail` more bytes of
// the source lie behind the tensor's edge.
template <class F>
void unpack_box(const TensorBox& b, uint64_t from, const std::vector<uint8_t>& box, F f);

// f(place in the box's memory, offset in the run, bytes) for the pieces into which the swizzle cuts a run of bytes.
template <class F>
inline void pieces_of(const Xor& swizzle, uint64_t a, uint32_t n, F f) {
  if (swizzle.span == 16) return f(a, 0u, n);
  const uint32_t atom = swizzle.flip ? 8 : 16;
  for (uint32_t k = 0; k < n;) {
    const uint32_t at = uint32_t(a) + k, piece = std::min(n - k, atom - at % atom);
    f((a & ~uint64_t(0xffffffff)) | swizzle(at), k, piece);
    k += piece;
  }
}

// The same for whole cells of 16 bytes and swizzles that leave them whole: inside a line of 128 bytes such a swizzle
// exchanges cells by one exclusive-or.
template <class F>
inline void cells_of(const Xor& swizzle, uint64_t a, uint32_t n, F f) {
  if (swizzle.span == 16) return f(a, 0u, n);
  for (uint32_t k = 0; k < n;) {
    const uint32_t at = uint32_t(a) + k, first = at % 128, end = std::min(128u, first + n - k);
    const uint32_t by = (at & swizzle.from) >> swizzle.by;
    const uint64_t line = a + k - first;
    if (end - first == 128)  // a constant count
      for (uint32_t c = 0; c < 128; c += 16) f(line + (c ^ by), k + c, 16u);
    else
      for (uint32_t c = first; c < end; c += 16) f(line + (c ^ by), k + c - first, 16u);
    k += end - first;
  }
}

template <class F>
void unpack_box(const TensorBox& b, uint64_t from, const std::vector<uint8_t>& box, F f) {
  std::vector<uint8_t> row;
  const bool packs = b.map.element == TensorMap::Element::b6x16_p32;
  b.walk([&](const TensorBox::Piece& p) {
    // .b6p2x16: each byte of shared memory holds six bits
    const uint32_t n = packs ? 16 : p.bytes + p.tail;
    if (b.swizzle.span == 16 && !packs) return f(p.global, p.bytes, static_cast<const uint8_t*>(box.data() + p.shared), p.tail);
    row.resize(n);
    auto take = [&](uint64_t a, uint32_t k, uint32_t m) { std::memcpy(row.data() + k, box.data() + (a - from), m); };
    if ((n | (from + p.shared)) % 16 || b.swizzle.flip)
      pieces_of(b.swizzle, from + p.shared, n, take);
    else
      cells_of(b.swizzle, from + p.shared, n, take);
    if (!packs) return f(p.global, p.bytes, static_cast<const uint8_t*>(row.data()), p.tail);
    uint8_t six[12] = {};
    for (unsigned e = 0; e < 16; ++e)
      for (unsigned bit = 0; bit < 6; ++bit)
        six[(e * 6 + bit) / 8] |= uint8_t((row[e] >> bit & 1) << (e * 6 + bit) % 8);
    f(p.global, 12u, static_cast<const uint8_t*>(six), 0u);
  });
}

}  // namespace sim

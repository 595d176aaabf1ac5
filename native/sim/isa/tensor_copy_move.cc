#include "tensor_copy_move.h"

namespace sim {

namespace {

// Source bytes that nobody wrote: their places in shared memory count as unwritten again. It is their use that is a
// fault: right kernels copy tiles of which they use a part.
void take_back(const TensorBox& b, const Window& from, uint64_t a, const Window& to, uint64_t shared, uint32_t bytes) {
  Shadow written = to.shadow;
  pieces_of(b.swizzle, shared, bytes, [&](uint64_t place, uint32_t k, uint32_t n) {
    for (uint32_t i = 0; i < n; ++i)
      if (!from.shadow.all(a + k + i, 1)) written.clear(place + i, 1);
  });
}

bool is_padded(const TensorBox& b) { return b.counted != b.footprint; }

}  // namespace

uint32_t reach_of(const TensorBox& b) {
  const uint32_t line = b.swizzle.span > 16 && b.pitch % b.swizzle.span ? 128 : 16;
  return (b.footprint + line - 1) / line * line;
}

void load_box(Warp& w, const Instr& in, unsigned lane, const TensorBox& b, uint64_t to) {
  const Window box = shared_window(w, in, lane, to, reach_of(b), Access::write);
  uint8_t* bytes = box.bytes;
  Shadow written = box.shadow;
  const bool padded = is_padded(b), whole = b.walk([](const TensorBox::Piece&) {});
  // Padding is not initialised. PTX 9.1 #tensor-dimension-size-format-sub-bytes-padding-align
  const unsigned data = padded ? b.map.element_bits() * 2 : 16;
  if (!padded) written.mark(to, b.footprint);
  if (padded) written.clear(to, b.footprint);
  if (!whole) {
    const uint64_t fill = b.fill();
    for (uint32_t k = 0; k < b.footprint; k += 8) {
      if (k % 16 >= data) continue;
      const uint32_t n = k % 16 + 8 > data ? 4 : 8;
      const uint64_t at = b.swizzle(uint32_t(to) + k);
      std::memcpy(bytes + at, &fill, n);
      if (padded) written.mark(at, n);
    }
  }
  const bool check = w.cta->launch->config.check_uninitialised;
  uint64_t moved = 0;
  Window from;
  b.walk([&](const TensorBox::Piece& p) {
    const uint64_t a = p.global, shared = to + p.shared;
    if ((a < from.lo || a >= from.hi || p.bytes > from.hi - a) && !find_window(w, in, Space::global, a, p.bytes, from))
      out_of_bounds(w, in, lane, Space::global, a, p.bytes, Access::read);
    pieces_of(b.swizzle, shared, p.bytes, [&](uint64_t place, uint32_t k, uint32_t n) {
      if (n == 16)
        std::memcpy(bytes + place, from.bytes + a + k, 16);
      else
        std::memcpy(bytes + place, from.bytes + a + k, n);
      if (padded) written.mark(place, n);
    });
    if (check && !from.all_written && !from.shadow.all(a, p.bytes)) take_back(b, from, a, box, shared, p.bytes);
    moved += p.bytes;
  });
  count_transfer(w, Transfer::in, moved);
}

void read_box(Warp& w, const Instr& in, unsigned lane, const TensorBox& b, uint64_t from, std::vector<uint8_t>& out) {
  const uint32_t n = reach_of(b);
  const Window box = shared_window(w, in, lane, from, n, Access::read);
  if (w.cta->launch->config.check_uninitialised && !box.shadow.all(from, b.footprint)) {
    const bool packs = b.map.element == TensorMap::Element::b6x16_p32;
    b.walk([&](const TensorBox::Piece& p) {
      pieces_of(b.swizzle, from + p.shared, packs ? 16 : p.bytes, [&](uint64_t place, uint32_t, uint32_t m) {
        if (!box.shadow.all(place, m)) unwritten(w, in, lane, Space::shared, box.shadow.first_unwritten(place, m));
      });
    });
  }
  out.assign(box.bytes + from, box.bytes + from + n);
}

}  // namespace sim

#include "tensor_copy_move.h"
#include "../machine/profile_hooks.h"

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

// A load into a tf32 tensor's box rounds to nearest even; a NaN becomes 0x7fffe000; .ftz changes nothing: seen on
// an H200.
// PTX 9.1 #tensor-dimension-size-format
void to_tf32(uint8_t* at, uint32_t bytes) {
  for (uint32_t k = 0; k < bytes; k += 4) {
    uint32_t u;
    std::memcpy(&u, at + k, 4);
    const bool nan = (u & 0x7fffffff) > 0x7f800000;
    u = nan ? 0x7fffe000 : (u + 0xfff + (u >> 13 & 1)) & 0xffffe000;
    std::memcpy(at + k, &u, 4);
  }
}

// What lies outside the tensor; pieces inside are written over it.
void fill_box(const TensorBox& b, uint8_t* bytes, uint64_t to, Shadow* written) {
  const uint64_t fill = b.fill();
  const uint32_t data = b.padded() ? b.map.element_bits() * 2 : 16;  // of every 16 bytes
  for (uint32_t r = 0; r < b.rows; ++r)
    for (uint32_t k = 0; k < b.row_bytes; k += 8) {
      if (k % 16 >= data) continue;
      const uint32_t n = std::min(8u, data - k % 16);
      const uint64_t at = b.swizzle(uint32_t(to) + r * b.pitch + k);
      std::memcpy(bytes + at, &fill, n);
      if (written) written->mark(at, n);
    }
}

}  // namespace

void load_box(Warp& w, const Instr& in, unsigned lane, const TensorBox& b, uint64_t to) {
  const Window box = shared_window(w, in, lane, to, b.footprint, Access::write);
  uint8_t* bytes = box.bytes;
  Shadow written = box.shadow;
  // Bytes between the rows of a narrow box stay what they are; padding is not initialised.
  // PTX 9.1 #tensor-dimension-size-format-sub-bytes-padding-align
  const bool dense = b.counted == b.footprint, inside = b.inside(),
             whole = inside || b.walk([](const TensorBox::Piece&) {});
  if (dense) written.mark(to, b.footprint);
  if (b.padded()) written.clear(to, b.footprint);
  if (!whole) fill_box(b, bytes, to, dense ? nullptr : &written);
  const bool check = w.cta->launch->config.check_uninitialised;
  const bool tf32 = b.map.element == TensorMap::Element::tf32 || b.map.element == TensorMap::Element::tf32_ftz;
  const bool cells = !tf32 && !b.swizzle.flip, profiled = w.cta->launch->config.profile;
  uint64_t moved = 0;
  Window from;
  auto copy = [&](uint64_t a, uint64_t shared, uint32_t n) {
    if ((a < from.lo || a >= from.hi || n > from.hi - a) && !find_window(w, in, Space::global, a, n, from))
      out_of_bounds(w, in, lane, Space::global, a, n, Access::read);
    if (cells && (shared | n) % 16 == 0) {
      cells_of(b.swizzle, shared, n, [&](uint64_t place, uint32_t k, uint32_t m) { std::memcpy(bytes + place, from.bytes + a + k, m); });
      if (!dense) cells_of(b.swizzle, shared, n, [&](uint64_t place, uint32_t, uint32_t m) { written.mark(place, m); });
    } else {
      pieces_of(b.swizzle, shared, n, [&](uint64_t place, uint32_t k, uint32_t m) {
        std::memcpy(bytes + place, from.bytes + a + k, m);
        if (!dense) written.mark(place, m);
        if (tf32) to_tf32(bytes + place, m);
      });
    }
    if (check && !from.all_written && !from.shadow.all(a, n)) take_back(b, from, a, box, shared, n);
    if (profiled) count_global_read(w, a, n);
    moved += n;
  };
  if (inside)
    b.each_row([&](uint64_t global, uint32_t shared) { copy(global, to + shared, b.row_bytes); });
  else
    b.walk([&](const TensorBox::Piece& p) { copy(p.global, to + p.shared, p.bytes); });
  count_transfer(w, Transfer::in, moved);
}

void read_box(Warp& w, const Instr& in, unsigned lane, const TensorBox& b, uint64_t from, std::vector<uint8_t>& out) {
  const uint32_t n = b.footprint;
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

// Where the elements of a tensor copy lie: a walk over the box that gives, for each piece of a row inside the tensor,
// its place in global memory and in the box as shared memory holds it before swizzling.
// PTX ISA 5.5 Tensors: #tensors
#pragma once
#include <cstring>
#include <string>

#include "../machine/tensor_map.h"
#include "../numerics/swizzle.h"

namespace sim {

struct TensorBox {
  enum Mode : uint8_t { tile, gather4, scatter4, im2col, im2col_no_offs };
  TensorMap map;
  Mode mode = tile;
  int32_t at[5] = {};      // coordinates, innermost first; gather4: column, then four rows
  uint16_t offset[3] = {};  // im2col: from the filter's base, W first
  bool store = false;

  // Set by prepare():
  uint32_t inner = 0, rows = 0;    // elements of a row, rows of the box
  uint32_t row_bytes = 0, pitch = 0;  // of a row in shared memory, and from one row to the next
  uint32_t footprint = 0;             // bytes the box takes there
  uint32_t counted = 0;               // bytes that complete on the mbarrier: padding does not count
  Xor swizzle;

  // What keeps this map and these coordinates from being a copy; "" when nothing does.
  std::string prepare(unsigned dims);

  // `tail`: bytes behind the tensor's edge that a store of the piece writes too, as it moves 16 at a time (seen on an
  // H200).
  struct Piece {
    uint64_t global;
    uint32_t shared, bytes, tail = 0;
  };
  // f(Piece) for everything inside the tensor. True when that is the whole box.
  template <class F>
  bool walk(F f) const;

  // A tile that lies inside the tensor, of rows that are runs of bytes: f(global, shared) of each of its rows says as much
  // as walk() and is soon done.
  bool inside() const;
  template <class F>
  void each_row(F f) const;

  // The element that stands for what lies outside, repeated over 8 bytes.
  uint64_t fill() const;

  // What dimension 0 counts: elements, or the slices of channels of an interleaved layout. There a box takes one slice
  // of the last dimension but one, whatever extent it names (seen on an H200). PTX 9.1 #tensor-interleaved-layout
  bool interleaved() const { return map.interleave != TensorMap::Interleave::none; }
  unsigned unit_bits() const {
    return map.interleave == TensorMap::Interleave::none ? map.element_bits()
           : map.interleave == TensorMap::Interleave::b16 ? 128
                                                          : 256;
  }
  // Groups of sixteen elements with padding behind each.
  bool padded() const {
    return map.element == TensorMap::Element::b4x16_p64 || map.element == TensorMap::Element::b6x16_p32;
  }

  // Steps of the box in dimension d.
  uint32_t extent(unsigned d) const {
    if (interleaved() ? d + 2u == map.rank : d == 0) return d ? 1 : map.box[0];
    return (map.box[d] + map.element_stride[d] - 1u) / map.element_stride[d];
  }

 private:
  std::string prepare_im2col();
  template <class F>
  bool row(uint64_t base, int64_t x, uint32_t shared, F& f) const;
  template <class F>
  bool walk_tile(F& f) const;
  template <class F>
  bool walk_rows(F& f) const;
  template <class F>
  bool walk_pixels(F& f) const;
};

// One row from element x of the row that starts at `base`. True when no element lies outside.
template <class F>
bool TensorBox::row(uint64_t base, int64_t x, uint32_t shared, F& f) const {
  const int64_t dim = int64_t(map.dim[0]), step = interleaved() ? map.element_stride[0] : 1;
  const unsigned bits = unit_bits();
  if (step > 1) {
    bool whole = true;
    for (uint32_t e = 0; e < inner; ++e) {
      const int64_t at_e = x + e * step;
      if (at_e < 0 || at_e >= dim)
        whole = false;
      else
        f(Piece{base + uint64_t(at_e) * (bits / 8), shared + e * (bits / 8), bits / 8});
    }
    return whole;
  }
  const int64_t first = x < 0 ? -x : 0, last = dim - x < int64_t(inner) ? dim - x : int64_t(inner);
  if (first < last) {
    const uint64_t from = base + uint64_t(x + first) * bits / 8;
    if (!padded()) {
      const uint32_t bytes = uint32_t(uint64_t(last - first) * bits / 8);
      f(Piece{from, shared + uint32_t(uint64_t(first) * bits / 8), bytes, store ? (0 - bytes) & 15 : 0});
    } else {  // sixteen elements are a group, in shared memory 16 bytes apart
      for (int64_t e = first; e < last; e += 16)
        f(Piece{from + uint64_t(e - first) * bits / 8, shared + uint32_t(e), bits * 2});
    }
  }
  return first == 0 && last == int64_t(inner);
}

template <class F>
void TensorBox::each_row(F f) const {
  uint64_t from = map.address + uint64_t(at[0]) * unit_bits() / 8, step[5] = {};
  uint32_t n[5] = {}, i[5] = {};
  for (unsigned d = 1; d < map.rank; ++d) {
    n[d] = extent(d), step[d] = map.stride[d - 1] * map.element_stride[d];
    from += uint64_t(at[d]) * map.stride[d - 1];
  }
  for (uint32_t r = 0; r < rows; ++r) {
    f(from, r * pitch);
    for (unsigned d = 1; d < map.rank; ++d) {
      from += step[d];
      if (++i[d] < n[d]) break;
      from -= step[d] * n[d], i[d] = 0;
    }
  }
}

template <class F>
bool TensorBox::walk_tile(F& f) const {
  const unsigned rank = map.rank;
  uint32_t n[5] = {1, 1, 1, 1, 1}, i[5] = {};
  for (unsigned d = 1; d < rank; ++d) n[d] = extent(d);
  bool whole = true;
  for (uint32_t r = 0; r < rows; ++r) {
    uint64_t base = map.address;
    bool inside = true;
    for (unsigned d = 1; d < rank; ++d) {
      const int64_t x = int64_t(at[d]) + int64_t(i[d]) * map.element_stride[d];
      inside &= x >= 0 && x < int64_t(map.dim[d]);
      base += uint64_t(x) * map.stride[d - 1];
    }
    whole &= inside && row(base, at[0], r * pitch, f);
    for (unsigned d = 1; d < rank && ++i[d] == n[d]; ++d) i[d] = 0;
  }
  return whole;
}

template <class F>
bool TensorBox::walk_rows(F& f) const {
  bool whole = true;
  for (uint32_t r = 0; r < 4; ++r) {
    const int64_t y = at[1 + r];
    const bool inside = y >= 0 && y < int64_t(map.dim[1]);
    whole &= inside && row(map.address + uint64_t(y) * map.stride[0], at[0], r * pitch, f);
  }
  return whole;
}

// Pixels in the order W, H, D, N of the filter's base, which stays in the box that the corners leave of each image.
// PTX 9.1 #tensor-im2col-mode
template <class F>
bool TensorBox::walk_pixels(F& f) const {
  const unsigned space = map.rank - 2u;
  int64_t lower[3] = {}, upper[3] = {}, x[4] = {};
  for (unsigned d = 0; d < space; ++d) {
    lower[d] = map.lower[d], upper[d] = int64_t(map.dim[d + 1]) - 1 + map.upper[d];
    x[d] = at[d + 1];
  }
  int64_t image = at[map.rank - 1];
  bool whole = true;
  for (uint32_t r = 0; r < rows; ++r) {
    bool inside = image >= 0 && image < int64_t(map.dim[map.rank - 1]);
    uint64_t base = map.address + uint64_t(image) * map.stride[map.rank - 2];
    for (unsigned d = 0; d < space; ++d) {
      const int64_t p = x[d] + offset[d];
      inside &= p >= 0 && p < int64_t(map.dim[d + 1]);
      base += uint64_t(p) * map.stride[d];
    }
    whole &= inside && row(base, at[0], r * pitch, f);
    unsigned d = 0;
    for (; d < space; ++d) {
      x[d] += map.element_stride[d + 1];
      if (x[d] <= upper[d]) break;
      x[d] = lower[d];
    }
    if (d == space) ++image;
  }
  return whole;
}

template <class F>
bool TensorBox::walk(F f) const {
  switch (mode) {
    case gather4:
    case scatter4: return walk_rows(f);
    case im2col:
    case im2col_no_offs: return walk_pixels(f);
    default: return walk_tile(f);
  }
}

}  // namespace sim

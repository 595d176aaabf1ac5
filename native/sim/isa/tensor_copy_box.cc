#include "tensor_copy_box.h"

namespace sim {

using Element = TensorMap::Element;
using Swizzle = TensorMap::Swizzle;
using Atom = TensorMap::Atom;

namespace {

bool swizzle_of(const TensorMap& m, Xor& out) {
  switch (m.swizzle) {
    case Swizzle::none: out = NO_SWIZZLE; return true;
    case Swizzle::b32: out = SWIZZLE_32B; return true;
    case Swizzle::b64: out = SWIZZLE_64B; return true;
    case Swizzle::b128:
      switch (m.atom) {
        case Atom::b16: out = SWIZZLE_128B; return true;
        case Atom::b32: out = SWIZZLE_128B_ATOM_32B; return true;
        case Atom::b32_flip_8b: out = SWIZZLE_128B_ATOM_32B_FLIP_8B; return true;
        case Atom::b64: out = SWIZZLE_128B_ATOM_64B; return true;
      }
      return false;
    default: return false;
  }
}
std::string n(uint64_t v) { return std::to_string(v); }
bool is_float(Element e) { return e >= Element::f16 && e <= Element::tf32_ftz; }
const char* kind_name(TensorMap::Kind k) {
  switch (k) {
    case TensorMap::Kind::tiled: return "tiled";
    case TensorMap::Kind::im2col: return "im2col";
    default: return "im2col::w";
  }
}

}  // namespace

// 16-bit halves of 0x7ff7, whatever the float type: seen on an H200.
uint64_t TensorBox::fill() const {
  return map.fill == TensorMap::Fill::zero ? 0 : 0x7ff77ff77ff77ff7ull;
}

bool TensorBox::inside() const {
  if (mode != tile || padded() || interleaved()) return false;
  for (unsigned d = 0; d < map.rank; ++d) {
    const int64_t last = int64_t(at[d]) + (d ? int64_t(extent(d) - 1) * map.element_stride[d] : int64_t(inner) - 1);
    if (at[d] < 0 || last >= int64_t(map.dim[d])) return false;
  }
  return true;
}

std::string TensorBox::prepare(unsigned dims) {
  if (map.magic != TensorMap::MAGIC) return "these 128 bytes are no tensor map: cuTensorMapEncode did not make them";
  const bool rows4 = mode == gather4 || mode == scatter4, pixels = mode == im2col || mode == im2col_no_offs;
  if (map.rank < 1 || map.rank > 5) return "a tensor map has rank 1 to 5, found " + n(map.rank);
  if (map.rank != dims)
    return "the instruction is for " + n(dims) + " dimensions, its tensor map has " + n(map.rank);
  const auto want = pixels ? TensorMap::Kind::im2col : TensorMap::Kind::tiled;
  if (map.kind != want)
    return std::string("the instruction wants a tensor map of kind ") + kind_name(want) + ", found kind " +
           kind_name(map.kind);
  if (!swizzle_of(map, swizzle))
    return map.swizzle == Swizzle::b96 ? "96-byte swizzle is of sm_103a, not of sm_100a"
                                       : "the tensor map has an unknown swizzle mode or atom";
  if (map.swizzle != Swizzle::b128 && map.atom != Atom::b16)
    return "a swizzle atom other than 16 bytes goes with 128-byte swizzle only";
  if (unsigned(map.element) > 15 || unsigned(map.interleave) > 2)
    return "the tensor map has an unknown element type or interleave layout";
  if (map.fill != TensorMap::Fill::zero && !is_float(map.element))
    return "out-of-bounds NaN is for element types of floating point";
  if (store && map.element == Element::b4x16_p64) return "element type b4x16_p64 can be loaded, not stored";
  if (store && swizzle.flip) return "128-byte swizzle with 8-byte flip is for loads only";
  const uint64_t align = map.interleave == TensorMap::Interleave::b32 || padded() ? 32 : 16;
  if (map.address % align) return "the tensor's address must be a multiple of " + n(align);
  for (unsigned d = 0; d < map.rank; ++d) {
    if (map.element_stride[d] < 1 || map.element_stride[d] > 8)
      return "traversal strides are 1 to 8, the one of dimension " + n(d) + " is " + n(map.element_stride[d]);
    if (map.dim[d] < 1 || map.dim[d] > uint64_t(1) << 32)
      return "dimension " + n(d) + " of the tensor must be 1 to 2^32, found " + n(map.dim[d]);
    if (d && (map.stride[d - 1] % align || map.stride[d - 1] >> 40))
      return "the stride of dimension " + n(d) + " must be a multiple of " + n(align) + " below 2^40, found " +
             n(map.stride[d - 1]);
    if (!pixels && (map.box[d] < 1 || map.box[d] > 256))
      return "the box is 1 to 256 wide in each dimension, in dimension " + n(d) + " it is " + n(map.box[d]);
  }
  if (interleaved() && (pixels || map.rank < 3))
    return pixels ? "im2col of an interleaved layout is not modelled" : "an interleaved layout has 3 to 5 dimensions";
  inner = pixels ? map.channels : extent(0);
  rows = 1;
  if (pixels) {
    if (std::string bad = prepare_im2col(); !bad.empty()) return bad;
    rows = map.pixels;
  } else if (rows4) {
    if (interleaved()) return "tile::gather4 and tile::scatter4 do not go with an interleaved layout";
    if (map.rank != 2 || map.box[1] != 1)
      return "tile::gather4 and tile::scatter4 want a box of one row, found " + n(map.box[1]);
    rows = 4;
  } else {
    for (unsigned d = 1; d < map.rank; ++d) rows *= extent(d);
  }
  const uint64_t inner_bytes = interleaved() ? uint64_t(inner) * unit_bits() / 8 : map.shared_bytes(inner);
  if (inner_bytes % 16) return "a row of the box must take a multiple of 16 bytes, found " + n(inner_bytes);
  if (!interleaved() && swizzle.span > 16 && inner_bytes > swizzle.span)
    return "a row of the box must fit the " + n(swizzle.span) + " bytes of its swizzle, found " + n(inner_bytes);
  if (padded()) {
    if (inner != 128) return "a row of a padded sub-byte box has 128 elements, found " + n(inner);
    if (at[0] % 128) return "the first coordinate of a padded sub-byte copy is a multiple of 128, found " + std::to_string(at[0]);
  } else if (int64_t(at[0]) * unit_bits() % 128) {  // seen on an H200, which ends the launch
    return "the first coordinate must begin at a multiple of 16 bytes, found " + std::to_string(at[0]);
  }
  if (store)
    for (unsigned d = 0; d < (rows4 ? 5 : map.rank); ++d)
      if (at[d] < 0) return "the coordinates of a store are not negative, found " + std::to_string(at[d]);
  row_bytes = uint32_t(inner_bytes);
  pitch = swizzle.span > 16 && !interleaved() ? swizzle.span : row_bytes;  // rows of a swizzled box lie a span apart: seen on an H200
  if (uint64_t(pitch) * rows > (1u << 18)) return "the box takes " + n(uint64_t(pitch) * rows) + " bytes of shared memory";
  footprint = pitch * rows;
  counted = uint32_t(uint64_t(inner) * unit_bits() / 8 * rows);
  return "";
}

std::string TensorBox::prepare_im2col() {
  if (map.rank < 3) return "im2col wants 3 to 5 dimensions, found " + n(map.rank);
  if (map.channels < 1 || map.channels > 256) return "im2col loads 1 to 256 channels a pixel, found " + n(map.channels);
  if (map.pixels < 1 || map.pixels > 1024) return "im2col loads 1 to 1024 pixels a column, found " + n(map.pixels);
  const unsigned space = map.rank - 2u;
  for (unsigned d = 0; d < space; ++d) {
    const int64_t lower = map.lower[d], upper = int64_t(map.dim[d + 1]) - 1 + map.upper[d];
    if (at[d + 1] < lower || at[d + 1] > upper)
      return "coordinate " + n(d + 1) + " of an im2col copy lies in its bounding box, " + std::to_string(lower) + " to " +
             std::to_string(upper) + ", found " + std::to_string(at[d + 1]);
    if (mode == im2col && offset[d] >> 16 / space)
      return "im2col offset " + n(d) + " is below " + n(1u << 16 / space) + ", found " + n(offset[d]);
  }
  return "";
}

}  // namespace sim

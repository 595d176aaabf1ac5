// Tensor maps: what cuTensorMapEncode* refuses, and the packing of what it takes into machine/tensor_map.h.
// The rules are those of CUDA Driver API 13.0, "Tensor Map Object Management"; where an H200's driver
// (580.159) differs from the text, it is followed: it takes a null address, any swizzle with interleave 32B
// and strides below a row's bytes, asks for 16 bytes in dimension 0 with every interleave, and refuses a box
// above an SM's shared memory (233472 bytes passed, 260096 did not).
#include "../machine/tensor_map.h"

#include <cstring>

#include "limits.h"
#include "state.h"

namespace sim::driver {

namespace {

using Map = TensorMap;

struct Request {
  const char* call;
  CUtensorMap* out;
  CUtensorMapDataType type;
  cuuint32_t rank;
  void* address;
  const cuuint64_t *dim, *stride;
  const cuuint32_t* element_stride;
  CUtensorMapInterleave interleave;
  CUtensorMapSwizzle swizzle;
  CUtensorMapL2promotion promotion;
  CUtensorMapFloatOOBfill fill;
};

// By CUtensorMapDataType; PTX numbers the types after f32 differently.
constexpr Map::Element ELEMENTS[] = {
    Map::Element::u8,       Map::Element::u16,   Map::Element::u32,       Map::Element::s32,
    Map::Element::u64,      Map::Element::s64,   Map::Element::f16,       Map::Element::f32,
    Map::Element::f64,      Map::Element::bf16,  Map::Element::f32_ftz,   Map::Element::tf32,
    Map::Element::tf32_ftz, Map::Element::b4x16, Map::Element::b4x16_p64, Map::Element::b6x16_p32};

bool floating(CUtensorMapDataType t) {
  return t >= CU_TENSOR_MAP_DATA_TYPE_FLOAT16 && t <= CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ;
}
bool padded(CUtensorMapDataType t) {
  return t == CU_TENSOR_MAP_DATA_TYPE_16U4_ALIGN16B || t == CU_TENSOR_MAP_DATA_TYPE_16U6_ALIGN16B;
}
uint64_t span(CUtensorMapSwizzle s) {
  return s == CU_TENSOR_MAP_SWIZZLE_32B ? 32 : s == CU_TENSOR_MAP_SWIZZLE_64B ? 64 : 128;
}

class Encoder {
 public:
  explicit Encoder(const Request& r) : r_(r) { std::memset(&map_, 0, sizeof map_); }

  // What all kinds have in common.
  CUresult start(Map::Kind kind) {
    SIM_TRY(expect(r_.out && reinterpret_cast<uint64_t>(r_.out) % 64 == 0,
                   "a place aligned to 64 bytes for the map", reinterpret_cast<uint64_t>(r_.out)));
    SIM_TRY(expect(unsigned(r_.type) < std::size(ELEMENTS), "a data type of CUtensorMapDataType", r_.type));
    SIM_TRY(expect(r_.rank >= 1 && r_.rank <= 5, "a rank of 1 to 5", r_.rank));
    SIM_TRY(expect(r_.dim && (r_.stride || r_.rank == 1) && r_.element_stride,
                   "arrays for dims, strides and element strides", 0));
    SIM_TRY(expect(unsigned(r_.interleave) <= 2, "an interleave of CUtensorMapInterleave", r_.interleave));
    SIM_TRY(expect(unsigned(r_.swizzle) <= 6, "a swizzle of CUtensorMapSwizzle", r_.swizzle));
    SIM_TRY(expect(unsigned(r_.promotion) <= 3, "an L2 promotion of CUtensorMapL2promotion", r_.promotion));
    SIM_TRY(expect(unsigned(r_.fill) <= 1, "a fill of CUtensorMapFloatOOBfill", r_.fill));
    map_.magic = Map::MAGIC, map_.kind = kind, map_.element = ELEMENTS[r_.type], map_.rank = uint8_t(r_.rank);
    map_.interleave = Map::Interleave(r_.interleave), map_.promotion = Map::Promotion(r_.promotion);
    map_.fill = Map::Fill(r_.fill), map_.address = reinterpret_cast<uint64_t>(r_.address);
    SIM_TRY(modes());
    SIM_TRY(sizes());
    return CUDA_SUCCESS;
  }

  CUresult box(const cuuint32_t* box) {
    SIM_TRY(expect(box != nullptr, "an array for the box", 0));
    for (unsigned k = 0; k < r_.rank; ++k) {
      SIM_TRY(expect(box[k] >= 1 && box[k] <= 256, "a box of 1 to 256 in dimension " + std::to_string(k),
                     box[k]));
      map_.box[k] = uint16_t(box[k]);
    }
    SIM_TRY(inner(box[0], "a box"));
    // the driver counts whole strides, and those of dimension 0 too (3000 requests of fixtures/hw/h200/encode)
    uint64_t bytes = map_.shared_bytes(box[0] / r_.element_stride[0]);
    for (unsigned k = 1; k < r_.rank; ++k) bytes *= box[k] / r_.element_stride[k];
    return expect(bytes <= uint64_t(limits::SHARED_SM),
                  "a box of at most " + std::to_string(limits::SHARED_SM) + " bytes", bytes);
  }

  // The innermost extent that is copied: bytes, and how it fits the swizzle.
  CUresult inner(uint64_t elements, const std::string& what) {
    if (padded(r_.type))
      return expect(elements == 128, what + " of 128 elements in dimension 0 for a padded type", elements);
    uint64_t bytes = elements * map_.element_bits() / 8;
    SIM_TRY(expect(elements * map_.element_bits() % 128 == 0,
                   what + " whose dimension 0 is a multiple of 16 bytes", bytes));
    if (r_.interleave == CU_TENSOR_MAP_INTERLEAVE_NONE && r_.swizzle != CU_TENSOR_MAP_SWIZZLE_NONE)
      SIM_TRY(expect(
          bytes <= span(r_.swizzle),
          what + " of at most " + std::to_string(span(r_.swizzle)) + " bytes in dimension 0 for its swizzle",
          bytes));
    return CUDA_SUCCESS;
  }

  CUresult im2col(const int* lower, const int* upper, cuuint32_t channels, cuuint32_t pixels) {
    SIM_TRY(expect(r_.rank >= 3, "a rank of 3 to 5", r_.rank));
    SIM_TRY(expect(lower && upper, "arrays for the corners of the pixel box", 0));
    int limit = r_.rank == 3 ? 32768 : r_.rank == 4 ? 128 : 16;
    for (unsigned k = 0; k + 2 < r_.rank; ++k) {
      for (int v : {lower[k], upper[k]})
        SIM_TRY(expect(v >= -limit && v < limit,
                       "corner offsets of " + std::to_string(-limit) + " to " + std::to_string(limit - 1),
                       int64_t(v)));
      map_.lower[k] = int16_t(lower[k]), map_.upper[k] = int16_t(upper[k]);
      // An H200's driver refuses a pixel box without pixels. It counts in 32 bits, so a dimension of 2^32 is
      // 0, and its pixels begin at dimension 0 with an interleave (1500 requests of
      // fixtures/hw/h200/encode).
      const unsigned at = r_.interleave == CU_TENSOR_MAP_INTERLEAVE_NONE ? k + 1 : k;
      const int64_t extent = int64_t(int32_t(r_.dim[at])) + upper[k] - lower[k];
      SIM_TRY(
          expect(extent >= 1, "a pixel box of at least 1 pixel in dimension " + std::to_string(at), extent));
    }
    return columns(channels, pixels);
  }

  CUresult wide(int lower, int upper, cuuint32_t channels, cuuint32_t pixels,
                CUtensorMapIm2ColWideMode mode) {
    SIM_TRY(expect(r_.rank >= 3, "a rank of 3 to 5", r_.rank));
    for (int v : {lower, upper})
      SIM_TRY(expect(v >= -32768 && v < 32768, "corner offsets of -32768 to 32767", int64_t(v)));
    SIM_TRY(expect(unsigned(mode) <= 1, "a mode of CUtensorMapIm2ColWideMode", mode));
    SIM_TRY(expect(r_.swizzle == CU_TENSOR_MAP_SWIZZLE_64B || r_.swizzle == CU_TENSOR_MAP_SWIZZLE_128B ||
                       r_.swizzle == CU_TENSOR_MAP_SWIZZLE_128B_ATOM_32B,
                   "a swizzle of 64B, 128B or 128B_ATOM_32B", r_.swizzle));
    map_.lower[0] = int16_t(lower), map_.upper[0] = int16_t(upper);
    return columns(channels, mode == CU_TENSOR_MAP_IM2COL_WIDE_MODE_W128 ? 128 : pixels);
  }

  CUresult done() {
    std::memcpy(r_.out, &map_, sizeof map_);
    return CUDA_SUCCESS;
  }

 private:
  template <class T>
  CUresult expect(bool ok, const std::string& what, T got) {
    if (ok) return CUDA_SUCCESS;
    return fail(CUDA_ERROR_INVALID_VALUE,
                std::string(r_.call) + " expects " + what + ", found " + std::to_string(got));
  }

  CUresult modes() {
    if (r_.interleave != CU_TENSOR_MAP_INTERLEAVE_NONE)
      SIM_TRY(expect(r_.rank >= 3, "a rank of 3 to 5 with an interleave", r_.rank));
    // The text also asks for swizzle 32B with interleave 32B; the driver takes others.
    if (r_.fill == CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA)
      SIM_TRY(expect(floating(r_.type), "a floating-point type with the NaN fill", r_.type));
    if (r_.type == CU_TENSOR_MAP_DATA_TYPE_16U6_ALIGN16B)
      SIM_TRY(expect(r_.interleave == CU_TENSOR_MAP_INTERLEAVE_NONE, "no interleave for 16U6_ALIGN16B",
                     r_.interleave));
    if (padded(r_.type)) {
      bool plain = r_.swizzle == CU_TENSOR_MAP_SWIZZLE_NONE || r_.swizzle == CU_TENSOR_MAP_SWIZZLE_128B ||
                   r_.swizzle == CU_TENSOR_MAP_SWIZZLE_128B_ATOM_32B;
      bool store = r_.type == CU_TENSOR_MAP_DATA_TYPE_16U6_ALIGN16B &&
                   r_.swizzle == CU_TENSOR_MAP_SWIZZLE_128B_ATOM_64B;
      SIM_TRY(expect(plain || store,
                     "no swizzle, 128B or 128B_ATOM_32B for a padded type (16U6 also 128B_ATOM_64B)",
                     r_.swizzle));
    }
    switch (r_.swizzle) {
      case CU_TENSOR_MAP_SWIZZLE_128B_ATOM_32B:
        map_.atom = Map::Atom::b32;
        break;
      case CU_TENSOR_MAP_SWIZZLE_128B_ATOM_32B_FLIP_8B:
        map_.atom = Map::Atom::b32_flip_8b;
        break;
      case CU_TENSOR_MAP_SWIZZLE_128B_ATOM_64B:
        map_.atom = Map::Atom::b64;
        break;
      default:
        map_.atom = Map::Atom::b16;
    }
    map_.swizzle = Map::Swizzle(std::min<unsigned>(r_.swizzle, 3));
    return CUDA_SUCCESS;
  }

  CUresult sizes() {
    bool coarse = padded(r_.type) || r_.interleave == CU_TENSOR_MAP_INTERLEAVE_32B;
    uint64_t unit = coarse ? 32 : 16;
    const std::string multiple = "a multiple of " + std::to_string(unit);
    SIM_TRY(expect(map_.address % unit == 0, "a global address that is " + multiple, map_.address));
    for (unsigned k = 0; k < r_.rank; ++k) {
      const std::string in = " in dimension " + std::to_string(k);
      SIM_TRY(expect(r_.dim[k] >= 1 && r_.dim[k] <= uint64_t(1) << 32, "1 to 2^32 elements" + in, r_.dim[k]));
      map_.dim[k] = r_.dim[k];
      bool ignored = k == 0 && r_.interleave == CU_TENSOR_MAP_INTERLEAVE_NONE;
      SIM_TRY(expect(r_.element_stride[k] >= 1 && r_.element_stride[k] <= 8,
                     "an element stride of 1 to 8" + in, r_.element_stride[k]));
      map_.element_stride[k] = ignored ? 1 : uint8_t(r_.element_stride[k]);
      if (k == 0) continue;
      SIM_TRY(expect(r_.stride[k - 1] % unit == 0 && r_.stride[k - 1] < uint64_t(1) << 40,
                     "a stride that is " + multiple + " and below 2^40" + in, r_.stride[k - 1]));
      map_.stride[k - 1] = r_.stride[k - 1];
    }
    if (padded(r_.type))
      SIM_TRY(expect(r_.dim[0] % 128 == 0, "a multiple of 128 elements in dimension 0 for a padded type",
                     r_.dim[0]));
    if (r_.type == CU_TENSOR_MAP_DATA_TYPE_16U4_ALIGN8B)
      SIM_TRY(
          expect(r_.dim[0] % 2 == 0, "an even count of elements in dimension 0 for 16U4_ALIGN8B", r_.dim[0]));
    return CUDA_SUCCESS;
  }

  CUresult columns(cuuint32_t channels, cuuint32_t pixels) {
    SIM_TRY(expect(channels >= 1 && channels <= 256, "1 to 256 channels per pixel", channels));
    SIM_TRY(expect(pixels >= 1 && pixels <= 1024, "1 to 1024 pixels per column", pixels));
    map_.channels = uint16_t(channels), map_.pixels = uint16_t(pixels);
    return inner(channels, "channels per pixel");
  }

  const Request& r_;
  Map map_;
};

}  // namespace

CUresult cuTensorMapEncodeTiled(CUtensorMap* out, CUtensorMapDataType type, cuuint32_t rank, void* address,
                                const cuuint64_t* dim, const cuuint64_t* stride, const cuuint32_t* box,
                                const cuuint32_t* element_stride, CUtensorMapInterleave interleave,
                                CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                CUtensorMapFloatOOBfill fill) {
  const Request r{"cuTensorMapEncodeTiled", out, type, rank, address, dim, stride, element_stride, interleave, swizzle, promotion, fill};
  Encoder e(r);
  SIM_TRY(e.start(TensorMap::Kind::tiled));
  SIM_TRY(e.box(box));
  return e.done();
}

CUresult cuTensorMapEncodeIm2col(CUtensorMap* out, CUtensorMapDataType type, cuuint32_t rank, void* address,
                                 const cuuint64_t* dim, const cuuint64_t* stride, const int* lower,
                                 const int* upper, cuuint32_t channels, cuuint32_t pixels,
                                 const cuuint32_t* element_stride, CUtensorMapInterleave interleave,
                                 CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion,
                                 CUtensorMapFloatOOBfill fill) {
  const Request r{"cuTensorMapEncodeIm2col", out, type, rank, address, dim, stride, element_stride, interleave, swizzle, promotion, fill};
  Encoder e(r);
  SIM_TRY(e.start(TensorMap::Kind::im2col));
  SIM_TRY(e.im2col(lower, upper, channels, pixels));
  return e.done();
}

CUresult cuTensorMapEncodeIm2colWide(CUtensorMap* out, CUtensorMapDataType type, cuuint32_t rank,
                                     void* address, const cuuint64_t* dim, const cuuint64_t* stride,
                                     int lower, int upper, cuuint32_t channels, cuuint32_t pixels,
                                     const cuuint32_t* element_stride, CUtensorMapInterleave interleave,
                                     CUtensorMapIm2ColWideMode mode, CUtensorMapSwizzle swizzle,
                                     CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill fill) {
  const Request r{"cuTensorMapEncodeIm2colWide", out, type, rank, address, dim, stride, element_stride, interleave, swizzle, promotion, fill};
  Encoder e(r);
  SIM_TRY(e.start(mode == CU_TENSOR_MAP_IM2COL_WIDE_MODE_W128 ? TensorMap::Kind::im2col_w128
                                                              : TensorMap::Kind::im2col_w));
  SIM_TRY(e.wide(lower, upper, channels, pixels, mode));
  return e.done();
}

CUresult cuTensorMapReplaceAddress(CUtensorMap* map, void* address) {
  auto* m = reinterpret_cast<TensorMap*>(map);
  if (!m || reinterpret_cast<uint64_t>(m) % 64 || !m->valid())
    return fail(CUDA_ERROR_INVALID_VALUE,
                "cuTensorMapReplaceAddress expects a tensor map that was encoded before");
  bool coarse = m->element >= TensorMap::Element::b4x16_p64 || m->interleave == TensorMap::Interleave::b32;
  if (reinterpret_cast<uint64_t>(address) % (coarse ? 32 : 16))
    return fail(CUDA_ERROR_INVALID_VALUE,
                "cuTensorMapReplaceAddress expects an address that is a multiple of " +
                    std::to_string(coarse ? 32 : 16) + ", found " + hex(reinterpret_cast<uint64_t>(address)));
  m->address = reinterpret_cast<uint64_t>(address);
  return CUDA_SUCCESS;
}

}  // namespace sim::driver

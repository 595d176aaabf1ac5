// cuTensorMapEncodeTiled and cuTensorMapEncodeIm2col: which arguments the driver refuses. No kernel; the driver itself is asked.
#include <sstream>

#include "tma.h"

namespace hw {
namespace {

struct Request {
  TensorMap m;
  uint64_t address = 0x7f0000000000;
};
std::string describe(const Request& r) {
  std::ostringstream s;
  auto list = [&](const char* name, const auto& v) {
    s << " " << name << "=";
    for (size_t k = 0; k < v.size(); ++k) s << (k ? "," : "") << v[k];
  };
  s << "type=" << int(r.m.type) << " rank=" << r.m.rank << " address=0x" << std::hex << r.address << std::dec;
  list("dim", r.m.dim), list("stride", r.m.stride);
  if (r.m.channels)
    list("lower", r.m.lower), list("upper", r.m.upper), s << " channels=" << r.m.channels << " pixels=" << r.m.pixels;
  else
    list("box", r.m.box);
  list("element_stride", r.m.element_stride);
  s << " interleave=" << int(r.m.interleave) << " swizzle=" << int(r.m.swizzle) << " l2=" << int(r.m.l2) << " fill=" << int(r.m.fill);
  return s.str();
}

// Types and swizzles are those of Hopper: 16U4, 16U6 and 128B swizzles with other atoms came with sm_100, and an H200 refuses them.
// A request that is fine, with up to two of its fields replaced by values at or beyond a limit.
Request request(uint64_t seed, bool im2col) {
  unsigned turn = 0;
  auto pick = [&](unsigned n) { return unsigned(word(seed, turn++) % std::max(1u, n)); };
  Request r;
  TensorMap& m = r.m;
  const Element& e = ELEMENTS[pick(13)];
  m.type = e.type;
  m.rank = im2col ? 3 + pick(3) : 1 + pick(5);
  m.interleave = CUtensorMapInterleave(m.rank >= 3 && pick(3) == 0 ? 1 + pick(2) : 0);
  m.swizzle = m.interleave == 2 ? CU_TENSOR_MAP_SWIZZLE_32B : CUtensorMapSwizzle(m.interleave == 1 ? 0 : pick(4));
  m.fill = CUtensorMapFloatOOBfill(e.floating ? pick(2) : 0);
  m.l2 = CUtensorMapL2promotion(pick(4));
  const uint64_t span = m.swizzle ? 16u << m.swizzle : 64;
  uint64_t pitch = 0;
  for (unsigned k = 0; k < m.rank; ++k) {
    m.dim.push_back(1 + pick(300));
    m.box.push_back(k ? 1 + pick(16) : unsigned(m.interleave ? 16 * m.interleave / e.bytes : span / e.bytes));
    m.element_stride.push_back(1 + (pick(4) == 0 ? pick(8) : 0));
    pitch = k == 0 ? m.dim[0] * e.bytes : pitch * m.dim[k];
    pitch = (pitch + 31) / 32 * 32;
    if (k + 1 < m.rank) m.stride.push_back(pitch);
  }
  if (im2col) {
    m.channels = unsigned(span / e.bytes), m.pixels = 1 + pick(64);
    for (unsigned k = 0; k + 2 < m.rank; ++k) m.lower.push_back(-int(pick(3))), m.upper.push_back(-int(pick(3)));
  }
  for (unsigned change = pick(3); change--;) {
    const unsigned k = pick(m.rank), j = m.rank > 1 ? pick(m.rank - 1) : 0;
    auto limit = [&](std::vector<uint64_t> v) { return v[pick(unsigned(v.size()))]; };
    switch (pick(im2col ? 15 : 12)) {
      case 0: r.address += limit({1, 4, 8, 16, 24, 32}); break;
      case 1: m.dim[k] = limit({0, 1, uint64_t(1) << 32, (uint64_t(1) << 32) + 1, (uint64_t(1) << 32) - 1}); break;
      case 2: if (m.rank > 1) m.stride[j] = limit({0, 1, 8, 16, 24, 32, 48, uint64_t(1) << 40, (uint64_t(1) << 40) - 16, (uint64_t(1) << 40) + 16}); break;
      case 3: m.box[k] = uint32_t(limit({0, 1, 255, 256, 257, 3, 5})); break;
      case 4: m.box[0] = uint32_t(limit({1, 2, 3, 4, 8, 16, 32, 64, 128, 256})); break;
      case 5: m.element_stride[k] = uint32_t(limit({0, 1, 8, 9, 7})); break;
      case 6: m.interleave = CUtensorMapInterleave(limit({0, 1, 2, 3})); break;
      case 7: m.swizzle = CUtensorMapSwizzle(limit({0, 1, 2, 3, 7, 8})); break;
      case 8: m.l2 = CUtensorMapL2promotion(limit({0, 3, 4})); break;
      case 9: m.fill = CUtensorMapFloatOOBfill(limit({0, 1, 2})); break;
      case 10: m.rank = unsigned(limit({0, 1, 2, 3, 4, 5})); break;
      case 11: m.type = CUtensorMapDataType(limit({0, 5, 12, 16})); break;
      case 12: m.channels = uint32_t(limit({1, 8, 255, 256, 257, 3})); break;
      case 13: m.pixels = uint32_t(limit({0, 1, 1023, 1024, 1025})); break;
      default:
        (pick(2) ? m.lower : m.upper)[m.lower.size() == 1 ? 0 : pick(unsigned(m.lower.size()))] =
            int(limit({127, 128, 129, 7, 8, 15, 16, 32767, 32768})) * (pick(2) ? 1 : -1);
    }
    if (im2col && !m.channels) m.channels = 1;
  }
  m.dim.resize(5, 1), m.stride.resize(5, 4096), m.box.resize(5, 1), m.element_stride.resize(5, 1);
  m.lower.resize(3, 0), m.upper.resize(3, 0);
  return r;
}

Case table(const char* name, bool im2col, size_t n) {
  Case c;
  c.form = c.name = name;
  c.out_bytes = 4 * n, c.raw_lanes = n, c.block = 1;
  c.n_inputs = 0;
  auto make = [im2col](size_t k) { return request(k + (im2col ? 1000000 : 0), im2col); };
  c.describe = [make](size_t lane) { return describe(make(lane)); };
  c.inputs = [make, n] {
    Input in;
    for (size_t k = 0; k < n; ++k)
      for (char ch : describe(make(k))) in.bytes.push_back(uint8_t(ch));
    return std::vector<Input>{in};
  };
  c.host = [make, n](const device::Driver& d) {
    Bytes out(4 * n);
    for (size_t k = 0; k < n; ++k) {
      const Request r = make(k);
      const TensorMap& m = r.m;
      CUtensorMap map;
      void* at = reinterpret_cast<void*>(r.address);
      const CUresult code =
          m.channels ? d.cuTensorMapEncodeIm2col(&map, m.type, m.rank, at, m.dim.data(), m.stride.data(), m.lower.data(), m.upper.data(), m.channels,
                                                 m.pixels, m.element_stride.data(), m.interleave, m.swizzle, m.l2, m.fill)
                     : d.cuTensorMapEncodeTiled(&map, m.type, m.rank, at, m.dim.data(), m.stride.data(), m.box.data(), m.element_stride.data(),
                                                m.interleave, m.swizzle, m.l2, m.fill);
      store(out, 4 * k, uint64_t(code), 4);
    }
    return out;
  };
  return c;
}
}  // namespace

HW_CHAPTER(encode) {
  chapter.add(table("cuTensorMapEncodeTiled", false, 3000));
  chapter.add(table("cuTensorMapEncodeIm2col", true, 1500));
}

}  // namespace hw

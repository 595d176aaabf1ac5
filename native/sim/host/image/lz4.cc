// LZ4 block format, "LZ4 Block Format Description" 1.6: tokens of literals and matches, no frame around them.
#include <cstring>

#include "decode.h"

namespace sim::host {

std::vector<uint8_t> lz4_block(Bytes in, size_t size) {
  std::vector<uint8_t> out;
  out.reserve(size);
  size_t at = 0;
  auto byte = [&]() -> unsigned {
    if (at >= in.size()) throw DecodeError("LZ4: the data ends in the middle of a sequence");
    return in[at++];
  };
  auto length = [&](unsigned nibble) {
    size_t n = nibble;
    if (nibble == 15) {
      unsigned more;
      do n += more = byte();
      while (more == 255);
    }
    return n;
  };
  while (at < in.size()) {
    unsigned token = byte();
    size_t literals = length(token >> 4);
    if (literals > in.size() - at || literals > size - out.size())
      throw DecodeError("LZ4: " + std::to_string(literals) + " literals do not fit");
    out.insert(out.end(), in.begin() + ptrdiff_t(at), in.begin() + ptrdiff_t(at + literals));
    at += literals;
    if (at == in.size()) break;  // the last sequence has no match
    size_t distance = byte();
    distance |= size_t(byte()) << 8;
    size_t match = length(token & 15) + 4;
    if (distance == 0 || distance > out.size() || match > size - out.size())
      throw DecodeError("LZ4: a match of " + std::to_string(match) + " bytes at distance " +
                        std::to_string(distance) + " does not fit");
    for (size_t k = 0; k < match; ++k) out.push_back(out[out.size() - distance]);
  }
  if (out.size() != size)
    throw DecodeError("LZ4: expected " + std::to_string(size) + " bytes, found " +
                      std::to_string(out.size()));
  return out;
}

}  // namespace sim::host

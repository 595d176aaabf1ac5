// Decoders for what nvcc puts into fat binaries: LZ4 blocks (--compress-mode=speed) and zstd frames (all
// other modes of CUDA 13). They take untrusted bytes: anything that does not fit throws DecodeError with one
// sentence.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace sim::host {

using Bytes = std::span<const uint8_t>;
struct DecodeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `size` is what must come out.
std::vector<uint8_t> lz4_block(Bytes in, size_t size);
std::vector<uint8_t> zstd_frames(Bytes in, size_t size);

}  // namespace sim::host

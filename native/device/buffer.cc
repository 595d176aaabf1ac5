#include <cstring>

#include "device.h"

namespace device {
namespace {

constexpr size_t kGuard = 256;  // keeps the alignment that the driver gives

uint64_t mix(uint64_t x) {  // splitmix64
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// The guard's bytes follow from its address, so they need not be kept.
uint8_t guard_byte(CUdeviceptr at) { return uint8_t(mix(at >> 3) >> (8 * (at & 7))); }

}  // namespace

Poison Poison::from(uint64_t seed, uint64_t turn) {
  // halves 0xFF8x.. (odd turns 0x7F8x..) are NaNs of bf16 and, together, of f32; even and odd turns share no byte
  const uint64_t r = mix(seed + turn / 2);
  const uint32_t a = 0x81 + uint32_t(r % 40), b = 0x81 + uint32_t((r >> 32) % 40);
  const uint32_t even = 0xff00ff00u | a << 16 | b;
  return {turn % 2 == 0 ? even : even ^ 0x802a802au};
}

Buffer::Buffer(Device& dev, size_t bytes, std::string name) : dev_(dev), name_(std::move(name)), bytes_(bytes) {
  front_ = dev.guards ? kGuard : 0;
  total_ = dev.guards ? kGuard + bytes + kGuard : bytes;
  if (total_ == 0) return;
  dev_.check(dev_.driver().cuMemAlloc(&base_, total_),
             sentence("cuMemAlloc of ", total_, " bytes for ", name_).c_str());
  if (!front_) return;
  uint8_t side[kGuard];
  for (CUdeviceptr at : {base_, ptr() + bytes_}) {
    for (size_t i = 0; i < kGuard; ++i) side[i] = guard_byte(at + i);
    dev_.check(dev_.driver().cuMemcpyHtoD(at, side, kGuard), "cuMemcpyHtoD of a guard");
  }
}

Buffer::~Buffer() {
  if (base_) dev_.driver().cuMemFree(base_);
}

void Buffer::upload(const void* from, size_t bytes, size_t at) {
  if (at + bytes > bytes_) fail(name_, ": expected an upload within ", bytes_, " bytes, got ", bytes, " at ", at);
  if (bytes) dev_.check(dev_.driver().cuMemcpyHtoD(ptr() + at, from, bytes), "cuMemcpyHtoD");
}

void Buffer::download(void* to) const {
  if (bytes_) dev_.check(dev_.driver().cuMemcpyDtoH(to, ptr(), bytes_), "cuMemcpyDtoH");
}

void Buffer::fill(Poison p) {
  if (bytes_ >= 4) dev_.check(dev_.driver().cuMemsetD32(ptr(), p.word, bytes_ / 4), "cuMemsetD32");
  for (size_t i = bytes_ & ~size_t(3); i < bytes_; ++i)
    dev_.check(dev_.driver().cuMemsetD8(ptr() + i, p.byte(i), 1), "cuMemsetD8");
}

std::string Buffer::damage() const {
  if (!front_) return "";
  uint8_t side[kGuard];
  for (CUdeviceptr at : {base_, ptr() + bytes_}) {
    dev_.check(dev_.driver().cuMemcpyDtoH(side, at, kGuard), "cuMemcpyDtoH of a guard");
    for (size_t i = 0; i < kGuard; ++i) {
      if (side[i] == guard_byte(at + i)) continue;
      const int64_t offset = int64_t(at + i) - int64_t(ptr());
      return sentence(name_, ": expected its guards unchanged, got byte ", offset, " of ", bytes_, " overwritten");
    }
  }
  return "";
}

}  // namespace device

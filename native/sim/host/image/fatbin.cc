#include "fatbin.h"

#include <algorithm>
#include <cstring>

#include "native/sim/driver/state.h"

namespace sim::host {

namespace {

constexpr uint32_t WRAPPER = 0x466243b1, FATBIN = 0xba55ed50, ELF = 0x464c457f;
constexpr uint64_t LZ4 = 0x2000, ZSTD = 0x8000, ARCH_SPECIFIC = 0x100000, FAMILY_SPECIFIC = 0x200000;

struct Wrapper {
  uint32_t magic, version;
  const void *data, *prelinked;
};
struct Header {
  uint32_t magic;
  uint16_t version, header_bytes;
  uint64_t bytes;  // of all entries
};
struct EntryHeader {
  uint16_t kind, version;  // kind 1: PTX, 2: ELF
  uint32_t header_bytes;
  uint64_t bytes;  // that follow the header, padded
  uint32_t packed_bytes, options_at;
  uint16_t minor, major;
  uint32_t arch, name_at, name_bytes;
  uint64_t flags, zero, unpacked_bytes;
};
static_assert(sizeof(Header) == 16 && sizeof(EntryHeader) == 64);

uint32_t magic_of(const void* image) {
  uint32_t magic;
  std::memcpy(&magic, image, 4);
  return magic;
}

// How well an entry fits; 0: not at all.
unsigned fit(const FatEntry& e) {
  if (!e.ptx || e.arch > 100) return 0;
  if (e.suffix) return e.arch == 100 ? (e.suffix == 'a' ? 1003 : 1002) : 0;
  return e.arch == 100 ? 1001 : e.arch;
}

}  // namespace

std::string FatEntry::name() const {
  return (ptx ? "compute_" : "sm_") + std::to_string(arch) + (suffix ? std::string(1, suffix) : "");
}

std::vector<FatEntry> fat_entries(const void* image) {
  if (magic_of(image) == WRAPPER) image = static_cast<const Wrapper*>(image)->data;
  if (!image || magic_of(image) != FATBIN)
    throw DecodeError("a fat binary starts with 50ed55ba, this one does not");
  const auto* h = static_cast<const Header*>(image);
  const auto* at = static_cast<const uint8_t*>(image) + h->header_bytes;
  const uint8_t* end = at + h->bytes;
  std::vector<FatEntry> all;
  while (end - at >= ptrdiff_t(sizeof(EntryHeader))) {
    EntryHeader e;
    std::memcpy(&e, at, sizeof e);
    if (e.header_bytes < sizeof e || e.header_bytes > uint64_t(end - at) ||
        e.bytes > uint64_t(end - at) - e.header_bytes)
      throw DecodeError("an entry of a fat binary is larger than the binary");
    FatEntry f;
    f.ptx = e.kind == 1, f.arch = e.arch, f.flags = e.flags;
    f.suffix = e.flags & ARCH_SPECIFIC ? 'a' : e.flags & FAMILY_SPECIFIC ? 'f' : 0;
    bool packed = e.flags & (LZ4 | ZSTD);
    f.unpacked = packed ? e.unpacked_bytes : e.bytes;
    f.data = Bytes(at + e.header_bytes, packed ? std::min<uint64_t>(e.packed_bytes, e.bytes) : e.bytes);
    if (e.kind == 1 || e.kind == 2) all.push_back(f);
    at += e.header_bytes + e.bytes;
  }
  return all;
}

std::string unpack(const FatEntry& e) {
  std::vector<uint8_t> plain;
  Bytes text = e.data;
  if (e.flags & ZSTD)
    text = plain = zstd_frames(e.data, e.unpacked);
  else if (e.flags & LZ4)
    text = plain = lz4_block(e.data, e.unpacked);
  auto nul = std::find(text.begin(), text.end(), 0);  // entries are padded with zeros
  return std::string(text.begin(), nul);
}

std::string ptx_of_image(const void* image) {
  uint32_t magic = magic_of(image);
  using driver::ImageError;
  const std::string advice = ": compile with -gencode arch=compute_100a,code=compute_100a";
  if (magic == ELF)
    throw ImageError(CUDA_ERROR_NO_BINARY_FOR_GPU,
                     "the virtual SM100 runs PTX, found machine code (a cubin)" + advice);
  if (magic != WRAPPER && magic != FATBIN) return static_cast<const char*>(image);
  try {
    std::vector<FatEntry> all = fat_entries(image);
    const FatEntry* best = nullptr;
    std::string found;
    for (const FatEntry& e : all) {
      found += (found.empty() ? "" : ", ") + e.name();
      if (fit(e) > (best ? fit(*best) : 0)) best = &e;
    }
    if (!best && magic == WRAPPER && static_cast<const Wrapper*>(image)->version == 2)
      throw ImageError(
          CUDA_ERROR_NO_BINARY_FOR_GPU,
          "relocatable device code was linked into machine code, which the virtual SM100 cannot run: compile "
          "without -rdc=true");
    if (!best)
      throw ImageError(
          CUDA_ERROR_NO_BINARY_FOR_GPU,
          "expected PTX for compute_100a, 100f, 100 or older without a suffix in the fat binary, found " +
              (found.empty() ? "nothing" : found) + advice);
    return unpack(*best);
  } catch (const DecodeError& e) {
    throw ImageError(CUDA_ERROR_INVALID_IMAGE, std::string("the fat binary cannot be read: ") + e.what());
  }
}

}  // namespace sim::host

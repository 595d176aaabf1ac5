// Fat binaries: what nvcc embeds in a program, and what module loading takes besides PTX text. The layout is
// not documented; it is what nvcc 13.0 writes (fatbinary_section.h names the wrapper).
#pragma once
#include <string>
#include <vector>

#include "decode.h"

namespace sim::host {

struct FatEntry {
  bool ptx = false;
  unsigned arch = 0;  // 100 for compute_100
  char suffix = 0;    // 'a', 'f' or none
  uint64_t flags = 0, unpacked = 0;
  Bytes data;
  std::string name() const;  // sm_100a, compute_100f
};

// `image` is a wrapper (__fatBinC_Wrapper_t) or a fat binary itself. Throws DecodeError.
std::vector<FatEntry> fat_entries(const void* image);
std::string unpack(const FatEntry& e);  // its PTX text

// The PTX text that this device runs, from PTX text, a fat binary or a wrapper around one: compute_100a
// first, then 100f, 100, and the newest older one without a suffix. Throws driver::ImageError.
std::string ptx_of_image(const void* image);

}  // namespace sim::host

// Limits of a B200 (compute capability 10.0) that launches and occupancy share.
// CUDA C++ Programming Guide 13.0, "Technical Specifications per Compute Capability", column 10.0.
#pragma once
#include <cstdint>

namespace sim::driver::limits {

inline constexpr int THREADS_SM = 2048, BLOCKS_SM = 32, REGISTERS_SM = 65536, SHARED_SM = 228 * 1024;
inline constexpr int SHARED_BLOCK = 227 * 1024, SHARED_RESERVED = 1024;  // 1 KB of every CTA is the system's
inline constexpr int SHARED_UNIT = 128,
                     REGISTER_UNIT = 256;  // allocation granularity: bytes, registers of a warp
inline constexpr int PORTABLE_CLUSTER = 8, LARGEST_CLUSTER = 16;
inline constexpr uint64_t DEVICE_BYTES = uint64_t(183359) << 20;  // what nvidia-smi shows of a B200
// SMs of each GPC, from which clusters take theirs. The 148 are known; how they lie is not published and
// differs from chip to chip. Eight GPCs of 18 or 20 (two SMs a TPC) is the assumption here; it only answers
// occupancy queries.
inline constexpr int GPC_SMS[] = {20, 18, 18, 18, 20, 18, 18, 18};

}  // namespace sim::driver::limits

// What this build knows as the device "virtual": the driver table, and the counters that only a simulator has.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "driver.h"

namespace device {

// Filled in by whoever links a virtual device (the addon); the engine never names the simulator.
struct VirtualDevice {
  const Driver* driver = nullptr;
  // Running totals of this process, by name.
  std::vector<std::pair<std::string, uint64_t>> (*counters)() = nullptr;
  // Bytes of each parameter of a function of it.
  std::vector<uint32_t> (*parameter_bytes)(CUfunction) = nullptr;
  // Remarks that are no faults, since the last call.
  std::vector<std::string> (*take_lints)() = nullptr;
  // What launches did, as a JSON array in their order, since the last call; "[]" when nobody asked to count.
  std::string (*take_profiles)() = nullptr;
};

VirtualDevice& virtual_device();

}  // namespace device

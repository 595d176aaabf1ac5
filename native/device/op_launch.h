// Launches an op by its generated row: chooses the kernel variant for the device, encodes its tensor maps, and launches.
#pragma once
#include "device.h"
#include "op_table.h"

namespace device {

constexpr const char* kPortable = "portable";

// The row of `name`. Throws when there is no such op.
const OpRow& op_row(const std::string& name);

// The variant that `dev` runs for these parameters; null: the portable kernel, which every op has.
const OpVariant* variant_of(const Device& dev, const OpRow& row, const void* params);
// The entry that is launched, of that kernel's PTX.
const char* entry_of(const Device& dev, const OpRow& row, const void* params);

struct OpLaunch {
  const char* variant = kPortable;
  LaunchShape shape{};
};
// `kernel` null: the registered kernel of the chosen variant; else one with that variant's parameters, from another module.
OpLaunch launch_op(Device& dev, const OpRow& row, const void* params, Kernel* kernel = nullptr);

}  // namespace device

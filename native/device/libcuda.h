// The GPU's driver, opened at run time: a machine without one has no libcuda.so.1 and the addon still loads.
#pragma once
#include "driver.h"

namespace device {

// Null when libcuda.so.1 is missing, lacks an entry point, or finds no GPU. Tried once.
const Driver* libcuda();

}  // namespace device

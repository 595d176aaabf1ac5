// The entry points of native/device/driver.h, from their prefixed symbols (native/sim/driver/state.h) to
// their own.
#include "../missing.h"
#include "native/sim/driver/state.h"

#define EXPORT(name) SIM_JUMP(SIM_QUOTE(name), SIM_SYMBOL(name));
DEVICE_ENTRY_POINTS(EXPORT)

// Programs made for older CUDA call the first version of this by name; it does the same.
SIM_JUMP("cuEventElapsedTime", SIM_SYMBOL(cuEventElapsedTime));

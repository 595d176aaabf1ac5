// printf of device code: what nvcc makes of it is a call of vprintf(format, arguments).
#pragma once
#include "../machine/warp.h"

namespace sim {

// int vprintf(const char* format, void* arguments), for the lanes that are on, in order.
void device_printf(Warp& w, const Instr& in);

}  // namespace sim

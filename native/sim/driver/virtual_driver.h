// The virtual SM100 behind the CUDA driver's entry points.
#pragma once
#include <cstdint>
#include <string>

#include "native/device/driver.h"

namespace device {
Driver virtual_driver();
}

namespace sim {

// What a real GPU has no say in. They hold for later launches of the process.
struct VirtualOptions {
  bool check_uninitialised = true;
  uint64_t max_instructions = 0;  // warp instructions a launch; 0: no limit
  std::string extra_target;       // one more .target that is accepted, such as "sm_90a": code written for hardware of this family
};
VirtualOptions& virtual_options();

struct LaunchCount {
  std::string kernel;
  uint64_t launches = 0, warp_instructions = 0, thread_instructions = 0;
  double seconds = 0;
};
LaunchCount last_launch();   // of the process
LaunchCount all_launches();  // their sum; kernel is ""

}  // namespace sim

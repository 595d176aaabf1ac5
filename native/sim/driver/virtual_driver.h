// The virtual SM100 behind the CUDA driver's entry points.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "native/device/driver.h"
#include "native/sim/machine/async.h"

namespace device {
Driver virtual_driver();
}

namespace sim {

// What a real GPU has no say in. They hold for later launches of the process.
struct VirtualOptions {
  bool check_uninitialised = true, check_order = true;
  uint64_t max_instructions = 0;  // warp instructions a launch; 0: no limit
  std::string extra_target;  // one more .target that is accepted, such as "sm_90a": code written for hardware
                             // of this family
  AsyncPolicy async = AsyncPolicy::lazy;  // when asynchronous operations complete
  uint64_t seed = 0;                      // of random
  bool profile_on = false;
  std::string profile;                    // file for the counts of all launches; "": none
  // A fault ends the context, as a GPU's does: its launch returns, later calls answer its code, and its
  // sentence goes to stderr. Off, it is told once by the launch itself and the context goes on: a harness
  // that runs many cases in one process still gets the others' results.
  bool sticky_faults = false;
  bool lazy_loading = false;  // a kernel is laid out at its first use, not when its module is loaded
};
VirtualOptions& virtual_options();
// DSV4_SIM_ASYNC, _MAX_INSTRUCTIONS, _CHECKS and _PROFILE over `options`. "", or a sentence about a value
// that is wrong.
std::string options_from_environment(VirtualOptions& options);

struct LaunchCount {
  std::string kernel;
  uint64_t launches = 0, warp_instructions = 0, thread_instructions = 0;
  double seconds = 0;
};
LaunchCount last_launch();   // of the process
LaunchCount all_launches();  // their sum; kernel is ""
// Bytes of each parameter of a loaded function.
std::vector<uint32_t> parameter_bytes(CUfunction function);
// Remarks of launches that are no faults (Launch::lint), since the last call.
std::vector<std::string> take_lints();
// What launches did, as a JSON array (machine/profile.h), since the last call; those run with VirtualOptions::profile_on
// or a profile file.
std::string take_profiles();

}  // namespace sim

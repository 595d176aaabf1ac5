// What the files behind libcuda.so.1 share. Each defines entry points under the names that cuda.h's macros
// give them, so a signature that differs from the header does not compile. Those of native/device/driver.h
// are in native/sim/driver.
#pragma once
#include <string>

#include "native/sim/driver/state.h"

namespace sim::host {

using sim::hex;
using namespace sim::driver;  // NOLINT: helpers; entry points are named driver::cuX, because ::cuX is visible
                              // too

CUresult missing(const char* name);  // not supported, with a line on stderr the first time
inline CUresult null(const char* call, const char* what = "a place for its result") {
  return fail(CUDA_ERROR_INVALID_VALUE, std::string(call) + " expects " + what + ", found null");
}
bool read_file(const char* path, std::string& bytes);

}  // namespace sim::host

namespace driver = sim::driver;

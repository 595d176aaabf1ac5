#pragma once
#include "common.h"

namespace sim::host {

// From the driver's descriptions to work, checked.
CUresult copy_work(const char* call, const CUDA_MEMCPY3D& c, CopyWork& w);
CUresult fill_work(const char* call, const CUDA_MEMSET_NODE_PARAMS& p, FillWork& w);

}  // namespace sim::host

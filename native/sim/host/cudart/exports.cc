// Every name of cuda_runtime_api.h as a symbol; those that nobody defines answer "not supported".
#include "../missing.h"

#define FUNCTION(name) SIM_MISSING(name)
#include "cudart_names.inc"
#undef FUNCTION
#define FUNCTION(name) SIM_PER_THREAD(name)
#include "cudart_names.inc"
#undef FUNCTION
// declared elsewhere, exported by NVIDIA's
SIM_MISSING(__cudaRegisterUnifiedTable)
SIM_MISSING(__cudaGetProcAddress)
SIM_PER_THREAD(__cudaLaunchKernel)

// Every name of cuda.h as a symbol: the ones of native/sim/driver under their own names, and those that
// nobody defines.
#include "../missing.h"

#define FUNCTION(name) SIM_MISSING(name)
#include "cuda_names.inc"
#undef FUNCTION
#define FUNCTION(name) SIM_PER_THREAD(name)
#include "cuda_names.inc"
#undef FUNCTION
SIM_MISSING(cuProfilerInitialize)

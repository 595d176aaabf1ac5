#pragma once
#include "state.h"

namespace sim::driver {

int ctas_per_sm(const FunctionHandle& f, uint64_t threads, uint64_t dynamic_shared);
int clusters_on_device(const FunctionHandle& f, uint64_t cluster, uint64_t threads, uint64_t dynamic_shared);

}  // namespace sim::driver

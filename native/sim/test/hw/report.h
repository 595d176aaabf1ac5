// What a chapter of vectors is, for readers and for `sim isa`: device, command, forms, counts, bounds.
#pragma once
#include <string>

#include "vectors.h"

namespace hw {

// `who`: device name, newline, CUDA version of its driver.
void write_report(const std::string& path, const Chapter& c, const Vectors& v, const std::string& who);

}  // namespace hw

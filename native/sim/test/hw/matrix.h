// Elements of matrices for mma.sync and wgmma.
#pragma once
#include "values.h"

namespace hw {

// One element's bits. `how`: exact (products and sums that no rounding touches), near, mid, wide (spread of exponents), hard (any bits).
uint64_t matrix_element(const std::string& kind, const std::string& how, uint64_t seed, uint64_t k);

// 32 bits of sparsity metadata, eight legal codes. `kind`: tf32, ordered, or any order of two positions.
uint32_t sparse_metadata(const std::string& kind, uint64_t seed, uint64_t k);

}  // namespace hw

// tcgen05.mma of every kind, type, shape, major-ness and swizzle.
#include "tensor_multiply.h"

using namespace sim;
using namespace sim::testing;

namespace {

using S = TestLayout::Swizzle;

TEST(tcgen05_mma_first) {
  MultiplyCase c;
  check_multiply(c);
  c.accumulate = false;
  check_multiply(c);
}

}  // namespace

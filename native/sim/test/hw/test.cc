// The hardware vectors as tests of sim_test, one a chapter: hw_integer, hw_mma, ...
#include <cstdio>

#include "../test.h"
#include "replay.h"

namespace hw {
namespace {

const std::string FOLDER = HW_VECTORS;

void chapter_test(const std::string& name) {
  Totals totals;
  replay(FOLDER, name, totals, true, open_cases(FOLDER + "/open.txt"));
  CHECK(totals.lanes > 0, "chapter ", name, " has no vectors");
  CHECK_EQ(totals.differ, size_t(0), totals.first);
  std::fprintf(stderr, "%s: %zu cases, %zu vectors equal an H200's", name.c_str(), totals.cases - totals.open, totals.lanes);
  if (totals.open) std::fprintf(stderr, ", %zu cases still open", totals.open);
  if (totals.mended) std::fprintf(stderr, ", %zu mended: strike them from open.txt", totals.mended);
  std::fprintf(stderr, "\n");
}
const bool registered = [] {
  for (const auto& [name, fill] : chapters())
    sim::testing::tests()["hw_" + name] = [name = name] { chapter_test(name); };
  return true;
}();

}  // namespace
}  // namespace hw

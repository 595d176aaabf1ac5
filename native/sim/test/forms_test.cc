// The list of forms: it expands as written, and no form of it is unknown to the machine.
#include "forms.h"

#include "test.h"

using namespace sim::testing;

TEST(forms_expand) {
  const auto a = alternatives("add<|.sat>.<s32|u32> %r0, %r1|%p0");
  CHECK_EQ(a.size(), size_t(4));
  CHECK_EQ(a[0], std::string("add.s32 %r0, %r1|%p0"));
  CHECK_EQ(a[3], std::string("add.sat.u32 %r0, %r1|%p0"));
}
TEST(forms_are_known) {
  size_t executed = 0, refused = 0;
  std::string unknown;
  size_t n = 0;
  auto elsewhere = [](const std::string& op) {
    for (const char* name : {"cp.async.bulk", "cp.async.mbarrier", "tensormap"})
      if (op.rfind(name, 0) == 0) return true;
    return false;
  };
  for (const PtxForm& f : forms_in(std::string(FIXTURES) + "/isa/forms.txt")) {
    const State s = state_of(f);
    if (!s.row && elsewhere(f.opcode())) continue;
    if (!s.row) ++n, unknown += n < 10 ? "\n  " + f.instruction + " " + s.reason : "";
    ++(s.reason.empty() ? executed : refused);
  }
  CHECK_EQ(n, size_t(0), "forms without semantics or reason:", unknown);
  CHECK(executed > 5000 && refused > 100, executed, " executed, ", refused, " refused");
}

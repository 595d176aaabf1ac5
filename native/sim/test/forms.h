// The list of PTX forms in fixtures/isa/forms.txt: syntaxes with <alternatives>, expanded, each as an
// instruction of a kernel of its own.
#pragma once
#include <string>
#include <vector>

#include "../isa/refused.h"
#include "../machine/choose.h"

namespace sim::testing {

struct PtxForm {
  std::string chapter, syntax;  // the line it stands on
  std::string target, version;  // sm_100a, 9.0
  std::string instruction;      // "add.s32 %r0, %r1, %r2"
  std::string opcode() const {  // behind a guard: "@%p0 bra L"
    const size_t from = instruction[0] == '@' ? instruction.find(' ') + 1 : 0;
    return instruction.substr(from, instruction.find(' ', from) - from);
  }
};
std::vector<std::string> alternatives(const std::string& syntax);
std::vector<PtxForm> forms_in(const std::string& path);

// What the machine does with a form: executes it (row set, reason empty), refuses it with a reason, or does
// not know it.
struct State {
  const Row* row = nullptr;
  std::string reason;  // of a trap
  const char* name() const { return !row ? "none" : reason.empty() ? "row" : "trap"; }
};
State state_of(const PtxForm& form);

}  // namespace sim::testing

// Which PTX has semantics.
//   sim_coverage FILE.ptx ...          opcodes of the kernels that would trap, with counts, a line and the reason
//   sim_coverage --forms FILE [--json] each form of a list (fixtures/isa/forms.txt): row, trap and why, or none
// Exit 1 when something is neither executed nor refused with a reason.
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "forms.h"
#include "native/sim/sim.h"

namespace {

using namespace sim;
using namespace sim::testing;

std::string quoted(const std::string& s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}
const char* name_of(Scope s) {
  constexpr const char* names[] = {"lane", "warp", "warpgroup", "cta", "cluster", "async", "control"};
  return names[unsigned(s)];
}

int list_forms(const char* path, bool json) {
  size_t count[3] = {};
  std::string syntax;
  bool first = true;
  if (json) std::printf("[");
  for (const PtxForm& f : forms_in(path)) {
    const State s = state_of(f);
    ++count[!s.row ? 2 : !s.reason.empty()];
    if (json) {
      std::printf("%s\n{\"chapter\":%s,\"target\":%s,\"ptx\":%s,\"syntax\":%s,\"instruction\":%s,\"state\":\"%s\",\"reason\":%s",
                  first ? "" : ",", quoted(f.chapter).c_str(), quoted(f.target).c_str(), quoted(f.version).c_str(),
                  quoted(f.syntax).c_str(), quoted(f.instruction).c_str(), s.name(), quoted(s.reason).c_str());
      if (s.row) std::printf(",\"scope\":\"%s\",\"anchor\":%s", name_of(s.row->scope), quoted(s.row->anchor).c_str());
      std::printf("}");
      first = false;
    } else {
      std::printf("%-4s  %s%s%s\n", s.name(), f.instruction.c_str(), s.reason.empty() ? "" : "  -- ",
                  s.reason.c_str());
    }
  }
  if (json)
    std::printf("\n]\n");
  else
    std::printf("%zu forms: %zu executed, %zu refused with a reason, %zu unknown\n", count[0] + count[1] + count[2],
                count[0], count[1], count[2]);
  return count[2] != 0;
}

int list_kernels(int argc, char** argv) {
  struct Use {
    unsigned count = 0;
    std::string where, reason;
  };
  std::map<std::string, Use> traps;
  unsigned long instructions = 0, entries = 0;
  int broken = 0, unknown = 0;
  for (int k = 1; k < argc; ++k) {
    std::ifstream in(argv[k]);
    try {
      if (!in) throw std::runtime_error("the file cannot be read");
      auto m = Module::load(std::string(std::istreambuf_iterator<char>(in), {}));
      for (const std::string& name : m->entries()) {
        const Program& p = m->program(*m->entry(name));
        ++entries, instructions += p.code.size();
        for (const Instr& i : p.code) {
          const bool none = i.info->own == no_semantics;
          const char* reason = reason_of(i.info->own, i.aux);
          if (!none && !reason) continue;
          const auto* text = i.info->text;
          Use& u = traps[text->op.text];
          if (u.count++) continue;
          unknown += none;
          u.reason = none ? "no semantics" : reason;
          u.where =
              std::string(argv[k]) + ":" + std::to_string(text->line) + ": " + m->text().lines[text->line - 1];
        }
      }
    } catch (const std::exception& e) {
      std::printf("%s: %s\n", argv[k], e.what());
      broken = 1;
    }
  }
  for (const auto& [op, use] : traps)
    std::printf("%6u  %-48s %s (%s)\n", use.count, op.c_str(), use.where.c_str(), use.reason.c_str());
  std::printf("%lu instructions in %lu entries, %zu opcodes that would trap, %d of them without semantics\n",
              instructions, entries, traps.size(), unknown);
  return broken || unknown;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::strcmp(argv[1], "--forms")) return list_kernels(argc, argv);
  try {
    return list_forms(argv[2], argc > 3 && !std::strcmp(argv[3], "--json"));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}

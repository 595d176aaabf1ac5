// sim_coverage FILE.ptx ...: opcodes without semantics, with counts and a line; exit 1 when there are any.
#include <cstdio>
#include <fstream>
#include <iterator>

#include "native/sim/sim.h"

int main(int argc, char** argv) {
  struct Use {
    unsigned count = 0;
    std::string where;
  };
  std::map<std::string, Use> missing;
  unsigned long instructions = 0, entries = 0;
  int broken = 0;
  for (int k = 1; k < argc; ++k) {
    std::ifstream in(argv[k]);
    try {
      if (!in) throw std::runtime_error("the file cannot be read");
      auto m = sim::Module::load(std::string(std::istreambuf_iterator<char>(in), {}));
      for (const std::string& name : m->entries()) {
        const sim::Program& p = m->program(*m->entry(name));
        ++entries, instructions += p.code.size();
        for (const ptrdiff_t i : sim::without_semantics(p)) {
          const auto* text = p.code[size_t(i)].info->text;
          Use& u = missing[text->op.text];
          if (!u.count++)
            u.where = std::string(argv[k]) + ":" + std::to_string(text->line) + ": " +
                      m->text().lines[text->line - 1];
        }
      }
    } catch (const std::exception& e) {
      std::printf("%s: %s\n", argv[k], e.what());
      broken = 1;
    }
  }
  for (const auto& [op, use] : missing)
    std::printf("%6u  %-48s %s\n", use.count, op.c_str(), use.where.c_str());
  std::printf("%lu instructions in %lu entries, %zu opcodes without semantics\n", instructions, entries,
              missing.size());
  return broken || !missing.empty();
}

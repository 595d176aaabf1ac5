// The one sentence of a fault: what, then kernel, CTA, warp, thread, PTX line and source text.
#include "cta.h"

namespace sim {

namespace {
std::string dim(uint64_t x, uint64_t y, uint64_t z) {
  return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
}
std::string trimmed(const std::string& s) {
  size_t from = s.find_first_not_of(" \t\r"), to = s.find_last_not_of(" \t\r");
  return from == std::string::npos ? "" : s.substr(from, to - from + 1);
}
}  // namespace

std::string located(const Warp& w, const Instr& in, unsigned lane, const std::string& sentence) {
  const Program& p = *w.state->program;
  const Cta& c = *w.cta;
  const Dim3& b = c.launch->config.block;
  uint32_t t = w.index * LANES + lane;
  std::string where = sentence + " [kernel " + p.kernel->name + ", CTA " + dim(c.id.x, c.id.y, c.id.z) +
                      ", warp " + std::to_string(w.index) + ", thread " +
                      dim(t % b.x, t / b.x % b.y, t / b.x / b.y);
  const ptx::Instruction* text = in.info ? in.info->text : nullptr;
  if (text) {
    where += ", PTX line " + std::to_string(text->line);
    if (text->line >= 1 && text->line <= p.module->lines.size())
      where += ": " + trimmed(p.module->lines[text->line - 1]);
    if (text->source_line) {
      auto file = p.module->files.find(text->file);
      where += ", from " + (file == p.module->files.end() ? "line" : file->second) + ":" +
               std::to_string(text->source_line);
    }
  }
  return where + "]";
}
void trap(Warp& w, const Instr& in, unsigned lane, Trap::Cause cause, const std::string& sentence) {
  throw Trap(cause, located(w, in, lane, sentence));
}
void trap(Warp& w, const Instr& in, unsigned lane, const std::string& sentence) {
  trap(w, in, lane, Trap::illegal_instruction, sentence);
}
void trap(Warp& w, const Instr& in, const std::string& sentence) {
  unsigned lane = w.exec ? unsigned(__builtin_ctz(w.exec)) : 0;
  trap(w, in, lane, Trap::illegal_instruction, sentence);
}

}  // namespace sim

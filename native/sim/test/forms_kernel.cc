#include "forms_kernel.h"

#include <cctype>

namespace sim::testing {

std::vector<std::string> operands_of(const std::string& instruction) {
  std::vector<std::string> out;
  int depth = 0;
  const size_t blank = instruction.find(' ');
  for (size_t k = blank; k < instruction.size(); ++k) {
    const char c = instruction[k];
    depth += c == '{' || c == '[', depth -= c == '}' || c == ']';
    if (k == blank || (c == ',' && depth == 0))
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}
std::vector<std::string> registers_of(const std::string& operand) {
  std::vector<std::string> out;
  for (size_t k = 0; k < operand.size(); ++k)
    if (operand[k] == '%') {
      size_t end = k + 2;
      while (end < operand.size() && std::isdigit(static_cast<unsigned char>(operand[end]))) ++end;
      out.push_back(operand.substr(k + 1, end - k - 1)), k = end - 1;
    }
  return out;
}
unsigned bytes_of_register(const std::string& name) { return name[0] == 'h' ? 2 : name[0] == 'r' ? 4 : name[0] == 'q' ? 8 : 16; }

namespace {
// One register between the lane's slot `k` and memory at %lane.
std::string move(const std::string& reg, unsigned k, bool load) {
  const unsigned at = FormKernel::LANE_BYTES + 16 * k, bytes = bytes_of_register(reg);
  const std::string place = "[%lane+" + std::to_string(at) + "]", r = "%" + reg;
  if (bytes == 16)
    return load ? "ld.global.v2.b64 {%half0, %half1}, " + place + "; mov.b128 " + r + ", {%half0, %half1};\n"
                : "mov.b128 {%half0, %half1}, " + r + "; st.global.v2.b64 " + place + ", {%half0, %half1};\n";
  const std::string type = ".b" + std::to_string(8 * bytes) + " ";
  return load ? "ld.global" + type + r + ", " + place + ";\n" : "st.global" + type + place + ", " + r + ";\n";
}
}  // namespace

std::vector<FormKernel::Lane> FormKernel::run(const std::vector<Lane>& lanes, const std::string& before) const {
  const bool global = space == "global", constant = space == "const";
  std::string text = ".version " + form.version + "\n.target " + form.target + "\n.address_size 64\n";
  if (constant) {
    text += ".const .align 16 .b8 cells[" + std::to_string(LANE_BYTES) + "] = {";
    for (unsigned k = 0; k < LANE_BYTES; ++k) text += (k ? ", " : "") + std::to_string(lanes[0].memory[k]);
    text += "};\n";
  }
  text +=
      ".entry k(.param .u64 lanes) {\n.reg .pred %p<8>; .reg .b8 %b<8>; .reg .b16 %h<24>; .reg .b32 %r<24>; .reg .b64 %q<24>; .reg .b128 "
      "%x<8>;\n.reg .b64 %lane, %cell, %half0, %half1; .reg .b32 %t, %w;\n";
  if (space == "shared") text += ".shared .align 16 .b8 cells[" + std::to_string(LANES * LANE_BYTES) + "];\n";
  if (space == "local") text += ".local .align 16 .b8 cells[" + std::to_string(LANE_BYTES) + "];\n";
  text += "mov.u32 %t, %tid.x; ld.param.u64 %lane, [lanes]; mad.wide.u32 %lane, %t, " + std::to_string(sizeof(Lane)) + ", %lane;\n";
  if (global)
    text += "mov.u64 %cell, %lane;\n";
  else
    text += "mov.u64 %cell, cells;\n";
  if (space == "shared") text += "mad.wide.u32 %cell, %t, " + std::to_string(LANE_BYTES) + ", %cell;\n";
  auto copy = [&](bool to_cell) {
    if (global || constant) return;
    for (unsigned k = 0; k < LANE_BYTES; k += 4) {
      const std::string at = "+" + std::to_string(k) + "]", lane = "[%lane" + at, cell = "[%cell" + at;
      text += to_cell ? "ld.global.b32 %w, " + lane + "; st." + space + ".b32 " + cell + ", %w;\n"
                      : "ld." + space + ".b32 %w, " + cell + "; st.global.b32 " + lane + ", %w;\n";
    }
  };
  copy(true);
  for (size_t k = 0; k < in.size(); ++k) text += move(in[k], unsigned(k), true);
  text += "mov.b64 %" + address + ", %cell;\n" + before + form.instruction + ";\n";
  copy(false);
  for (size_t k = 0; k < out.size(); ++k) text += move(out[k], unsigned(k), false);
  text += "ret;\n}\n";
  auto m = Module::load(text);
  Array<Lane> memory(lanes);
  testing::run(*m, "k", {1}, {LANES}, params(memory.at));
  return memory.values();
}

}  // namespace sim::testing

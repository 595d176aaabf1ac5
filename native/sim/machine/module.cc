#include <algorithm>
#include <cstring>

#include "../sim.h"

namespace sim {

using ptx::Function;
using ptx::Space;
using ptx::Variable;

std::shared_ptr<Module> Module::load(std::string_view text, Memory& memory) {
  std::shared_ptr<Module> m(new Module(memory));
  m->text_ = std::make_shared<const ptx::Module>(ptx::parse(text));
  m->place_variables();
  return m;
}

Module::~Module() {
  for (uint64_t a : owned_) memory_.release(a);
}

void Module::place_variables() {
  uint64_t function = uint64_t(4) << 40;  // device functions have addresses, but no bytes there
  for (const Function& f : text_->functions)
    if (!f.entry) symbols_.function[f.name] = function += 16;
  for (const Variable& v : text_->globals) {
    if (v.space == Space::shared) continue;
    if (v.external)
      continue;  // must be defined elsewhere in the module; a use of an undefined one is reported by lower()
    if (v.bytes == 0)
      throw ptx::ParseError("PTX line " + std::to_string(v.line) + ": expected a size for variable " +
                            v.name);
    uint64_t at = memory_.allocate(v.bytes, "variable " + v.name, v.align);
    if (!at)
      throw ptx::ParseError("PTX line " + std::to_string(v.line) + ": no device memory for variable " +
                            v.name);
    owned_.push_back(at);
    auto allocation = memory_.find(at);
    allocation->all_written = true;  // zero where no initialiser says otherwise
    allocation->read_only = v.space == Space::constant;
    std::copy(v.init.begin(), v.init.end(), reinterpret_cast<uint8_t*>(at));
    symbols_.global[v.name] = at;
  }
  for (const Variable& v : text_->globals)
    for (const Variable::Reloc& r : v.relocs) {
      uint64_t value = 0;
      if (auto g = symbols_.global.find(r.symbol); g != symbols_.global.end())
        value = g->second;
      else if (auto f = symbols_.function.find(r.symbol); f != symbols_.function.end())
        value = f->second;
      else
        throw ptx::ParseError("PTX line " + std::to_string(v.line) +
                              ": expected a variable or function of this module in the initialiser of " +
                              v.name + ", found '" + r.symbol + "'");
      value += uint64_t(r.addend);
      std::memcpy(reinterpret_cast<void*>(symbols_.global.at(v.name) + r.at), &value, r.bytes);
    }
}

std::vector<std::string> Module::entries() const {
  std::vector<std::string> names;
  for (const Function& f : text_->functions)
    if (f.entry && f.defined) names.push_back(f.name);
  return names;
}

const Function* Module::entry(std::string_view name) const {
  const Function* f = text_->function(name);
  return f && f->entry && f->defined ? f : nullptr;
}

std::vector<Parameter> Module::parameters(std::string_view name) const {
  std::vector<Parameter> out;
  const Function* f = entry(name);
  if (!f) return out;
  uint32_t at = 0;
  for (const Variable& v : f->params) {
    at = (at + v.align - 1) / v.align * v.align;
    out.push_back({v.name, ptx::name_of(v.type), at, uint32_t(v.bytes), v.align});
    at += uint32_t(v.bytes);
  }
  return out;
}

const Program& Module::program(const Function& entry) {
  std::lock_guard guard(lock_);
  auto& p = programs_[&entry];
  if (!p) p = lower(text_, entry, symbols_);
  if (on_program) on_program(*p);
  return *p;
}

bool Module::variable(std::string_view name, uint64_t& address, uint64_t& bytes) const {
  auto it = symbols_.global.find(name);
  if (it == symbols_.global.end()) return false;
  address = it->second;
  for (const Variable& v : text_->globals)
    if (v.name == name) bytes = v.bytes;
  return true;
}

}  // namespace sim

// Type names and the lookups over parsed structures.
#include <array>
#include <unordered_map>

#include "ptx.h"

namespace sim::ptx {

namespace {
struct TypeInfo {
  const char* name;
  unsigned bits;
};
constexpr TypeInfo TYPES[] = {
#define SIM_PTX_INFO(name, bits) {#name, bits},
    SIM_PTX_TYPES(SIM_PTX_INFO)
#undef SIM_PTX_INFO
};

template <class F>
auto outwards(const Function& f, uint32_t scope, F find) -> decltype(find(f.scopes[0])) {
  for (int s = int(scope); s >= 0; s = f.scopes[size_t(s)].parent)
    if (auto found = find(f.scopes[size_t(s)])) return found;
  return nullptr;
}
template <class M>
auto at_or_null(const M& map, std::string_view name) -> decltype(&map.begin()->second) {
  auto it = map.find(name);
  return it == map.end() ? nullptr : &it->second;
}
}  // namespace

unsigned bits_of(Type t) { return TYPES[size_t(t)].bits; }
const char* name_of(Type t) { return TYPES[size_t(t)].name; }
bool is_float(Type t) {
  switch (t) {
    case Type::f16:
    case Type::bf16:
    case Type::f32:
    case Type::f64:
    case Type::f16x2:
    case Type::bf16x2:
    case Type::f32x2: return true;
    default: return false;
  }
}
bool is_signed(Type t) {
  return t == Type::s4 || t == Type::s8 || t == Type::s16 || t == Type::s32 || t == Type::s64;
}

bool type_from(std::string_view name, Type& out) {
  static const auto table = [] {
    std::unordered_map<std::string_view, Type> m;
    for (size_t k = 0; k < size_t(Type::count); ++k) m.emplace(TYPES[k].name, Type(k));
    return m;
  }();
  auto it = table.find(name);
  if (it == table.end()) return false;
  out = it->second;
  return true;
}

const char* name_of(Space s) {
  constexpr std::array names{"generic", "global", "shared", "local", "const", "param", "reg"};
  return names[size_t(s)];
}

bool Opcode::has(std::string_view modifier) const {
  for (size_t k = 1; k < tokens.size(); ++k)
    if (tokens[k] == modifier) return true;
  return false;
}

const Variable* Function::variable(uint32_t scope, std::string_view name) const {
  if (auto* v = outwards(*this, scope, [&](const Scope& s) { return at_or_null(s.vars, name); })) return v;
  for (auto* list : {&params, &returns})
    for (const Variable& v : *list)
      if (v.name == name) return &v;
  return nullptr;
}
const size_t* Function::label(uint32_t scope, std::string_view name) const {
  return outwards(*this, scope, [&](const Scope& s) { return at_or_null(s.labels, name); });
}
const std::vector<std::string>* Function::targets(uint32_t scope, std::string_view name) const {
  return outwards(*this, scope, [&](const Scope& s) { return at_or_null(s.targets, name); });
}
const Function* Module::function(std::string_view name) const {
  const Function* declared = nullptr;
  for (const Function& f : functions)
    if (f.name == name) {
      if (f.defined) return &f;
      declared = &f;
    }
  return declared;
}

}  // namespace sim::ptx

// PTX text of a parsed module. The parser's test reads it back.
#include <cstdio>
#include <sstream>

#include "ptx.h"

namespace sim::ptx {

namespace {

void print(std::ostream& s, const Operand& o) {
  auto join = [&](size_t from, const char* open, const char* close) {
    s << open;
    for (size_t k = from; k < o.parts.size(); ++k) {
      if (k > from) s << ", ";
      print(s, o.parts[k]);
    }
    s << close;
  };
  char hex[32];
  switch (o.kind) {
    case Operand::integer: s << o.value; break;
    case Operand::f32_bits: std::snprintf(hex, sizeof hex, "0f%08X", unsigned(o.value)), s << hex; break;
    case Operand::f64_bits:
      std::snprintf(hex, sizeof hex, "0d%016llX", static_cast<unsigned long long>(o.value)), s << hex;
      break;
    case Operand::vector: join(0, "{", "}"); break;
    case Operand::pair: print(s, o.parts[0]), s << "|", print(s, o.parts[1]); break;
    case Operand::address:
      s << "[", print(s, o.parts[0]);
      if (o.offset) s << "+" << o.offset;
      if (o.parts.size() > 1) join(1, ", ", "");
      s << "]";
      break;
    default:
      s << (o.minus ? "-" : o.negated ? "!" : "") << o.name << o.selector;
      if (o.offset) s << "+" << o.offset;
  }
}

void print(std::ostream& s, const Variable& v, const char* end) {
  uint64_t element = std::max(1u, bits_of(v.type) / 8);
  s << (v.external ? ".extern " : "") << "." << name_of(v.space) << " .align " << v.align << " ."
    << name_of(v.type) << " " << v.name;
  if (v.bytes == 0)
    s << "[]";
  else if (v.bytes != element)
    s << "[" << v.bytes / element << "]";
  if (v.initialised) {
    s << " = {";
    for (uint64_t at = 0; at + element <= v.init.size(); at += element) {
      if (at) s << ", ";
      const Variable::Reloc* reloc = nullptr;
      for (const auto& r : v.relocs)
        if (r.at == at) reloc = &r;
      uint64_t bits = 0;
      for (unsigned k = 0; k < element && k < 8; ++k) bits |= uint64_t(v.init[at + k]) << (8 * k);
      if (!reloc)
        s << bits;
      else
        s << (reloc->generic ? "generic(" : "") << reloc->symbol << (reloc->generic ? ")" : "") << "+"
          << reloc->addend;
    }
    s << "}";
  }
  s << end;
}

void print(std::ostream& s, const std::vector<Variable>& list) {
  s << "(";
  for (size_t k = 0; k < list.size(); ++k) print(s, list[k], k + 1 < list.size() ? ", " : "");
  s << ")";
}

// Scopes are printed where their first instruction stands; labels before theirs.
class BodyPrinter {
 public:
  BodyPrinter(std::ostream& s, const Function& f) : s_(s), f_(f), children_(f.scopes.size()) {
    for (uint32_t k = 1; k < f.scopes.size(); ++k) children_[size_t(f.scopes[k].parent)].push_back(k);
  }
  void scope(uint32_t k) {
    const Scope& sc = f_.scopes[k];
    s_ << "{\n";
    for (const auto& [name, r] : sc.regs) {
      s_ << ".reg ." << name_of(r.type) << " " << name;
      if (!r.single) s_ << "<" << r.count << ">";
      s_ << ";\n";
    }
    for (const auto& [name, v] : sc.vars) print(s_, v, ";\n");
    for (const auto& [name, t] : sc.prototypes) s_ << name << ": .callprototype " << t << ";\n";
    for (const auto& [name, list] : sc.targets) {
      s_ << name << ": .branchtargets ";
      for (size_t i = 0; i < list.size(); ++i) s_ << (i ? ", " : "") << list[i];
      s_ << ";\n";
    }
    size_t child = 0;
    for (;;) {
      labels(k);
      uint32_t next = child < children_[k].size() ? children_[k][child] : 0;
      bool inside = at_ < f_.body.size() && f_.body[at_].scope == k;
      if (inside && !(next && f_.body[at_].scope >= next && k >= next)) {
        instruction(f_.body[at_++]);
      } else if (next && (k == 0 || belongs(next) || empty(next))) {
        ++child;
        scope(next);
      } else {
        break;
      }
    }
    s_ << "}\n";
  }

 private:
  bool belongs(uint32_t k) const {
    if (at_ >= f_.body.size()) return false;
    for (int s = int(f_.body[at_].scope); s >= 0; s = f_.scopes[size_t(s)].parent)
      if (s == int(k)) return true;
    return false;
  }
  bool empty(uint32_t k) const {
    for (const Instruction& in : f_.body)
      for (int s = int(in.scope); s >= 0; s = f_.scopes[size_t(s)].parent)
        if (s == int(k)) return false;
    return true;
  }
  void labels(uint32_t k) {
    for (const auto& [name, at] : f_.scopes[k].labels)
      if (at == at_ && printed_.emplace(std::pair(k, name), true).second) s_ << name << ":\n";
  }
  void instruction(const Instruction& in) {
    if (!in.guard.empty()) s_ << "@" << (in.guard_negated ? "!" : "") << in.guard << " ";
    s_ << in.op.text;
    for (size_t k = 0; k < in.operands.size(); ++k) {
      s_ << (k ? ", " : " ");
      bool call_list = in.op.tokens[0] == "call" && in.operands[k].kind == Operand::vector;
      std::ostringstream text;
      print(text, in.operands[k]);
      std::string t = text.str();
      if (call_list) t.front() = '(', t.back() = ')';
      s_ << t;
    }
    s_ << ";\n";
  }
  std::ostream& s_;
  const Function& f_;
  std::vector<std::vector<uint32_t>> children_;
  std::map<std::pair<uint32_t, std::string>, bool> printed_;
  size_t at_ = 0;
};

}  // namespace

std::string print(const Module& m) {
  std::ostringstream s;
  s << ".version " << m.version << "\n.target " << m.target << "\n.address_size 64\n";
  for (const Variable& v : m.globals) print(s, v, ";\n");
  for (const Function& f : m.functions) {
    s << (f.entry ? ".visible .entry " : ".func ");
    if (!f.returns.empty()) print(s, f.returns), s << " ";
    s << f.name;
    print(s, f.params);
    for (const auto& [name, args] : f.directives) {
      s << " ." << name << " ";
      for (size_t k = 0; k < args.size(); ++k) s << (k ? ", " : "") << args[k];
    }
    if (!f.defined) {
      s << ";\n";
      continue;
    }
    s << "\n";
    BodyPrinter(s, f).scope(0);
  }
  return s.str();
}

}  // namespace sim::ptx

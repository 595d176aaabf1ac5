// Functions: parameters, performance directives, and bodies of instructions (PTX 9.1
// #instruction-statements).
#include <algorithm>

#include "parser.h"

namespace sim::ptx {

namespace {
constexpr uint32_t MAX_REGISTERS = 1u << 20;
}

void Parser::function(bool entry) {
  Function f;
  f.entry = entry, f.line = c_.line();
  if (!entry) {
    while (c_.accept(".attribute")) {
      c_.expect('(');
      c_.until_any(")");
      c_.expect(')');
    }
    if (c_.peek() == '(') f.returns = parameters();
  }
  f.name = c_.word();
  if (c_.peek() == '(') f.params = parameters();
  function_directives(f);
  if (!c_.accept(';')) {
    f.defined = true;
    body(f, -1);
  }
  m_.functions.push_back(std::move(f));
}

std::vector<Variable> Parser::parameters() {
  std::vector<Variable> list;
  c_.expect('(');
  if (c_.accept(')')) return list;
  do {
    if (!c_.accept(".param"))
      c_.fail(".param (parameters in registers are not known to the virtual machine)");
    list.push_back(variable(Space::param, false));
  } while (c_.accept(','));
  c_.expect(')');
  return list;
}

void Parser::function_directives(Function& f) {
  while (c_.peek() == '.') {
    std::string name = c_.opcode().substr(1);
    std::vector<uint64_t> args;
    if (name == "pragma") {
      c_.quoted();
    } else {
      if (c_.at_number()) {
        do args.push_back(uint64_t(c_.integer()));
        while (c_.accept(','));
      }
    }
    f.directives[name] = args;
    if (name == "pragma") c_.accept(';');
  }
}

void Parser::body(Function& f, int parent) {
  if (++depth_ > 256) c_.fail("braces nested less deeply");
  uint32_t scope = uint32_t(f.scopes.size());
  f.scopes.emplace_back();
  f.scopes.back().parent = parent;
  c_.expect('{');
  while (!c_.accept('}')) statement(f, scope);
  --depth_;
}

void Parser::statement(Function& f, uint32_t scope) {
  if (c_.peek() == '{') return body(f, int(scope));
  if (c_.accept(';')) return;
  if (c_.accept(".reg")) return declare_registers(f, scope);
  if (c_.accept(".loc")) {
    file_ = uint32_t(c_.integer());
    source_line_ = uint32_t(c_.integer());
    c_.integer();
    while (c_.accept(',')) {  // function_name, inlined_at
      if (!c_.accept("inlined_at")) {
        c_.accept("function_name");
        c_.word();
        if (c_.accept('+')) c_.integer();
        continue;
      }
      c_.integer(), c_.integer(), c_.integer();
    }
    return;
  }
  if (c_.accept(".pragma")) {
    c_.quoted();
    c_.expect(';');
    return;
  }
  for (auto [word, space] :
       {std::pair{".local", Space::local}, {".shared", Space::shared}, {".param", Space::param}})
    if (c_.accept(word)) {
      do {
        Variable v = variable(space, false);
        std::string name = v.name;
        if (!f.scopes[scope].vars.emplace(name, std::move(v)).second)
          c_.fail("another name than " + name + " again");
      } while (c_.accept(','));
      c_.expect(';');
      return;
    }
  if (c_.peek() == '.') c_.fail("an instruction or a declaration");
  instruction(f, scope);
}

void Parser::declare_registers(Function& f, uint32_t scope) {
  if (c_.accept(".v2") || c_.accept(".v4")) c_.fail("scalar registers");
  Type t = type();
  do {
    std::string name = c_.word();
    Family family{t, 1, uint32_t(f.registers.size()), true};
    if (c_.accept('<')) {
      int64_t n = c_.integer();
      if (n < 0 || n > MAX_REGISTERS) c_.fail("at most " + std::to_string(MAX_REGISTERS) + " registers");
      family.count = uint32_t(n), family.single = false;
      c_.expect('>');
    }
    if (f.registers.size() + family.count > MAX_REGISTERS) c_.fail("fewer registers in a function");
    if (!f.scopes[scope].regs.emplace(name, family).second) c_.fail("another name than " + name + " again");
    f.registers.resize(f.registers.size() + family.count, t);
  } while (c_.accept(','));
  c_.expect(';');
}

int64_t Parser::find_register(const Function& f, uint32_t scope, std::string_view name) const {
  size_t digits = name.size();
  while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') --digits;
  for (int s = int(scope); s >= 0; s = f.scopes[size_t(s)].parent) {
    const auto& regs = f.scopes[size_t(s)].regs;
    if (auto it = regs.find(name); it != regs.end() && it->second.single) return it->second.first;
    // %r<12> also covers prefixes that end in a digit ("%rs1" of "%rs1<4>" is legal, if never written)
    for (size_t cut = digits; cut < name.size() && name.size() - cut <= 7; ++cut) {
      auto it = regs.find(name.substr(0, cut));
      if (it == regs.end() || it->second.single) continue;
      if (name[cut] == '0' && name.size() - cut > 1) continue;
      uint64_t index = std::stoull(std::string(name.substr(cut)));
      if (index < it->second.count) return it->second.first + int64_t(index);
    }
  }
  return -1;
}

void Parser::branch_targets(Function& f, uint32_t scope, const std::string& label) {
  auto& list = f.scopes[scope].targets[label];
  do list.push_back(c_.word());
  while (c_.accept(','));
  c_.expect(';');
}

Opcode Parser::opcode() {
  Opcode op;
  op.text = c_.opcode();
  if (op.text.empty()) c_.fail("an instruction");
  for (size_t from = 0; from <= op.text.size();) {
    size_t end = std::min(op.text.find('.', from), op.text.size());
    op.tokens.push_back(op.text.substr(from, end - from));
    if (op.tokens.back().empty()) c_.fail("an opcode instead of '" + op.text + "'");
    Type t;
    if (op.tokens.size() > 1 && type_from(op.tokens.back(), t)) op.types.push_back(t);
    from = end + 1;
  }
  return op;
}

void Parser::instruction(Function& f, uint32_t scope) {
  Instruction in;
  in.scope = scope;
  if (c_.accept('@')) {
    in.guard_negated = c_.accept('!');
    in.guard = c_.word();
    in.guard_register = find_register(f, scope, in.guard);
    if (in.guard_register < 0 || f.registers[size_t(in.guard_register)] != Type::pred)
      c_.fail("a predicate register instead of '" + in.guard + "'");
  } else {
    // a label is a name with one colon after it
    Cursor ahead = c_;
    if (ahead.at_word()) {
      std::string name = ahead.word();
      if (ahead.peek() == ':' && ahead.raw(1) != ':') {
        c_ = ahead;
        c_.expect(':');
        if (c_.accept(".branchtargets")) return branch_targets(f, scope, name);
        if (c_.accept(".callprototype")) {
          f.scopes[scope].prototypes[name] = c_.until_any(";");
          return c_.expect(';');
        }
        if (c_.accept(".calltargets")) {
          c_.until_any(";");
          return c_.expect(';');
        }
        if (!f.scopes[scope].labels.emplace(name, f.body.size()).second)
          c_.fail("another label than " + name + " again");
        return;
      }
    }
  }
  c_.peek();
  in.line = c_.line();
  in.file = file_, in.source_line = source_line_;
  in.op = opcode();
  if (!c_.accept(';')) {
    do {
      // only vmad negates its operands
      const bool minus = in.op.tokens[0] == "vmad" && !c_.at_number() && c_.accept('-');
      in.operands.push_back(operand(f, scope));
      in.operands.back().minus = minus;
    } while (c_.accept(','));
    c_.expect(';');
  }
  f.body.push_back(std::move(in));
}

Operand Parser::list(const Function& f, uint32_t scope, char close) {
  if (++depth_ > 256) c_.fail("operands nested less deeply");
  Operand o;
  o.kind = Operand::vector;
  if (!c_.accept(close)) {
    do o.parts.push_back(operand(f, scope));
    while (c_.accept(','));
    c_.expect(close);
  }
  --depth_;
  return o;
}

Operand Parser::named(const Function& f, uint32_t scope) {
  Operand o;
  o.name = c_.word();
  if (o.name == "_") {
    o.kind = Operand::sink;
  } else if (int64_t r = find_register(f, scope, o.name); r >= 0) {
    o.kind = Operand::reg, o.value = uint64_t(r);
    if (c_.raw() == '.' && (c_.raw(1) == 'b' || c_.raw(1) == 'h')) o.selector = c_.opcode();
  } else if (o.name[0] == '%') {
    o.kind = Operand::special;
    if (c_.raw() == '.') o.name += c_.opcode();
  } else {
    o.kind = Operand::symbol;
  }
  return o;
}

Operand Parser::operand(const Function& f, uint32_t scope) {
  if (c_.accept('{')) return list(f, scope, '}');
  if (c_.accept('(')) return list(f, scope, ')');
  if (c_.accept('[')) return address(f, scope);
  if (c_.at_number()) return c_.number();
  bool negated = c_.accept('!');
  Operand o = named(f, scope);
  o.negated = negated;
  if (negated && o.kind != Operand::reg) c_.fail("a predicate after '!'");
  if (c_.accept('|')) {
    Operand pair;
    pair.kind = Operand::pair;
    pair.parts = {o, named(f, scope)};
    return pair;
  }
  if (o.kind == Operand::symbol && (c_.peek() == '+' || c_.peek() == '-')) {
    bool minus = c_.accept('-');
    if (!minus) c_.accept('+');
    o.offset = minus ? -c_.integer() : c_.integer();
  }
  return o;
}

// [base+offset] and, for tensors, [base, {x, y}] or [base, {x}, y]
Operand Parser::address(const Function& f, uint32_t scope) {
  Operand o;
  o.kind = Operand::address;
  if (c_.at_number()) {
    o.parts.push_back(c_.number());
  } else {
    o.parts.push_back(named(f, scope));
  }
  while (c_.peek() == '+' || c_.peek() == '-') {
    bool minus = c_.accept('-');
    if (!minus) c_.accept('+');
    uint64_t n = uint64_t(c_.integer());
    o.offset = int64_t(uint64_t(o.offset) + (minus ? 0 - n : n));
  }
  while (c_.accept(',')) o.parts.push_back(operand(f, scope));
  c_.expect(']');
  return o;
}

}  // namespace sim::ptx

// Module scope: version, target, variables with their initialisers (PTX 9.1 #directives), and what is skipped
// on purpose: debug sections, .pragma, .alias and attributes that only matter to ptxas.
#include <bit>
#include <cstring>

#include "parser.h"

namespace sim::ptx {

namespace {
constexpr uint64_t MAX_VARIABLE = uint64_t(1) << 36;
}

Module parse(std::string_view text) {
  Parser p(text);
  Module m = p.module();
  for (size_t from = 0; from <= text.size();) {
    size_t end = text.find('\n', from);
    if (end == std::string_view::npos) end = text.size();
    m.lines.emplace_back(text.substr(from, end - from));
    from = end + 1;
  }
  return m;
}

Module Parser::module() {
  while (!c_.done()) directive();
  if (m_.version.empty()) c_.fail(".version");
  return std::move(m_);
}

void Parser::directive() {
  if (c_.accept(';')) return;
  if (c_.accept(".version")) {
    m_.version = c_.until_any("\n \t;/");
  } else if (c_.accept(".target")) {
    m_.target = c_.opcode();
    while (c_.accept(',')) c_.opcode();
  } else if (c_.accept(".address_size")) {
    if (c_.integer() != 64) c_.fail(".address_size 64");
  } else if (c_.accept(".file")) {
    file();
  } else if (c_.accept(".section")) {
    section();
  } else if (c_.accept(".pragma")) {
    do c_.quoted();
    while (c_.accept(','));
    c_.expect(';');
  } else if (c_.accept(".alias")) {
    c_.fail("no .alias: function aliases are not known to the virtual machine");
  } else if (c_.accept(".extern")) {
    linkage_item(true);
  } else if (c_.accept(".visible") || c_.accept(".weak") || c_.accept(".common") || c_.peek() == '.') {
    linkage_item(false);
  } else {
    c_.fail("a directive");
  }
}

void Parser::linkage_item(bool external) {
  while (c_.accept(".attribute")) {  // .attribute(.managed) and the like change nothing here
    c_.expect('(');
    c_.until_any(")");
    c_.expect(')');
  }
  if (c_.accept(".entry")) return function(true);
  if (c_.accept(".func")) return function(false);
  Space space;
  if (c_.accept(".global"))
    space = Space::global;
  else if (c_.accept(".const"))
    space = Space::constant;
  else if (c_.accept(".shared"))
    space = Space::shared;
  else
    c_.fail("a directive of module scope");
  do {
    m_.globals.push_back(variable(space, external));
  } while (c_.accept(','));
  c_.expect(';');
}

void Parser::file() {
  uint32_t index = uint32_t(c_.integer());
  m_.files[index] = c_.quoted();
  while (c_.accept(',')) c_.integer();  // timestamp, size
}

void Parser::section() {
  c_.opcode();
  c_.expect('{');
  for (unsigned open = 1; open;) {
    c_.until_any("{}\"");
    if (c_.accept('{'))
      ++open;
    else if (c_.accept('}'))
      --open;
    else
      c_.quoted();
  }
}

Type Parser::type() {
  std::string text = c_.opcode();
  Type t;
  if (text.size() < 2 || text[0] != '.' || !type_from(std::string_view(text).substr(1), t))
    c_.fail("a type instead of '" + text + "'");
  return t;
}

Variable Parser::variable(Space space, bool external) {
  Variable v;
  v.space = space, v.external = external, v.line = c_.line();
  uint32_t lanes = 1;
  while (c_.accept(".attribute")) {
    c_.expect('(');
    c_.until_any(")");
    c_.expect(')');
  }
  if (c_.accept(".align")) v.align = uint32_t(c_.integer());
  if (c_.accept(".v2"))
    lanes = 2;
  else if (c_.accept(".v4"))
    lanes = 4;
  v.type = type();
  if (c_.accept(".ptr")) {  // what a pointer parameter points to
    for (const char* s : {".global", ".shared", ".local", ".const", ".param"}) c_.accept(s);
    if (c_.accept(".align")) c_.integer();
  }
  if (c_.accept(".align")) v.align = uint32_t(c_.integer());
  v.name = c_.word();
  uint64_t element = lanes * std::max(1u, bits_of(v.type) / 8), count = 1;
  bool open = false;
  while (c_.accept('[')) {
    if (c_.accept(']')) {
      open = true;
      continue;
    }
    uint64_t extent = uint64_t(c_.integer());
    if (extent > MAX_VARIABLE || count > MAX_VARIABLE / std::max<uint64_t>(extent, 1))
      c_.fail("a smaller array");
    count *= extent;
    c_.expect(']');
  }
  v.bytes = open ? 0 : element * count;
  if (v.bytes > MAX_VARIABLE) c_.fail("a smaller variable");
  v.align = std::max<uint32_t>(v.align, uint32_t(std::min<uint64_t>(element, 16)));
  if (v.align & (v.align - 1)) c_.fail("an alignment that is a power of two");
  if (c_.accept('=')) {
    initialiser(v);
    if (open) v.bytes = v.init.size();
    if (v.init.size() > v.bytes) c_.fail("no more initial values than " + v.name + " has elements");
  }
  return v;
}

void Parser::initialiser(Variable& v) {
  v.initialised = true;
  if (c_.peek() == '{')
    initial_values(v);
  else
    initial_value(v);
}

void Parser::initial_values(Variable& v) {
  if (++depth_ > 64) c_.fail("braces nested less deeply");
  c_.expect('{');
  if (!c_.accept('}')) {
    do {
      if (c_.peek() == '{')
        initial_values(v);
      else
        initial_value(v);
    } while (c_.accept(','));
    c_.expect('}');
  }
  --depth_;
}

// number | symbol[+n] | generic(symbol)[+n] | 0xFF00(symbol)
void Parser::initial_value(Variable& v) {
  unsigned bytes = std::max(1u, bits_of(v.type) / 8);
  uint64_t bits = 0;
  if (c_.at_word()) {
    Variable::Reloc r{v.init.size(), c_.word(), 0, false, bytes};
    if (r.symbol == "generic") {
      r.generic = true;
      c_.expect('(');
      r.symbol = c_.word();
      c_.expect(')');
    }
    if (c_.accept('+')) r.addend = c_.integer();
    if (bytes < 4) c_.fail("a type that holds an address");
    v.relocs.push_back(r);
  } else {
    Operand n = c_.number();
    if (c_.peek() == '(')
      c_.fail("a whole address: masked address initialisers are not known to the virtual machine");
    bits = n.value;
    if (n.kind == Operand::f64_bits && v.type == Type::f32)
      bits = std::bit_cast<uint32_t>(float(std::bit_cast<double>(n.value)));
    if (n.kind == Operand::f32_bits && v.type == Type::f64)
      bits = std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(n.value))));
  }
  if (v.init.size() > (size_t(1) << 28)) c_.fail("a smaller initialiser");
  for (unsigned k = 0; k < bytes; ++k) v.init.push_back(uint8_t(k < 8 ? bits >> (8 * k) : 0));
}

}  // namespace sim::ptx

// Recursive descent over PTX: module.cc reads directives and variables, function.cc bodies and operands.
#pragma once
#include "cursor.h"

namespace sim::ptx {

class Parser {
 public:
  explicit Parser(std::string_view text) : c_(text) {}
  Module module();

 private:
  // module.cc
  void directive();
  void linkage_item(bool external);
  void file();
  void section();
  Type type();
  Variable variable(Space space, bool external);  // after the space: alignment, type, name, extents
  void initialiser(Variable& v);
  void initial_values(Variable& v);
  void initial_value(Variable& v);

  // function.cc
  void function(bool entry);
  std::vector<Variable> parameters();
  void function_directives(Function& f);
  void body(Function& f, int parent);
  void statement(Function& f, uint32_t scope);
  void declare_registers(Function& f, uint32_t scope);
  void branch_targets(Function& f, uint32_t scope, const std::string& label);
  void instruction(Function& f, uint32_t scope);
  Opcode opcode();
  Operand operand(const Function& f, uint32_t scope);
  Operand named(const Function& f, uint32_t scope);
  Operand address(const Function& f, uint32_t scope);
  Operand list(const Function& f, uint32_t scope, char close);
  int64_t find_register(const Function& f, uint32_t scope, std::string_view name) const;

  Cursor c_;
  Module m_;
  uint32_t file_ = 0, source_line_ = 0;
  unsigned depth_ = 0;
};

}  // namespace sim::ptx

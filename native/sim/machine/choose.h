// Which row an instruction of the text takes: operands made flat, rows tried in order.
#pragma once
#include <string>
#include <unordered_map>

#include "row.h"

namespace sim {

void no_semantics(Warp& w, const Instr& in);  // the handler of an instruction without a row: a trap

struct Choice {
  Handler fn = no_semantics;
  const Row* row = nullptr;
  std::vector<Flat> operands;
  uint64_t aux = 0;
  bool may_block = true;  // a trap ends the run as well
};

class Chooser {
 public:
  Choice choose(const ptx::Function& f, const ptx::Instruction& in);

 private:
  std::unordered_map<std::string, std::vector<const Row*>> found_;  // by opcode and operand count
};

// bra, call and the like name places in their operands, not values.
bool is_flow(const ptx::Instruction& in);
std::string at(const ptx::Instruction& in);  // "PTX line N: "

}  // namespace sim

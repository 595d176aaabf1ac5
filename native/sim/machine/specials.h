// Special registers by name (PTX 9.1 #special-registers).
#pragma once
#include "program.h"

namespace sim {

struct Special {
  Init::Kind kind;
  uint8_t bits = 32;          // 1: predicate
  Handler dynamic = nullptr;  // read when executed: clocks, operand 0 is the result
};
const Special* special_of(const std::string& name);

}  // namespace sim

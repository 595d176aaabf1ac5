// Runs instructions of the list of forms (fixtures/isa/forms.txt) as they stand there: a kernel that fills the registers the
// instruction names, executes it in every lane, and stores the registers and the memory it names.
#pragma once
#include "forms.h"
#include "gpu.h"

namespace sim::testing {

// Registers of an instruction's text in order, without the percent sign: "r0", "q1"; `operand` counts from 0.
std::vector<std::string> registers_of(const std::string& operand);
std::vector<std::string> operands_of(const std::string& instruction);
unsigned bytes_of_register(const std::string& name);  // h 2, r 4, q 8, x 16

// Lanes of one warp: each has 64 bytes of memory in a space, and 16 registers of 16 bytes that go in and come out.
struct FormKernel {
  static constexpr unsigned LANE_BYTES = 64, SLOTS = 16;
  struct Lane {
    uint8_t memory[LANE_BYTES], slot[SLOTS][16];
  };
  const PtxForm& form;
  std::string space;                 // "global", "shared", "local"; "const": the same memory for all lanes
  std::string address;               // the register that holds the memory's address
  std::vector<std::string> in, out;  // registers filled from and stored to the slots, in order
  // The lanes as the instruction leaves them. `before`: instructions in front of it.
  std::vector<Lane> run(const std::vector<Lane>& lanes, const std::string& before = "") const;
};

}  // namespace sim::testing

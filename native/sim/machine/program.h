// A kernel made ready to run: it and all device functions it reaches, as one vector of instructions.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "../parse/ptx.h"
#include "instr.h"
#include "row.h"

namespace sim {

struct Program;

// What traps and rare paths want of an instruction.
struct InstrInfo {
  const ptx::Instruction* text = nullptr;
  const ptx::Function* function = nullptr;
  Handler own = nullptr;           // the row's
  Handler behind_guard = nullptr;  // gathered() or the row's
  Handler behind_late = nullptr;   // what uses_late_result() goes on to
  std::vector<const Instr*> late;  // whose results it may touch before they are there (hazard.h)
  std::unique_ptr<struct WarpgroupRegisters> warpgroup;  // and registers that wgmma works on
  Slot guard;
  bool guard_negated = false;
  int member_mask = -1;               // flat operand, -1: all lanes of the warp (.aligned)
  const Instr* target = nullptr;      // bra
  const Instr* join = nullptr;        // where lanes that part here meet again
  std::vector<const Instr*> targets;  // brx.idx
  struct CallSite* call = nullptr;
  std::vector<Flat> operands;
  const Row* row = nullptr;
  const Program* program = nullptr;
};

// Bytes of the frame moved at a call: arguments in, results out. Offsets are of local memory.
struct CallSite {
  struct Move {
    uint32_t from, to, bytes;
  };
  const ptx::Function* callee = nullptr;
  const Instr* entry = nullptr;
  std::vector<Move> arguments, results;
};

// Slots filled when a warp starts: special registers, and addresses that depend on the CTA.
struct Init {
  enum Kind : uint8_t {
    tid_x,
    tid_y,
    tid_z,
    ntid_x,
    ntid_y,
    ntid_z,
    ctaid_x,
    ctaid_y,
    ctaid_z,
    nctaid_x,
    nctaid_y,
    nctaid_z,
    laneid,
    warpid,
    nwarpid,
    smid,
    nsmid,
    gridid,
    lanemask_eq,
    lanemask_le,
    lanemask_lt,
    lanemask_ge,
    lanemask_gt,
    clusterid_x,
    clusterid_y,
    clusterid_z,
    nclusterid_x,
    nclusterid_y,
    nclusterid_z,
    cluster_ctaid_x,
    cluster_ctaid_y,
    cluster_ctaid_z,
    cluster_nctaid_x,
    cluster_nctaid_y,
    cluster_nctaid_z,
    cluster_ctarank,
    cluster_nctarank,
    is_explicit_cluster,
    total_smem_size,
    dynamic_smem_size,
    aggr_smem_size,
    shared_address,  // value: offset in the CTA's window
  } kind;
  Slot slot;
  bool wide = false;
  uint64_t value = 0;
};

struct Program {
  std::shared_ptr<const ptx::Module> module;
  const ptx::Function* kernel = nullptr;
  std::vector<Instr> code;
  std::vector<uint32_t>
      run;  // straight-run length from each instruction: up to and including one that may change the flow
  std::vector<uint32_t> counted;  // of those, the PTX's own instructions
  std::vector<std::unique_ptr<InstrInfo>> infos;
  std::vector<std::unique_ptr<CallSite>> calls;
  std::vector<std::unique_ptr<Slot[]>> operand_lists;
  std::vector<uint8_t> constants;
  std::vector<std::unique_ptr<ptx::Instruction>> texts;  // of instructions the text implies (a final ret)
  std::vector<Init> inits;
  uint32_t register_bytes = 0;  // of a warp
  uint32_t local_bytes = 0;     // of a thread: .local variables, the parameters of calls, and the stack
  uint32_t stack_base = 0;      // where in local memory the stack begins, for kernels with alloca
  uint32_t static_shared = 0;   // bytes after the reserved first 1024
  uint32_t param_bytes = 0;
  std::vector<uint32_t> param_offsets;
  bool cancels_launches = false;  // it has a clusterlaunchcontrol.try_cancel
  uint32_t register_peak = 0;  // live 32-bit registers a thread, for cuFuncGetAttribute
};

// Of a thread of a kernel with alloca. (A GPU gives CU_LIMIT_STACK_SIZE, 1 KB by default.)
inline constexpr uint32_t STACK_BYTES = 16 << 10;

// The slots of symbols: where the loader put module-scope variables.
struct Symbols {
  std::map<std::string, uint64_t, std::less<>> global;    // .global and .const: device address
  std::map<std::string, uint64_t, std::less<>> function;  // address of a device function
};

// Throws ptx::ParseError for code that cannot be laid out (unknown label or symbol). An instruction without a
// row becomes a trap.
std::unique_ptr<Program> lower(std::shared_ptr<const ptx::Module> module, const ptx::Function& kernel,
                               const Symbols& symbols);

// Indices into code of instructions that would trap because no row gives them a meaning.
std::vector<std::ptrdiff_t> without_semantics(const Program& p);

inline constexpr uint32_t SHARED_RESERVED =
    1024;  // the hardware's part of the shared window: extern shared is 1024-aligned

}  // namespace sim

// What the parser makes of PTX text: names resolved to declarations, nothing executed yet.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace sim::ptx {

// One row a fundamental or packed type: spelling, bits a value takes in a register. "b1" is mma's; "tf32" and
// the narrow floats only ever name how a wider register is read.
// clang-format off
#define SIM_PTX_TYPES(X)                                                                                      \
  X(b1, 1) X(b8, 8) X(b16, 16) X(b32, 32) X(b64, 64) X(b128, 128) X(b8x2, 16) X(b8x4, 32)                     \
  X(u4, 4) X(u8, 8) X(u16, 16) X(u32, 32) X(u64, 64) X(u16x2, 32)                                             \
  X(s4, 4) X(s8, 8) X(s16, 16) X(s32, 32) X(s64, 64) X(s16x2, 32)                                             \
  X(f16, 16) X(f16x2, 32) X(bf16, 16) X(bf16x2, 32) X(tf32, 32) X(f32, 32) X(f32x2, 64) X(f64, 64) X(pred, 1) \
  X(e4m3, 8) X(e5m2, 8) X(e2m3, 8) X(e3m2, 8) X(e2m1, 4) X(ue8m0, 8) X(ue4m3, 8)                              \
  X(e4m3x2, 16) X(e5m2x2, 16) X(e2m1x2, 8) X(e2m3x2, 16) X(e3m2x2, 16) X(ue8m0x2, 16)                         \
  X(e4m3x4, 32) X(e5m2x4, 32) X(e2m1x4, 16) X(e2m3x4, 32) X(e3m2x4, 32) X(s2f6x2, 16) X(u2, 2) X(s2, 2)
// clang-format on

enum class Type : uint8_t {
#define SIM_PTX_ENUM(name, bits) name,
  SIM_PTX_TYPES(SIM_PTX_ENUM)
#undef SIM_PTX_ENUM
      count
};
unsigned bits_of(Type t);
const char* name_of(Type t);
bool is_float(Type t);   // f16, bf16, f32, f64 and their pairs
bool is_signed(Type t);  // s8..s64
bool type_from(std::string_view name, Type& out);

// "cvt.rn.satfinite.e4m3x2.f32": name "cvt", modifiers {rn, satfinite} in any order, types [e4m3x2, f32] in
// order.
struct Opcode {
  std::string text;                 // as written
  std::vector<std::string> tokens;  // split at '.', "kind::f16" stays whole
  std::vector<Type> types;
  bool has(std::string_view modifier) const;  // is it one of tokens[1..]?
  Type type(size_t k = 0) const { return types.at(k); }
};

struct Operand {
  enum Kind : uint8_t {
    reg,
    integer,
    f32_bits,
    f64_bits,
    special,
    symbol,
    vector,
    address,
    pair,
    sink,
    label
  };
  Kind kind = reg;
  bool negated = false;  // !p
  bool minus = false;    // -a of vmad
  std::string name;      // register, special register ("%tid.x"), symbol, label
  uint64_t value =
      0;  // immediates: the integer, or the literal's bits; registers: index into Function::registers
  std::vector<Operand>
      parts;  // vector {a,b}; pair d|p; address: base, then what follows a comma (tensor coordinates)
  int64_t offset = 0;  // address: constant added to the base; symbol: sym+4
  std::string selector;  // bytes or halves of a register in a video instruction: ".h1"
};

struct Instruction {
  Opcode op;
  std::vector<Operand> operands;
  std::string guard;  // "" or the predicate register of @p / @!p
  bool guard_negated = false;
  int64_t guard_register = -1;
  uint32_t line = 0;                   // 1-based line of the PTX text
  uint32_t scope = 0;                  // index into Function::scopes, where names resolve
  uint32_t file = 0, source_line = 0;  // from .loc; 0 without -lineinfo
};

enum class Space : uint8_t { generic, global, shared, local, constant, param, reg };
const char* name_of(Space s);

struct Variable {
  Space space = Space::global;
  Type type = Type::b8;
  std::string name;
  uint32_t align = 1;
  uint64_t bytes = 0;  // 0 for extern shared[]
  bool external = false;
  std::vector<uint8_t> init;  // may be shorter than bytes: the rest is zero
  struct Reloc {              // an initialiser that is an address
    uint64_t at;
    std::string symbol;
    int64_t addend;
    bool generic;
    unsigned bytes;
  };
  std::vector<Reloc> relocs;
  bool initialised = false;  // an initialiser was written
  uint32_t line = 0;
};

// { } nest; names of registers, local and param variables and labels are looked up outwards.
struct Family {  // .reg .b32 %r<8> declares %r0..%r7
  Type type;
  uint32_t count, first;
  bool single;  // .reg .b32 x
};
struct Scope {
  int parent = -1;
  std::map<std::string, Family, std::less<>> regs;
  std::map<std::string, Variable, std::less<>> vars;
  std::map<std::string, size_t, std::less<>> labels;                     // index into Function::body
  std::map<std::string, std::vector<std::string>, std::less<>> targets;  // .branchtargets of brx.idx
  std::map<std::string, std::string, std::less<>> prototypes;            // .callprototype, as written
};

struct Function {
  std::string name;
  bool entry = false;
  bool defined = false;  // false: declared only
  std::vector<Variable> params;
  std::vector<Variable> returns;  // device functions; nvcc writes at most one
  std::vector<Scope> scopes;      // [0] is the body
  std::vector<Type> registers;    // of all scopes
  std::vector<Instruction> body;
  std::map<std::string, std::vector<uint64_t>, std::less<>>
      directives;  // maxntid, reqntid, minnctapersm, reqnctapercluster ...
  uint32_t line = 0;

  const Variable* variable(uint32_t scope,
                           std::string_view name) const;  // from the scope outwards, then parameters
  const size_t* label(uint32_t scope, std::string_view name) const;
  const std::vector<std::string>* targets(uint32_t scope, std::string_view name) const;
};

struct Module {
  std::string version, target;
  std::vector<std::string> lines;         // the source, for traps
  std::map<uint32_t, std::string> files;  // .file
  std::vector<Variable> globals;          // global, const and module-scope shared
  std::vector<Function> functions;
  const Function* function(std::string_view name) const;
};

// Throws ParseError, one sentence with the line, for text that is not PTX as this machine knows it.
struct ParseError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
Module parse(std::string_view text);
std::string print(const Module& m);  // PTX text again: parse(print(parse(t))) says the same as parse(t)

}  // namespace sim::ptx

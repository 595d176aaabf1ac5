#include "isa_row.h"

#include "test.h"

#include <stdexcept>

namespace sim::isa_test {

std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
void fail(const std::string& sentence) { throw Failure(sentence); }

namespace {
constexpr unsigned COUNT = 24;
// bytes of a slot of each class
unsigned slot_bytes(char cls) {
  return cls == 'p' ? 4 : cls == 'q' ? 8 * LANES : cls == 'x' ? 16 * LANES : 4 * LANES;
}
unsigned width_of(char cls) {
  return cls == 'p' ? 1 : cls == 'b' ? 8 : cls == 'h' ? 16 : cls == 'r' ? 32 : cls == 'q' ? 64 : 128;
}
constexpr char CLASSES[] = "pbhrqx";
}  // namespace

uint32_t Registers::offset(char cls, unsigned k) {
  uint32_t at = 0;
  for (char c : std::string(CLASSES)) {
    if (c == cls) return at + k * slot_bytes(c);
    at += (COUNT * slot_bytes(c) + 63) / 64 * 64;
  }
  fail(std::string("expected a register class, got ") + cls);
}
Registers::Registers() : bytes_(offset('x', COUNT) + 64) {
  shift_ = (64 - reinterpret_cast<uintptr_t>(bytes_.data()) % 64) % 64;
  warp.bank[0] = data();
}
uint64_t Registers::get(const char* reg, unsigned lane) {
  const unsigned k = unsigned(std::atoi(reg + 1));
  if (*reg == 'p') return p(k) >> lane & 1;
  if (*reg == 'q') return q(k)[lane];
  return at<uint32_t>(*reg, k)[lane];
}
void Registers::set(const char* reg, unsigned lane, uint64_t v) {
  const unsigned k = unsigned(std::atoi(reg + 1));
  if (*reg == 'p')
    p(k) = (p(k) & ~(1u << lane)) | uint32_t(v & 1) << lane;
  else if (*reg == 'q')
    q(k)[lane] = v;
  else
    at<uint32_t>(*reg, k)[lane] =
        width_of(*reg) >= 32 ? uint32_t(v) : uint32_t(v) & ((1u << width_of(*reg)) - 1);
}

struct Prepared::Text {
  ptx::Module module;
};
Prepared::~Prepared() = default;

Prepared::Prepared(const std::string& text) {
  std::string source = ".version 9.0\n.target sm_100a\n.address_size 64\n.visible .entry k()\n{\n";
  source +=
      ".reg .pred %p<24>; .reg .b8 %b<24>; .reg .b16 %h<24>; .reg .b32 %r<24>; .reg .b64 %q<24>; .reg .b128 "
      "%x<24>;\n";
  source += text + ";\nret;\n}\n";
  text_ = std::make_unique<Text>(Text{ptx::parse(source)});
  const ptx::Function& f = text_->module.functions.at(0);
  const ptx::Instruction& in = f.body.at(0);
  Form form{in, in.op, {}, 0, false, true};
  std::vector<uint64_t> where;  // register offset, or ~0 for an immediate
  const bool wide = !in.op.types.empty() && ptx::bits_of(in.op.types.back()) >= 64;
  auto flatten = [&](auto& self, const ptx::Operand& o, uint8_t written, bool address) -> void {
    using K = ptx::Operand;
    if (o.kind == K::vector || o.kind == K::pair || o.kind == K::address) {
      for (size_t k = 0; k < o.parts.size(); ++k)
        self(self, o.parts[k], written, o.kind == K::address && k == 0);
      return;
    }
    Flat flat;
    flat.written = written, flat.address = address;
    if (o.kind == K::reg) {
      const ptx::Type t = f.registers[o.value];
      flat.kind = t == ptx::Type::pred ? Flat::pred : Flat::reg;
      flat.bits = uint8_t(ptx::bits_of(t));
      where.push_back(Registers::offset(o.name[1], unsigned(std::atoi(o.name.c_str() + 2))));
    } else if (o.kind == K::sink) {
      flat.kind = Flat::sink;
      where.push_back(Registers::offset('q', COUNT - 1));
    } else {
      flat.kind = Flat::imm;
      flat.imm_bits = wide ? 64 : 32;
      flat.value = o.value;
      where.push_back(~uint64_t(0));
    }
    form.operand.push_back(flat);
  };
  for (size_t k = 0; k < in.operands.size(); ++k) flatten(flatten, in.operands[k], uint8_t(k), false);
  for (const Row* candidate : Rows::get().find(in)) {
    Form tried = form;
    fn_ = candidate->select(tried);
    if (!fn_) continue;
    form.operand = tried.operand, form.aux = tried.aux;
    row = candidate;
    break;
  }
  if (!fn_) return;
  testing::forms_seen().insert(in.op.text);
  constants_.resize(form.operand.size() * 8 * LANES);
  for (size_t k = 0; k < form.operand.size(); ++k) {
    if (where[k] != ~uint64_t(0)) {
      slots_.push_back(Slot{uint32_t(where[k])});
      continue;
    }
    const Flat& o = form.operand[k];
    for (unsigned l = 0; l < LANES; ++l)
      std::memcpy(&constants_[k * 8 * LANES + l * (o.imm_bits / 8)], &o.value, o.imm_bits / 8);
    slots_.push_back(Slot{uint32_t(k * 8 * LANES) | 1});
  }
  for (size_t k = 0; k < slots_.size() && k < 6; ++k) instr_.op[k] = slots_[k];
  instr_.more = slots_.data();
  instr_.aux = form.aux;
}
void Prepared::run(Registers& regs, uint32_t exec) const {
  regs.warp.bank[1] = const_cast<uint8_t*>(constants_.data());
  regs.warp.exec = exec;
  fn_(regs.warp, instr_);
}

void check_row(const std::string& text, const char* dst, const std::vector<const char*>& src, unsigned rounds,
               const Values& gen, const Want& want) {
  Prepared prepared(text);
  if (!prepared.found()) fail("expected a row for '" + text + "', found none");
  std::mt19937 masks(7);
  Registers regs;
  for (unsigned round = 0; round < rounds; ++round) {
    const uint32_t exec = round % 2 ? uint32_t(masks()) | 1u << masks() % 32 : ALL;
    std::vector<uint64_t> in(LANES * src.size() + 1);  // a form may have constants only
    uint64_t before[LANES];
    for (unsigned l = 0; l < LANES; ++l) {
      regs.set(dst, l, 0x5a5a5a5a5a5a5a5aull + l), before[l] = regs.get(dst, l);
      for (unsigned s = 0; s < src.size(); ++s)
        regs.set(src[s], l, gen(s, round, l)), in[l * src.size() + s] = regs.get(src[s], l);
      // a source that is the destination too
      before[l] = regs.get(dst, l);
    }
    prepared.run(regs, exec);
    for (unsigned l = 0; l < LANES; ++l) {
      const bool on = exec >> l & 1;
      const uint64_t* s = &in[l * src.size()];
      const uint64_t wanted = on ? want(s) : before[l], got = regs.get(dst, l);
      if (got == wanted) continue;
      std::string sentence = text + ", lane " + std::to_string(l) + (on ? "" : " (off)") + ":";
      for (unsigned k = 0; k < src.size(); ++k) sentence += std::string(" ") + src[k] + "=" + hex(s[k]);
      fail(sentence + ": expected " + hex(wanted) + ", got " + hex(got));
    }
  }
}

uint64_t hard_bits(std::mt19937_64& rng, unsigned width) {
  const uint64_t mask = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  const uint64_t r = rng();
  uint64_t v;
  switch (r % 8) {
    case 0:
      v = uint64_t(1) << (r >> 8) % width;
      break;
    case 1:
      v = (uint64_t(1) << (r >> 8) % width) - 1;
      break;
    case 2:
      v = 0 - (uint64_t(1) << (r >> 8) % width);
      break;
    case 3:
      v = (r >> 8) % 5;
      break;
    case 4:
      v = 0 - ((r >> 8) % 5);
      break;
    default:
      v = rng() >> (r >> 8) % 64;
      break;
  }
  return v & mask;
}
uint32_t hard_f32(std::mt19937_64& rng) {
  const uint64_t r = rng();
  const uint32_t sign = uint32_t(r >> 60 & 1) << 31, m = uint32_t(r >> 8) & 0x7fffff;
  switch (r % 12) {
    case 0: {
      static constexpr uint32_t special[] = {0, 0x7f800000, 0x7fc00000, 0x7f800001, 0x3f800000,
                                             1, 0x7fffff,   0x800000,   0x7f7fffff, 0x7fffffff};
      return sign | special[(r >> 8) % 10];
    }
    case 1:
      return sign | m;  // subnormal
    case 2:
      return sign | uint32_t(rng() % 255) << 23 | m;  // any exponent
    case 3:
      return sign | uint32_t(rng() % 255) << 23 | (m & 0x7ff000) | 0x1000 |
             (r >> 50 & 1);  // near ties of f16
    case 4:
      return sign | uint32_t(rng() % 255) << 23 | (m & 0x7f0000) | 0x8000 | (r >> 50 & 1);  // of bf16
    case 5:
      return sign | uint32_t(100 + rng() % 50) << 23 | (m & 0x780000) |
             (r >> 49 & 3) << 17;  // of the 8-bit formats
    case 6:
      return sign | uint32_t(100 + rng() % 50) << 23 | ((m & 0x700000) | 0x80000);
    default:
      return sign | uint32_t(117 + rng() % 20) << 23 | m;
  }
}
uint64_t hard_f64(std::mt19937_64& rng) {
  const uint64_t r = rng();
  switch (r % 6) {
    case 0: {
      static constexpr uint64_t special[] = {0, 0x7ff0000000000000, 0x3ff0000000000000,
                                             1, 0xfffffffffffff,    0x7fefffffffffffff};
      return (r & uint64_t(1) << 63) | special[(r >> 8) % 6];
    }
    case 1:
      return (r & uint64_t(1) << 63) | uint64_t(rng() % 2047) << 52 | (rng() & 0xfffffffffffff);
    default:
      return __builtin_bit_cast(uint64_t, double(__builtin_bit_cast(float, hard_f32(rng) & 0xbfffffff))) ^
             (r >> 40 & (r >> 30 & 1 ? 0xfffff : 0));
  }
}
Values random_values(std::vector<unsigned> widths, uint64_t seed) {
  auto rng = std::make_shared<std::mt19937_64>(seed);
  return [=](unsigned s, unsigned, unsigned) { return hard_bits(*rng, widths.at(s)); };
}
Values random_f32(uint64_t seed) {
  auto rng = std::make_shared<std::mt19937_64>(seed);
  return [=](unsigned, unsigned, unsigned) { return uint64_t(hard_f32(*rng)); };
}

}  // namespace sim::isa_test

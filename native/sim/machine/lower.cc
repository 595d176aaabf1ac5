// From parsed functions to a Program: choose each instruction's row, give registers slots, resolve operands,
// lay out joins.
#include <algorithm>
#include <cstring>

#include "choose.h"
#include "flow.h"
#include "hazard.h"
#include "layout.h"
#include "paths.h"
#include "specials.h"

namespace sim {

using ptx::Function;
using ptx::Instruction;
using ptx::Operand;
using ptx::ParseError;

namespace {

void meet(Warp& w, const Instr& in) {
  if (w.state->path().join) w.state->meet(&in);
}
void not_pred(Warp& w, const Instr& in) { w.pred(in, 0) = ~w.pred(in, 1); }

class Lowering {
 public:
  Lowering(std::shared_ptr<const ptx::Module> module, const Function& kernel, const Symbols& symbols)
      : p_(std::make_unique<Program>()), symbols_(symbols), layout_(*module, kernel) {
    p_->module = std::move(module), p_->kernel = &kernel;
  }
  std::unique_ptr<Program> run() {
    p_->static_shared = layout_.static_shared;
    p_->param_bytes = layout_.param_bytes;
    p_->param_offsets = layout_.param_offsets;
    p_->local_bytes = layout_.local_bytes, p_->stack_base = layout_.stack_base;
    slots_.begin();
    for (const Function* f : layout_.functions) function(*f);
    finish();
    return std::move(p_);
  }

 private:
  using Key = std::pair<const Function*, uint32_t>;

  // ---- one function
  void function(const Function& f) {
    std::vector<Choice> choices;
    std::vector<Touch> touch;
    for (const Instruction& in : f.body) {
      choices.push_back(chooser_.choose(f, in));
      const Row* row = choices.back().row;
      touch.push_back(touch_of(in, row ? row->operands.dst : 0, row && row->operands.updates));
    }
    Flow flow = flow_of(f);
    slots_.assign(f, liveness(f, flow, touch));
    std::vector<bool> joins(flow.blocks.size());
    for (const Block& b : flow.blocks)
      if (b.post >= 0 && b.next.size() > 1) joins[size_t(b.post)] = true;
    first_[&f] = p_->code.size();
    std::vector<size_t> block_at(flow.blocks.size()), at(f.body.size());
    for (size_t b = 0; b < flow.blocks.size(); ++b) {
      block_at[b] = p_->code.size();
      if (joins[b]) pseudo(meet, f, &f.body[flow.blocks[b].begin], {}, true);
      for (uint32_t i = flow.blocks[b].begin; i < flow.blocks[b].end; ++i)
        emit(f, f.body[i], choices[i]), at[i] = p_->code.size() - 1;
    }
    const auto late = late_uses(f, flow, touch);
    for (uint32_t i = 0; i < late.size(); ++i)
      if (!late[i].empty()) {
        late_.push_back({at[i], {}});
        for (uint32_t k : late[i]) late_.back().second.push_back(at[k]);
      }
    auto warpgroup = warpgroup_uses(f, touch, warpgroup_registers_);
    for (uint32_t i = 0; i < warpgroup.size(); ++i)
      if (warpgroup[i]) {
        const_cast<InstrInfo*>(p_->code[at[i]].info)->warpgroup = std::move(warpgroup[i]);
        if (late[i].empty()) late_.push_back({at[i], {}});
      }
    bool open = f.body.empty() || flow.blocks.back().exits || !ends(f.body.back());
    if (open) {  // runs off the end: an implicit ret
      implicit_.push_back(std::make_unique<Instruction>());
      Instruction& ret = *implicit_.back();
      ret.op.text = "ret", ret.op.tokens = {"ret"}, ret.line = f.body.empty() ? f.line : f.body.back().line;
      emit(f, ret, chooser_.choose(f, ret));
    }
    for (const auto& [index, in] : branches_) {
      Fix fix{index, {}, ~size_t(0)};
      const Block& b = flow.blocks[flow.block_of[size_t(in - f.body.data())]];
      auto to = [&](const std::string& name) {
        size_t target = *f.label(in->scope, name);
        return target >= f.body.size() ? p_->code.size() - 1 : block_at[flow.block_of[target]];
      };
      if (in->op.tokens[0] == "bra")
        fix.targets.push_back(to(in->operands[0].name));
      else
        for (const std::string& name : *f.targets(in->scope, in->operands[1].name))
          fix.targets.push_back(to(name));
      if (b.post >= 0) fix.join = block_at[size_t(b.post)];
      fixes_.push_back(fix);
    }
    branches_.clear();
  }

  static bool ends(const Instruction& in) {
    const std::string& m = in.op.tokens[0];
    return in.guard.empty() && (m == "ret" || m == "exit" || m == "bra" || m == "brx" || m == "trap");
  }

  InstrInfo& add(Handler fn, const Function& f, const Instruction* text, const std::vector<Slot>& operands,
                 bool ends_run, bool counts) {
    p_->infos.push_back(std::make_unique<InstrInfo>());
    InstrInfo& info = *p_->infos.back();
    info.text = text, info.function = &f, info.program = p_.get();
    info.own = info.behind_guard = fn;
    Instr i;
    i.fn = fn, i.info = &info;
    p_->operand_lists.push_back(std::make_unique<Slot[]>(std::max<size_t>(operands.size(), 1)));
    Slot* all = p_->operand_lists.back().get();
    for (size_t k = 0; k < operands.size(); ++k) {
      all[k] = operands[k];
      if (k < 6) i.op[k] = operands[k];
    }
    i.more = all;
    p_->code.push_back(i);
    ends_run_.push_back(ends_run);
    counts_.push_back(counts);
    return info;
  }
  void pseudo(Handler fn, const Function& f, const Instruction* text, const std::vector<Slot>& operands,
              bool ends_run, uint64_t aux = 0) {
    add(fn, f, text, operands, ends_run, false);
    p_->code.back().aux = aux;
  }

  void emit(const Function& f, const Instruction& in, const Choice& c) {
    std::vector<Slot> slots;
    std::vector<int32_t> offsets;
    size_t k = 0;
    unsigned temps = 0;
    auto resolve = [&](auto& self, const Operand& o) -> void {
      if (o.kind == Operand::vector || o.kind == Operand::pair || o.kind == Operand::address) {
        if (o.kind == Operand::address) {
          const Operand& base = o.parts[0];
          if (o.offset != int32_t(o.offset))
            throw ParseError(at(in) + "expected an address constant of 32 bits, found " +
                             std::to_string(o.offset));
          offsets.push_back(base.kind == Operand::symbol ? 0 : int32_t(o.offset));
          if (base.kind == Operand::symbol) {
            Operand with = base;
            with.offset += o.offset;
            self(self, with);
            for (size_t i = 1; i < o.parts.size(); ++i) self(self, o.parts[i]);
            return;
          }
        }
        for (const Operand& part : o.parts) self(self, part);
        return;
      }
      slots.push_back(slot_of(f, in, o, c.operands.at(k++), temps));
    };
    for (const Operand& o : in.operands)
      if (!(is_flow(in) && o.kind != Operand::reg)) resolve(resolve, o);
    bool warp = c.row && (c.row->scope == Scope::WARP || c.row->scope == Scope::WARPGROUP);
    InstrInfo& info = add(c.fn, f, &in, slots, c.may_block || warp, true);
    Instr& i = p_->code.back();
    i.aux = c.aux;
    for (size_t n = 0; n < 2 && n < offsets.size(); ++n) i.offset[n] = offsets[n];
    info.operands = c.operands, info.row = c.row;
    if (warp) {
      int written = c.row->operands.member_mask;
      if (written < -1) written = int(in.operands.size()) + written + 1;
      for (size_t n = 0; n < c.operands.size() && written >= 0; ++n)
        if (c.operands[n].written == written) info.member_mask = int(n);
      i.fn = info.behind_guard = gathered;
    }
    if (in.guard_register >= 0) {
      info.guard = slots_.of(uint32_t(in.guard_register));
      info.guard_negated = in.guard_negated;
      i.fn = guarded;
    }
    const std::string& m = in.op.tokens[0];
    if (m == "bra" || m == "brx") branches_.emplace_back(p_->code.size() - 1, &in);
    if (m == "call") call_site(f, in, info);
    p_->cancels_launches |= m == "clusterlaunchcontrol" && in.op.has("try_cancel");
  }

  void call_site(const Function& f, const Instruction& in, InstrInfo& info) {
    size_t name = 0;
    const Operand *results = nullptr, *arguments = nullptr;
    if (in.operands[0].kind == Operand::vector) results = &in.operands[name++];
    if (name + 1 < in.operands.size() && in.operands[name + 1].kind == Operand::vector)
      arguments = &in.operands[name + 1];
    if (name >= in.operands.size() || in.operands[name].kind != Operand::symbol)
      return;  // through a register: the row traps
    const Function* callee = p_->module->function(in.operands[name].name);
    if (!callee)
      throw ParseError(at(in) + "expected a function of this module, found '" + in.operands[name].name + "'");
    p_->calls.push_back(std::make_unique<CallSite>());
    CallSite& site = *p_->calls.back();
    site.callee = callee;
    auto moves = [&](const Operand* actual, const std::vector<ptx::Variable>& formal, bool out,
                     std::vector<CallSite::Move>& list) {
      size_t n = actual ? actual->parts.size() : 0;
      if (n != formal.size())
        throw ParseError(at(in) + "expected " + std::to_string(formal.size()) + " parameters for " +
                         callee->name + ", found " + std::to_string(n));
      for (size_t k = 0; k < n; ++k) {
        const ptx::Variable* v = f.variable(in.scope, actual->parts[k].name);
        if (!v || actual->parts[k].kind != Operand::symbol)
          throw ParseError(at(in) + "expected a .param variable as parameter of a call");
        uint32_t here = layout_.local_offset(v), there = layout_.local_offset(&formal[k]);
        list.push_back(
            {out ? there : here, out ? here : there, uint32_t(std::min(v->bytes, formal[k].bytes))});
      }
    };
    if (callee->defined)
      moves(arguments, callee->params, false, site.arguments),
          moves(results, callee->returns, true, site.results);
    else {  // one that the machine knows by name: where its parameters are
      auto places = [&](const Operand* actual, auto add) {
        if (!actual) return;
        for (const Operand& o : actual->parts)
          if (const ptx::Variable* v = f.variable(in.scope, o.name)) add(layout_.local_offset(v), uint32_t(v->bytes));
      };
      places(arguments, [&](uint32_t at, uint32_t bytes) { site.arguments.push_back({at, 0, bytes}); });
      places(results, [&](uint32_t at, uint32_t bytes) { site.results.push_back({0, at, bytes}); });
    }
    info.call = &site;
  }

  Slot slot_of(const Function& f, const Instruction& in, const Operand& o, const Flat& flat,
               unsigned& temps) {
    switch (o.kind) {
      case Operand::reg: {
        Slot s = slots_.of(uint32_t(o.value));
        if (!o.negated) return s;
        Slot t = slots_.temporary(temps++);
        pseudo(not_pred, f, &in, {t, s}, false);
        return t;
      }
      case Operand::sink: return slots_.sink();
      case Operand::special: {
        const Special* s = special_of(o.name);
        if (s->dynamic) {
          Slot t = slots_.temporary(temps++);
          pseudo(s->dynamic, f, &in, {t}, false);
          return t;
        }
        return init({s->kind, {}, s->bits == 64, 0}, o.name);
      }
      case Operand::symbol: return symbol(f, in, o, flat);
      default: return constant(flat.value, flat.imm_bits);
    }
  }

  Slot symbol(const Function& f, const Instruction& in, const Operand& o, const Flat& flat) {
    if (const ptx::Variable* v = f.variable(in.scope, o.name)) {
      if (v->space == ptx::Space::local)
        return constant(layout_.local_offset(v) + uint64_t(o.offset), flat.bits);
      if (v->space == ptx::Space::param) {
        uint64_t base = layout_.kernel_param(v);
        return constant(
            (base != ~uint64_t(0) ? base : FRAME_PARAM + layout_.local_offset(v)) + uint64_t(o.offset),
            flat.bits);
      }
      return init({Init::shared_address, {}, flat.bits == 64, layout_.shared_offset(v) + uint64_t(o.offset)},
                  o.name);
    }
    if (const ptx::Variable* v = layout_.module_shared(o.name))
      return init({Init::shared_address, {}, flat.bits == 64, layout_.shared_offset(v) + uint64_t(o.offset)},
                  o.name);
    if (auto g = symbols_.global.find(o.name); g != symbols_.global.end())
      return constant(g->second + uint64_t(o.offset), 64);
    if (auto g = symbols_.function.find(o.name); g != symbols_.function.end()) return constant(g->second, 64);
    throw ParseError(at(in) + "expected a variable, function or label, found '" + o.name + "'");
  }

  Slot constant(uint64_t value, unsigned bits) {
    auto [it, fresh] = constants_.try_emplace({value, bits > 32}, Slot{});
    if (fresh) {
      size_t from = p_->constants.size();
      unsigned size = bits > 32 ? 8 : 4;
      p_->constants.resize(from + size * LANES);
      for (unsigned l = 0; l < LANES; ++l) std::memcpy(&p_->constants[from + l * size], &value, size);
      it->second = Slot{uint32_t(from) | 1};
    }
    return it->second;
  }
  Slot init(Init i, const std::string& name) {
    auto key = std::make_tuple(name, i.wide, i.value);
    auto it = inits_.find(key);
    if (it == inits_.end()) {
      i.slot = slots_.permanent(i.wide ? 64 : 32);
      p_->inits.push_back(i);
      it = inits_.emplace(key, i.slot).first;
    }
    return it->second;
  }

  // ---- the whole
  void finish() {
    std::vector<Instr>& code = p_->code;
    for (const Fix& fix : fixes_) {
      auto* info = const_cast<InstrInfo*>(code[fix.at].info);
      for (size_t t : fix.targets) info->targets.push_back(&code[t]);
      info->target = info->targets.empty() ? nullptr : info->targets[0];
      if (fix.join != ~size_t(0)) info->join = &code[fix.join];
    }
    for (const auto& info : p_->infos)
      if (info->call && info->call->callee->defined) info->call->entry = &code[first_.at(info->call->callee)];
    for (const auto& [k, by] : late_) {
      auto* info = const_cast<InstrInfo*>(code[k].info);
      for (size_t b : by) info->late.push_back(&code[b]);
      info->behind_late = code[k].fn;
      code[k].fn = uses_late_result;
    }
    p_->run.resize(code.size());
    p_->counted.resize(code.size());
    for (size_t k = code.size(); k-- > 0;) {
      bool last = ends_run_[k] || k + 1 == code.size();
      p_->run[k] = 1 + (last ? 0 : p_->run[k + 1]);
      p_->counted[k] = counts_[k] + (last ? 0 : p_->counted[k + 1]);
    }
    slots_.finish(*p_);
    p_->texts = std::move(implicit_);
  }

  struct Fix {
    size_t at;
    std::vector<size_t> targets;
    size_t join;
  };
  std::unique_ptr<Program> p_;
  const Symbols& symbols_;
  Layout layout_;
  Slots slots_;
  Chooser chooser_;
  std::map<std::pair<uint64_t, bool>, Slot> constants_;
  std::map<std::tuple<std::string, bool, uint64_t>, Slot> inits_;
  std::vector<bool> ends_run_, counts_;
  std::vector<std::pair<size_t, const Instruction*>> branches_;
  std::vector<Fix> fixes_;
  std::vector<std::pair<size_t, std::vector<size_t>>> late_;  // an instruction, and whose results it may touch early
  uint32_t warpgroup_registers_ = 0;  // that wgmma works on
  std::map<const Function*, size_t> first_;
  std::vector<std::unique_ptr<Instruction>> implicit_;
};

}  // namespace

std::vector<std::ptrdiff_t> without_semantics(const Program& p) {
  std::vector<std::ptrdiff_t> out;
  for (size_t k = 0; k < p.code.size(); ++k)
    if (p.code[k].info->own == no_semantics) out.push_back(std::ptrdiff_t(k));
  return out;
}

std::unique_ptr<Program> lower(std::shared_ptr<const ptx::Module> module, const Function& kernel,
                               const Symbols& symbols) {
  return Lowering(std::move(module), kernel, symbols).run();
}

}  // namespace sim

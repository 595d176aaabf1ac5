// What sm_100a's kernels may name and this machine does not do, chapter by chapter, each with its reason. The
// reason ends the launch as the sentence "<opcode> is not executed here: <reason>".
#include "refused.h"

#include "../machine/program.h"
#include "../machine/warp.h"
#include "chapters.h"
#include "select.h"

namespace sim {

void refuse(Warp& w, const Instr& in) {
  const ptx::Opcode* op = in.info ? &in.info->text->op : nullptr;
  trap(w, in, (op ? op->text : "this instruction") + " is not executed here: " + reason_of(refuse, in.aux));
}

namespace refused_chapter {
namespace {

const char* const MULTIMEM =
    "a multimem address is one object of several GPUs, and this machine is one GPU without a multicast object";
const char* const TEXTURE = "textures, samplers and surfaces do not exist on this machine";
const char* const BLOCK_SCALE =
    "mma.sync with block scale exists on sm_120a only; sm_100a scales blocks in tcgen05.mma";
const char* const VOLTA =
    "mma.m8n8k4 with .f16 is Volta's quad-pair form, which no kernel of this project's targets uses";
const char* const NO_SYNC =
    "forms without .sync left the ISA with sm_70: the lanes that take part would be unspecified";
const char* const DEBUGGER = "brkpt suspends the launch for a debugger, and none is attached";

}  // namespace

#define PTX(name) "#" name
void add_rows(Rows& rows) {
  constexpr Scope L = Scope::LANE;
  constexpr Pattern ANY{0, 20, 1}, STORES{0, 20, 0};
  // clang-format off
  //        name                          types     modifiers operands scope select                 anchor
  rows.add({"multimem.ld_reduce",         ANY_TYPE, "*", ANY,    L, refused<MULTIMEM>,     PTX("data-movement-and-conversion-instructions-multimem")});
  rows.add({"multimem",                   ANY_TYPE, "*", STORES, L, refused<MULTIMEM>,     PTX("data-movement-and-conversion-instructions-multimem")});
  rows.add({"tex",                        ANY_TYPE, "*", ANY,    L, refused<TEXTURE>,      PTX("texture-instructions-tex")});
  rows.add({"tld4",                       ANY_TYPE, "*", ANY,    L, refused<TEXTURE>,      PTX("texture-instructions-tld4")});
  rows.add({"txq",                        ANY_TYPE, "*", ANY,    L, refused<TEXTURE>,      PTX("texture-instructions-txq")});
  rows.add({"istypep",                    ANY_TYPE, "*", ANY,    L, refused<TEXTURE>,      PTX("texture-instructions-istypep")});
  rows.add({"suld",                       ANY_TYPE, "*", ANY,    L, refused<TEXTURE>,      PTX("surface-instructions-suld")});
  rows.add({"sust",                       ANY_TYPE, "*", STORES, L, refused<TEXTURE>,      PTX("surface-instructions-sust")});
  rows.add({"sured",                      ANY_TYPE, "*", STORES, L, refused<TEXTURE>,      PTX("surface-instructions-sured")});
  rows.add({"suq",                        ANY_TYPE, "*", ANY,    L, refused<TEXTURE>,      PTX("surface-instructions-suq")});
  rows.add({"mma.sync.aligned.m8n8k4",    types({Type::f16, Type::f32}), "row|col", ANY, L, refused<VOLTA>, PTX("warp-level-matrix-instructions-mma")});
  for (const char* name : {"mma.sync.aligned.m16n8k32.row.col.kind::mxf8f6f4", "mma.sync.aligned.m16n8k64.row.col.kind::mxf4",
                           "mma.sync.aligned.m16n8k64.row.col.kind::mxf4nvf4", "mma.sp::ordered_metadata.sync.aligned.m16n8k64.row.col.kind::mxf8f6f4",
                           "mma.sp::ordered_metadata.sync.aligned.m16n8k128.row.col.kind::mxf4", "mma.sp::ordered_metadata.sync.aligned.m16n8k128.row.col.kind::mxf4nvf4"})
    rows.add({name,                       ANY_TYPE, "*", ANY,    L, refused<BLOCK_SCALE>,  PTX("warp-level-matrix-instructions-mma")});
  for (const char* name : {"vote.all", "vote.any", "vote.uni", "vote.ballot"})
    rows.add({name,                       ANY_TYPE, "",  ANY,    L, refused<NO_SYNC>,      PTX("parallel-synchronization-and-communication-instructions-vote")});
  for (const char* name : {"shfl.up", "shfl.down", "shfl.bfly", "shfl.idx"})
    rows.add({name,                       ANY_TYPE, "",  ANY,    L, refused<NO_SYNC>,      PTX("data-movement-and-conversion-instructions-shfl")});
  rows.add({"brkpt",                      NO_TYPE,  "",  STORES, L, refused<DEBUGGER>,     PTX("miscellaneous-instructions-brkpt")});
  // clang-format on
}
#undef PTX

}  // namespace refused_chapter
}  // namespace sim

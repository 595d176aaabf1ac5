// PTX ISA 9.7.9 shfl and 9.7.13 vote, match, activemask, redux, elect: lanes of a warp that look at one
// another. The machine has gathered the lanes of the member mask: Warp::exec are the participants.
#include "arith.h"
#include "chapters.h"
#include "select.h"

namespace sim::warp_chapter {
namespace {

// out[l] = a[from[l]], from < 32
void permute(const uint32_t* a, const uint32_t* from, uint32_t* out) {
#if SIM_AVX512
  const __m512i lo = _mm512_loadu_si512(a), hi = _mm512_loadu_si512(a + 16);
  for (unsigned k = 0; k < LANES; k += 16)
    _mm512_storeu_si512(out + k, _mm512_permutex2var_epi32(lo, _mm512_loadu_si512(from + k), hi));
#else
  for (unsigned l = 0; l < LANES; ++l) out[l] = a[from[l]];
#endif
}

// shfl: c = segment mask << 8 | clamp. A lane whose source lies outside its segment gets its own value and p
// = false. The value of a lane that does not take part is unpredictable in PTX: here it is whatever that
// lane's register holds.
enum class Mode : uint8_t { up, down, bfly, idx };
template <Mode M, bool PRED>
void shfl(Warp& w, const Instr& in) {
  constexpr unsigned first = PRED ? 2 : 1;
  const uint32_t *b = w.op<uint32_t>(in, first + 1), *c = w.op<uint32_t>(in, first + 2);
  uint32_t from[LANES], inside[LANES], t[LANES];
  SIM_EACH_LANE(l) {
    const uint32_t offset = b[l] & 31, clamp = c[l] & 31, segment = c[l] >> 8 & 31;
    const uint32_t low = l & segment, top = low | (clamp & ~segment);
    uint32_t j, ok;
    if constexpr (M == Mode::up)
      j = l - offset, ok = int32_t(j) >= int32_t(top);
    else if constexpr (M == Mode::down)
      j = l + offset, ok = j <= top;
    else if constexpr (M == Mode::bfly)
      j = l ^ offset, ok = j <= top;
    else
      j = low | (offset & ~segment), ok = j <= top;
    from[l] = ok ? j & 31 : l;
    inside[l] = ok;
  }
  permute(w.op<uint32_t>(in, first), from, t);
  blend(w.op<uint32_t>(in, 0), t, w.exec);
  if (PRED) write_pred(w, w.pred(in, 1), mask_of(inside));
}
template <Mode M>
Handler shfl_of(Form& f) {
  // operands as written: d[|p], a, b, c, membermask
  return f.operand.size() == 6 ? shfl<M, true> : f.operand.size() == 5 ? shfl<M, false> : nullptr;
}

void fill(Warp& w, const Instr& in, uint32_t v) {
  uint32_t t[LANES];
  SIM_EACH_LANE(l) t[l] = v;
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
void vote_all(Warp& w, const Instr& in) {
  write_pred(w, w.pred(in, 0), (w.pred(in, 1) & w.exec) == w.exec ? ALL : 0);
}
void vote_any(Warp& w, const Instr& in) { write_pred(w, w.pred(in, 0), w.pred(in, 1) & w.exec ? ALL : 0); }
void vote_uni(Warp& w, const Instr& in) {
  const uint32_t p = w.pred(in, 1) & w.exec;
  write_pred(w, w.pred(in, 0), p == 0 || p == w.exec ? ALL : 0);
}
void vote_ballot(Warp& w, const Instr& in) { fill(w, in, w.pred(in, 1) & w.exec); }
void activemask(Warp& w, const Instr& in) { fill(w, in, w.exec); }

template <class T>
void match_any(Warp& w, const Instr& in) {
  const T* a = w.op<T>(in, 1);
  uint32_t t[LANES] = {};
  for (unsigned l = 0; l < LANES; ++l) {
    if (!(w.exec >> l & 1)) continue;
    uint32_t m = 0;
    for (unsigned k = 0; k < LANES; ++k) m |= uint32_t(a[k] == a[l]) << k;
    t[l] = m & w.exec;
  }
  blend(w.op<uint32_t>(in, 0), t, w.exec);
}
// all: every participant's value equal gives the mask and p = true, else 0 and false
template <class T, bool PRED>
void match_all(Warp& w, const Instr& in) {
  const T* a = w.op<T>(in, PRED ? 2 : 1);
  const T first = a[w.exec ? __builtin_ctz(w.exec) : 0];
  bool same = true;
  for (unsigned k = 0; k < LANES; ++k) same &= a[k] == first || !(w.exec >> k & 1);
  fill(w, in, same ? w.exec : 0);
  if (PRED) write_pred(w, w.pred(in, 1), same ? ALL : 0);
}
Handler match_any_of(Form& f) {
  fix_width(f, 2, 32);  // the member mask
  return ptx::bits_of(f.type()) == 64 ? match_any<uint64_t> : match_any<uint32_t>;
}
Handler match_all_of(Form& f) {
  const bool p = f.operand.size() == 4, wide = ptx::bits_of(f.type()) == 64;
  fix_width(f, f.operand.size() - 1, 32);
  return wide ? (p ? match_all<uint64_t, true> : match_all<uint64_t, false>)
         : p  ? match_all<uint32_t, true>
              : match_all<uint32_t, false>;
}

// The leader is the lowest participant: deterministic, as PTX asks. d may be a sink.
void elect(Warp& w, const Instr& in) {
  const unsigned leader = unsigned(__builtin_ctz(w.exec));
  fill(w, in, leader);
  write_pred(w, w.pred(in, 1), 1u << leader);
}

template <auto F, class T>
void redux(Warp& w, const Instr& in) {
  const T* a = reinterpret_cast<const T*>(w.op<uint32_t>(in, 1));
  T r{};
  bool first = true;
  for (unsigned l = 0; l < LANES; ++l)
    if (w.exec >> l & 1) r = first ? a[l] : T(F(r, a[l])), first = false;
  fill(w, in, uint32_t(r));
}
template <bool MAX, bool NAN_WINS, bool ABS>
uint32_t extreme_f32(uint32_t a, uint32_t b) {
  const uint32_t keep = ABS ? 0x7fffffffu : ~0u;
  return extreme<MAX, NAN_WINS, false, false>(a & keep, b & keep);
}
template <bool MAX, bool NAN_WINS, bool ABS>
void redux_f32(Warp& w, const Instr& in) {
  const uint32_t* a = w.op<uint32_t>(in, 1);
  uint32_t r = a[__builtin_ctz(w.exec)];
  for (unsigned l = 0; l < LANES; ++l)
    if (w.exec >> l & 1) r = extreme_f32<MAX, NAN_WINS, ABS>(r, a[l]);
  fill(w, in, r);
}
template <bool MAX>
Handler redux_extreme(Form& f) {
  const bool nan = f.has("NaN"), abs = f.has("abs");
  if (f.type() == Type::f32)
    return nan   ? (abs ? redux_f32<MAX, true, true> : redux_f32<MAX, true, false>)
           : abs ? redux_f32<MAX, false, true>
                 : redux_f32<MAX, false, false>;
  if (nan || abs) return nullptr;
  if (f.type() == Type::s32)
    return redux<[](int32_t a, int32_t b) { return (a > b) == MAX ? a : b; }, int32_t>;
  return f.type() == Type::u32
             ? redux<[](uint32_t a, uint32_t b) { return (a > b) == MAX ? a : b; }, uint32_t>
             : nullptr;
}
constexpr auto sum = [](uint32_t a, uint32_t b) { return a + b; };
constexpr auto both = [](uint32_t a, uint32_t b) { return a & b; };
constexpr auto either = [](uint32_t a, uint32_t b) { return a | b; };
constexpr auto differ = [](uint32_t a, uint32_t b) { return a ^ b; };

}  // namespace

#define PTX_MOVE(name) "#data-movement-and-conversion-instructions-" name
#define PTX_SYNC(name) "#parallel-synchronization-and-communication-instructions-" name
void add_rows(Rows& rows) {
  constexpr Scope W = Scope::WARP;
  //  {operands as written: min, max, destinations, member mask}
  constexpr Pattern SHFL{5, 5, 1, 4}, VOTE{3, 3, 1, 2}, ELECT{2, 2, 1, 1};
  constexpr TypeSet int_or_float = I32 | F32_ONLY;
  // clang-format off
  //        name                types         modifiers  operands scope        select                           anchor
  rows.add({"shfl.sync.up",     B32,          "",        SHFL,  W,           shfl_of<Mode::up>,               PTX_MOVE("shfl-sync")});
  rows.add({"shfl.sync.down",   B32,          "",        SHFL,  W,           shfl_of<Mode::down>,             PTX_MOVE("shfl-sync")});
  rows.add({"shfl.sync.bfly",   B32,          "",        SHFL,  W,           shfl_of<Mode::bfly>,             PTX_MOVE("shfl-sync")});
  rows.add({"shfl.sync.idx",    B32,          "",        SHFL,  W,           shfl_of<Mode::idx>,              PTX_MOVE("shfl-sync")});
  rows.add({"vote.sync.all",    PRED,         "",        VOTE,  W,           always<vote_all>,                PTX_SYNC("vote-sync")});
  rows.add({"vote.sync.any",    PRED,         "",        VOTE,  W,           always<vote_any>,                PTX_SYNC("vote-sync")});
  rows.add({"vote.sync.uni",    PRED,         "",        VOTE,  W,           always<vote_uni>,                PTX_SYNC("vote-sync")});
  rows.add({"vote.sync.ballot", B32,          "",        VOTE,  W,           always<vote_ballot>,             PTX_SYNC("vote-sync")});
  rows.add({"match.any.sync",   B32_64,       "",        VOTE,  W,           match_any_of,                    PTX_SYNC("match-sync")});
  rows.add({"match.all.sync",   B32_64,       "",        VOTE,  W,           match_all_of,                    PTX_SYNC("match-sync")});
  rows.add({"activemask",       B32,          "",        D,     Scope::LANE, always<activemask>,              PTX_SYNC("activemask")});
  rows.add({"elect.sync",       NO_TYPE,      "",        ELECT, W,           always<elect>,                   PTX_SYNC("elect-sync")});
  rows.add({"redux.sync.add",   I32,          "",        VOTE,  W,           always<redux<sum, uint32_t>>,    PTX_SYNC("redux-sync")});
  rows.add({"redux.sync.and",   B32,          "",        VOTE,  W,           always<redux<both, uint32_t>>,   PTX_SYNC("redux-sync")});
  rows.add({"redux.sync.or",    B32,          "",        VOTE,  W,           always<redux<either, uint32_t>>, PTX_SYNC("redux-sync")});
  rows.add({"redux.sync.xor",   B32,          "",        VOTE,  W,           always<redux<differ, uint32_t>>, PTX_SYNC("redux-sync")});
  rows.add({"redux.sync.min",   int_or_float, "abs|NaN", VOTE,  W,           redux_extreme<false>,            PTX_SYNC("redux-sync")});
  rows.add({"redux.sync.max",   int_or_float, "abs|NaN", VOTE,  W,           redux_extreme<true>,             PTX_SYNC("redux-sync")});
  // clang-format on
}
#undef PTX_MOVE
#undef PTX_SYNC

}  // namespace sim::warp_chapter

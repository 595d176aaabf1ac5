// PTX ISA 9.7.9 Data Movement: ld, st, cvta, isspacep and their kin. (mov is in move.cc, copies by proxies in
// cp_async.cc.)
#include <cstring>

#include "../machine/layout.h"
#include "../machine/profile.h"
#include "../machine/vector_access.h"
#include "chapters.h"
#include "select.h"

namespace sim::memory_chapter {
namespace {

using Wide = unsigned __int128;

// Instr::aux of ld and st
constexpr uint64_t SPACE = 7, WIDE_ADDRESS = 8, SYNC = 16;  // SYNC: volatile, relaxed, acquire or release
Space space_in(const Instr& in) { return Space(in.aux & SPACE); }

template <class R>
struct Register {  // element type of the slot that holds an R
  using type = std::conditional_t<sizeof(R) <= 4, uint32_t, R>;
};
template <class R>
using Reg = typename Register<R>::type;

// Memory value to register: sign or zero extended to the register's width, the slot's upper bits zero.
template <class T, class R>
Reg<R> extend(T v) {
  return Reg<R>(R(v));
}

template <class V>
void put(Warp& w, V* d, const V* t) {
  if (w.exec == ALL)
    std::memcpy(d, t, LANES * sizeof(V));
  else
    blend(d, t, w.exec);
}

// ---- lane by lane: local memory at odd places, mixed spaces, and whatever ends in a trap
template <class T, class R, unsigned N>
[[gnu::cold]] void load_slowly(Warp& w, const Instr& in, Space space, const uint64_t* a) {
  Reg<R> t[N][LANES];
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    T v[N];
    load(w, in, l, space, a[l], sizeof v, v);
    for (unsigned k = 0; k < N; ++k) t[k][l] = extend<T, R>(v[k]);
  }
  for (unsigned k = 0; k < N; ++k) blend(w.op_any<Reg<R>>(in, k), t[k], w.exec);
}
template <class T, unsigned N, class R>
[[gnu::cold]] void store_slowly(Warp& w, const Instr& in, Space space, const uint64_t* a, unsigned first) {
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    T v[N];
    for (unsigned k = 0; k < N; ++k) v[k] = T(w.op_any<Reg<R>>(in, first + k)[l]);
    store(w, in, l, space, a[l], sizeof v, v);
  }
}

// ---- local memory where all lanes use one address: rows of 32 words lie side by side
bool same_local(Warp& w, uint64_t* a, unsigned bytes, uint64_t& at) {
  uint32_t m = w.exec;
  at = a[__builtin_ctz(m)];
  if ((differing(a, at, 0) & m) || bytes % 4 || at % bytes) return false;
  uint64_t size = w.state->program->local_bytes;
  return at < size && bytes <= size - at;
}
void count_local(Warp& w, Counters::Way way, unsigned bytes) {
  if (Counters* counters = w.cta->cluster->counters)
    counters->bytes[way] += uint64_t(bytes) * unsigned(__builtin_popcount(w.exec));
}
template <class T, class R, unsigned N>
bool load_local(Warp& w, const Instr& in, uint64_t* a) {
  uint64_t at;
  if constexpr (sizeof(T) < 4) {
    return false;
  } else {
    if (!same_local(w, a, sizeof(T) * N, at)) return false;
    count_local(w, Counters::local_load, sizeof(T) * N);
    constexpr unsigned WORDS = sizeof(T) / 4;
    const auto* rows = reinterpret_cast<const uint32_t*>(w.state->local.data()) + at / 4 * LANES;
    if (w.cta->launch->config.check_uninitialised) {
      Shadow shadow(w.state->local_shadow.data());
      if (!shadow.all(at * LANES, sizeof(T) * N * LANES)) {
        if (w.exec == ALL) return false;
        for (unsigned k = 0; k < WORDS * N; ++k)
          for (uint32_t m = w.exec; m; m &= m - 1)
            if (!shadow.all(at * LANES + (k * LANES + unsigned(__builtin_ctz(m))) * 4, 4)) return false;
      }
    }
    for (unsigned k = 0; k < N; ++k, rows += WORDS * LANES) {
      Reg<R> t[LANES];
      SIM_EACH_LANE(l) {
        std::make_unsigned_t<std::conditional_t<sizeof(T) == 16, uint64_t, T>> low = rows[l];
        if constexpr (WORDS == 2) low |= uint64_t(rows[LANES + l]) << 32;
        if constexpr (WORDS == 4) {
          t[l] = Wide(rows[l] | uint64_t(rows[LANES + l]) << 32) |
                 Wide(rows[2 * LANES + l] | uint64_t(rows[3 * LANES + l]) << 32) << 64;
        } else {
          t[l] = extend<T, R>(T(low));
        }
      }
      put(w, w.op_any<Reg<R>>(in, k), t);
    }
    return true;
  }
}
template <class T, unsigned N, class R>
bool store_local(Warp& w, const Instr& in, uint64_t* a, unsigned first) {
  uint64_t at;
  if constexpr (sizeof(T) < 4) {
    return false;
  } else {
    if (!same_local(w, a, sizeof(T) * N, at)) return false;
    count_local(w, Counters::local_store, sizeof(T) * N);
    constexpr unsigned WORDS = sizeof(T) / 4;
    auto* rows = reinterpret_cast<uint32_t*>(w.state->local.data()) + at / 4 * LANES;
    Shadow shadow(w.state->local_shadow.data());
    if (w.exec == ALL) shadow.mark(at * LANES, sizeof(T) * N * LANES);
    for (unsigned k = 0; k < N; ++k)
      for (unsigned word = 0; word < WORDS; ++word, rows += LANES) {
        const Reg<R>* s = w.op_any<Reg<R>>(in, first + k);
        uint32_t t[LANES];
        SIM_EACH_LANE(l) t[l] = uint32_t(s[l] >> (32 * word));
        put(w, rows, t);
        if (w.exec != ALL)
          for (uint32_t m = w.exec; m; m &= m - 1)
            shadow.mark((at / 4 + k * WORDS + word) * 4 * LANES + unsigned(__builtin_ctz(m)) * 4, 4);
      }
    return true;
  }
}

// The space an access really goes to: parameters of calls live in local memory.
Space effective(const Warp& w, const Instr& in, uint64_t* a) {
  Space space = space_in(in);
  if (space == Space::generic && a) return space;
  if (space == Space::param && a[__builtin_ctz(w.exec)] & FRAME_PARAM) {
    SIM_EACH_LANE(l) a[l] &= FRAME_PARAM - 1;
    return Space::local;
  }
  return space;
}

// ld d, [a] with T in memory, R the register, N elements.
template <class T, class R, unsigned N>
void ld(Warp& w, const Instr& in) {
  uint64_t a[LANES];
  addresses(w, in, N, 0, in.aux & WIDE_ADDRESS, a);
  Space space = effective(w, in, a);
  if (space == Space::generic && space_of_generic(a[__builtin_ctz(w.exec)]) == Space::local) {
    uint64_t local[LANES];
    SIM_EACH_LANE(l) local[l] = a[l] - LOCAL_WINDOW;
    if (load_local<T, R, N>(w, in, local)) return;
  }
  if (space == Space::local) {
    if (!load_local<T, R, N>(w, in, a)) load_slowly<T, R, N>(w, in, space, a);
    return;
  }
  constexpr unsigned S = sizeof(T) * N;
  Reach r;
  if (!reach<S>(w, in, space, a, Access::read, in.aux & SYNC, r)) return load_slowly<T, R, N>(w, in, space, a);
  if (r.shape == Reach::equal) {
    T v[N];
    std::memcpy(v, r.bytes + r.first, S);
    for (unsigned k = 0; k < N; ++k) {
      Reg<R> t[LANES], x = extend<T, R>(v[k]);
      SIM_EACH_LANE(l) t[l] = x;
      put(w, w.op_any<Reg<R>>(in, k), t);
    }
  } else if (r.shape == Reach::consecutive && w.exec == ALL) {
    const T* p = reinterpret_cast<const T*>(r.bytes + r.first);
    for (unsigned k = 0; k < N; ++k) {
      Reg<R>* d = w.op_any<Reg<R>>(in, k);
      SIM_EACH_LANE(l) d[l] = extend<T, R>(p[l * N + k]);
    }
  } else {
    // lanes that are off read along with an active one (scattered) or are left out (the ends of a consecutive
    // run)
    Reg<R> t[N][LANES];
    if (r.shape == Reach::consecutive) {
      for (unsigned l = r.low; l <= r.high; ++l) {
        T v[N];
        std::memcpy(v, r.bytes + r.first + (l - r.low) * uint64_t(S), S);
        for (unsigned k = 0; k < N; ++k) t[k][l] = extend<T, R>(v[k]);
      }
    } else {
      for (unsigned l = 0; l < LANES; ++l) {
        T v[N];
        std::memcpy(v, r.bytes + a[l], S);
        for (unsigned k = 0; k < N; ++k) t[k][l] = extend<T, R>(v[k]);
      }
    }
    for (unsigned k = 0; k < N; ++k) put(w, w.op_any<Reg<R>>(in, k), t[k]);
  }
}

// st [a], b: operand 0 is the address.
template <class T, class R, unsigned N>
void st(Warp& w, const Instr& in) {
  uint64_t a[LANES];
  addresses(w, in, 0, 0, in.aux & WIDE_ADDRESS, a);
  Space space = effective(w, in, a);
  if (space == Space::generic && space_of_generic(a[__builtin_ctz(w.exec)]) == Space::local) {
    uint64_t local[LANES];
    SIM_EACH_LANE(l) local[l] = a[l] - LOCAL_WINDOW;
    if (store_local<T, N, R>(w, in, local, 1)) return;
  }
  if (space == Space::local) {
    if (!store_local<T, N, R>(w, in, a, 1)) store_slowly<T, N, R>(w, in, space, a, 1);
    return;
  }
  constexpr unsigned S = sizeof(T) * N;
  Reach r;
  if (!reach<S>(w, in, space, a, Access::write, in.aux & SYNC, r)) return store_slowly<T, N, R>(w, in, space, a, 1);
  if (r.shape == Reach::consecutive && w.exec == ALL) {
    T* p = reinterpret_cast<T*>(r.bytes + r.first);
    for (unsigned k = 0; k < N; ++k) {
      const Reg<R>* s = w.op_any<Reg<R>>(in, 1 + k);
      SIM_EACH_LANE(l) p[l * N + k] = T(s[l]);
    }
    return;
  }
  const Reg<R>* s[N];
  for (unsigned k = 0; k < N; ++k) s[k] = w.op_any<Reg<R>>(in, 1 + k);
  for (uint32_t m = w.exec; m; m &= m - 1) {
    unsigned l = unsigned(__builtin_ctz(m));
    T v[N];
    for (unsigned k = 0; k < N; ++k) v[k] = T(s[k][l]);
    std::memcpy(r.bytes + a[l], v, S);
    if (r.mark) r.shadow.mark(a[l], S);
  }
}

// ---- which instantiation
template <template <class, class, unsigned> class OP, class T, class R>
Handler by_count(unsigned n) {
  switch (n) {
    case 1: return OP<T, R, 1>::fn;
    case 2: return OP<T, R, 2>::fn;
    case 4: return OP<T, R, 4>::fn;
    case 8:  // 256 bits in all
      if constexpr (sizeof(T) == 4) return OP<T, R, 8>::fn;
      return nullptr;
    default: return nullptr;
  }
}
template <template <class, class, unsigned> class OP, class T>
Handler by_register(unsigned bits, unsigned n) {
  using U = std::make_unsigned_t<T>;
  constexpr bool SIGNED = std::is_signed_v<T>;
  if (bits <= 8) bits = 16;
  if (bits < 8 * sizeof(T)) return nullptr;
  if (bits == 16) {
    if constexpr (sizeof(T) <= 2)
      return by_count<OP, std::conditional_t<SIGNED && sizeof(T) == 1, T, U>, uint16_t>(n);
  }
  if (bits == 32) {
    if constexpr (sizeof(T) <= 4)
      return by_count<OP, std::conditional_t<SIGNED && sizeof(T) < 4, T, U>, uint32_t>(n);
  }
  if (bits == 64) return by_count<OP, std::conditional_t<SIGNED && sizeof(T) < 8, T, U>, uint64_t>(n);
  return nullptr;
}
template <class T, class R, unsigned N>
struct Ld {
  static constexpr Handler fn = ld<T, R, N>;
};
template <class T, class R, unsigned N>
struct St {
  static constexpr Handler fn = st<T, R, N>;
};

template <template <class, class, unsigned> class OP>
Handler by_type(Type t, unsigned bits, unsigned n) {
  switch (t) {
    case Type::b8:
    case Type::u8: return by_register<OP, uint8_t>(bits, n);
    case Type::s8: return by_register<OP, int8_t>(bits, n);
    case Type::b16:
    case Type::u16:
    case Type::f16:
    case Type::bf16: return by_register<OP, uint16_t>(bits, n);
    case Type::s16: return by_register<OP, int16_t>(bits, n);
    case Type::b32:
    case Type::u32:
    case Type::f32: return by_register<OP, uint32_t>(bits, n);
    case Type::s32: return by_register<OP, int32_t>(bits, n);
    case Type::b64:
    case Type::u64:
    case Type::f64:
    case Type::s64: return by_register<OP, uint64_t>(bits, n);
    case Type::b128: return bits == 128 && n == 1 ? OP<Wide, Wide, 1>::fn : nullptr;
    default: return nullptr;
  }
}

bool address_form(Form& f, const Flat& base) {
  f.aux = uint64_t(space_of(f.op));
  unsigned bits = base.kind == Flat::imm ? base.imm_bits : base.bits;
  if (bits == 64) f.aux |= WIDE_ADDRESS;
  for (const char* word : {"volatile", "relaxed", "acquire", "release", "mmio"})
    if (f.has(word)) f.aux |= SYNC;
  return base.address && (bits == 32 || bits == 64);
}
unsigned count_of(const Form& f) { return f.has("v8") ? 8 : f.has("v4") ? 4 : f.has("v2") ? 2 : 1; }

Handler select_ld(Form& f) {
  unsigned n = count_of(f);
  // an .L2::cache_hint policy may follow the address
  if (f.n_types() != 1 || f.operand.size() != n + 1 + (f.has("L2::cache_hint") ? 1 : 0) ||
      !address_form(f, f.operand[n]))
    return nullptr;
  unsigned bits = f.operand[0].bits;
  for (unsigned k = 0; k < n; ++k) {
    if (f.operand[k].kind == Flat::sink) f.operand[k].bits = 0;
    if (f.operand[k].kind == Flat::reg) bits = f.operand[k].bits;
  }
  if (f.operand[0].bits == 0) bits = std::max(bits, ptx::bits_of(f.type()));
  for (unsigned k = 0; k < n; ++k) {
    if (f.operand[k].kind == Flat::pred || f.operand[k].kind == Flat::imm) return nullptr;
    if (f.operand[k].bits && f.operand[k].bits != bits) return nullptr;
  }
  return by_type<Ld>(f.type(), bits, n);
}

// A store takes the low bits, so a sign is nothing to it.
Type stored_as(Type t) {
  switch (t) {
    case Type::s8: return Type::u8;
    case Type::s16: return Type::u16;
    case Type::s32: return Type::u32;
    default: return t;
  }
}

Handler select_st(Form& f) {
  unsigned n = count_of(f);
  if (f.n_types() != 1 || f.operand.size() != n + 1 + (f.has("L2::cache_hint") ? 1 : 0) ||
      !address_form(f, f.operand[0]))
    return nullptr;
  unsigned bits = 0;
  for (unsigned k = 1; k <= n; ++k)
    if (f.operand[k].kind == Flat::reg) bits = std::max<unsigned>(bits, f.operand[k].bits);
  if (!bits) bits = std::max(16u, ptx::bits_of(f.type()));
  for (unsigned k = 1; k <= n; ++k) {
    Flat& o = f.operand[k];
    if (o.kind == Flat::pred || o.kind == Flat::sink) return nullptr;
    if (o.kind == Flat::imm)
      o.imm_bits = bits == 64 ? 64 : 32;
    else if (o.bits != bits)
      return nullptr;
  }
  return by_type<St>(stored_as(f.type()), bits, n);
}

constexpr TypeSet MEMORY =
    types({Type::b8, Type::u8, Type::s8, Type::b16, Type::u16, Type::s16, Type::f16, Type::bf16, Type::b32,
           Type::u32, Type::s32, Type::f32, Type::b64, Type::u64, Type::s64, Type::f64, Type::b128});
// Caching and ordering are kept by construction: the virtual machine has one coherent memory and every access
// is done in order.
const char* LD =
    "weak|volatile|relaxed|acquire|cta|cluster|gpu|sys|mmio|global|shared|shared::cta|shared::cluster|local|"
    "const|param|"
    "param::entry|param::func|ca|cg|cs|lu|cv|nc|unified|v2|v4|v8|L1::*|L2::*";
const char* ST =
    "weak|volatile|relaxed|release|cta|cluster|gpu|sys|mmio|global|shared|shared::cta|shared::cluster|local|"
    "param|"
    "param::func|wb|cg|cs|wt|v2|v4|v8|L1::*|L2::*";

}  // namespace

void add_rows(Rows& rows) {
  rows.add({"ld", MEMORY, LD, Pattern{2, 3, 1}, Scope::LANE, select_ld,
            "#data-movement-and-conversion-instructions-ld"});
  rows.add({"ldu", MEMORY, "global|v2|v4", Pattern{2, 2, 1}, Scope::LANE, select_ld,
            "#data-movement-and-conversion-instructions-ldu"});
  rows.add({"st", MEMORY, ST, Pattern{2, 3, 0}, Scope::LANE, select_st,
            "#data-movement-and-conversion-instructions-st"});
}

}  // namespace sim::memory_chapter

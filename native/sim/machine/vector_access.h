// The fast side of ld and st: one check for the whole warp where its addresses are consecutive, equal, or in
// one piece of memory.
#pragma once
#include "cluster.h"
#include "lane.h"
#include "windows.h"

namespace sim {

// Lanes whose address is not base + l*step. Off lanes are the caller's to mask.
inline uint32_t differing(const uint64_t* a, uint64_t base, uint64_t step) {
#if SIM_AVX512
  __m512i want = _mm512_add_epi64(
      _mm512_set1_epi64(int64_t(base)),
      _mm512_mullo_epi64(_mm512_set1_epi64(int64_t(step)), _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)));
  __m512i up = _mm512_set1_epi64(int64_t(8 * step));
  uint32_t m = 0;
  for (unsigned k = 0; k < 4; ++k) {
    m |= uint32_t(_mm512_cmpneq_epu64_mask(_mm512_loadu_si512(a + 8 * k), want)) << 8 * k;
    want = _mm512_add_epi64(want, up);
  }
  return m;
#else
  uint32_t t[LANES];
  SIM_EACH_LANE(l) t[l] = a[l] != base + l * step;
  return mask_of(t);
#endif
}

struct Reach {
  enum Shape : uint8_t { consecutive, equal, scattered } shape;
  uint8_t* bytes;      // index with an address
  uint64_t first;      // address of the lowest active lane
  unsigned low, high;  // lowest and highest active lane
  bool mark;           // st: the shadow is still to be marked
  Shadow shadow;
};

// note_access() for a whole warp whose lanes lie as `r` says.
void note_accesses(Warp& w, const Instr& in, Space space, const Reach& r, const uint64_t* a, unsigned bytes,
                   bool write, bool sync);

// Counts the accesses of the active lanes (profile.h).
void profile_accesses(Warp& w, const Instr& in, Space space, const uint64_t* a, unsigned bytes, Access access);

// Checks S-byte accesses of the active lanes (bounds, alignment, written bytes) and says how they lie. `a` of
// lanes that are off is overwritten with that of an active lane, so that all of `a` may be dereferenced.
// False: lanes reach different pieces of memory or something is wrong; then go lane by lane with load() and
// store(), which say what.
template <unsigned S>
inline bool reach(Warp& w, const Instr& in, Space space, uint64_t* a, Access access, bool sync, Reach& r) {
  uint32_t m = w.exec;
  r.low = unsigned(__builtin_ctz(m)), r.high = 31 - unsigned(__builtin_clz(m));
  r.first = a[r.low];
  if (space == Space::generic) {
    space = space_of_generic(r.first);
    if (space == Space::local) return false;
    if (space != Space::global) {
      uint64_t high = r.first & ~(WINDOW - 1);
      uint64_t other = 0;
      for (unsigned l = 0; l < LANES; ++l) other |= (m >> l & 1) ? (a[l] & ~(WINDOW - 1)) ^ high : 0;
      if (other) return false;
      SIM_EACH_LANE(l) a[l] &= WINDOW - 1;
      r.first &= WINDOW - 1;
    }
  }
  constexpr unsigned ALIGN = S > 16 ? 32 : S;
  Window win;
  bool ok;
  if (!(differing(a, r.first - r.low * uint64_t(S), S) & m)) {
    uint64_t n = (r.high - r.low + 1) * uint64_t(S);
    ok = !(r.first & (ALIGN - 1)) && find_window(w, in, space, r.first, n, win);
    r.shape = Reach::consecutive;
    if (ok && access == Access::read && !win.all_written && w.cta->launch->config.check_uninitialised)
      ok = win.shadow.all(r.first, n);
    if (ok && access == Access::write && !win.all_written && m == (ALL >> (31 - r.high) & ALL << r.low)) {
      if (!win.read_only) win.shadow.mark(r.first, n);
      r.mark = false;
    } else {
      r.mark = !win.all_written;
    }
  } else {
    if (m != ALL)
      for (unsigned l = 0; l < LANES; ++l) a[l] = (m >> l & 1) ? a[l] : r.first;
    uint64_t lo = ~uint64_t(0), hi = 0, bits = 0;
    for (unsigned l = 0; l < LANES; ++l) lo = a[l] < lo ? a[l] : lo, hi = a[l] > hi ? a[l] : hi, bits |= a[l];
    ok = !(bits & (ALIGN - 1)) && find_window(w, in, space, lo, hi - lo + S, win);
    r.shape = lo == hi ? Reach::equal : Reach::scattered;
    if (ok && access == Access::read && !win.all_written && w.cta->launch->config.check_uninitialised) {
      if (lo == hi)
        ok = win.shadow.all(lo, S);
      else
        for (unsigned l = 0; l < LANES && ok; ++l) ok = win.shadow.all(a[l], S);
    }
    r.mark = !win.all_written;
  }
  if (access == Access::write && win.read_only) ok = false;
  r.bytes = win.bytes, r.shadow = win.shadow;
  if (ok && w.cta->cluster->counters) [[unlikely]] profile_accesses(w, in, space, a, S, access);
  if (ok && (space == Space::shared || sync) && w.cta->cluster->order.on())
    note_accesses(w, in, space, r, a, S, access == Access::write, sync);
  return ok;
}

}  // namespace sim

// CUDA C++ Programming Guide, "Formatted Output": the format is the host's, arguments lie in a buffer of the thread,
// each at its natural alignment; the result is the number of arguments. A GPU shows the text at the next
// synchronisation, here it goes to stdout at once.
#include "printf.h"

#include <cstdio>
#include <cstring>
#include <mutex>

#include "../machine/access.h"
#include "../machine/program.h"
#include "select.h"

namespace sim {
namespace {

std::string text_at(Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  std::string s;
  for (char c = 1; s.size() < 4096;) {
    load(w, in, lane, Space::generic, address++, 1, &c);
    if (!c) break;
    s += c;
  }
  return s;
}

struct Arguments {
  Warp& w;
  const Instr& in;
  unsigned lane;
  uint64_t at;
  int taken = 0;
  template <class T>
  T next() {
    at = (at + sizeof(T) - 1) & ~uint64_t(sizeof(T) - 1);
    T v;
    load(w, in, lane, Space::generic, at, sizeof v, &v);
    at += sizeof v, ++taken;
    return v;
  }
};

template <class... A>
void put(std::string& out, const std::string& spec, A... a) {
  char text[512];
  int n = std::snprintf(text, sizeof text, spec.c_str(), a...);
  if (n > 0) out.append(text, std::min<size_t>(size_t(n), sizeof text - 1));
}

// From a '%' on; returns what follows the conversion.
const char* convert(const char* p, Arguments& a, std::string& out) {
  std::string spec(1, *p++);
  bool wide = false;
  for (; *p && std::strchr("-+ #0123456789.*hljztL", *p); ++p) {
    if (*p == '*') {
      spec += std::to_string(a.next<int32_t>());
      continue;
    }
    wide |= std::strchr("ljzt", *p) != nullptr;
    if (!std::strchr("hljztL", *p)) spec += *p;
  }
  const char c = *p;
  if (!c) return p;
  if (c == '%')
    out += '%';
  else if (std::strchr("di", c))
    put(out, spec + "ll" + c, wide ? (long long)a.next<int64_t>() : (long long)a.next<int32_t>());
  else if (std::strchr("uxXo", c))
    put(out, spec + "ll" + c, wide ? (unsigned long long)a.next<uint64_t>() : (unsigned long long)a.next<uint32_t>());
  else if (c == 'c')
    put(out, spec + c, int(a.next<int32_t>()));
  else if (std::strchr("fFeEgGaA", c))
    put(out, spec + c, a.next<double>());
  else if (c == 'p')
    put(out, spec + c, reinterpret_cast<void*>(a.next<uint64_t>()));
  else if (c == 's')
    put(out, spec + c, text_at(a.w, a.in, a.lane, a.next<uint64_t>()).c_str());
  else
    out += spec + c;  // as the host's printf may do with what it does not know
  return p + 1;
}

}  // namespace

void device_printf(Warp& w, const Instr& in) {
  const CallSite& site = *in.info->call;
  std::string out;
  for (uint32_t m = w.exec; m; m &= m - 1) {
    const unsigned lane = unsigned(__builtin_ctz(m));
    uint64_t given[2] = {};
    for (size_t k = 0; k < 2 && k < site.arguments.size(); ++k)
      load(w, in, lane, Space::local, site.arguments[k].from, site.arguments[k].bytes, &given[k]);
    const std::string format = text_at(w, in, lane, given[0]);
    Arguments a{w, in, lane, given[1]};
    for (const char* p = format.c_str(); *p;)
      if (*p == '%')
        p = convert(p, a, out);
      else
        out += *p++;
    if (!site.results.empty()) store(w, in, lane, Space::local, site.results[0].to, 4, &a.taken);
  }
  static std::mutex one;
  std::lock_guard g(one);
  std::fwrite(out.data(), 1, out.size(), stdout);
}

}  // namespace sim

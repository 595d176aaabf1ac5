// What ends a cluster that does not end by itself: nobody can go on, or the launch has run for too long.
#include "mbarrier.h"

namespace sim {

namespace {

// A named barrier: who it waits for, and how many have come.
std::string state_of(const Cta& c, int id) {
  const Barrier& b = c.barriers[id];
  uint64_t here = 0, live = 0;
  for (size_t k = 0; k < c.warps.size(); ++k) {
    if (k < b.arrived.size()) here += unsigned(__builtin_popcount(b.arrived[k]));
    live += unsigned(__builtin_popcount(c.warps[k].live));
  }
  return "barrier " + std::to_string(id) + " for " + (b.count ? std::to_string(b.count) : "all") + " threads, of which " +
         std::to_string(here) + " have come" + (b.count ? "" : " and " + std::to_string(live - here) + " have not");
}

std::string line_of(const Cluster& cluster, const WarpState& s, const Path& p) {
  const auto* text = p.ip->info->text;
  char mask[16];
  std::snprintf(mask, sizeof mask, "%08x", p.mask);
  std::string line = cluster.ctas.size() > 1 ? "CTA rank " + std::to_string(s.w.cta->rank) + " " : "";
  line += "warp " + std::to_string(s.w.index) + " lanes " + mask + " at PTX line " +
          (text ? std::to_string(text->line) + " (" + text->op.text + ")" : "?");
  if (p.barrier >= 0) line += " on " + state_of(*s.w.cta, p.barrier);
  if (p.on) line += " on the " + p.on->describe();
  if (auto* b = dynamic_cast<const Mbarrier*>(p.on)) {
    uint32_t of = b->awaited(s.w.index, b->phase & 1);
    if (of < b->phase)
      line += ", lapped: it waits for phase " + std::to_string(of) + ", and nothing kept those who arrive from going on to phase " +
              std::to_string(b->phase);
  }
  if (p.state == Path::gathering) line += " for the other lanes of its member mask";
  return line;
}

}  // namespace

void Cluster::deadlock() {
  std::string lines;
  const WarpState* first = nullptr;
  for (const WarpState* s : warps_)
    for (const Path& p : s->paths) {
      if (!first) first = s;
      lines += (lines.empty() ? "" : "; ") + line_of(*this, *s, p);
    }
  const Path& p = first->paths.front();
  Warp& w = const_cast<WarpState*>(first)->w;
  trap(w, *p.ip, unsigned(__builtin_ctz(p.mask)), Trap::deadlock, "deadlock: nobody can go on: " + lines);
}

void Cluster::over_limit() {
  std::string limit = std::to_string(launch->config.max_instructions) + " warp instructions, its limit";
  for (WarpState* s : warps_)
    for (const Path& p : s->paths)
      trap(s->w, *p.ip, unsigned(__builtin_ctz(p.mask)), Trap::limit, "the launch ran more than " + limit);
  throw Trap(Trap::limit, "kernel " + launch->program->kernel->name + " ran more than " + limit);
}

}  // namespace sim

#include "profile.h"

#include <algorithm>

#include "cluster.h"
#include "paths.h"
#include "profile_hooks.h"

namespace sim {

void Touched::add(uint64_t address, uint64_t bytes) {
  while (bytes) {
    uint64_t page = address / PAGE, from = address % PAGE, n = std::min(bytes, PAGE - from);
    if (page != recent_page_) {
      auto& p = pages_[page];
      if (!p) p = std::make_unique<Bits>(Bits{});
      recent_page_ = page, recent_ = p.get();
    }
    for (uint64_t at = from, end = from + n; at < end;) {
      uint64_t low = at % 64, take = std::min(end - at, 64 - low);
      (*recent_)[at / 64] |= (take == 64 ? ~uint64_t(0) : (uint64_t(1) << take) - 1) << low;
      at += take;
    }
    address += n, bytes -= n;
  }
}

void Touched::merge(const Touched& o) {
  for (const auto& [page, bits] : o.pages_) {
    auto& mine = pages_[page];
    if (!mine) mine = std::make_unique<Bits>(Bits{});
    for (size_t k = 0; k < bits->size(); ++k) (*mine)[k] |= (*bits)[k];
  }
}

uint64_t Touched::count() const {
  uint64_t n = 0;
  for (const auto& [page, bits] : pages_)
    for (uint64_t word : *bits) n += unsigned(__builtin_popcountll(word));
  return n;
}

void Counters::access(const Warp& w, const Instr& in, Space space, uint64_t address, uint32_t n, Access kind) {
  bool shared = space == Space::shared;
  if (!shared && space != Space::global) return;
  if (kind != Access::write) bytes[shared ? shared_load : global_load] += n;
  if (kind != Access::read) bytes[shared ? shared_store : global_store] += n;
  if (!shared && kind != Access::write) read.add(address, n);
  if (!shared && kind != Access::read) written.add(address, n);
  if (instr_ != &in || warp_ != &w || when_ != w.state->warp_instructions || space_ != space) {
    flush();
    instr_ = &in, warp_ = &w, when_ = w.state->warp_instructions, space_ = space;
  }
  pending_.push_back({address, n});
}

void Counters::flush() {
  if (!pending_.empty()) {
    if (space_ == Space::shared)
      wavefronts_of_pending();
    else
      sectors_of_pending();
  }
  pending_.clear(), instr_ = nullptr;
}

// A wavefront reaches one word in each of 32 banks. Wide accesses go in groups of lanes that fill one: 16 lanes of 8
// bytes, 8 lanes of 16.
void Counters::wavefronts_of_pending() {
  uint32_t width = 4;
  for (const Piece& p : pending_) width = std::max(width, p.bytes);
  size_t group = std::max<size_t>(1, 128 / width);
  std::vector<uint64_t> all;
  auto conflicts = [](std::vector<uint64_t>& words) {
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    uint32_t bank[32] = {}, most = 0;
    for (uint64_t word : words) most = std::max(most, ++bank[word % 32]);
    return most;
  };
  uint64_t issued = 0;
  for (size_t from = 0; from < pending_.size(); from += group) {
    std::vector<uint64_t> words;
    for (size_t k = from; k < std::min(pending_.size(), from + group); ++k)
      for (uint64_t word = pending_[k].address / 4; word <= (pending_[k].address + pending_[k].bytes - 1) / 4; ++word)
        words.push_back(word);
    all.insert(all.end(), words.begin(), words.end());
    issued += conflicts(words);
  }
  if (conflicts(all) == 1) issued = 1;  // lanes that read the same words share them
  wavefronts.issued += issued, wavefronts.ideal += std::max<uint64_t>(1, (all.size() + 31) / 32);
}

void Counters::sectors_of_pending() {
  std::sort(pending_.begin(), pending_.end(), [](const Piece& a, const Piece& b) { return a.address < b.address; });
  uint64_t distinct = 0, reached = 0, issued = 0, next_sector = 0;
  for (const Piece& p : pending_) {
    uint64_t end = p.address + p.bytes, from = std::max(p.address, reached);
    if (end > from) distinct += end - from, reached = end;
    uint64_t first = std::max(p.address / 32, next_sector), last = (end - 1) / 32;
    if (last >= first) issued += last - first + 1, next_sector = last + 1;
  }
  sectors.issued += issued, sectors.ideal += (distinct + 31) / 32;
}

void Counters::merge(Counters& o) {
  o.flush();
  runs.resize(std::max(runs.size(), o.runs.size()));
  for (size_t k = 0; k < o.runs.size(); ++k) runs[k].warp += o.runs[k].warp, runs[k].thread += o.runs[k].thread;
  for (int k = 0; k < WAYS; ++k) bytes[k] += o.bytes[k];
  wavefronts.issued += o.wavefronts.issued, wavefronts.ideal += o.wavefronts.ideal;
  sectors.issued += o.sectors.issued, sectors.ideal += o.sectors.ideal;
  read.merge(o.read), written.merge(o.written);
  for (const auto& [kind, n] : o.tensor) tensor[kind] += n;
  barrier_waits += o.barrier_waits, mbarrier_waits += o.mbarrier_waits, cluster_waits += o.cluster_waits;
  tmem_columns = std::max(tmem_columns, o.tmem_columns);
}

void count_global_read(const Warp& w, uint64_t address, uint64_t bytes) {
  if (Counters* counters = w.cta->cluster->counters) counters->read.add(address, bytes);
}

void count_multiply_adds(const Warp& w, const Instr& in, uint64_t n) {
  Counters* counters = w.cta->cluster->counters;
  if (!counters) return;
  for (const std::string& t : in.info->text->op.tokens)
    if (t.rfind("kind::", 0) == 0) counters->tensor["tcgen05." + t.substr(6)] += n;
}

}  // namespace sim

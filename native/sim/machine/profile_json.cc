// Counts of straight runs taken apart into instructions, classes and multiply-adds, and written as JSON.
#include <cstdio>
#include <cstdlib>

#include "../isa/chapters.h"
#include "profile.h"
#include "program.h"

namespace sim {

namespace {

// Rows stand in the order of the chapters that add them.
std::string chapter_of(const Row& row) {
  static const auto ends = [] {
    std::vector<std::pair<size_t, const char*>> e;
    Rows r;
#define SIM_END(name) name##_chapter::add_rows(r), e.emplace_back(r.all().size(), #name);
    SIM_CHAPTERS(SIM_END)
#undef SIM_END
    return e;
  }();
  size_t index = size_t(&row - Rows::get().all().data());
  for (const auto& [end, name] : ends)
    if (index < end) return name;
  return "";
}

// The class of a row is that of its chapter.
std::string class_of(const Row& row) {
  static const std::map<std::string, std::string> classes = {
      {"integer", "integer"},        {"integer_bits", "integer"},   {"carry", "integer"},
      {"float", "float"},            {"approx", "approx"},          {"half", "half"},
      {"convert", "convert"},        {"convert_packed", "convert"}, {"convert_scaled", "convert"},
      {"compare", "compare"},        {"logic", "logic"},            {"move", "move"},
      {"address", "move"},           {"control", "control"},        {"memory", "load_store"},
      {"ldmatrix", "load_store"},    {"cp_async", "load_store"},    {"cluster_async", "load_store"},
      {"atomic", "atomic"},          {"warp", "warp"},              {"barrier", "barrier"},
      {"mbarrier", "barrier"},       {"fence", "barrier"},          {"cluster", "barrier"},
      {"mma", "mma"},                {"wgmma", "wgmma"},            {"bulk", "tma"},
      {"bulk_groups", "tma"},        {"bulk_reduce", "tma"},        {"tensor_copy", "tma"},
      {"tensor_map", "tma"},
  };
  std::string chapter = chapter_of(row);
  auto it = classes.find(chapter);
  if (it != classes.end()) return it->second;
  return chapter.rfind("tcgen05", 0) == 0 ? "tcgen05" : "other";
}

// m16n8k32 of an opcode
uint64_t volume(const ptx::Opcode& op) {
  for (const std::string& t : op.tokens) {
    unsigned m, n, k;
    if (t[0] == 'm' && std::sscanf(t.c_str(), "m%un%uk%u", &m, &n, &k) == 3) return uint64_t(m) * n * k;
  }
  return 0;
}

std::string number(uint64_t v) { return std::to_string(v); }
std::string dim(const Dim3& d) { return "[" + number(d.x) + "," + number(d.y) + "," + number(d.z) + "]"; }
std::string quoted(const std::string& s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

// {"a": 1, "b": 2}
struct Object {
  std::string text = "{";
  Object& add(const std::string& name, const std::string& value) {
    text += (text.size() > 1 ? ", " : "") + quoted(name) + ": " + value;
    return *this;
  }
  std::string end() const { return text + "}"; }
};

}  // namespace

Profile::Profile(const Launch& l, Counters&& merged)
    : kernel(l.program->kernel->name), grid(l.config.grid), block(l.config.block), cluster(l.config.cluster),
      registers(l.program->register_peak), static_shared(l.program->static_shared),
      dynamic_shared(l.config.dynamic_shared), warp_instructions(l.warp_instructions),
      thread_instructions(l.thread_instructions), tma_load(l.bulk_bytes[0]), tma_store(l.bulk_bytes[1]),
      counts(std::move(merged)) {
  const Program& p = *l.program;
  counts.flush();
  counts.runs.resize(p.code.size() + 1);
  std::vector<Counters::Count> change(p.code.size() + 1);
  for (size_t k = 0; k < p.code.size(); ++k) {
    const Counters::Count& c = counts.runs[k];
    change[k].warp += c.warp, change[k].thread += c.thread;
    change[k + p.run[k]].warp -= c.warp, change[k + p.run[k]].thread -= c.thread;
  }
  Counters::Count now;
  for (size_t k = 0; k < p.code.size(); ++k) {
    now.warp += change[k].warp, now.thread += change[k].thread;
    bool last = p.run[k] == 1;
    const InstrInfo& info = *p.code[k].info;
    if (p.counted[k] == (last ? 0 : p.counted[k + 1]) || !info.row || !info.text) continue;  // the machine's own
    Counters::Count& c = instructions[class_of(*info.row)];
    c.warp += now.warp, c.thread += now.thread;
    const ptx::Opcode& op = info.text->op;
    const std::string& m = op.tokens[0];
    auto registers_of = [&](uint8_t written) {
      uint64_t n = 0;
      for (const Flat& o : info.operands) n += o.written == written;
      return n * 4 * LANES;
    };
    if (m == "mma" && op.types.size() > 1 && now.warp)
      multiply_adds["mma." + std::string(ptx::name_of(op.types[1]))] += volume(op) * now.warp;
    if (m == "wgmma" && op.has("mma_async") && op.types.size() > 1 && now.warp)  // a quarter of it each warp
      multiply_adds["wgmma." + std::string(ptx::name_of(op.types[1]))] += volume(op) / 4 * now.warp;
    if (m == "tcgen05" && op.tokens[1] == "ld") tmem_load += registers_of(0) * now.warp;
    if (m == "tcgen05" && op.tokens[1] == "st") tmem_store += registers_of(uint8_t(info.text->operands.size() - 1)) * now.warp;
  }
  for (const auto& [kind, n] : counts.tensor) multiply_adds[kind] += n;
}

std::string Profile::json() const {
  Object classes, bytes, mma, waits, wavefronts, sectors, all;
  for (const auto& [name, c] : instructions)
    classes.add(name, Object().add("warp", number(c.warp)).add("thread", number(c.thread)).end());
  auto total = [&](const char* name, uint64_t n) { bytes.add(name, Object().add("total", number(n)).end()); };
  static const char* const names[Counters::WAYS] = {"global_load",  "global_store", "shared_load",
                                                    "shared_store", "local_load",   "local_store"};
  for (int k = 0; k < Counters::WAYS; ++k) total(names[k], counts.bytes[k]);
  total("tmem_load", tmem_load), total("tmem_store", tmem_store), total("tma_load", tma_load), total("tma_store", tma_store);
  bytes.add("global_read_unique", number(counts.read.count())).add("global_write_unique", number(counts.written.count()));
  for (const auto& [kind, n] : multiply_adds) mma.add(kind, Object().add("issued", number(n)).end());
  waits.add("barrier", number(counts.barrier_waits)).add("mbarrier", number(counts.mbarrier_waits));
  waits.add("cluster", number(counts.cluster_waits));
  auto pair = [](const Counters::Pair& p) {
    return Object().add("issued", number(p.issued)).add("ideal", number(p.ideal)).end();
  };
  char time[32];
  std::snprintf(time, sizeof time, "%.9f", seconds);
  all.add("kernel", quoted(kernel)).add("grid", dim(grid)).add("block", dim(block)).add("cluster", dim(cluster));
  all.add("registers", number(registers)).add("static_smem", number(static_shared)).add("dynamic_smem", number(dynamic_shared));
  all.add("tmem_columns", number(counts.tmem_columns)).add("warp_instructions", number(warp_instructions));
  all.add("thread_instructions", number(thread_instructions)).add("seconds", time);
  all.add("instructions", classes.end()).add("bytes", bytes.end()).add("mma", mma.end()).add("waits", waits.end());
  all.add("shared_wavefronts", pair(counts.wavefronts)).add("global_sectors", pair(counts.sectors));
  return all.end();
}

}  // namespace sim

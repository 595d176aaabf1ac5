#include "op_run.h"

#include <cstring>

#include "native/device/virtual.h"

namespace addon {
namespace {

using device::Buffer;
using device::Poison;
using device::sentence;

void put_pointer(OpRequest& r, const OpField& f, CUdeviceptr p) { std::memcpy(r.params.data() + f.offset, &p, sizeof p); }

// Which elements of `bytes` still are poison; `still` narrows from launch to launch, because each poisons otherwise.
void narrow(std::vector<bool>& still, const std::vector<uint8_t>& bytes, size_t unit, Poison p) {
  const size_t n = bytes.size() / unit;
  if (still.empty()) still.assign(n, true);
  for (size_t i = 0; i < n; ++i) {
    if (!still[i]) continue;
    for (size_t k = 0; k < unit && still[i]; ++k)
      if (bytes[i * unit + k] != p.byte(i * unit + k)) still[i] = false;
  }
}

size_t count(const std::vector<bool>& v) {
  size_t n = 0;
  for (bool b : v) n += b;
  return n;
}

std::vector<std::pair<std::string, uint64_t>> counters_of(const device::Device& dev) {
  const auto read = device::virtual_device().counters;
  if (!dev.is_virtual() || !read) return {};
  return read();
}

std::string take_profiles(const device::Device& dev) {
  const auto take = device::virtual_device().take_profiles;
  return dev.is_virtual() && take ? take() : "[]";
}

// What a launch finds: the bytes of a tensor that it updates, poison in the others.
void prepare(const OpRequest& r, const std::vector<std::unique_ptr<Buffer>>& outs, Poison p) {
  for (size_t i = 0; i < outs.size(); ++i) {
    if (r.outputs[i].field->before)
      outs[i]->upload(r.outputs[i].before.data, r.outputs[i].bytes);
    else
      outs[i]->fill(p);
  }
}

// Counters of an op, which are cleared once: a launch finds what the one before it has left.
struct Counters {
  std::vector<std::unique_ptr<Buffer>> words;

  Counters(device::Device& dev, OpRequest& r) {
    constexpr uint32_t zero = 0;
    for (const OpField* f : r.counters) {
      words.push_back(std::make_unique<Buffer>(dev, sizeof zero, sentence(r.row->name, ".", f->name)));
      words.back()->upload(&zero, sizeof zero);
      put_pointer(r, *f, words.back()->ptr());
    }
  }
  // A sentence for each that is not zero again.
  std::vector<std::string> damage() const {
    std::vector<std::string> left;
    for (const auto& w : words) {
      uint32_t n;
      w->download(&n);
      if (n != 0) left.push_back(sentence(w->name(), ": expected 0 after a launch as before it, got ", n));
    }
    return left;
  }
};

// One launch more, without the outputs that may be left out: the others must have the same bytes. A sentence for each that has not.
std::vector<std::string> without_taps(device::Device& dev, OpRequest& r, const std::vector<std::unique_ptr<Buffer>>& outs, uint64_t turn,
                                      const OpResult& full, device::Kernel* kernel) {
  const std::vector<uint8_t> params = r.params;
  for (const OpOutput& o : r.outputs)
    if (o.field->optional) put_pointer(r, *o.field, 0);
  prepare(r, outs, Poison::from(r.seed, turn));
  dev.mark();
  device::launch_op(dev, *r.row, r.params.data(), kernel);
  dev.wait();
  r.params = params;
  std::vector<std::string> differ;
  for (size_t i = 0; i < outs.size(); ++i) {
    if (r.outputs[i].field->optional) continue;
    std::vector<uint8_t> now(outs[i]->bytes());
    outs[i]->download(now.data());
    if (now != full.outputs[i])
      differ.push_back(sentence(r.row->name, ".", r.outputs[i].field->name, ": expected the same bytes with and without taps, got others without"));
  }
  return differ;
}

}  // namespace

size_t element_bytes(const std::string& dtype) {
  if (dtype == "f64" || dtype == "i64") return 8;
  if (dtype == "f32" || dtype == "i32") return 4;
  return dtype == "bf16" ? 2 : 1;
}

OpResult run_op_on(device::Device& dev, OpRequest& r) {
  OpResult result;
  const bool guards_before = dev.guards;
  dev.guards = dev.guards || r.guards;
  std::vector<std::unique_ptr<Buffer>> ins, outs;
  for (auto& [field, view] : r.inputs) {
    ins.push_back(std::make_unique<Buffer>(dev, view.bytes, sentence(r.row->name, ".", field->name)));
    ins.back()->upload(view.data, view.bytes);
    put_pointer(r, *field, ins.back()->ptr());
  }
  for (const OpOutput& o : r.outputs) {
    outs.push_back(std::make_unique<Buffer>(dev, o.bytes, sentence(r.row->name, ".", o.field->name)));
    put_pointer(r, *o.field, outs.back()->ptr());
  }
  Counters counters(dev, r);
  dev.guards = guards_before;

  dev.set_variant(r.variant);
  const std::string entry = r.entry.empty() ? device::entry_of(dev, *r.row, r.params.data()) : r.entry;
  device::Kernel* kernel = r.module.empty() ? nullptr : &dev.kernel_of(r.module, entry);
  const auto before = counters_of(dev);
  take_profiles(dev);  // a call that trapped may have left its own
  std::vector<std::vector<bool>> still(outs.size());
  std::vector<std::vector<uint8_t>> now(outs.size());
  // one launch more than asked for, when after the last some bytes equal the poison: by chance, or because nobody writes them
  for (int turn = 0; turn <= r.repeat; ++turn) {
    if (turn == r.repeat) {
      bool any = false;
      for (const auto& s : still) any = any || count(s) > 0;
      if (!any || r.repeat > 1) break;
    }
    const Poison poison = Poison::from(r.seed, uint64_t(turn));
    prepare(r, outs, poison);
    dev.mark();
    result.launch = device::launch_op(dev, *r.row, r.params.data(), kernel);
    const float ms = dev.wait();
    if (turn < r.repeat) result.elapsed_ms.push_back(ms);
    for (size_t i = 0; i < outs.size(); ++i) {
      now[i].resize(outs[i]->bytes());
      outs[i]->download(now[i].data());
      if (!r.outputs[i].field->before) narrow(still[i], now[i], element_bytes(r.outputs[i].field->dtype), poison);
    }
    if (turn == 0) {
      result.outputs = now;
      continue;
    }
    for (size_t i = 0; i < outs.size(); ++i) {
      const size_t unit = element_bytes(r.outputs[i].field->dtype);
      for (size_t k = 0; k < now[i].size(); ++k)
        if (now[i][k] != result.outputs[i][k] && (still[i].empty() || !still[i][k / unit])) result.repeatable = false;
    }
  }
  for (size_t i = 0; i < outs.size(); ++i)
    result.unwritten.push_back(count(still[i]) * element_bytes(r.outputs[i].field->dtype));
  for (const auto* side : {&ins, &outs, &counters.words})
    for (const auto& b : *side)
      if (std::string d = b->damage(); !d.empty()) result.damage.push_back(d);
  bool taps = false;
  for (const OpOutput& o : r.outputs) taps = taps || o.field->optional;
  if (taps) {
    take_profiles(dev);  // a run at speed has no taps
    for (std::string& d : without_taps(dev, r, outs, uint64_t(r.repeat) + 1, result, kernel)) result.damage.push_back(std::move(d));
  }
  for (std::string& d : counters.damage()) result.damage.push_back(std::move(d));
  result.profiles = take_profiles(dev);
  const auto after = counters_of(dev);
  for (size_t i = 0; i < after.size(); ++i)
    result.counters.emplace_back(after[i].first, after[i].second - (i < before.size() ? before[i].second : 0));
  return result;
}

}  // namespace addon

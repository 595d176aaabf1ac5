// launch of harness/native.ts: any entry of any module with its parameters one by one, for kernels that are no op of the model.
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "native/device/virtual.h"
#include "values.h"

namespace addon {
namespace {

using device::Buffer;
using device::fail;
using device::sentence;

// What is written into a parameter's bytes once the buffers have addresses.
struct Address {
  size_t at = 0, buffer = 0;
  int64_t offset = 0;
};
struct Map : Address {
  int type = 0, interleave = 0, swizzle = 0, l2 = 0, fill = 0;
  uint32_t rank = 0, box[5] = {}, element_strides[5] = {};
  uint64_t dims[5] = {}, strides[5] = {};
};
struct Param {
  std::vector<uint8_t> bytes;
  std::vector<Address> addresses;
  std::vector<Map> maps;
};
struct Contents {
  View upload;
  size_t bytes = 0;
};

struct Launch {
  std::string module, entry;
  device::Extents extents{};
  std::vector<Contents> buffers;
  std::vector<Param> params;
  std::vector<std::vector<uint8_t>> after;  // of each buffer
  std::vector<std::pair<std::string, uint64_t>> counters;
  std::vector<std::string> damage, lints;
  float elapsed_ms = 0;
};

void dims(const Napi::Object& q, const char* key, uint32_t (&out)[3], int64_t limit) {
  if (!q.Get(key).IsArray()) fail("key \"", key, "\": expected [x, y, z], got ", q.Get(key).ToString().Utf8Value());
  const auto a = q.Get(key).As<Napi::Array>();
  for (uint32_t i = 0; i < 3; ++i) {
    const double v = i < a.Length() ? a.Get(i).ToNumber().DoubleValue() : 1;
    if (!(v >= 0 && v <= double(limit)) || v != double(int64_t(v)))
      fail("key \"", key, "\": expected integers in 0..", limit, ", got ", v);
    out[i] = uint32_t(v);
  }
}

Address parse_address(const Napi::Object& o, const Launch& l, size_t room, size_t bytes) {
  Address a;
  a.at = size_t(integer(o, "at", 0, int64_t(room) - int64_t(bytes)));
  a.buffer = size_t(integer(o, "buffer", 0, int64_t(l.buffers.size()) - 1));
  a.offset = integer(o, "offset", -(int64_t(1) << 40), int64_t(1) << 40);
  return a;
}

template <class T>
uint32_t list(const Napi::Object& o, const char* key, T* out, int64_t limit) {
  if (!o.Get(key).IsArray()) fail("key \"", key, "\": expected a list of up to 5 numbers");
  const auto a = o.Get(key).As<Napi::Array>();
  if (a.Length() > 5) fail("key \"", key, "\": expected a list of up to 5 numbers, got ", a.Length());
  for (uint32_t i = 0; i < a.Length(); ++i) {
    const double v = a.Get(i).ToNumber().DoubleValue();
    if (!(v >= 0 && v <= double(limit))) fail("key \"", key, "\": expected numbers in 0..", limit, ", got ", v);
    out[i] = T(v);
  }
  return a.Length();
}

Map parse_map(const Napi::Object& o, const Launch& l, size_t room) {
  Map m;
  static_cast<Address&>(m) = parse_address(o, l, room, sizeof(CUtensorMap));
  m.type = int(integer(o, "type", 0, 255)), m.interleave = int(integer(o, "interleave", 0, 255));
  m.swizzle = int(integer(o, "swizzle", 0, 255)), m.l2 = int(integer(o, "l2", 0, 255));
  m.fill = int(integer(o, "fill", 0, 255));
  m.rank = list(o, "dims", m.dims, int64_t(1) << 40);
  list(o, "strides", m.strides, int64_t(1) << 44);
  list(o, "box", m.box, UINT32_MAX);
  list(o, "elementStrides", m.element_strides, UINT32_MAX);
  return m;
}

Param parse_param(const Napi::Object& o, const std::string& name, const Launch& l, Kept& kept) {
  Param p;
  const View v = bytes_of(o.Get("bytes"), name, kept);
  p.bytes.assign(v.data, v.data + v.bytes);
  auto each = [&](const char* key, auto add) {
    if (!has(o, key)) return;
    const auto all = o.Get(key).As<Napi::Array>();
    for (uint32_t i = 0; i < all.Length(); ++i) add(all.Get(i).As<Napi::Object>());
  };
  each("addresses", [&](const Napi::Object& a) { p.addresses.push_back(parse_address(a, l, v.bytes, 8)); });
  each("maps", [&](const Napi::Object& m) { p.maps.push_back(parse_map(m, l, v.bytes)); });
  return p;
}

void encode(device::Device& dev, const Map& m, CUdeviceptr at, uint8_t* to) {
  alignas(64) CUtensorMap map;
  if (!dev.driver().cuTensorMapEncodeTiled) fail("cuTensorMapEncodeTiled: expected the driver to have it");
  dev.check(dev.driver().cuTensorMapEncodeTiled(
                &map, CUtensorMapDataType(m.type), m.rank, reinterpret_cast<void*>(at), m.dims, m.strides, m.box,
                m.element_strides, CUtensorMapInterleave(m.interleave), CUtensorMapSwizzle(m.swizzle),
                CUtensorMapL2promotion(m.l2), CUtensorMapFloatOOBfill(m.fill)),
            "cuTensorMapEncodeTiled");
  std::memcpy(to, &map, sizeof map);
}

// A GPU takes whatever bytes it is given; here the kernel's own declaration is at hand.
void check_sizes(const Launch& l, const std::vector<uint32_t>& declared) {
  if (l.params.size() != declared.size())
    fail("entry ", l.entry, ": expected ", declared.size(), " parameters, got ", l.params.size());
  for (size_t i = 0; i < declared.size(); ++i)
    if (l.params[i].bytes.size() != declared[i])
      fail("entry ", l.entry, ", parameter ", i, ": expected ", declared[i], " bytes, got ", l.params[i].bytes.size());
}

void run(device::Device& dev, Launch& l) {
  std::vector<std::unique_ptr<Buffer>> buffers;
  for (const Contents& c : l.buffers) {
    buffers.push_back(std::make_unique<Buffer>(dev, c.bytes, sentence(l.entry, " buffer ", buffers.size())));
    if (c.upload.data) buffers.back()->upload(c.upload.data, c.upload.bytes);
  }
  std::vector<void*> params;
  for (Param& p : l.params) {
    for (const Address& a : p.addresses) {
      const uint64_t at = uint64_t(buffers[a.buffer]->ptr()) + uint64_t(a.offset);
      std::memcpy(p.bytes.data() + a.at, &at, sizeof at);
    }
    for (const Map& m : p.maps)
      encode(dev, m, buffers[m.buffer]->ptr() + uint64_t(m.offset), p.bytes.data() + m.at);
    params.push_back(p.bytes.data());
  }
  const auto read = device::virtual_device().counters;
  const bool count = dev.is_virtual() && read;
  const auto before = count ? read() : std::vector<std::pair<std::string, uint64_t>>{};
  device::Kernel& k = dev.kernel_of(l.module, l.entry);
  if (count) check_sizes(l, device::virtual_device().parameter_bytes(k.fn));
  dev.mark();
  dev.launch(k, l.extents, params.data());
  l.elapsed_ms = dev.wait();
  if (count) l.counters = read(), l.lints = device::virtual_device().take_lints();
  for (size_t i = 0; i < before.size(); ++i) l.counters[i].second -= before[i].second;
  for (auto& b : buffers) {
    l.after.emplace_back(b->bytes());
    b->download(l.after.back().data());
    if (std::string d = b->damage(); !d.empty()) l.damage.push_back(d);
  }
}

Napi::Value to_js(Napi::Env env, Launch& l) {
  auto o = Napi::Object::New(env), counters = Napi::Object::New(env);
  auto buffers = Napi::Array::New(env, l.after.size());
  for (size_t i = 0; i < l.after.size(); ++i) buffers.Set(uint32_t(i), typed_array(env, "u8", std::move(l.after[i])));
  for (const auto& [name, v] : l.counters) counters.Set(name, double(v));
  o.Set("buffers", buffers);
  o.Set("elapsed_ms", double(l.elapsed_ms));
  o.Set("counters", counters);
  o.Set("damage", strings(env, l.damage));
  o.Set("lints", strings(env, l.lints));
  return o;
}

}  // namespace

Napi::Value launch_entry(const Napi::CallbackInfo& info) {
  const auto q = info[0].As<Napi::Object>();
  Job job;
  job.device = text_or(q, "device", "virtual");
  job.cancel = cancel_word(q, job.kept);
  auto l = std::make_shared<Launch>();
  l->module = text(q, "modulePath");
  l->entry = text(q, "entry");
  dims(q, "grid", l->extents.grid, INT32_MAX);
  dims(q, "block", l->extents.block, 1024);
  if (has(q, "cluster")) dims(q, "cluster", l->extents.cluster, 16);
  l->extents.smem = uint32_t(integer_or(q, "smem", 0, 1 << 20, 0));
  l->extents.cooperative = flag_or(q, "cooperative", false);
  l->extents.programmatic_serialization = flag_or(q, "programmaticSerialization", false);
  l->extents.non_portable_cluster = flag_or(q, "nonPortableCluster", false);
  for (const char* key : {"buffers", "params"})
    if (!q.Get(key).IsArray()) fail("key \"", key, "\": expected a list");
  const auto buffers = q.Get("buffers").As<Napi::Array>();
  for (uint32_t i = 0; i < buffers.Length(); ++i) {
    Contents c;
    if (buffers.Get(i).IsNumber()) {
      c.bytes = size_t(buffers.Get(i).As<Napi::Number>().Int64Value());
    } else {
      c.upload = bytes_of(buffers.Get(i), sentence("buffers[", i, "]"), job.kept);
      c.bytes = c.upload.bytes;
    }
    l->buffers.push_back(c);
  }
  const auto params = q.Get("params").As<Napi::Array>();
  for (uint32_t i = 0; i < params.Length(); ++i)
    l->params.push_back(parse_param(params.Get(i).As<Napi::Object>(), sentence("params[", i, "].bytes"), *l, job.kept));
  job.work = [l](device::Device& dev, const ToJs&) { run(dev, *l); };
  job.finish = [l](Napi::Env env) { return to_js(env, *l); };
  return post(info.Env(), std::move(job));
}

}  // namespace addon

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

// A kernel parameter: bytes by value, or the address of a buffer.
struct Arg {
  std::vector<uint8_t> value;
  View upload;
  size_t buffer_bytes = 0;
  bool is_buffer = false;
};

struct Launch {
  std::string module, entry;
  uint32_t grid[3], block[3], smem = 0;
  std::vector<Arg> args;
  std::vector<std::vector<uint8_t>> after;  // buffers, by argument
  std::vector<std::pair<std::string, uint64_t>> counters;
  std::vector<std::string> damage;
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

template <class T>
Arg by_value(T v) {
  Arg a;
  a.value.resize(sizeof v);
  std::memcpy(a.value.data(), &v, sizeof v);
  return a;
}

// {i32: 5} {i64: 5} {f32: 0.5} {bytes: Uint8Array} by value; {buffer: typed array} or {buffer: byte count} by address
Arg parse_arg(const Napi::Object& o, const std::string& name, Kept& kept) {
  if (has(o, "i32")) return by_value(int32_t(integer(o, "i32", INT32_MIN, UINT32_MAX)));
  if (has(o, "i64")) return by_value(integer(o, "i64", -(int64_t(1) << 53), int64_t(1) << 53));
  if (has(o, "f32")) return by_value(float(number(o, "f32")));
  Arg a;
  if (has(o, "bytes")) {
    const View v = bytes_of(o.Get("bytes"), name, kept);
    a.value.assign(v.data, v.data + v.bytes);
    return a;
  }
  if (!has(o, "buffer")) fail(name, ": expected i32, i64, f32, bytes or buffer, got none of them");
  a.is_buffer = true;
  if (o.Get("buffer").IsNumber()) {
    a.buffer_bytes = size_t(integer(o, "buffer", 0, int64_t(1) << 40));
  } else {
    a.upload = bytes_of(o.Get("buffer"), name, kept);
    a.buffer_bytes = a.upload.bytes;
  }
  return a;
}

void run(device::Device& dev, Launch& l) {
  std::vector<std::unique_ptr<Buffer>> buffers(l.args.size());
  std::vector<CUdeviceptr> addresses(l.args.size());
  std::vector<void*> params;
  for (size_t i = 0; i < l.args.size(); ++i) {
    Arg& a = l.args[i];
    if (a.is_buffer) {
      buffers[i] = std::make_unique<Buffer>(dev, a.buffer_bytes, sentence(l.entry, " argument ", i));
      if (a.upload.data) buffers[i]->upload(a.upload.data, a.upload.bytes);
      addresses[i] = buffers[i]->ptr();
    }
    params.push_back(a.is_buffer ? static_cast<void*>(&addresses[i]) : a.value.data());
  }
  const auto read = device::virtual_device().counters;
  const bool count = dev.is_virtual() && read;
  const auto before = count ? read() : std::vector<std::pair<std::string, uint64_t>>{};
  device::Kernel& k = dev.kernel_of(l.module, l.entry);
  dev.mark();
  dev.launch(k, l.grid, l.block, l.smem, params.data());
  l.elapsed_ms = dev.wait();
  if (count) l.counters = read();
  for (size_t i = 0; i < before.size(); ++i) l.counters[i].second -= before[i].second;
  l.after.resize(l.args.size());
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i]) continue;
    l.after[i].resize(buffers[i]->bytes());
    buffers[i]->download(l.after[i].data());
    if (std::string d = buffers[i]->damage(); !d.empty()) l.damage.push_back(d);
  }
}

Napi::Value to_js(Napi::Env env, Launch& l) {
  auto o = Napi::Object::New(env), counters = Napi::Object::New(env);
  auto buffers = Napi::Array::New(env, l.args.size());
  for (size_t i = 0; i < l.args.size(); ++i)
    buffers.Set(uint32_t(i), l.args[i].is_buffer ? typed_array(env, "u8", std::move(l.after[i])) : env.Null());
  for (const auto& [name, v] : l.counters) counters.Set(name, double(v));
  o.Set("buffers", buffers);
  o.Set("elapsed_ms", double(l.elapsed_ms));
  o.Set("counters", counters);
  o.Set("damage", strings(env, l.damage));
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
  dims(q, "grid", l->grid, INT32_MAX);
  dims(q, "block", l->block, 1024);
  l->smem = uint32_t(integer_or(q, "smem", 0, 1 << 20, 0));
  if (!q.Get("args").IsArray()) fail("key \"args\": expected a list");
  const auto args = q.Get("args").As<Napi::Array>();
  for (uint32_t i = 0; i < args.Length(); ++i)
    l->args.push_back(parse_arg(args.Get(i).As<Napi::Object>(), sentence("args[", i, "]"), job.kept));
  job.work = [l](device::Device& dev, const ToJs&) { run(dev, *l); };
  job.finish = [l](Napi::Env env) { return to_js(env, *l); };
  return post(info.Env(), std::move(job));
}

}  // namespace addon
